"""How each method gets from a model's own values to a minimum of its objective.

fo, foce, focei, laplace    a search, again from where it ended until a Newton step agrees
agq, imp                    focei's search, then the marginal likelihood by nodes, put anew after each search
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from twinsim.calibrate.approximations import METHODS
from twinsim.calibrate.evaluate import Evaluation, Evaluator, Modes
from twinsim.calibrate.judgement import GAIN
from twinsim.calibrate.marginal import Marginal, Nodes, quadrature, samples
from twinsim.calibrate.search import Point, Search, Searched
from twinsim.calibrate.study import Study
from twinsim.calibrate.uncertainty import Sharpness, sharpness
from twinsim.calibrate.unknowns import Unknowns

log = logging.getLogger(__name__)
ROUNDS = 6
MARGINAL = ("agq", "imp")
NODES = {"agq": 7, "imp": 1000}  # of each effect; of each patient
ALL_METHODS = (*METHODS, *MARGINAL)


class Summit(NamedTuple):
    """Where a method ended: the place, how the last search went, the curvature, and each patient's effects."""

    searched: Searched
    sharp: Sharpness
    modes: Modes

    @property
    def point(self) -> Point:
        return self.searched.point


def nodes_of(study: Study, method: str, nodes: int | None, seed: int) -> Nodes:
    """Nodes of agq or imp."""
    count = NODES[method] if nodes is None else nodes
    if method == "agq":
        return quadrature(study.outline.effects, count)
    return samples(study.outline.effects, count, seed, study.records.ids)


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


def climb(
    search: Search,
    evaluator: Evaluator,
    z: np.ndarray,
    starts: list[np.ndarray],
    require: Callable[[Evaluation], None],
    max_steps: int,
) -> Summit:
    """The minimum of an approximation.

    Args:
        search: of the evaluator's objective.
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
    ended: Any = None
    for _ in range(ROUNDS):
        modes = marginal.evaluator.modes(z, starts)
        marginal.place(z, modes)
        begin = search.point(z, starts)
        settled = ended is not None and abs(begin.value - ended.point.value) <= GAIN
        ended = search.run(begin, max_steps)
        z = ended.point.z
        if not ended.converged or (settled and abs(ended.point.value - begin.value) <= GAIN):
            break
    sharp = sharpness(lambda z: search.point(z, starts), ended.point)
    # Nodes are sound wherever they are put.
    modes = modes._replace(arrived=np.ones_like(modes.arrived))
    return Summit(ended.at(ended.point, search), sharp, modes)
