"""Elementary functions of lanes against NumPy's extended precision, in units in the last place."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from kernels.lanes import lanes

pytestmark = pytest.mark.usefixtures("everywhere")

rng = np.random.default_rng(7)
COUNT = 20_000


def uniform(low, high):
    return rng.uniform(low, high, COUNT)


def logarithmic(low, high):
    return np.exp(rng.uniform(np.log(low), np.log(high), COUNT))


# name: (JAX, NumPy, arguments for float32, arguments for float64, allowed ulp)
FUNCTIONS = {
    "exp": (jnp.exp, np.exp, uniform(-86.5, 88.7), uniform(-707, 709.7), 1.5),
    "expm1": (
        jnp.expm1,
        np.expm1,
        np.r_[uniform(-2, 2), uniform(-20, 80)],
        np.r_[uniform(-2, 2), uniform(-40, 700)],
        3,
    ),
    "log": (jnp.log, np.log, logarithmic(1e-37, 1e38), logarithmic(1e-300, 1e300), 2),
    "log near 1": (jnp.log, np.log, uniform(0.5, 2.0), uniform(0.5, 2.0), 2),
    "log2": (jnp.log2, np.log2, logarithmic(1e-37, 1e38), logarithmic(1e-300, 1e300), 3),
    "log1p": (jnp.log1p, np.log1p, logarithmic(1e-10, 1e10), logarithmic(1e-20, 1e20), 4),
    "log1p near 0": (jnp.log1p, np.log1p, uniform(-0.9, 1), uniform(-0.9, 1), 4),
    "tanh": (jnp.tanh, np.tanh, uniform(-10, 10), uniform(-20, 20), 5),
    "logistic": (lax.logistic, lambda x: 1 / (1 + np.exp(-x)), uniform(-30, 30), uniform(-40, 40), 4),
    "sinh": (jnp.sinh, np.sinh, uniform(-80, 80), uniform(-700, 700), 5),
    "cosh": (jnp.cosh, np.cosh, uniform(-80, 80), uniform(-700, 700), 4),
    "cbrt": (jnp.cbrt, np.cbrt, uniform(-1e3, 1e3), uniform(-1e3, 1e3), 8),
    "acos": (jnp.arccos, np.arccos, uniform(-1, 1), uniform(-1, 1), 3),
    "rsqrt": (lax.rsqrt, lambda x: 1 / np.sqrt(x), logarithmic(1e-30, 1e30), logarithmic(1e-300, 1e300), 2),
    "sqrt": (jnp.sqrt, np.sqrt, logarithmic(1e-30, 1e30), logarithmic(1e-300, 1e300), 0.51),
}


def by_lanes(function, *arguments):
    notes = []
    result = jax.jit(lanes(function, arguments[0].shape[-1], notes.append))(*arguments)
    assert not notes, notes
    return np.asarray(result)


def ulps(found, exact, dtype):
    """Distance in units in the last place of the exact value."""
    return np.abs(found.astype(np.longdouble) - exact) / np.spacing(np.abs(exact).astype(dtype)).astype(np.longdouble)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_ulps(name, dtype):
    ours, theirs, single, double, allowed = FUNCTIONS[name]
    x = (double if dtype == np.float64 else single).astype(dtype)
    exact = theirs(x.astype(np.longdouble))
    assert ulps(by_lanes(ours, jnp.asarray(x)), exact, dtype).max() <= allowed


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["sin", "cos"])
def test_sine_and_cosine_to_two_units_of_one(name, dtype):
    x = uniform(-300, 300).astype(dtype)
    found = by_lanes(getattr(jnp, name), jnp.asarray(x))
    exact = getattr(np, name)(x.astype(np.longdouble))
    assert np.abs(found - exact).max() <= 2 * np.finfo(dtype).eps


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_powers(dtype):
    x, y = logarithmic(1e-4, 1e4).astype(dtype), uniform(-5, 5).astype(dtype)
    exact = np.power(x.astype(np.longdouble), y.astype(np.longdouble))
    found = by_lanes(jnp.power, jnp.asarray(x), jnp.asarray(y))
    allowed = 1.0 if dtype == np.float32 else 3.0 + np.abs(y * np.log(x))
    assert (ulps(found, exact, dtype) <= allowed).all()


def test_powers_of_special_numbers_are_those_of_numpy():
    x = np.array([0.0, 0.0, -2.0, -2.0, -2.0, 1.0, 5.0, 0.0, 4.0, np.nan, 2.0, np.inf, np.inf, 0.5, 0.5, 3.0])
    y = np.array([2.0, 0.0, 3.0, 2.0, 0.5, 7.0, 0.0, -1.0, 0.5, 1.0, np.nan, 2.0, -1.0, np.inf, -np.inf, 1.0])
    with np.errstate(all="ignore"):
        expected = np.power(x, y)
    np.testing.assert_allclose(by_lanes(jnp.power, jnp.asarray(x), jnp.asarray(y)), expected, rtol=1e-14)


@pytest.mark.parametrize("name", ["exp", "expm1", "log", "log1p", "log2", "tanh", "sin", "cos", "sqrt", "cosh", "sinh"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_special_numbers_are_those_of_numpy(name, dtype):
    x = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, -2.0, 1e30, -1e30, 100.0, -800.0, 800.0], dtype)
    x = x[np.abs(x) < 1e4] if name in ("sin", "cos") else x
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(x)
    found = by_lanes(getattr(jnp, name), jnp.asarray(x))
    np.testing.assert_allclose(found, expected, rtol=1e-5 if dtype == np.float32 else 1e-13, atol=0)


@pytest.mark.parametrize("name", ["exp", "log", "log1p", "log2", "expm1", "tanh", "power"])
def test_derivatives_are_those_of_jax(name):
    x = jnp.asarray(uniform(0.1, 3.0)[:64])
    function = (lambda v: jnp.power(v, 1.7)) if name == "power" else getattr(jnp, name)
    expected = jax.jvp(function, (x,), (jnp.ones_like(x),))
    notes = []
    found = jax.jvp(lanes(function, 64, notes.append), (x,), (jnp.ones_like(x),))
    assert not notes
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-13)
