"""What both stepping tiers share: the walk to a stop with one step size per patient, and its step control.

Each call carries every patient of the block to its own stop, in its own steps; the last step lands on it. The step
control is frozen for derivatives: tangents flow through the stages and through the length of the landing step, so
that they are the derivatives of the numbers computed.

How long a step may be is told by `kernels.control`. Dense tiers (`kernels.dense`) look at outputs from steps that go on
past them, up to a limit. Whoever looks on sees every accepted step, wherever the outputs are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from kernels import status as codes
from kernels.between import Along, FoundAll, Looks
from kernels.control import least_sizes, next_step, squared_norm
from kernels.dense import Ahead, Bent, States, begun, looked_back
from kernels.rough import larger


class Memory(NamedTuple):
    """What a patient remembers between stops, each (patient).

    Attributes:
        step: the step size to try next; not positive once the patient goes no further: 0 where steps have become too
            small, -1 where not even the shortest was a number.
        slope: derivative at the present state, where the method starts from it.
        peak: largest size of each state at any stop so far.
        steps: steps tried.
        trend: (size of the error)^(1/order) / length of the last accepted step, where the step control looks at it.
        ahead: of dense tiers.
    """

    step: Array
    slope: States
    peak: States
    steps: Array
    trend: Array | None
    ahead: Ahead | None = None


class Walk(NamedTuple):
    """One patient's way to its stop: what changes from step to step, and nothing else."""

    walked: Array
    states: States
    slope: States
    step: Array
    steps: Array
    trend: Array | None
    peak: States = ()
    last: Bent | None = None
    earlier: Bent | None = None
    looks: Looks | None = None
    found: FoundAll | None = None


class Way(NamedTuple):
    """What stays the same on the way to `elapsed` after a stop; no step goes beyond `limit`."""

    parameters: Any
    rates: States
    least: States
    start: Array
    elapsed: Array
    limit: Array
    smallest: Array
    eps: float
    along: Along | None = None


