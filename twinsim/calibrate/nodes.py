"""Nodes of an integral over a patient's random effects, before and after they are put about its most likely ones.

    p(y) = integral of exp(-j(nu) / 2) / (2 pi)^(n/2)  =  sum_k exp(log_weight_k - j(nu_k) / 2)

With j'' / 2 = C C^T at the most likely nu*,

    quadrature    nu_k = nu* + C^-T x_k, x_k and w_k of Gauss and Hermite:  log_weight = ln w_k + x_k^T x_k / 2 - ln |C|
    importance    nine in ten so with x_k of a t distribution, one in ten drawn from the population, nu_k = x_k:
                  log_weight = -n/2 ln 2 pi - ln q(nu_k) - ln K,  q = 0.9 |C| t(C^T (nu - nu*)) + 0.1 phi(nu)

The nodes from the population are where a second mode may lie, as one does where a lag may come before or after an
observation: the t distribution alone then misses a part of the integral, and does not say so.

Source: Pinheiro and Bates 1995, J Comput Graph Stat 4:12, doi:10.1080/10618600.1995.10474663 (both); Hesterberg 1995,
Technometrics 37:185, doi:10.1080/00401706.1995.10484303 (the mixture).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from kernels import random
from kernels.cholesky import log_determinant, solve_upper
from twinsim.errors import UsageError

MOST_NODES = 100_000  # of a patient
FREEDOM = 4  # of the t distribution: its tails are heavier than those of most likelihoods
ANEW = 0.1  # share of the nodes from the population


class Nodes(NamedTuple):
    """Nodes before they are put.

    Attributes:
        x: (effect, node, patient | 1).
        log_weight: (node, patient | 1).
        anew: 1 where x is a draw from the population (node, 1); None for quadrature, which has none.
    """

    x: np.ndarray
    log_weight: np.ndarray
    anew: np.ndarray | None = None

    def wide(self, patients: int) -> dict[str, np.ndarray]:
        """The same with as many patients (..., patient), by name."""
        kept = {name: array for name, array in self._asdict().items() if array is not None}
        return {name: np.broadcast_to(array, (*array.shape[:-1], patients)) for name, array in kept.items()}


def quadrature(effects: int, each: int) -> Nodes:
    """Nodes of Gauss and Hermite, so many for each effect.

    Raises:
        UsageError: more than can be computed.
    """
    if each**effects > MOST_NODES:
        what = f"{each} nodes for each of {effects} random effects are {each**effects:,} for every patient"
        raise UsageError(what, where="nodes", do="use method=imp, or fewer nodes")
    x, w = np.polynomial.hermite_e.hermegauss(each)
    grids = np.meshgrid(*[np.arange(each)] * effects, indexing="ij")
    index = np.stack([g.ravel() for g in grids]) if effects else np.zeros((0, 1), int)
    log_weight = np.log(w / math.sqrt(2.0 * math.pi))[index].sum(axis=0) + 0.5 * (x[index] ** 2).sum(axis=0)
    return Nodes(x[index][:, :, None], log_weight[:, None])


def samples(effects: int, count: int, seed: int, ids: np.ndarray) -> Nodes:
    """Draws of every patient in antithetic pairs; they depend on the seed and its id.

    Raises:
        UsageError: more than can be computed.
    """
    if count > MOST_NODES:
        raise UsageError(f"{count:,} nodes for every patient", where="nodes", do=f"use {MOST_NODES:,} or fewer")
    if not effects:
        return quadrature(0, 1)  # nothing is drawn, and there is nothing to integrate over
    half = (count + 1) // 2
    draw = lambda name, rows: np.asarray(random.normals(seed, name, rows, ids), np.float64)  # noqa: E731
    x = np.stack([draw(f"importance:{i}", half) for i in range(effects)])
    square = sum(draw(f"importance:freedom:{i}", half) ** 2 for i in range(FREEDOM))
    anew = np.arange(half) < round(ANEW * half)
    x = np.where(anew[None, :, None], x, x / np.sqrt(square / FREEDOM))
    log_weight = np.full((2 * half, 1), -0.5 * effects * math.log(2.0 * math.pi) - math.log(2 * half))
    return Nodes(np.concatenate([x, -x], axis=1), log_weight, np.tile(anew, 2).astype(np.float64)[:, None])


def put(nu: Array, root: Array, x: Array, log_weight: Array, anew: Any = None) -> tuple[Array, Array]:
    """Nodes about most likely effects, and the logarithms of their weights.

    Args:
        nu: most likely effects (effect, patient).
        root: C (effect, effect, patient).
        x, log_weight, anew: of `Nodes`, with the patients in their last axis.

    Returns:
        (effect, node, patient), (node, patient).
    """
    found = nu[:, None] + solve_upper(root, x)
    if anew is None:
        return found, log_weight - 0.5 * log_determinant(root)[None]
    found = jnp.where(anew[None] > 0.5, x, found)
    away, effects = found - nu[:, None], nu.shape[0]
    own = sum((root[i][:, None] * away[i][None] for i in range(effects)), start=jnp.zeros_like(found))
    share = jnp.mean(anew, axis=0)[None]
    about = 0.5 * log_determinant(root)[None] + _log_t(own) + jnp.log1p(-share)
    population = -0.5 * jnp.sum(found**2, axis=0) - 0.5 * effects * math.log(2.0 * math.pi) + jnp.log(share)
    return found, log_weight - jnp.logaddexp(about, population)


def _log_t(x: Array) -> Array:
    """Log density of the t distribution (node, patient) at x (effect, node, patient)."""
    effects = x.shape[0]
    constant = math.lgamma(0.5 * (FREEDOM + effects)) - math.lgamma(0.5 * FREEDOM)
    constant -= 0.5 * effects * math.log(FREEDOM * math.pi)
    return constant - 0.5 * (FREEDOM + effects) * jnp.log1p(jnp.sum(x**2, axis=0) / FREEDOM)
