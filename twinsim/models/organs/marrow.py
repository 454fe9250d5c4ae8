"""Neutrophils from the marrow: a pool that renews itself, three stages of maturation, and blood.

    d proliferating/dt = k proliferating ((1 - slope c) (circ0/circulating)^gamma - 1),   k = 4/mtt
    d transit1/dt      = k (proliferating - transit1), likewise transit2, transit3
    d circulating/dt   = k (transit3 - circulating)
    neutrophils        = circulating,     c = concentration/molar_mass

Everything is circ0 at rest and at the beginning. A drug slows the renewal by its concentration, or sooner kills
dividing cells where slope c is above 1; growth factors that fewer neutrophils call for are gamma.

Needs: concentration of the drug in plasma; 0 alone. The defaults of slope and molar_mass are docetaxel's; of the others
those that the paper found with docetaxel, and nearly the same with five other drugs.

Source: Friberg et al. 2002, J Clin Oncol 20:4713, doi:10.1200/JCO.2002.02.140, figure 1 and table 2, docetaxel; numbers
as the package myelo (Radivoyevitch) prints them, not held against the paper.
"""

import jax.numpy as jnp

from twinsim.models.organs._chain import chain, numbered
from twinsim.models.structure import POSITIVE, Parameter, Port, Range, State, Structure

_TABLE = "Friberg 2002, J Clin Oncol 20:4713, table 2, docetaxel, as the package myelo prints it"
_TRANSIT = numbered("transit", 3)


def start(p, u):
    return dict.fromkeys(("proliferating", *_TRANSIT, "circulating"), p.circ0)


def rates(t, x, p, u):
    k = 4.0 / p.mtt
    drug = 1.0 - p.slope * u.concentration / p.molar_mass
    # where a solver's trial step would leave nothing, feedback must stay a number
    feedback = (p.circ0 / jnp.maximum(x.circulating, 1e-9 * p.circ0)) ** p.gamma
    renewed = k * x.proliferating * (drug * feedback - 1.0)
    return {"proliferating": renewed, **chain(x, (*_TRANSIT, "circulating"), k * x.proliferating, k)}


def outputs(t, x, p, u):
    return {"neutrophils": x.circulating}


structure = Structure(
    name="organs/marrow",
    parameters=(
        Parameter("circ0", "10^9/L", 5.05, "neutrophils at rest", _TABLE, POSITIVE),
        Parameter("mtt", "h", 88.7, "mean time from division to the end in blood", _TABLE, POSITIVE),
        Parameter("gamma", "1", 0.161, "feedback of neutrophils on renewal", _TABLE),
        Parameter("slope", "L/umol", 8.58, "fall of renewal with the drug's concentration", _TABLE),
        Parameter("molar_mass", "mg/umol", 0.8079, "molar mass of the drug", "docetaxel, 807.9 g/mol", POSITIVE),
    ),
    states=(
        State("proliferating", "10^9/L", "cells that divide, as the neutrophils they become"),
        *(State(name, "10^9/L", "cells that mature") for name in _TRANSIT),
        State("circulating", "10^9/L", "neutrophils in blood"),
    ),
    needs=(Port("concentration", "mg/L", "concentration", "drug in plasma", default=0.0),),
    gives=(
        Port("neutrophils", "10^9/L", "concentration", "neutrophils in blood",
             normal=Range(1.8, 7.5, "reference range of adults in wide use, from memory")),
    ),
    rates=rates,
    outputs=outputs,
    start=start,
    source="Friberg et al. 2002, J Clin Oncol 20:4713",
)  # fmt: skip
