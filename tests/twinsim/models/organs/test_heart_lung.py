"""Circulation and lung together."""

import jax.numpy as jnp
import numpy as np
import pytest

import twinsim
from tests.twinsim.models.organs.marching import begun, given, march, seen

BOTH = twinsim.structure("organs/heart_lung")


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
