"""What the records do not tell is never reported as converged, and errors never come from what cannot carry them."""

import numpy as np
import pandas as pd
import pytest

import twinsim
from tests.twinsim.calibrate import studies
from tests.twinsim.calibrate.test_bad_fits import ADDITIVE, PROPORTIONAL, model, read, table
from twinsim.calibrate.climb import ascend
from twinsim.calibrate.evaluate import places
from twinsim.calibrate.how import prepared
from twinsim.errors import UsageError


def oral(f: float):
    """Only the product of bioavailability and dose over volume is seen."""
    free = {"f": {"value": f, "bounds": [0, 2]}, "ka": {"value": "50 1/h", "fixed": True}}
    return studies.model("pk/one_compartment_oral", {"cl": "4 L/h", "v": "20 L", **free}, {"cl": 0.1}, PROPORTIONAL)


@pytest.mark.parametrize(("seed", "f"), [(0, 0.7), (1, 0.7), (0, 1.7)])
def test_a_product_of_two_numbers(seed, f):
    found = twinsim.fit(oral(f), read(table(seed=seed)))
    assert not found.converged and "apart" in found.reason
    assert "f" in found.reason and "v" in found.reason and np.isnan(found.standard_errors["v"])


@pytest.mark.parametrize("variance", [0.02, 0.3])
def test_one_occasion_does_not_tell_its_variance_from_the_patients(variance):
    whole = twinsim.population_model(
        {
            "title": "occasions",
            "structure": "pk/one_compartment_iv",
            "parameters": {"cl": {"value": "4 L/h"}, "v": {"value": "20 L"}},
            "between_patients": [{"parameter": "cl", "variance": variance}],
            "between_occasions": [{"parameter": "cl", "variance": 0.05}],
            "residual": {"concentration": PROPORTIONAL},
        }
    )
    found = twinsim.fit(whole, read(table(patients=12)))
    assert not found.converged
    assert "omega(cl,cl)" in found.reason and "kappa(cl,cl)" in found.reason


def test_a_covariate_that_is_the_same_for_everyone():
    relation = {"power": {"covariate": "weight", "reference": "70 kg", "exponent": 0.5}}
    given = {"cl": {"value": "4 L/h", "relations": [relation]}}
    records = twinsim.read_records(table().assign(WT=90.0), units={**studies.UNITS, "WT": "kg"})
    found = twinsim.fit(model(**given), records)
    assert not found.converged and "cl.weight.exponent" in found.reason


@pytest.mark.parametrize("kind", ["sandwich", "s"])
def test_few_patients_have_the_errors_of_r(kind, caplog):
    """One patient's gradient is 0 at the minimum: a sandwich of it would be 0 too."""
    alone = model().without_random_effects()
    records = read(table(patients=1))
    found = twinsim.fit(alone, records, "fo", standard_errors=kind)
    r = twinsim.fit(alone, records, "fo", standard_errors="r")
    assert found.converged and found.errors_by == "r" and "patients are too few" in caplog.text
    assert found.standard_errors == r.standard_errors


def test_priors_count_in_the_sandwich():
    """All that is known of f is its prior, a coefficient of variation of 20 %."""
    document = {**oral(0.7).document, "priors": {"f": {"distribution": "lognormal", "cv": 0.2}}}
    found = twinsim.fit(twinsim.population_model(document), read(table(patients=12)))
    assert found.converged, found.reason
    assert found.standard_errors["f"] / found.estimates["f"] == pytest.approx(0.2, rel=0.1)


@pytest.mark.parametrize("seed", [0, 2, 3])
def test_an_additive_error_that_is_not_there(seed):
    error = {"model": "combined2", "additive": {"sd": "0.1 mg/L"}, "proportional": {"sd": 0.2}}
    found = twinsim.fit(model(error), read(table(patients=10, seed=seed)))
    assert not found.converged and "concentration.additive is at its bound 0" in found.reason


