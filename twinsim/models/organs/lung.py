"""Lung, gas exchange and what drives breathing, averaged over the breath.

    VT = VE / (28 1/min) + 0.3 L until half the vital capacity,  VA = (1 - dead_space / VT) (1 - alveolar dead space) VE
    VI = VA + (uptake of O2 - output of CO2) in the gas's volume in the lung
    d oxygen_lung/dt            = VI FIO2 (PB - 47) / 863 - VA PAO2 / 863 - uptake,      PAO2 = 863 oxygen_lung / frc
    d carbon_dioxide_lung/dt    = VI FICO2 (PB - 47) / 863 - VA PACO2 / 863 + output
    d oxygen_tissue/dt          = uptake - consumption,      Cv = oxygen_tissue / its volume
    d carbon_dioxide_tissue/dt  = production - output        likewise
    uptake = (1 - shunt) CO (Cc - Cv),  output alike;  arterial content = (1 - shunt) Cc + shunt Cv
    Cc: of blood at alveolar pressures, organs/_blood_gas.py

    d central/dt    = (gc max(P - 39 mmHg, 0) - central) / 105 s          P = PaCO2 (24 mmol/L / bicarbonate)^0.85
    d peripheral/dt = (gp max(P - 25 mmHg, 0) (1 + A / (PaO2 - 32 mmHg)) - peripheral) / 83 s
    VE = respiratory_drive (central + peripheral + extra CO2 produced by exercise), bent towards 40 fev1 / min

In a steady state this is the alveolar gas equation. Tissue is one pool with the venous blood, the way to the
chemoreceptors takes no time, diffusion is complete. VE does not stop below the apnoeic threshold of either receptor
alone, since they have different ones.

Needs: cardiac_output, haemoglobin, oxygen_consumption, carbon_dioxide_production, bicarbonate, and the air.

Source: gas exchange and stores of Khoo et al. 1982, J Appl Physiol 53:644, as in PNEUMA; breaths Hey et al. 1966,
Respir Physiol 1:193; hypoxic response Weil et al. 1970, J Clin Invest 49:1061; delays and shunt Albanese et al. 2016,
tables 4 and 6; work Otis 1950. How the response to carbon dioxide is shared between receptors is assumed, so that
alveolar air at altitude is that of Rahn and Otis 1949.
"""

import jax.numpy as jnp

from twinsim.models.organs import _blood_gas as gas
from twinsim.models.organs._lung_parameters import PARAMETERS
from twinsim.models.structure import Port, Range, State, Structure

_LAB = "Van Leeuwen and Bladh 2015, from memory"
_FLOOR = 0.25  # of the hypoxic asymptote: the hyperbola is cut there, and oxygen pressures stay above it


def _blood(y, pressure, p, u):
    """Contents of blood [mL/dL]."""
    return gas.oxygen_content(y, p, u.haemoglobin), gas.carbon_dioxide_content(pressure, y, p)


def _pressures(oxygen, dioxide, p, u):
    """y, PO2, PCO2 and pH of contents."""
    y = gas.oxygen_of(oxygen, p, u.haemoglobin)
    pressure = gas.carbon_dioxide_pressure(dioxide, y, p)
    ph = gas.acidity(pressure, u.bicarbonate, p)
    return y, y * gas.shifted(p, ph), pressure, ph


def _breathing(x, p, u):
    """VE, VA [L/min], VT [L]."""
    extra = jnp.maximum(u.carbon_dioxide_production - p.resting_carbon_dioxide_production, 0.0)
    wanted = p.respiratory_drive * jnp.maximum(x.central + x.peripheral + p.exercise_drive * extra, 0.0)
    most = p.ventilation_per_fev1 * p.fev1
    ventilation = wanted / (1.0 + (wanted / most) ** 4) ** 0.25
    deepest = p.deepest_breath * (p.total_lung_capacity - p.residual_volume)
    tidal = jnp.minimum(ventilation / p.breath_slope + p.least_breath, deepest)
    alveolar = jnp.maximum(1.0 - p.dead_space / tidal, 0.0) * (1.0 - p.alveolar_dead_space) * ventilation
    return ventilation, alveolar, tidal


