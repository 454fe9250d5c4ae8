"""Renal vessels and filtration: resistances under their regulators, blood flow, pressures along the way, GFR.

    r_x         = nominal r_x (1/2 + 1 / (1 + exp(3 (1 - signal_x))))
    signal      = AT1 effect x myogenic signal (preafferent), x tubuloglomerular feedback (afferent), x drug
    rbf         = (arterial_pressure - renal_vein_pressure) / (sum of resistances)
    gfr         = kf nephrons (glomerular - bowman - oncotic)
    oncotic     = mean at both ends of the capillary, 1.629 c + 0.2935 c^2 (Landis and Pappenheimer), c in g/dL

Nephrons lie in parallel: with a fraction of them the resistances of arterioles and capillaries rise by its inverse.

Source: Hallow and Gebremichael 2017, code of the authors (modelfile.R).
"""

from typing import Any, NamedTuple

import jax.numpy as jnp

from twinsim.models.organs._renal_nominal import Nominal
from twinsim.models.organs._renal_source import CODE, FACTOR, HUMAN, curve
from twinsim.models.structure import POSITIVE, Parameter

_LANDIS = f"Landis and Pappenheimer 1963, as in {CODE}"

PARAMETERS = (
    Parameter(
        "nephron_fraction", "1", 1.0, "nephrons that are left", "1: none is lost; assumed: in parallel", (0.01, 1.0)
    ),
    Parameter("plasma_protein", "g/dL", 7.0, "protein in plasma", HUMAN),
    Parameter("oncotic_linear", "mmHg dL/g", 1.629, "oncotic pressure per protein", _LANDIS),
    Parameter("oncotic_square", "mmHg dL2/g2", 0.2935, "the same, quadratic term", _LANDIS),
    Parameter("vessel_steepness", "1", 3.0, "how steeply the signals change a vessel's resistance", HUMAN),
    Parameter("myogenic_scale", "1", 0.5, "range of the preafferent myogenic response", HUMAN),
    Parameter("myogenic_pressure", "mmHg", 2.0, "pressure over which it acts", HUMAN, POSITIVE),
    Parameter("at1_preafferent", "1", 0.5, "range of the preafferent response to bound angiotensin II", HUMAN),
    Parameter("at1_afferent", "1", 0.5, "range of the afferent response", HUMAN),
    Parameter("at1_efferent", "1", 0.3, "range of the efferent response", HUMAN),
    Parameter(
        "at1_slope", "pmol/L", 7.0, "bound angiotensin II over which these and the tubule respond", HUMAN, POSITIVE
    ),
    Parameter("tgf_scale", "1", 0.7, "range of the tubuloglomerular feedback", HUMAN),
    Parameter("tgf_slope", "mmol/L", 6.0, "sodium at the macula densa over which it acts", HUMAN, POSITIVE),
    Parameter("tgf_setpoint", "mmol/L", 62.4, "sodium at the macula densa at which it is 1", HUMAN),
    Parameter("ccb_preafferent", "1", 1.0, "calcium channel blocker: factor on the preafferent signal", CODE, FACTOR),
    Parameter("ccb_afferent", "1", 1.0, "calcium channel blocker: factor on the afferent signal", CODE, FACTOR),
    Parameter("ccb_efferent", "1", 1.0, "calcium channel blocker: factor on the efferent signal", CODE, FACTOR),
)


class Vessels(NamedTuple):
    """Flows [L/min], pressures [mmHg] and where the fast followers go."""

    rbf: Any
    gfr: Any
    filtration_fraction: Any
    afferent_pressure: Any
    glomerular_pressure: Any
    postglomerular_pressure: Any
    myogenic: Any
    oncotic: Any


def vessels(arterial_pressure, x, p, at: Nominal, at1) -> Vessels:
    """Vessels of state x about the operating point; `at1` is the curve of bound angiotensin II."""
    preafferent = p.r_preafferent * _narrowed((1.0 + p.at1_preafferent * at1) * x.myogenic * p.ccb_preafferent, p)
    afferent = at.r_afferent * _narrowed((1.0 + p.at1_afferent * at1) * x.tgf * p.ccb_afferent, p)
    efferent = at.r_efferent * _narrowed((1.0 + p.at1_efferent * at1) * p.ccb_efferent, p)
    afferent, efferent = afferent / p.nephron_fraction, efferent / p.nephron_fraction
    resistance = preafferent + afferent + efferent + at.r_peritubular / p.nephron_fraction
    rbf = (arterial_pressure - p.renal_vein_pressure) / resistance
    before = arterial_pressure - rbf * preafferent
    glomerular = before - rbf * afferent
    conductance = 1e-9 * p.kf * p.baseline_nephrons * p.nephron_fraction  # 1e-9 L/nL
    # in shock nothing is filtered; the source has no floor and would filter backwards
    gfr = jnp.maximum(conductance * (glomerular - x.oncotic_pressure - x.bowman_pressure), 0.0)
    # the source divides by blood flow, not plasma flow; kept off 1, where the leaving plasma would be dry
    fraction = jnp.clip(gfr / rbf, 0.0, 0.9)
    entering, leaving = (
        protein * (p.oncotic_linear + p.oncotic_square * protein)
        for protein in (p.plasma_protein, p.plasma_protein / (1.0 - fraction))
    )
    return Vessels(
        rbf=rbf,
        gfr=gfr,
        filtration_fraction=fraction,
        afferent_pressure=before,
        glomerular_pressure=glomerular,
        postglomerular_pressure=glomerular - rbf * efferent,
        myogenic=1.0 + p.myogenic_scale * curve((before - at.preafferent_pressure) / p.myogenic_pressure),
        oncotic=(entering + leaving) / 2.0,
    )


def _narrowed(signal, p):
    """What a vessel's resistance is multiplied by: 1 at signal 1, never below 1/2 nor above 3/2."""
    return 1.0 + curve(p.vessel_steepness * (signal - 1.0))


def feedback(macula_densa_sodium, p):
    """Where the tubuloglomerular feedback goes at that sodium [mmol/L]."""
    return 1.0 + p.tgf_scale * curve((macula_densa_sodium - p.tgf_setpoint) / p.tgf_slope)
