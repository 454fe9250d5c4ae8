"""A human ventricular myocyte, endocardial, and what drugs in plasma do to its action potential: CiPA v1.

    d v/dt      = -(the sum of all currents + stimulus)           [mV/ms = uA/uF]
    d gate/dt   = (steady state(v) - gate) / time constant(v)     organs/_myocyte_gates
    d ikr/dt    : six states of hERG and three with a drug bound  organs/_herg
    d ion/dt    = currents over volume, diffusion, buffers, release and uptake of calcium  organs/_myocyte_ions
    d qnet/dt   = INaL + ICaL + IKr + Ito + IKs + IK1             [uA s/uF = uC/uF]
    conductance = its parameter / (1 + (concentration / ic50)^hill)

The stimulus is a state that events set, and qnet one that they set to 0 when a beat begins: `twinsim.pacing`. A current
is negative where it makes the inside more positive. Free drug acts on IKr by binding (herg_kmax, herg_ku, herg_n,
herg_halfmax, herg_vhalf, herg_kt), on other currents by ic50 and hill; those of 12 drugs are in
`twinsim.patient`'s data (cipa.yaml). A heterogeneous population changes the conductances g_ and p_.

Needs: concentration of the drug, free, and plasma_potassium, which is taken as that outside the cell.

Source: O'Hara, Virag, Varro and Rudy 2011, PLoS Comput Biol 7:e1002061; Li et al. 2017, Circ Arrhythm Electrophysiol
10:e004628 (hERG and drugs); Dutta et al. 2017, Front Physiol 8:616 (conductances, qNet). Equations and numbers as in
myokit/models, c/ohara-cipa-v1-2017.mmt (BSD), with its cell.mode 0.
Differs: where v is 0 the equations of Goldman, Hodgkin and Katz take their limit; a term of Ito's time constant that is
below 1e-30 is not computed.
"""

from typing import Any

import jax.numpy as jnp

from twinsim.models.organs import _myocyte_gates as gates
from twinsim.models.organs._herg import FREE, herg
from twinsim.models.organs._myocyte_currents import currents, phosphorylated
from twinsim.models.organs._myocyte_ions import inactivation, ions
from twinsim.models.organs._myocyte_parameters import PARAMETERS, STARTS
from twinsim.models.organs._myocyte_pumps import exchange, pump
from twinsim.models.structure import Port, State, Structure

# published initial state, as in myokit/models
_START = {
    "ina_m": 7.344121102e-3, "ina_hf": 0.698107191, "ina_hs": 0.69808958, "ina_j": 0.697990843, "ina_hsp": 0.454948552,
    "ina_jp": 0.697924587, "inal_m": 1.882617273e-4, "inal_h": 0.500854885, "inal_hp": 0.269306536,
    "ito_a": 1.001097688e-3, "ito_if": 0.999554174, "ito_is": 0.586506174, "ito_ap": 5.10086293e-4,
    "ito_ifp": 0.999554182, "ito_isp": 0.639339948, "ical_d": 2.34e-9, "ical_ff": 0.999999991, "ical_fs": 0.910241278,
    "ical_fcaf": 0.999999991, "ical_fcas": 0.999804678, "ical_jca": 0.999973831, "ical_ffp": 0.999999991,
    "ical_fcafp": 0.999999991, "ical_nca": 2.74941404e-3, "ikr_ic1": 0.999637, "ikr_ic2": 6.83208e-5,
    "ikr_c1": 1.80145e-8, "ikr_c2": 8.26619e-5, "ikr_o": 1.5551e-4, "ikr_io": 5.67623e-5, "iks_x1": 0.270775803,
    "iks_x2": 1.9285034e-4, "ik1_x": 0.996759759, "camk_trapped": 0.0125840447,
}  # fmt: skip
_NET = ("i_nal", "i_cal", "i_kr", "i_to", "i_ks", "i_k1")


def start(p, u):
    return {**_START, **{item.name.removesuffix("_start"): getattr(p, item.name) for item in STARTS}}


def _all_currents(x, p, u, camk) -> dict[str, Any]:
    myoplasm, subspace = exchange(x, p)
    return {**currents(x, p, u, camk), "i_naca_i": myoplasm, "i_naca_ss": subspace, "i_nak": pump(x, p, u)}


