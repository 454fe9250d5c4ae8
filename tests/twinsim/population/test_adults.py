"""Sampled adults against the survey table, every stratum and figure of it."""

import csv

import jax
import numpy as np
import pytest
from scipy.stats import norm

from kernels import random
from twinsim.population import COVARIATES, adults
from twinsim.population.data import fit_adults

SIZE = 2_000_000
VARIABLES = ("height", "logweight", "logcreatinine", "haematocrit")


@pytest.fixture(scope="module")
def drawn():
    """Two million adults, (patient,) by name."""
    out = jax.jit(adults.sample)(np.uint64(2024), np.arange(SIZE, dtype=np.int64))
    return {name: np.asarray(values) for name, values in out.items()}


@pytest.fixture(scope="module")
def strata(drawn):
    """(survey row, values of its stratum by name) of every stratum."""
    pairs = []
    for row in adults.survey():
        is_in = drawn["sex"] == float(row["sex"] == "female")
        is_in &= (drawn["age"] >= row["age_from"]) & (drawn["age"] < row["age_to"])
        values = {name: column[is_in] for name, column in drawn.items()}
        values |= {"logweight": np.log(values["weight"]), "logcreatinine": np.log(values["creatinine"])}
        pairs.append((row, values))
    return pairs


def printed(row, name):
    column = {
        "height": ("height_mean_cm", "height_sd_cm"),
        "logweight": ("log_weight_mean", "log_weight_sd"),
        "logcreatinine": ("log_creatinine_mean", "log_creatinine_sd"),
        "haematocrit": ("haematocrit_mean_pct", "haematocrit_sd_pct"),
    }[name]
    return row[column[0]], row[column[1]]


def test_table_is_the_survey(reference_data):
    with open(reference_data / "population" / "nhanes_2007_2012_adults.csv") as file:
        outside = list(csv.DictReader(file))
    ours = adults.survey()
    assert len(outside) == len(ours) == 12
    for theirs, row in zip(outside, ours, strict=True):
        assert theirs.keys() == row.keys()
        assert all(value == row[name] if name == "sex" else float(value) == row[name] for name, value in theirs.items())


def test_everybody_is_in_a_stratum(strata):
    shares = np.array([row["population_share"] for row, _ in strata])
    got = np.array([values["age"].size for _, values in strata]) / SIZE
    assert got.sum() == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(got, shares / shares.sum(), atol=5 * np.sqrt(0.1 / SIZE))


@pytest.mark.parametrize("name", VARIABLES)
def test_means_and_sds(strata, name):
    """Within 1 %; the mean of log creatinine is near zero and has an absolute 0.01, that is 1 % of creatinine."""
    for row, values in strata:
        mean, sd = printed(row, name)
        assert values[name].mean() == pytest.approx(mean, abs=0.01 if name == "logcreatinine" else 0.01 * abs(mean))
        assert values[name].std() == pytest.approx(sd, rel=0.01)


def test_correlations(strata):
    for row, values in strata:
        got = np.corrcoef([values[name] for name in VARIABLES])
        for i, second in enumerate(VARIABLES):
            for j, first in enumerate(VARIABLES[:i]):
                assert got[i, j] == pytest.approx(row[f"corr_{first}_{second}"], abs=0.02)


@pytest.mark.parametrize(("name", "suffix"), [("weight", "_kg"), ("creatinine", "")])
def test_percentiles(strata, name, suffix):
    for row, values in strata:
        for point in (5, 50, 95):
            got = np.percentile(values[name], point)
            assert got == pytest.approx(row[f"{name}_p{point:02d}{suffix}"], rel=0.04)


def test_age_is_uniform_in_its_band(strata):
    for row, values in strata:
        share = (values["age"] - row["age_from"]) / (row["age_to"] - row["age_from"])
        got = np.histogram(share, bins=4, range=(0, 1))[0] / share.size
        np.testing.assert_allclose(got, 0.25, atol=5 * np.sqrt(0.19 / share.size))


