"""Which tier solves a structure, how exactly, and why."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import jax.numpy as jnp

from twinsim.errors import UsageError, nearest
from twinsim.models import analysis
from twinsim.models.stiffness import stability_steps
from twinsim.models.structure import Structure

log = logging.getLogger(__name__)
SOLVERS = ("auto", "closed", "linear", "explicit", "stiff")
LINEAR_STATES = 32  # a larger linear system is cheaper step by step than by full propagators
STIFF_STEPS = 1000  # steps that stability alone would ask of tier explicit, from which on tier stiff is chosen
PRECISIONS = {"float32": jnp.float32, "float64": jnp.float64}


@dataclass(frozen=True)
class Solver:
    """Which tier, and how exactly.

    Args:
        tier: "closed", "linear", "explicit" or "stiff" (see `choose_solver`).
        precision: "float32" or "float64".
        rtol: relative tolerance of a step of the tiers explicit and stiff.
        max_steps: steps a patient may take.
        dense: steps of the tiers explicit and stiff go on past outputs, which are interpolated; otherwise they land.
        reason: why this tier.
    """

    tier: str
    precision: str = "float32"
    rtol: float = 1e-4
    max_steps: int = 100_000
    dense: bool = False
    reason: str = ""


def choose_solver(
    structure: Structure,
    solver: str = "auto",
    *,
    precision: str = "float32",
    rtol: float | None = None,
    max_steps: int = 100_000,
    dense: bool = False,
    moving: Sequence[str] = (),
    horizon: float = 100.0,
) -> Solver:
    """The tier a structure is solved by, with the reason, which is logged.

    Args:
        rtol: by default 1e-4 in float32 and 1e-9 in float64.
        dense: see `Solver`; the exact tiers have no steps, and need no such thing.
        moving: covariates that carry parameters along between two doses (linear interpolation).
        horizon: how long it is solved for [the structure's time unit].

    Raises:
        UsageError: an unknown name, or a tier that cannot solve this structure.

    >>> from twinsim.models.pk.two_compartment_oral import structure
    >>> choose_solver(structure).tier
    'closed'
    """
    for value, known, key in ((solver, SOLVERS, "solver"), (precision, PRECISIONS, "precision")):
        if value not in known:
            raise UsageError(f"unknown {key} {value!r}", where=key, do=nearest(str(value), known))
    if solver == "auto":
        tier, reason = _best(structure, moving, horizon)
    else:
        _check(structure, solver, moving)
        tier, reason = solver, "it was asked for"
    log.info("solver %s for %s: %s", tier, structure.name, reason)
    if rtol is not None and not 1e-14 <= rtol <= 0.1:
        raise UsageError(f"rtol = {rtol:g} is no tolerance", where="solver.rtol", do="choose 1e-12 to 1e-2")
    default = 1e-4 if precision == "float32" else 1e-9
    return Solver(tier, precision, default if rtol is None else rtol, max_steps, dense, reason)


def _best(structure: Structure, moving: Sequence[str], horizon: float) -> tuple[str, str]:
    """The fastest tier that solves a structure, and why."""
    if not moving and analysis.star(structure) is not None:
        return "closed", "linear compartments around a centre have an exact solution"
    if not moving and analysis.is_affine(structure) and len(structure.states) <= LINEAR_STATES:
        return "linear", "its equations are linear with constant coefficients, so a propagator solves them exactly"
    steps = stability_steps(structure, horizon)
    if steps > STIFF_STEPS:
        return "stiff", f"its fastest process would hold tier explicit to some {steps:,.0f} steps over {horizon:g}"
    if moving:
        return "explicit", f"{', '.join(moving)} and the parameters with it change all the time, along straight lines"
    return "explicit", "its equations have no exact solution here and are not stiff, so it is integrated step by step"


def _check(structure: Structure, solver: str, moving: Sequence[str]) -> None:
    """Refuse a tier that cannot solve a structure."""
    if solver not in ("closed", "linear"):
        return
    if moving:
        raise UsageError(
            f"solver={solver} cannot follow {', '.join(moving)} along straight lines",
            where="solver",
            why="the exact solution holds while parameters are constant",
            do='use solver=auto or solver=explicit, or interpolation "locf" or "nocb"',
        )
    fits = analysis.star(structure) is not None if solver == "closed" else analysis.is_affine(structure)
    if not fits:
        needed = {
            "closed": "one to three linear compartments around a centre, with or without a depot",
            "linear": "linear in its states with coefficients that stay constant",
        }
        raise UsageError(
            f"solver={solver} cannot solve {structure.name}",
            where="solver",
            why=f"its equations are not {needed[solver]}",
            do="use solver=auto, solver=explicit or solver=stiff",
        )
