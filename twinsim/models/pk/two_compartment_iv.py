"""Two compartments with linear elimination from the central one, dosed into the blood.

    d central/dt    = -(cl + q)/v1 central + q/v2 peripheral
    d peripheral/dt =  q/v1 central - q/v2 peripheral
    concentration   =  central / v1

Routes: iv takes a bolus or an infusion; infusion lasts `duration` unless the dose says otherwise. `rate` and
`duration` also answer doses with a modelled rate or duration (NONMEM's R1 and D1).

Source: Gibaldi and Perrier, Pharmacokinetics, 2nd ed., 1982, chapter 2; NONMEM's ADVAN3 TRANS4.
"""

from twinsim.models.structure import POSITIVE, Parameter, Port, Route, State, Structure


def rates(t, x, p, u):
    return {
        "central": -(p.cl + p.q) / p.v1 * x.central + p.q / p.v2 * x.peripheral,
        "peripheral": p.q / p.v1 * x.central - p.q / p.v2 * x.peripheral,
    }


def outputs(t, x, p, u):
    return {"concentration": x.central / p.v1}


structure = Structure(
    name="pk/two_compartment_iv",
    parameters=(
        Parameter("cl", "L/h", 5.0, "clearance", "assumed"),
        Parameter("v1", "L", 50.0, "volume of the central compartment", "assumed", POSITIVE),
        Parameter("q", "L/h", 8.0, "clearance between central and peripheral compartment", "assumed"),
        Parameter("v2", "L", 80.0, "volume of the peripheral compartment", "assumed", POSITIVE),
        Parameter("rate", "mg/h", 100.0, "modelled rate of an infusion", "assumed", POSITIVE),
        Parameter("duration", "h", 1.0, "modelled duration of an infusion", "assumed", POSITIVE),
    ),
    states=(
        State("central", "mg", "amount in the central compartment"),
        State("peripheral", "mg", "amount in the peripheral compartment"),
    ),
    routes=(
        Route("iv", to="central", rate="rate", duration="duration"),
        Route("infusion", to="central", rate="rate", duration="duration", infusion="duration"),
    ),
    gives=(Port("concentration", "mg/L", "concentration", "concentration in the central compartment"),),
    rates=rates,
    outputs=outputs,
    source="Gibaldi and Perrier 1982, chapter 2; NONMEM ADVAN3 TRANS4",
)
