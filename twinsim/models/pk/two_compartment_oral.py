"""Two compartments with first-order absorption and linear elimination from the central one.

    d depot/dt      = -ka depot
    d central/dt    =  ka depot - (cl + q)/v1 central + q/v2 peripheral
    d peripheral/dt =  q/v1 central - q/v2 peripheral
    concentration   =  central / v1

Routes: oral into the depot, after `lag` and with bioavailability `f`; iv into central.

Source: Gibaldi and Perrier, Pharmacokinetics, 2nd ed., 1982, chapter 2; NONMEM's ADVAN4 TRANS4.
"""

from twinsim.models.structure import POSITIVE, Parameter, Port, Route, State, Structure


def rates(t, x, p, u):
    absorbed = p.ka * x.depot
    return {
        "depot": -absorbed,
        "central": absorbed - (p.cl + p.q) / p.v1 * x.central + p.q / p.v2 * x.peripheral,
        "peripheral": p.q / p.v1 * x.central - p.q / p.v2 * x.peripheral,
    }


def outputs(t, x, p, u):
    return {"concentration": x.central / p.v1}


def outflows(t, x, p, u):
    return {"drug": p.cl / p.v1 * x.central}


structure = Structure(
    name="pk/two_compartment_oral",
    parameters=(
        Parameter("cl", "L/h", 5.0, "clearance", "assumed"),
        Parameter("v1", "L", 50.0, "volume of the central compartment", "assumed", POSITIVE),
        Parameter("q", "L/h", 8.0, "clearance between central and peripheral compartment", "assumed"),
        Parameter("v2", "L", 80.0, "volume of the peripheral compartment", "assumed", POSITIVE),
        Parameter("ka", "1/h", 1.2, "absorption rate constant", "assumed"),
        Parameter("f", "1", 1.0, "bioavailability", "assumed"),
        Parameter("lag", "h", 0.0, "absorption lag", "assumed"),
    ),
    states=(
        State("depot", "mg", "amount at the site of absorption", quantity="drug"),
        State("central", "mg", "amount in the central compartment", quantity="drug"),
        State("peripheral", "mg", "amount in the peripheral compartment", quantity="drug"),
    ),
    routes=(Route("oral", to="depot", lag="lag", f="f"), Route("iv", to="central")),
    gives=(Port("concentration", "mg/L", "concentration", "concentration in the central compartment"),),
    rates=rates,
    outputs=outputs,
    outflows=outflows,
    source="Gibaldi and Perrier 1982, chapter 2; NONMEM ADVAN4 TRANS4",
)