def _now(x, p, u):
    """Ventilation, pressures, contents and flows of gas."""
    ventilation, alveolar, tidal = _breathing(x, p, u)
    per_lung = p.stpd_pressure / (1000.0 * p.functional_residual_capacity)
    pao2 = jnp.maximum(x.oxygen_lung, 0.0) * per_lung
    paco2 = jnp.maximum(x.carbon_dioxide_lung, 0.0) * per_lung
    ph = gas.acidity(jnp.maximum(paco2, _FLOOR * p.hypoxic_asymptote), u.bicarbonate, p)
    capillary = _blood(pao2 / gas.shifted(p, ph), paco2, p, u)
    venous = (
        0.1 * x.oxygen_tissue / p.oxygen_tissue_volume,
        0.1 * x.carbon_dioxide_tissue / p.carbon_dioxide_tissue_volume,
    )
    arterial = tuple((1.0 - p.shunt) * c + p.shunt * v for c, v in zip(capillary, venous, strict=True))
    through = 10.0 * (1.0 - p.shunt) * u.cardiac_output
    uptake, output = through * (capillary[0] - venous[0]), through * (venous[1] - capillary[1])
    dry = u.barometric_pressure - p.water_vapour_pressure
    inspired = alveolar + p.stpd_pressure / dry * (uptake - output) / 1000.0
    to_stpd = 1000.0 / p.stpd_pressure
    return {
        "ventilation": ventilation, "alveolar": alveolar, "tidal": tidal, "pao2": pao2, "paco2": paco2,
        "arterial": arterial, "venous": venous, "uptake": uptake, "output": output,
        "oxygen_in": to_stpd * (inspired * u.inspired_oxygen_fraction * dry - alveolar * pao2),
        "dioxide_out": to_stpd * (alveolar * paco2 - inspired * u.inspired_carbon_dioxide_fraction * dry),
        "art": _pressures(arterial[0], arterial[1], p, u),
    }  # fmt: skip


def _drives(oxygen, dioxide, p, u):
    """What chemoreceptors ask for in a steady state [L/min]."""
    felt = dioxide * (p.normal_bicarbonate / u.bicarbonate) ** p.acid_sensitivity
    margin = jnp.maximum(oxygen - p.hypoxic_asymptote, _FLOOR * p.hypoxic_asymptote)
    central = p.central_gain * jnp.maximum(felt - p.central_threshold, 0.0)
    peripheral = p.peripheral_gain * jnp.maximum(felt - p.peripheral_threshold, 0.0)
    return central, peripheral * (1.0 + p.hypoxic_sensitivity / margin)


def rates(t, x, p, u):
    now = _now(x, p, u)
    central, peripheral = _drives(now["art"][1], now["art"][2], p, u)
    return {
        "oxygen_lung": now["oxygen_in"] - now["uptake"],
        "carbon_dioxide_lung": now["output"] - now["dioxide_out"],
        "oxygen_tissue": now["uptake"] - u.oxygen_consumption,
        "carbon_dioxide_tissue": u.carbon_dioxide_production - now["output"],
        "central": (central - x.central) / p.central_delay,
        "peripheral": (peripheral - x.peripheral) / p.peripheral_delay,
    }


def outflows(t, x, p, u):
    now = _now(x, p, u)
    return {
        "oxygen": u.oxygen_consumption - now["oxygen_in"],
        "carbon_dioxide": now["dioxide_out"] - u.carbon_dioxide_production,
    }


