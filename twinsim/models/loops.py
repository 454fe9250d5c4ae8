"""Numbers that need each other at one instant, by a fixed count of Newton's steps: element-wise, differentiable.

    z = g(z):   z <- z + (1 - dg/dz)^-1 (g(z) - z)

There is no loop that ends when it may: every patient takes the same steps, and derivatives go through all of them.
Where the last step is still large, z is NaN, so that the patient gets a status and not a wrong number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp

STEPS = 8
CLOSE = 1e-5  # last step in parts of the value and its start; the error left is about the square of that


def solve_loop(function: Callable[[tuple], Sequence[Any]], start: Sequence[Any], steps: int = STEPS) -> tuple:
    """z with z = g(z).

    >>> [round(float(z), 12) for z in solve_loop(lambda z: (jnp.cos(z[0]),), [0.5])]
    [0.739085133215]
    """
    z = tuple(
        jnp.asarray(value, jnp.result_type(float)) if isinstance(value, int | float) else value for value in start
    )
    first, moved = z, ()
    for _ in range(steps):
        z, moved = _newton(function, z)
    close = [
        jnp.abs(step) <= CLOSE * (jnp.abs(value) + jnp.abs(begin))
        for value, begin, step in zip(z, first, moved, strict=True)
    ]
    return tuple(jnp.where(reduce(jnp.logical_and, close), value, jnp.nan) for value in z)


def _newton(function: Callable[[tuple], Sequence[Any]], z: tuple) -> tuple[tuple, tuple]:
    """The next z, and the step to it."""
    count = len(z)
    columns, value = [], ()
    for j in range(count):

        def along(own: Any, j: int = j) -> tuple:
            return tuple(function((*z[:j], own, *z[j + 1 :])))

        value, column = jax.jvp(along, (z[j],), (jnp.ones_like(z[j]),))
        columns.append(column)
    rows = [[(1.0 if i == j else 0.0) - columns[j][i] for j in range(count)] for i in range(count)]
    right = [value[i] - z[i] for i in range(count)]
    for k in range(count):  # without pivots: loops are few, and each number has most to do with itself
        for i in range(k + 1, count):
            share = rows[i][k] / rows[k][k]
            rows[i] = [a - share * b for a, b in zip(rows[i], rows[k], strict=True)]
            right[i] = right[i] - share * right[k]
    step: list[Any] = [None] * count
    for k in reversed(range(count)):
        known = [rows[k][j] * step[j] for j in range(k + 1, count)]
        step[k] = (right[k] - sum(known[1:], known[0]) if known else right[k]) / rows[k][k]
    return tuple(a + b for a, b in zip(z, step, strict=True)), tuple(step)
