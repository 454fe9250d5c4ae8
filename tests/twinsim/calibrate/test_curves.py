"""Curves between records agree with predictions at the records, whatever changes along the way."""

import numpy as np
import pandas as pd
import pytest

import twinsim
from tests.twinsim.calibrate import studies
from twinsim.calibrate.curves import curves


def at_records(found: pd.DataFrame, predicted: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """IPRED of both at the observations."""
    seen = predicted[predicted["EVID"] == 0]
    both = seen.merge(found.groupby(["ID", "TIME"], as_index=False).last(), on=["ID", "TIME"], suffixes=("", "_CURVE"))
    assert len(both) == len(seen)
    return both["IPRED_CURVE"].to_numpy(), both["IPRED"].to_numpy()


def test_the_closed_form_between_records():
    model = studies.linear_model()
    records, etas = studies.linear_study(model, patients=3, seed=1)
    found = curves(model, records, etas, points=20)
    assert found["ID"].unique().tolist() == [1, 2, 3]
    time = found["TIME"].to_numpy()
    typical = 12.5 * (np.exp(-0.2 * time) - np.exp(-time))
    np.testing.assert_allclose(found["PRED"], typical, atol=1e-9)
    np.testing.assert_allclose(found["IPRED"], typical * (1.0 + etas[0, found["ID"] - 1]), atol=1e-9)


@pytest.mark.parametrize("way", ["locf", "nocb", "linear"])
def test_covariates_and_occasions_stay_what_they_are(way):
    """More records in between change nothing at those that were there."""
    model = twinsim.population_model(
        {
            "title": "weight",
            "structure": "pk/one_compartment_oral",
            "covariates": {"weight": {"unit": "kg", "typical": 70}},
            "parameters": {
                "cl": {"value": "0.03 L/h/kg", "relations": [{"proportional": {"covariate": "weight"}}]},
                "v": {"value": "10 L"},
                "ka": {"value": "1 1/h"},
            },
            "between_patients": [{"parameter": "cl", "variance": 0.1}],
            "between_occasions": [{"parameter": "cl", "variance": 0.1}],
            "residual": {"concentration": {"model": "additive", "additive": {"sd": "1 mg/L"}}},
        }
    )
    table = studies.bolus_table(np.ones((5, 2))).assign(WT=lambda t: 60.0 + 3.0 * t["TIME"] + t["ID"])
    table["OCC"] = np.where(table["TIME"] > 1.5, 2, 1)
    records = twinsim.read_records(table, units={**studies.UNITS, "WT": "kg"}, interpolation={"WT": way})
    etas, kappas = np.asarray([[0.2, -0.1]]), np.asarray([[[0.3, 0.1], [-0.2, 0.0]]])
    found = curves(model, records, etas, kappas, points=9)
    predicted = twinsim.predict(model, records, etas=etas, occasion_etas=kappas)
    np.testing.assert_allclose(*at_records(found, predicted), rtol=1e-7)


def test_a_clock_that_is_set_back_has_curves_from_there():
    model = studies.linear_model()
    first = studies.bolus_table(np.ones((5, 1)))
    second = first.assign(EVID=first["EVID"].replace(1, 4))
    records = twinsim.read_records(pd.concat([first, second]), units=studies.UNITS)
    found = curves(model, records, np.zeros((1, 1)), points=17)
    assert found["TIME"][:6].tolist() == records.time[:6].tolist()
    time = found["TIME"][6:].to_numpy()
    assert len(time) == 6 + 17 and (np.diff(time) >= 0.0).all()
    np.testing.assert_allclose(found["PRED"][6:], 12.5 * (np.exp(-0.2 * time) - np.exp(-time)), atol=1e-9)
