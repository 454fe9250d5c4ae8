"""The sigmoid Emax relation: an effect that follows the concentration at once.

    effect = e0 + emax concentration^gamma / (ec50^gamma + concentration^gamma)

`emax` may be negative. A concentration below zero (a solver's rounding) counts as zero.

Needs: concentration.

Source: Hill, J Physiol 1910, 40:iv-vii; Holford and Sheiner, Clin Pharmacokinet 1981, 6:429-453.
"""

import math

import jax.numpy as jnp

from twinsim.models.structure import POSITIVE, Parameter, Port, Structure


def rates(t, x, p, u):
    return {}


def outputs(t, x, p, u):
    relative = (jnp.maximum(u.concentration, 0.0) / p.ec50) ** p.gamma
    return {"effect": p.e0 + p.emax * relative / (1.0 + relative)}


_ANY = (-math.inf, math.inf)

structure = Structure(
    name="pd/sigmoid_emax",
    parameters=(
        Parameter("e0", "1", 0.0, "effect without drug", "assumed", _ANY),
        Parameter("emax", "1", 1.0, "largest change of the effect", "assumed", _ANY),
        Parameter("ec50", "mg/L", 1.0, "concentration at half the largest change", "assumed", POSITIVE),
        Parameter("gamma", "1", 1.0, "steepness (Hill exponent)", "assumed", POSITIVE),
    ),
    states=(),
    needs=(Port("concentration", "mg/L", "concentration", "concentration where the drug acts", default=0.0),),
    gives=(Port("effect", "1", "effect", "effect"),),
    rates=rates,
    outputs=outputs,
    source="Hill 1910; Holford and Sheiner 1981, Clin Pharmacokinet 6:429-453",
)
