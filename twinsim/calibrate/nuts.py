"""Draws from each patient's posterior by the no-U-turn sampler, every patient with chains of its own.

Chains move in x of nu = nu* + C^-T x, in which the posterior is about standard normal, so that one length of step suits
everybody. The gradient comes from forward tangents of the predictions: solvers that choose their steps are not run
backward.

Source: Hoffman and Gelman 2014, J Mach Learn Res 15:1593; Cabezas et al. 2024, arXiv:2402.10797 (BlackJAX).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from kernels import random
from kernels.cholesky import solve_lower, solve_upper
from twinsim.calibrate.course import Course
from twinsim.calibrate.evaluate import Evaluator, copies, over_patients, spread_over
from twinsim.calibrate.mode import Most, slopes_of
from twinsim.calibrate.study import Outline
from twinsim.calibrate.unknowns import Given, Unknowns
from twinsim.errors import UsageError

CHAINS = 4
WARM_UP = 50  # steps of each chain that are left out; it begins near where it should be
STEP = 0.4  # of the integrator, in standard deviations
DOUBLINGS = 6  # at most 2^6 - 1 steps of the integrator for a draw

# Stages that share values are not fused: XLA aborts where that meets blackjax's loops (see `twinsim.run.devices`).
COMPILER = {"xla_disable_hlo_passes": "cpu_multi_output_fusion"}


def sampled(evaluator: Evaluator, most: Most, count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draws (draw, effect, patient), effective sample sizes and divergences (patient)."""
    study = evaluator.study
    each = -(-count // CHAINS)
    program = _program(study.outline, evaluator.unknowns, each)
    shared = {"z": np.zeros(0), "given": evaluator.given}
    parts = []
    for which, chunk in evaluator.chunks:
        words = random.bits(random.key(seed, "nuts"), study.records.ids[which])
        # A patient whose solver fails has no numbers; its chains run about 0 and are thrown away.
        own = {"nu": np.nan_to_num(most.nu[:, which]), "words": np.stack([np.asarray(word) for word in words])}
        own["root"] = np.where(np.isnan(most.root[..., which]), np.eye(len(most.nu))[:, :, None], most.root[..., which])
        parts.append(jax.tree.map(np.asarray, program({**chunk, **spread_over(own)}, shared)))
    whole = {name: np.concatenate([part[name] for part in parts], axis=-1)[..., : len(most.joint)] for name in parts[0]}
    failed = np.isnan(most.joint)
    nu = np.where(failed, np.nan, whole["nu"])
    chains = np.moveaxis(nu.reshape(each, CHAINS, *nu.shape[1:]), 1, 0)
    effective = np.asarray(_blackjax().diagnostics.effective_sample_size(chains, chain_axis=0, sample_axis=1)).min(
        axis=0
    )
    return nu[:count], np.where(failed, 0.0, effective), np.where(failed, 0, whole["divergent"])


def _blackjax() -> Any:
    try:
        import blackjax
    except ImportError:
        do = "pip install 'twinsim[bayes]', or use method='sir'"
        raise UsageError("nuts needs the package blackjax", where="method", do=do) from None
    return blackjax


@lru_cache(maxsize=8)
def _program(outline: Outline, unknowns: Unknowns, each: int) -> Any:
    """The compiled chains of all patients, so many draws of each chain."""
    blackjax = _blackjax()

    def chains(course: Course, own: Any, shared: Any) -> dict[str, Any]:
        given = course.unknowns.apply(copies(shared["z"], 1), course.given)
        nu, root = own["nu"], own["root"]
        density = log_density(course, given, nu, root)
        kernel = blackjax.nuts(density, STEP, jnp.ones(nu.shape[0]), max_num_doublings=DOUBLINGS)

        def step(state: Any, key: Any) -> tuple[Any, Any]:
            state, info = kernel.step(key, state)
            return state, (state.position, info.is_divergent)

        def chain(key: Any) -> tuple[Array, Array]:
            first, rest = jax.random.split(key)
            begin = kernel.init(jax.random.normal(first, nu.shape[:1]))
            return lax.scan(step, begin, jax.random.split(rest, WARM_UP + each))[1]

        # Its functions promote types as they like.
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            keys = jax.vmap(lambda key: jax.random.split(key, CHAINS), out_axes=1)(_keys(own["words"]))
            x, divergent = lax.map(jax.vmap(chain), keys)
        # (chain, patient, step, effect): draw by draw of all chains, so that a part of the draws is of all chains too.
        x, divergent = jnp.transpose(x[:, :, WARM_UP:], (3, 2, 0, 1)), divergent[:, :, WARM_UP:]
        x = x.reshape(nu.shape[0], CHAINS * each, nu.shape[1])
        moved = jnp.swapaxes(nu[:, None] + solve_upper(root, x), 0, 1)
        return {"nu": moved, "divergent": jnp.sum(divergent, axis=(0, 2))}

    return over_patients(chains, outline, unknowns, {"nu": 3, "divergent": 1}, COMPILER)


def _keys(words: Array) -> Any:
    """Keys (patient) of their words (2, patient)."""
    return jax.random.wrap_key_data(words.T, impl="threefry2x32")


def log_density(course: Course, given: Given, centre: Array, root: Array) -> Callable[[Array], Array]:
    """x (effect) -> log posterior density of one patient, for use under one `vmap` over all patients of the course.

    Its gradient is made of forward tangents, and all patients are solved together as everywhere else.

    Args:
        centre: (effect, patient); root: C (effect, effect, patient).
    """

    @jax.custom_batching.custom_vmap
    def of_one(x: Array, *whole: Any) -> tuple[Array, Array]:
        # Only shapes: which patient this is, is known by its place among all.
        return jnp.zeros(x.shape[:-1]), jnp.zeros_like(x)

    @of_one.def_vmap
    def of_all(size: int, batched: Any, x: Array, observed: Any, own: Any, given: Any, centre: Any, root: Any) -> tuple:
        everyone = Course(course.outline, course.unknowns, observed, own)
        here = slopes_of(everyone, given, centre + solve_upper(root, x.T), 1)
        value, slope = -0.5 * here.value, -0.5 * solve_lower(root, here.gradient)
        sound = jnp.isfinite(value) & jnp.isfinite(slope).all(axis=0)
        found = jnp.where(sound, value, -jnp.inf), jnp.where(sound[None], slope, 0.0).T
        return found, (True, True)

    def value_and_slope(x: Array) -> tuple[Array, Array]:
        # As arguments, because what is batched in a loop sees nothing around it.
        return of_one(x, course.observed, course.given, given, centre, root)

    @jax.custom_vjp
    def density(x: Array) -> Array:
        return value_and_slope(x)[0]

    density.defvjp(value_and_slope, lambda slope, upward: (upward * slope,))
    return density
