"""Thyroid hormones and their control by the pituitary: THYROSIM, with pills of levothyroxine and liothyronine.

With c = amount / r for what is in the body, r = plasma_volume / reference_volume, free_4 = c_4 (a4 + b4 c_4 + c4 c_4^2
+ d4 c_4^3), free_3 = c_3 (a3 + b3 c_4 + c3 c_4^2 + d3 c_4^3), and TSH six stages of delay (1.6 h each) ago:

    d t4/dt      = r (s4 secretion tsh_delayed - (k21 + k31) free_4) + k12 t4_fast + k13 t4_slow + absorbed_4
    d t4_fast/dt = r k21 free_4 - (k12 + k02) t4_fast - D1_fast
    d t4_slow/dt = r k31 free_4 - k13 t4_slow - D1_slow - D2_slow
    d t3/dt      = r (s3 secretion tsh_delayed - (k54 + k64) free_3) + k45 t3_fast + k46 t3_slow + absorbed_3
    d t3_fast/dt = r k54 free_3 + D1_fast - (k45 + k05) t3_fast
    d t3_slow/dt = r k64 free_3 + D1_slow + D2_slow - k46 t3_slow
    D            = r vmax c / (km + c)
    d tsh/dt     = r (b0 + a0 circ sin(2 pi t / 24 h - phase)) / (1 + (lagged / k_tsh)^m) - (k_tsh0 + v / (k50 + c)) tsh
    circ         = 1 / (1 + (k_circ / lagged)^n)
    d brain/dt   = k3 (1 + 5 / (1 + (brain / k_f4)^l)) c_4 / t4_eu + k3 c_3 / t3_eu - k_brain brain
    d lagged/dt  = (k_lag + 2 brain^11 / (k_half^11 + brain^11)) (brain - lagged)
    pill -> gut -> plasma, with what the gut excretes lost

Routes: oral_t4 and oral_t3 in ug. Doses into t4 or t3 (intravenous) are in umol: 1 umol is 777 or 651 ug.
Thyroidectomy: secretion 0 (a remnant: between). brain is the T3 of the brain. If TSH peaks at 2 at night, t = 0 is
8 in the morning.

Source: Eisenberg, Santini, Marsili, Larsen and DiStefano 2010, Thyroid 20:1215-1228; Cruz-Loya, Chu, Jonklaas,
Schneider and DiStefano 2022, Front Endocrinol 13:888429 (p-THYROSIM), whose numbers come from its authors' programs
(biona001/Thyrosim.jl; rchen724/pthyrosim, ThyroidSimulator.swift), since the paper was not at hand.
Differs: amounts outside plasma are those of the patient, where the source keeps them at reference size.
The state listed first in those programs (T4 0.322 umol, TSH 1.79 ug) rests under neither the older nor these numbers:
T4 falls by 7 % from it in both. Without hormone TSH rises to 900 mU/L, beyond what patients show.
"""

import jax.numpy as jnp

from twinsim.models.ranges import Range
from twinsim.models.structure import POSITIVE, Parameter, Port, Route, State, Structure

_EISENBERG = "Eisenberg et al. 2010, as in Thyrosim.jl"
_P = "Cruz-Loya et al. 2022, as in pthyrosim"
_USUAL = "usual laboratory range of adults, from memory"
_STAGES = tuple(f"delay_{i}" for i in range(1, 7))
_BEGIN = "where a day begins under the other numbers, after 300 days"
_ANY = (-1.0, 1.0)

