"""Markov chains of patients' latent numbers given what was observed, and what a step of SAEM needs of them.

Moves of Metropolis and Hastings, one after the other, every patient by itself:

    all of them anew from their population, accepted by the likelihood alone
    one after the other by a normal step, accepted by likelihood and population

A patient may have several chains; they stand behind each other on the patient axis.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from kernels import random
from twinsim.calibrate.approximations import Approximation
from twinsim.calibrate.course import Course
from twinsim.calibrate.density import Moments, information, minus_two_log
from twinsim.calibrate.evaluate import copies, over_patients
from twinsim.calibrate.marginal import standardised
from twinsim.calibrate.study import Outline
from twinsim.calibrate.unknowns import Given, Unknowns

ANEW = 2  # moves of all numbers at once
ROUNDS = 2  # of moves of one number after the other


def direct_of(course: Course) -> tuple[int, ...]:
    """Places of the unknowns that the likelihood of observations has: not those that only place or spread patients."""
    parts, names = course.outline.parts, course.unknowns.names
    placing: set[str] = set()
    if course.latent_is_parameter:
        varied = set(parts.between_patients.names)
        placing = {n.name for item in parts.parameters if item.name in varied for n in item.numbers()}
        placing -= {n.name for item in parts.parameters if item.name not in varied for n in item.numbers()}
    return tuple(i for i, name in enumerate(names) if name not in placing)


@lru_cache(maxsize=32)
def sweeping(outline: Outline, unknowns: Unknowns) -> Any:
    """The compiled moves, and slopes of the likelihood where they end.

    own: "observed", "phi" (effect, patient), "id", "chain" (patient); shared: "z", "given", "seed", "iteration",
    "scales" of the steps in standard deviations of the population (effect).
    """

    def swept(course: Course, own: Any, shared: Any) -> dict[str, Any]:
        known = course.unknowns.apply(copies(shared["z"], 1), course.given)
        moved = _moved(course, known, own, shared)
        slope, told = _slopes(course, shared["z"], moved["phi"])
        return {**moved, "slope": slope, "told": told}

    return over_patients(swept, outline, unknowns, {"phi": 2, "likelihood": 1, "taken": 2, "slope": 2, "told": 3})


def _likelihood(course: Course, known: Given, phi: Array) -> Array:
    """-2 log density of the observations (patient); infinite where nothing can be predicted."""
    approximation, predicted = Approximation(course, "focei"), course.predictor(known)
    nu = standardised(course, known, phi)
    found = approximation.joint(approximation.scattered(known, lambda w: predicted(w)[0]), nu)
    found = found - jnp.sum(nu**2, axis=0)
    return jnp.where(jnp.isfinite(found), found, jnp.inf)


def _moved(course: Course, known: Given, own: Any, shared: Any) -> dict[str, Array]:
    effects, patients = own["phi"].shape
    centre, factor = course.centre(known), course.factor(known)
    sds = jnp.sqrt(jnp.sum(factor**2, axis=1))
    moves = np.concatenate([np.zeros((ANEW, effects)), *[np.eye(effects)] * ROUNDS])

    def drawn(number: Array) -> tuple[Array, Array]:
        draws = number * (effects + 1) + jnp.arange(effects + 1)
        key = random.key(
            shared["seed"], "saem", occasion=shared["iteration"], replicate=own["chain"][None], draw=draws[:, None]
        )
        return random.normal(key, own["id"][None])[:effects], random.uniform(key, own["id"][None])[effects]

    def one(at: tuple, move: Any) -> tuple:
        (phi, low, away), (mask, number) = at, move
        normals, chance = drawn(number)
        anew = jnp.sum(mask) == 0.0
        step = mask[:, None] * shared["scales"][:, None] * sds * normals
        trial = jnp.where(anew, centre + jnp.sum(factor * normals[None], axis=1), phi + step)
        likelihood = _likelihood(course, known, trial)
        far = jnp.sum(standardised(course, known, trial) ** 2, axis=0)
        # What is drawn from the population already has its density.
        change = likelihood - low + jnp.where(anew, 0.0, far - away)
        taken = -2.0 * jnp.log(chance) > change
        phi = jnp.where(taken[None], trial, phi)
        return (phi, jnp.where(taken, likelihood, low), jnp.where(taken, far, away)), taken

    begin = (
        own["phi"],
        _likelihood(course, known, own["phi"]),
        jnp.sum(standardised(course, known, own["phi"]) ** 2, axis=0),
    )
    (phi, low, _), taken = lax.scan(one, begin, (jnp.asarray(moves), jnp.arange(len(moves))))
    rounds = taken[ANEW:].reshape(ROUNDS, effects, patients).astype(jnp.float64)
    return {"phi": phi, "likelihood": low, "taken": jnp.mean(rounds, axis=0)}


def _slopes(course: Course, z: Array, phi: Array) -> tuple[Array, Array]:
    """Half the slope of -2 log density by the direct unknowns (direct, patient), and what is told about them."""
    direct = direct_of(course)
    patients = phi.shape[1]
    if not direct:
        return jnp.zeros((0, patients)), jnp.zeros((0, 0, patients))
    approximation, whole = Approximation(course, "focei"), copies(z, patients)
    known = course.unknowns.apply(whole, course.given)
    followed = "others" if course.latent_is_parameter else "all"
    predict, _ = course.expanded(known, standardised(course, known, phi), 1, followed)

    def moments(own: Array) -> Moments:
        given = course.unknowns.apply(whole.at[np.asarray(direct)].set(own), course.given)
        nu = standardised(course, given, phi)
        return approximation.scattered(given, predict)(nu)

    start = whole[np.asarray(direct)]
    y = approximation.seen()
    slope = jax.grad(lambda own: 0.5 * jnp.sum(minus_two_log(y, moments(own))))(start)
    directions = jnp.broadcast_to(jnp.eye(len(direct))[:, :, None], (len(direct), *start.shape))
    at, along = jax.vmap(lambda e: jax.jvp(moments, (start,), (e,)), out_axes=(None, 0))(directions)
    return slope, information(y, at, along)


@lru_cache(maxsize=32)
def placing(outline: Outline, unknowns: Unknowns) -> Any:
    """The compiled centres of patients (effect, patient), and their slopes (unknown, effect, patient)."""

    def placed(course: Course, own: Any, shared: Any) -> dict[str, Any]:
        z = copies(shared["z"], course.patients)
        directions = jnp.broadcast_to(jnp.eye(z.shape[0])[:, :, None], (z.shape[0], *z.shape))
        centre = lambda z: course.centre(course.unknowns.apply(z, course.given))  # noqa: E731
        at, along = jax.vmap(lambda e: jax.jvp(centre, (z,), (e,)), out_axes=(None, 0))(directions)
        return {"centre": at, "slopes": along}

    return over_patients(placed, outline, unknowns, {"centre": 2, "slopes": 3})
