"""exp(A t) for any t from its powers of two, for small sparse A and a block of patients.

    D_0 = exp(A h) - 1,   D_{j+1} = 2 D_j + D_j D_j,   exp(A t) = exp(A (t - m h)) prod_{bits j of m} (1 + D_j)

The identity is kept apart: with it, what is slow would drown in the rounding of 1 while it is squared. A constant input
is one more state that never changes, so that the integral of exp(A t) over its column is computed like everything else.

Source: Moler and Van Loan 2003, SIAM Review 45:3-49 (scaling and squaring, method 3);
Van Loan 1978, IEEE Trans Autom Control 23:395-404 (the integrals).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

Pattern = frozenset[tuple[int, int]]
Sparse = dict[tuple[int, int], Array]  # (to, from) -> (patient)

LEVELS = 30  # bits of a non-negative int32, less one
SMALL = 1.0 / 16.0  # largest ||A h||: 4 terms of the series then leave 8e-9, 8 leave 4e-17
GROUPS = (6, 3, 2, 1)
UNROLLED = 400  # multiplications that are written out
TERMS = {jnp.dtype("float32"): 4, jnp.dtype("float64"): 8}


def closure(pattern: Iterable[tuple[int, int]]) -> Pattern:
    """Where exp(A) - 1 can differ from 0: every state reached from another one, by any number of steps.

    >>> sorted(closure({(1, 0), (2, 1)}))
    [(1, 0), (2, 0), (2, 1)]
    """
    reached = set(pattern)
    size = 1 + max((max(pair) for pair in reached), default=-1)
    for k in range(size):
        reached |= {(i, j) for i in range(size) if (i, k) in reached for j in range(size) if (k, j) in reached}
    return frozenset(reached)


class Powers(NamedTuple):
    """Powers of one matrix; group g holds D_j for j = g len(levels) and the following ones.

    Attributes:
        unit: h (patient), float64; a power of two unless a grid is given.
        levels: one after the other within a group, in the working precision, (to, from) -> (group, patient).
        grid: D of the grid's spacing, in the working precision; empty without one.
        strain: how much larger the terms of the squares were than their sums, over all; inf: out of range, (patient).
    """

    unit: Array
    levels: tuple[Sparse, ...]
    grid: Sparse
    strain: Array


def powers(matrix: Sparse, inputs: int, *, grid: Array | None, compact: bool, dtype: Any) -> Powers:
    """Powers of exp(A h), computed in float64.

    Args:
        matrix: float64; the columns from `inputs` on belong to constant inputs.
        grid: a time step (1 | patient) that is to be one of the h 2^j, 0 for any; None if there is none.
        compact: a small program rather than a fast one.
    """
    size = lax.stop_gradient(norm(matrix, inputs))
    if grid is None:
        unit, chosen = jnp.exp2(jnp.floor(jnp.log2(SMALL / size))), None
    else:
        step = jnp.where(grid > 0.0, grid, SMALL / size)
        chosen = jnp.clip(jnp.ceil(jnp.log2(step * size / SMALL)), 0.0, LEVELS - 1.0)
        unit = step * jnp.exp2(-chosen)
    places = closure(matrix)
    first = _small_exponential(matrix, places, unit)
    together = 1 if compact else group(places)

    def one(carry: tuple, number: Array) -> tuple:
        power, on_grid, strain = carry
        levels = []
        for i in range(together):
            levels.append({k: v.astype(dtype) for k, v in power.items()})
            if chosen is not None:
                hit = chosen == number * together + i
                on_grid = {k: jnp.where(hit, power[k], v) for k, v in on_grid.items()}
            # What one square loses the next ones multiply; an overflow later on must not hide it.
            more = _strain(power, inputs)
            strain = jnp.where(more > 1.0, strain * more, strain)
            square = product(power, power, places)
            power = {k: 2.0 * power[k] + square[k] for k in places}
        return (power, on_grid, strain), tuple(levels)

    # A grid so wide that even its finest part is too long for the series.
    strain = jnp.where(unit * size > 1.001 * SMALL, jnp.inf, jnp.ones_like(unit))
    begin = (first, {} if grid is None else first, strain)
    (_, on_grid, strain), levels = lax.scan(one, begin, jnp.arange(LEVELS // together, dtype=jnp.float64))
    return Powers(unit, levels, {k: v.astype(dtype) for k, v in on_grid.items()}, strain)


def group(places: Pattern) -> int:
    """How many levels are written out in a loop's body: small programs run, large ones compile faster so."""
    work = sum((k, j) in places for _, k in places for j in {j for _, j in places})
    return next(size for size in GROUPS if size * work <= UNROLLED or size == 1)


def norm(matrix: Sparse, inputs: int) -> Array:
    """Largest sum of sizes in a column, without the columns of inputs; not 0."""
    columns: dict[int, Array] = {}
    for (_, j), value in matrix.items():
        if j < inputs:
            columns[j] = columns[j] + jnp.abs(value) if j in columns else jnp.abs(value)
    whole = jnp.full_like(next(iter(matrix.values())), 1e-9)
    for value in columns.values():
        whole = jnp.maximum(whole, value)
    return whole


def product(a: Sparse, b: Sparse, places: Iterable[tuple[int, int]]) -> Sparse:
    """Entries of a b at `places`."""
    result = {}
    inner = {k for _, k in a} & {k for k, _ in b}
    for i, j in places:
        terms = [a[i, k] * b[k, j] for k in sorted(inner) if (i, k) in a and (k, j) in b]
        result[i, j] = sum(terms[1:], terms[0]) if terms else jnp.zeros_like(next(iter(a.values())))
    return result


def _small_exponential(matrix: Sparse, places: Pattern, unit: Array) -> Sparse:
    """exp(A h) - 1 = A h (1 + A h / 2 (1 + A h / 3 (...))), to the last bit for ||A h|| <= 1/16."""
    scaled = {k: v * unit for k, v in matrix.items()}
    nothing = {k: jnp.zeros_like(unit) for k in places}

    def term(number: Array, inner: Sparse) -> Sparse:
        more = product(scaled, inner, places)
        per = 1.0 / (9.0 - number.astype(jnp.float64))
        return {k: (scaled[k] + more[k] if k in scaled else more[k]) * per for k in places}

    return lax.fori_loop(0, 9, term, nothing)


def _strain(power: Sparse, inputs: int) -> Array:
    """Sum of the sizes of the terms of a diagonal entry of (1 + D)^2, over the largest such entry or 1.

    Unlike a norm it does not depend on the units of the states. Where it is large, as many digits have cancelled.
    """
    sizes, entries = [], []
    one = jnp.ones_like(next(iter(power.values())))
    for i in range(inputs):
        own = power.get((i, i))
        diagonal = one if own is None else 1.0 + own
        terms = [power[i, k] * power[k, i] for k in range(inputs) if k != i and (i, k) in power and (k, i) in power]
        if terms:
            sizes.append(diagonal * diagonal + sum(jnp.abs(x) for x in terms))
            entries.append(jnp.abs(diagonal * diagonal + sum(terms)))
    if not sizes:
        return one
    whole, largest = sizes[0], jnp.maximum(one, entries[0])
    for size, entry in zip(sizes[1:], entries[1:], strict=True):
        whole, largest = jnp.maximum(whole, size), jnp.maximum(largest, entry)
    return jax.lax.stop_gradient(whole / largest)
