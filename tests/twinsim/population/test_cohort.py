"""Cohorts: the same patient in any of them, and what they refuse."""

import jax
import numpy as np
import pytest

from twinsim.errors import DataError, UnitError, UsageError
from twinsim.population import SOURCES, Cohort, Source, TimedCovariate, find_source, sample_cohort
from twinsim.population.cohort import BLOCK


def same(a, b):
    for name, values in a.items():
        np.testing.assert_array_equal(values, b[name], err_msg=name)


@pytest.fixture(scope="module")
def thousand():
    return sample_cohort(1000, seed=3)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 700])
def test_a_patient_is_the_same_in_any_size(thousand, size):
    part = sample_cohort(size, seed=3)
    assert part.size == size
    same(part.covariates, thousand.take(slice(size)).covariates)


def test_a_patient_is_the_same_at_any_place(thousand):
    later = sample_cohort(300, seed=3, first=417)
    np.testing.assert_array_equal(later.ids, np.arange(417, 717))
    same(later.covariates, thousand.take(np.arange(417, 717)).covariates)


def test_streaming_gives_the_same_patient(thousand):
    """Inside a larger program, block by block: the same to rounding, and bit for bit in blocks of their own."""
    source = find_source("adults")
    ids = np.arange(4 * BLOCK, dtype=np.int64).reshape(4, BLOCK)
    mapped = jax.jit(lambda ids: jax.lax.map(lambda block: source.sample(3, block), ids))(ids)
    for name, values in thousand.covariates.items():
        np.testing.assert_allclose(np.asarray(mapped[name]).reshape(-1)[:1000], values, rtol=1e-13)
    assert isinstance(source, Source)


def test_seeds_and_large_ids_differ(thousand):
    assert not np.any(sample_cohort(1000, seed=4).covariates["height"] == thousand.covariates["height"])
    far = sample_cohort(5, seed=3, first=2**32)
    assert not np.any(far.covariates["height"] == thousand.covariates["height"][:5])


def test_units_and_names(thousand):
    assert set(thousand.covariates) == set(SOURCES["adults"].names) == set(thousand.units)
    assert thousand.units["creatinine"] == "mg/dL"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"source": "adlts"}, "did you mean adults"),
        ({"source": "no/such.csv"}, "neither a source"),
        ({"size": 0}, "size=0"),
        ({"size": None}, "size=None"),
        ({"size": 2.5}, "size=2.5"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": 1 << 64}, "seed="),
        ({"first": -1}, "first=-1"),
        ({"mode": "asis"}, "did you mean as_is"),
        ({"mode": "as_is"}, "belong to a table"),
        ({"units": {"weight": "kg"}}, "belong to a table"),
    ],
)
def test_wrong_usage(arguments, words):
    with pytest.raises(UsageError, match=words):
        sample_cohort(**{"size": 10, **arguments})


def test_take_and_pandas(thousand):
    chosen = thousand.take([5, 2])
    assert chosen.ids.tolist() == [5, 2]
    frame = chosen.to_pandas()
    assert frame.index.tolist() == [5, 2]
    assert frame.loc[2, "weight"] == thousand.covariates["weight"][2]
    is_old = thousand.covariates["age"] > 70
    assert thousand.take(is_old).size == is_old.sum()


def test_derived(thousand):
    more = thousand.derived()
    expected = thousand.covariates["weight"] / (thousand.covariates["height"] / 100) ** 2
    np.testing.assert_allclose(more.covariates["bmi"], expected, rtol=1e-14)
    assert more.units["egfr"] == "mL/min/1.73m2"
    same(thousand.covariates, more.covariates)


def test_a_cohort_cannot_be_changed(thousand):
    with pytest.raises(ValueError, match="read-only"):
        thousand.covariates["age"][0] = 1.0


WEIGHT, KG = {"weight": [70.0, 80.0, 90.0]}, {"weight": "kg"}


@pytest.mark.parametrize(
    ("ids", "covariates", "units", "words"),
    [
        ([1, 2, 1], WEIGHT, KG, "an id comes twice\n.*patient 1"),
        ([1.0, 2.0, 3.0], WEIGHT, KG, "ids are float64"),
        ([], {}, {}, "ids are"),
        ([1, 2], WEIGHT, KG, r"weight has shape \(3,\)"),
        ([1, 2, 3], {"weight": [70.0, np.nan, np.inf]}, KG, "weight is missing or infinite\n.*patients 2, 3"),
        ([1, 2, 3], {"weight": ["a", "b", "c"]}, KG, "weight is not numbers"),
        ([1, 2, 3], WEIGHT, {}, "no unit is given for weight"),
        ([1, 2, 3], WEIGHT, {"weight": "kg", "wieght": "kg"}, "did you mean weight"),
        ([1, 2], {"weight": TimedCovariate.of_points([[0]], [[70]], "locf")}, KG, "weight has 1 patients"),
    ],
)
def test_refusals(ids, covariates, units, words):
    with pytest.raises(DataError, match=words):
        Cohort(ids, covariates, units)


