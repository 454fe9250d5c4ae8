"""Where a search steps next from a gradient.

    bfgs     - H g, H an inverse of the curvature, begun with what patients' gradients tell, updated by each step
    lbfgs    the same from the last ten steps alone (optax), for more unknowns than a matrix of them is worth
    adam     no curvature at all: means of the gradient and of its square (optax), on a rate that falls to 0

optax's two work on unknowns that are scaled by what patients' gradients tell, so that none of them moves too fast.

Source: Nocedal and Wright 2006, Numerical Optimization, 2nd ed., chapters 6 and 7; Kingma and Ba 2015, arXiv:1412.6980.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
import optax

OPTIMISERS = ("bfgs", "lbfgs", "adam")
RATE = 0.3  # of Adam, in standard deviations as patients' gradients tell them
LEAST = 1e-8  # curvature of an unknown about which patients tell nothing


class Direction(Protocol):
    """Steps towards a minimum."""

    def restart(self, outer: np.ndarray) -> None:
        """Forget all steps; `outer` is the curvature as patients' gradients tell it (unknown, unknown)."""
        ...

    def step(self, z: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """The step from a place (unknown)."""
        ...

    def learn(self, step: np.ndarray, change: np.ndarray) -> None:
        """Take up how the gradient changed along a step that was made."""
        ...


class Bfgs:
    """A whole matrix."""

    def restart(self, outer: np.ndarray) -> None:
        """As `Direction.restart`; the curvature is bounded where patients tell nothing about a direction."""
        scale = scale_of(outer)
        values, vectors = np.linalg.eigh(outer / np.outer(scale, scale))
        part = vectors / np.maximum(values, 1e-3)
        self.inverse = (part @ vectors.T) / np.outer(scale, scale)

    def step(self, z: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """As `Direction.step`."""
        return -self.inverse @ gradient

    def learn(self, step: np.ndarray, change: np.ndarray) -> None:
        """As `Direction.learn`; nothing where the curvature along the step is not positive."""
        along = float(step @ change)
        if along <= 1e-10 * float(np.linalg.norm(step) * np.linalg.norm(change)):
            return
        left = np.eye(len(step)) - np.outer(step, change) / along
        self.inverse = left @ self.inverse @ left.T + np.outer(step, step) / along


class Lbfgs:
    """The last steps alone, by optax, which keeps them as places and gradients."""

    def restart(self, outer: np.ndarray) -> None:
        """As `Direction.restart`."""
        self.scale, self.state = scale_of(outer), None

    def step(self, z: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """As `Direction.step`."""
        begin, update = _limited()
        place, slope = jnp.asarray(z * self.scale), jnp.asarray(gradient / self.scale)
        with optax_rules():
            state = begin(place) if self.state is None else self.state
            step, self.state = update(slope, state, place)
        return -np.asarray(step) / self.scale

    def learn(self, step: np.ndarray, change: np.ndarray) -> None:
        """As `Direction.learn`: the next place and gradient tell it."""


class Adam:
    """Steps of Adam, which need not lower the objective; their rate falls to 0 along a quarter of a cosine.

    Args:
        steps: after which the rate is 0.
    """

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def restart(self, outer: np.ndarray) -> None:
        """As `Direction.restart`."""
        self.scale, self.state = scale_of(outer), None

    def step(self, z: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """As `Direction.step`."""
        begin, update = _adam(self.steps)
        with optax_rules():
            state = begin(jnp.asarray(z * self.scale)) if self.state is None else self.state
            step, self.state = update(jnp.asarray(gradient / self.scale), state)
        return np.asarray(step) / self.scale


def direction_of(optimiser: str) -> Direction:
    """What steps with a line search."""
    return {"bfgs": Bfgs, "lbfgs": Lbfgs}[optimiser]()


def scale_of(outer: np.ndarray) -> np.ndarray:
    """One over the standard deviation of each unknown (unknown)."""
    return np.sqrt(np.maximum(np.diag(outer), LEAST))


@contextmanager
def optax_rules() -> Iterator[None]:
    """JAX's own rules for mixed types and ranks: optax relies on them, where a program may have set stricter ones."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


@lru_cache(maxsize=1)
def _limited() -> tuple[Callable[..., Any], Callable[..., Any]]:
    method = optax.scale_by_lbfgs(memory_size=10)
    return method.init, jax.jit(method.update)


@lru_cache(maxsize=8)
def _adam(steps: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    method = optax.adam(optax.cosine_decay_schedule(RATE, steps))
    return method.init, jax.jit(method.update)
