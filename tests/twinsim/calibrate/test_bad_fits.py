"""What a fit does with data and models that cannot be fitted: it names patients and numbers, and never pretends."""

import numpy as np
import pandas as pd
import pytest

import twinsim
from tests.twinsim.calibrate import studies
from twinsim.errors import DataError, UsageError

ADDITIVE = {"model": "additive", "additive": {"sd": "0.3 mg/L"}}
PROPORTIONAL = {"model": "proportional", "proportional": {"sd": 0.2}}


def table(patients: int = 8, times=(0.5, 1.0, 2.0, 5.0, 9.0), noise: float = 0.1, seed: int = 0) -> pd.DataFrame:
    """One bolus of 100 mg each, clearances that differ by 30 %."""
    draw = np.random.default_rng(seed)
    rows = []
    for patient in range(1, patients + 1):
        rows.append({"ID": patient, "TIME": 0.0, "AMT": 100.0, "EVID": 1, "DV": np.nan})
        k = 4.0 / 20.0 * np.exp(0.3 * draw.standard_normal())
        for time in times:
            y = 5.0 * np.exp(-k * time) * (1.0 + noise * draw.standard_normal())
            rows.append({"ID": patient, "TIME": time, "AMT": 0.0, "EVID": 0, "DV": y})
    return pd.DataFrame(rows)


def read(data: pd.DataFrame):
    return twinsim.read_records(data, units=studies.UNITS)


def model(error=PROPORTIONAL, effects=("cl",), **values):
    given = {"cl": "4 L/h", "v": "20 L", **values}
    return studies.model("pk/one_compartment_iv", given, dict.fromkeys(effects, 0.1), error)


def test_a_patient_without_observations_costs_nobody_else():
    """Its share is nothing, its effects are 0."""
    data = table()
    alone = data[~((data["ID"] == 3) & (data["EVID"] == 0))]
    found = twinsim.fit(model(), read(alone))
    assert found.converged, found.reason
    assert found.shares[2] == 0.0 and found.etas[0, 2] == 0.0
    without = twinsim.fit(model(), read(data[data["ID"] != 3]))
    assert found.objective == pytest.approx(without.objective, abs=1e-8)
    assert found.standard_errors["cl"] == pytest.approx(without.standard_errors["cl"], rel=1e-6)


def test_a_variance_that_goes_to_zero_is_named():
    data = table(noise=0.2)
    same = data.copy()
    same["DV"] = 5.0 * np.exp(-0.2 * data["TIME"]) * np.exp(0.2 * np.random.default_rng(1).standard_normal(len(data)))
    found = twinsim.fit(model(effects=("cl", "v")), read(same.assign(DV=same["DV"].where(same["EVID"] == 0))))
    assert not found.converged
    assert "the variance of" in found.reason and "leave this random effect out" in found.reason


def test_numbers_that_cannot_be_told_apart_are_named():
    """Only the product of bioavailability and dose over volume is seen."""
    oral = studies.model(
        "pk/one_compartment_oral",
        {"cl": "4 L/h", "v": "20 L", "ka": {"value": "50 1/h", "fixed": True}, "f": {"value": 0.7, "bounds": [0, 2]}},
        {"cl": 0.1},
        PROPORTIONAL,
    )
    found = twinsim.fit(oral, read(table()))
    assert not found.converged
    assert "the records do not tell" in found.reason and "apart" in found.reason
    for name in ("f", "v"):
        assert name in found.reason
    assert np.isnan(found.standard_errors["v"])


def test_a_start_at_a_bound_is_refused():
    with pytest.raises(UsageError, match="lag: 0 is at its bound 0"):
        oral = studies.model("pk/one_compartment_oral", {"lag": "0 h"}, {"cl": 0.1}, PROPORTIONAL)
        twinsim.fit(oral, read(table()))


def test_an_impossible_observation_names_its_patient():
    """Before the first dose the prediction is 0, and so is the variance of a proportional error."""
    data = table()
    data["TIME"] += 1.0
    early = pd.DataFrame([{"ID": 5, "TIME": 0.5, "AMT": 0.0, "EVID": 0, "DV": 0.1}])
    data = pd.concat([data, early]).sort_values(["ID", "TIME"], kind="stable")
    with pytest.raises(
        DataError, match=r"1 patients have no likelihood.*5 \(an observation that is impossible"
    ) as refused:
        twinsim.fit(model(), read(data))
    assert "additive part" in refused.value.do
    assert twinsim.fit(model(ADDITIVE), read(data)).converged


def test_missing_values_are_refused_with_their_row():
    data = table()
    data.loc[4, "DV"] = np.nan
    with pytest.raises(DataError, match="an observation without a value"):
        twinsim.fit(model(), read(data))


def test_an_output_without_residual_error():
    bare = twinsim.population_model(
        {
            "title": "no error",
            "structure": "pk/one_compartment_iv",
            "parameters": {"cl": {"value": "4 L/h"}, "v": {"value": "20 L"}},
            "between_patients": [{"parameter": "cl", "variance": 0.1}],
        }
    )
    with pytest.raises(UsageError, match="no residual error for concentration"):
        twinsim.fit(bare, read(table()))


@pytest.mark.parametrize(
    ("words", "match"),
    [
        ({"method": "focie"}, "'focie' is no method"),
        ({"standard_errors": "sandwhich"}, "'sandwhich' is no standard errors"),
        ({"fit": ["cll"]}, "the model has no number 'cll'"),
        ({"covariance": "ful"}, "'ful' is no covariance"),
        ({"method": "agq", "nodes": 200_000}, "200,000 for every patient"),
    ],
)
def test_wrong_words_are_answered(words, match):
    with pytest.raises(UsageError, match=match):
        twinsim.fit(model(), read(table()), **words)


def test_a_search_that_is_cut_short_says_so():
    found = twinsim.fit(model(cl="20 L/h", v="5 L"), read(table()), max_steps=2)
    assert not found.converged and "2 steps were not enough" in found.reason


def test_a_full_covariance_of_effects_that_are_one_is_singular():
    """Volume and clearance of these patients are one number: their correlation is 1."""
    draw, rows = np.random.default_rng(3), []
    for patient in range(1, 13):
        size = np.exp(0.4 * draw.standard_normal())
        rows.append({"ID": patient, "TIME": 0.0, "AMT": 100.0, "EVID": 1, "DV": np.nan})
        for time in (0.5, 1.0, 2.0, 5.0, 9.0):
            y = 100.0 / (20.0 * size) * np.exp(-0.2 * time) * (1.0 + 0.05 * draw.standard_normal())
            rows.append({"ID": patient, "TIME": time, "AMT": 0.0, "EVID": 0, "DV": y})
    found = twinsim.fit(model(effects=("cl", "v")), read(pd.DataFrame(rows)), covariance="full")
    assert not found.converged
    assert "singular" in found.reason and "cl, v" in found.reason
