"""Sparse linear systems solved by straight-line code: the LU factorisation without pivoting, unrolled as it is traced.

    W = L U,  L unit lower and U upper triangular in the order of elimination

The order keeps zeros zero (Markowitz 1957, Management Science 3:255; minimum degree where the pattern is symmetric),
and only what is not zero is computed. Without pivoting that is stable for the matrices I - h J of compartmental systems
(M-matrices, diagonally dominant by columns); for others `is_exact` says whether it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

Pattern = frozenset[tuple[int, int]]


class Factors(NamedTuple):
    """L below and U above the diagonal, without zeros; `inverse` of the pivots; `order` of elimination."""

    entries: dict[tuple[int, int], Array]
    inverse: list[Array]
    order: tuple[int, ...]


def elimination_order(pattern: Pattern, size: int) -> tuple[int, ...]:
    """Diagonal pivots, each the one that can create the fewest new entries: (rows - 1) (columns - 1).

    >>> elimination_order(frozenset({(0, 1), (1, 0), (0, 2), (2, 0)}), 3)  # a star: its centre comes last
    (1, 0, 2)
    """
    rows = [{j for j in range(size) if (i, j) in pattern and j != i} for i in range(size)]
    columns = [{i for i in range(size) if (i, j) in pattern and j != i} for j in range(size)]
    left, order = set(range(size)), []
    while left:
        k = min(left, key=lambda k: (len(rows[k]) * len(columns[k]), k))
        left.remove(k)
        order.append(k)
        for i in columns[k]:
            rows[i] = (rows[i] | rows[k]) - {i, k}
        for j in rows[k]:
            columns[j] = (columns[j] | columns[k]) - {j, k}
    return tuple(order)


def factorised(matrix: Mapping[tuple[int, int], Array], order: tuple[int, ...]) -> Factors:
    """LU of a matrix given by its entries that are not zero, the diagonal among them.

    >>> matrix = {(0, 0): jnp.float32(2.0), (0, 1): jnp.float32(1.0), (1, 1): jnp.float32(4.0)}
    >>> [float(x) for x in solved(factorised(matrix, (0, 1)), [jnp.float32(4.0), jnp.float32(8.0)])]
    [1.0, 2.0]
    """
    entries = dict(matrix)
    inverse = [entries[k, k] for k in range(len(order))]
    for position, k in enumerate(order):
        rest = order[position + 1 :]
        inverse[k] = 1.0 / entries[k, k]
        row = [j for j in rest if (k, j) in entries]
        for i in rest:
            if (i, k) in entries:
                entries[i, k] = entries[i, k] * inverse[k]
                for j in row:
                    product = entries[i, k] * entries[k, j]
                    entries[i, j] = entries[i, j] - product if (i, j) in entries else -product
    return Factors(entries, inverse, order)


def solved(factors: Factors, right: list[Array]) -> list[Array]:
    """x with W x = right."""
    x, order = list(right), factors.order
    for position, k in enumerate(order):
        for j in order[:position]:
            if (k, j) in factors.entries:
                x[k] = x[k] - factors.entries[k, j] * x[j]
    for position in reversed(range(len(order))):
        k = order[position]
        for j in order[position + 1 :]:
            if (k, j) in factors.entries:
                x[k] = x[k] - factors.entries[k, j] * x[j]
        x[k] = x[k] * factors.inverse[k]
    return x


def is_exact(matrix: Mapping[tuple[int, int], Array], x: list[Array], right: list[Array], tolerance: float) -> Array:
    """True where x solves a system whose entries differ from the given ones by at most `tolerance`, relatively.

    |W x - right|_i <= tolerance (|W| |x| + |right|)_i for all i, or as little as x_i that are too small for the
    precision come to; false where anything is not finite.

    Source: Oettli and Prager 1964, Numerische Mathematik 6:405, theorem 3.
    """
    exact = jnp.ones(right[0].shape, bool)
    limits = jnp.finfo(right[0].dtype)
    nothing = float(limits.tiny) / float(limits.eps)
    for i, b in enumerate(right):
        residual, size = -b, jnp.abs(b)
        for j, value in enumerate(x):
            if (i, j) in matrix:
                term = matrix[i, j] * value
                residual, size = residual + term, size + jnp.abs(term)
        exact &= jnp.abs(residual) <= tolerance * size + nothing * jnp.abs(matrix[i, i])
    return exact
