"""One compartment with linear elimination, dosed into the blood.

    d central/dt  = -cl/v central
    concentration =  central / v

Routes: iv takes a bolus or an infusion; infusion lasts `duration` unless the dose says otherwise. `rate` and
`duration` also answer doses with a modelled rate or duration (NONMEM's R1 and D1).

Source: Gibaldi and Perrier, Pharmacokinetics, 2nd ed., 1982, chapter 1; NONMEM's ADVAN1 TRANS2.
"""

from twinsim.models.structure import POSITIVE, Parameter, Port, Route, State, Structure


def rates(t, x, p, u):
    return {"central": -p.cl / p.v * x.central}


def outputs(t, x, p, u):
    return {"concentration": x.central / p.v}


structure = Structure(
    name="pk/one_compartment_iv",
    parameters=(
        Parameter("cl", "L/h", 5.0, "clearance", "assumed"),
        Parameter("v", "L", 50.0, "volume of distribution", "assumed", POSITIVE),
        Parameter("rate", "mg/h", 100.0, "modelled rate of an infusion", "assumed", POSITIVE),
        Parameter("duration", "h", 1.0, "modelled duration of an infusion", "assumed", POSITIVE),
    ),
    states=(State("central", "mg", "amount in the body"),),
    routes=(
        Route("iv", to="central", rate="rate", duration="duration"),
        Route("infusion", to="central", rate="rate", duration="duration", infusion="duration"),
    ),
    gives=(Port("concentration", "mg/L", "concentration", "concentration in plasma"),),
    rates=rates,
    outputs=outputs,
    source="Gibaldi and Perrier 1982, chapter 1; NONMEM ADVAN1 TRANS2",
)
