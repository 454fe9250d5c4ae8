"""Endpoints of curves against NumPy, one patient at a time, and against curves whose answers are known."""

import jax.numpy as jnp
import numpy as np
import pytest

from kernels import endpoints

TIMES = np.array([0.0, 0.5, 1.0, 2.5, 4.0, 8.0, 12.0])
CURVES = np.random.default_rng(3).uniform(0.0, 10.0, (len(TIMES), 50))
CURVES[:, 0], CURVES[:, 1], CURVES[3, 2] = 5.0, 0.0, 10.0
LEVEL = 5.0


@pytest.fixture(scope="module")
def device():
    return jnp.asarray(CURVES), jnp.asarray(TIMES)


def dense(curve, count=400_001):
    t = np.linspace(TIMES[0], TIMES[-1], count)
    return t, np.interp(t, TIMES, curve)


def test_area_is_the_trapezoidal_rule(device):
    assert endpoints.auc(*device) == pytest.approx(np.trapezoid(CURVES, TIMES, axis=0))


def test_largest_value_and_its_first_time(device):
    assert np.array_equal(endpoints.cmax(device[0]), CURVES.max(axis=0))
    assert np.array_equal(endpoints.tmax(*device), TIMES[CURVES.argmax(axis=0)])
    assert float(endpoints.tmax(*device)[0]) == 0.0  # a flat curve is largest where it begins


@pytest.mark.parametrize("since", [0.0, 2.5, 3.0])
def test_trough_from_the_peak_after_a_time_on(device, since):
    later = [curve[TIMES > since] for curve in CURVES.T]
    expected = [curve[curve.argmax() :].min() for curve in later]
    assert np.asarray(endpoints.trough(*device, jnp.asarray(since))).tolist() == expected


def test_what_is_not_yet_absorbed_is_no_trough():
    curve = jnp.asarray([0.0, 0.0, 0.0, 4.0, 6.0, 3.0, 1.5])[:, None]
    assert float(endpoints.trough(curve, jnp.asarray(TIMES), jnp.asarray(0.0))[0]) == 1.5


def test_a_trough_without_outputs_after_the_dose_is_told(device):
    assert np.isnan(endpoints.trough(*device, jnp.asarray(99.0))).all()


def test_time_above_a_level(device):
    found = np.asarray(endpoints.time_above(*device, jnp.asarray(LEVEL)))
    for curve, mine in zip(CURVES.T[1:20], found[1:20], strict=True):
        t, values = dense(curve)
        assert mine == pytest.approx(np.mean(values > LEVEL) * TIMES[-1], abs=2e-4)


def test_first_time_a_level_is_reached(device):
    found = np.asarray(endpoints.first_above(*device, jnp.asarray(LEVEL)))
    assert found[0] == 0.0 and np.isinf(found[1])
    for curve, mine in zip(CURVES.T[1:], found[1:], strict=True):
        t, values = dense(curve)
        reached = np.flatnonzero(values >= LEVEL)
        assert mine == pytest.approx(t[reached[0]], abs=1e-4) if reached.size else np.isinf(mine)


def test_a_triangle():
    """Up from 0 to 10 in 2 h, down to 0 in 8 h: area 50, above 5 for 5 h from 1 h on."""
    times, curve = jnp.asarray([0.0, 2.0, 10.0]), jnp.asarray([[0.0], [10.0], [0.0]])
    level = jnp.asarray(5.0)
    found = [float(f(curve, times)[0]) for f in (endpoints.auc, endpoints.tmax)]
    found += [float(f(curve, times, level)[0]) for f in (endpoints.time_above, endpoints.first_above)]
    assert found == pytest.approx([50.0, 2.0, 5.0, 1.0])


def test_float32_stays_float32():
    curve, times = jnp.asarray(CURVES, jnp.float32), jnp.asarray(TIMES)
    level = jnp.asarray(LEVEL, jnp.float32)
    for given in (
        endpoints.auc(curve, times),
        endpoints.tmax(curve, times),
        endpoints.trough(curve, times, jnp.asarray(1.0)),
        endpoints.time_above(curve, times, level),
        endpoints.first_above(curve, times, level),
    ):
        assert given.dtype == jnp.float32