PARAMETERS = (
    Parameter("molar_t4", "ug/umol", 777.0, "molar mass of T4", _EISENBERG, POSITIVE),
    Parameter("molar_t3", "ug/umol", 651.0, "molar mass of T3", _EISENBERG, POSITIVE),
    Parameter("plasma_volume", "L", 3.2, "plasma volume", _EISENBERG, POSITIVE),
    Parameter("reference_volume", "L", 3.2, "plasma volume of the reference person", _EISENBERG, POSITIVE),
    Parameter("tsh_volume", "L", 5.2, "volume of distribution of TSH of the reference person", _EISENBERG, POSITIVE),
    Parameter("secretion", "1", 1.0, "what is left of the thyroid, 0 after thyroidectomy", "1: all of it", (0.0, 10.0)),
    Parameter("s4", "umol/(h ug)", 0.0027785399344, "T4 secreted per TSH", _P),
    Parameter("s3", "umol/(h ug)", 0.00033572, "T3 secreted per TSH", _EISENBERG),
    Parameter("k12", "1/h", 0.868, "T4 from fast tissue to plasma", _EISENBERG),
    Parameter("k13", "1/h", 0.108, "T4 from slow tissue to plasma", _EISENBERG),
    Parameter("k21", "1/h", 1503.0, "free T4 to fast tissue", _EISENBERG),
    Parameter("k31", "1/h", 584.0, "free T4 to slow tissue", _EISENBERG),
    Parameter("k02", "1/h", 0.0189, "loss of T4 in fast tissue", _EISENBERG),
    Parameter("k45", "1/h", 5.37, "T3 from fast tissue to plasma", _EISENBERG),
    Parameter("k46", "1/h", 0.0689, "T3 from slow tissue to plasma", _EISENBERG),
    Parameter("k54", "1/h", 2043.0, "free T3 to fast tissue", _EISENBERG),
    Parameter("k64", "1/h", 127.0, "free T3 to slow tissue", _EISENBERG),
    Parameter("k05", "1/h", 0.184972339613, "loss of T3 in fast tissue", _P),
    Parameter("vmax_d1_fast", "umol/h", 0.012101809339, "deiodinase 1 in fast tissue", _P),
    Parameter("km_d1_fast", "umol", 2.85, "its half-saturation", _EISENBERG, POSITIVE),
    Parameter("vmax_d1_slow", "umol/h", 6.63e-4, "deiodinase 1 in slow tissue", _EISENBERG),
    Parameter("km_d1_slow", "umol", 95.0, "its half-saturation", _EISENBERG, POSITIVE),
    Parameter("vmax_d2_slow", "umol/h", 7.4619e-4, "deiodinase 2 in slow tissue", _EISENBERG),
    Parameter("km_d2_slow", "umol", 0.075, "its half-saturation", _EISENBERG, POSITIVE),
    Parameter("a4", "1", 2.89e-4, "free T4 over T4", _EISENBERG),
    Parameter("b4", "1/umol", 2.14e-4, "its change with T4", _EISENBERG),
    Parameter("c4", "umol^-2", 1.28e-4, "its change with the square of T4", _EISENBERG),
    Parameter("d4", "umol^-3", -8.83e-6, "its change with the cube of T4", _EISENBERG, _ANY),
    Parameter("a3", "1", 0.00395, "free T3 over T3", _EISENBERG),
    Parameter("b3", "1/umol", 0.00185, "its change with T4", _EISENBERG),
    Parameter("c3", "umol^-2", 6.1e-4, "its change with the square of T4", _EISENBERG),
    Parameter("d3", "umol^-3", -5.05e-4, "its change with the cube of T4", _EISENBERG, _ANY),
    Parameter("assay_t4", "1", 0.495, "measured free T4 over computed", f"{_P}: 1.1 x 0.45"),
    Parameter("assay_t3", "1", 0.525, "measured free T3 over computed", f"{_P}: 1.05 x 0.5"),
    Parameter("b0", "ug/h", 450.0, "largest secretion of TSH", _P),
    Parameter("a0", "ug/h", 219.7085301388, "amplitude of its day", _P),
    Parameter("phase", "1", -3.71, "phase of its day", _EISENBERG, (-7.0, 7.0)),
    Parameter("day", "h", 24.0, "length of a day", _EISENBERG, POSITIVE),
    Parameter("k_circ", "1", 3.001011022378, "brain T3 at which the day has half its amplitude", _P, POSITIVE),
    Parameter("n", "1", 5.674773816316, "how steeply", _P),
    Parameter("k_tsh", "1", 3.094711690204, "brain T3 that halves secretion of TSH", _P, POSITIVE),
    Parameter("m", "1", 6.290803221796, "how steeply", _P),
    Parameter("tsh_loss", "1/h", 0.53, "loss of TSH", _EISENBERG),
    Parameter("tsh_vmax", "ug/h", 0.226, "its saturable part", _P),
    Parameter("tsh_k50", "ug", 23.0, "the half-saturation of that", _EISENBERG, POSITIVE),
    Parameter("tsh_activity", "mU/ug", 5.6, "biological activity of TSH", _EISENBERG),
    Parameter("k3", "1/h", 0.058786935033, "T3 that enters the brain", _P),
    Parameter("k_f4", "1", 8.498343729591, "brain T3 at which less T4 is converted there", _P, POSITIVE),
    Parameter("l", "1", 14.36664496926, "how steeply", _P),
    Parameter("t4_eu", "umol", 0.29, "T4 of the euthyroid", _EISENBERG, POSITIVE),
    Parameter("t3_eu", "umol", 0.006, "T3 of the euthyroid", _EISENBERG, POSITIVE),
    Parameter("k_brain", "1/h", 0.037, "loss of T3 in the brain", _EISENBERG),
    Parameter("k_lag", "1/h", 0.0034, "slowest rate at which the pituitary follows the brain", _EISENBERG),
    Parameter("k_lag_most", "1/h", 2.0, "what is added at high T3", _EISENBERG),
    Parameter("k_half", "1", 5.0, "brain T3 at half of that", _EISENBERG, POSITIVE),
    Parameter("k_delay", "1/h", 0.625, "each of six stages between TSH and thyroid", _EISENBERG),
    Parameter("k4_dissolve", "1/h", 1.3, "T4 leaves the pill", _EISENBERG),
    Parameter("k4_absorb", "1/h", 0.88, "T4 is absorbed", _EISENBERG),
    Parameter("k4_excrete", "1/h", 0.1056, "T4 is excreted from the gut", f"{_EISENBERG}: 0.12 at dial 0.88"),
    Parameter("k3_dissolve", "1/h", 1.78, "T3 leaves the pill", _EISENBERG),
    Parameter("k3_absorb", "1/h", 0.88, "T3 is absorbed", _EISENBERG),
    Parameter("k3_excrete", "1/h", 0.1056, "T3 is excreted from the gut", f"{_EISENBERG}: 0.12 at dial 0.88"),
    Parameter("t4_start", "umol", 0.297466, "T4 at the beginning, at the reference volume", _BEGIN, POSITIVE),
    Parameter("t3_start", "umol", 0.00634240, "T3 at the beginning", _BEGIN, POSITIVE),
    Parameter("tsh_start", "ug", 1.668332, "TSH at the beginning", _BEGIN, POSITIVE),
)  # fmt: skip

