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
from twinsim.calibrate.study import Observed, Outline
from twinsim.calibrate.unknowns import Given, Unknowns
from twinsim.errors import UsageError

CHAINS = 4
WARM_UP = 50  # steps of each chain that are left out; it begins near where it should be
STEP = 0.4  # of the integrator, in standard deviations
DOUBLINGS = 6  # at most 2^6 - 1 steps of the integrator for a draw


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
        own = {"nu": np.nan_to_num(most.nu[:, which]), "keys": np.stack([np.asarray(word) for word in words])}
        own["root"] = np.where(np.isnan(most.root[..., which]), np.eye(len(most.nu))[:, :, None], most.root[..., which])
        parts.append(jax.tree.map(np.asarray, program({**chunk, **spread_over(own)}, shared)))
    whole = {name: np.concatenate([part[name] for part in parts], axis=-1)[..., : len(most.joint)] for name in parts[0]}
    failed = np.isnan(most.joint)
    nu = np.where(failed, np.nan, whole["nu"][:count])
    return nu, np.where(failed, 0.0, whole["effective"]), np.where(failed, 0, whole["divergent"])


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

    def of_patient(observed: Observed, given: Given, nu: Array, root: Array, words: Array) -> dict[str, Array]:
        one = jax.tree.map(lambda x: x[..., None], observed)
        density = log_density(Course(outline, unknowns, one, given), given, nu[:, None], root[..., None])
        kernel = blackjax.nuts(density, STEP, jnp.ones(len(nu)), max_num_doublings=DOUBLINGS)

        def step(state: Any, key: Any) -> tuple[Any, Any]:
            state, info = kernel.step(key, state)
            return state, (state.position, info.is_divergent)

        def chain(key: Any) -> tuple[Array, Array]:
            first, rest = jax.random.split(key)
            begin = kernel.init(jax.random.normal(first, nu.shape))
            return lax.scan(step, begin, jax.random.split(rest, WARM_UP + each))[1]

        keys = jax.random.split(jax.random.wrap_key_data(words, impl="threefry2x32"), CHAINS)
        x, divergent = jax.vmap(chain)(keys)
        x, divergent = x[:, WARM_UP:], divergent[:, WARM_UP:]
        effective = blackjax.diagnostics.effective_sample_size(x, chain_axis=0, sample_axis=1)
        # Draw by draw of all chains, so that a part of the draws is of all chains too.
        rows = jnp.swapaxes(x, 0, 1).reshape(-1, len(nu))
        return {"nu": nu + solve_upper(root[..., None], rows.T[:, :, None])[..., 0].T,
                "effective": jnp.min(effective), "divergent": jnp.sum(divergent)}  # fmt: skip

    def chains(course: Course, own: Any, shared: Any) -> dict[str, Any]:
        given = course.unknowns.apply(copies(shared["z"], 1), course.given)
        arguments = course.observed, own["nu"], own["root"], own["keys"]
        # Its functions promote types as they like.
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            return jax.vmap(lambda a, b, c, d: of_patient(a, given, b, c, d), in_axes=-1, out_axes=-1)(*arguments)

    return over_patients(chains, outline, unknowns, {"nu": 3, "effective": 1, "divergent": 1})


def log_density(course: Course, given: Given, centre: Array, root: Array) -> Callable[[Array], Array]:
    """x (effect) -> log posterior density of one patient, with a gradient from forward tangents."""

    def value_and_slope(x: Array) -> tuple[Array, Array]:
        here = slopes_of(course, given, centre + solve_upper(root, x[:, None]), 1)
        value, slope = -0.5 * here.value[0], -0.5 * solve_lower(root, here.gradient)[:, 0]
        sound = jnp.isfinite(value) & jnp.isfinite(slope).all()
        return jnp.where(sound, value, -jnp.inf), jnp.where(sound, slope, 0.0)

    @jax.custom_vjp
    def density(x: Array) -> Array:
        return value_and_slope(x)[0]

    density.defvjp(value_and_slope, lambda slope, upward: (upward * slope,))
    return density
