"""Summaries over patients, made where the curves are: by blocks of patients, each added up in a fixed order."""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jax import Array, lax


def block_moments(x: Array, counted: Array, block: int) -> Array:
    """Number, mean and sum of squared deviations of the finite values of each block.

        n = sum 1,  mean = sum x / n,  m2 = sum (x - mean)^2

    Args:
        x: (row, patient), whole blocks of patients.
        counted: which patients count (patient).
        block: patients of a block, a power of two.

    Returns:
        float64 (3, row, block).
    """
    if x.shape[-1] > block:
        x, counted = x.reshape(x.shape[0], -1, block), counted.reshape(-1, block)
    good = jnp.isfinite(x) & counted[None]
    n = _halve(good.astype(jnp.float32)).astype(jnp.float64)
    mean = _halve(jnp.where(good, x, jnp.zeros_like(x)).astype(jnp.float64)) / jnp.maximum(n, 1.0)
    away = jnp.where(good, x.astype(jnp.float64) - mean, 0.0)
    return jnp.stack([n, mean, _halve(away * away)]).reshape(3, x.shape[0], -1)


def joined(nodes: Array) -> Array:
    """Moments of neighbours together, of these again, and so on, as long as there are pairs.

        n = na + nb,  mean = ma + (mb - ma) nb/n,  m2 = m2a + m2b + (mb - ma)^2 na nb/n

    Args:
        nodes: float64 (3, row, node), as of `block_moments`.

    Returns:
        float64 (3, row, node / 2^k), the largest k.

    Source: Chan, Golub & LeVeque 1983, Am Stat 37:242, equations 1.5 and 2.1. doi:10.1080/00031305.1983.10483115
    """
    while nodes.shape[-1] % 2 == 0:
        pairs = nodes.reshape(*nodes.shape[:-1], -1, 2)
        (na, ma, qa), (nb, mb, qb) = pairs[..., 0], pairs[..., 1]
        share, apart = nb / jnp.maximum(na + nb, 1.0), mb - ma
        nodes = jnp.stack([na + nb, ma + apart * share, qa + qb + apart * apart * (na * share)])
    return nodes


def _halve(x: Array) -> Array:
    """Sum over the last axis, a power of two: (..., patient) -> (..., 1).

    Halves are added to halves: 16 sums at a time in the vector registers, and always in the same order.
    """
    width = x.shape[-1]
    while width > 1:
        width //= 2
        x = lax.slice_in_dim(x, 0, width, axis=-1) + lax.slice_in_dim(x, width, 2 * width, axis=-1)
    return x


@dataclass(frozen=True)
class Cut:
    """Bins cut from floating-point numbers: those of `twinsim.run.bins.Bins` as plain numbers.

    Args:
        bits: kept behind the leading one.
        lowest: exponent of two of the smallest magnitude with a bin of its own.
        side: number of bins for positive values.
        zero: index of the bin of zero; there are as many bins below it as above, or none.
        count: of all bins.
    """

    bits: int
    lowest: int
    side: int
    zero: int
    count: int

    def index(self, x: Array) -> Array:
        """The bin of each finite value: int32, the shape of x."""
        single = x.dtype == jnp.float32
        mantissa, bias, integer = (23, 127, np.int32) if single else (52, 1023, np.int64)
        # The sign bit falls away in the shift.
        raw = lax.shift_right_logical(
            lax.bitcast_convert_type(x, integer) & np.iinfo(integer).max, np.asarray(mantissa - self.bits, integer)
        )
        first = np.asarray(((self.lowest + bias) << self.bits) - 1, integer)
        place = jnp.clip(raw - first, np.asarray(0, integer), np.asarray(self.side + 1, integer)).astype(jnp.int32)
        return np.int32(self.zero) + jnp.where(jnp.signbit(x), -place, place)

    def start(self, rows: int) -> Array:
        """Counts of nothing, int32 (row, bin)."""
        return jnp.zeros((rows, self.count), jnp.int32)

    def add(self, counts: Array, x: Array, counted: Array) -> Array:
        """Counts with the finite values of some patients.

        Args:
            counts: int32 (row, bin).
            x: (row, patient).
            counted: which patients count (patient).
        """
        good = jnp.isfinite(x) & counted[None, :]
        row = jnp.arange(x.shape[0], dtype=jnp.int32)[:, None] * np.int32(self.count)
        place = jnp.where(good, self.index(jnp.where(good, x, jnp.zeros_like(x))), np.int32(0)) + row
        flat, new = counts.reshape(-1), good.astype(jnp.int32).reshape(-1)
        return flat.at[place.reshape(-1)].add(new, mode="promise_in_bounds").reshape(counts.shape)
