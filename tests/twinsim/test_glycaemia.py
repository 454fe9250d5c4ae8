"""Measures of glucose against published figures, and the noise of a sensor against its distribution."""

import numpy as np
import pytest

from twinsim.errors import UsageError
from twinsim.glucose_sensor import STEP, Sensor, autocorrelated, readings
from twinsim.glycaemia import (
    estimated_average_glucose,
    hba1c,
    high_blood_glucose_index,
    low_blood_glucose_index,
    risk,
    time_in_range,
)

# Nathan et al. 2008, Diabetes Care 31:1473, table 2: HbA1c [%] and estimated average glucose [mg/dL]
ADAG = {5: 97, 6: 126, 7: 154, 8: 183, 9: 212, 10: 240, 11: 269, 12: 298}


def test_average_glucose_is_that_of_adag():
    np.testing.assert_allclose(estimated_average_glucose(list(ADAG)), list(ADAG.values()), atol=0.51)  # printed whole
    np.testing.assert_allclose(hba1c(estimated_average_glucose(list(ADAG))), list(ADAG), rtol=1e-14)


def test_risk_is_symmetric_as_kovatchev_made_it():
    """100 at 20 and at 600 mg/dL, 0 at 112.5 (Kovatchev 1997)."""
    np.testing.assert_allclose(risk([20.0, 600.0]), [-100.0, 100.0], atol=0.2)
    assert abs(risk(112.5)) < 1e-3
    curve = np.array([[20.0, 112.5], [112.5, 600.0]])
    np.testing.assert_allclose(low_blood_glucose_index(curve), [50.0, 0.0], atol=0.1)
    np.testing.assert_allclose(high_blood_glucose_index(curve), [0.0, 50.0], atol=0.1)
    np.testing.assert_allclose(time_in_range([[60.0, 100.0], [180.0, 180.1]]), [0.5, 0.5])


def test_noise_has_the_moments_of_its_equations():
    """A stationary e is N(0, s^2), s^2 = partial^2/(1 - partial^2); E sinh((e - g)/d) = exp(s^2/2 d^2) sinh(-g/d)."""
    sensor, count = Sensor(), 400
    e = autocorrelated(count, np.arange(500), 3, sensor.partial)[50:]
    variance = sensor.partial**2 / (1.0 - sensor.partial**2)
    assert e.mean() == pytest.approx(0.0, abs=0.02) and e.var() == pytest.approx(variance, rel=0.02)
    assert np.mean(e[1:] * e[:-1]) / e.var() == pytest.approx(sensor.partial, abs=0.01)
    d, g = sensor.delta, sensor.gamma
    mean = sensor.xi + sensor.lam * np.exp(variance / (2 * d**2)) * np.sinh(-g / d)
    assert sensor.transform(e).mean() == pytest.approx(mean, abs=0.1)
    # 2,000,000 values of simglucose 0.2.11's own generator (noise15_iter, seed 0): mean 0.743, SD 11.73 mg/dL
    assert sensor.transform(e).mean() == pytest.approx(0.743, abs=0.2)
    assert sensor.transform(e).std() == pytest.approx(11.73, rel=0.02)


def test_readings_pass_through_the_noise_and_do_not_depend_on_company():
    times, ids = np.arange(0.0, 301.0, 5.0), np.array([3, 8, 1_000_000])
    flat = np.full((times.size, 3), 120.0)
    seen = readings(flat, times, seed=5, patients=ids)
    noise = Sensor().transform(autocorrelated(25, ids, 5, 0.7))
    np.testing.assert_allclose(seen[::3], np.clip(120.0 + noise[: times.size // 3 + 1], 39.0, 600.0), rtol=1e-12)
    alone = readings(flat[:20, 1:2], times[:20], seed=5, patients=ids[1:2])
    np.testing.assert_array_equal(seen[:20, 1:2], alone)
    assert readings(np.full((2, 1), 10.0), [0.0, STEP])[0, 0] >= 39.0
    with pytest.raises(UsageError, match="shape"):
        readings(flat, times[:-1])