def start(p, u):
    """Near rest: normal carbon dioxide, the oxygen that the inspired air and the respiratory quotient then leave."""
    dioxide = p.normal_carbon_dioxide
    dry = u.barometric_pressure - p.water_vapour_pressure
    quotient = u.carbon_dioxide_production / u.oxygen_consumption
    oxygen = jnp.maximum(u.inspired_oxygen_fraction * dry - dioxide / quotient, p.hypoxic_asymptote)
    ph = gas.acidity(dioxide, u.bicarbonate, p)
    capillary = _blood(oxygen / gas.shifted(p, ph), dioxide, p, u)
    flow = 10.0 * u.cardiac_output
    central, peripheral = _drives(oxygen, dioxide, p, u)
    per_lung = 1000.0 * p.functional_residual_capacity / p.stpd_pressure
    venous = jnp.maximum(capillary[0] - u.oxygen_consumption / flow, 0.2 * capillary[0])
    return {
        "oxygen_lung": per_lung * oxygen,
        "carbon_dioxide_lung": per_lung * dioxide,
        "oxygen_tissue": 10.0 * p.oxygen_tissue_volume * venous,
        "carbon_dioxide_tissue": 10.0
        * p.carbon_dioxide_tissue_volume
        * (capillary[1] + u.carbon_dioxide_production / flow),
        "central": central,
        "peripheral": peripheral,
    }


def outputs(t, x, p, u):
    now = _now(x, p, u)
    y, oxygen, dioxide, ph = now["art"]
    mixed = _pressures(now["venous"][0], now["venous"][1], p, u)
    rate = now["ventilation"] / now["tidal"]
    compliance = 1.0 / (1.0 / p.lung_compliance + 1.0 / p.chest_wall_compliance)
    elastic = 0.5 * now["tidal"] ** 2 / compliance
    resistive = 0.25 * jnp.pi**2 * p.airway_resistance * now["tidal"] ** 2 * rate / 60.0
    return {
        "arterial_oxygen_pressure": oxygen,
        "arterial_carbon_dioxide_pressure": dioxide,
        "arterial_ph": ph,
        "oxygen_saturation": gas.saturation(y),
        "arterial_oxygen_content": now["arterial"][0],
        "alveolar_oxygen_pressure": now["pao2"],
        "alveolar_carbon_dioxide_pressure": now["paco2"],
        "alveolar_arterial_gradient": now["pao2"] - oxygen,
        "end_tidal_carbon_dioxide_pressure": (1.0 - p.alveolar_dead_space) * now["paco2"],
        "mixed_venous_saturation": gas.saturation(mixed[0]),
        "mixed_venous_oxygen_pressure": mixed[1],
        "mixed_venous_carbon_dioxide_pressure": mixed[2],
        "ventilation": now["ventilation"],
        "alveolar_ventilation": now["alveolar"],
        "respiratory_rate": rate,
        "tidal_volume": 1000.0 * now["tidal"],
        "oxygen_uptake": now["oxygen_in"],
        "carbon_dioxide_output": now["dioxide_out"],
        "oxygen_delivery": 10.0 * u.cardiac_output * now["arterial"][0],
        "work_of_breathing": 0.0980665 * (elastic + resistive) * rate,
    }


def _pressure(name, meaning, normal=None):
    return Port(name, "mmHg", "pressure", meaning, normal=normal)


def _flow(name, unit, meaning, normal=None):
    return Port(name, unit, "flow", meaning, normal=normal)


