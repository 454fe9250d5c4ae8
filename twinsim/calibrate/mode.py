"""Each patient's most likely random effects, whatever of them can be computed with its whole block at once.

    nu* = argmin j(nu)                     the lowest of what every place it is searched from leads to
    C C^T = j'' / 2 at nu*                 where that is positive definite, else I + the observations' information
    covariance of L nu = L (C C^T)^-1 L^T

The search is Levenberg's, with the information for a second derivative, which comes close in a few steps and then only
goes on slowly where residuals are large. Newton's steps with the exact second derivative take it to the last digit.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from kernels import status as codes
from kernels.cholesky import cholesky, solve, solve_lower
from kernels.expansion import expand
from kernels.levenberg import Local, minimise
from twinsim.calibrate.course import Course
from twinsim.calibrate.density import Moments, information, minus_two_log, seen
from twinsim.calibrate.evaluate import Evaluator, copies, over_patients
from twinsim.calibrate.study import Outline, Study
from twinsim.calibrate.unknowns import NOTHING, Given, Unknowns

CLOSE = 1e-8  # foretold gain relative to the value, where Newton's steps take over
SAME = 1e-7  # difference relative to the value, up to which two places are one, and that of the earlier search stays
FAR = 1e-3  # foretold gain relative to the value, above which Newton's step is not trusted
ARRIVED = 1e-9  # foretold gain relative to the value, at which a place is the most likely one
STEPS, FEW_STEPS = 100, 10  # of the search from the first place, and from others
POLISHES = 3  # looks at the second derivative, a step after each but the last


class Most(NamedTuple):
    """Most likely effects.

    Attributes:
        nu: standard normal (effect, patient).
        joint: -2 log joint density there, without ln 2 pi (patient).
        root: C, so that nu scatters about its mode as C^-T of something standard normal (effect, effect, patient).
        covariance: of L nu (effect, effect, patient).
        exact: whether C is of the exact second derivative (patient).
        arrived: whether the search ended where it should (patient).
        status: of the solver, int32 (patient).
    """

    nu: Any
    joint: Any
    root: Any
    covariance: Any
    exact: Any
    arrived: Any
    status: Any


_RANKS: dict[str, int] = dict(zip(Most._fields, (2, 1, 3, 3, 1, 1, 1), strict=True))


def individual_evaluator(study: Study) -> Evaluator:
    """What computes for each patient of a study by itself, at the model's own values."""
    # Small blocks stay in a core's cache, and wait less for their slowest patient.
    return Evaluator(study, NOTHING, "focei", size=128 if jax.default_backend() == "cpu" else 4096)


def most_likely(evaluator: Evaluator, places: np.ndarray) -> Most:
    """The most likely effects of every patient.

    Args:
        places: where to search from (place, effect, patient).
    """
    program = _searched(evaluator.study.outline, evaluator.unknowns)
    return Most(**evaluator.everyone(program, np.zeros(0), places=places))


@lru_cache(maxsize=32)
def _searched(outline: Outline, unknowns: Unknowns) -> Any:
    """The compiled search."""

    def searched(course: Course, own: Any, shared: Any) -> dict[str, Any]:
        given = course.unknowns.apply(copies(shared["z"], 1), course.given)
        nu, near = _search(course, given, own["places"])
        return _polished(course, given, nu, near)._asdict()

    return over_patients(searched, outline, unknowns, _RANKS)


class Slopes(NamedTuple):
    """The joint density about a place.

    Attributes:
        value: j (patient).
        gradient: j' (effect, patient).
        information: I + information of the observations (effect, effect, patient).
        curved: j'' / 2, where second derivatives were asked for (effect, effect, patient).
        status: of the solver (patient).
    """

    value: Array
    gradient: Array
    information: Array
    curved: Array
    status: Array


