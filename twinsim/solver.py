"""Which tier solves a structure, how exactly, and why."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from twinsim.errors import UsageError, nearest
from twinsim.models import analysis
from twinsim.models.stiffness import stability_steps
from twinsim.models.structure import Structure

log = logging.getLogger(__name__)
SOLVERS = ("auto", "closed", "linear", "explicit", "stiff")
LINEAR_STATES = 12  # a larger linear system is cheaper step by step than by full propagators: docs/decisions/0011
STIFF_STEPS = 1000  # steps that stability alone would ask of tier explicit, from which on tier stiff is chosen
PRECISIONS = {"float32": jnp.float32, "float64": jnp.float64}
DEFAULT_RTOL = {"float32": 1e-4, "float64": 1e-9}
LEAST_RTOL = {"float32": 1e-6, "float64": 1e-14}  # what rounding leaves of a step
MOST_RTOL = 0.1
MAX_STEPS, STEPS_PER_OUTPUT = 20_000, 20  # a million patients that all use them up cost two cores ten minutes


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
    max_steps: int = MAX_STEPS
    dense: bool = False
    reason: str = ""


def choose_solver(
    structure: Structure,
    solver: str = "auto",
    *,
    precision: str = "float32",
    rtol: float | None = None,
    max_steps: int | None = None,
    dense: bool = False,
    moving: Sequence[str] = (),
    times: Any = None,
    typical: Callable[[], Mapping[str, float]] = dict,
) -> Solver:
    """The tier a structure is solved by, with the reason, which is logged.

    Args:
        rtol: by default 1e-4 in float32 and 1e-9 in float64.
        max_steps: by default 20,000 and 20 for each output, where a stepping tier lands.
        dense: see `Solver`; the exact tiers have no steps, and need no such thing.
        moving: covariates that carry parameters along between two doses (linear interpolation).
        times: of outputs [the structure's time unit], along the first axis; by default one, at 100.
        typical: parameters of a typical patient, for which stiffness is estimated; by default the structure's.

    Raises:
        UsageError: an unknown name, a tier that cannot solve this structure, or numbers that no tier can work with.

    >>> from twinsim.models.pk.two_compartment_oral import structure
    >>> choose_solver(structure).tier
    'closed'
    """
    for value, known, key in ((solver, SOLVERS, "solver"), (precision, PRECISIONS, "precision")):
        if value not in known:
            raise UsageError(f"unknown {key} {value!r}", where=key, do=nearest(str(value), known))
    if not structure.states:
        do = "couple it to one that has (twinsim.couple)"
        raise UsageError(f"{structure.name} has no states, so there is nothing to solve", do=do)
    grid = np.asarray([100.0] if times is None else times, np.float64)
    horizon = float(np.nanmax(grid) - min(0.0, np.nanmin(grid)))
    if solver == "auto":
        tier, reason = _best(structure, moving, horizon, typical)
    else:
        _check(structure, solver, moving)
        tier, reason = solver, _asked_for(structure, solver, horizon, typical)
    rtol = DEFAULT_RTOL[precision] if rtol is None else _checked_rtol(rtol, tier, precision)
    steps = MAX_STEPS + STEPS_PER_OUTPUT * len(grid) if max_steps is None else _checked_steps(max_steps)
    log.info("solver %s for %s: %s", tier, structure.name, reason)
    return Solver(tier, precision, rtol, steps, dense, reason)


def _asked_for(structure: Structure, solver: str, horizon: float, typical: Callable) -> str:
    steps = stability_steps(structure, horizon, typical()) if solver == "explicit" else 0.0
    if steps <= STIFF_STEPS:
        return "it was asked for"
    return f"it was asked for, though its fastest process asks for some {steps:,.0f} steps; solver=stiff takes fewer"


def _checked_rtol(rtol: Any, tier: str, precision: str) -> float:
    """Refuse tolerances that mean nothing, and those that rounding does not let a stepping tier reach."""
    if not _is_number(rtol) or not LEAST_RTOL["float64"] <= rtol <= MOST_RTOL:
        shown = f"{rtol:g}" if _is_number(rtol) else repr(rtol)
        raise UsageError(f"rtol = {shown} is no tolerance", where="solver.rtol", do="choose 1e-12 to 1e-2")
    if tier in ("explicit", "stiff") and rtol < LEAST_RTOL[precision]:
        raise UsageError(
            f"rtol = {rtol:g} is more than {precision} can do",
            where="solver.rtol",
            why=f"rounding alone is an error of {float(jnp.finfo(PRECISIONS[precision]).eps):.0e} in every step",
            do=f"use precision=float64, or solver.rtol={LEAST_RTOL[precision]:g} and more",
        )
    return float(rtol)


def _checked_steps(max_steps: Any) -> int:
    if not _is_number(max_steps) or not 1 <= max_steps < 2**31 or max_steps != int(max_steps):
        do = f"choose a whole number from 1 to 2,147,483,647, {MAX_STEPS} say"
        raise UsageError(f"max_steps = {max_steps!r} is no number of steps", where="solver.max_steps", do=do)
    return int(max_steps)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _best(structure: Structure, moving: Sequence[str], horizon: float, typical: Callable) -> tuple[str, str]:
    """The fastest tier that solves a structure, and why."""
    if not moving and analysis.star(structure) is not None:
        return "closed", "linear compartments around a centre have an exact solution"
    if not moving and analysis.is_affine(structure) and len(structure.states) <= LINEAR_STATES:
        return "linear", "its equations are linear with constant coefficients, so a propagator solves them exactly"
    steps = stability_steps(structure, horizon, typical())
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
