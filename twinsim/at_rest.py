"""The steady state a patient has without doses: where its parameters keep it, searched from the structure's start."""

from __future__ import annotations

from collections.abc import Mapping

import jax.numpy as jnp
from jax import Array

from kernels.equilibrium import equilibrium
from twinsim.models import analysis
from twinsim.models.conserved import stillness
from twinsim.models.structure import Structure
from twinsim.observing import derivative_of


def at_rest(structure: Structure, parameters: Mapping[str, Array], start: tuple) -> tuple[tuple, Array]:
    """States at which nothing changes, differentiable in parameters and start, and who has none.

    Args:
        parameters: of the structure by name, float64 (patient | 1).
        start: where the search begins, float64 (patient) each; sums of states that never change keep what they have
            there, and states that only count up stay there.

    Returns:
        states (patient) each; status (patient): ok or no_equilibrium.

    Raises:
        UsageError: a structure that has no steady state, whatever the parameters.
    """
    known = stillness(structure)
    moving = known.moving
    if not moving:
        return start, jnp.zeros(start[0].shape, jnp.int32)
    rates_of = derivative_of(structure, None, jnp.float64)
    pattern = analysis.jacobian_pattern(structure)
    place = {i: k for k, i in enumerate(moving)}

    def rates(x: tuple, known: tuple) -> tuple:
        own, still = known
        change = rates_of(jnp.zeros(()), tuple(x[place[i]] if i in place else v for i, v in enumerate(still)), own)
        return tuple(change[i] for i in moving)

    found, status = equilibrium(
        rates,
        tuple(start[i] for i in moving),
        (dict(parameters), start),
        pattern=frozenset((place[i], place[j]) for i, j in pattern if i in place and j in place),
        laws=known.laws,
        positive=frozenset(place[i] for i in known.positive if i in place),
        linear=analysis.is_affine(structure),
    )
    return tuple(found[place[i]] if i in place else value for i, value in enumerate(start)), status
