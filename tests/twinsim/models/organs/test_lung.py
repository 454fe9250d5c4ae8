"""Blood gases and breathing against published curves and figures."""

import jax.numpy as jnp
import numpy as np
import pytest

import twinsim
from tests.twinsim.models.organs.marching import begun, given, march, seen
from twinsim.models.organs import _blood_gas as gas
from twinsim.models.values import Values

LUNG = twinsim.structure("organs/lung")
P = Values({item.name: item.default for item in LUNG.parameters}, "lung")

# altitude in thousands of feet: barometric pressure, alveolar PCO2 of people newly there (Rahn and Otis 1949; the table
# of aviation medicine, from memory)
ALTITUDE = np.array([[760.0, 40.0], [632.0, 37.4], [523.0, 36.0], [429.0, 32.5], [379.0, 30.4]])
CARBON_DIOXIDE = np.array([0.0, 0.02, 0.04, 0.06])
BICARBONATE = np.array([10.0, 14.0, 18.0])
OXYGEN = np.array([0.5, 1.0])
METABOLISM = np.array([[500.0, 400.0, 7.1], [1000.0, 850.0, 10.1], [2000.0, 1800.0, 16.1]])


@pytest.fixture(scope="module")
def found():
    """One run for all tests, two and a half hours."""
    count = 22
    needs = {port.name: np.full(count, port.default) for port in LUNG.needs}
    needs["barometric_pressure"][:5] = ALTITUDE[:, 0]
    needs["inspired_carbon_dioxide_fraction"][5:9] = CARBON_DIOXIDE
    needs["bicarbonate"][9:12] = BICARBONATE
    needs["inspired_oxygen_fraction"][12:14] = OXYGEN
    for name, values in zip(
        ("oxygen_consumption", "carbon_dioxide_production", "cardiac_output"), METABOLISM.T, strict=True
    ):
        needs[name][14:17] = values
    needs["haemoglobin"][17] = 7.5
    shunt, drive, fev1 = np.full(count, LUNG.parameter("shunt").default), np.ones(count), np.full(count, 4.0)
    shunt[18], drive[19], fev1[20] = 0.3, 0.4, 0.15
    needs["inspired_oxygen_fraction"][21] = 0.125
    p, u = given(LUNG, count, {"shunt": shunt, "respiratory_drive": drive, "fev1": fev1}, needs)
    x = march(LUNG, begun(LUNG, p, u), p, u, jnp.full(count, 0.01), 15_000)
    return {name: np.asarray(value) for name, value in seen(LUNG, x, p, u).items()}


def test_severinghaus():
    """Equation 1 of 1979, which is within 0.0055 of the standard curve; its own p50 is 26.86 mmHg."""
    pressure = np.array([5.0, 10.0, 20.0, 26.86, 40.0, 60.0, 80.0, 100.0, 150.0])
    expected = 1.0 / (23400.0 / (pressure**3 + 150.0 * pressure) + 1.0)
    assert np.asarray(gas.saturation(pressure / P.p50)) == pytest.approx(expected, abs=2e-4)
    # points every textbook has of the normal curve, to a per cent of saturation
    for each, value in {27.0: 0.50, 40.0: 0.75, 60.0: 0.90, 100.0: 0.975}.items():
        assert float(gas.saturation(each / P.p50)) == pytest.approx(value, abs=0.01)


@pytest.mark.parametrize("haemoglobin", [4.0, 15.0, 20.0])
def test_contents_lead_back_to_pressures(haemoglobin):
    y = np.geomspace(0.02, 25.0, 200)
    content = gas.oxygen_content(y, P, haemoglobin)
    assert np.asarray(gas.oxygen_of(content, P, haemoglobin)) == pytest.approx(y, rel=1e-5)
    pressure = np.linspace(5.0, 120.0, 24)[:, None]
    back = gas.carbon_dioxide_pressure(gas.carbon_dioxide_content(pressure, y[None], P), y[None], P)
    assert np.asarray(back) == pytest.approx(np.broadcast_to(pressure, back.shape), rel=1e-6)