structure = Structure(
    name="organs/lung",
    parameters=(*PARAMETERS, *gas.BLOOD),
    states=(
        State("oxygen_lung", "mL", "oxygen in alveolar gas, STPD", "oxygen"),
        State("carbon_dioxide_lung", "mL", "carbon dioxide in alveolar gas, STPD", "carbon_dioxide"),
        State("oxygen_tissue", "mL", "oxygen in tissue and venous blood, STPD", "oxygen"),
        State("carbon_dioxide_tissue", "mL", "carbon dioxide in tissue and venous blood, STPD", "carbon_dioxide"),
        State("central", "L/min", "ventilation that central chemoreceptors ask for"),
        State("peripheral", "L/min", "ventilation that peripheral chemoreceptors ask for"),
    ),
    needs=(
        Port("cardiac_output", "L/min", "flow", "cardiac output", default=5.6),
        Port("haemoglobin", "g/dL", "concentration", "haemoglobin in blood", default=15.0),
        Port("oxygen_consumption", "mL/min", "flow", "oxygen that the body consumes, STPD", default=250.0),
        Port("carbon_dioxide_production", "mL/min", "flow", "carbon dioxide that the body makes, STPD", default=200.0),
        Port(
            "inspired_oxygen_fraction",
            "1",
            "fraction",
            "oxygen in dry inspired gas",
            default=0.2093,
            valid=Range(0.12, 1.0, "docs/organs.md: hypoxia"),
        ),
        Port("inspired_carbon_dioxide_fraction", "1", "fraction", "carbon dioxide in dry inspired gas", default=0.0),
        Port(
            "barometric_pressure",
            "mmHg",
            "pressure",
            "pressure of the air",
            default=760.0,
            valid=Range(380.0, 760.0, "docs/organs.md: altitude"),
        ),
        Port("bicarbonate", "mmol/L", "concentration", "bicarbonate in plasma, at normal carbon dioxide", default=24.0),
    ),
    gives=(
        _pressure("arterial_oxygen_pressure", "oxygen pressure in arterial blood", Range(80.0, 100.0, _LAB)),
        _pressure(
            "arterial_carbon_dioxide_pressure", "carbon dioxide pressure in arterial blood", Range(35.0, 45.0, _LAB)
        ),
        Port("arterial_ph", "1", "effect", "acidity (pH) of arterial blood", normal=Range(7.35, 7.45, _LAB)),
        Port(
            "oxygen_saturation", "1", "fraction", "oxygen saturation of arterial blood", normal=Range(0.95, 1.0, _LAB)
        ),
        Port(
            "arterial_oxygen_content",
            "mL/dL",
            "fraction",
            "oxygen in arterial blood",
            normal=Range(17.0, 21.0, "West 2012"),
        ),
        _pressure("alveolar_oxygen_pressure", "oxygen pressure in alveoli"),
        _pressure("alveolar_carbon_dioxide_pressure", "carbon dioxide pressure in alveoli"),
        _pressure("alveolar_arterial_gradient", "alveolar-arterial oxygen gradient", Range(5.0, 14.0, "Costanzo 2006")),
        _pressure(
            "end_tidal_carbon_dioxide_pressure",
            "carbon dioxide pressure at the end of expiration",
            Range(35.0, 45.0, _LAB),
        ),
        Port(
            "mixed_venous_saturation",
            "1",
            "fraction",
            "oxygen saturation of mixed venous blood",
            normal=Range(0.6, 0.8, "Edwards 2009"),
        ),
        _pressure(
            "mixed_venous_oxygen_pressure",
            "oxygen pressure in mixed venous blood",
            Range(35.0, 45.0, "Edwards 2009, from memory"),
        ),
        _pressure("mixed_venous_carbon_dioxide_pressure", "carbon dioxide pressure in mixed venous blood"),
        _flow("ventilation", "L/min", "ventilation, BTPS", Range(5.0, 8.0, "West 2012, from memory")),
        _flow("alveolar_ventilation", "L/min", "alveolar ventilation, BTPS"),
        Port("respiratory_rate", "1/min", "effect", "respiratory rate", normal=Range(12.0, 20.0, "Silverthorn 2013")),
        Port("tidal_volume", "mL", "amount", "tidal volume", normal=Range(400.0, 600.0, "West 2012, from memory")),
        _flow("oxygen_uptake", "mL/min", "oxygen taken up at the mouth, STPD"),
        _flow("carbon_dioxide_output", "mL/min", "carbon dioxide given off at the mouth, STPD"),
        _flow(
            "oxygen_delivery",
            "mL/min",
            "oxygen delivered by arterial blood, STPD",
            Range(950.0, 1150.0, "Edwards 2009"),
        ),
        Port("work_of_breathing", "J/min", "effect", "work of breathing, of sinusoidal breaths"),
    ),
    rates=rates,
    outputs=outputs,
    outflows=outflows,
    start=start,
    time="min",
    source="Khoo et al. 1982; Spencer et al. 1979; Severinghaus 1979; Weil et al. 1970",
)
