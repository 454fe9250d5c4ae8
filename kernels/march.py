"""March a block of patients through their events and outputs.

Every patient has its own sorted events and its own clock. A tier (`kernels.closed`, `kernels.explicit`) carries the
states from stop to stop; each event is a stop at its exact time. How an output is looked at depends on the tier: one
that restarts stops there too; an exact one goes there from the last event, so that rounding does not add up; a dense
one looks back from steps that go on, up to the next event or the last output.
Shapes: patient is the last axis; an axis of length 1 stands for "the same for every patient". Where events and outputs
are the same for everyone, so are the clocks, and cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jax import Array, lax

from kernels import status as codes
from kernels.between import FoundAll
from kernels.events import Events, States, fetch, jump
from kernels.stepping import SteppingTier
from kernels.watching import Watcher, ahead


class Tier(Protocol):
    """What carries the states from one stop to the next.

    Attributes:
        restarts: outputs are stops too (stepping methods); otherwise they are evaluated from the last event.
        dense: outputs are looked at in a way of their own, `reach`: as `advance`, with how far steps may go on at most.
    """

    restarts: bool
    dense: bool

    def prepare(self, parameters: Any) -> Any:
        """What is computed once per parameter segment."""
        ...

    def begin(self, prepared: Any, states: States, rates: States, time: Array) -> Any:
        """The tier's own memory (step size, status) at the start or after an event."""
        ...

    def advance(
        self, prepared: Any, states: States, rates: States, memory: Any, time: Array, elapsed: Array
    ) -> tuple[States, Any]:
        """States after `elapsed` >= 0 with constant input `rates`, and the memory then."""
        ...

    def after_event(self, prepared: Any, states: States, rates: States, memory: Any, time: Array) -> Any:
        """The memory after states or rates have jumped."""
        ...

    def status(self, memory: Any) -> Array:
        """Codes of kernels.status, int32 (patient)."""
        ...


class Carry(NamedTuple):
    """Where each patient stands: the last stop, the state there, the next event, and whether outputs were finite.

    `time`, `next_event` and `segment` are (patient), or (1) where they are the same for everyone. `seen` is what a
    watcher has seen; empty without one.
    """

    time: Array
    states: States
    rates: States
    memory: Any
    next_event: Array
    segment: Array
    prepared: Any
    finite: Array
    seen: Any


class Start(NamedTuple):
    """Where patients begin.

    Attributes:
        time: float64 (patient | 1).
        states: values of each state, in the working precision, each (patient).
        rates: constant input rate of each state, float64, so that what is added and taken away leaves nothing.
        events_done: how many events have already been applied, int32 (patient | 1).
    """

    time: Array
    states: States
    rates: States
    events_done: Array


class March(NamedTuple):
    """What stays the same on the way; arguments of `march`."""

    tier: Tier
    parameters_of: Callable[[Array], Any]
    observe: Callable[[Array, States, Any], Any]
    events: Events
    loads: Array
    last: Array
    segmented: bool
    fixed: Any
    dtype: Any
    watcher: Watcher | None

    def prepared(self, carry: Carry) -> Any:
        """What the tier prepared for the parameters in force."""
        return carry.prepared if self.segmented else self.fixed

    def moved(self, carry: Carry, time: Array) -> tuple[States, Any]:
        """States and memory at a time, without events on the way."""
        rates, elapsed = self.cast(carry.rates), self.elapsed(carry, time)
        return self.tier.advance(self.prepared(carry), carry.states, rates, carry.memory, carry.time, elapsed)

    def looked_at(self, carry: Carry, time: Array) -> tuple[States, Any]:
        """States at an output and memory, of a dense tier."""
        limit = self.limit(carry)
        rates, elapsed = self.cast(carry.rates), self.elapsed(carry, time)
        tier: Any = self.tier
        return tier.reach(self.prepared(carry), carry.states, rates, carry.memory, carry.time, elapsed, limit)

    def limit(self, carry: Carry) -> Array:
        """How far steps may go on: to the next event or the last output."""
        coming = fetch(self.events.time, carry.next_event)
        coming = jnp.where(carry.next_event < self.events.time.shape[0], coming, jnp.inf)
        return self.elapsed(carry, jnp.where(coming < self.last, coming, self.last))

    def passed(self, carry: Carry, time: Array, counts: Array, *, output: bool) -> tuple[States, Any, Any]:
        """States and memory at a time, and what the watcher has seen by then where that counts."""
        watcher, seen, rates = self.watcher, carry.seen, self.cast(carry.rates)
        assert watcher is not None
        parameters = self.parameters_of(carry.segment)
        if isinstance(self.tier, SteppingTier):
            elapsed = limit = self.elapsed(carry, time)
            if output and self.tier.dense:
                # Nothing is seen of a step across the first output, so that one lands.
                limit = jnp.where(counts, self.limit(carry), elapsed)
            states, memory, looks, found = self.tier.reach_along(
                self.prepared(carry), carry.states, rates, carry.memory, carry.time, elapsed, limit,
                along=watcher.along(rates, parameters, counts), looks=seen.looks, found=seen.found,
            )  # fmt: skip
            return states, memory, seen._replace(looks=looks, found=found)
        states, memory = self.looked_at(carry, time) if output and self.tier.dense else self.moved(carry, time)
        move = lambda t: self.moved(carry, t)[0]  # noqa: E731
        return states, memory, watcher.passed(seen, time, states, rates, parameters, move, counts)

    def elapsed(self, carry: Carry, time: Array) -> Array:
        """Time since the last stop, in the working precision."""
        return ahead(carry.time, time, self.dtype)

    def cast(self, rates: States) -> States:
        """Input rates as the tier takes them."""
        return tuple(rate.astype(self.dtype) for rate in rates)

    def apply_next(self, carry: Carry, due: Array) -> Carry:
        """Go to the next event where it is due, and let it happen."""
        event = fetch(self.events, carry.next_event)
        time = jnp.where(due, event.time, carry.time)
        if self.watcher is None:
            (states, memory), seen = self.moved(carry, time), carry.seen
        else:
            states, memory, seen = self.passed(carry, time, due & carry.seen.begun, output=False)
        states, rates = jump(event, self.loads, due, states, carry.rates)
        segment = jnp.where(due, event.segment, carry.segment) if self.segmented else carry.segment
        after = carry._replace(
            time=time,
            states=states,
            rates=rates,
            next_event=carry.next_event + due.astype(jnp.int32),
            segment=segment,
            prepared=self.tier.prepare(self.parameters_of(segment)) if self.segmented else (),
        )
        fresh = self.tier.after_event(self.prepared(after), states, self.cast(rates), memory, time)
        # Who has no event now goes on to the bit as without the neighbours' events.
        memory = jax.tree.map(lambda new, old: jnp.where(due, new, old), fresh, memory)
        if self.watcher is not None:
            looks = self.watcher.look(time, states, self.cast(rates), self.parameters_of(segment))
            seen = self.watcher.jumped(carry.seen, seen, time, looks, due)
        return after._replace(memory=memory, seen=seen)

    def one_output(self, carry: Carry, row: tuple[Array, Array]) -> tuple[Carry, Any]:
        """Apply what comes before an output, and look; a watcher begins with the first one."""
        time, before = row

        def due(carry: Carry) -> Array:
            return carry.next_event < before

        carry = lax.while_loop(lambda c: jnp.any(due(c)), lambda c: self.apply_next(c, due(c)), carry)
        if self.watcher is None:
            states, memory = self.looked_at(carry, time) if self.tier.dense else self.moved(carry, time)
        else:
            states, memory, watched = self.passed(carry, time, carry.seen.begun, output=True)
            carry = carry._replace(seen=self.watcher.begun_at(watched, time))
        seen = self.observe(time, states, self.parameters_of(carry.segment))
        for value in jax.tree.leaves(seen):
            carry = carry._replace(finite=carry.finite & jnp.isfinite(value))
        if self.tier.restarts:
            carry = carry._replace(time=jnp.broadcast_to(time, carry.time.shape), states=states, memory=memory)
        elif self.tier.dense:
            carry = carry._replace(memory=memory)
        return carry, seen


