"""People of all ages: children by the charts, adults by the survey, and nothing between them that jumps."""

from functools import partial

import jax
import numpy as np
import pytest

from twinsim.errors import UsageError
from twinsim.population import COVARIATES, SOURCES, Source, adults, blood, find_source, growth, people, sample_cohort
from twinsim.population.people import People

SIZE = 200_000


@pytest.fixture(scope="module")
def drawn():
    return {name: np.asarray(values) for name, values in sample_cohort(SIZE, "people", seed=5).covariates.items()}


def chosen(drawn, sex, low, high):
    return (drawn["sex"] == sex) & (drawn["age"] >= low) & (drawn["age"] < high)


def test_everybody_is_described(drawn):
    assert set(drawn) == set(people.NAMES)
    for name, values in drawn.items():
        known = COVARIATES[name]
        assert values.dtype == np.float64
        assert known.low <= values.min() <= values.max() <= known.high
        assert known.unit == people.UNITS[name]


def test_ages_and_sexes(drawn):
    assert 0.0 <= drawn["age"].min() < 0.01 and 89.9 < drawn["age"].max() <= 90.0
    assert (drawn["age"] < 18).mean() == pytest.approx(0.24, abs=0.005)
    assert drawn["sex"][drawn["age"] < 18].mean() == pytest.approx(0.488, abs=0.01)
    shares = np.array([row["population_share"] for row in adults.survey()])
    for row, share in zip(adults.survey(), shares / shares.sum(), strict=True):
        high = row["age_to"] if row["age_to"] < 86 else 91.0
        got = chosen(drawn, float(row["sex"] == "female"), row["age_from"], high).mean()
        assert got == pytest.approx(0.76 * share, abs=0.003)


def test_children_have_the_percentiles_of_their_age(drawn):
    """Sampled heights and weights are 5, 50 and 95 % of the time below the chart's points of their own ages."""
    measure = {name: jax.jit(partial(growth.measure, name)) for name in ("height", "weight")}
    for sex in (0.0, 1.0):
        for low, high in ((0, 2), (2, 6), (6, 11), (11, 16)):
            here = chosen(drawn, sex, low, high)
            s, age = np.full(here.sum(), sex), drawn["age"][here]
            for name in ("height", "weight"):
                for z, share in ((-1.645, 0.05), (0.0, 0.5), (1.645, 0.95)):
                    points = np.asarray(measure[name](s, age, np.full(s.size, z)))
                    assert (drawn[name][here] < points).mean() == pytest.approx(share, abs=0.022)


@pytest.mark.parametrize("name", ["height", "weight", "creatinine", "haematocrit"])
def test_adults_are_the_survey(drawn, name):
    """Bands from 30 years on: medians within 3 % though coefficients follow age, 95 % points within 7 %."""
    columns = {"weight": ("weight_p50_kg", "weight_p95_kg"), "creatinine": ("creatinine_p50", "creatinine_p95")}
    for row in adults.survey():
        if row["age_from"] < 30:
            continue
        values = drawn[name][chosen(drawn, float(row["sex"] == "female"), row["age_from"], row["age_to"])]
        if name in columns:
            middle, high = (row[column] for column in columns[name])
        else:
            mean, sd = (
                row[f"{name}_{part}"] for part in {"height": ("mean_cm", "sd_cm")}.get(name, ("mean_pct", "sd_pct"))
            )
            middle, high = mean, mean + 1.645 * sd
        assert np.median(values) == pytest.approx(middle, rel=0.03)
        assert np.percentile(values, 95) == pytest.approx(high, rel=0.07)


def test_nothing_jumps():
    """A person followed from 0 to 90 years: steps of a day change no value by more than 1.5 %, or albumin at the ends
    of the published intervals."""
    age = np.arange(40.0 / 365.25, 90.0, 1 / 365.25)
    scores = {name: np.full(age.size, 0.7) for name in (*adults.SCORES, "albumin", "aag")}
    for sex in (0.0, 1.0):
        got = people.at(np.full(age.size, sex), age, scores)
        for name, values in got.items():
            if name not in ("sex", "age", "albumin"):
                assert np.abs(np.diff(np.log(np.asarray(values)))).max() < 0.015, name
        joined = np.asarray(got["albumin"])[age < 39.9]
        assert np.abs(np.diff(joined)).max() < 0.1


def test_blood_of_children():
    """Dallman 1977; EKFC's Q as other programs' tests have it; Johnson's proteins at the ages they join adults."""
    one = np.ones(1)
    assert float(blood.haematocrit_of_children(0 * one, 9.0 * one, 0 * one)[0]) == pytest.approx(40.0)
    assert float(blood.haematocrit_of_children(0 * one, one / 6, 0 * one)[0]) == pytest.approx(35.0, abs=0.1)
    for age, expected in ((5.0, 0.35), (10.0, 0.50)):
        assert float(blood.usual_creatinine(0 * one, age * one)[0]) == pytest.approx(expected, abs=0.04)
    assert float(blood.usual_creatinine(0 * one, 17.0 * one)[0]) == pytest.approx(0.79, abs=0.005)
    assert float(blood.usual_creatinine(one, 17.0 * one)[0]) == pytest.approx(0.66, abs=0.005)
    assert float(blood.usual_creatinine(one, 50.0 * one)[0]) == pytest.approx(0.70, abs=0.005)
    assert float(blood.albumin_of_children(18.0 * one, 0 * one)[0]) == pytest.approx(43.7, abs=0.1)
    assert float(blood.glycoprotein(0.0 * one, 0 * one)[0]) == pytest.approx(0.27, abs=0.01)
    assert float(blood.glycoprotein(30.0 * one, 0 * one)[0]) == pytest.approx(0.83, abs=0.01)


def test_a_patient_is_the_same_in_any_cohort(drawn):
    small = sample_cohort(1000, "people", seed=5)
    for name, values in small.covariates.items():
        assert values[417] == drawn[name][417]
        np.testing.assert_array_equal(values, drawn[name][:1000])


def test_compiled_and_not():
    ids = np.arange(300, dtype=np.int64)
    source = SOURCES["people"]
    compiled, plain = jax.jit(source.sample)(np.uint64(3), ids), source.sample(3, ids)
    for name, values in plain.items():
        np.testing.assert_allclose(compiled[name], values, rtol=1e-12)


def test_children_and_narrower_ages():
    assert isinstance(find_source("children"), Source)
    cohort = sample_cohort(5000, "children", seed=2)
    assert cohort.covariates["age"].max() < 18.0
    some = sample_cohort(5000, People(65.0, 70.0), seed=2).covariates["age"]
    assert 65.0 <= some.min() and some.max() <= 70.0 and some.mean() == pytest.approx(67.5, abs=0.1)


@pytest.mark.parametrize("ages", [(-1.0, 5.0), (5.0, 5.0), (10.0, 2.0), (0.0, 91.0), (float("nan"), 5.0)])
def test_wrong_ages(ages):
    with pytest.raises(UsageError, match="cannot be drawn"):
        People(*ages)


def test_a_misspelt_source():
    with pytest.raises(UsageError, match="did you mean people"):
        find_source("peple")
