"""Levenberg's method for many small problems at once: every patient's function of its own numbers, in one loop.

    (H + mu I) step = -g        H positive definite, mu by how well the step before was foretold

The numbers are scaled so that H is about the unit matrix or above it. A patient has arrived when a full step would
lower its value by no more than `TOLERANCE` of it, or when rounding lets nothing go lower; it then stands still, and its
numbers are those it would find alone.

Source: Nielsen 1999, Damping parameter in Marquardt's method, IMM-REP-1999-05, Technical University of Denmark.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from kernels.cholesky import cholesky, solve

TOLERANCE = 1e-14  # foretold gain of a full step, relative to the value
SMALL = 1e-12  # foretold gain, relative to the value, below which values no longer tell which of two points is lower
TRIES = 6  # with more and more damping, before rounding is held to be all that is left
FIRST_DAMPING = 1e-3


class Local(NamedTuple):
    """A function at a point: value (patient), gradient (number, patient), H (number, number, patient), and more."""

    value: Array
    gradient: Array
    curvature: Array
    more: Any = ()


class Found(NamedTuple):
    """Where the search ended: numbers (number, patient), the function there, who arrived, and steps tried (patient)."""

    numbers: Array
    local: Local
    arrived: Array
    steps: Array


class _Way(NamedTuple):
    """The best point so far with what a full step from it foretells, and the point that is tried next."""

    numbers: Array
    local: Local
    gain: Array
    trial: Array
    foretold: Array
    damping: Array
    growth: Array
    done: Array
    arrived: Array
    steps: Array


def minimise(
    evaluate: Callable[[Array], Local], start: Array, max_steps: int | Array = 100, tolerance: float = TOLERANCE
) -> Found:
    """The lowest point that can be walked to from the start.

    Args:
        evaluate: numbers (number, patient) -> the function there; a value that is not finite is never walked to, but
            `more` of the start is kept whatever its value.
        start: numbers (number, patient).
        tolerance: foretold gain of a full step, relative to the value, at which a patient has arrived.

    >>> bowl = lambda x: Local(jnp.sum((x - 3.0) ** 2, axis=0), 2.0 * (x - 3.0), jnp.full((1, 1, 2), 2.0))
    >>> minimise(bowl, jnp.zeros((1, 2))).numbers.round(6).tolist()
    [[3.0, 3.0]]
    """
    shapes = jax.eval_shape(evaluate, start)
    shape, dtype = shapes.value.shape, shapes.value.dtype
    infinite = jnp.full(shape, jnp.inf, dtype)
    # The start is the first trial, and better than nothing.
    way = _Way(
        numbers=start,
        local=jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)._replace(value=infinite),
        gain=infinite,
        trial=start,
        foretold=infinite,
        damping=jnp.full(shape, FIRST_DAMPING, dtype),
        growth=jnp.full(shape, 2.0, dtype),
        done=jnp.zeros(shape, bool),
        arrived=jnp.zeros(shape, bool),
        steps=jnp.full(shape, -1, jnp.int32),
    )
    end = lax.while_loop(
        lambda w: jnp.any(~w.done & (w.steps < max_steps)), lambda w: _one_step(evaluate, w, max_steps, tolerance), way
    )
    return Found(end.numbers, end.local, end.arrived, end.steps)


def _one_step(evaluate: Callable[[Array], Local], way: _Way, max_steps: int | Array, tolerance: float) -> _Way:
    """Look at the trial, stay there or where it was, and choose the next one."""
    old, new = way.local, evaluate(way.trial)
    gain = _gain(new)
    first, finite = way.steps < 0, jnp.isfinite(new.value) & jnp.isfinite(gain)
    near = ~first & (way.gain <= SMALL * (1.0 + jnp.abs(old.value)))
    lower = jnp.where(near, gain < way.gain, new.value < old.value)
    moving = ~way.done & (way.steps < max_steps)
    taken = moving & finite & lower
    # Where no step helps any more although a full one foretells next to nothing, rounding is all that is left.
    stuck = moving & ~taken & near & (way.growth >= 2.0**TRIES)
    ratio = jnp.where(first, 0.5, (old.value - new.value) / way.foretold)
    eased = way.damping * jnp.clip(1.0 - (2.0 * ratio - 1.0) ** 3, 1.0 / 9.0, 2.0)
    damping = jnp.where(taken, jnp.where(near, way.damping / 9.0, eased), way.damping * way.growth)
    damping = jnp.where(moving & ~first, damping, way.damping)
    numbers = _chosen(taken, way.trial, way.numbers)
    local = jax.tree.map(lambda a, b: _chosen(taken, a, b), new, old)
    # A start that is no place to be says why.
    local = local._replace(more=jax.tree.map(lambda a, b: _chosen(moving & first, a, b), new.more, local.more))
    gain = jnp.where(taken, gain, way.gain)
    here = moving & jnp.isfinite(gain) & (gain <= tolerance * (1.0 + jnp.abs(local.value)))
    step, foretold = _step(local, damping)
    return _Way(
        numbers=numbers,
        local=local,
        gain=gain,
        trial=numbers + step,
        foretold=foretold,
        damping=damping,
        growth=jnp.where(taken, 2.0, jnp.where(moving, way.growth * 2.0, way.growth)),
        done=way.done | stuck | here | (moving & first & ~taken),
        arrived=way.arrived | stuck | here,
        steps=way.steps + moving.astype(jnp.int32),
    )


def _step(local: Local, damping: Array) -> tuple[Array, Array]:
    """The damped step, and how much lower it should lead."""
    damped = local.curvature + damping[None, None] * jnp.eye(local.gradient.shape[0], dtype=damping.dtype)[:, :, None]
    step = -solve(cholesky(damped), local.gradient)
    bend = jnp.sum(local.curvature * step[:, None] * step[None, :], axis=(0, 1))
    return step, -jnp.sum(step * local.gradient, axis=0) - 0.5 * bend


def _gain(local: Local) -> Array:
    """What a full step foretells: g^T H^-1 g / 2."""
    return 0.5 * jnp.sum(local.gradient * solve(cholesky(local.curvature), local.gradient), axis=0)


def _chosen(which: Array, a: Any, b: Any) -> Any:
    return jnp.where(which.reshape(*[1] * (a.ndim - 1), -1), a, b)