# where a day begins after 300 of them (these equations in SciPy, LSODA, rtol 1e-10), over plasma T4, T3 and TSH
_OF_T4 = {"t4": 1.0, "t4_fast": 0.6123163, "t4_slow": 1.9432558}
_OF_T3 = {"t3": 1.0, "t3_fast": 1.6890532, "t3_slow": 9.8362110}
_OF_TSH = (1.0, 1.1697575, 1.2954301, 1.3649198, 1.3763948, 1.3369364, 1.2601046)
_BRAIN, _LAGGED = 8.2403396, 8.2399186


def _size(p):
    return p.plasma_volume / p.reference_volume


def _free(x, p):
    """Free T4 and T3 of a reference person at these concentrations [umol]."""
    four, three = x.t4 / _size(p), x.t3 / _size(p)
    t4 = four * (p.a4 + four * (p.b4 + four * (p.c4 + four * p.d4)))
    return t4, three * (p.a3 + four * (p.b3 + four * (p.c3 + four * p.d3)))


def _deiodinated(x, p):
    """T3 made of T4 in fast and slow tissue [umol/h]."""
    fast = p.vmax_d1_fast / (p.km_d1_fast + x.t4_fast / _size(p)) * x.t4_fast
    slow = x.t4_slow / _size(p)
    return fast, (p.vmax_d1_slow / (p.km_d1_slow + slow) + p.vmax_d2_slow / (p.km_d2_slow + slow)) * x.t4_slow


def start(p, u):
    return {
        **{name: ratio * p.t4_start * _size(p) for name, ratio in _OF_T4.items()},
        **{name: ratio * p.t3_start * _size(p) for name, ratio in _OF_T3.items()},
        **{name: ratio * p.tsh_start * _size(p) for name, ratio in zip(("tsh", *_STAGES), _OF_TSH, strict=True)},
        "brain": _BRAIN,
        "lagged": _LAGGED,
    }


