"""The divided difference of the exponential that stays exact where two rates coincide.

    f[a, b](t) = (exp(-a t) - exp(-b t)) / (b - a) = t exp(-a t) phi((b - a) t),   phi(z) = (1 - exp(-z)) / z

One exponential convolved with another is this function; near z = 0 the difference cancels and the series of phi
stands in.
"""

from __future__ import annotations

import math

import jax.numpy as jnp
from jax import Array, lax

# From |z| on the difference is good enough, and how many terms of the series are needed below: a unit in the last
# place of the difference is then 4.5 (float32) or 2.5 (float64) units of the quotient.
_SINGLE, _DOUBLE = (0.25, 6), (0.5, 15)


def quotient(t: Array, first: Array | None, second: Array, gap: Array, per_gap: Array) -> Array:
    """(first - second) / gap for exponentials that are there already.

    Args:
        t: >= 0 (...).
        first: exp(-a t); None for a = 0, that is 1.
        second: exp(-(a + gap) t).
        gap: of either sign, or 0.
        per_gap: `inverse(gap)`.

    >>> t, gap = jnp.float32(2.0), jnp.float32(0.0)
    >>> float(quotient(t, jnp.exp(-t), jnp.exp(-t), gap, inverse(gap)) / jnp.exp(-t))
    2.0
    """
    z = gap * t
    limit, terms = _SINGLE if z.dtype == jnp.float32 else _DOUBLE
    near = jnp.abs(z) < limit
    apart = ((1.0 if first is None else first) - second) * per_gap

    def with_series() -> Array:
        safe = jnp.where(near, z, 0.0)
        series = jnp.full_like(z, (-1.0) ** (terms - 1) / math.factorial(terms))
        for k in reversed(range(terms - 1)):
            series = series * safe + (-1.0) ** k / math.factorial(k + 1)
        return jnp.where(near, t * series if first is None else t * first * series, apart)

    # Lanes go without the series where it is nobody's; XLA would have to stop and ask.
    return lax.platform_dependent(
        cpu=with_series, cuda=with_series, default=lambda: lax.cond(jnp.any(near), with_series, lambda: apart)
    )


def inverse(x: Array) -> Array:
    """1 / x, and 0 for 0, where `quotient` does not look at it."""
    return jnp.where(x == 0.0, 0.0, 1.0 / jnp.where(x == 0.0, 1.0, x))
