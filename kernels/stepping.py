"""What both stepping tiers share: the walk to a stop with one step size per patient, and its step control.

Each call carries every patient of the block to its own stop, in its own steps; the last step lands on it. The step
control is frozen for derivatives: tangents flow through the stages and through the length of the landing step, so
that they are the derivatives of the numbers computed.

Error of a step, per state i:  e_i / (rtol max(|x_i|, |x_i new|, floor * largest |x_i| so far));  the norm is the root
mean square over states, so that a tolerance means the same whatever the unit of a state. A state late in a chain that
starts from nothing is t^n at first, of which no step of lower order gets any digit right: FAINT times the largest of
all states is little enough for any unit, and need not be accurate.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from kernels import status as codes
from kernels.between import FoundAll, Looks
from kernels.rough import larger, reciprocal, root

States = tuple[Array, ...]
FAINT = 1e-12


class Memory(NamedTuple):
    """What a patient remembers between stops, each (patient).

    Attributes:
        step: the step size to try next; not positive once the patient goes no further: 0 where steps have become too
            small, -1 where not even the shortest was a number.
        slope: derivative at the present state, where the method starts from it.
        peak: largest size of each state at any stop so far.
        steps: steps tried.
        trend: (size of the error)^(1/order) / length of the last accepted step, where the step control looks at it.
    """

    step: Array
    slope: States
    peak: States
    steps: Array
    trend: Array | None


class Along(NamedTuple):
    """Who looks on, from step to step.

    Attributes:
        look: (t, states) -> looks there.
        add: (found, t, length, looks before and after, counts) -> what is found with that step.
    """

    look: Callable[[Array, States], Looks]
    add: Callable[[FoundAll, Array, Array, Looks, Looks, Array], FoundAll]


class Walk(NamedTuple):
    """One patient's way to its stop: what changes from step to step, and nothing else."""

    walked: Array
    states: States
    slope: States
    step: Array
    steps: Array
    trend: Array | None
    looks: Looks
    found: FoundAll


