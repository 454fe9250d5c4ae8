"""Pieces of curves against polynomials and exponentials whose answers are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import root_scalar

from kernels.between import Look, Watch, looks

LEVELS = (0.3, 0.9)
WATCH = Watch(area=True, peak=True, levels=LEVELS)


def look(curve, t):
    """A curve and its derivatives by the rules JAX has for a single function of time."""
    value, slope = jax.jvp(curve, (t,), (jnp.ones_like(t),))
    bend = jax.jvp(lambda t: jax.jvp(curve, (t,), (jnp.ones_like(t),))[1], (t,), (jnp.ones_like(t),))[1]
    return {"y": Look(value, slope, bend)}


def watched(curve, ends, watch=WATCH, dtype=jnp.float64):
    """What is found of a curve of (patient) over pieces with these ends."""

    def run(ends):
        found = watch.start({"y": 0}, 2, dtype)
        found = watch.point(found, jnp.ones((1,), bool), ends[0], look(curve, ends[0]))

        def one(found, piece):
            a, b = piece
            return watch.add(found, a, b - a, look(curve, a), look(curve, b), jnp.ones((1,), bool)), None

        return jax.lax.scan(one, found, (ends[:-1], ends[1:]))[0]["y"]

    return jax.jit(run)(jnp.broadcast_to(jnp.asarray(ends, dtype)[:, None], (len(ends), 2)))


def test_a_quintic_is_exact():
    """y = 1 - (t - 1)^2 + (t - 1)^5 / 10 on one piece: area, turning point, two crossings of one level."""
    y = lambda t: 1.0 - (t - 1.0) ** 2 + 0.1 * (t - 1.0) ** 5  # noqa: E731
    got = watched(y, [0.0, 2.2])
    area = 2.2 - (1.2**3 + 1.0) / 3.0 + (1.2**6 - 1.0) / 60.0
    assert got.area[0][0] == pytest.approx(area, rel=1e-14)
    assert (float(got.peak[0][0]), float(got.peak[1][0])) == pytest.approx((1.0, 1.0), abs=1e-12)
    for level, (spent, _, first) in zip(LEVELS, got.above, strict=True):
        up, down = (root_scalar(lambda t, a=level: y(t) - a, bracket=ends).root for ends in ((0, 1), (1, 2.2)))
        assert float(first[0]) == pytest.approx(up, abs=1e-7)
        assert float(spent[0]) == pytest.approx(down - up, abs=1e-7)


def test_the_error_shrinks_as_stated():
    """exp(-3 t): local error h^7, so that an area gains 2^6 from pieces half as long."""
    y = lambda t: jnp.exp(-3.0 * t)  # noqa: E731
    exact, area = (1.0 - np.exp(-12.0)) / 3.0, Watch(area=True)
    errors = [abs(float(watched(y, np.linspace(0.0, 4.0, n + 1), area).area[0][0]) - exact) for n in (16, 32)]
    assert 50.0 < errors[0] / errors[1] < 80.0 and errors[1] < 2e-8


def test_a_bend_of_noise_is_not_believed():
    """A bend that contradicts the slopes leaves the cubic, exact for this parabola."""
    y = lambda t: t * (2.0 - t)  # noqa: E731
    zero, one = jnp.zeros((2,)), jnp.ones((2,))
    left, right = look(y, zero)["y"], look(y, 2.0 * one)["y"]
    noisy = {"y": left._replace(bend=1e3 * one)}, {"y": right._replace(bend=-7e2 * one)}
    add = jax.jit(lambda a, b: WATCH.add(WATCH.start(a, 2, one.dtype), zero, 2.0 * one, a, b, zero == 0.0))
    found = add(*noisy)
    assert float(found["y"].area[0][0]) == pytest.approx(4.0 / 3.0, rel=1e-14)
    assert float(found["y"].peak[0][0]) == pytest.approx(1.0, rel=1e-14)


def test_never_above_and_from_the_beginning():
    y = lambda t: 0.5 + 0.0 * t  # noqa: E731
    got = watched(y, [0.0, 3.0])
    assert [float(x[0]) for x in got.above[0]] == [3.0, 0.0, 0.0]
    assert float(got.above[1][0][0]) == 0.0 and np.isinf(got.above[1][2]).all()
    assert float(got.peak[1][0]) == 0.0  # a flat curve is largest where it begins


def test_derivatives_along_the_solution():
    """Of x^2 with dx/dt = t x: value, 2 t x^2, (2 + 4 t^2) x^2."""
    t, x = jnp.asarray([0.5, 2.0]), jnp.asarray([3.0, 0.1])
    got = looks(lambda t, x: {"y": x[0] ** 2}, lambda t, x: (t * x[0],), t, (x,))["y"]
    for value, expected in zip(got, (x**2, 2 * t * x**2, (2 + 4 * t**2) * x**2), strict=True):
        assert np.asarray(value) == pytest.approx(np.asarray(expected), rel=1e-14)
