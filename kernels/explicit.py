"""Tier explicit: adaptive embedded Runge-Kutta with one step size per patient.

Each call carries every patient of the block to its own stop, in its own steps; the last step lands on it. The step
control is frozen for derivatives: tangents flow through the stages and through the length of the landing step, so
that they are the derivatives of the numbers computed.

Error of a step, per state i:  e_i / (rtol max(|x_i|, |x_i new|, floor * largest |x_i| so far));  the norm is the root
mean square over states, so that a tolerance means the same whatever the unit of a state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from kernels import status as codes
from kernels.tableaux import TSIT5, Tableau

States = tuple[Array, ...]


class Memory(NamedTuple):
    """What a patient remembers between stops, each (patient).

    Attributes:
        step: the step size to try next.
        slope: derivative at the present state: the next step's first stage.
        peak: largest size of each state so far.
        steps: steps tried.
        status: codes of kernels.status.
    """

    step: Array
    slope: States
    peak: States
    steps: Array
    status: Array


class _Walk(NamedTuple):
    """One patient's way to its stop: time walked so far, state, and memory."""

    walked: Array
    states: States
    memory: Memory


class ExplicitTier:
    """Adaptive explicit steps.

    Args:
        rates_of: (t, states, parameters) -> derivatives, tuples of (patient).
        rtol: relative tolerance of a step.
        floor: fraction of a state's largest value below which only absolute accuracy is asked for.
        max_steps: a patient that tries more gets the status max_steps.
        dtype: working precision.
    """

    restarts = True

    def __init__(
        self,
        rates_of: Callable[[Array, States, Any], States],
        *,
        rtol: float,
        floor: float = 1e-2,
        max_steps: int = 100_000,
        dtype: Any = jnp.float64,
        tableau: Tableau = TSIT5,
    ) -> None:
        self.rates_of, self.rtol, self.floor = rates_of, rtol, floor
        self.max_steps, self.dtype, self.tableau = max_steps, dtype, tableau

    def prepare(self, parameters: Any) -> Any:
        """Parameters are used as they are."""
        return parameters

    def begin(self, prepared: Any, states: States, rates: States, time: Array) -> Memory:
        """Memory at the start; the first step is found by the step control."""
        peak = tuple(jnp.abs(lax.stop_gradient(x)) for x in states)
        memory = Memory(
            step=jnp.full(time.shape, jnp.inf, self.dtype),
            slope=tuple(jnp.zeros_like(x) for x in states),
            peak=peak,
            steps=jnp.zeros(time.shape, jnp.int32),
            status=jnp.full(time.shape, codes.OK, jnp.int32),
        )
        return self.after_event(prepared, states, rates, memory, time)

    def after_event(self, prepared: Any, states: States, rates: States, memory: Memory, time: Array) -> Memory:
        """The slope is new where states or input rates have jumped."""
        peak = tuple(jnp.maximum(p, jnp.abs(lax.stop_gradient(x))) for p, x in zip(memory.peak, states, strict=True))
        slope = self._slope(time.astype(self.dtype), states, rates, prepared)
        return memory._replace(slope=slope, peak=peak)

    def status(self, memory: Memory) -> Array:
        """The patients' codes."""
        return memory.status

    def _slope(self, t: Array, states: States, rates: States, parameters: Any) -> States:
        derivative = self.rates_of(t, states, parameters)
        return tuple(f + r for f, r in zip(derivative, rates, strict=True))

    def advance(
        self, prepared: Any, states: States, rates: States, memory: Memory, time: Array, elapsed: Array
    ) -> tuple[States, Memory]:
        """Step every patient to its stop."""
        start = time.astype(self.dtype)

        def walking(walk: _Walk) -> Array:
            return (walk.walked < elapsed) & (walk.memory.status == codes.OK)

        def step(walk: _Walk) -> _Walk:
            return self._step(walk, walking(walk), prepared, rates, start, elapsed)

        first = _Walk(jnp.zeros_like(elapsed), states, memory)
        walk = lax.while_loop(lambda w: jnp.any(walking(w)), step, first)
        return walk.states, walk.memory

    def _step(self, walk: _Walk, active: Array, prepared: Any, rates: States, start: Array, elapsed: Array) -> _Walk:
        memory, remaining = walk.memory, elapsed - walk.walked
        # Landing takes one step, or two equal ones where the wanted step almost reaches.
        wanted = lax.stop_gradient(memory.step)
        lands = wanted >= remaining
        length = jnp.where(lands, remaining, jnp.where(2.0 * wanted > remaining, 0.5 * remaining, wanted))
        length = jnp.where(active, length, 0.0)
        states, slope, error = self._stages(walk, prepared, rates, start, length)
        size = self._norm(error, walk.states, states, memory.peak)
        finite = jnp.isfinite(size)
        accepted = active & finite & (size <= 1.0)
        longer = lax.stop_gradient(self._next(wanted, length, size, finite, accepted))
        steps = memory.steps + active.astype(jnp.int32)
        small = longer <= jnp.finfo(self.dtype).eps * jnp.maximum(jnp.abs(start), elapsed)
        status = jnp.where(active & ~accepted & small, jnp.where(finite, codes.STEP_TOO_SMALL, codes.NON_FINITE), 0)
        status = jnp.where(active & (status == 0) & (steps >= self.max_steps), codes.MAX_STEPS, status)

        def chosen(new: Array, old: Array) -> Array:
            return jnp.where(accepted, new, old)

        return _Walk(
            walked=jnp.where(accepted, jnp.where(lands, elapsed, walk.walked + length), walk.walked),
            states=tuple(map(chosen, states, walk.states)),
            memory=Memory(
                step=jnp.where(active, longer, memory.step),
                slope=tuple(map(chosen, slope, memory.slope)),
                peak=tuple(
                    chosen(jnp.maximum(p, jnp.abs(lax.stop_gradient(x))), p)
                    for p, x in zip(memory.peak, states, strict=True)
                ),
                steps=steps,
                status=jnp.where(memory.status == codes.OK, status, memory.status).astype(jnp.int32),
            ),
        )

    def _stages(self, walk: _Walk, prepared: Any, rates: States, start: Array, length: Array) -> tuple:
        """All stages of one step: new states, their slope, and the error estimate."""
        method = self.tableau
        slopes = [walk.memory.slope]
        states = walk.states
        for row, c in zip(method.a[1:], method.c[1:], strict=True):
            states = tuple(x + length * _weighted(row, [k[i] for k in slopes]) for i, x in enumerate(walk.states))
            slopes.append(self._slope(start + walk.walked + c * length, states, rates, prepared))
        error = tuple(length * _weighted(method.error, [k[i] for k in slopes]) for i in range(len(states)))
        return states, slopes[-1], error

    def _norm(self, error: States, old: States, new: States, peak: States) -> Array:
        total = jnp.zeros_like(error[0])
        tiny = float(jnp.finfo(self.dtype).tiny)
        for e, x, y, p in zip(error, old, new, peak, strict=True):
            size = jnp.maximum(jnp.maximum(jnp.abs(x), jnp.abs(y)), self.floor * jnp.maximum(p, jnp.abs(y)))
            total = total + (e / (self.rtol * size + tiny)) ** 2
        return lax.stop_gradient(jnp.sqrt(total / len(error)))

    def _next(self, wanted: Array, length: Array, size: Array, finite: Array, accepted: Array) -> Array:
        """The next step: 0.9 size^(-1/order) times this one, at most 5 and at least 0.2 times.

        A landing step says nothing about how long a step could have been, so it never shortens the wanted one.
        """
        power = jnp.exp((-1.0 / self.tableau.order) * jnp.log(jnp.maximum(size, 1e-10)))
        factor = jnp.where(finite, jnp.clip(0.9 * power, 0.2, 5.0), 0.2)
        after = length * factor
        kept = jnp.where(jnp.isfinite(wanted), jnp.maximum(after, jnp.where(factor >= 1.0, wanted, after)), after)
        return jnp.where(accepted, kept, after)


def _weighted(weights: tuple[float, ...], slopes: list[Array]) -> Array:
    total = None
    for weight, slope in zip(weights, slopes, strict=True):
        if weight != 0.0:
            term = weight * slope
            total = term if total is None else total + term
    return jnp.zeros_like(slopes[0]) if total is None else total


def states_of(values: Any, dtype: Any) -> States:
    """States as the tier wants them: a tuple of (patient) arrays of one precision."""
    return tuple(jnp.asarray(x, dtype) for x in jax.tree.leaves(values))
