"""Straight lines between the rows of a table, of many columns in one call.

A program of people has some fifty of them; one by one they would take ten times as long to compile.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array


def between(x: Array, at: np.ndarray, columns: np.ndarray) -> Array:
    """Columns of a table at x, on straight lines between its rows and constant beyond them.

    >>> between(jnp.array([0.5, 9.0]), np.array([0.0, 1.0, 2.0]), np.array([10.0, 20.0, 40.0])).tolist()
    [15.0, 40.0]

    Args:
        x: where (patient,).
        at: rows, rising (row,).
        columns: (row,), or (column, row).

    Returns:
        (patient,), or (column, patient).
    """
    x = jnp.asarray(x)
    i = sum(((x >= edge).astype(jnp.int32) for edge in at[1:-1]), start=jnp.zeros(x.shape, jnp.int32))
    rows, table = jnp.asarray(at), jnp.asarray(columns)
    start, end = jnp.take(rows, i, mode="clip"), jnp.take(rows, i + 1, mode="clip")
    low, high = (jnp.take(table, place, axis=-1, mode="clip") for place in (i, i + 1))
    share = jnp.clip((x - start) / (end - start), 0.0, 1.0)
    return low + (high - low) * (share if low.ndim == share.ndim else share[None, ...])
