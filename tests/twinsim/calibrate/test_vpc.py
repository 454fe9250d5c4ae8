"""Visual predictive checks: percentiles, bins, correction and fractions by hand."""

import numpy as np
import pytest

import twinsim
from tests.twinsim.calibrate import studies
from twinsim.calibrate.replicates import replicate
from twinsim.calibrate.study import study_of
from twinsim.calibrate.vpc import correction, edges_of, members, quantile, vpc
from twinsim.errors import DataError, UsageError

COUNT, SEED = 40, 4


@pytest.fixture(scope="module")
def study():
    model = studies.linear_model()
    records, _ = studies.linear_study(model, patients=20, seed=2)
    return model, records


@pytest.fixture(scope="module")
def made(study):
    return replicate(study_of(*study), COUNT, SEED)


def test_percentiles_by_hand(study, made):
    model, records = study
    found = vpc(model, records, bins=[0.0, 1.5, 8.0], replicates=COUNT, seed=SEED, percentiles=(10, 50), interval=0.8)
    at, y = records.time[made.study.record], records.dv[made.study.record]
    assert len(found.table) == 4 and found.censored is None and found.replicates == COUNT
    for number, here in enumerate((at < 1.5, at >= 1.5)):
        for p in (10, 50):
            row = found.table.query(f"BIN == {number} and PERCENTILE == {p}").iloc[0]
            assert row["OBSERVED"] == pytest.approx(np.percentile(y[here], p))
            simulated = np.percentile(made.values[:, here], p, axis=1)
            assert row[["LOW", "MEDIAN", "HIGH"]].tolist() == pytest.approx(np.percentile(simulated, [10, 50, 90]))
            assert row["TIME"] == np.median(at[here]) and row["COUNT"] == here.sum()
    assert found.table["FROM"].tolist() == [0.0, 0.0, 1.5, 1.5]
    assert len(found.points) == 100 and found.points["DV"].sum() == pytest.approx(y.sum())


def test_prediction_correction_by_hand(study, made):
    """Bergstrand 2011, equation 2, where half of the patients have twice the dose."""
    model, records = study
    table = studies.plain(records)
    some = table["ID"] > 10
    table.loc[some, "AMT"] *= 2.0
    found = vpc(
        model, twinsim.read_records(table, units=studies.UNITS), bins=[0.0, 0.7, 9.0], replicates=COUNT, seed=SEED,
        corrected=True, percentiles=[50],
    )  # fmt: skip
    f = studies.unit_prediction()
    at, y = records.time[made.study.record], records.dv[made.study.record]
    typical = np.tile(f, 20) * np.where(made.patient >= 10, 2.0, 1.0)
    for number, here in enumerate((at < 0.7, at >= 0.7)):
        corrected = y[here] * np.median(typical[here]) / typical[here]
        row = found.table.query(f"BIN == {number}").iloc[0]
        assert row["OBSERVED"] == pytest.approx(np.median(corrected))
        np.testing.assert_allclose(found.points.query(f"BIN == {number}")["DV"], corrected)
    np.testing.assert_allclose(correction(np.asarray([1.0, 2.0, 4.0, 0.0]), np.zeros(4, bool)), [2.0, 1.0, 0.5, 1.0])
    # Of a lognormal error by logarithms: the geometric middle of 1, 2, 4 and 8 is sqrt(8).
    logs = correction(np.asarray([1.0, 2.0, 4.0, 8.0]), np.ones(4, bool))
    np.testing.assert_allclose(logs, np.sqrt(8.0) / np.asarray([1.0, 2.0, 4.0, 8.0]))


def test_values_below_the_limit_stay_below_all_others(study, made):
    model, records = study
    table, limit = studies.plain(records), 3.0
    low = (table["EVID"] == 0) & (table["DV"] < limit)
    table = table.assign(DV=table["DV"].mask(low, limit), CENS=low.astype(int))
    known = twinsim.read_records(table, units=studies.UNITS)
    found = vpc(model, known, bins=[7.0, 9.0], replicates=COUNT, seed=SEED)
    y, simulated = (
        values[..., records.time[made.study.record] == 8.0] for values in (records.dv[made.study.record], made.values)
    )
    fraction = found.censored.iloc[0]
    assert 0.1 < (y < limit).mean() < 0.9
    assert fraction["OBSERVED"] == pytest.approx((y < limit).mean())
    shares = (simulated < limit).mean(axis=1)
    assert fraction[["LOW", "MEDIAN", "HIGH"]].tolist() == pytest.approx(np.percentile(shares, [2.5, 50, 97.5]))
    rows = found.table.set_index("PERCENTILE")
    assert rows.loc[5.0, "OBSERVED"] == -np.inf and rows.loc[5.0, "LOW"] == -np.inf
    assert rows.loc[95.0, "OBSERVED"] == pytest.approx(np.percentile(y, 95))
    assert found.points["CENS"].sum() == (y < limit).sum()


def test_quantiles_of_infinite_values():
    values = np.asarray([[-np.inf, -np.inf, 1.0, 3.0, np.inf]])
    assert [quantile(values, share)[0] for share in (0.0, 0.4, 0.5, 0.75, 0.8)] == [-np.inf, -np.inf, 1.0, 3.0, np.inf]
    draws = np.random.default_rng(0).normal(size=(3, 11))
    np.testing.assert_allclose(quantile(draws, 0.37), np.quantile(draws, 0.37, axis=1))


def test_bins_hold_about_as_many_and_never_divide_a_time():
    at = np.repeat([0.0, 1.0, 2.0, 4.0, 8.0, 24.0], 10)
    found = members(at, edges_of(at, 3))
    assert [len(here) for here in found] == [20, 20, 20]
    assert [np.unique(at[here]).tolist() for here in found] == [[0.0, 1.0], [2.0, 4.0], [8.0, 24.0]]
    assert [len(here) for here in members(at, edges_of(at, 10))] == [10] * 6
    outside = members(np.asarray([-1.0, 0.0, 2.0, 3.0]), edges_of(at, [0.0, 1.0, 2.0]))
    assert [here.tolist() for here in outside] == [[1], [2]]


def test_strata_and_time_after_dose(study):
    model, records = study
    table = studies.plain(records).assign(SEX=lambda t: t["ID"] % 2)
    both = twinsim.read_records(table, units=studies.UNITS)
    found = vpc(model, both, by="SEX", time="TAD", replicates=3)
    assert found.table["STRATUM"].unique().tolist() == ["SEX 1", "SEX 0"]
    odd = table.query("EVID == 0 and SEX == 1 and TIME == 0.5")["DV"]
    first = found.table.query("STRATUM == 'SEX 1' and BIN == 0 and PERCENTILE == 50").iloc[0]
    assert first["OBSERVED"] == pytest.approx(odd.median()) and first["TIME"] == 0.5


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"time": "TIMES"}, "'TIMES' is no time"),
        ({"bins": [3.0, 1.0]}, "are no bins"),
        ({"bins": 0}, "are no bins"),
        ({"by": "SEX"}, "no covariate 'SEX'"),
        ({"percentiles": [105]}, "are no percentiles"),
        ({"interval": 1.0}, "is no share"),
    ],
)
def test_what_cannot_be_is_refused(study, asked, told):
    with pytest.raises(UsageError, match=told):
        vpc(*study, replicates=3, **asked)


def test_bins_without_observations_are_refused(study):
    with pytest.raises(DataError, match="no observation lies in any bin"):
        vpc(*study, replicates=3, bins=[100.0, 200.0])
