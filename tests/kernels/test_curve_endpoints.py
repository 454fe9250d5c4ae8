"""Endpoints of curves against NumPy, one patient at a time, and against curves whose answers are known."""

import csv

import jax
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


# What PKNCA 0.12's vignette "Computing NCA parameters for theophylline" prints of R's Theoph: half-lives of 12 people,
# mean 8.18 and SD 2.12 h; by person as R's PKNCA and NonCompart give them (from memory; the mean and SD check them).
THEOPH = (14.304, 6.659, 6.766, 6.981, 8.002, 7.895, 7.847, 8.510, 8.406, 9.247, 7.261, 6.287)


def test_half_lives_of_people_are_those_of_other_programs(reference_data):
    with open(reference_data / "pk" / "theo_sd.csv") as file:
        rows = [row for row in csv.DictReader(file) if float(row["EVID"]) == 0.0]
    half_life = jax.jit(endpoints.half_life)
    for person, expected in enumerate(THEOPH, start=1):
        own = [row for row in rows if int(row["ID"]) == person]
        times, curve = (jnp.asarray([float(row[name]) for row in own]) for name in ("TIME", "DV"))
        assert float(half_life(curve[:, None], times, jnp.asarray(-1.0))[0]) == pytest.approx(expected, abs=6e-4)
    assert (np.mean(THEOPH), np.std(THEOPH, ddof=1)) == pytest.approx((8.18, 2.12), abs=6e-3)


def line_by_line(curve, times, since):
    """The same rule, one line after the other, by NumPy."""
    start = np.flatnonzero(times > since)
    peak = start[np.argmax(curve[start])]
    lines = []
    for n in range(3, len(times) - peak):
        x, y = times[-n:], np.log(curve[-n:])
        slope, r2 = np.polyfit(x, y, 1)[0], np.corrcoef(x, y)[0, 1] ** 2
        if slope < 0.0:
            lines.append((1.0 - (1.0 - r2) * (n - 1) / (n - 2), n, slope))
    good = [line for line in lines if line[0] >= max(lines)[0] - 1e-4]
    return np.log(2.0) / -max(good, key=lambda line: line[1])[2] if lines else np.nan


def test_half_life_against_lines_one_by_one():
    times = np.linspace(0.0, 24.0, 13)
    rng = np.random.default_rng(5)
    decline = np.exp(-np.outer(times, rng.uniform(0.05, 0.5, 40))) + 0.1 * np.exp(-np.outer(times, np.full(40, 0.02)))
    curves = decline * (1.0 - np.exp(-0.7 * times))[:, None] * rng.lognormal(0.0, 0.1, (13, 40))
    found = endpoints.half_life(jnp.asarray(curves), jnp.asarray(times), jnp.asarray(3.0))
    assert np.asarray(found) == pytest.approx([line_by_line(curve, times, 3.0) for curve in curves.T], rel=1e-9)


def test_half_life_and_rest_of_an_exponential():
    times = np.linspace(0.0, 20.0, 41)
    curve = jnp.asarray(5.0 * np.exp(-0.3 * times), jnp.float32)[:, None]
    arguments = (curve, jnp.asarray(times), jnp.asarray(-1.0))
    assert float(endpoints.half_life(*arguments)[0]) == pytest.approx(np.log(2.0) / 0.3, rel=1e-5)
    assert float(endpoints.beyond(*arguments)[0]) == pytest.approx(5.0 * np.exp(-6.0) / 0.3, rel=1e-5)


@pytest.mark.parametrize("curve", [[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0.0] * 7, [9.0, 8.0, 7.0, 0.0, 0.0, 0.0, 0.0]])
def test_what_does_not_decline_has_no_half_life(curve):
    assert np.isnan(endpoints.half_life(jnp.asarray(curve)[:, None], jnp.asarray(TIMES), jnp.asarray(-1.0))).all()


def test_outputs_that_are_solver_noise_and_repeated_ones_do_not_count():
    times = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 7.0, 7.0])
    curve = np.exp(-2.0 * times)
    curve[6:] = [3e-6, 2e-6, 2e-6, 2e-6]
    found = endpoints.half_life(jnp.asarray(curve)[:, None], jnp.asarray(times), jnp.asarray(-1.0))
    assert float(found[0]) == pytest.approx(np.log(2.0) / 2.0)
    curve = np.exp(-0.2 * times) * np.where(times == 7.0, 0.9, 1.0)
    many, few = (endpoints.decline(jnp.asarray(curve[:k])[:, None], jnp.asarray(times[:k]), -1.0) for k in (10, 8))
    assert float(many[0]) == float(few[0])
