"""What nerves and chemistry do to the circulation: their parameters, signals and the heart period they make."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp

from twinsim.models.organs._vessels import CVSIM, HELDT
from twinsim.models.structure import POSITIVE, Parameter

_TRIANGLE = "CVSim, initial.c: mean of the triangular response "
_RELATIVE = "0.05 mmHg s/mL per mmHg in each of CVSim's four beds in parallel"
_ANY = (-math.inf, math.inf)

BAROREFLEX = (
    Parameter("resting_heart_rate", "1/min", 70.0, "heart rate without reflexes", CVSIM, (20.0, 220.0)),
    Parameter(
        "set_point", "mmHg", 98.0, "arterial pressure that nerves hold", f"{HELDT}: 98 (SD 1); CVSim 91", POSITIVE
    ),
    Parameter("baroreceptor_width", "mmHg", 18.0, "of the sensed range, over pi", CVSIM, POSITIVE),
    Parameter("sympathetic_period_gain", "s/mmHg", 0.009, "heart period by sympathetic nerves", HELDT),
    Parameter("vagal_period_gain", "s/mmHg", 0.009, "heart period by the vagus", HELDT),
    Parameter("shortest_period", "s", 0.33, "heart period that nerves cannot shorten", "assumed: 180 1/min", POSITIVE),
    Parameter(
        "baroreflex_resistance_gain", "1/mmHg", 0.0131, "relative resistance", f"{HELDT}: {_RELATIVE}", (0.0, 0.03)
    ),
    Parameter("baroreflex_venous_gain", "mL/mmHg", 27.0, "unstressed volume of veins", f"{HELDT}: 5 + 2 + 13 + 7"),
    Parameter("sympathetic_delay", "s", 7.0, "to the heart", f"{_TRIANGLE}2.5, 3.5, 15 s", POSITIVE),
    Parameter("vagal_delay", "s", 0.76, "to the heart", f"{_TRIANGLE}0.59, 0.70, 1.0 s", POSITIVE),
    Parameter("resistance_delay", "s", 12.0, "to arterioles", f"{_TRIANGLE}2.5, 3.5, 30 s", POSITIVE),
    Parameter("venous_delay", "s", 19.0, "to veins", f"{_TRIANGLE}5, 10, 42 s", POSITIVE),
)
CARDIOPULMONARY = (
    Parameter(
        "cardiopulmonary_set_point",
        "mmHg",
        6.0,
        "transmural central venous pressure that nerves hold",
        "BXS-Lab/CVModel; CVSim 8 (4 to 10), of the right atrium",
    ),
    Parameter("cardiopulmonary_width", "mmHg", 5.0, "of the sensed range, over pi", CVSIM, POSITIVE),
    Parameter(
        "cardiopulmonary_resistance_gain",
        "1/mmHg",
        0.0131,
        "relative resistance",
        f"BXS-Lab/CVModel after Heldt: {_RELATIVE}",
        (0.0, 0.06),
    ),
    Parameter(
        "cardiopulmonary_venous_gain", "mL/mmHg", 110.0, "unstressed volume of veins", f"{HELDT}: 13 + 3 + 64 + 30"
    ),
)
CHEMISTRY = (
    Parameter("resting_oxygen_consumption", "mL/min", 250.0, "above which it counts as exercise", "Guyton"),
    Parameter(
        "exercise_dilation",
        "min/mL",
        0.0011,
        "conductance of arterioles and veins gained, over rest, per oxygen consumed",
        "assumed: so that output rises 6 L per L of oxygen",
    ),
    Parameter(
        "muscle_pump",
        "mL min/mL",
        0.18,
        "what working muscle takes off the veins' unstressed volume, per oxygen consumed",
        "assumed: with exercise_dilation",
    ),
    Parameter(
        "central_command",
        "mmHg min/mL",
        0.048,
        "what the set point rises per oxygen consumed",
        "assumed: so that the heart beats 100 1/min at 1 L/min",
    ),
    Parameter("hypoxic_threshold", "mmHg", 60.0, "arterial oxygen below which the heart quickens", "assumed", POSITIVE),
    Parameter(
        "hypoxic_tachycardia",
        "1/min",
        45.0,
        "what no oxygen would add, in proportion",
        "Slutsky and Rebuck 1978, from memory: 0.8 1/min per % of saturation",
    ),
)
BRAIN = (
    Parameter("intracranial_pressure", "mmHg", 10.0, "supine", "Steiner and Andrews 2006: 7 to 15", _ANY),
    Parameter("resting_cerebral_blood_flow", "mL/min", 750.0, "at rest", "Guyton: 50 to 65 mL/min/100 g"),
    Parameter(
        "cerebral_autoregulation_limit",
        "mmHg",
        50.0,
        "perfusion pressure below which flow falls with it",
        "Guyton: arterial pressure of 60",
        POSITIVE,
    ),
    Parameter(
        "cerebral_reactivity", "1/mmHg", 0.03, "flow gained by carbon dioxide", "textbooks: 2 to 4 %, from memory"
    ),
    Parameter("normal_oxygen_pressure", "mmHg", 95.0, "felt at the beginning", "Guyton", POSITIVE),
    Parameter("oxygen_delay", "s", 10.0, "until oxygen is felt", "PNEUMA, Gas_Exchange_IC.m: Tau_O2", POSITIVE),
    Parameter("carbon_dioxide_delay", "s", 20.0, "until it is felt", "PNEUMA, Gas_Exchange_IC.m: Tau_CO2", POSITIVE),
    Parameter("normal_carbon_dioxide_pressure", "mmHg", 40.0, "at which flow is that at rest", "Guyton", POSITIVE),
)
REFLEXES = (*BAROREFLEX, *CARDIOPULMONARY, *CHEMISTRY, *BRAIN)


def heart_period(x: Any, p: Any) -> Any:
    """What nerves ask for, quickened by hypoxaemia [s]."""
    free = 60.0 / p.resting_heart_rate + p.sympathetic_period_gain * x.sympathetic + p.vagal_period_gain * x.vagal
    hypoxia = jnp.maximum(1.0 - x.felt_oxygen / p.hypoxic_threshold, 0.0)
    return 1.0 / (1.0 / jnp.maximum(free, p.shortest_period) + p.hypoxic_tachycardia * hypoxia / 60.0)


def exercise(p: Any, u: Any) -> Any:
    """Oxygen consumed beyond rest [mL/min]."""
    return jnp.maximum(u.oxygen_consumption - p.resting_oxygen_consumption, 0.0)


def signals(pressure: Any, filling: Any, p: Any, u: Any) -> tuple[Any, Any]:
    """What baroreceptors and cardiopulmonary receptors report of their set points [mmHg], bounded.

    Args:
        pressure: arterial [mmHg].
        filling: central venous, above that in the chest [mmHg].
    """
    high = pressure - p.set_point - p.central_command * exercise(p, u)
    low = filling - p.cardiopulmonary_set_point
    return _bounded(high, p.baroreceptor_width), _bounded(low, p.cardiopulmonary_width)


def _bounded(error: Any, width: Any) -> Any:
    """width atan(error / width), by the arc cosine, with which everything compiles four times as fast."""
    ratio = error / width
    return width * (0.5 * jnp.pi - jnp.arccos(ratio / jnp.sqrt(1.0 + ratio**2)))
