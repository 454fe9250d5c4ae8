"""Exact gradients of every objective against differences, for every kind of number that can be estimated."""

import numpy as np
import pandas as pd
import pytest

import twinsim
from tests.twinsim.calibrate import studies
from twinsim.calibrate.evaluate import Evaluator
from twinsim.calibrate.marginal import Marginal
from twinsim.calibrate.nodes import quadrature
from twinsim.calibrate.study import study_of
from twinsim.calibrate.unknowns import unknowns_of

DOCUMENT = {
    "title": "everything that can be estimated",
    "structure": "pk/one_compartment_oral",
    "covariates": {"weight": {"unit": "kg", "typical": 70}},
    "parameters": {
        "cl": {
            "value": "3 L/h",
            "relations": [{"power": {"covariate": "weight", "reference": "70 kg", "exponent": 0.7}}],
        },
        "v": {"value": "30 L"},
        "ka": {"value": "1.2 1/h"},
        "lag": {"value": "0.3 h"},
        "f": {"value": 0.8, "bounds": [0, 1]},
    },
    "between_patients": [
        {"parameters": ["cl", "v"], "variances": [0.1, 0.05], "covariances": {"cl": {"v": 0.02}}},
        {"parameter": "f", "distribution": "logit", "variance": 0.2},
    ],
}
# Fewer numbers, for programs in which all of them are followed along segments, and for errors and methods of their own.
SMALL = {
    "structure": "pk/one_compartment_iv",
    "parameters": {"cl": DOCUMENT["parameters"]["cl"], "v": {"value": "30 L"}},
    "between_patients": [{"parameter": "cl", "variance": 0.1}],
}
# Two effects that vary together.
PAIR = {**SMALL, "between_patients": DOCUMENT["between_patients"][:1]}
COMBINED = {"model": "combined2", "additive": {"sd": "0.2 mg/L"}, "proportional": {"sd": 0.1}}
ADDITIVE = {"model": "additive", "additive": {"sd": "0.2 mg/L"}}
POWER = {"model": "power", "power": {"sd": 0.2}, "exponent": 0.8}


def records(cens: bool = False, moving: bool = False, occasions: bool = False):
    """Five patients with two doses and six observations each, in bits that no model has made."""
    rows = []
    for patient in range(1, 6):
        weight = 50.0 + 10.0 * patient
        for time in (0.0, 24.0):
            rows.append(
                {"ID": patient, "TIME": time, "AMT": 100.0 + 10 * patient, "EVID": 1, "DV": np.nan, "WT": weight}
            )
            for k, after in enumerate((1.0, 4.0, 12.0)):
                y = 2.5 * np.exp(-0.08 * after) * (1.0 + 0.1 * np.sin(patient + 3 * k + time))
                rows.append({"ID": patient, "TIME": time + after, "AMT": 0.0, "EVID": 0, "DV": y, "WT": weight})
            weight *= 1.1 if moving else 1.0
    table = pd.DataFrame(rows)
    if cens:
        table["CENS"] = np.where((table["EVID"] == 0) & (table["TIME"] % 24 == 12.0), 1, 0)
        table.loc[table["TIME"] % 24 == 1.0, "CENS"] = -1
        table["LIMIT"] = np.where(table["TIME"] == 12.0, 0.2, np.nan)
        table["DV"] = table["DV"].round(1)
    if occasions:
        table["OCC"] = 1 + (table["TIME"] >= 24.0)
    ways = {"interpolation": {"WT": "linear"}} if moving else {}
    return twinsim.read_records(table, units={"AMT": "mg", "DV": "mg/L", "WT": "kg"}, **ways)


def differences(value, z: np.ndarray, step: float = 1e-4) -> np.ndarray:
    """Central differences of fourth order."""
    found = []
    for unit in np.eye(len(z)) * step:
        near, far = value(z + unit) - value(z - unit), value(z + 2 * unit) - value(z - 2 * unit)
        found.append((8.0 * near - far) / (12.0 * step))
    return np.asarray(found)


def check(method: str, error, data, rel: float = 1e-5, **more):
    model = twinsim.population_model({**DOCUMENT, "residual": {"concentration": error}, **more})
    study, unknowns = study_of(model, data), unknowns_of(model)
    evaluator = Evaluator(study, unknowns, method)
    z = unknowns.begin(model)
    starts = [np.zeros((study.outline.effects, 1))]
    found = evaluator(z, starts)
    assert found.modes.arrived.all()
    gradient = found.gradient.sum(axis=1)
    nearby = [found.modes.nu]
    expected = differences(lambda z: evaluator(z, nearby).value.sum(), z)
    assert unknowns.size == len(unknowns.labels(model))
    assert gradient == pytest.approx(expected, rel=rel, abs=rel * np.abs(gradient).max())


@pytest.mark.parametrize(("method", "document"), [("fo", PAIR), ("foce", PAIR), ("focei", {})])
def test_methods(method, document):
    check(method, COMBINED, records(), **document)


def test_laplace():
    check("laplace", COMBINED, records(), **SMALL)


def test_a_power_error():
    check("focei", POWER, records(), **SMALL)


def test_censored_observations():
    check("focei", COMBINED, records(cens=True), **SMALL)


def test_occasions():
    check(
        "focei", COMBINED, records(occasions=True), **SMALL, between_occasions=[{"parameter": "cl", "variance": 0.03}]
    )


def test_a_covariate_that_moves():
    check("focei", ADDITIVE, records(moving=True), **SMALL)


def test_the_sum_over_nodes():
    model = twinsim.population_model({**DOCUMENT, **PAIR, "residual": {"concentration": COMBINED}})
    study, unknowns = study_of(model, records()), unknowns_of(model)
    marginal = Marginal(Evaluator(study, unknowns, "focei"), quadrature(2, 3))
    z = unknowns.begin(model)
    marginal.place(z, marginal.evaluator.modes(z, [np.zeros((2, 1))]))
    expected = differences(lambda z: marginal(z).value.sum(), z)
    assert marginal(z).gradient.sum(axis=1) == pytest.approx(expected, rel=1e-6, abs=1e-5)


def test_the_tiers_agree(reference_data):
    """Gradients by equations are those of the closed form."""
    data = studies.theophylline(reference_data)
    model = studies.theophylline_model(0.45, 0.99325, 3.45, (0.6, 0.3, 0.1), 0.7)
    gradients = []
    for solver in ("closed", "explicit"):
        study, unknowns = study_of(model, data, solver=solver), unknowns_of(model)
        found = Evaluator(study, unknowns, "focei")(unknowns.begin(model), [np.zeros((3, 1))])
        gradients.append(found.gradient)
    assert gradients[0] == pytest.approx(gradients[1], rel=1e-5, abs=1e-5)
