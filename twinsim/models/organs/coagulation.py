"""INR under warfarin: it follows a fast and a slow chain of clotting factors, which S-warfarin holds back.

    inhibition    = emax c^gamma/(ec50^gamma + c^gamma),     c = concentration
    d fast1/dt    = k1 (1 - inhibition - fast1),   d fast2/dt = k1 (fast1 - fast2),  d fast3/dt likewise,   k1 = 3/mtt1
    d slow1/dt    = k2 (1 - inhibition - slow1),   d slow2/dt and d slow3/dt likewise,                      k2 = 3/mtt2
    inr           = inr0 + inr_max (1 - (fast3 + slow3)/2)

All six are 1 at rest and at the beginning. A concentration below zero (a solver's rounding) counts as zero.

Needs: concentration of S-warfarin in plasma, half of what is given as racemic warfarin; 0 alone. The genotype of VKORC1
is ec50: 2.05 mg/L for each G and 0.96 mg/L for each A. That of CYP2C9 and age act on clearance, see the library's
warfarin_inr_hamberg_2010.

Differs: Hamberg's model of 2007 had INR by the product of the chains to the power 3.61, with other numbers.

Source: Hamberg et al. 2010, Clin Pharmacol Ther 87:727, doi:10.1038/clpt.2010.37. Equations and numbers as the
repository mipd-warfarin (Augustin) has them, not held against the paper.
"""

import jax.numpy as jnp

from twinsim.models.organs._chain import chain, numbered
from twinsim.models.structure import POSITIVE, Parameter, Port, Range, State, Structure

_TABLE = "Hamberg 2010, Clin Pharmacol Ther 87:727, as mipd-warfarin has it"
_FAST, _SLOW = numbered("fast", 3), numbered("slow", 3)


def start(p, u):
    return dict.fromkeys((*_FAST, *_SLOW), 1.0)


def rates(t, x, p, u):
    relative = (jnp.maximum(u.concentration, 0.0) / p.ec50) ** p.gamma
    left = 1.0 - p.emax * relative / (1.0 + relative)
    k1, k2 = len(_FAST) / p.mtt1, len(_SLOW) / p.mtt2
    return {**chain(x, _FAST, k1 * left, k1), **chain(x, _SLOW, k2 * left, k2)}


def outputs(t, x, p, u):
    return {"inr": p.inr0 + p.inr_max * (1.0 - 0.5 * (x.fast3 + x.slow3))}


structure = Structure(
    name="organs/coagulation",
    parameters=(
        Parameter("inr0", "1", 1.0, "INR without the drug", _TABLE, POSITIVE),
        Parameter("inr_max", "1", 20.0, "largest rise of INR", f"{_TABLE}: fixed"),
        Parameter("emax", "1", 1.0, "largest inhibition", f"{_TABLE}: fixed", (0.0, 1.0)),
        Parameter("ec50", "mg/L", 4.1, "S-warfarin of half of it, VKORC1 G/G", _TABLE, POSITIVE),
        Parameter("gamma", "1", 1.15, "steepness", _TABLE),
        Parameter("mtt1", "h", 28.6, "mean time through the fast chain", f"{_TABLE}: 3/(0.104895 1/h)", POSITIVE),
        Parameter("mtt2", "h", 118.3, "mean time through the slow chain", f"{_TABLE}: 3/(0.0253593 1/h)", POSITIVE),
    ),
    states=(
        *(State(name, "1", "clotting factors that turn over fast, relative") for name in _FAST),
        *(State(name, "1", "clotting factors that turn over slowly, relative") for name in _SLOW),
    ),
    needs=(Port("concentration", "mg/L", "concentration", "S-warfarin in plasma", default=0.0),),
    gives=(
        Port("inr", "1", "effect", "international normalised ratio of prothrombin time",
             normal=Range(0.8, 1.2, "reference range in wide use, without anticoagulants, from memory")),
    ),
    rates=rates,
    outputs=outputs,
    start=start,
    source="Hamberg et al. 2010, Clin Pharmacol Ther 87:727",
)  # fmt: skip