def march(
    tier: Tier,
    parameters_of: Callable[[Array], Any],
    observe: Callable[[Array, States, Any], Any],
    events: Events,
    loads: Array,
    times: Array,
    events_before: Array,
    start: Start,
    *,
    segmented: bool,
    dtype: Any,
    watcher: Watcher | None = None,
) -> tuple[Any, States, States, Array, FoundAll]:
    """Outputs at `times`, states, input rates and status at the last of them, and what outputs do between them.

    Args:
        parameters_of: segment (patient | 1) -> whatever tier.prepare and observe take as parameters.
        observe: (time, states, parameters) -> outputs, a pytree of (patient).
        loads: vectors events can add to the states (load, state, patient).
        times: of outputs, ascending, float64 (time, patient | 1).
        events_before: how many events precede each output, int32 (time, patient | 1).
        start: where patients begin.
        segmented: False: the parameters never change, and are prepared once.
        dtype: of states and outputs.
        watcher: looks on from the first output to the last.

    Returns:
        outputs (time, patient), states, input rates, status (patient): non_finite also where an output was not finite,
        and what the watcher has found by output.
    """
    clock = jnp.broadcast_shapes(start.time.shape, start.events_done.shape, events.time.shape[1:], times.shape[1:])
    segment = jnp.zeros(clock, jnp.int32)
    prepared = tier.prepare(parameters_of(segment))
    way = March(tier, parameters_of, observe, events, loads, times[-1], segmented, prepared, dtype, watcher)
    begin = jnp.broadcast_to(start.time, clock)
    carry = Carry(
        time=begin,
        states=start.states,
        rates=start.rates,
        memory=tier.begin(prepared, start.states, way.cast(start.rates), begin),
        next_event=jnp.broadcast_to(start.events_done, clock),
        segment=segment,
        prepared=prepared if segmented else (),
        finite=jnp.ones(start.states[0].shape, bool),
        seen=(),
    )
    if watcher is not None:
        seen = watcher.start(begin, start.states, way.cast(start.rates), parameters_of(segment))
        carry = carry._replace(seen=seen)
    carry, outputs = lax.scan(way.one_output, carry, (times, events_before))
    if not tier.restarts:
        states, memory = way.moved(carry, times[-1])
        carry = carry._replace(states=states, memory=memory)
    finite = jnp.where(carry.finite, codes.OK, codes.NON_FINITE).astype(jnp.int32)
    found = {} if watcher is None else carry.seen.found
    return outputs, carry.states, carry.rates, worst(tier.status(carry.memory), finite), found


def worst(*statuses: Array) -> Array:
    """The first status that is not ok."""
    result = statuses[0]
    for status in statuses[1:]:
        result = jnp.where(result == codes.OK, status, result)
    return result
