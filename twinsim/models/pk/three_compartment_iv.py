"""Three compartments with linear elimination from the central one, dosed into the blood.

    d central/dt = -(cl + q2 + q3)/v1 central + q2/v2 fast + q3/v3 slow
    d fast/dt    =  q2/v1 central - q2/v2 fast
    d slow/dt    =  q3/v1 central - q3/v3 slow
    concentration = central / v1

Routes: iv takes a bolus or an infusion; infusion lasts `duration` unless the dose says otherwise. `rate` and
`duration` also answer doses with a modelled rate or duration (NONMEM's R1 and D1).

Source: Gibaldi and Perrier, Pharmacokinetics, 2nd ed., 1982, chapter 2; NONMEM's ADVAN11 TRANS4.
"""

from twinsim.models.structure import POSITIVE, Parameter, Port, Route, State, Structure


def rates(t, x, p, u):
    to_fast, to_slow = p.q2 / p.v1 * x.central, p.q3 / p.v1 * x.central
    from_fast, from_slow = p.q2 / p.v2 * x.fast, p.q3 / p.v3 * x.slow
    return {
        "central": from_fast + from_slow - to_fast - to_slow - p.cl / p.v1 * x.central,
        "fast": to_fast - from_fast,
        "slow": to_slow - from_slow,
    }


def outputs(t, x, p, u):
    return {"concentration": x.central / p.v1}


structure = Structure(
    name="pk/three_compartment_iv",
    parameters=(
        Parameter("cl", "L/h", 5.0, "clearance", "assumed"),
        Parameter("v1", "L", 20.0, "volume of the central compartment", "assumed", POSITIVE),
        Parameter("q2", "L/h", 12.0, "clearance between central and fast compartment", "assumed"),
        Parameter("v2", "L", 40.0, "volume of the fast peripheral compartment", "assumed", POSITIVE),
        Parameter("q3", "L/h", 3.0, "clearance between central and slow compartment", "assumed"),
        Parameter("v3", "L", 120.0, "volume of the slow peripheral compartment", "assumed", POSITIVE),
        Parameter("rate", "mg/h", 100.0, "modelled rate of an infusion", "assumed", POSITIVE),
        Parameter("duration", "h", 1.0, "modelled duration of an infusion", "assumed", POSITIVE),
    ),
    states=(
        State("central", "mg", "amount in the central compartment"),
        State("fast", "mg", "amount in the fast peripheral compartment"),
        State("slow", "mg", "amount in the slow peripheral compartment"),
    ),
    routes=(
        Route("iv", to="central", rate="rate", duration="duration"),
        Route("infusion", to="central", rate="rate", duration="duration", infusion="duration"),
    ),
    gives=(Port("concentration", "mg/L", "concentration", "concentration in the central compartment"),),
    rates=rates,
    outputs=outputs,
    source="Gibaldi and Perrier 1982, chapter 2; NONMEM ADVAN11 TRANS4",
)
