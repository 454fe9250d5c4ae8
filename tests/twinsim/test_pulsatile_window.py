"""A cohort of averaged circulations through `simulate`, bled by an event, and their hearts beat by beat."""

import numpy as np
import pytest

import twinsim
from twinsim.errors import UsageError

CIRCULATION = twinsim.structure("organs/circulation")
SPREAD = {
    "systemic_resistance": 0.15,
    "arterial_compliance": 0.25,
    "lv_elastance": 0.2,
    "resting_heart_rate": 0.1,
    "venous_compliance": 0.1,
}
MODEL = {
    "name": "hearts",
    "title": "Adults who differ in heart and vessels",
    "source": "assumed",
    "structure": "organs/circulation",
    "parameters": {
        name: {"value": f"{CIRCULATION.parameter(name).default!r} {CIRCULATION.parameter(name).unit}"}
        for name in SPREAD
    },
    "between_patients": [{"parameter": name, "distribution": "lognormal", "sd": sd} for name, sd in SPREAD.items()],
}
TIMES = [0.0, 300.0, 600.0]


@pytest.fixture(scope="module")
def cohort():
    """Three hundred patients at rest, who lose a litre of blood in 100 s after five minutes."""
    bleeding = twinsim.regimen(1000.0, route="bleeding", start=300.0, duration=100.0)
    return twinsim.simulate(MODEL, 300, bleeding, times=TIMES, seed=4, solver="explicit", endpoints=())


def test_a_cohort(cohort):
    pressure, rate = cohort["arterial_pressure"], cohort["heart_rate"]
    assert cohort.status.tolist() == [0] * 300
    assert 75.0 < np.quantile(pressure[1], 0.01) and np.quantile(pressure[1], 0.99) < 130.0
    assert (pressure[2] < pressure[1]).all() and (rate[2] > rate[1]).all()
    lost = cohort["cardiac_output"][2] / cohort["cardiac_output"][1]
    assert lost.mean() == pytest.approx(0.76, abs=0.05)  # a fifth of the blood: 0.81 by Guyton


def test_their_hearts_beat(cohort):
    """The window of each patient has the mean pressure, output and rate of its averaged circulation, within 3 %."""
    window = twinsim.pulsatile_window(cohort, seconds=10.0, outputs=["aortic_pressure", "aortic_flow"])
    assert not window.status.any()
    assert window.final["phase"] / window.final["time"] * 60.0 == pytest.approx(cohort["heart_rate"][-1], rel=1e-4)
    # about ten beats, of which one is not whole
    assert window["aortic_pressure"].mean(axis=0) == pytest.approx(cohort["arterial_pressure"][-1], rel=0.03)
    output = 0.06 * window.final["ejected"] / window.final["time"]
    assert output == pytest.approx(cohort["cardiac_output"][-1], rel=0.03)


def test_results_that_are_no_circulation():
    given = twinsim.simulate(twinsim.structure("pk/one_compartment_iv"), None, times=[0.0, 1.0])
    with pytest.raises(UsageError, match="no 'systole'"):
        twinsim.pulsatile_window(given)
