"""What a fit does with data and models that cannot be fitted: it names patients and numbers, and never pretends."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import twinsim
from tests.twinsim.calibrate import studies
from twinsim.calibrate.begin import require_finite
from twinsim.calibrate.evaluate import Evaluator, places
from twinsim.calibrate.how import prepared
from twinsim.calibrate.saem import Saem
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


def test_a_solver_that_fails_is_named():
    """Absorption within a picosecond by explicit steps."""
    values = {"cl": "4 L/h", "v": "20 L", "ka": "1e12 1/h"}
    quick = studies.model("pk/one_compartment_oral", values, {"cl": 0.1}, PROPORTIONAL)
    with pytest.raises(DataError, match=r"8 patients have no likelihood.*1 \(max_steps\)") as refused:
        twinsim.fit(quick, read(table()), solver="explicit")
    assert "solver=stiff" in refused.value.do and "additive" not in str(refused.value)
    found = twinsim.individualise(quick, read(table()), solver="explicit")
    assert set(found.to_pandas()["STATUS"]) == {"max_steps"}


def test_a_prediction_without_a_logarithm_is_named():
    """Everything is gone before the first observation."""
    lognormal = model({"model": "lognormal", "lognormal": {"sd": 0.2}}, cl="400 L/h", v="0.1 L")
    with pytest.raises(DataError, match="not above 0, whose error is lognormal"):
        twinsim.fit(lognormal, read(table()))


def test_a_likelihood_beyond_all_numbers_is_no_variance_of_zero():
    """1e200 mg are predicted soundly, and their square is infinite."""
    records = read(table())
    records = replace(records, amt=np.where(records.patient == 2, 1e200 * records.amt, records.amt))
    with pytest.raises(DataError, match=r"1 patients have no likelihood.*3 \(its likelihood is too large") as refused:
        twinsim.fit(model(ADDITIVE), records)
    assert "variance" not in str(refused.value)


@pytest.mark.parametrize("slopes", [True, False])
def test_a_slope_that_is_infinite_is_refused_where_a_search_needs_it(slopes):
    study, unknowns, *_ = prepared(model(), read(table()), "focei")
    evaluator, z = Evaluator(study, unknowns, "focei"), unknowns.begin(study.model)
    found = evaluator(z, places(study, 1, 0))
    found = found._replace(gradient=np.where(np.arange(8) == 5, np.inf, found.gradient))
    if slopes:
        with pytest.raises(DataError, match=r"1 patients .*6 \(its likelihood has no finite slope\)"):
            require_finite(evaluator, z, found)
    else:
        require_finite(evaluator, z, found, slopes=False)


def test_saem_looks_at_its_start():
    with pytest.raises(DataError, match=r"8 patients have no likelihood.*1 \(an observation that is impossible"):
        twinsim.fit(model(cl="400 L/h", v="2 L"), read(table()), "saem")


@pytest.mark.parametrize("harm", ["nan", "singular"])
def test_saem_that_goes_astray_says_in_which_iteration(monkeypatch, harm):
    """What the chains tell is no number, or no matrix that can be solved."""

    def told(size):
        if harm == "singular":
            raise np.linalg.LinAlgError("Singular matrix")
        return np.full(size, np.nan)

    monkeypatch.setattr(Saem, "_prior", lambda self, z, places: (told(len(places)), np.zeros((len(places),) * 2)))
    with pytest.raises(DataError, match=r"saem went astray in iteration 1\n.*\n  why: (Singular|.*finite step of)"):
        twinsim.fit(model(), read(table()), "saem")


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
