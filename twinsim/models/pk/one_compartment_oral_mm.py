"""One compartment with first-order absorption and Michaelis-Menten elimination.

    concentration =  central / v
    d depot/dt    = -ka depot
    d central/dt  =  ka depot - vmax concentration / (km + concentration)

Routes: oral into the depot, after `lag` and with bioavailability `f`; iv into central.

Source: Gibaldi and Perrier, Pharmacokinetics, 2nd ed., 1982, chapter 7.
"""

from twinsim.models.structure import POSITIVE, Parameter, Port, Route, State, Structure


def rates(t, x, p, u):
    concentration = x.central / p.v
    absorbed = p.ka * x.depot
    return {"depot": -absorbed, "central": absorbed - p.vmax * concentration / (p.km + concentration)}


def outputs(t, x, p, u):
    return {"concentration": x.central / p.v}


structure = Structure(
    name="pk/one_compartment_oral_mm",
    parameters=(
        Parameter("vmax", "mg/h", 50.0, "largest rate of elimination", "assumed"),
        Parameter("km", "mg/L", 5.0, "concentration at half the largest rate", "assumed", POSITIVE),
        Parameter("v", "L", 50.0, "volume of distribution", "assumed", POSITIVE),
        Parameter("ka", "1/h", 1.2, "absorption rate constant", "assumed"),
        Parameter("f", "1", 1.0, "bioavailability", "assumed"),
        Parameter("lag", "h", 0.0, "absorption lag", "assumed"),
    ),
    states=(
        State("depot", "mg", "amount at the site of absorption"),
        State("central", "mg", "amount in the body"),
    ),
    routes=(Route("oral", to="depot", lag="lag", f="f"), Route("iv", to="central")),
    gives=(Port("concentration", "mg/L", "concentration", "concentration in plasma"),),
    rates=rates,
    outputs=outputs,
    source="Gibaldi and Perrier 1982, chapter 7",
)
