"""Residuals: closed forms where predictions are linear in a normal effect, and what nlmixr2 prints of theophylline."""

import numpy as np
import pandas as pd
import pytest

import twinsim
from tests.twinsim.calibrate import studies
from twinsim.calibrate.elapsed import time_after_dose
from twinsim.calibrate.residuals import residuals
from twinsim.calibrate.shrinkage import shrinkage


def symmetric_root(matrix: np.ndarray) -> np.ndarray:
    """A^(-1/2) by Denman and Beavers' iteration, without eigenvalues."""
    y, z = matrix, np.eye(len(matrix))
    for _ in range(60):
        y, z = 0.5 * (y + np.linalg.inv(z)), 0.5 * (z + np.linalg.inv(y))
    return z


@pytest.fixture(scope="module")
def linear():
    """A study whose predictions are linear in its only effect: records, model, effects."""
    model = studies.linear_model()
    records, truth = studies.linear_study(model, patients=40, seed=1)
    return records, model, truth


def modes(model, y: np.ndarray, f: np.ndarray, sd: float) -> np.ndarray:
    """The most likely effect of each patient (1, patient): ridge regression on the unit prediction f (time)."""
    omega = float(model.omega[0, 0])
    return ((f @ (y - f[:, None])) / (f @ f + sd**2 / omega))[None]


def test_wres_and_cwres_are_the_closed_form(linear):
    records, model, _ = linear
    f = studies.unit_prediction()
    y = records.dv[records.observations].reshape(-1, len(f)).T
    etas = modes(model, y, f, studies.LINEAR_SD)
    table = residuals(model, records, etas)
    seen = table[table["EVID"] == 0]
    root = symmetric_root(model.omega[0, 0] * np.outer(f, f) + studies.LINEAR_SD**2 * np.eye(len(f)))
    expected = (root @ (y - f[:, None])).T.ravel()
    np.testing.assert_allclose(seen["WRES"], expected, atol=1e-9)
    # Linear predictions have the same linearisation everywhere.
    np.testing.assert_allclose(seen["CWRES"], expected, atol=1e-9)
    individual = (f[:, None] * (1.0 + etas)).T.ravel()
    np.testing.assert_allclose(seen["IPRED"], individual, rtol=1e-9)
    np.testing.assert_allclose(seen["IWRES"], (seen["DV"] - individual) / studies.LINEAR_SD, atol=1e-9)
    np.testing.assert_allclose(seen["RES"], seen["DV"] - np.tile(f, y.shape[1]), atol=1e-9)
    np.testing.assert_allclose(seen["IRES"], seen["DV"] - individual, atol=1e-9)
    assert abs(expected.mean()) < 0.15 and abs(expected.std() - 1.0) < 0.15
    assert table.loc[table["EVID"] == 1, ["RES", "WRES", "CWRES", "IWRES"]].isna().all(axis=None)
    assert table["PRED"].notna().all() and (table["STATUS"] == "ok").all()


def test_censored_rows_have_no_residual_and_others_do_not_notice(linear):
    """CWRES of the others are those of a study without the censored rows."""
    records, model, truth = linear
    table = studies.plain(records)
    low = (table["EVID"] == 0) & (table["DV"] < table["DV"].quantile(0.2))
    kept = residuals(model, twinsim.read_records(table[~low], units=studies.UNITS), truth)
    censored = twinsim.read_records(table.assign(CENS=low.astype(int)), units=studies.UNITS)
    found = residuals(model, censored, truth)
    assert found.loc[low.to_numpy(), ["RES", "WRES", "IRES", "IWRES", "CWRES"]].isna().all(axis=None)
    for name in ("WRES", "CWRES", "IWRES"):
        np.testing.assert_allclose(found.loc[~low.to_numpy(), name], kept[name], atol=1e-12)


def test_lognormal_residuals_are_of_logarithms(linear):
    records, _, truth = linear
    model = studies.linear_model({"model": "lognormal", "lognormal": {"sd": 0.2}})
    seen = residuals(model, records, truth).query("EVID == 0")
    np.testing.assert_allclose(seen["RES"], np.log(seen["DV"] / seen["PRED"]), atol=1e-12)
    np.testing.assert_allclose(seen["IWRES"], np.log(seen["DV"] / seen["IPRED"]) / 0.2, atol=1e-9)
    # About 0, ln f = ln f_1 + ln (1 + eta) has slope 1 in eta at every time.
    count = len(studies.LINEAR_TIMES)
    root = symmetric_root(model.omega[0, 0] * np.ones((count, count)) + 0.04 * np.eye(count))
    expected = (root @ np.log(seen["DV"] / seen["PRED"]).to_numpy().reshape(-1, count).T).T.ravel()
    np.testing.assert_allclose(seen["WRES"], expected, atol=1e-9)