class Way(NamedTuple):
    """What stays the same on the way to a stop."""

    parameters: Any
    rates: States
    least: States
    start: Array
    elapsed: Array
    smallest: Array
    eps: float
    along: Along | None


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
        dtype: working precision.
    """

    restarts = True

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
        dtype: Any,
    ) -> None:
        self.rates_of, self.infused, self.order, self.keeps_slope = rates_of, infused, order, keeps_slope
        self.predictive, self.rtol, self.floor = predictive, rtol, floor
        self.max_steps, self.dtype = max_steps, dtype

    @abstractmethod
    def stages(self, walk: Walk, way: Way, length: Array) -> tuple[States, States, States]:
        """One step: new states, their derivative where the method keeps it, and the estimated error."""

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
        )
        return self.after_event(prepared, states, rates, memory, time)

    def after_event(self, prepared: Any, states: States, rates: States, memory: Memory, time: Array) -> Memory:
        """The slope is new where states or input rates have jumped."""
        slope = self.slope(time.astype(self.dtype), states, rates, prepared) if self.keeps_slope else ()
        return memory._replace(slope=slope, peak=_larger(memory.peak, states))

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
        return self.advance_along(prepared, states, rates, memory, time, elapsed)[:2]

    def advance_along(
        self,
        prepared: Any,
        states: States,
        rates: States,
        memory: Memory,
        time: Array,
        elapsed: Array,
        *,
        along: Along | None = None,
        looks: Looks | None = None,
        found: FoundAll | None = None,
    ) -> tuple[States, Memory, Looks, FoundAll]:
        """Step every patient to its stop while someone looks on, from `looks` here and what was `found` before."""
        start = time.astype(self.dtype)
        eps = float(jnp.finfo(self.dtype).eps)
        smallest = eps * jnp.abs(start) + eps**3 * elapsed  # near the start a step may be far below eps * elapsed
        way = Way(prepared, rates, self._least(memory.peak), start, elapsed, smallest, eps, along)
        walked, seen, before = jnp.zeros_like(states[0]), looks or {}, found or {}
        first = Walk(walked, states, memory.slope, memory.step, memory.steps, memory.trend, seen, before)
        walk = lax.while_loop(lambda w: jnp.any(self._active(w, elapsed)), lambda w: self._step(w, way), first)
        peak = _larger(memory.peak, walk.states)
        memory = Memory(walk.step, walk.slope, peak, walk.steps, walk.trend)
        return walk.states, memory, walk.looks, walk.found

    def _active(self, walk: Walk, elapsed: Array) -> Array:
        return (walk.walked < elapsed) & (walk.step > 0.0) & (walk.steps < self.max_steps)

    def _step(self, walk: Walk, way: Way) -> Walk:
        active, remaining = self._active(walk, way.elapsed), way.elapsed - walk.walked
        # Landing takes one step, or two equal ones where the wanted step almost reaches.
        wanted = lax.stop_gradient(walk.step)
        lands = wanted >= remaining
        length = jnp.where(lands, remaining, jnp.where(2.0 * wanted > remaining, 0.5 * remaining, wanted))
        length = jnp.where(active, length, 0.0)
        states, slope, error = self.stages(walk, way, length)
        size = lax.stop_gradient(self._squared_norm(error, walk.states, states, way.least))
        accepted = active & (size <= 1.0)
        smallest = way.smallest + way.eps * walk.walked
        longer, trend = self._next(wanted, lax.stop_gradient(length), size, accepted, smallest, walk.trend)

        def chosen(new: Array, old: Array) -> Array:
            return jnp.where(accepted, new, old)

        looks, found = walk.looks, walk.found
        if way.along is not None:
            here = way.start + walk.walked
            looks = way.along.look(here + length, states)
            found = way.along.add(found, here, length, walk.looks, looks, accepted)
            looks = jax.tree.map(chosen, looks, walk.looks)
        return Walk(
            walked=chosen(jnp.where(lands, way.elapsed, walk.walked + length), walk.walked),
            states=tuple(map(chosen, states, walk.states)),
            slope=tuple(map(chosen, slope, walk.slope)),
            step=jnp.where(active, longer, walk.step),
            steps=walk.steps + active.astype(jnp.int32),
            trend=trend,
            looks=looks,
            found=found,
        )

    def _least(self, peak: States) -> States:
        """Sizes below which a state need not be accurate to its own size."""
        largest = peak[0]
        for p in peak[1:]:
            largest = larger(p, largest)
        return tuple(larger(self.floor * p, FAINT * largest) for p in peak)

    def _squared_norm(self, error: States, old: States, new: States, least: States) -> Array:
        total = jnp.zeros_like(error[0])
        tiny = float(jnp.finfo(self.dtype).tiny)
        for e, x, y, z in zip(error, old, new, least, strict=True):
            size = larger(z, larger(jnp.abs(x), jnp.abs(y)))  # NaN where the new state is
            total = total + (e * reciprocal(self.rtol * size + tiny)) ** 2
        return total * (1.0 / len(error))

    def _next(
        self, wanted: Array, length: Array, squared: Array, accepted: Array, smallest: Array, trend: Array | None
    ) -> tuple[Array, Array | None]:
        """The next step: 0.9 size^(-1/order) times this one, at most 5 and at least 0.2 times; and the trend then.

        With a trend at most 0.9 size^(-1/order) (size before / size)^(1/order) length / (length before) times this one.
        A landing step says nothing about how long a step could have been, so it never shortens the wanted one.

        Source: Gustafsson 1994, ACM Transactions on Mathematical Software 20:496, predictive controller.
        """
        # Comparisons with NaN are false: a step that is not finite stays so here, and is shortened the most.
        power = root(jnp.where(squared < 1e-20, 1e-20, squared), -0.5 / self.order)
        factor = 0.9 * power
        if trend is not None:
            factor = jnp.where(accepted, jnp.minimum(factor, factor * power * length * trend), factor)
            # A step that was far too exact says little about the next: its error counts as 1e-4 of the allowed one.
            trend = jnp.where(accepted, 1.0 / (jnp.minimum(power, 1e-4 ** (-1.0 / self.order)) * length), trend)
        factor = larger(jnp.where(factor < 5.0, factor, 5.0), 0.2)
        after = length * factor
        kept = jnp.where((factor >= 1.0) & (wanted < jnp.inf), larger(wanted, after), after)
        step = jnp.where(accepted, kept, jnp.where(after > smallest, after, jnp.where(jnp.isnan(squared), -1.0, 0.0)))
        return step, trend


def weighted(weights: tuple[float, ...], terms: list[Array]) -> Array:
    """Sum of weights * terms, of which a weight of 0 or 1 costs nothing."""
    total = None
    for weight, value in zip(weights, terms, strict=True):
        if weight != 0.0:
            term = value if weight == 1.0 else weight * value
            total = term if total is None else total + term
    return jnp.zeros_like(terms[0]) if total is None else total


def _larger(peak: States, states: States) -> States:
    return tuple(larger(jnp.abs(lax.stop_gradient(x)), p) for p, x in zip(peak, states, strict=True))
