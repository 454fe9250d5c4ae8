"""March a block of patients through their events and outputs.

Every patient has its own sorted events and its own clock. A tier (`kernels.closed`, `kernels.explicit`) carries the
states from stop to stop; each event is a stop at its exact time. A stepping tier stops at every output too; an exact
one looks at an output from the last event before it, so that rounding does not add up.
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
from kernels.stepping import SteppingTier
from kernels.watching import Watcher, ahead

States = tuple[Array, ...]


class Events(NamedTuple):
    """Sorted events; padding has time inf.

    Attributes:
        time: when, counted as the outputs are, float64 (event, patient | 1).
        target: state it acts on, -1 for none, int32 (event, patient | 1).
        scale, add: x[target] becomes x[target] * scale + add (event, patient | 1).
        rate: added to the constant input rate of the target (event, patient | 1).
        reset: all states and input rates become 0 before anything else, bool (event, patient | 1).
        load: row of `loads` that is added to the states, -1 for none, int32 (event, patient | 1).
        segment: parameter segment from here on, int32 (event, patient | 1).
    """

    time: Array
    target: Array
    scale: Array
    add: Array
    rate: Array
    reset: Array
    load: Array
    segment: Array


class Tier(Protocol):
    """What carries the states from one stop to the next.

    Attributes:
        restarts: True if outputs are stops too (stepping methods); False if outputs are evaluated from the last
            event, so that rounding does not add up.
    """

    restarts: bool

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
    """Where each patient stands: the last stop, the state there, and the next event.

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
    segmented: bool
    fixed: Any
    dtype: Any
    watcher: Watcher | None

    def prepared(self, carry: Carry) -> Any:
        """What the tier prepared for the parameters in force."""
        return carry.prepared if self.segmented else self.fixed

    def moved(self, carry: Carry, time: Array) -> tuple[States, Any]:
        """States and memory at a time, without events on the way."""
        elapsed = ahead(carry.time, time, self.dtype)
        rates = self.cast(carry.rates)
        return self.tier.advance(self.prepared(carry), carry.states, rates, carry.memory, carry.time, elapsed)

    def passed(self, carry: Carry, time: Array, counts: Array) -> tuple[States, Any, Any]:
        """States and memory at a time, and what a watcher has seen by then where that counts."""
        watcher, seen = self.watcher, carry.seen
        if watcher is None:
            return *self.moved(carry, time), seen
        rates, parameters = self.cast(carry.rates), self.parameters_of(carry.segment)
        if isinstance(self.tier, SteppingTier):
            along, elapsed = watcher.along(rates, parameters, counts), ahead(carry.time, time, self.dtype)
            states, memory, looks, found = self.tier.advance_along(
                self.prepared(carry), carry.states, rates, carry.memory, carry.time, elapsed,
                along=along, looks=seen.looks, found=seen.found,
            )  # fmt: skip
            return states, memory, seen._replace(looks=looks, found=found)
        states, memory = self.moved(carry, time)
        move = lambda t: self.moved(carry, t)[0]  # noqa: E731
        return states, memory, watcher.passed(seen, time, states, rates, parameters, move, counts)

    def cast(self, rates: States) -> States:
        """Input rates as the tier takes them."""
        return tuple(rate.astype(self.dtype) for rate in rates)

    def apply_next(self, carry: Carry, due: Array, counts: Array) -> Carry:
        """Go to the next event where it is due, and let it happen."""
        event = _fetch(self.events, carry.next_event)
        time = jnp.where(due, event.time, carry.time)
        states, memory, seen = self.passed(carry, time, due & counts)
        states, rates = _jump(event, self.loads, due, states, carry.rates)
        segment = jnp.where(due, event.segment, carry.segment) if self.segmented else carry.segment
        after = carry._replace(
            time=time,
            states=states,
            rates=rates,
            next_event=carry.next_event + due.astype(jnp.int32),
            segment=segment,
            prepared=self.tier.prepare(self.parameters_of(segment)) if self.segmented else (),
        )
        memory = self.tier.after_event(self.prepared(after), states, self.cast(rates), memory, time)
        if self.watcher is not None:
            looks = self.watcher.look(time, states, self.cast(rates), self.parameters_of(segment))
            seen = self.watcher.jumped(carry.seen, seen, time, looks, due)
        return after._replace(memory=memory, seen=seen)

    def one_output(self, carry: Carry, row: tuple[Array, Array, Array]) -> tuple[Carry, Any]:
        """Apply what comes before an output, and look; a watcher begins with the first one."""
        time, before, later = row

        def due(carry: Carry) -> Array:
            return carry.next_event < before

        carry = lax.while_loop(lambda c: jnp.any(due(c)), lambda c: self.apply_next(c, due(c), later), carry)
        states, memory, watched = self.passed(carry, time, later)
        if self.watcher is not None:
            watched = self.watcher.begun(watched, time, ~later)
        carry = carry._replace(seen=watched)
        seen = self.observe(time, states, self.parameters_of(carry.segment))
        if self.tier.restarts:
            carry = carry._replace(time=jnp.broadcast_to(time, carry.time.shape), states=states, memory=memory)
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
        outputs (time, patient), states, input rates, status (patient), and what the watcher has found by output.
    """
    clock = jnp.broadcast_shapes(start.time.shape, start.events_done.shape, events.time.shape[1:], times.shape[1:])
    segment = jnp.zeros(clock, jnp.int32)
    prepared = tier.prepare(parameters_of(segment))
    way = March(tier, parameters_of, observe, events, loads, segmented, prepared, dtype, watcher)
    begin = jnp.broadcast_to(start.time, clock)
    carry = Carry(
        time=begin,
        states=start.states,
        rates=start.rates,
        memory=tier.begin(prepared, start.states, way.cast(start.rates), begin),
        next_event=jnp.broadcast_to(start.events_done, clock),
        segment=segment,
        prepared=prepared if segmented else (),
        seen=(),
    )
    if watcher is not None:
        seen = watcher.start(begin, start.states, way.cast(start.rates), parameters_of(segment))
        carry = carry._replace(seen=seen)
    later = jnp.arange(times.shape[0])[:, None] > 0
    carry, outputs = lax.scan(way.one_output, carry, (times, events_before, later))
    if not tier.restarts:
        states, memory = way.moved(carry, times[-1])
        carry = carry._replace(states=states, memory=memory)
    found = {} if watcher is None else carry.seen.found
    return outputs, carry.states, carry.rates, tier.status(carry.memory), found


def _fetch(events: Events, index: Array) -> Events:
    """Each patient's event of that index; beyond the last one, the last."""

    def column(values: Array) -> Array:
        row = jnp.minimum(index, values.shape[0] - 1)
        if values.shape[1] == 1 and row.shape[0] == 1:
            return lax.dynamic_index_in_dim(values, row[0], 0, keepdims=False)
        wide = jnp.broadcast_to(values, (values.shape[0], row.shape[0]))
        return jax.vmap(_entry, in_axes=(1, 0))(wide, row)

    return jax.tree.map(column, events)


def _entry(column: Array, row: Array) -> Array:
    return lax.dynamic_index_in_dim(column, row, 0, keepdims=False)


def _jump(event: Events, loads: Array, due: Array, states: States, rates: States) -> tuple[States, States]:
    """States and input rates after the event, where it is due."""
    wiped = due & event.reset
    new_states, new_rates = [], []
    for i, (x, r) in enumerate(zip(states, rates, strict=True)):
        hit = due & (event.target == i)
        x = jnp.where(wiped, 0.0, x)
        r = jnp.where(wiped, 0.0, r)
        x = jnp.where(hit, x * event.scale.astype(x.dtype) + event.add.astype(x.dtype), x)
        r = jnp.where(hit, r + event.rate.astype(r.dtype), r)
        for k in range(loads.shape[0]):
            x = jnp.where(due & (event.load == k), x + loads[k, i].astype(x.dtype), x)
        new_states.append(x)
        new_rates.append(r)
    return tuple(new_states), tuple(new_rates)


def worst(*statuses: Array) -> Array:
    """The first status that is not ok."""
    result = statuses[0]
    for status in statuses[1:]:
        result = jnp.where(result == codes.OK, status, result)
    return result