def test_interaction_takes_the_variance_at_the_individual_prediction(linear):
    records, _, truth = linear
    model = studies.linear_model({"model": "proportional", "proportional": {"sd": 0.2}})
    f, count = studies.unit_prediction(), len(studies.LINEAR_TIMES)
    one = truth[0, 0]
    for interaction, at in ((True, 1.0 + one), (False, 1.0)):
        seen = residuals(model, records, truth, interaction=interaction).query("EVID == 0")[:count]
        root = symmetric_root(model.omega[0, 0] * np.outer(f, f) + np.diag((0.2 * at * f) ** 2))
        np.testing.assert_allclose(seen["CWRES"], root @ (seen["DV"].to_numpy() - f), atol=1e-9)
        np.testing.assert_allclose(seen["IWRES"], (seen["DV"] / seen["IPRED"] - 1.0) / 0.2, atol=1e-9)


def test_occasions_have_effects_and_shrinkage_of_their_own():
    """Bioavailability acts when the dose is given, on the first occasion: C = f f^T (omega + kappa) + sd^2."""
    model = studies.linear_model(between_occasions=[{"parameter": "f", "distribution": "normal", "variance": 0.02}])
    f = studies.unit_prediction()
    y = np.random.default_rng(5).normal(f, 0.5, (3, len(f)))
    table = studies.bolus_table(y.T)
    table["OCC"] = np.where(table["TIME"] > studies.LINEAR_TIMES[1], 2, 1)
    records = twinsim.read_records(table[table["ID"] != 3], units=studies.UNITS)
    etas, kappas = np.full((1, 2), 0.1), np.asarray([[[0.05, -0.1], [0.2, 0.0]]])
    seen = residuals(model, records, etas, kappas).query("EVID == 0")
    covariance = np.outer(f, f) * (model.omega[0, 0] + 0.02) + studies.LINEAR_SD**2 * np.eye(len(f))
    expected = (symmetric_root(covariance) @ (y[:2] - f).T).T.ravel()
    np.testing.assert_allclose(seen["CWRES"], expected, atol=1e-9)
    found = shrinkage(model, records, etas + [[0.0, 0.1]], kappas).set_index("LEVEL")
    assert found.loc["kappa", "SD"] == pytest.approx(np.std([0.05, -0.1, 0.2, 0.0], ddof=1))
    assert found.loc["eta", "SHRINKAGE_VARIANCE"] == pytest.approx(1.0 - 0.005 / 0.04)
    assert found.loc["eta", "SHRINKAGE_SD"] == pytest.approx(1.0 - np.sqrt(0.005 / 0.04))


def test_theophylline_against_nlmixr2(reference_data):
    """FOCEI of nlmixr2 (objective 116.8037) prints the first rows and, in per cent, shrinkage of ka, cl and v."""
    records = studies.theophylline(reference_data)
    start = studies.theophylline_model(0.46445, 1.01205, 3.45997, (0.40463, 0.06880, 0.01922), 0.69384)
    found = twinsim.fit(start, records, standard_errors=None)
    table = residuals(found.model, records, found.etas)
    told = shrinkage(found.model, records, found.etas, residuals=table).set_index(["LEVEL", "NAME"])["SHRINKAGE_SD"]
    for name, value in {"ka": 1.80, "cl": 3.77, "v": 10.4}.items():
        assert 100.0 * told["eta", name] == pytest.approx(value, abs=0.15)
    assert told["epsilon", ""] == pytest.approx(1.0 - table["IWRES"].std())
    printed = {
        "PRED": (0.0, 3.26, 5.83), "RES": (0.74, -0.423, 0.740), "IPRED": (0.0, 3.85, 6.79),
        "IRES": (0.74, -1.01, -0.215), "IWRES": (1.07, -1.45, -0.310),
    }  # fmt: skip
    for name, values in printed.items():
        assert table.query("EVID == 0")[name][:3].tolist() == pytest.approx(values, rel=5e-3, abs=2e-3)
    # nlmixr2 divides by roots of the diagonal: what is right where a patient has one observation.
    columns = records.to_pandas()[["ID", "TIME", "AMT", "EVID", "CMT", "DV"]]
    single = columns[(columns["EVID"] == 1) | (columns.groupby("ID").cumcount() == 2)]
    alone = residuals(found.model, twinsim.read_records(single, units=studies.UNITS), found.etas).query("EVID == 0")
    assert alone["WRES"].iloc[0] == pytest.approx(-0.226, abs=2e-3)
    assert alone["CWRES"].iloc[0] == pytest.approx(-0.178, abs=2e-3)


def test_time_after_dose_follows_additional_doses():
    """Doses at 1, 13, 25 by ADDL and at 31; a sample when a dose is due comes before it."""
    times = [0.0, 1.0, 7.0, 13.0, 14.0, 25.0, 30.0, 31.0, 31.0, 51.0]
    table = pd.DataFrame({"ID": 1, "TIME": times, "EVID": [0, 1, 0, 0, 0, 0, 0, 0, 1, 0], "DV": 1.0})
    dose = table["EVID"] == 1
    table["DV"], table["AMT"] = table["DV"].mask(dose), np.where(dose, 100.0, 0.0)
    table["ADDL"], table["II"] = np.where(table["TIME"] == 1.0, 2, 0), np.where(table["TIME"] == 1.0, 12.0, 0.0)
    found = time_after_dose(twinsim.read_records(table, units=studies.UNITS))
    np.testing.assert_allclose(found, [np.nan, 0.0, 6.0, 12.0, 1.0, 12.0, 5.0, 6.0, 0.0, 20.0])
