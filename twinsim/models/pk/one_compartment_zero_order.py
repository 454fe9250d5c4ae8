"""One compartment with zero-order absorption: a dose arrives evenly over a duration, then linear elimination.

    d central/dt  = f dose/duration (from lag to lag + duration) - cl/v central
    concentration = central / v

Routes: oral, after `lag`, over `duration`, with bioavailability `f`; iv into central. The duration belongs to the
dose, as RATE=-2 and D1 in NONMEM, so that it is an exact stop of the solver and not a switch in the equations.

Source: Gibaldi and Perrier, Pharmacokinetics, 2nd ed., 1982, chapter 1; NONMEM's ADVAN1 TRANS2 with D1.
"""

from twinsim.models.structure import POSITIVE, Parameter, Port, Route, State, Structure


def rates(t, x, p, u):
    return {"central": -p.cl / p.v * x.central}


def outputs(t, x, p, u):
    return {"concentration": x.central / p.v}


structure = Structure(
    name="pk/one_compartment_zero_order",
    parameters=(
        Parameter("cl", "L/h", 5.0, "clearance", "assumed"),
        Parameter("v", "L", 50.0, "volume of distribution", "assumed", POSITIVE),
        Parameter("duration", "h", 2.0, "duration of the absorption", "assumed", POSITIVE),
        Parameter("f", "1", 1.0, "bioavailability", "assumed"),
        Parameter("lag", "h", 0.0, "absorption lag", "assumed"),
    ),
    states=(State("central", "mg", "amount in the body"),),
    routes=(
        Route("oral", to="central", lag="lag", f="f", duration="duration", infusion="duration"),
        Route("iv", to="central"),
    ),
    gives=(Port("concentration", "mg/L", "concentration", "concentration in plasma"),),
    rates=rates,
    outputs=outputs,
    source="Gibaldi and Perrier 1982, chapter 1; NONMEM ADVAN1 TRANS2 with D1",
)
