"""Draws from each patient's posterior, by importance resampling, by Laplace's approximation, or by NUTS.

    sir      proposals of `twinsim.calibrate.nodes`, weighed by how likely they are, and resampled
             systematically: one uniform number u for a patient, and the draws at cumulative weights (u + i) / n
    laplace  nu* + C^-T x with x standard normal
    nuts     see `twinsim.calibrate.nuts`

Source: Rubin 1988, in Bayesian Statistics 3, Oxford University Press, p. 395 (importance resampling); Kitagawa 1996,
J Comput Graph Stat 5:1, doi:10.1080/10618600.1996.10474692 (systematic).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from kernels import random
from kernels.cholesky import solve_upper
from twinsim.calibrate.course import Course
from twinsim.calibrate.density import minus_two_log, seen
from twinsim.calibrate.evaluate import Evaluator, copies, over_patients, spread_over
from twinsim.calibrate.mode import Most
from twinsim.calibrate.nodes import put, samples
from twinsim.calibrate.study import Outline
from twinsim.calibrate.unknowns import Unknowns

METHODS = ("sir", "laplace", "nuts")
PROPOSALS = 2  # for each draw that is asked for
FEWEST = 1000  # proposals of a patient


@dataclass(frozen=True, eq=False)
class Draws:
    """Draws of random effects, in no particular order; a patient's depend on the seed and its id alone.

    Attributes:
        method: sir, laplace or nuts.
        nu: standard normal effects (draw, effect, patient); NaN for a patient whose solver fails.
        etas: (draw, eta, patient).
        occasion_etas: (draw, eta, occasion, patient).
        effective: sample size (patient): (sum w)^2 / sum w^2 of a patient's proposals; of nuts the smallest of its
            effects; with laplace the number of draws.
        divergent: how many of nuts' steps left the posterior (patient); 0 with other methods.
    """

    method: str
    nu: np.ndarray
    etas: np.ndarray
    occasion_etas: np.ndarray
    effective: np.ndarray
    divergent: np.ndarray

    def __len__(self) -> int:
        return len(self.nu)


def laplace(evaluator: Evaluator, most: Most, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws (draw, effect, patient), and the effective sample sizes (patient)."""
    ids = evaluator.study.records.ids
    x = [random.normals(seed, f"laplace:{i}", count, ids) for i in range(most.nu.shape[0])]
    x = jnp.stack(x).astype(jnp.float64)
    nu = jnp.asarray(most.nu)[:, None] + solve_upper(jnp.asarray(most.root), x)
    return np.moveaxis(np.asarray(nu), 1, 0), np.where(np.isnan(most.joint), 0.0, float(count))


def resampled(evaluator: Evaluator, most: Most, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws (draw, effect, patient), and the effective sample sizes of the proposals (patient)."""
    study, effects = evaluator.study, most.nu.shape[0]
    program = _weighed(study.outline, evaluator.unknowns)
    found, effective = np.full((count, effects, len(most.joint)), np.nan), np.zeros(len(most.joint))
    shared = {"z": np.zeros(0), "given": evaluator.given}
    # Chunk by chunk: proposals of everyone need not be in memory together.
    for which, chunk in evaluator.chunks:
        ids = study.records.ids[which]
        nodes = samples(effects, max(FEWEST, PROPOSALS * count), seed, ids)
        own = {"nu": most.nu[:, which], "root": most.root[..., which], **nodes.wide(len(ids))}
        here = {name: np.asarray(x) for name, x in program({**chunk, **spread_over(own)}, shared).items()}
        taken, effective[which] = _systematic(here["log"], count, seed, ids)
        found[..., which] = np.take_along_axis(here["nodes"], taken[:, None], axis=0)
    found[..., effective == 0.0] = np.nan
    return found, effective


def _systematic(log: np.ndarray, count: int, seed: int, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which proposals are taken (draw, patient), and their effective sample size (patient; 0: none is possible)."""
    largest = log.max(axis=0)
    possible = np.isfinite(largest)
    weight = np.exp(log - np.where(possible, largest, 0.0))
    total, squared = weight.sum(axis=0), (weight**2).sum(axis=0)
    effective = np.where(possible, total**2 / np.where(possible, squared, 1.0), 0.0)
    begin = np.asarray(random.uniform(random.key(seed, "resample"), ids))
    sums, taken = np.cumsum(weight, axis=0), np.zeros((count, len(ids)), np.int64)
    for i in np.flatnonzero(possible):
        at = (begin[i] + np.arange(count)) / count * sums[-1, i]
        taken[:, i] = np.minimum(np.searchsorted(sums[:, i], at, side="right"), len(log) - 1)
    # Proposals come in mirrored halves: without an order of its own a part of the draws would be one-sided.
    keys = random.key(seed, "order", draw=np.arange(count, dtype=np.int64)[:, None])
    order = np.argsort(np.asarray(random.uniform(keys, ids[None])), axis=0)
    return np.take_along_axis(taken, order, axis=0), effective


@lru_cache(maxsize=32)
def _weighed(outline: Outline, unknowns: Unknowns) -> Any:
    """The compiled weights of proposals: nodes (node, effect, patient) and logarithms of weights (node, patient)."""

    def weighed(course: Course, own: Any, shared: Any) -> dict[str, Any]:
        given = course.unknowns.apply(copies(shared["z"], 1), course.given)
        predict, y = course.predictor(given), seen(course.errors, course.observed, course.outline.censored)
        found, weight = put(own["nu"], own["root"], own["x"], own["log_weight"], own["anew"])
        nodes = jnp.swapaxes(found, 0, 1)

        def joint(nu: Any) -> Any:
            terms = minus_two_log(y, course.moments(given, predict(course.inputs(given, nu))[0]))
            return jnp.sum(terms, axis=0) + jnp.sum(nu**2, axis=0)

        log = weight - 0.5 * lax.map(joint, nodes)
        return {"nodes": nodes, "log": jnp.where(jnp.isfinite(log), log, -jnp.inf)}

    return over_patients(weighed, outline, unknowns, {"nodes": 3, "log": 2})