def rates(t, x, p, u):
    size, (free4, free3), (fast, slow) = _size(p), _free(x, p), _deiodinated(x, p)
    lagged, brain = jnp.maximum(x.lagged, 1e-6), jnp.maximum(x.brain, 1e-6)
    rhythm = jnp.sin(2.0 * jnp.pi * t / p.day - p.phase) / (1.0 + (p.k_circ / lagged) ** p.n)
    made = size * (p.b0 + p.a0 * rhythm) / (1.0 + (lagged / p.k_tsh) ** p.m)
    secreted = p.secretion * x.delay_6
    to_fast4, to_slow4, to_fast3, to_slow3 = (
        size * p.k21 * free4,
        size * p.k31 * free4,
        size * p.k54 * free3,
        size * p.k64 * free3,
    )
    delays, before = {}, x.tsh
    for stage in _STAGES:
        delays[stage] = p.k_delay * (before - getattr(x, stage))
        before = getattr(x, stage)
    return {
        "t4": p.s4 * secreted - to_fast4 - to_slow4 + p.k12 * x.t4_fast + p.k13 * x.t4_slow + p.k4_absorb * x.gut_t4,
        "t4_fast": to_fast4 - (p.k12 + p.k02) * x.t4_fast - fast,
        "t4_slow": to_slow4 - p.k13 * x.t4_slow - slow,
        "t3": p.s3 * secreted - to_fast3 - to_slow3 + p.k45 * x.t3_fast + p.k46 * x.t3_slow + p.k3_absorb * x.gut_t3,
        "t3_fast": to_fast3 + fast - (p.k45 + p.k05) * x.t3_fast,
        "t3_slow": to_slow3 + slow - p.k46 * x.t3_slow,
        "tsh": made - (p.tsh_loss + p.tsh_vmax / (p.tsh_k50 + x.tsh / size)) * x.tsh,
        "brain": p.k3 * (1.0 + 5.0 / (1.0 + (brain / p.k_f4) ** p.l)) * x.t4 / size / p.t4_eu
        + p.k3 * x.t3 / size / p.t3_eu
        - p.k_brain * x.brain,
        "lagged": (p.k_lag + p.k_lag_most / (1.0 + (p.k_half / brain) ** 11)) * (x.brain - x.lagged),
        "pill_t4": -p.k4_dissolve * x.pill_t4,
        "gut_t4": p.k4_dissolve * x.pill_t4 / p.molar_t4 - (p.k4_absorb + p.k4_excrete) * x.gut_t4,
        "pill_t3": -p.k3_dissolve * x.pill_t3,
        "gut_t3": p.k3_dissolve * x.pill_t3 / p.molar_t3 - (p.k3_absorb + p.k3_excrete) * x.gut_t3,
        **delays,
    }


def outputs(t, x, p, u):
    free4, free3 = _free(x, p)
    volume = p.tsh_volume + p.plasma_volume - p.reference_volume
    return {
        "tsh": p.tsh_activity * x.tsh / volume,
        "t4": p.molar_t4 * x.t4 / p.plasma_volume,
        "t3": p.molar_t3 * x.t3 / p.plasma_volume,
        # 1000 ng/ug
        "free_t4": 1000.0 * p.molar_t4 * p.assay_t4 * free4 / p.reference_volume,
        "free_t3": 1000.0 * p.molar_t3 * p.assay_t3 * free3 / p.reference_volume,
    }


def outflows(t, x, p, u):
    lost = p.k02 * x.t4_fast + p.k05 * x.t3_fast + p.k4_excrete * x.gut_t4 + p.k3_excrete * x.gut_t3
    secreted = (p.s4 + p.s3) * p.secretion * x.delay_6
    swallowed = p.k4_dissolve * x.pill_t4 / p.molar_t4 + p.k3_dissolve * x.pill_t3 / p.molar_t3
    return {"thyroid_hormone": lost - secreted - swallowed}


def _hormone(name, meaning):
    return State(name, "umol", meaning, quantity="thyroid_hormone")


structure = Structure(
    name="organs/thyroid",
    parameters=PARAMETERS,
    states=(
        _hormone("t4", "T4 in plasma"),
        _hormone("t4_fast", "T4 in liver and kidney"),
        _hormone("t4_slow", "T4 elsewhere"),
        _hormone("t3", "T3 in plasma"),
        _hormone("t3_fast", "T3 in liver and kidney"),
        _hormone("t3_slow", "T3 elsewhere"),
        State("tsh", "ug", "TSH"),
        State("brain", "1", "T3 of the brain"),
        State("lagged", "1", "T3 as the pituitary sees it"),
        State("pill_t4", "ug", "T4 in a pill"), _hormone("gut_t4", "T4 in the gut"),
        State("pill_t3", "ug", "T3 in a pill"), _hormone("gut_t3", "T3 in the gut"),
        *(State(stage, "ug", "TSH on its way to what the thyroid does") for stage in _STAGES),
    ),
    routes=(Route("oral_t4", to="pill_t4"), Route("oral_t3", to="pill_t3")),
    gives=(
        Port("tsh", "mU/L", "concentration", "thyrotropin in plasma", normal=Range(0.4, 4.5, _USUAL)),
        Port("t4", "ug/L", "concentration", "thyroxine in plasma", normal=Range(45.0, 105.0, _USUAL)),
        Port("t3", "ug/L", "concentration", "triiodothyronine in plasma", normal=Range(0.8, 1.9, _USUAL)),
        Port("free_t4", "ng/L", "concentration", "free thyroxine", normal=Range(8.0, 18.0, _USUAL)),
        Port("free_t3", "ng/L", "concentration", "free triiodothyronine", normal=Range(2.3, 4.2, _USUAL)),
    ),
    start=start,
    rates=rates,
    outputs=outputs,
    outflows=outflows,
    source="Eisenberg et al. 2010; Cruz-Loya et al. 2022 (p-THYROSIM)",
)  # fmt: skip
