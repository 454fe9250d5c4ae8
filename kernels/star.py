"""A star of one to three compartments: its modes, and what of an amount in each compartment is in each mode.

Losses in the star: M = [[a, -d1, -d2], [-b1, c1, 0], [-b2, 0, c2]] (central first; b: central to peripheral, d: back).
Its eigenvalues are real and distinct while something flows, so

    exp(-M t) = sum_i R_i exp(-l_i t),   R_i = adj(M - l_i) / prod_{k != i} (l_k - l_i).

Source: Gibaldi and Perrier 1982, appendix B (the disposition functions); the cancellation-free form is our own.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from kernels.quotients import inverse


class Star(NamedTuple):
    """Rate constants of a star of compartments, each (patient), float64.

    Attributes:
        a: total loss from the centre.
        b, d, c: per peripheral: from the centre, back to the centre, total loss.
        depot: total loss from the depot, None without one.
        absorbed: rate from the depot to the centre.
    """

    a: Array
    b: tuple[Array, ...]
    d: tuple[Array, ...]
    c: tuple[Array, ...]
    depot: Array | None
    absorbed: Array | None


class Coefficients(NamedTuple):
    """What one parameter segment needs, in the working precision.

    Attributes:
        rates: eigenvalues (mode) of (patient).
        response: R_i as nested tuples (mode)(to)(from).
        depot, absorbed: see `Star`; None without a depot, as per_depot.
        lower, gap: per mode, the smaller of l_i and depot, and depot - l_i.
        per_rate, per_depot, per_lower, per_upper, per_gap: 1 over these, 0 where they are 0.
        sound: False where modes are too close to be told apart, bool.
        factors: by which the exponentials of all rates, the depot's last, change from output to output; () without a
            grid.
    """

    rates: tuple[Array, ...]
    response: tuple[tuple[tuple[Array, ...], ...], ...]
    depot: Any
    absorbed: Any
    lower: tuple[Array, ...]
    gap: tuple[Array, ...]
    per_rate: tuple[Array, ...]
    per_depot: Any
    per_lower: tuple[Array, ...]
    per_upper: tuple[Array, ...]
    per_gap: tuple[Array, ...]
    sound: Array
    factors: tuple[Array, ...] = ()


def eigenvalues(star: Star) -> tuple[Array, ...]:
    """Loss rates of the star's modes, largest first; no cancellation between nearly equal numbers."""
    if not star.c:
        return (star.a,)
    if len(star.c) == 1:
        (b,), (d,), (c,) = star.b, star.d, star.c
        root = jnp.sqrt((star.a - c) ** 2 + 4.0 * b * d)
        large = 0.5 * (star.a + c + root)
        nothing_flows = large == 0.0
        # a c - b d without the cancelling part where nothing else leaves the periphery (c = d).
        product = (star.a - b) * c + b * (c - d)
        return large, jnp.where(nothing_flows, 0.0, product / jnp.where(nothing_flows, 1.0, large))
    return _eigenvalues_of_three(star)


def _eigenvalues_of_three(star: Star) -> tuple[Array, ...]:
    """Roots of the characteristic cubic: trigonometric, then polished by Newton."""
    (b1, b2), (d1, d2), (c1, c2) = star.b, star.d, star.c
    a, p1, p2 = star.a, b1 * d1, b2 * d2
    trace = a + c1 + c2
    minors = a * c1 + a * c2 + c1 * c2 - p1 - p2
    # det = (a - b1 - b2) c1 c2 + b1 c2 (c1 - d1) + b2 c1 (c2 - d2): sums of non-negative terms
    det = (a - b1 - b2) * c1 * c2 + b1 * c2 * (c1 - d1) + b2 * c1 * (c2 - d2)
    mean = trace / 3.0
    spread = ((a - c1) ** 2 + (a - c2) ** 2 + (c1 - c2) ** 2) / 18.0 + (p1 + p2) / 3.0
    half = 0.5 * (det - mean * minors + 2.0 * mean**3)
    radius = jnp.sqrt(jnp.maximum(spread, 1e-300))
    cosine = jnp.clip(half / radius**3, -1.0, 1.0)
    angle = jnp.arccos(jnp.clip(cosine, -1.0 + 1e-15, 1.0 - 1e-15)) / 3.0
    third = 2.0 * jnp.pi / 3.0
    roots = [mean + 2.0 * radius * jnp.cos(angle + shift) for shift in (0.0, -third, third)]

    def polished(x: Array) -> Array:
        for _ in range(2):
            value = ((x - trace) * x + minors) * x - det
            slope = (3.0 * x - 2.0 * trace) * x + minors
            x = x - jnp.where(slope == 0.0, 0.0, value / jnp.where(slope == 0.0, 1.0, slope))
        return x

    large, middle = polished(roots[0]), polished(roots[1])
    return large, middle, det / (large * middle)


