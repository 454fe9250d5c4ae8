"""Which tier solves a structure, how exactly, and why."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import jax.numpy as jnp

from twinsim.errors import UsageError, nearest
from twinsim.models import analysis
from twinsim.models.structure import Structure

log = logging.getLogger(__name__)
SOLVERS = ("auto", "closed", "explicit")
PRECISIONS = {"float32": jnp.float32, "float64": jnp.float64}


@dataclass(frozen=True)
class Solver:
    """Which tier, and how exactly.

    Args:
        tier: "closed" or "explicit" (see `choose_solver`).
        precision: "float32" or "float64".
        rtol: relative tolerance of a step of tier explicit.
        max_steps: steps a patient may take.
        reason: why this tier.
    """

    tier: str
    precision: str = "float32"
    rtol: float = 1e-4
    max_steps: int = 100_000
    reason: str = ""


def choose_solver(
    structure: Structure,
    solver: str = "auto",
    *,
    precision: str = "float32",
    rtol: float | None = None,
    max_steps: int = 100_000,
    moving: Sequence[str] = (),
) -> Solver:
    """The tier a structure is solved by, with the reason, which is logged.

    Args:
        rtol: by default 1e-4 in float32 and 1e-9 in float64.
        moving: covariates that carry parameters along between two doses (linear interpolation).

    Raises:
        UsageError: an unknown name, or a tier that cannot solve this structure.

    >>> from twinsim.models.pk.two_compartment_oral import structure
    >>> choose_solver(structure).tier
    'closed'
    """
    for value, known, key in ((solver, SOLVERS, "solver"), (precision, PRECISIONS, "precision")):
        if value not in known:
            raise UsageError(f"unknown {key} {value!r}", where=key, do=nearest(str(value), known))
    star = analysis.star(structure) if not moving else None
    if solver == "closed" and moving:
        raise UsageError(
            f"solver=closed cannot follow {', '.join(moving)} along straight lines",
            where="solver",
            why="the exact solution holds while parameters are constant",
            do='use solver=auto or solver=explicit, or interpolation "locf" or "nocb"',
        )
    if solver == "closed" and star is None:
        raise UsageError(
            f"solver=closed cannot solve {structure.name}",
            where="solver",
            why="its equations are not one to three linear compartments around a centre, with or without a depot",
            do="use solver=auto or solver=explicit",
        )
    tier = ("closed" if star is not None else "explicit") if solver == "auto" else solver
    if solver != "auto":
        reason = "it was asked for"
    elif tier == "closed":
        reason = "linear compartments around a centre have an exact solution"
    elif moving:
        reason = f"{', '.join(moving)} and the parameters with it change all the time, along straight lines"
    else:
        reason = "the equations have no closed solution here, so they are integrated step by step"
    log.info("solver %s for %s: %s", tier, structure.name, reason)
    if rtol is not None and not 1e-14 <= rtol <= 0.1:
        raise UsageError(f"rtol = {rtol:g} is no tolerance", where="solver.rtol", do="choose 1e-12 to 1e-2")
    default = 1e-4 if precision == "float32" else 1e-9
    return Solver(tier, precision, default if rtol is None else rtol, max_steps, reason)
