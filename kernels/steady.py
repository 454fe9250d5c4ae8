"""Steady state of a periodic input: the fixed point of one dosing interval's map.

    F(x) = states just before the next dose, given states x just before this one
    x* = F(x*),  by Newton:  x <- x + (1 - F'(x))^-1 (F(x) - x)

One step is exact for a linear system. The last step is taken with the Jacobian frozen, so that derivatives are those
of the implicit function theorem, whatever the iterations before it did.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from kernels import status as codes
from kernels.march import States, Tier


class Periodic(NamedTuple):
    """A dose that has been given every `interval` since ever, each (patient), float64.

    Attributes:
        bolus: per state, amount added at each dose.
        rate: per state, input rate while an infusion runs.
        duration: of one infusion, 0 for a bolus; may be longer than the interval.
        interval: > 0.
        phase: time since the last dose at which the state is wanted, 0 to interval.
    """

    bolus: States
    rate: States
    duration: Array
    interval: Array
    phase: Array


def steady_state(tier: Tier, prepared: Any, periodic: Periodic, *, linear: bool, rounds: int = 20) -> tuple:
    """States `phase` after a dose, when every interval is like the one before.

    Args:
        tier: in float64.
        linear: one Newton step finds the fixed point.
        rounds: Newton steps at most.

    Returns:
        states, status (patient): no_steady_state where Newton does not settle.
    """
    x = tuple(jnp.zeros_like(x) for x in periodic.bolus)
    still = jax.tree.map(lax.stop_gradient, (prepared, periodic))

    def interval_map(x: States, prepared: Any = prepared, periodic: Periodic = periodic) -> States:
        return _after_dose(tier, prepared, periodic, x, periodic.interval)[0]

    def frozen_map(x: States) -> States:
        return interval_map(x, *still)

    if linear:
        x, status = _newton(frozen_map, x)[0], jnp.zeros(periodic.interval.shape, jnp.int32)
    else:
        x, status = _iterated(frozen_map, x, rounds)
    # From the fixed point itself, so that the tangent is that of the map there; the values hardly move.
    x = _newton(frozen_map, x, interval_map)[0]
    states, late = _after_dose(tier, prepared, periodic, x, periodic.phase)
    finite = jnp.ones(status.shape, bool)
    for value in states:
        finite &= jnp.isfinite(value) & (value > -1e-6)
    status = jnp.where(finite, status, codes.NO_STEADY_STATE)
    return states, jnp.where(status == codes.OK, late, status).astype(jnp.int32)


def _after_dose(tier: Tier, prepared: Any, periodic: Periodic, x: States, elapsed: Array) -> tuple[States, Array]:
    """States `elapsed` after a dose given to states x; several infusions may overlap."""
    running = jnp.floor(periodic.duration / periodic.interval * (1.0 + 1e-12))
    rest = jnp.maximum(periodic.duration - running * periodic.interval, 0.0)
    time = jnp.zeros_like(elapsed)
    x = tuple(a + b for a, b in zip(x, periodic.bolus, strict=True))
    first = jnp.minimum(elapsed, rest)
    more = tuple((running + 1.0) * r for r in periodic.rate)
    fewer = tuple(running * r for r in periodic.rate)
    memory = tier.begin(prepared, x, more, time)
    x, memory = tier.advance(prepared, x, more, memory, time, first)
    memory = tier.after_event(prepared, x, fewer, memory, time)
    x, memory = tier.advance(prepared, x, fewer, memory, time, elapsed - first)
    return x, tier.status(memory) + jnp.zeros(elapsed.shape, jnp.int32)


def _newton(
    frozen_map: Callable[[States], States], x: States, function: Callable[[States], States] | None = None
) -> tuple[States, States]:
    """x + (1 - F'(x))^-1 (F(x) - x) with the Jacobian frozen, and F(x).

    Args:
        frozen_map: F without tangents of anything but x.
        function: F with tangents of the parameters, where these are wanted.
    """
    size = len(x)
    unit = [jnp.zeros((size, *v.shape)).at[i].set(1.0) for i, v in enumerate(x)]
    columns = jax.vmap(lambda u: jax.jvp(frozen_map, (x,), (u,))[1])(tuple(unit))
    value = (function or frozen_map)(x)
    matrix = [[(1.0 if i == j else 0.0) - columns[i][j] for j in range(size)] for i in range(size)]
    step = _solved(matrix, [value[i] - x[i] for i in range(size)])
    return tuple(x[i] + step[i] for i in range(size)), value


def _iterated(function: Callable[[States], States], x: States, rounds: int) -> tuple[States, Array]:
    """Newton from a few plain intervals on, until no patient moves by more than 1e-10 of its states."""
    x = lax.fori_loop(0, 3, lambda _, x: function(x), x)

    def moved(x: States, y: States) -> Array:
        apart, size = jnp.zeros_like(x[0]), jnp.zeros_like(x[0])
        for a, b in zip(x, y, strict=True):
            apart, size = apart + jnp.abs(a - b), size + jnp.abs(b)
        return apart > 1e-10 * size

    def one(carry: tuple) -> tuple:
        x, moving, count = carry
        new, plain = _newton(function, x)
        # A step to a negative amount leaves what the equations mean: go one plain interval on instead.
        low = jnp.zeros(new[0].shape, bool)
        for value in new:
            low |= ~(value >= 0.0)
        new = tuple(jnp.where(low, b, a) for a, b in zip(new, plain, strict=True))
        new = tuple(jnp.where(moving, a, b) for a, b in zip(new, x, strict=True))
        return new, moving & moved(new, x), count + 1

    moving = jnp.ones(x[0].shape, bool)
    x, moving, _ = lax.while_loop(lambda c: jnp.any(c[1]) & (c[2] < rounds), one, (x, moving, 0))
    return x, jnp.where(moving, codes.NO_STEADY_STATE, codes.OK).astype(jnp.int32)


def _solved(matrix: list[list[Array]], right: list[Array]) -> list[Array]:
    """Gauss without pivoting: 1 - F' of a compartmental system is an M-matrix, for which that is stable."""
    rows = [list(row) for row in matrix]
    right = list(right)
    size = len(rows)
    for k in range(size):
        for i in range(k + 1, size):
            factor = rows[i][k] / rows[k][k]
            for j in range(k, size):
                rows[i][j] = rows[i][j] - factor * rows[k][j]
            right[i] = right[i] - factor * right[k]
    for k in reversed(range(size)):
        for j in range(k + 1, size):
            right[k] = right[k] - rows[k][j] * right[j]
        right[k] = right[k] / rows[k][k]
    return right
