"""How each method gets from a model's own values to a minimum of its objective.

fo, foce, focei, laplace    a search, again from where it ended until a Newton step agrees
agq, imp                    focei's search, then the marginal likelihood by nodes, put anew after each search
saem                        its iterations, then a look at the marginal likelihood where they end
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from twinsim.calibrate.approximations import METHODS
from twinsim.calibrate.begin import require_finite
from twinsim.calibrate.checkpoint import Checkpoint
from twinsim.calibrate.evaluate import Evaluation, Evaluator, Modes
from twinsim.calibrate.how import How
from twinsim.calibrate.marginal import Marginal
from twinsim.calibrate.nodes import Nodes, quadrature, samples
from twinsim.calibrate.penalty import Penalty
from twinsim.calibrate.saem import Saem
from twinsim.calibrate.search import Point, Search, Searched
from twinsim.calibrate.study import Study
from twinsim.calibrate.uncertainty import Sharpness, sharpness
from twinsim.calibrate.unknowns import Unknowns

ROUNDS, MARGINAL_ROUNDS = 6, 20
REACH = 2.0  # how far a search goes before nodes are put anew
ANEW = 1e-3  # foretold fall of the objective that nodes put anew may leave
GAIN = 1e-4  # foretold fall of the objective by a Newton step, below which a place is a minimum
NODES = {"agq": 7, "imp": 2000}  # of each effect; of each patient
FEW = 3  # effects, up to which saem ends with a look by quadrature
SIMULATED = 0.1  # foretold fall of the objective that simulated iterations may leave


class Summit(NamedTuple):
    """Where a method ended: the place, how the last search went, the curvature, each patient's effects, and the
    foretold fall of the objective below which the place is a minimum."""

    searched: Searched
    sharp: Sharpness
    modes: Modes
    gain: float = GAIN

    @property
    def point(self) -> Point:
        return self.searched.point


def nodes_of(study: Study, method: str, nodes: int | None, seed: int) -> Nodes:
    """Nodes of agq, imp, or where saem ended."""
    if method == "saem":
        method = "agq" if study.outline.effects <= FEW else "imp"
    count = NODES[method] if nodes is None else nodes
    if method == "agq":
        return quadrature(study.outline.effects, count)
    return samples(study.outline.effects, count, seed, study.ids)


def look(
    study: Study, unknowns: Unknowns, z: np.ndarray, method: str, starts: list[np.ndarray], nodes: int | None, seed: int
) -> Evaluation:
    """A method's objective at a place."""
    evaluator = Evaluator(study, unknowns, method if method in METHODS else "focei")
    modes = evaluator.modes(z, starts)
    if method in METHODS:
        return evaluator.at(z, modes)
    marginal = Marginal(evaluator, nodes_of(study, method, nodes, seed))
    marginal.place(z, modes)
    return marginal(z)


def ascend(
    study: Study,
    unknowns: Unknowns,
    how: How,
    z: np.ndarray,
    starts: list[np.ndarray],
    checkpoint: Checkpoint | None = None,
    told: Callable[[int, float, np.ndarray], None] = lambda number, value, z: None,
) -> Summit:
    """Where a method ends that begins at a place.

    Args:
        z: the place (unknown).
        starts: from where random effects are searched.

    Raises:
        DataError: patients that have no likelihood there.
    """
    method = how.method
    evaluator = Evaluator(study, unknowns, method if method in METHODS else "focei")
    penalty = Penalty(unknowns, study.model)
    search = Search(evaluator, penalty, how.optimiser, checkpoint, told)
    require = lambda found: require_finite(evaluator, z, found)  # noqa: E731
    if method in METHODS:
        return climb(search, z, starts, require, how.max_steps)
    marginal = Marginal(evaluator, nodes_of(study, method, how.nodes, how.seed))
    if method == "saem":
        search.evaluate = marginal
        return climb_saem(study, search, marginal, penalty, z, starts, require, how.seed)
    z = climb(search, z, starts, require, how.max_steps).point.z
    search.evaluate = marginal
    return climb_marginal(search, marginal, z, starts, how.max_steps)


def climb(
    search: Search,
    z: np.ndarray,
    starts: list[np.ndarray],
    require: Callable[[Evaluation], None],
    max_steps: int,
) -> Summit:
    """The minimum of an approximation.

    Args:
        search: of its objective.
        starts: places from where random effects are searched.
        require: refuses a beginning that has no objective.
    """
    begin = search.point(z, starts)
    require(begin.evaluation)
    for _ in range(ROUNDS):
        ended = search.run(begin, max_steps)
        # Random effects may have been carried along to a place that is not their most likely one.
        here = search.point(ended.point.z, [ended.point.evaluation.modes.nu, *starts])
        nu = here.evaluation.modes.nu
        sharp = sharpness(lambda z, nu=nu: search.point(z, [nu]), here)
        if not ended.converged or sharp.flat.size or sharp.gain <= GAIN:
            break
        begin = here
    return Summit(ended.at(here, search), sharp, here.evaluation.modes)


def climb_marginal(
    search: Search, marginal: Marginal, z: np.ndarray, starts: list[np.ndarray], max_steps: int
) -> Summit:
    """The minimum of the marginal likelihood itself, from close by.

    Args:
        search: of the marginal's objective.
    """

    def placed(z: np.ndarray) -> Point:
        """The objective with nodes about the most likely effects there."""
        marginal.place(z, marginal.evaluator.modes(z, starts))
        return search.point(z, starts)

    here, moved = placed(z), np.inf
    for _ in range(MARGINAL_ROUNDS):
        ended = search.run(here, max_steps, REACH)
        here, far = placed(ended.point.z), bool(np.abs(ended.point.z - here.z).max(initial=0.0) >= REACH)
        moved = abs(here.value - ended.point.value)
        if not far and (not ended.converged or moved <= GAIN):
            break
    if ended.converged and moved > GAIN:
        reason = f"with nodes put anew the objective still moves by {moved:.1g}"
        ended = replace(ended, converged=False, reason=reason)
    sharp = sharpness(lambda z: search.point(z, starts), here)
    assert marginal.modes is not None
    # Nodes are sound wherever they are put.
    modes = marginal.modes._replace(arrived=np.ones_like(marginal.modes.arrived))
    return Summit(ended.at(here, search), sharp, modes, ANEW)


def climb_saem(
    study: Study,
    search: Search,
    marginal: Marginal,
    penalty: Penalty,
    z: np.ndarray,
    starts: list[np.ndarray],
    require: Callable[[Evaluation], None],
    seed: int,
) -> Summit:
    """Where SAEM's iterations end, and the marginal likelihood there.

    Args:
        search: of the marginal's objective.
        require: refuses a beginning that has no objective.
    """
    marginal.place(z, marginal.evaluator.modes(z, starts))
    require(marginal(z))
    saem = Saem(study, marginal.evaluator.unknowns, penalty, seed)
    state = saem.run(saem.begin(z), search.told, search.checkpoint)
    modes = marginal.evaluator.modes(state.mean, starts)
    marginal.place(state.mean, modes)
    point = search.point(state.mean, starts)
    sharp = sharpness(lambda z: search.point(z, starts), point)
    modes = modes._replace(arrived=np.ones_like(modes.arrived))
    reason = f"{state.number} iterations; a step by the marginal likelihood foretells a change of {sharp.gain:.1g}"
    ended = Searched(point, True, reason, tuple(saem.trace), np.asarray(saem.path), search.evaluations)
    return Summit(ended, sharp, modes, SIMULATED)
