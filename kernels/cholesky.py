"""Small symmetric matrices of every patient, factorised: A = L L^T, patients in the last axis.

Columns are unrolled as they are traced, each one an operation on all rows and patients, so that everything
differentiates in both modes and no patient waits for another. A matrix that is not positive definite gives NaN.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array


def cholesky(matrix: Array) -> Array:
    """L of A = L L^T, lower triangular (row, column, patient).

    >>> factor = cholesky(jnp.asarray([[4.0, 2.0], [2.0, 5.0]])[:, :, None])
    >>> factor[:, :, 0].tolist()
    [[2.0, 0.0], [1.0, 2.0]]
    """
    size, columns, rest = matrix.shape[0], [], matrix
    for k in range(size):
        column = rest[:, k] / jnp.sqrt(rest[k, k])[None]
        column = jnp.concatenate([jnp.zeros_like(column[:k]), column[k:]])
        rest = rest - column[:, None] * column[None, :]
        columns.append(column)
    return jnp.stack(columns, axis=1) if columns else matrix


def solve_lower(factor: Array, right: Array) -> Array:
    """x of L x = b.

    Args:
        factor: L (row, column, patient).
        right: b (row, ..., patient).
    """
    rows: list[Array] = []
    for k in range(factor.shape[0]):
        known = [_times(factor[k, j], x) for j, x in enumerate(rows)]
        rows.append(_over(right[k] - sum(known[1:], known[0]) if known else right[k], factor[k, k]))
    return jnp.stack(rows) if rows else right


def solve_upper(factor: Array, right: Array) -> Array:
    """x of L^T x = b; arguments as in `solve_lower`."""
    turned = jnp.swapaxes(factor, 0, 1)[::-1, ::-1]
    return solve_lower(turned, right[::-1])[::-1]


def solve(factor: Array, right: Array) -> Array:
    """x of L L^T x = b; arguments as in `solve_lower`.

    >>> factor = cholesky(jnp.asarray([[4.0, 2.0], [2.0, 5.0]])[:, :, None])
    >>> solve(factor, jnp.asarray([[8.0], [12.0]]))[:, 0].tolist()
    [1.0, 2.0]
    """
    return solve_upper(factor, solve_lower(factor, right))


def log_determinant(factor: Array) -> Array:
    """ln |A| of the factor of A (patient)."""
    size = factor.shape[0]
    return 2.0 * jnp.sum(jnp.log(factor[jnp.arange(size), jnp.arange(size)]), axis=0)


def _times(number: Array, values: Array) -> Array:
    return number.reshape(*[1] * (values.ndim - 1), -1) * values


def _over(values: Array, number: Array) -> Array:
    return values / number.reshape(*[1] * (values.ndim - 1), -1)