class SteppingTier(ABC):
    """Adaptive steps of a one-step method.

    Args:
        rates_of: (t, states, parameters) -> derivatives, tuples of (patient).
        infused: indices of states that ever receive a constant input.
        order: of the method; the error estimate of a step shrinks like its length to this power.
        keeps_slope: the method starts from the derivative at the present state, which the last step has left.
        predictive: the step control expects the error to go on growing as it did over the last step.
        rtol: relative tolerance of a step.
        floor: fraction of a state's largest value below which only absolute accuracy is asked for.
        max_steps: a patient that tries more gets the status max_steps.
        dense: steps go on past outputs, which are looked at by the method's own interpolation.
        bends: how many b that has.
        dtype: working precision.
    """

    def __init__(
        self,
        rates_of: Callable[[Array, States, Any], States],
        infused: frozenset[int],
        *,
        order: int,
        keeps_slope: bool,
        predictive: bool,
        rtol: float,
        floor: float,
        max_steps: int,
        dense: bool,
        bends: int,
        dtype: Any,
    ) -> None:
        self.rates_of, self.infused, self.order, self.keeps_slope = rates_of, infused, order, keeps_slope
        self.predictive, self.rtol, self.floor = predictive, rtol, floor
        self.max_steps, self.dense, self.bends, self.dtype = max_steps, dense, bends, dtype
        self.restarts = not dense

    @abstractmethod
    def stages(self, walk: Walk, way: Way, length: Array) -> tuple[States, States, States, tuple[States, ...]]:
        """One step: new states, their derivative where the method keeps it, the estimated error; if dense the b."""

    def prepare(self, parameters: Any) -> Any:
        """Parameters are used as they are."""
        return parameters

    def begin(self, prepared: Any, states: States, rates: States, time: Array) -> Memory:
        """Memory at the start; the first step is found by the step control."""
        patients = states[0].shape
        memory = Memory(
            step=jnp.full(patients, jnp.inf, self.dtype),
            slope=(),
            peak=tuple(jnp.zeros_like(x) for x in states),
            steps=jnp.zeros(patients, jnp.int32),
            trend=jnp.full(patients, jnp.inf, self.dtype) if self.predictive else None,
            ahead=begun(states, self.bends) if self.dense else None,
        )
        return self.after_event(prepared, states, rates, memory, time)

    def after_event(self, prepared: Any, states: States, rates: States, memory: Memory, time: Array) -> Memory:
        """The slope is new where states or input rates have jumped, and steps begin there."""
        slope = self.slope(time.astype(self.dtype), states, rates, prepared) if self.keeps_slope else ()
        ahead = begun(states, self.bends) if self.dense else None
        return memory._replace(slope=slope, peak=self.peak(memory.peak, states), ahead=ahead)

    def status(self, memory: Memory) -> Array:
        """Why a patient goes no further, if so."""
        stuck = jnp.where(memory.step < 0.0, codes.NON_FINITE, codes.STEP_TOO_SMALL)
        status = jnp.where(memory.step > 0.0, codes.OK, stuck)
        return jnp.where(memory.steps >= self.max_steps, codes.MAX_STEPS, status).astype(jnp.int32)

    def slope(self, t: Array, states: States, rates: States, parameters: Any) -> States:
        """Derivatives with the constant inputs."""
        derivative = self.rates_of(t, states, parameters)
        return tuple(f + r if i in self.infused else f for i, (f, r) in enumerate(zip(derivative, rates, strict=True)))

    def advance(
        self, prepared: Any, states: States, rates: States, memory: Memory, time: Array, elapsed: Array
    ) -> tuple[States, Memory]:
        """Step every patient to its stop."""
        return self.reach(prepared, states, rates, memory, time, elapsed, elapsed)

    def reach(
        self, prepared: Any, states: States, rates: States, memory: Memory, time: Array, elapsed: Array, limit: Array
    ) -> tuple[States, Memory]:
        """States after `elapsed`; steps of a dense tier may go on from there to `limit`."""
        return self.reach_along(prepared, states, rates, memory, time, elapsed, limit)[:2]

    def reach_along(
        self,
        prepared: Any,
        states: States,
        rates: States,
        memory: Memory,
        time: Array,
        elapsed: Array,
        limit: Array,
        *,
        along: Along | None = None,
        looks: Looks | None = None,
        found: FoundAll | None = None,
    ) -> tuple[States, Memory, Any, Any]:
        """As `reach`, while someone looks on, from `looks` where steps are and what was `found` before."""
        way = self.way(prepared, rates, memory.peak, time, elapsed, limit)._replace(along=along)
        if memory.ahead is None:
            first = Walk(jnp.zeros_like(states[0]), states, memory.slope, memory.step, memory.steps, memory.trend)
        else:
            walked, here, last, earlier = memory.ahead
            first = Walk(
                walked, here, memory.slope, memory.step, memory.steps, memory.trend, memory.peak, last, earlier
            )
        first = first._replace(looks=looks, found=found)
        walk = lax.while_loop(lambda w: jnp.any(self._active(w, elapsed)), lambda w: self.step(w, way), first)
        if walk.last is None or walk.earlier is None:
            seen, slope = self.settled(walk.states, walk.slope, way)
            memory = Memory(walk.step, slope, self.peak(memory.peak, walk.states), walk.steps, walk.trend)
            return seen, memory, walk.looks, walk.found
        ahead = Ahead(walk.walked, walk.states, walk.last, walk.earlier)
        seen = looked_back(ahead, states, elapsed)
        memory = Memory(walk.step, walk.slope, walk.peak, walk.steps, walk.trend, ahead)
        return seen, memory, walk.looks, walk.found

    def way(self, prepared: Any, rates: States, peak: States, time: Array, elapsed: Array, limit: Array) -> Way:
        """The way to a stop."""
        start = time.astype(self.dtype)
        eps = float(jnp.finfo(self.dtype).eps)
        limit = jnp.where(limit > elapsed, limit, elapsed)
        # Time is counted from the stop: a step may be far below what the clock, or the whole way, could add.
        smallest = eps**3 * limit
        return Way(prepared, rates, least_sizes(peak, self.floor), start, elapsed, limit, smallest, eps)

    def settled(self, states: States, slope: States, way: Way) -> tuple[States, States]:
        """States and slope as they are, with the derivative that a way of no length has: dx = f(t, x) d(elapsed).

        Where an event falls on an output nothing is stepped, and yet what follows moves with the time of the event.
        """
        still = way.elapsed == 0.0

        def at(t: Array, states: States) -> States:
            return self.slope(t, states, way.rates, way.parameters)

        def moved(states: States, slope: States) -> tuple[States, States]:
            longer = jnp.where(still, way.elapsed, 0.0)  # nothing, but for its derivative
            states = tuple(x + f * longer for x, f in zip(states, at(way.start, states), strict=True))
            if not self.keeps_slope:
                return states, slope
            fresh = at(way.start + longer, states)
            return states, tuple(jnp.where(still, new, old) for new, old in zip(fresh, slope, strict=True))

        return lax.cond(jnp.any(still), moved, lambda states, slope: (states, slope), states, slope)

    def _active(self, walk: Walk, elapsed: Array) -> Array:
        return (walk.walked < elapsed) & (walk.step > 0.0) & (walk.steps < self.max_steps)

    def _going(self, walk: Walk, way: Way) -> Array:
        """Who takes another step."""
        active = self._active(walk, way.limit)
        return active if walk.last is None else active & (walk.last.begin <= way.elapsed)

    def length(self, walk: Walk, way: Way) -> tuple[Array, Array, Array]:
        """Whether the next step lands, whether it takes half of the way that remains otherwise, and its length.

        Landing takes one step, or two equal ones where the wanted step almost reaches.
        """
        wanted, remaining = lax.stop_gradient(walk.step), way.limit - walk.walked
        lands, halves = wanted >= remaining, 2.0 * wanted > remaining
        length = jnp.where(lands, remaining, jnp.where(halves, 0.5 * remaining, wanted))
        if self.dense:
            # As long as the clock says, whose rounding would add up over a thousand steps.
            length = jnp.where(lands, way.limit, walk.walked + length) - walk.walked
        return lands, halves, jnp.where(self._going(walk, way), length, 0.0)

    def step(self, walk: Walk, way: Way) -> Walk:
        """One step tried by every patient on the way."""
        active, wanted = self._going(walk, way), lax.stop_gradient(walk.step)
        lands, _, length = self.length(walk, way)
        walked = jnp.where(lands, way.limit, walk.walked + length)
        least = least_sizes(walk.peak, self.floor) if self.dense else way.least
        states, slope, error, bends = self.stages(walk, way, length)
        size = lax.stop_gradient(squared_norm(error, walk.states, states, least, self.rtol))
        accepted = active & (size <= 1.0)
        smallest = way.smallest + way.eps * walk.walked
        longer, trend = next_step(self.order, wanted, lax.stop_gradient(length), size, accepted, smallest, walk.trend)

        def chosen(new: Array, old: Array) -> Array:
            return jnp.where(accepted, new, old)

        looks, found = walk.looks, walk.found
        if way.along is not None:
            here = way.start + walk.walked
            new = way.along.look(here + length, states)
            found = way.along.add(found, here, length, looks, new, accepted)
            looks = jax.tree.map(chosen, new, looks)
        return Walk(
            walked=chosen(walked, walk.walked),
            states=tuple(map(chosen, states, walk.states)),
            slope=tuple(map(chosen, slope, walk.slope)),
            step=jnp.where(active, longer, walk.step),
            steps=walk.steps + active.astype(jnp.int32),
            trend=trend,
            peak=tuple(map(chosen, self.peak(walk.peak, states), walk.peak)) if self.dense else (),
            last=jax.tree.map(chosen, Bent(walk.walked, length, walk.states, bends), walk.last) if self.dense else None,
            earlier=jax.tree.map(chosen, walk.last, walk.earlier),
            looks=looks,
            found=found,
        )

    @staticmethod
    def peak(peak: States, states: States) -> States:
        """The largest size of each state so far."""
        return tuple(larger(jnp.abs(lax.stop_gradient(x)), p) for p, x in zip(peak, states, strict=True))


def weighted(weights: tuple[float, ...], terms: list[Array]) -> Array:
    """Sum of weights * terms, of which a weight of 0 or 1 costs nothing."""
    total = None
    for weight, value in zip(weights, terms, strict=True):
        if weight != 0.0:
            term = value if weight == 1.0 else weight * value
            total = term if total is None else total + term
    return jnp.zeros_like(terms[0]) if total is None else total
