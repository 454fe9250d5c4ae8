"""NPDE: standard normal under the model, not so under another one; ranks and censoring by hand."""

import numpy as np
import pytest
from scipy import stats

import twinsim
from tests.twinsim.calibrate import studies
from twinsim.calibrate.limits import limits_of
from twinsim.calibrate.npde import npde, standard
from twinsim.calibrate.replicates import replicate
from twinsim.calibrate.study import study_of
from twinsim.errors import UsageError

COUNT = 300


@pytest.fixture(scope="module")
def study():
    model = studies.linear_model()
    records, _ = studies.linear_study(model, patients=80, seed=2)
    return model, records


@pytest.fixture(scope="module")
def found(study):
    return npde(*study, replicates=COUNT, seed=3)


def censored(records, limit: float):
    """The records with what is below a limit reported as such."""
    table = studies.plain(records)
    low = (table["EVID"] == 0) & (table["DV"] < limit)
    return twinsim.read_records(
        table.assign(DV=table["DV"].mask(low, limit), CENS=low.astype(int)), units=studies.UNITS
    )


def test_data_of_the_model_itself_are_standard_normal(found):
    seen = found.table.query("EVID == 0")
    assert found.npde.p > 0.01 and abs(found.npde.mean) < 0.1 and abs(found.npde.variance - 1.0) < 0.2
    across = np.corrcoef(seen["NPDE"].to_numpy().reshape(80, -1).T)
    assert abs(across[np.triu_indices(5, 1)]).max() < 0.4
    # NPD of one patient are not independent.
    within = np.corrcoef(seen["NPD"].to_numpy().reshape(80, -1).T)
    assert within[1, 2] > 0.5
    assert found.table.query("EVID == 1")[["NPD", "NPDE", "EPRED"]].isna().all(axis=None)


def test_data_that_others_simulated(reference_data):
    """ACOP 2016's set is a simulation; at NONMEM's estimates nothing speaks against the model, at another v much."""
    published = studies.NONMEM["oral_1cpt SD"]
    values = dict(zip(published.names, np.exp(published.logs), strict=True))
    records = studies.simulated(reference_data, published.file, published.rows)
    model = studies.simulated_model(values, published.variances, published.residual[0])
    found = npde(model, records)
    assert found.npd.p > 0.05 and found.npde.p > 0.05
    assert npde(model.with_thetas({"v": 1.2 * values["v"]}), records).npde.p < 1e-3


def test_npd_is_the_rank_among_replicates(study, found):
    model, records = study
    made = replicate(study_of(model, records), COUNT, 3)
    for j in (0, 7, 399):
        rank = sum(made.values[k, j] < records.dv[made.study.record[j]] for k in range(COUNT))
        assert found.table["NPD"][made.study.record[j]] == pytest.approx(stats.norm.ppf((rank + 0.5) / (COUNT + 1.0)))
        assert found.table["EPRED"][made.study.record[j]] == pytest.approx(made.values[:, j].mean())


def test_npde_is_close_to_the_normal_score_of_the_linear_model(study, found):
    """Cholesky's L^-1 (y - f) with the exact covariance, which many replicates would have."""
    model, records = study
    f = studies.unit_prediction()
    root = np.linalg.cholesky(model.omega[0, 0] * np.outer(f, f) + studies.LINEAR_SD**2 * np.eye(len(f)))
    y = records.dv[records.observations].reshape(-1, len(f)).T
    exact = np.linalg.solve(root, y - f[:, None]).T.ravel()
    assert np.corrcoef(found.table.query("EVID == 0")["NPDE"], exact)[0, 1] > 0.985


@pytest.mark.parametrize("change", [{"thetas": {"cl": 3.0}}, {"omega": [[0.01]]}], ids=["clearance", "variance"])
def test_a_wrong_model_is_found_out(study, change):
    model, records = study
    wrong = model.with_thetas(change["thetas"]) if "thetas" in change else model.with_omega(change["omega"])
    assert npde(wrong, records, replicates=COUNT).npde.p < 1e-4


def test_censored_observations_are_imputed_where_they_may_lie(study):
    model, records = study
    limit = 3.0
    known = censored(records, limit)
    found = npde(model, known, replicates=COUNT, seed=3)
    made = replicate(study_of(model, known), COUNT, 3)
    below = known.cens[made.study.record] == 1
    assert 0.1 < below.mean() < 0.5
    chance = ((made.values < limit).sum(axis=0) + 0.5) / (COUNT + 1.0)
    place = stats.norm.cdf(found.table["NPD"][made.study.record])
    assert (place[below] < chance[below]).all()
    assert stats.kstest(place[below] / chance[below], "uniform").pvalue > 0.01
    assert found.npd.p > 0.005 and found.npde.p > 0.005
    assert np.isfinite(found.table["NPDE"][made.study.record]).all()


def test_a_patient_has_the_same_npde_whoever_else_is_there(study):
    model, records = study
    known = censored(records, 3.0)
    table = studies.plain(known).assign(CENS=known.cens)
    some = twinsim.read_records(table[table["ID"].isin([3, 40])], units=studies.UNITS)
    alone, among = (npde(model, r, replicates=50, lloq=3.0).table for r in (some, known))
    for name in ("NPD", "NPDE", "EPRED"):
        np.testing.assert_array_equal(alone[name], among[among["ID"].isin([3, 40])][name])


def test_several_limits_need_to_be_told_which(study):
    _, records = study
    table = studies.plain(records).assign(CENS=0)
    rows = table.index[table["EVID"] == 0]
    table.loc[rows[:2], "CENS"], table.loc[rows[:2], "DV"] = 1, [0.5, 1.0]
    two = twinsim.read_records(table, units=studies.UNITS)
    record = np.flatnonzero(two.observations)
    with pytest.raises(UsageError, match="2 limits where it is censored: 0.5, 1"):
        limits_of(two, record)
    assert limits_of(two, record, lloq=0.7).low[:3].tolist() == [0.5, 1.0, 0.7]
    assert not limits_of(records, record).any


def test_too_few_replicates_are_refused(study):
    with pytest.raises(UsageError, match="5 replicates cannot say how 5 observations"):
        npde(*study, replicates=5)


def test_tests_of_normality():
    x = np.random.default_rng(1).standard_normal(400)
    good, shifted, wide = standard(x), standard(x + 0.3), standard(1.3 * x)
    assert good.p > 0.01 and shifted.p_mean < 1e-4 and wide.p_variance < 1e-4
    assert standard(np.exp(x)).p_normal < 1e-6
    # The chi-square test by hand.
    below = stats.chi2.cdf(399 * x.var(ddof=1), 399)
    assert good.p_variance == pytest.approx(2.0 * min(below, 1.0 - below))
    assert good.p == min(1.0, 3.0 * min(good.p_mean, good.p_variance, good.p_normal))
    assert np.isnan(standard([0.1, np.nan, 0.2])).all()
