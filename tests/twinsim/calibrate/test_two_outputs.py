"""Diagnostics of two outputs at once, one with a normal and one with a lognormal error."""

import numpy as np
import pandas as pd
import pytest

import twinsim
from twinsim.calibrate.npde import npde
from twinsim.calibrate.replicates import replicate
from twinsim.calibrate.residuals import residuals
from twinsim.calibrate.shrinkage import shrinkage
from twinsim.calibrate.study import study_of
from twinsim.calibrate.vpc import vpc
from twinsim.report import predictive_plots

SEED = 5
LABELS = {"concentration": "parent", "metabolite_concentration": "metabolite"}


@pytest.fixture(scope="module")
def study():
    """Parent and metabolite of eight patients at four times, in different units, values near their predictions."""
    model = twinsim.population_model(
        {
            "title": "parent and metabolite",
            "structure": "pk/parent_metabolite",
            "parameters": {"cl": {"value": "2 L/h"}, "v": {"value": "10 L"}, "clm": {"value": "3 L/h"}},
            "between_patients": [{"parameter": "cl", "variance": 0.05}],
            "residual": {
                "concentration": {"model": "additive", "additive": {"sd": "0.5 mg/L"}},
                "metabolite_concentration": {"model": "lognormal", "lognormal": {"sd": 0.2}},
            },
        }
    )
    rows = []
    for one in range(1, 9):
        rows.append({"ID": one, "TIME": 0.0, "AMT": 100.0, "EVID": 1, "DVID": ""})
        rows += [
            {"ID": one, "TIME": t, "EVID": 0, "AMT": 0.0, "DVID": label}
            for t in (1.0, 3.0, 6.0, 9.0)
            for label in LABELS.values()
        ]
    table = pd.DataFrame(rows)
    draw = np.random.default_rng(1)
    table["DV"] = np.where(table["DVID"] == "parent", 4.0, 2000.0) * np.exp(0.3 * draw.standard_normal(len(table)))
    table["DV"] = table["DV"].where(table["EVID"] == 0)
    units = {"AMT": "mg", "DV": {"parent": "mg/L", "metabolite": "ug/L"}}
    return model, twinsim.read_records(table, units=units), {label: name for name, label in LABELS.items()}


def test_residuals(study):
    model, records, outputs = study
    table = residuals(model, records, 0.1 * np.ones((1, 8)), outputs=outputs)
    parent, metabolite = (table[table["DVID"] == label] for label in LABELS.values())
    np.testing.assert_allclose(parent["IWRES"], (parent["DV"] - parent["IPRED"]) / 0.5, rtol=1e-6)
    np.testing.assert_allclose(metabolite["IWRES"], np.log(metabolite["DV"] / metabolite["IPRED"]) / 0.2, rtol=1e-6)
    np.testing.assert_allclose(parent["RES"], parent["DV"] - parent["PRED"], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(metabolite["RES"], np.log(metabolite["DV"] / metabolite["PRED"]), rtol=1e-6, atol=1e-9)
    told = shrinkage(model, records, np.zeros((1, 8)), residuals=table).set_index("NAME")["SHRINKAGE_SD"]
    assert told["metabolite"] == pytest.approx(1.0 - metabolite["IWRES"].std())
    assert told["cl"] == 1.0


def test_replicates(study):
    model, records, outputs = study
    made = replicate(study_of(model, records, outputs=outputs), 2, SEED)
    etas = model.draw_etas(SEED, records.ids, replicate=1)
    individual = twinsim.predict(model, records, etas=etas, outputs=outputs)["IPRED"].to_numpy()[made.study.record]
    individual = individual.reshape(8, 8).T
    labels = records.dvid[made.study.record].reshape(8, 8).T
    seen = np.zeros((8, 8))
    for name, label in LABELS.items():
        unit = 1000.0 if label == "metabolite" else 1.0
        own = unit * np.asarray(model.residual(name, individual / unit, SEED, records.ids, replicate=1))
        seen[labels == label] = own[labels == label]
    np.testing.assert_allclose(made.values[1].reshape(8, 8).T, seen, rtol=1e-6)
    assert made.logged.tolist() == [False, True] * 32


def test_npde_and_vpc(study):
    model, records, outputs = study
    found = npde(model, records, replicates=60, outputs=outputs)
    assert np.isfinite(found.table.loc[records.evid == 0, ["NPD", "NPDE"]]).all(axis=None)
    check = vpc(model, records, replicates=5, outputs=outputs, bins=2)
    assert check.table["STRATUM"].unique().tolist() == ["parent", "metabolite"]
    first = check.table.query("STRATUM == 'metabolite' and BIN == 0 and PERCENTILE == 50").iloc[0]
    here = (records.dvid == "metabolite") & (records.time < 6.0) & (records.evid == 0)
    assert first["OBSERVED"] == pytest.approx(np.median(records.dv[here]))
    assert first["LOW"] > 100.0


def test_each_output_has_its_own_check_and_discrepancies(study):
    model, records, outputs = study
    check = vpc(model, records, replicates=5, outputs=outputs, bins=2, lloq={"parent": 3.0})
    parent, metabolite = check.of("parent"), check.of("metabolite")
    assert len(parent.table) + len(metabolite.table) == len(check.table) and set(parent.table["STRATUM"]) == {""}
    assert parent.points["DV"].max() < 20.0 < 200.0 < metabolite.points["DV"].min()
    assert parent.censored is not None and metabolite.censored is None
    found = npde(model, records, replicates=60, outputs=outputs)
    own = found.of("metabolite")
    assert own.npde != found.npde and own.table["EPRED"].min() > 50.0 and set(own.table["DVID"]) == {"metabolite"}


def test_the_report_shows_each_output_in_its_unit(study):
    model, records, outputs = study
    check = vpc(model, records, replicates=5, outputs=outputs, bins=2, corrected=True, lloq={"parent": 3.0})
    names = {"parent": "mg/L", "metabolite": "ug/L"}
    for label, unit in names.items():
        figure = predictive_plots.visual_predictive_check(check.of(label), label=label, unit=unit)
        assert label in figure.axes[0].get_ylabel() and f"[{unit}]" in figure.axes[0].get_ylabel()
        assert sum(axes.get_visible() for axes in figure.axes) == (2 if label == "parent" else 1)
    # All at once: only the output with a limit has a picture of what lies below.
    both = predictive_plots.visual_predictive_check(check, label="value", unit="1")
    assert sum(axes.get_visible() for axes in both.axes) == 3
