"""Two compartments with linear and saturable elimination side by side: a monoclonal antibody given under the skin.

    concentration   =  central / v1
    d depot/dt      = -ka depot
    d central/dt    =  ka depot - cl concentration - vmax concentration / (km + concentration)
                       - q/v1 central + q/v2 peripheral
    d peripheral/dt =  q/v1 central - q/v2 peripheral

Routes: sc into the depot, after `lag` and with bioavailability `f`; iv into central.

Source: Gibaldi and Perrier, Pharmacokinetics, 2nd ed., 1982, chapter 7 (parallel pathways); linear part and its
typical values: Davda et al., mAbs 2014, 6:1094-1102, doi:10.4161/mabs.29095 (there per day, here per hour).
"""

from twinsim.models.structure import POSITIVE, Parameter, Port, Route, State, Structure

_DAVDA = "Davda 2014"


def rates(t, x, p, u):
    concentration = x.central / p.v1
    exchanged = p.q * concentration - p.q / p.v2 * x.peripheral
    absorbed = p.ka * x.depot
    eliminated = p.cl * concentration + p.vmax * concentration / (p.km + concentration)
    return {"depot": -absorbed, "central": absorbed - eliminated - exchanged, "peripheral": exchanged}


def outputs(t, x, p, u):
    return {"concentration": x.central / p.v1}


structure = Structure(
    name="pk/two_compartment_parallel",
    parameters=(
        Parameter("cl", "L/h", 0.2 / 24, "linear clearance", _DAVDA),
        Parameter("vmax", "mg/h", 0.0, "largest rate of the saturable elimination", "assumed"),
        Parameter("km", "mg/L", 1.0, "concentration at half the largest rate", "assumed", POSITIVE),
        Parameter("v1", "L", 3.61, "volume of the central compartment", _DAVDA, POSITIVE),
        Parameter("q", "L/h", 0.747 / 24, "clearance between central and peripheral compartment", _DAVDA),
        Parameter("v2", "L", 2.75, "volume of the peripheral compartment", _DAVDA, POSITIVE),
        Parameter("ka", "1/h", 0.282 / 24, "absorption rate constant", _DAVDA),
        Parameter("f", "1", 0.744, "bioavailability under the skin", _DAVDA),
        Parameter("lag", "h", 0.0, "absorption lag", "assumed"),
    ),
    states=(
        State("depot", "mg", "amount under the skin"),
        State("central", "mg", "amount in the central compartment"),
        State("peripheral", "mg", "amount in the peripheral compartment"),
    ),
    routes=(Route("sc", to="depot", lag="lag", f="f"), Route("iv", to="central")),
    gives=(Port("concentration", "mg/L", "concentration", "concentration in the central compartment"),),
    rates=rates,
    outputs=outputs,
    source="Gibaldi and Perrier 1982, chapter 7; Davda et al. 2014, mAbs 6:1094-1102",
)