def _response(star: Star, rates: tuple[Array, ...]) -> tuple:
    """R_i = adj(M - l_i) / prod (l_k - l_i), by mode, to, from."""
    a, b, d, c = star.a, star.b, star.d, star.c
    modes = []
    for i, rate in enumerate(rates):
        apart = jnp.ones_like(rate)
        for k, other in enumerate(rates):
            if k != i:
                apart = apart * (other - rate)
        # Two equal compartments with no flow between them are mended below; equal modes of three become non-finite,
        # which the patient's status reports.
        scale = 1.0 / (jnp.where(apart == 0.0, 1.0, apart) if len(rates) == 2 else apart)
        free = [x - rate for x in c]
        if not c:
            adjugate = ((jnp.ones_like(rate),),)
        elif len(c) == 1:
            adjugate = ((free[0], d[0]), (b[0], a - rate))
        else:
            centre = a - rate
            adjugate = (
                (free[0] * free[1], d[0] * free[1], d[1] * free[0]),
                (b[0] * free[1], centre * free[1] - b[1] * d[1], b[0] * d[1]),
                (b[1] * free[0], b[1] * d[0], centre * free[0] - b[0] * d[0]),
            )
        modes.append(tuple(tuple(entry * scale for entry in row) for row in adjugate))
    return tuple(modes)


def coefficients(star: Star, dtype: Any, grid: Array | None = None) -> Coefficients:
    """Everything the sweep over time needs, computed in float64 and cast once.

    Args:
        grid: time from output to output (1 | patient), where factors are wanted.
    """
    rates = eigenvalues(star)
    every = rates if star.depot is None else (*rates, star.depot)
    response = _response(star, rates)
    if len(rates) == 2:
        # Nothing flows between equal compartments: both modes are one, and R_1 + R_2 = 1.
        same = rates[0] == rates[1]
        identity, nothing = ((1.0, 0.0), (0.0, 1.0)), ((0.0, 0.0), (0.0, 0.0))
        first, second = (
            tuple(tuple(jnp.where(same, limit[r][s], mode[r][s]) for s in range(2)) for r in range(2))
            for limit, mode in ((identity, response[0]), (nothing, response[1]))
        )
        response = (first, second)

    lower = upper = gap = ()
    if star.depot is not None:
        gap = tuple(star.depot - rate for rate in rates)
        # Chosen, not taken by minimum and maximum, whose derivatives at a tie need not belong to each other.
        lower = tuple(jnp.where(g >= 0.0, rate, star.depot) for g, rate in zip(gap, rates, strict=True))
        upper = tuple(jnp.where(g >= 0.0, star.depot, rate) for g, rate in zip(gap, rates, strict=True))
    exact = Coefficients(
        rates=rates,
        response=response,
        depot=star.depot,
        absorbed=star.absorbed,
        lower=lower,
        gap=gap,
        per_rate=tuple(map(inverse, rates)),
        per_depot=None if star.depot is None else inverse(star.depot),
        per_lower=tuple(map(inverse, lower)),
        per_upper=tuple(map(inverse, upper)),
        per_gap=tuple(map(inverse, gap)),
        sound=_are_apart(rates),
        factors=() if grid is None else tuple(jnp.exp(-rate * grid) for rate in every),
    )
    return jax.tree.map(lambda x: x if x.dtype == bool else x.astype(dtype), exact)


def _are_apart(rates: tuple[Array, ...]) -> Array:
    """Whether the response of every mode is good to 1e-7: R_i divides by the distances to the other two rates.

    Two modes either are apart or have nothing flowing between them; three can come close where a compartment is all
    but cut off. Against matrix exponentials the error stayed below 1e-7 from this distance on.
    """
    sound = jnp.ones(rates[0].shape, bool)
    if len(rates) == 3:
        for i, rate in enumerate(rates):
            distance = jnp.abs((rates[i - 1] - rate) * (rates[i - 2] - rate))
            sound &= distance > 1e-7 * rates[0] ** 2
    return sound