def test_albumin_has_the_reference_intervals(drawn):
    bounds = [*(row[0] for row in adults.ALBUMIN_INTERVALS), 200.0]
    for (age_from, low, high), age_to in zip(adults.ALBUMIN_INTERVALS, bounds[1:], strict=True):
        values = drawn["albumin"][(drawn["age"] >= age_from) & (drawn["age"] < age_to)]
        np.testing.assert_allclose(np.percentile(values, [2.5, 97.5]), [low, high], atol=0.1)


def test_extremes_are_people():
    """The most extreme of ten million adults, |z| = 5.2, in every stratum."""
    _, columns = adults._table()
    for z in (-5.2, 5.2):
        weight = np.exp(adults.log_quantile(np.full(12, z), columns, "weight"))
        creatinine = np.exp(adults.log_quantile(np.full(12, z), columns, "creatinine"))
        assert weight.min() > 20.0
        assert weight.max() < 500.0
        assert creatinine.min() > 0.1
        assert creatinine.max() < 10.0


def test_quantiles_rise():
    _, columns = adults._table()
    z = np.linspace(-8.2, 8.2, 4001)
    for name in ("weight", "creatinine"):
        for stratum in range(12):
            row = {key: column[stratum] for key, column in columns.items()}
            assert (np.diff(adults.log_quantile(z, row, name)) > 0).all()


def test_coefficients_come_from_the_script():
    """One stratum fitted again; mean and SD of the log exact, the points by least squares."""
    row = next(row for row in adults.survey() if row["sex"] == "male" and row["age_from"] == 60)
    again = fit_adults.fit_stratum({name: str(value) for name, value in row.items()})
    stored = next(r for r in adults._read("adults_fit.csv") if r["sex"] == "male" and r["age_from"] == 60)
    for name, value in again.items():
        assert name == "sex" or float(value) == pytest.approx(stored[name], abs=2e-4)
    five = [stored[f"creatinine_{part}"] for part in ("median", "left", "right", "low_tail", "high_tail")]
    mean, sd = fit_adults.moments(fit_adults.log_quantile(fit_adults.SCORES, np.array(five)))
    assert mean == pytest.approx(row["log_creatinine_mean"], abs=1e-4)
    assert sd == pytest.approx(row["log_creatinine_sd"], rel=1e-3)
    both = {
        f"creatinine_{part}": value
        for part, value in zip(("median", "left", "right", "low_tail", "high_tail"), five, strict=True)
    }
    np.testing.assert_allclose(
        adults.log_quantile(norm.ppf([0.05, 0.95]), both, "creatinine"),
        fit_adults.log_quantile(norm.ppf([0.05, 0.95]), np.array(five)),
        rtol=1e-12,
    )


def test_raw_normals_keep_their_streams():
    """Height is its own normal: a new covariate or another figure leaves the draw as it was."""
    ids = np.arange(1000, dtype=np.int64)
    out = {name: np.asarray(values) for name, values in adults.sample(5, ids).items()}
    raw = np.asarray(random.normal(random.key(5, "population.adults.height"), ids))
    for row in adults.survey():
        is_in = (out["sex"] == float(row["sex"] == "female")) & (out["age"] >= row["age_from"])
        is_in &= out["age"] < row["age_to"]
        expected = row["height_mean_cm"] + row["height_sd_cm"] * raw[is_in]
        np.testing.assert_allclose(out["height"][is_in], expected, rtol=1e-14)


def test_every_covariate_is_described(drawn):
    assert set(drawn) == set(adults.NAMES)
    for name, values in drawn.items():
        known = COVARIATES[name]
        assert values.dtype == np.float64
        assert known.low <= values.min() <= values.max() <= known.high
        assert known.unit and known.meaning and known.source
    assert set(np.unique(drawn["sex"])) == set(COVARIATES["sex"].flags)
