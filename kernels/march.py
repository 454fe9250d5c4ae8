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
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from kernels import status as codes
from kernels.between import FoundAll
from kernels.dense import looked_back
from kernels.events import Events, States, fetch, jump
from kernels.stepping import SteppingTier
from kernels.tier import Tier
from kernels.watching import Watcher, ahead


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


class Stop(NamedTuple):
    """On the way to an output: where patients stand, states at the stop they came to, and whether it is the output (1).

    `states` is empty where a tier restarts: they are those of the carry.
    """

    carry: Carry
    states: States
    arrived: Array


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

    tier: Any
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

    def moved(self, carry: Carry, time: Array, *, output: bool = False) -> tuple[States, Any]:
        """States and memory at a time, without events on the way, by an exact tier."""
        rates, tier = self.cast(carry.rates), self.tier
        way = (self.prepared(carry), carry.states, rates, carry.memory, carry.time, self.elapsed(carry, time))
        return tier.reach(*way, self.limit(carry)) if output and tier.dense else tier.advance(*way)

    def limit(self, carry: Carry) -> Array:
        """How far steps may go on: to the next event or the last output."""
        coming = fetch(self.events.time, carry.next_event)
        coming = jnp.where(carry.next_event < self.events.time.shape[0], coming, jnp.inf)
        return self.elapsed(carry, jnp.where(coming < self.last, coming, self.last))

    def evaluated(self, carry: Carry, time: Array, counts: Any, *, output: bool) -> tuple[States, Any, Any]:
        """States and memory at a time by an exact tier, and what the watcher has seen by then where that counts."""
        states, memory = self.moved(carry, time, output=output)
        if self.watcher is None:
            return states, memory, carry.seen
        rates, parameters = self.cast(carry.rates), self.parameters_of(carry.segment)
        way = (carry.seen, time, states, rates, parameters, lambda t: self.moved(carry, t)[0], counts)
        return states, memory, self.watcher.passed(*way)

    def stepped(self, carry: Carry, time: Array, limit: Array, counts: Any) -> tuple[States, Any, Any]:
        """The same by steps, which go no further than `limit`."""
        rates, tier, seen = self.cast(carry.rates), self.tier, carry.seen
        way = (self.prepared(carry), carry.states, rates, carry.memory, carry.time, self.elapsed(carry, time), limit)
        if self.watcher is None:
            return *tier.reach(*way), seen
        along = self.watcher.along(rates, self.parameters_of(carry.segment), counts)
        states, memory, looks, found = tier.reach_along(*way, along=along, looks=seen.looks, found=seen.found)
        return states, memory, seen._replace(looks=looks, found=found)

    def elapsed(self, carry: Carry, time: Array) -> Array:
        """Time since the last stop, in the working precision."""
        return ahead(carry.time, time, self.dtype)

    def cast(self, rates: States) -> States:
        """Input rates as the tier takes them."""
        return tuple(rate.astype(self.dtype) for rate in rates)

    def begun(self, carry: Carry) -> Array:
        """Whether the first output has passed, before which a watcher counts nothing (1)."""
        return jnp.ones((1,), bool) if self.watcher is None else carry.seen.begun

    def happened(self, carry: Carry, event: Events, due: Array, time: Array, there: tuple[States, Any, Any]) -> Carry:
        """After an event where it is due, from states, memory and what was seen there."""
        states, memory, seen = there
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

    def arrived(self, carry: Carry, time: Array, there: tuple[States, Any, Any]) -> Carry:
        """At an output; a watcher begins with the first one."""
        states, memory, seen = there
        if self.watcher is not None:
            carry = carry._replace(seen=self.watcher.begun_at(seen, time))
        if self.tier.restarts:
            return carry._replace(time=jnp.broadcast_to(time, carry.time.shape), states=states, memory=memory)
        return carry._replace(memory=memory) if self.tier.dense else carry

    def evaluated_at(self, carry: Carry, time: Array, before: Array) -> tuple[Carry, States]:
        """Events before an output, then the output, by an exact tier."""

        def due(carry: Carry) -> Array:
            return carry.next_event < before

        def apply_next(carry: Carry) -> Carry:
            event, now = fetch(self.events, carry.next_event), due(carry)
            there = jnp.where(now, event.time, carry.time)
            passed = self.evaluated(carry, there, now & self.begun(carry), output=False)
            return self.happened(carry, event, now, there, passed)

        carry = lax.while_loop(lambda c: jnp.any(due(c)), apply_next, carry)
        there = self.evaluated(carry, time, self.begun(carry), output=True)
        return self.arrived(carry, time, there), there[0]

    def stepped_to(self, carry: Carry, time: Array, before: Array) -> tuple[Carry, States]:
        """The same by steps: one loop, so that a step is compiled once, whatever it leads to."""

        def one(stop: Stop) -> Stop:
            carry = stop.carry
            due, event = carry.next_event < before, fetch(self.events, carry.next_event)
            some, begun = jnp.any(due), jnp.broadcast_to(self.begun(carry), due.shape)

            def towards_event() -> tuple[Array, Array, Array]:
                there = jnp.where(due, event.time, carry.time)
                return there, self.elapsed(carry, there), due & begun

            def towards_output() -> tuple[Array, Array, Array]:
                there = jnp.broadcast_to(time, carry.time.shape)
                elapsed = self.elapsed(carry, there)
                # Nothing is seen of a step across the first output, so that one lands.
                return there, jnp.where(begun, self.limit(carry), elapsed) if self.tier.dense else elapsed, begun

            there, limit, counts = lax.cond(some, towards_event, towards_output)
            passed = self.stepped(carry, there, limit, counts)
            states = () if self.tier.restarts else passed[0]
            return lax.cond(
                some,
                lambda: Stop(self.happened(carry, event, due, there, passed), states, jnp.zeros((1,), bool)),
                lambda: Stop(self.arrived(carry, time, passed), states, jnp.ones((1,), bool)),
            )

        first = Stop(carry, () if self.tier.restarts else carry.states, jnp.zeros((1,), bool))
        stop = lax.while_loop(lambda s: ~jnp.any(s.arrived), one, first)
        return stop.carry, stop.carry.states if self.tier.restarts else stop.states

    def one_output(self, carry: Carry, row: tuple[Array, Array]) -> tuple[Carry, Any]:
        """Apply what comes before an output, and look."""
        time, before = row
        go = self.stepped_to if isinstance(self.tier, SteppingTier) else self.evaluated_at
        carry, states = go(carry, time, before)
        seen = self.observe(time, states, self.parameters_of(carry.segment))
        for value in jax.tree.leaves(seen):
            carry = carry._replace(finite=carry.finite & jnp.isfinite(value))
        return carry, seen

    def ended(self, carry: Carry) -> Carry:
        """With states and memory at the last output."""
        if self.tier.restarts:
            return carry
        if isinstance(self.tier, SteppingTier):
            # Steps have gone as far already.
            elapsed = self.elapsed(carry, self.last)
            return carry._replace(states=looked_back(carry.memory.ahead, carry.states, elapsed))
        states, memory = self.moved(carry, self.last)
        return carry._replace(states=states, memory=memory)


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
    carry = way.ended(carry)
    finite = jnp.where(carry.finite, codes.OK, codes.NON_FINITE).astype(jnp.int32)
    found = {} if watcher is None else carry.seen.found
    return outputs, carry.states, carry.rates, worst(tier.status(carry.memory), finite), found


def worst(*statuses: Array) -> Array:
    """The first status that is not ok."""
    result = statuses[0]
    for status in statuses[1:]:
        result = jnp.where(result == codes.OK, status, result)
    return result