def slopes_of(course: Course, given: Given, nu: Array, order: int) -> Slopes:
    """The joint density and its derivatives, from those of the predictions and of each observation by its prediction.

        j' = sum l' f_i + 2 nu_i        j'' = sum l'' f_i f_j + l' f_ij + 2 I

    Args:
        order: 1, or 2 for second derivatives.
    """
    predicted = course.predictor(given)
    (_, f, ways), status = expand(lambda x: predicted(course.inputs(given, x)), nu, order)
    y = seen(course.errors, course.observed, course.outline.censored)
    scattered = lambda f: course.moments(given, f)  # noqa: E731
    one, rising = jnp.ones_like(f), ways[0]

    def by_prediction(f: Array) -> tuple[Array, Array]:
        return jax.jvp(lambda f: minus_two_log(y, scattered(f)), (f,), (one,))

    (terms, first), (_, second) = jax.jvp(by_prediction, (f,), (one,))
    at, along = jax.jvp(scattered, (f,), (one,))
    unit = jnp.eye(nu.shape[0])[:, :, None]
    told = information(y, at, Moments(along.mean[None] * rising, along.log_variance[None] * rising))
    bent = jnp.zeros_like(unit)
    if order == 2:
        bent = 0.5 * jnp.sum(second[None, None] * rising[:, None] * rising[None] + first[None, None] * ways[1], axis=2)
    return Slopes(
        jnp.sum(terms + y.extra, axis=0) + jnp.sum(nu**2, axis=0),
        jnp.sum(first[None] * rising, axis=1) + 2.0 * nu,
        unit + told,
        unit + bent,
        status,
    )


def _search(course: Course, given: Given, places: Array) -> tuple[Array, Array]:
    """The lowest of what all places lead to: effects, and whether the search for them ended.

    From the first place the search goes on to its end, from the others a few steps: the slowest patient makes its whole
    block wait. Whoever is lower then goes on from there.
    """

    def local(nu: Array) -> Local:
        here = slopes_of(course, given, nu, 1)
        return Local(here.value, here.gradient, 2.0 * here.information)

    def one(best: tuple, way: tuple[Array, Array, Array]) -> tuple[tuple, None]:
        place, steps, onward = way
        found = minimise(local, jnp.where(onward, best[0], place), steps, CLOSE)
        value, low = found.local.value, best[1]
        # Rounding must not choose among places that are the same.
        better = onward | (value < low - SAME * (1.0 + jnp.abs(low))) | (jnp.isfinite(value) & ~jnp.isfinite(low))
        new = found.numbers, value, found.arrived
        return (jnp.where(better[None], new[0], best[0]), *map(partial(jnp.where, better), new[1:], best[1:])), None

    begin = places[0], jnp.full((course.patients,), jnp.inf), jnp.zeros((course.patients,), bool)
    more = places.shape[0] - 1
    ways = jnp.concatenate([places, places[:1]]) if more else places
    steps = jnp.asarray([STEPS, *[FEW_STEPS] * more, *[STEPS] * bool(more)], jnp.int32)
    (nu, _, arrived), _ = lax.scan(one, begin, (ways, steps, jnp.arange(ways.shape[0]) > more))
    return nu, arrived


def _polished(course: Course, given: Given, nu: Array, near: Array) -> Most:
    """The last digits by Newton's steps, and the curvature there."""

    def polish(nu: Array) -> tuple[Array, Most]:
        here = slopes_of(course, given, nu, 2)
        root, safe = cholesky(here.curved), cholesky(here.information)
        exact = jnp.isfinite(root).all(axis=(0, 1))
        step = 0.5 * solve(root, here.gradient)
        gain = 0.5 * jnp.sum(here.gradient * step, axis=0) / (1.0 + jnp.abs(here.value))
        # Without a positive curvature, or where a step promises much, there is nothing that Newton could do better.
        then = jnp.where((exact & (gain <= FAR))[None], nu - step, nu)
        root = jnp.where(exact[None, None], root, safe)
        # L (C C^T)^-1 L^T = W^T W with C W = L^T.
        half = solve_lower(root, jnp.broadcast_to(jnp.swapaxes(course.factor(given), 0, 1), root.shape))
        covariance = jnp.sum(half[:, :, None] * half[:, None, :], axis=0)
        there = near & (~exact | (gain <= ARRIVED))
        return then, Most(nu, here.value, root, covariance, exact, there, here.status)

    # All of it in the loop, so that it is compiled once.
    begin = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(polish, nu)[1])
    _, found = lax.fori_loop(0, POLISHES, lambda _, state: polish(state[0]), (nu, begin))
    sound = jnp.isfinite(found.joint) & (found.status == codes.OK)
    # Where the solver fails there are no numbers that anybody could use by mistake.
    numbers = {name: getattr(found, name) for name in ("nu", "joint", "root", "covariance")}
    numbers = {name: jnp.where(sound.reshape(*[1] * (x.ndim - 1), -1), x, jnp.nan) for name, x in numbers.items()}
    return found._replace(**numbers, arrived=found.arrived & sound)
