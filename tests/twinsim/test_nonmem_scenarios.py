"""Dosing scenarios against NONMEM's own output, through both tiers.

Model: ADVAN2 TRANS2 with CL 1.1, V 20, KA 1.5, CP = A(2)/(V/1000); ALAG2, F2, R2 and D2 come from the table.
Source: the comparison of mrgsolve with NONMEM (mrgsolve project), 29 scenarios, concentrations of 5 digits.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import twinsim
from twinsim.models.structure import Parameter, Route
from twinsim.prediction import predict_structure

SCENARIOS = range(1, 30)


def model():
    """One compartment whose central compartment has the lag, bioavailability, modelled rate and duration."""
    base = twinsim.structure("pk/one_compartment_oral")
    modelled = (
        Parameter("rate", "mg/h", 10.0, "modelled rate", "assumed"),
        Parameter("duration", "h", 2.0, "modelled duration", "assumed"),
    )
    routes = (Route("oral", "depot"), Route("iv", "central", lag="lag", f="f", rate="rate", duration="duration"))
    return replace(base, name="advan2", parameters=(*base.parameters, *modelled), routes=routes)


@pytest.fixture(scope="module", params=["closed", "linear", "explicit", "stiff"])
def compared(request, reference_data):
    """Records, our predictions and NONMEM's, for one tier."""
    folder, structure = reference_data / "nonmem_dosing", model()
    records = twinsim.read_records(
        folder / "input.csv",
        units={"AMT": "mg"},
        columns={"DV": None},
        interpolation={"LAGT": "nocb", "BIOAV": "nocb"},
        structure=structure,
    )
    parameters = {"cl": 1.1, "v": 20.0, "ka": 1.5, "lag": "LAGT", "f": "BIOAV", "rate": "RAT2", "duration": "DUR2"}
    predicted, status = predict_structure(structure, records, parameters, solver=request.param)
    nonmem = pd.read_csv(folder / "nonmem.csv")
    assert (nonmem["ID"].to_numpy() == records.ids[records.patient]).all()
    assert nonmem["TIME"].to_numpy() == pytest.approx(records.time)
    return records, 1000.0 * predicted, nonmem["CP"].to_numpy(), status


@pytest.mark.parametrize("number", SCENARIOS)
def test_every_record_is_nonmems(number, compared):
    records, predicted, nonmem, status = compared
    mine = records.ids[records.patient] == number
    printed = nonmem[mine]
    assert mine.sum() > 100 and printed.max() > 0
    digit = 10.0 ** (np.floor(np.log10(np.where(printed > 0, printed, 1.0))) - 4)
    allowed = np.where(printed > 0, 0.5 * digit, 0.0) + 1e-6 * printed.max()
    worst = np.max(np.abs(predicted[mine] - printed) / allowed)
    assert status[number - 1] == 0 and worst <= 1.0


def test_no_scenario_is_left_out(reference_data):
    table = pd.read_csv(reference_data / "nonmem_dosing" / "scenarios.csv")
    assert table["ID"].tolist() == list(SCENARIOS)
