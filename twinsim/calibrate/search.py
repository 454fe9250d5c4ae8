"""The search for the unknowns that minimise an objective, by the steps of `twinsim.calibrate.directions`.

The first step is scaled by what patients' own gradients g_i tell about the curvature, sum g_i g_i^T / 2, which is the
second derivative's expectation where the model is true. A step is halved until the objective falls; those of Adam are
taken as they are, and the lowest place counts. The search has converged when a full step foretells less than `GAIN`;
whether the place is a minimum, and how sharp, is for `twinsim.calibrate.uncertainty` to say.

Source: Berndt, Hall, Hall and Hausman 1974, Ann Econ Soc Meas 3:653 (curvature from gradients).
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from twinsim.calibrate.checkpoint import Checkpoint
from twinsim.calibrate.directions import Adam, direction_of, scale_of
from twinsim.calibrate.evaluate import Evaluation, Modes
from twinsim.calibrate.penalty import Penalty

log = logging.getLogger(__name__)
GAIN = 1e-6  # foretold fall of the objective
STEP = 1.0  # longest step of any unknown: a factor of e where its scale is logarithmic
HALVINGS = 12


@dataclass(frozen=True)
class Point:
    """A place and the objective there: value, gradient (unknown), curvature as patients' gradients and priors tell it
    (unknown, unknown)."""

    z: np.ndarray
    value: float
    gradient: np.ndarray
    outer: np.ndarray
    evaluation: Evaluation


@dataclass(frozen=True)
class Searched:
    """How a search ended.

    Attributes:
        converged: a full step foretold next to nothing.
        trace: objective after each step; path: the unknowns then (step, unknown).
        evaluations: how often the objective was computed.
    """

    point: Point
    converged: bool
    reason: str
    trace: tuple[float, ...]
    path: np.ndarray
    evaluations: int

    def at(self, point: Point, search: Search) -> Searched:
        """The same, with a point and the count of evaluations as they are now."""
        return replace(self, point=point, evaluations=search.evaluations)


@dataclass
class Search:
    """A search under way.

    Args:
        evaluate: (unknowns, random effects to start from) -> the objective.
        penalty: of priors.
        optimiser: one of `twinsim.calibrate.directions.OPTIMISERS`.
        checkpoint: where evaluations are kept and taken from.
        told: hears the number, the value and the unknowns of every step.
    """

    evaluate: Callable[[np.ndarray, list[np.ndarray]], Evaluation]
    penalty: Penalty
    optimiser: str = "bfgs"
    checkpoint: Checkpoint | None = None
    told: Callable[[int, float, np.ndarray], None] = lambda number, value, z: None
    evaluations: int = 0
    trace: list[float] = field(default_factory=list)
    path: list[np.ndarray] = field(default_factory=list)

    def point(self, z: np.ndarray, starts: list[np.ndarray]) -> Point:
        """The objective at a place, random effects searched from several starts on."""
        found = self._remembered(z, starts)
        more, slope = self.penalty(z)
        g = found.gradient
        outer = 0.5 * g @ g.T + self.penalty.curvature(z)
        return Point(z, float(found.value.sum()) + more, g.sum(axis=1) + slope, outer, found)

    def _remembered(self, z: np.ndarray, starts: list[np.ndarray]) -> Evaluation:
        """The evaluation of this number, computed unless it was kept."""
        name = f"evaluation-{self.evaluations:05d}"
        self.evaluations += 1
        kept = self.checkpoint.recall(name) if self.checkpoint else None
        if kept is not None and np.array_equal(kept["z"], z):
            modes = Modes(**{key: kept[key] for key in Modes._fields})
            return Evaluation(kept["value"], kept["gradient"], modes)
        found = self.evaluate(z, starts)
        if self.checkpoint:
            arrays = {"z": z, "value": found.value, "gradient": found.gradient, **found.modes._asdict()}
            self.checkpoint.keep(name, arrays)
        return found

    def run(self, begin: Point, max_steps: int, reach: float = math.inf) -> Searched:
        """From a place with a finite objective to a minimum, or as far as `reach` from the place in any unknown."""
        go = self._wander if self.optimiser == "adam" else self._descend
        return go(begin, max_steps, reach)

    def _descend(self, begin: Point, max_steps: int, reach: float) -> Searched:
        """Every step lowers the objective."""
        point, direction = begin, direction_of(self.optimiser)
        direction.restart(begin.outer)
        self._tell(point)
        fresh, settled = True, 0
        for _ in range(max_steps):
            step = direction.step(point.z, point.gradient)
            gain = -0.5 * float(step @ point.gradient)
            settled = settled + 1 if gain <= GAIN else 0
            if settled == 2:
                return self._end(point, True, f"a further step foretells a change of {gain:.1g}")
            longest = float(np.abs(step).max(initial=0.0))
            step *= min(1.0, STEP / longest) if longest else 0.0
            new = self._lower(point, step)
            if new is None:
                if settled:
                    return self._end(point, True, f"a further step foretells a change of {gain:.1g}")
                if fresh:
                    return self._end(point, False, "no step along the gradient lowers the objective any further")
                direction.restart(point.outer)
                fresh = True
                continue
            direction.learn(new.z - point.z, new.gradient - point.gradient)
            fresh, point = False, new
            self._tell(point)
            if _away(point, begin) >= reach:
                return self._end(point, False, "the search is still under way")
        return self._end(point, False, f"{max_steps} steps were not enough")

    def _wander(self, begin: Point, max_steps: int, reach: float) -> Searched:
        """Steps of Adam, all of them."""
        point, lowest, direction = begin, begin, Adam(max_steps)
        direction.restart(begin.outer)
        self._tell(point)
        for _ in range(max_steps):
            gain = 0.5 * float(np.sum((lowest.gradient / scale_of(begin.outer)) ** 2))
            if gain <= GAIN:
                return self._end(lowest, True, f"a further step foretells a change of {gain:.1g}")
            step = direction.step(point.z, point.gradient)
            new = self.point(point.z + step, [point.evaluation.modes.nu])
            if not _finite(new):
                # From there nothing leads on: back to the best place, without the momentum that led there.
                point = lowest
                direction.restart(point.outer)
                continue
            point = new
            self._tell(point)
            lowest = point if point.value < lowest.value else lowest
            if _away(point, begin) >= reach:
                break
        return self._end(lowest, True, f"{max_steps} steps, the last of them next to nothing")

    def _lower(self, point: Point, step: np.ndarray) -> Point | None:
        """A place along the step where the objective is lower; the step is halved until there is one."""
        slope, part = float(step @ point.gradient), 1.0
        for _ in range(HALVINGS):
            new = self.point(point.z + part * step, [point.evaluation.modes.nu])
            finite = _finite(new)
            if finite and new.value <= point.value + 1e-4 * part * slope:
                return new
            fitted = 0.5
            if finite and new.value - point.value - part * slope > 0.0:
                fitted = -0.5 * part * slope / (new.value - point.value - part * slope)
            part *= min(0.5, max(0.1, fitted))
        return None

    def _tell(self, point: Point) -> None:
        self.trace.append(point.value)
        self.path.append(point.z)
        self.told(len(self.trace), point.value, point.z)
        log.debug("step %d: objective %.6f", len(self.trace), point.value)

    def _end(self, point: Point, converged: bool, reason: str) -> Searched:
        return Searched(point, converged, reason, tuple(self.trace), np.asarray(self.path), self.evaluations)


def _away(point: Point, begin: Point) -> float:
    return float(np.abs(point.z - begin.z).max(initial=0.0))


def _finite(point: Point) -> bool:
    return math.isfinite(point.value) and bool(np.isfinite(point.gradient).all())
