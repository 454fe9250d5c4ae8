"""Insulin under the skin: rapid insulin in doses, and a basal rate, on its way into blood.

    d isc1/dt = basal - (kd + ka1) isc1,    d isc2/dt = kd isc1 - ka2 isc2
    insulin_appearance = potency (ka1 isc1 + ka2 isc2),    basal: basal_insulin [U/h]

It begins with what the basal rate keeps there. Route: insulin [U].

Source: Dalla Man et al. 2007 and Kovatchev et al. 2009 (S2008), the depot of organs/glucose_type1, with its medians.
"""

from twinsim.models.organs.glucose_type1 import structure as _TYPE1
from twinsim.models.structure import Parameter, Port, Route, State, Structure


def _basal(p):
    return p.basal_insulin / 60.0  # U/min


def start(p, u):
    first = _basal(p) / (p.kd + p.ka1)
    return {"isc1": first, "isc2": p.kd * first / p.ka2}


def rates(t, x, p, u):
    passed = p.kd * x.isc1
    return {"isc1": _basal(p) - passed - p.ka1 * x.isc1, "isc2": passed - p.ka2 * x.isc2}


def outputs(t, x, p, u):
    return {
        "insulin_appearance": p.potency * (p.ka1 * x.isc1 + p.ka2 * x.isc2),
        "insulin_on_board": x.isc1 + x.isc2,
    }


structure = Structure(
    name="organs/insulin_depot",
    time="min",
    parameters=(
        Parameter("basal_insulin", "U/h", 0.0, "rate of a pump, or of long-acting insulin", "none in health"),
        *(_TYPE1.parameter(name) for name in ("kd", "ka1", "ka2", "potency")),
    ),
    states=(
        State("isc1", "U", "insulin where it was injected, as hexamers", quantity="injected_insulin"),
        State("isc2", "U", "insulin where it was injected, as monomers", quantity="injected_insulin"),
    ),
    routes=(Route("insulin", to="isc1"),),
    gives=(
        Port("insulin_appearance", "pmol/min", "flow", "insulin that reaches plasma"),
        Port("insulin_on_board", "U", "amount", "insulin under the skin"),
    ),
    start=start,
    rates=rates,
    outputs=outputs,
    outflows=lambda t, x, p, u: {"injected_insulin": p.ka1 * x.isc1 + p.ka2 * x.isc2 - _basal(p)},
    source="Kovatchev et al. 2009, J Diabetes Sci Technol 3:44, as in organs/glucose_type1",
)
