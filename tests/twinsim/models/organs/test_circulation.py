"""The averaged circulation against published resting values, blood loss and exercise."""

import jax.numpy as jnp
import numpy as np
import pytest

import twinsim
from tests.twinsim.models.organs.marching import begun, given, march, seen

CIRCULATION = twinsim.structure("organs/circulation")

# Guyton and Hall, Textbook of Medical Physiology, "effect of haemorrhage on cardiac output and arterial pressure", as
# digitised for Pulse (HemorrhagicCardiacOutput- and -MeanArterialPressureShockValidation.csv), read between its points:
# blood lost [%], arterial pressure and output [% of normal]
GUYTON = np.array([
    [10, 100.5, 96.8], [20, 98.2, 80.9], [25, 84.4, 66.2], [30, 63.5, 52.0], [35, 47.3, 42.6], [40, 43, 29.6],
])  # fmt: skip


def rested(count, parameters=None, needs=None):
    """Outputs after ten minutes (patient)."""
    p, u = given(CIRCULATION, count, parameters, needs)
    x = march(CIRCULATION, begun(CIRCULATION, p, u), p, u, jnp.full(count, 0.04), 15_000)
    return {name: np.asarray(value) for name, value in seen(CIRCULATION, x, p, u).items()} | {
        name: np.asarray(value) for name, value in x.items()
    }


LOSS = np.array([0.0, *GUYTON[:, 0]])
OXYGEN = np.array([250.0, 500.0, 1000.0, 1500.0, 2000.0])
CASES = 20


@pytest.fixture(scope="module")
def found():
    """One run for all tests: blood loss, exercise, blood loss without nerves, hypoxia, a weak heart, a stiff aorta."""
    nerves = [name for name in CIRCULATION.parameter_names if name.endswith(("_gain",))]
    volume, oxygen, air = np.full(CASES, 5.15), np.full(CASES, 250.0), np.full(CASES, 95.0)
    volume[:7], oxygen[7:12], volume[13], air[14] = 5.15 * (1.0 - LOSS / 100.0), OXYGEN, 0.85 * 5.15, 40.0
    parameters = {name: np.full(CASES, CIRCULATION.parameter(name).default) for name in nerves}
    for name in nerves:
        parameters[name][12:14] = 0.0
    elastance, compliance = np.full(CASES, 2.5), np.full(CASES, 1.6)
    elastance[15], compliance[16] = 0.8, 0.8
    parameters |= {"lv_elastance": elastance, "arterial_compliance": compliance}
    needs = {"blood_volume": volume, "oxygen_consumption": oxygen, "arterial_oxygen_pressure": air}
    return rested(CASES, parameters, needs)


# BioGears' Cardiovascular.csv: Guyton, Van Leeuwen, Edwards, Brandfonbrener, Steiner; here within 10 %
PUBLISHED = {
    "cardiac_output": 5.6,
    "heart_rate": 72.0,
    "ejection_fraction": 0.55,
    "pulse_pressure": 40.0,
    "systemic_vascular_resistance": 1.0,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_rest(found, name):
    assert found[name][0] == pytest.approx(PUBLISHED[name], rel=0.1)


@pytest.mark.parametrize("name", [port.name for port in CIRCULATION.gives if port.normal])
def test_rest_is_normal(found, name):
    normal = CIRCULATION.output(name).normal
    assert normal is not None and normal.low <= found[name][0] <= normal.high


def test_blood_loss(found):
    """Within 17 % of normal, 10 % on average: nothing is fitted, and no heart fails here for want of its own flow."""
    for name, column in (("arterial_pressure", 1), ("cardiac_output", 2)):
        relative = 100.0 * found[name][1:7] / found[name][0]
        assert (np.diff(relative) < 0.0).all()
        assert abs(relative - GUYTON[:, column]).max() < 17.0, name
        assert abs(relative - GUYTON[:, column]).mean() < 10.0, name
    # class I to III of ATLS (to 15, 30, 40 % lost): below 100, 100 to 120, 120 to 140 1/min
    assert found["heart_rate"][1] < 100.0 < found["heart_rate"][4] < 120.0 < found["heart_rate"][6] + 10.0 < 145.0


def test_nerves_halve_the_fall_of_pressure(found):
    whole = found["arterial_pressure"][0] - np.interp(15.0, LOSS, found["arterial_pressure"][:7])
    cut = found["arterial_pressure"][12] - found["arterial_pressure"][13]
    assert cut > 2.0 * whole > 0.0
    assert found["heart_rate"][12:14] == pytest.approx(70.0)


def test_exercise(found):
    """Output rises 5 to 7 L per L of oxygen (Astrand 1964: about 6), heart rate to 100 at 1 L/min, pressure little."""
    output, rate, pressure = (found[name][7:12] for name in ("cardiac_output", "heart_rate", "arterial_pressure"))
    slope = np.polyfit(OXYGEN / 1000.0, output, 1)[0]
    assert 5.0 < slope < 7.0
    assert rate[2] == pytest.approx(100.0, rel=0.05) and (np.diff(rate) > 0.0).all()
    assert 0.0 < pressure[4] - pressure[0] < 40.0


def test_hypoxia_quickens_the_heart(found):
    """Slutsky and Rebuck 1978: 0.8 1/min per % of saturation; 40 mmHg is 75 %."""
    assert 8.0 < found["heart_rate"][14] - found["heart_rate"][0] < 20.0


def test_a_weak_ventricle_and_a_stiff_aorta(found):
    weak, stiff, well = (found["ejection_fraction"][15], found["pulse_pressure"][16], 0)
    assert weak < 0.4 and found["pulmonary_wedge_pressure"][15] > found["pulmonary_wedge_pressure"][well] + 3.0
    assert found["lv_end_diastolic_volume"][15] > 1.2 * found["lv_end_diastolic_volume"][well]
    assert stiff > 1.5 * found["pulse_pressure"][well]


def test_volumes_are_the_blood(found):
    parts = ("arteries", "pulmonary_arteries", "pulmonary_veins", "left_ventricle", "right_ventricle")
    total = sum(found[name] for name in parts) / 1000.0 + found["venous_volume"]
    assert total[:7] == pytest.approx(5.15 * (1.0 - LOSS / 100.0), rel=1e-12)
