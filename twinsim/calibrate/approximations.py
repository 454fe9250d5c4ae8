"""The marginal likelihood of a patient, approximated about its most likely random effects.

With standard normal effects nu (eta = L nu) and the joint -2 log density, without ln 2 pi,

    j(nu) = sum_observations -2 log p(y | nu) + nu^T nu

every method is  -2 log p(y) = j(nu*) + ln |C(nu*)|  at the nu* that minimises its j:

    laplace   C = j'' / 2
    focei     C = I + sum information of the observations (`twinsim.calibrate.density`)
    foce      focei, with the variances of the observations as they are at nu = 0
    fo        foce of the model that is linear in nu, with its slopes at nu = 0

ln |C| in nu is ln |omega| + ln |omega^-1 + ...| in eta, without an inverse of omega.

The gradient by the unknowns z follows nu* by the implicit function theorem,

    d/dz = j_z + (ln|C|)_z - j_z,nu lambda,   j'' lambda = (ln|C|)_nu

from an expansion of the predictions, which are solved once.

Source: Wang 2007, J Pharmacokinet Pharmacodyn 34:575, doi:10.1007/s10928-007-9060-6 (the methods as one family);
Almquist, Leander and Jirstrand 2015, J Pharmacokinet Pharmacodyn 42:191, doi:10.1007/s10928-015-9409-1 (the gradient).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from kernels.cholesky import cholesky, log_determinant, solve
from kernels.levenberg import Found, Local, minimise
from twinsim.calibrate.course import Course, Predictor
from twinsim.calibrate.density import Moments, Seen, information, minus_two_log, seen
from twinsim.calibrate.unknowns import Given

METHODS = ("fo", "foce", "focei", "laplace")
NEWTON = 2  # steps, from where Levenberg's method ends


class Value(NamedTuple):
    """A patient's share of an objective.

    Attributes:
        value: (patient); gradient: by the unknowns (unknown, patient).
        nu: most likely effects (effect, patient).
        arrived: whether the search for them ended where it should.
        status: of the solver, int32 (patient).
    """

    value: Array
    gradient: Array
    nu: Array
    arrived: Array
    status: Array


@dataclass(frozen=True)
class Approximation:
    """One method for the patients of one block.

    Args:
        method: one of METHODS.
    """

    course: Course
    method: str

    def scattered(self, given: Given, predict: Predictor, about: Predictor | None = None) -> Callable[[Array], Moments]:
        """nu -> moments of the observations under the method.

        Args:
            predict: predictions of inputs; about: the same near nu = 0, for fo and foce, which look there.
        """
        course = self.course

        def here(nu: Array, way: Predictor | None) -> Moments:
            assert way is not None
            return course.moments(given, way(course.inputs(given, nu)))

        if self.method in ("focei", "laplace"):
            return lambda nu: here(nu, predict)
        nothing = jnp.zeros((course.outline.effects, course.patients))
        if self.method == "foce":
            return lambda nu: Moments(here(nu, predict).mean, here(nothing, about).log_variance)

        def linear(nu: Array) -> Moments:
            at, along = jax.jvp(lambda x: here(x, about), (nothing,), (nu,))
            return Moments(at.mean + along.mean, at.log_variance)

        return linear

    def joint(self, moments: Callable[[Array], Moments], nu: Array) -> Array:
        """j (patient)."""
        y = self.seen()
        return jnp.sum(minus_two_log(y, moments(nu)) + y.extra, axis=0) + jnp.sum(nu**2, axis=0)

    def seen(self) -> Seen:
        """Observations on their scale."""
        return seen(self.course.errors, self.course.observed, self.course.outline.censored)

    def curvature(self, moments: Callable[[Array], Moments], nu: Array) -> Array:
        """I + information of the observations (effect, effect, patient)."""
        y = self.seen()
        at, slopes = slopes_of(moments, nu)
        return jnp.eye(nu.shape[0])[:, :, None] + information(y, at, slopes)

    def conditional(self, given: Given, start: Array) -> Found:
        """The most likely effects of every patient from a start (effect, patient); the solver's status comes along."""
        course = self.course
        about, status = self._about(given, 1)

        def local(nu: Array) -> Local:
            predict, code = about, status
            if self.method != "fo":
                predict, code = course.expanded(given, nu, 1, "varied")
            moments = self.scattered(given, predict, about)
            value, back = jax.vjp(lambda x: self.joint(moments, x), nu)
            return Local(value, back(jnp.ones_like(value))[0], 2.0 * self.curvature(moments, nu), code)

        return minimise(local, start)

    def _about(self, given: Given, order: int) -> tuple[Any, Array]:
        """Predictions near nu = 0, for the methods that look there, and the solver's status."""
        if self.method in ("focei", "laplace"):
            return None, jnp.zeros((self.course.patients,), jnp.int32)
        return self.course.expanded(given, jnp.zeros((self.course.outline.effects, self.course.patients)), order)

    def value(self, z: Array, nu: Array) -> tuple[Array, Array, Array]:
        """The objective (patient), its gradient (unknown, patient), and the most likely effects (effect, patient).

        Args:
            z: unknowns, a copy for each patient (unknown, patient).
            nu: most likely effects as `conditional` found them; the expansion takes them the last bit of the way.
        """
        course = self.course
        known = course.unknowns.apply(z, course.given)
        order = 1 if not nu.shape[0] else 3 if self.method == "laplace" else 2
        about, _ = self._about(known, order if self.method == "fo" else 1)
        predict = about if self.method == "fo" else course.expanded(known, nu, order)[0]

        def joint(z: Array, nu: Array) -> Array:
            given = course.unknowns.apply(z, course.given)
            return self.joint(self.scattered(given, predict, about), nu)

        def correction(z: Array, nu: Array) -> Array:
            if not nu.shape[0]:
                return jnp.zeros(nu.shape[1:])
            given = course.unknowns.apply(z, course.given)
            moments = self.scattered(given, predict, about)
            matrix = self.curvature(moments, nu)
            if self.method == "laplace":
                matrix = 0.5 * second_derivative(lambda x: self.joint(moments, x), nu)
            return log_determinant(cholesky(matrix))

        nu = _newton(lambda x: joint(z, x), nu)
        return *implicit(joint, correction, z, nu), nu