def test_contents_of_blood():
    """West: arterial blood holds 20 mL/dL of oxygen and 48 of carbon dioxide, venous 15 and 52."""
    assert float(gas.oxygen_content(95.0 / P.p50, P, 15.0)) == pytest.approx(20.0, rel=0.03)
    assert float(gas.carbon_dioxide_content(40.0, 95.0 / P.p50, P)) == pytest.approx(48.0, rel=0.03)
    assert float(gas.carbon_dioxide_content(46.0, 40.0 / P.p50, P)) == pytest.approx(52.0, rel=0.03)


@pytest.mark.parametrize("name", [port.name for port in LUNG.gives if port.normal])
def test_rest_is_normal(found, name):
    normal = LUNG.output(name).normal
    assert normal is not None and normal.low <= found[name][0] <= normal.high


def test_the_alveolar_gas_equation(found):
    """PAO2 = PIO2 - PACO2 (FIO2 + (1 - FIO2) / R) at rest, at altitude, on oxygen and in exercise."""
    for at, fraction, pressure, ratio in (
        *((i, 0.2093, ALTITUDE[i, 0], 0.8) for i in range(5)),
        *((12 + i, OXYGEN[i], 760.0, 0.8) for i in range(2)),
        *((14 + i, 0.2093, 760.0, METABOLISM[i, 1] / METABOLISM[i, 0]) for i in range(3)),
    ):
        dioxide = found["alveolar_carbon_dioxide_pressure"][at]
        expected = fraction * (pressure - 47.0) - dioxide * (fraction + (1.0 - fraction) / ratio)
        assert found["alveolar_oxygen_pressure"][at] == pytest.approx(expected, abs=0.1)
        assert found["oxygen_uptake"][at] == pytest.approx(250.0 if at < 14 else METABOLISM[at - 14, 0], rel=1e-4)


def test_altitude(found):
    assert abs(found["alveolar_carbon_dioxide_pressure"][:5] - ALTITUDE[:, 1]).max() < 2.5


def test_hypoxia(found):
    """12.5 % oxygen: Aebi et al. 2020, table 3: end-tidal CO2 11 % down (normobaric) to 42 % (5500 m, 36 mmHg of O2),
    ventilation 0 to 32 % up."""
    fall = 1.0 - found["end_tidal_carbon_dioxide_pressure"][21] / found["end_tidal_carbon_dioxide_pressure"][0]
    assert 0.11 < fall < 0.42
    assert 1.0 < found["ventilation"][21] / found["ventilation"][0] < 1.32


def test_carbon_dioxide(found):
    """2 to 3 L/min per mmHg."""
    slope = np.diff(found["ventilation"][5:9]) / np.diff(found["arterial_carbon_dioxide_pressure"][5:9])
    assert (slope > 1.9).all() and (slope < 3.0).all()


def test_metabolic_acidosis(found):
    """Winters: PaCO2 = 1.5 HCO3 + 8 (SD 2), HCO3 the actual one of Henderson and Hasselbalch."""
    dioxide, ph = (found[name][9:12] for name in ("arterial_carbon_dioxide_pressure", "arterial_ph"))
    actual = 0.0307 * dioxide * 10.0 ** (ph - 6.1)
    assert dioxide == pytest.approx(1.5 * actual + 8.0, abs=4.0)


def test_exercise_keeps_carbon_dioxide(found):
    assert found["arterial_carbon_dioxide_pressure"][14:17] == pytest.approx(40.0, abs=2.0)
    assert found["ventilation"][16] == pytest.approx(45.0, rel=0.15)  # 25 L per L of carbon dioxide


def test_conditions(found):
    rest = {name: value[0] for name, value in found.items()}
    assert found["mixed_venous_saturation"][17] < rest["mixed_venous_saturation"] - 0.15  # anaemia
    assert found["arterial_oxygen_content"][17] == pytest.approx(0.5 * rest["arterial_oxygen_content"], rel=0.03)
    assert found["arterial_oxygen_pressure"][18] < 65.0  # a shunt of 30 %
    assert found["arterial_carbon_dioxide_pressure"][19] > 42.0  # opioids
    assert found["arterial_carbon_dioxide_pressure"][20] > 42.0  # an FEV1 that lets no 7 L/min through