def test_a_small_number_that_is_well_known_is_at_no_bound():
    """The same study in other units: a residual error of a third of a picogram per millilitre."""
    draw = np.random.default_rng(5)
    data = table(patients=12, noise=0.0)
    data["AMT"] *= 1e-6
    data["DV"] = 1e-6 * data["DV"] + 3e-7 * draw.standard_normal(len(data))
    found = twinsim.fit(model({"model": "additive", "additive": {"sd": "1e-6 mg/L"}}), read(data))
    assert found.converged, found.reason
    assert found.estimates["concentration.additive"] == pytest.approx(3e-7, rel=0.3)


@pytest.mark.parametrize("method", ["focei", "saem", "agq"])
def test_patients_that_do_not_differ(method):
    """The objective that is told is that of the place where the fit ended."""
    data = table(patients=8, noise=0.1)
    same = 5.0 * np.exp(-0.2 * data["TIME"]) * np.exp(0.1 * np.random.default_rng(3).standard_normal(len(data)))
    records = read(data.assign(DV=same.where(data["EVID"] == 0)))
    found = twinsim.fit(model(), records, method)
    assert not found.converged
    # Simulated iterations come no closer than their chains.
    assert method == "saem" or "the variance of cl is at its bound 0" in found.reason
    if method != "focei":
        assert twinsim.objective(found.model, records, "agq") == pytest.approx(found.objective, abs=1e-3)


def test_nodes_are_put_anew_until_they_stay():
    records = read(table(patients=12))
    found = twinsim.fit(model(ADDITIVE), records, "agq")
    assert found.converged, found.reason
    assert twinsim.objective(found.model, records, "agq") == pytest.approx(found.objective, abs=1e-6)


def test_what_a_checkpoint_belongs_to():
    """Ids move the nodes of imp and the chains of saem; outputs are what observations are compared with."""
    data = table()
    identities = []
    for shifted, dvid, outputs in ((0, "", None), (1000, "", None), (0, "a", {"a": "concentration"})):
        rows: pd.DataFrame = data.assign(ID=data["ID"] + shifted)
        rows = rows.assign(DVID=dvid) if dvid else rows
        units = {"AMT": "mg", "DV": {dvid: "mg/L"} if dvid else "mg/L"}
        records = twinsim.read_records(rows, units=units)
        identities.append(prepared(model(), records, "focei", outputs=outputs).study.identity["records"])
    assert identities[0] != identities[1]
    pca = twinsim.population_model("warfarin_pkpd")
    records = twinsim.read_records(data.assign(DVID="a"), units={"AMT": "mg", "DV": {"a": "mg/L"}})
    one = prepared(pca, records, "focei", outputs={"a": "concentration"}).study.identity["records"]
    percent = twinsim.read_records(data.assign(DVID="a"), units={"AMT": "mg", "DV": {"a": "%"}})
    assert one != prepared(pca, percent, "focei", outputs={"a": "pca"}).study.identity["records"]


def test_a_fixed_effect_does_not_vary_with_a_free_one():
    document = dict(model(effects=("cl", "v")).document)
    document["between_patients"] = [
        {"parameter": "cl", "variance": 0.1},
        {"parameter": "v", "variance": 0.05, "fixed": True},
    ]
    tied = twinsim.population_model(document).with_omega(np.asarray([[0.1, 0.06], [0.06, 0.05]]))
    with pytest.raises(UsageError, match="varies together"):
        twinsim.fit(tied, read(table()))


def test_a_resample_of_few_patients_tells_what_it_tells():
    """Ten draws of six patients are no more patients than six, however often each was drawn."""
    ready = prepared(model(), read(table(patients=6)), "focei")
    again = ready.study.of_patients(np.asarray([0, 0, 1, 1, 2, 2, 3, 4, 5, 5]))
    begin = ready.unknowns.begin(ready.study.model)
    few = ready.study.of_patients(np.asarray([0, 0, 0, 1, 1, 2, 2, 3, 3, 3]))
    for study in (again, few):
        summit = ascend(study, ready.unknowns, ready.how, begin, places(study, 3, 0))
        assert not summit.sharp.flat.size and summit.sharp.gain < 1e-3
        assert summit.sharp.whole == (study is again)
