"""Platelets: made by precursors that take a week to mature, alive in blood for another.

    d precursor1/dt = k_out base (base/platelets)^gamma (1 - imax c/(ic50 + c)) - k_pre precursor1
    d platelet1/dt  = k_pre precursor15 - k_out platelet1,      k_pre = 15/mtt_pre,  k_out = 15/mtt_pl
    platelets       = mean of platelet1 to platelet15,     c = concentration

and so on along both chains (`_chain`): precursor2, precursor3, precursor4, precursor5, precursor6, precursor7,
precursor8, precursor9, precursor10, precursor11, precursor12, precursor13, precursor14; platelet2, platelet3,
platelet4, platelet5, platelet6, platelet7, platelet8, platelet9, platelet10, platelet11, platelet12, platelet13,
platelet14. At rest and at the beginning every platelet compartment holds base, every precursor base k_out/k_pre.
Under a constant concentration platelets come to base (1 - imax c/(ic50 + c))^(1/(1 + gamma)).

Needs: concentration of the drug in plasma; 0 alone. imax and ic50 are linezolid's.

Source: Boak et al. 2014, Antimicrob Agents Chemother 58:2334, doi:10.1128/AAC.01885-13, equations 6 and 7 and table 2
(41 adults in hospital), as the model library nlmixr2lib prints them, not held against the paper.
"""

import jax.numpy as jnp

from twinsim.models.organs._chain import chain, numbered
from twinsim.models.structure import POSITIVE, Parameter, Port, Range, State, Structure

_TABLE = "Boak 2014, Antimicrob Agents Chemother 58:2334, table 2, as nlmixr2lib prints it"
_STAGES = 15
_PRECURSORS, _PLATELETS = numbered("precursor", _STAGES), numbered("platelet", _STAGES)


def count(x):
    """Platelets in blood: the mean of their compartments."""
    return sum(getattr(x, name) for name in _PLATELETS) / _STAGES


def start(p, u):
    return dict.fromkeys(_PRECURSORS, p.base * p.mtt_pre / p.mtt_pl) | dict.fromkeys(_PLATELETS, p.base)


def rates(t, x, p, u):
    k_pre, k_out = _STAGES / p.mtt_pre, _STAGES / p.mtt_pl
    c = jnp.maximum(u.concentration, 0.0)
    # where a solver's trial step would leave nothing, feedback must stay a number
    feedback = (p.base / jnp.maximum(count(x), 1e-9 * p.base)) ** p.gamma
    made = k_out * p.base * feedback * (1.0 - p.imax * c / (p.ic50 + c))
    return {**chain(x, _PRECURSORS, made, k_pre), **chain(x, _PLATELETS, k_pre * getattr(x, _PRECURSORS[-1]), k_out)}


def outputs(t, x, p, u):
    return {"platelets": count(x)}


structure = Structure(
    name="organs/platelets",
    parameters=(
        Parameter("base", "10^9/L", 252.0, "platelets at rest", _TABLE, POSITIVE),
        Parameter("mtt_pre", "h", 184.32, "mean time of maturation", f"{_TABLE}: 7.68 d", POSITIVE),
        Parameter("mtt_pl", "h", 163.2, "mean life of a platelet", f"{_TABLE}: 6.80 d", POSITIVE),
        Parameter("gamma", "1", 1.02, "feedback of platelets on their making", _TABLE),
        Parameter("imax", "1", 1.0, "largest inhibition of making by the drug", f"{_TABLE}: fixed", (0.0, 1.0)),
        Parameter("ic50", "mg/L", 8.06, "concentration of half of it", _TABLE, POSITIVE),
    ),
    states=(
        *(State(name, "10^9/L", "precursors, as the platelets they become") for name in _PRECURSORS),
        *(State(name, "10^9/L", "platelets in blood of one age, times the number of ages") for name in _PLATELETS),
    ),
    needs=(Port("concentration", "mg/L", "concentration", "drug in plasma", default=0.0),),
    gives=(
        Port("platelets", "10^9/L", "concentration", "platelets in blood",
             normal=Range(150.0, 400.0, "reference range of adults in wide use, from memory")),
    ),
    rates=rates,
    outputs=outputs,
    start=start,
    source="Boak et al. 2014, Antimicrob Agents Chemother 58:2334",
)  # fmt: skip