TIMES, VALUES = [[0.0, 10.0, 20.0], [5.0]], [[1.0, 3.0, 2.0], [7.0]]


@pytest.mark.parametrize(
    ("interpolation", "expected"),
    [
        ("locf", {-1: 1, 0: 1, 4: 1, 10: 3, 15: 3, 20: 2, 99: 2}),
        ("nocb", {-1: 1, 0: 1, 4: 3, 10: 3, 15: 2, 20: 2, 99: 2}),
        ("linear", {-1: 1, 0: 1, 4: 1.8, 10: 3, 15: 2.5, 20: 2, 99: 2}),
    ],
)
def test_interpolation(interpolation, expected):
    points = TimedCovariate.of_points(TIMES, VALUES, interpolation)
    for time, value in expected.items():
        np.testing.assert_allclose(points.at(time), [value, 7.0])
    np.testing.assert_allclose(points.at([4.0, 5.0]), [expected[4], 7.0])


def test_timed_covariates_in_a_cohort():
    points = TimedCovariate.of_points(TIMES, VALUES, "locf")
    units = {"height": "cm", "weight": "kg"}
    cohort = Cohort([8, 9], {"height": [100.0, 200.0], "weight": points}, units)
    assert cohort.timed == ("weight",)
    assert cohort.at(12.0)["weight"].tolist() == [3.0, 7.0]
    assert cohort.take([1]).at(0.0)["weight"].tolist() == [7.0]
    assert list(cohort.to_pandas().columns) == ["height"]
    assert cohort.to_pandas("weight").values.tolist() == [[8, 0, 1], [8, 10, 3], [8, 20, 2], [9, 5, 7]]
    assert "bmi" not in cohort.derived().covariates
    with pytest.raises(UsageError, match="height does not change"):
        cohort.to_pandas("height")


@pytest.mark.parametrize(
    ("times", "values", "interpolation", "words"),
    [
        (TIMES, VALUES, "", "no interpolation given"),
        (TIMES, VALUES, "loccf", "did you mean locf"),
        ([[0, 1]], [[1]], "locf", "row 0 has 2 times and 1 values"),
        ([[0], []], [[1], []], "locf", "row 1 has 0 times"),
        ([[0]], [[1], [2]], "locf", "times of 1 patients"),
    ],
)
def test_refused_points(times, values, interpolation, words):
    with pytest.raises(DataError, match=words):
        TimedCovariate.of_points(times, values, interpolation)


def test_interpolation_has_no_default():
    with pytest.raises(DataError, match="no interpolation given"):
        TimedCovariate([[0.0]], [[1.0]])


@pytest.mark.parametrize(
    ("times", "values", "words"),
    [
        ([[0, 2, 1], [0]], [[1, 2, 3], [1]], "times that fall\n.*patient 8"),
        ([[0], [0, 0]], [[1], [1, 2]], "two values at one time\n.*patient 9"),
        ([[0], [np.nan]], [[1], [1]], "a time that is missing or infinite\n.*patient 9"),
        ([[0], [0]], [[np.nan], [1]], "a value that is missing or infinite\n.*patient 8"),
    ],
)
def test_contradicting_points(times, values, words):
    points = TimedCovariate.of_points(times, values, "locf")
    with pytest.raises(DataError, match=words):
        Cohort([8, 9], {"weight": points}, {"weight": "kg"})


def test_units_are_converted_at_the_door():
    points = TimedCovariate.of_points([[0, 1], [0]], [[150, 151], [160]], "locf")
    cohort = Cohort([1, 2], {"weight": [70_000.0, 80_000.0], "height": points}, {"weight": "g", "height": "mm"})
    assert cohort.covariates["weight"].tolist() == [70.0, 80.0] and cohort.units == {"weight": "kg", "height": "cm"}
    assert cohort.at(2.0)["height"] == pytest.approx([15.1, 16.0])


def test_a_unit_that_does_not_fit_is_refused():
    with pytest.raises(UnitError, match="cm"):
        Cohort([1], {"weight": [70.0]}, {"weight": "cm"})