def rates(t, x, p, u):
    camk, bound = phosphorylated(x, p)
    i, v = _all_currents(x, p, u, camk), x.v / p.gate_voltage
    moving = {
        **gates.sodium(x, v),
        **gates.transient_outward(x, v),
        **gates.calcium(x, v),
        **gates.rectifiers(x, v, u.plasma_potassium / p.potassium_unit),
    }
    return {
        "v": -(sum(i.values()) + x.stimulus),
        **ions(x, p, i, camk, bound),
        **{name: p.gating_speed * value for name, value in moving.items()},
        "ical_nca": inactivation(x, p),
        **herg(x, v, p, u),
        "stimulus": jnp.zeros_like(x.stimulus),
        "qnet": 0.001 * sum(i[name] for name in _NET),
    }


def outputs(t, x, p, u):
    i = _all_currents(x, p, u, phosphorylated(x, p)[0])
    return {
        "potential": x.v,
        "calcium": 1e6 * x.cai,
        "qnet": x.qnet,
        "herg_bound": x.ikr_iobound + x.ikr_obound + x.ikr_cbound,
        **{name: i[name] for name in ("i_na", "i_nal", "i_to", "i_cal", "i_kr", "i_ks", "i_k1", "i_nak")},
        "i_naca": i["i_naca_i"] + i["i_naca_ss"],
    }


def _current(name, meaning):
    return Port(name, "uA/uF", "flow", meaning)


_CONCENTRATIONS = {
    "nai": "sodium in the myoplasm", "nass": "sodium in the subspace", "ki": "potassium in the myoplasm",
    "kss": "potassium in the subspace", "cai": "calcium in the myoplasm", "cass": "calcium in the subspace",
    "cansr": "calcium in the network sarcoplasmic reticulum", "cajsr": "calcium in the junctional one",
}  # fmt: skip
_STATED = {
    "ina": ("fast sodium", "m hf hs j hsp jp"), "inal": ("late sodium", "m h hp"),
    "ito": ("transient outward", "a if is ap ifp isp"), "ical": ("L-type", "d ff fs fcaf fcas jca ffp fcafp nca"),
    "ikr": ("hERG", " ".join((*FREE, "iobound", "obound", "cbound"))), "iks": ("slow rectifier", "x1 x2"),
    "ik1": ("inward rectifier", "x"),
}  # fmt: skip

structure = Structure(
    name="organs/ventricular_myocyte",
    parameters=PARAMETERS,
    states=(
        State("v", "mV", "membrane potential"),
        *(State(name, "mmol/L", meaning) for name, meaning in _CONCENTRATIONS.items()),
        *(
            State(f"{channel}_{gate}", "1", f"{gate} of {meaning} channels, as in the source")
            for channel, (meaning, names) in _STATED.items()
            for gate in names.split()
        ),
        State("release", "mmol/L/ms", "release of calcium, channels not phosphorylated"),
        State("release_p", "mmol/L/ms", "release of calcium, channels phosphorylated"),
        State("camk_trapped", "1", "share of CaMKII trapped in an active state"),
        State("stimulus", "uA/uF", "current that paces the cell, negative"),
        State("qnet", "uA s/uF", "charge of six currents since it was set to 0"),
    ),
    needs=(
        Port("concentration", "nmol/L", "concentration", "free drug in plasma", default=0.0),
        Port("plasma_potassium", "mmol/L", "concentration", "potassium outside", default=5.4),
    ),
    gives=(
        Port("potential", "mV", "effect", "membrane potential"),
        Port("calcium", "nmol/L", "concentration", "calcium in the myoplasm"),
        Port("qnet", "uA s/uF", "effect", "net charge of a beat, as CiPA counts it"),
        Port("herg_bound", "1", "fraction", "share of hERG channels with drug"),
        _current("i_na", "fast sodium"),
        _current("i_nal", "late sodium"),
        _current("i_to", "transient outward"),
        _current("i_cal", "calcium through L-type channels"),
        _current("i_kr", "rapid rectifier, hERG"),
        _current("i_ks", "slow rectifier"),
        _current("i_k1", "inward rectifier"),
        _current("i_nak", "sodium-potassium pump"),
        _current("i_naca", "sodium-calcium exchanger"),
    ),
    rates=rates,
    outputs=outputs,
    start=start,
    time="ms",
    source="O'Hara et al. 2011; Li et al. 2017; Dutta et al. 2017 (CiPA v1)",
)
