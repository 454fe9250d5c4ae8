"""The divided difference of the exponential that stays exact where two rates coincide.

    phi(z) = (1 - exp(-z)) / z,   phi(0) = 1

With it, one exponential convolved with another is t exp(-a t) phi((b - a) t), an ordinary number also for a = b.
"""

import jax
import jax.numpy as jnp
from jax import Array

_TERMS = 14  # of the series of phi'; the next one is below 1e-16 for |z| < 0.5


@jax.custom_jvp
def phi(z: Array) -> Array:
    """(1 - exp(-z)) / z for any real z, 1 at 0; relative error a few units in the last place.

    >>> float(phi(jnp.float64(0.0))), round(float(phi(jnp.float64(1.0))), 12)
    (1.0, 0.632120558829)
    """
    safe = jnp.where(z == 0, jnp.ones_like(z), z)
    return jnp.where(z == 0, jnp.ones_like(z), -jnp.expm1(-safe) / safe)


@phi.defjvp
def _phi_jvp(primals, tangents):
    (z,), (dz,) = primals, tangents
    value = phi(z)
    return value, _phi_prime(z, value) * dz


def _phi_prime(z: Array, value: Array) -> Array:
    """phi'(z) = (exp(-z) - phi(z)) / z; by its series near 0, where that difference cancels."""
    series = jnp.zeros_like(z)
    factorial = 1.0
    coefficients = []
    for k in range(1, _TERMS + 1):
        factorial *= k + 1
        coefficients.append((-1.0) ** k * k / factorial)
    for coefficient in reversed(coefficients):
        series = series * z + coefficient
    near = jnp.abs(z) < 0.5
    safe = jnp.where(near, jnp.ones_like(z), z)
    return jnp.where(near, series, (jnp.exp(-safe) - value) / safe)
