"""Parameters that the averaged and the pulsatile circulation share: heart, vessels, and what nerves do to them.

Values of the six-compartment CVSim unless a line says otherwise. Its versions differ: arterial compliance is 1.6
mL/mmHg in Davis 1991 and 2.0 in the C code, where the arteries of the version with 21 compartments sum to 1.42.
"""

from __future__ import annotations

import math
from typing import Any

from twinsim.models.organs._beat import Ventricle, Vessel
from twinsim.models.structure import POSITIVE, Parameter

HELDT = "Heldt 2004, thesis, as in HeldtModel2004startup.m and BXS-Lab/CVModel"
CVSIM = "CVSim, six compartments (MIT-LCP/cvsim, initial.c; Davis 1991, Heldt 2002)"
_ANY = (-math.inf, math.inf)
_MMHG, _MLMM, _PRU = "mmHg", "mL/mmHg", "mmHg s/mL"

HEART = (
    Parameter("systole", "s^0.5", 0.3, "time to peak elastance, over the root of the period", CVSIM, (0.1, 0.4)),
    Parameter("lv_elastance", "mmHg/mL", 2.5, "left end-systolic elastance", f"{CVSIM}: 1/0.40", POSITIVE),
    Parameter("lv_diastolic_compliance", _MLMM, 9.69, "left ventricle, relaxed", CVSIM, POSITIVE),
    Parameter("lv_unstressed_volume", "mL", 15.0, "left ventricle, at no pressure", CVSIM, POSITIVE),
    Parameter("rv_elastance", "mmHg/mL", 1.0 / 1.30, "right end-systolic elastance", f"{CVSIM}: 1/1.30", POSITIVE),
    Parameter("rv_diastolic_compliance", _MLMM, 19.29, "right ventricle, relaxed", CVSIM, POSITIVE),
    Parameter("rv_unstressed_volume", "mL", 15.0, "right ventricle, at no pressure", CVSIM, POSITIVE),
    Parameter("mitral_resistance", _PRU, 0.006, "inflow of the left ventricle", CVSIM, POSITIVE),
    Parameter("aortic_valve_resistance", _PRU, 0.006, "outflow of the left ventricle", CVSIM, POSITIVE),
    Parameter("venous_resistance", _PRU, 0.04, "large veins and tricuspid valve", CVSIM, POSITIVE),
    Parameter("pulmonary_valve_resistance", _PRU, 0.006, "outflow of the right ventricle", CVSIM, POSITIVE),
    Parameter("thoracic_pressure", _MMHG, -4.0, "around heart and lungs, mean of a breath", CVSIM, _ANY),
)
VESSELS = (
    Parameter(
        "arterial_compliance",
        _MLMM,
        1.6,
        "systemic arteries",
        "Davis 1991, CVSIM, from memory; 2.0 in the C code of CVSim",
        POSITIVE,
    ),
    Parameter("arterial_unstressed_volume", "mL", 715.0, "systemic arteries, at no pressure", CVSIM),
    Parameter("venous_compliance", _MLMM, 100.0, "systemic veins", CVSIM, POSITIVE),
    Parameter("venous_unstressed_volume", "mL", 2500.0, "systemic veins, at no pressure", CVSIM),
    Parameter("pulmonary_arterial_compliance", _MLMM, 3.4, "pulmonary arteries", CVSIM, POSITIVE),
    Parameter("pulmonary_arterial_unstressed_volume", "mL", 90.0, "pulmonary arteries, at no pressure", CVSIM),
    Parameter("pulmonary_venous_compliance", _MLMM, 9.0, "pulmonary veins", CVSIM, POSITIVE),
    Parameter("pulmonary_venous_unstressed_volume", "mL", 490.0, "pulmonary veins, at no pressure", CVSIM),
    Parameter("systemic_resistance", _PRU, 1.0, "systemic vessels, without reflexes", CVSIM, POSITIVE),
    Parameter("pulmonary_resistance", _PRU, 0.07, "pulmonary vessels", CVSIM, POSITIVE),
)
CONTRACTILITY = (
    Parameter(
        "lv_contractility_gain", "1/mmHg", 0.0175, "left systolic compliance", f"{HELDT}: 0.007/0.40", (0.0, 0.03)
    ),
    Parameter(
        "rv_contractility_gain", "1/mmHg", 0.0169, "right systolic compliance", f"{HELDT}: 0.022/1.30", (0.0, 0.03)
    ),
)
SHARED = (*HEART, *VESSELS, *CONTRACTILITY)


def ventricles(p: Any, sympathetic: Any) -> tuple[Ventricle, Ventricle]:
    """Left and right, with the contractility that sympathetic nerves leave them."""
    left = (1.0 + p.lv_contractility_gain * sympathetic) / p.lv_elastance
    right = (1.0 + p.rv_contractility_gain * sympathetic) / p.rv_elastance
    return (
        Ventricle(p.lv_diastolic_compliance, left, 0.33, 0.68, 0.1 * p.lv_unstressed_volume),
        Ventricle(p.rv_diastolic_compliance, right, 0.20, 0.84, 0.1 * p.rv_unstressed_volume),
    )


def vessels(p: Any, tone: Any, dilation: Any) -> tuple[Vessel, Vessel, Vessel, Vessel]:
    """Systemic arteries and veins, pulmonary arteries and veins.

    Args:
        tone: of arterioles, by nerves, over rest.
        dilation: of arterioles and veins by working muscle, over rest.
    """
    return (
        Vessel(p.arterial_compliance, p.systemic_resistance * tone / dilation),
        Vessel(p.venous_compliance, p.venous_resistance / dilation),
        Vessel(p.pulmonary_arterial_compliance, p.pulmonary_resistance),
        Vessel(p.pulmonary_venous_compliance, p.mitral_resistance),
    )