def _newton(function: Callable[[Array], Array], nu: Array) -> Array:
    """The minimum that is close by, where the second derivative is positive."""

    def one(_: Any, nu: Array) -> Array:
        slope = jax.grad(lambda x: jnp.sum(function(x)))(nu)
        step = solve(cholesky(second_derivative(function, nu)), slope)
        return jnp.where(jnp.isfinite(step).all(axis=0)[None], nu - step, nu)

    return lax.fori_loop(0, NEWTON, one, nu) if nu.shape[0] else nu


def implicit(
    joint: Callable[[Array, Array], Array], correction: Callable[[Array, Array], Array], z: Array, nu: Array
) -> tuple[Array, Array]:
    """j + c at the nu that minimises j, and its whole derivative by z; both functions of each patient by itself.

    Args:
        joint, correction: (z, nu) -> (patient).

    Returns:
        value (patient), gradient (unknown, patient).
    """
    low, back = jax.vjp(joint, z, nu)
    more, back_more = jax.vjp(correction, z, nu)
    one = jnp.ones_like(low)
    by_z = back(one)[0] + back_more(one)[0]
    if nu.shape[0]:
        along = solve(cholesky(second_derivative(lambda x: joint(z, x), nu)), back_more(one)[1])
        by_nu = lambda z: jnp.sum(jax.jvp(lambda x: joint(z, x), (nu,), (along,))[1])  # noqa: E731
        by_z = by_z - jax.grad(by_nu)(z)
    return low + more, by_z


def slopes_of(moments: Callable[[Array], Moments], nu: Array) -> tuple[Moments, Moments]:
    """Moments and their derivatives (effect, row, patient)."""
    directions = jnp.broadcast_to(jnp.eye(nu.shape[0])[:, :, None], (nu.shape[0], *nu.shape))
    return jax.vmap(lambda e: jax.jvp(moments, (nu,), (e,)), out_axes=(None, 0))(directions)


def second_derivative(function: Callable[[Array], Array], nu: Array) -> Array:
    """Second derivatives of each patient's function of its numbers (number, number, patient)."""
    directions = jnp.broadcast_to(jnp.eye(nu.shape[0])[:, :, None], (nu.shape[0], *nu.shape))
    slope = jax.grad(lambda x: jnp.sum(function(x)))
    return jax.vmap(lambda e: jax.jvp(slope, (nu,), (e,))[1])(directions)
