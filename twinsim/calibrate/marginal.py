"""The marginal likelihood itself, by the nodes of every patient (`twinsim.calibrate.nodes`).

A node is kept as the latent numbers of a patient, phi = centre + L nu: its parameters on the scale on which effects are
added. While nodes stay where they are, the sum is a smooth function of the unknowns, and its exact gradient is the mean
of j's under what the nodes weigh (Fisher's identity). Typical values move the density of phi alone, not predictions: a
likelihood that jumps, as it does where a lag passes an observation, still has a smooth marginal. With one node of
quadrature this is Laplace's approximation.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from kernels.cholesky import cholesky, log_determinant, solve_lower
from twinsim.calibrate.approximations import Approximation, second_derivative
from twinsim.calibrate.course import Course
from twinsim.calibrate.evaluate import Evaluation, Evaluator, Modes, copies, over_patients
from twinsim.calibrate.nodes import Nodes, put
from twinsim.calibrate.study import Outline
from twinsim.calibrate.unknowns import Given, Unknowns


class Marginal:
    """The objective by nodes that stay where they are put.

    Args:
        evaluator: of the joint density, method focei.
        nodes: before they are put anywhere.
    """

    def __init__(self, evaluator: Evaluator, nodes: Nodes) -> None:
        self.evaluator, self.nodes = evaluator, nodes
        self.placed: dict[str, np.ndarray] = {}
        self.modes: Modes | None = None

    def place(self, z: np.ndarray, modes: Modes) -> None:
        """Put the nodes about the most likely effects."""
        ev = self.evaluator
        own = self.nodes.wide(ev.study.patients)
        found = ev.everyone(_placed(ev.study.outline, ev.unknowns), z, {}, nu=modes.nu, **own)
        self.placed, self.modes = {name: found[name] for name in ("nodes", "log_weight")}, modes

    def __call__(self, z: np.ndarray, starts: Any = None) -> Evaluation:
        """The objective, its gradient, and the effects nodes were put about."""
        assert self.modes is not None
        found = self.everything(z)
        return Evaluation(found["value"], found["gradient"], self.modes)

    def everything(self, z: np.ndarray) -> dict[str, np.ndarray]:
        """Results of `weighed`, as arrays by name."""
        ev = self.evaluator
        return ev.everyone(_valued(ev.study.outline, ev.unknowns), z, {}, **self.placed)


class _Total(NamedTuple):
    """Sums over nodes so far, all relative to the largest term."""

    largest: Array
    weight: Array
    squared: Array
    gradient: Array
    mean: Array
    second: Array


def weighed(course: Course, z: Array, nodes: Array, log_weight: Array) -> dict[str, Array]:
    """The marginal of every patient.

    Args:
        z: unknowns, a copy for each patient (unknown, patient).
        nodes: latent numbers (node, effect, patient).
        log_weight: (node, patient).

    Returns:
        value (patient), gradient (unknown, patient), mean (effect, patient) and second moments (effect, effect,
        patient) of the latent numbers given the observations, and of how many nodes the sum effectively is (patient).
    """
    approximation = Approximation(course, "focei")
    followed = "others" if course.latent_is_parameter else "all"

    def one(total: _Total, node: Any) -> tuple[_Total, None]:
        phi, ahead = node
        known = course.unknowns.apply(z, course.given)
        predict, _ = course.expanded(known, standardised(course, known, phi), 1, followed)

        def joint(z: Array) -> Array:
            given = course.unknowns.apply(z, course.given)
            nu = standardised(course, given, phi)
            own = approximation.joint(approximation.scattered(given, predict), nu)
            return own + log_determinant(course.factor(given))

        j, back = jax.vjp(joint, z)
        slope = back(jnp.ones_like(j))[0]
        # A node that no solver reaches weighs nothing.
        sound = jnp.isfinite(j) & jnp.isfinite(slope).all(axis=0)
        term = jnp.where(sound, ahead - 0.5 * j, -jnp.inf)
        largest = jnp.maximum(total.largest, term)
        floor = jnp.where(jnp.isfinite(largest), largest, 0.0)
        shrunk, weight = jnp.exp(total.largest - floor), jnp.exp(term - floor)
        slope = jnp.where(sound[None], slope, 0.0)
        return _Total(
            largest,
            shrunk * total.weight + weight,
            shrunk**2 * total.squared + weight**2,
            shrunk[None] * total.gradient + weight[None] * slope,
            shrunk[None] * total.mean + weight[None] * phi,
            shrunk[None, None] * total.second + weight[None, None] * phi[:, None] * phi[None, :],
        ), None

    effects, patients = nodes.shape[1:]
    nothing = jnp.zeros((patients,))
    begin = _Total(
        jnp.full((patients,), -jnp.inf), nothing, nothing, jnp.zeros_like(z),
        jnp.zeros((effects, patients)), jnp.zeros((effects, effects, patients)),
    )  # fmt: skip
    total, _ = lax.scan(one, begin, (nodes, log_weight))
    return {
        "value": -2.0 * (total.largest + jnp.log(total.weight)),
        "gradient": total.gradient / total.weight[None],
        "mean": total.mean / total.weight[None],
        "second": total.second / total.weight[None, None],
        "effective": total.weight**2 / total.squared,
    }


def standardised(course: Course, given: Given, phi: Array) -> Array:
    """Standard normal effects of latent numbers (effect, patient)."""
    return solve_lower(course.factor(given), phi - course.centre(given)) if phi.shape[0] else phi


@lru_cache(maxsize=32)
def _placed(outline: Outline, unknowns: Unknowns) -> Any:
    """The compiled placing of nodes."""

    def placed(course: Course, own: Any, shared: Any) -> dict[str, Any]:
        approximation, nu = Approximation(course, "focei"), own["nu"]
        known = course.unknowns.apply(copies(shared["z"], course.patients), course.given)
        predict, _ = course.expanded(known, nu, 2)
        moments = approximation.scattered(known, predict)
        exact = 0.5 * second_derivative(lambda x: approximation.joint(moments, x), nu)
        factor, safe = cholesky(exact), cholesky(approximation.curvature(moments, nu))
        sound = jnp.isfinite(factor).all(axis=(0, 1)) if nu.shape[0] else True
        factor = jnp.where(sound, factor, safe)
        found, weight = put(nu, factor, own["x"], own["log_weight"], own.get("anew"))
        spread = course.factor(known)
        phi = course.centre(known)[None] + jnp.sum(spread[None] * jnp.swapaxes(found, 0, 1)[:, None], axis=2)
        # d phi = |L| d nu, and the joint density of phi has 1 / |L|.
        return {"nodes": phi, "log_weight": weight + 0.5 * log_determinant(spread)[None]}

    return over_patients(placed, outline, unknowns, {"nodes": 3, "log_weight": 2})


@lru_cache(maxsize=32)
def _valued(outline: Outline, unknowns: Unknowns) -> Any:
    """The compiled objective by nodes."""

    def valued(course: Course, own: Any, shared: Any) -> dict[str, Any]:
        return weighed(course, copies(shared["z"], course.patients), own["nodes"], own["log_weight"])

    ranks = {"value": 1, "gradient": 2, "mean": 2, "second": 3, "effective": 1}
    return over_patients(valued, outline, unknowns, ranks)
