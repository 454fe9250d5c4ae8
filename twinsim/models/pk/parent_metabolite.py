"""A drug and its metabolite, one compartment each, with first-order absorption of the drug.

    d depot/dt      = -ka depot
    d parent/dt     =  ka depot - cl/v parent
    d metabolite/dt =  fm weight_ratio cl/v parent - clm/vm metabolite
    concentration            = parent / v
    metabolite_concentration = metabolite / vm

`fm` is the fraction of eliminated moles that becomes this metabolite; `weight_ratio` turns the drug's milligrams into
the metabolite's.

Routes: oral into the depot, after `lag` and with bioavailability `f`; iv into parent.

Source: Rowland and Tozer, Clinical Pharmacokinetics and Pharmacodynamics, 4th ed., 2011, chapter 20.
"""

from twinsim.models.structure import POSITIVE, Parameter, Port, Route, State, Structure


def rates(t, x, p, u):
    absorbed = p.ka * x.depot
    eliminated = p.cl / p.v * x.parent
    return {
        "depot": -absorbed,
        "parent": absorbed - eliminated,
        "metabolite": p.fm * p.weight_ratio * eliminated - p.clm / p.vm * x.metabolite,
    }


def outputs(t, x, p, u):
    return {"concentration": x.parent / p.v, "metabolite_concentration": x.metabolite / p.vm}


def outflows(t, x, p, u):
    return {
        "drug": p.cl / p.v * x.parent,
        "metabolite": p.clm / p.vm * x.metabolite - p.fm * p.weight_ratio * p.cl / p.v * x.parent,
    }


structure = Structure(
    name="pk/parent_metabolite",
    parameters=(
        Parameter("cl", "L/h", 5.0, "clearance of the drug", "assumed"),
        Parameter("v", "L", 50.0, "volume of distribution of the drug", "assumed", POSITIVE),
        Parameter("fm", "1", 0.5, "fraction of elimination that forms the metabolite", "assumed", (0.0, 1.0)),
        Parameter("weight_ratio", "1", 1.0, "molar mass of the metabolite over that of the drug", "assumed", POSITIVE),
        Parameter("clm", "L/h", 8.0, "clearance of the metabolite", "assumed"),
        Parameter("vm", "L", 40.0, "volume of distribution of the metabolite", "assumed", POSITIVE),
        Parameter("ka", "1/h", 1.2, "absorption rate constant", "assumed"),
        Parameter("f", "1", 1.0, "bioavailability", "assumed"),
        Parameter("lag", "h", 0.0, "absorption lag", "assumed"),
    ),
    states=(
        State("depot", "mg", "amount of drug at the site of absorption", quantity="drug"),
        State("parent", "mg", "amount of drug in the body", quantity="drug"),
        State("metabolite", "mg", "amount of metabolite in the body", quantity="metabolite"),
    ),
    routes=(Route("oral", to="depot", lag="lag", f="f"), Route("iv", to="parent")),
    gives=(
        Port("concentration", "mg/L", "concentration", "concentration of the drug in plasma"),
        Port("metabolite_concentration", "mg/L", "concentration", "concentration of the metabolite in plasma"),
    ),
    rates=rates,
    outputs=outputs,
    outflows=outflows,
    source="Rowland and Tozer 2011, chapter 20",
)
