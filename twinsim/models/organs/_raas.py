"""Renin, angiotensins and aldosterone.

    d renin/dt   = ln2/t_renin (renin_nominal feedback md thiazide aldo - renin)
    d ang_i/dt   = activity - (ace + chymase) ang_i - ln2/t_i ang_i,       activity = 61 renin dri
    d ang_ii/dt  = (ace + chymase) ang_i - (at1 + at2 + ln2/t_ii) ang_ii
    d bound_1/dt = at1 ang_ii - ln2/t_bound bound_1;  d bound_2/dt likewise with at2
    feedback     = (bound_1 / nominal)^-1.2
    md           = exp(-2 (macula densa flow of a while ago - nominal)),   flow in mmol/min
    aldosterone  = nominal (1 + 0.05 (bound_1 - nominal)),                 at once
    aldo         = 1 - 0.05 (aldosterone / nominal - 1)

Rates are per hour, as the source's half-lives are. Its code runs them in one clock with fluid flows per minute, which
makes these five states 60 times faster; where they rest is the same.

Source: Hallow and Gebremichael 2017, code of the authors (modelfile.R, calcNomParams_human.R).
"""

import jax.numpy as jnp

from twinsim.models.organs._renal_source import CODE, FACTOR, FRACTION, HUMAN
from twinsim.models.structure import POSITIVE, Parameter, State

PARAMETERS = (
    Parameter("renin_nominal", "ng/L", 16.4, "plasma renin", HUMAN, POSITIVE),
    Parameter("renin_activity", "pmol/h/ng", 61.0, "angiotensin I that renin makes", HUMAN),
    Parameter("t_renin", "h", 0.1733, "half-life of renin", HUMAN, POSITIVE),
    Parameter("t_angiotensin_i", "h", 0.008333, "half-life of angiotensin I", HUMAN, POSITIVE),
    Parameter("t_angiotensin_ii", "h", 0.011, "half-life of angiotensin II", HUMAN, POSITIVE),
    Parameter("t_bound", "h", 0.2, "half-life of bound angiotensin II", HUMAN, POSITIVE),
    Parameter("ace_activity", "1/h", 48.9, "conversion by the converting enzyme", HUMAN),
    Parameter("chymase_activity", "1/h", 1.25, "conversion by chymase", HUMAN),
    Parameter("at1_binding", "1/h", 12.1, "binding to the AT1 receptor", HUMAN),
    Parameter("at2_binding", "1/h", 4.0, "binding to the AT2 receptor", HUMAN),
    Parameter("at1_nominal", "pmol/L", 16.63, "AT1-bound angiotensin II about which all is regulated", HUMAN, POSITIVE),
    Parameter("renin_feedback", "1", -1.2, "power of bound angiotensin II that renin follows", HUMAN, (-10.0, 10.0)),
    Parameter("renin_macula_densa", "min/mmol", 2.0, "how steeply sodium at the macula densa holds renin back", HUMAN),
    Parameter("aldosterone_nominal", "ng/L", 85.0, "plasma aldosterone; its unit is assumed", HUMAN),
    Parameter("aldosterone_at1", "L/pmol", 0.05, "rise of aldosterone with bound angiotensin II", HUMAN),
    Parameter("aldosterone_potassium", "1", 1.0, "factor of potassium on aldosterone, held at 1", HUMAN, FACTOR),
    Parameter("renin_aldosterone", "1", -0.05, "slope of renin secretion with aldosterone", HUMAN, (-10.0, 10.0)),
    Parameter("ace_inhibition", "1", 0.0, "fraction of the converting enzyme that a drug stops", CODE, FRACTION),
    Parameter("at1_blockade", "1", 0.0, "fraction of AT1 receptors that a drug blocks", CODE, FRACTION),
    Parameter("dri_renin", "1", 1.0, "direct renin inhibitor: factor on renin activity", CODE, FACTOR),
    Parameter("thiazide_renin", "1", 1.0, "thiazide: factor on renin secretion", CODE, FACTOR),
)  # fmt: skip

STATES = (
    State("renin", "ng/L", "plasma renin"),
    State("angiotensin_i", "pmol/L", "angiotensin I in plasma"),
    State("angiotensin_ii", "pmol/L", "angiotensin II in plasma"),
    State("at1_bound", "pmol/L", "angiotensin II bound to AT1 receptors"),
    State("at2_bound", "pmol/L", "angiotensin II bound to AT2 receptors"),
)

_LN2 = 0.6931471805599453
# No more than these: where nothing is bound, or no sodium arrives, the curves would ask for renin without end.
_LEAST_BOUND, _MOST = 0.01, 5.0


def start(p):
    """What flows from nominal renin through cascade and receptors without drugs."""
    converted = p.ace_activity + p.chymase_activity
    first = p.renin_activity * p.renin_nominal / (converted + _LN2 / p.t_angiotensin_i)
    second = converted * first / (p.at1_binding + p.at2_binding + _LN2 / p.t_angiotensin_ii)
    return {
        "renin": p.renin_nominal,
        "angiotensin_i": first,
        "angiotensin_ii": second,
        "at1_bound": second * p.at1_binding * p.t_bound / _LN2,
        "at2_bound": second * p.at2_binding * p.t_bound / _LN2,
    }


def aldosterone(x, p):
    """Plasma aldosterone over its nominal value."""
    return p.aldosterone_potassium * jnp.maximum(1.0 + p.aldosterone_at1 * (x.at1_bound - p.at1_nominal), 0.0)


def rates(x, p, loop_outflow):
    """Changes per minute; `loop_outflow` is the nominal flow at the macula densa [mmol/min]."""
    bound = jnp.log(jnp.maximum(x.at1_bound / p.at1_nominal, _LEAST_BOUND))
    sodium = p.renin_macula_densa * (loop_outflow - x.macula_densa_flow)
    secreted = (
        p.renin_nominal
        * jnp.exp(p.renin_feedback * bound + jnp.clip(sodium, -_MOST, _MOST))
        * p.thiazide_renin
        * (1.0 + p.renin_aldosterone * (aldosterone(x, p) - 1.0))
    )
    converted = (p.ace_activity * (1.0 - p.ace_inhibition) + p.chymase_activity) * x.angiotensin_i
    first, second = p.at1_binding * (1.0 - p.at1_blockade) * x.angiotensin_ii, p.at2_binding * x.angiotensin_ii
    hourly = {
        "renin": _LN2 / p.t_renin * (secreted - x.renin),
        "angiotensin_i": p.renin_activity * x.renin * p.dri_renin
        - converted
        - _LN2 / p.t_angiotensin_i * x.angiotensin_i,
        "angiotensin_ii": converted - first - second - _LN2 / p.t_angiotensin_ii * x.angiotensin_ii,
        "at1_bound": first - _LN2 / p.t_bound * x.at1_bound,
        "at2_bound": second - _LN2 / p.t_bound * x.at2_bound,
    }
    return {name: change / 60.0 for name, change in hourly.items()}  # 60 min/h
