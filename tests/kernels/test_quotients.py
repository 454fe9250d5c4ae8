"""The divided difference of the exponential against fifty-digit arithmetic of Python's decimal module."""

from decimal import Decimal, localcontext

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kernels.quotients import inverse, quotient

T, A = 2.0, 0.25  # exp(-A T) is then right to half a unit
GAPS = np.concatenate([np.logspace(-18, 1.5, 300), [0.0, 0.125, 0.25, 0.2499999, 0.2500001]])
ARGUMENTS = np.concatenate([GAPS, -GAPS[GAPS < 0.9]])


def exact(gap, order=0):
    """f[A, A + gap](T), or its derivative in the gap, rounded once."""
    with localcontext() as context:
        context.prec = 120
        a, t, g = Decimal(A), Decimal(T), Decimal(float(gap))
        if g == 0:
            return float((-a * t).exp() * (t if order == 0 else -t * t / 2))
        first, second = (-a * t).exp(), (-(a + g) * t).exp()
        return float((first - second) / g if order == 0 else (t * second - (first - second) / g) / g)


def given(gap, dtype):
    t, gap = jnp.asarray(T, dtype), jnp.asarray(gap, dtype)
    return quotient(t, jnp.exp(-A * t), jnp.exp(-(A + gap) * t), gap, inverse(gap))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_right_to_the_last_places(dtype):
    gaps = ARGUMENTS.astype(dtype)
    got = np.asarray(jax.jit(lambda g: given(g, dtype))(gaps))
    expected = np.array([exact(g) for g in gaps])
    assert got.dtype == dtype
    # The exponent (A + gap) T is rounded before it is used: that is the error of fast decays.
    assert np.max(np.abs(got / expected - 1.0)) <= 12 * np.finfo(dtype).eps


def test_slope_in_the_gap():
    slopes = jax.vmap(jax.grad(lambda g: given(g, np.float64)))(jnp.asarray(ARGUMENTS))
    assert np.asarray(slopes) == pytest.approx([exact(g, 1) for g in ARGUMENTS], rel=1e-12)


def test_from_rest_it_is_the_integral_of_a_decay():
    rate, t = np.array([0.0, 1e-12, 1e-3, 0.2, 3.0]), jnp.asarray(1.7)
    got = quotient(t, None, jnp.exp(-rate * t), jnp.asarray(rate), inverse(jnp.asarray(rate)))
    expected = [1.7, *(-np.expm1(-rate[1:] * 1.7) / rate[1:])]
    assert np.asarray(got) == pytest.approx(expected, rel=1e-14)


def test_it_convolves_two_exponentials():
    t, a = 3.0, 0.7
    nodes, weights = np.polynomial.legendre.leggauss(40)
    s = 0.5 * t * (nodes + 1.0)
    for b in (0.7, 0.7 + 1e-12, 0.70001, 1.9, 0.1):
        area = 0.5 * t * np.sum(weights * np.exp(-a * (t - s) - b * s))
        gap = jnp.asarray(b - a)
        got = quotient(jnp.asarray(t), jnp.exp(jnp.asarray(-a * t)), jnp.exp(jnp.asarray(-b * t)), gap, inverse(gap))
        assert float(got) == pytest.approx(area, rel=1e-13)
