"""One compartment with absorption through a chain of three transit compartments.

    d depot/dt    = -ktr depot
    d transit1/dt =  ktr depot    - ktr transit1
    d transit2/dt =  ktr transit1 - ktr transit2
    d transit3/dt =  ktr transit2 - ktr transit3
    d gut/dt      =  ktr transit3 - ka gut
    d central/dt  =  ka gut - cl/v central
    concentration =  central / v

The mean transit time from the depot to the gut is (3 + 1)/ktr; drug enters the gut as a gamma density of shape 4.

Routes: oral into the depot, after `lag` and with bioavailability `f`; iv into central.

Source: Savic et al., J Pharmacokinet Pharmacodyn 2007, 34:711-726, doi:10.1007/s10928-007-9066-0.
Differs: there the number of transit compartments is a parameter and the chain is replaced by its gamma density,
which handles one dose at a time; this is the chain itself, exact for any doses.
"""

from twinsim.models.structure import POSITIVE, Parameter, Port, Route, State, Structure


def rates(t, x, p, u):
    absorbed = p.ka * x.gut
    return {
        "depot": -p.ktr * x.depot,
        "transit1": p.ktr * (x.depot - x.transit1),
        "transit2": p.ktr * (x.transit1 - x.transit2),
        "transit3": p.ktr * (x.transit2 - x.transit3),
        "gut": p.ktr * x.transit3 - absorbed,
        "central": absorbed - p.cl / p.v * x.central,
    }


def outputs(t, x, p, u):
    return {"concentration": x.central / p.v}


def outflows(t, x, p, u):
    return {"drug": p.cl / p.v * x.central}


structure = Structure(
    name="pk/one_compartment_transit",
    parameters=(
        Parameter("cl", "L/h", 5.0, "clearance", "assumed"),
        Parameter("v", "L", 50.0, "volume of distribution", "assumed", POSITIVE),
        Parameter("ktr", "1/h", 4.0, "rate constant from one transit compartment to the next", "assumed"),
        Parameter("ka", "1/h", 1.2, "absorption rate constant", "assumed"),
        Parameter("f", "1", 1.0, "bioavailability", "assumed"),
        Parameter("lag", "h", 0.0, "absorption lag", "assumed"),
    ),
    states=(
        State("depot", "mg", "amount where the dose arrives", quantity="drug"),
        State("transit1", "mg", "amount in the first transit compartment", quantity="drug"),
        State("transit2", "mg", "amount in the second transit compartment", quantity="drug"),
        State("transit3", "mg", "amount in the third transit compartment", quantity="drug"),
        State("gut", "mg", "amount at the site of absorption", quantity="drug"),
        State("central", "mg", "amount in the body", quantity="drug"),
    ),
    routes=(Route("oral", to="depot", lag="lag", f="f"), Route("iv", to="central")),
    gives=(Port("concentration", "mg/L", "concentration", "concentration in plasma"),),
    rates=rates,
    outputs=outputs,
    outflows=outflows,
    source="Savic et al. 2007, J Pharmacokinet Pharmacodyn 34:711-726",
)
