"""Three compartments with first-order absorption and linear elimination from the central one.

    d depot/dt   = -ka depot
    d central/dt =  ka depot - (cl + q2 + q3)/v1 central + q2/v2 fast + q3/v3 slow
    d fast/dt    =  q2/v1 central - q2/v2 fast
    d slow/dt    =  q3/v1 central - q3/v3 slow
    concentration = central / v1

Routes: oral into the depot, after `lag` and with bioavailability `f`; iv into central.

Source: Gibaldi and Perrier, Pharmacokinetics, 2nd ed., 1982, chapter 2; NONMEM's ADVAN12 TRANS4.
"""

from twinsim.models.structure import POSITIVE, Parameter, Port, Route, State, Structure


def rates(t, x, p, u):
    absorbed = p.ka * x.depot
    to_fast, to_slow = p.q2 / p.v1 * x.central, p.q3 / p.v1 * x.central
    from_fast, from_slow = p.q2 / p.v2 * x.fast, p.q3 / p.v3 * x.slow
    return {
        "depot": -absorbed,
        "central": absorbed + from_fast + from_slow - to_fast - to_slow - p.cl / p.v1 * x.central,
        "fast": to_fast - from_fast,
        "slow": to_slow - from_slow,
    }


def outputs(t, x, p, u):
    return {"concentration": x.central / p.v1}


def outflows(t, x, p, u):
    return {"drug": p.cl / p.v1 * x.central}


structure = Structure(
    name="pk/three_compartment_oral",
    parameters=(
        Parameter("cl", "L/h", 5.0, "clearance", "assumed"),
        Parameter("v1", "L", 20.0, "volume of the central compartment", "assumed", POSITIVE),
        Parameter("q2", "L/h", 12.0, "clearance between central and fast compartment", "assumed"),
        Parameter("v2", "L", 40.0, "volume of the fast peripheral compartment", "assumed", POSITIVE),
        Parameter("q3", "L/h", 3.0, "clearance between central and slow compartment", "assumed"),
        Parameter("v3", "L", 120.0, "volume of the slow peripheral compartment", "assumed", POSITIVE),
        Parameter("ka", "1/h", 1.2, "absorption rate constant", "assumed"),
        Parameter("f", "1", 1.0, "bioavailability", "assumed"),
        Parameter("lag", "h", 0.0, "absorption lag", "assumed"),
    ),
    states=(
        State("depot", "mg", "amount at the site of absorption", quantity="drug"),
        State("central", "mg", "amount in the central compartment", quantity="drug"),
        State("fast", "mg", "amount in the fast peripheral compartment", quantity="drug"),
        State("slow", "mg", "amount in the slow peripheral compartment", quantity="drug"),
    ),
    routes=(Route("oral", to="depot", lag="lag", f="f"), Route("iv", to="central")),
    gives=(Port("concentration", "mg/L", "concentration", "concentration in the central compartment"),),
    rates=rates,
    outputs=outputs,
    outflows=outflows,
    source="Gibaldi and Perrier 1982, chapter 2; NONMEM ADVAN12 TRANS4",
)
