"""Random states, parameters and inputs of a structure, about its own values and inside its bounds."""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from twinsim.compiled_once import compiled_now
from twinsim.models.structure import Structure


class Draws(NamedTuple):
    """Parameters and inputs by name (draw), states (draw, point, state), and the usual size of each state, signed."""

    p: dict[str, np.ndarray]
    u: dict[str, np.ndarray]
    x: np.ndarray
    size: np.ndarray


def drawn(structure: Structure, draws: int, points: int, seed: int) -> Draws:
    """Random values: states about where they start, of one unit where that is zero, and of its sign."""
    rng, names = np.random.default_rng(seed), structure.state_names
    p = {item.name: _values(rng, draws, item.default, item.bounds) for item in structure.parameters}
    u = {port.name: _values(rng, draws, 1.0 if port.default is None else port.default) for port in structure.needs}

    def begin(p: dict, u: dict) -> jax.Array:
        result = structure.initial(p, u)
        return jnp.stack([jnp.asarray(result[name], jnp.float64) for name in names])

    size = np.ones(len(names))
    if names:
        start = np.asarray(compiled_now(jax.vmap(begin), p, u)(p, u))[0]
        size = np.where(np.isfinite(start) & (start != 0.0), start, 1.0)
    return Draws(p, u, size * np.exp(rng.normal(size=(draws, points, len(names)))), size)


def _values(
    rng: np.random.Generator, draws: int, default: float, bounds: tuple[float, float] = (-math.inf, math.inf)
) -> np.ndarray:
    """About a default, inside bounds; where it is zero, of any size up to one."""
    low, high = bounds
    if math.isfinite(low) and math.isfinite(high):
        return low + (high - low) * rng.uniform(0.1, 0.9, draws)
    values = default * np.exp(0.3 * rng.normal(size=draws)) if default else rng.uniform(0.1, 1.0, draws)
    return np.clip(values, low, high)
