"""Two compartments with Michaelis-Menten elimination from the central one, dosed into the blood.

    concentration   =  central / v1
    d central/dt    = -vmax concentration / (km + concentration) - q/v1 central + q/v2 peripheral
    d peripheral/dt =  q/v1 central - q/v2 peripheral

Routes: iv takes a bolus or an infusion; infusion lasts `duration` unless the dose says otherwise. `rate` and
`duration` also answer doses with a modelled rate or duration (NONMEM's R1 and D1).

Source: Gibaldi and Perrier, Pharmacokinetics, 2nd ed., 1982, chapter 7.
"""

from twinsim.models.structure import POSITIVE, Parameter, Port, Route, State, Structure


def rates(t, x, p, u):
    concentration = x.central / p.v1
    exchanged = p.q * concentration - p.q / p.v2 * x.peripheral
    return {
        "central": -p.vmax * concentration / (p.km + concentration) - exchanged,
        "peripheral": exchanged,
    }


def outputs(t, x, p, u):
    return {"concentration": x.central / p.v1}


structure = Structure(
    name="pk/two_compartment_mm",
    parameters=(
        Parameter("vmax", "mg/h", 50.0, "largest rate of elimination", "assumed"),
        Parameter("km", "mg/L", 5.0, "concentration at half the largest rate", "assumed", POSITIVE),
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
    source="Gibaldi and Perrier 1982, chapter 7",
)
