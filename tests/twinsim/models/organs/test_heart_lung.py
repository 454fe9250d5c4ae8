"""Circulation and lung together, as a cohort through `simulate`, and their hearts beat by beat."""

import jax.numpy as jnp
import numpy as np
import pytest

import twinsim
from tests.twinsim.models.organs.marching import begun, given, march, seen
from twinsim.errors import UsageError
from twinsim.models.balance import leaks

BOTH = twinsim.structure("organs/heart_lung")
MODEL = {
    "name": "hearts and lungs",
    "title": "Adults who differ in heart, vessels and lung",
    "source": "assumed",
    "structure": "organs/heart_lung",
    "between_patients": [
        {"parameter": name, "distribution": "lognormal", "sd": sd}
        for name, sd in {
            "systemic_resistance": 0.15,
            "arterial_compliance": 0.25,
            "lv_elastance": 0.2,
            "resting_heart_rate": 0.1,
            "venous_compliance": 0.1,
            "shunt": 0.4,
            "central_gain": 0.3,
        }.items()
    ],
}
MODEL["parameters"] = {
    each["parameter"]: {
        "value": f"{BOTH.parameter(each['parameter']).default!r} {BOTH.parameter(each['parameter']).unit}"
    }
    for each in MODEL["between_patients"]
}
GIVEN = ["arterial_pressure", "stroke_volume", "cardiac_output", "arterial_oxygen_pressure", "heart_rate"]
HELD = ["heart_rate", "sympathetic_signal", "vasomotor_tone", "muscle_dilation", "venous_shift", "venous_volume"]


@pytest.fixture(scope="module")
def cohort():
    outputs = list(dict.fromkeys([*GIVEN, *HELD]))
    return twinsim.simulate(MODEL, 300, times=[0.0, 600.0], outputs=outputs, seed=4, precision="float64", endpoints=())


@pytest.fixture(scope="module")
def steady():
    """At sea level, without a fifth of the blood, at 379 mmHg, and in exercise (patient)."""
    needs = {
        "blood_volume": np.array([5.15, 4.12, 5.15, 5.15]),
        "barometric_pressure": np.array([760.0, 760.0, 379.0, 760.0]),
        "oxygen_consumption": np.array([250.0, 250.0, 250.0, 1500.0]),
        "carbon_dioxide_production": np.array([200.0, 200.0, 200.0, 1300.0]),
    }
    p, u = given(BOTH, 4, None, needs)
    x = march(BOTH, begun(BOTH, p, u), p, u, jnp.full(4, 0.05), 36_000)
    return {name: np.asarray(value) for name, value in seen(BOTH, x, p, u).items()}


def test_they_are_what_they_are_alone(steady):
    """Coupled at rest: arterial oxygen is 96 mmHg, not the 95 that the heart assumes, and flow is 5.6 L/min."""
    assert steady["cardiac_output"][0] == pytest.approx(5.6, rel=0.01)
    assert steady["arterial_carbon_dioxide_pressure"][0] == pytest.approx(40.0, abs=0.5)
    assert steady["oxygen_uptake"][0] == pytest.approx(250.0, rel=1e-4)


def test_fick(steady):
    """VO2 = CO (Ca - Cv) in every state; Cv from its saturation and what is dissolved."""
    venous = 1.34 * 15.0 * steady["mixed_venous_saturation"] + 0.0031 * steady["mixed_venous_oxygen_pressure"]
    uptake = 10.0 * steady["cardiac_output"] * (steady["arterial_oxygen_content"] - venous)
    assert uptake == pytest.approx([250.0, 250.0, 250.0, 1500.0], rel=5e-3)


def test_one_acts_on_the_other(steady):
    assert steady["mixed_venous_saturation"][1] < steady["mixed_venous_saturation"][0] - 0.05  # bled
    assert steady["heart_rate"][2] > steady["heart_rate"][0] + 10.0  # high up
    assert steady["cardiac_output"][3] > 2.0 * steady["cardiac_output"][0]  # at work
    assert steady["mixed_venous_saturation"][3] == pytest.approx(0.45, abs=0.08)
    assert leaks(BOTH) == ()


def test_a_cohort(cohort):
    assert cohort.status.tolist() == [0] * 300
    assert 75.0 < np.quantile(cohort["arterial_pressure"][-1], 0.01)
    assert np.quantile(cohort["arterial_pressure"][-1], 0.99) < 130.0
    assert cohort["arterial_oxygen_pressure"][-1].min() > 75.0


def test_their_hearts_beat(cohort):
    """The window of each patient has the mean pressure, output and rate of its averaged circulation, within 3 %."""
    window = twinsim.pulsatile_window(cohort, seconds=10.0, outputs=["aortic_pressure", "aortic_flow"])
    assert not window.status.any()
    assert window.final["phase"] / window.final["time"] * 60.0 == pytest.approx(cohort["heart_rate"][-1], rel=1e-6)
    # about ten beats, of which one is not whole
    assert window["aortic_pressure"].mean(axis=0) == pytest.approx(cohort["arterial_pressure"][-1], rel=0.03)
    output = 0.06 * window.final["ejected"] / window.final["time"]
    assert output == pytest.approx(cohort["cardiac_output"][-1], rel=0.03)


def test_results_that_are_no_circulation():
    given = twinsim.simulate(twinsim.structure("pk/one_compartment_iv"), None, times=[0.0, 1.0])
    with pytest.raises(UsageError, match="no 'systole'"):
        twinsim.pulsatile_window(given)
