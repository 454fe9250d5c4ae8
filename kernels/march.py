"""March a block of patients through their events and outputs.

Every patient has its own sorted events and its own clock. For each output time, the events that come before it are
applied, each at its exact time; a tier (`kernels.closed`, `kernels.explicit`) carries the states from stop to stop.
Shapes: patient is the last axis; an axis of length 1 stands for "the same for every patient".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jax import Array, lax

from kernels import status as codes

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
    """Where each patient stands: the last stop, the state there, and the next event."""

    time: Array
    states: States
    rates: States
    memory: Any
    next_event: Array
    segment: Array
    prepared: Any


class Start(NamedTuple):
    """Where patients begin.

    Attributes:
        time: float64 (patient).
        states, rates: values and constant input rates of each state, in the working precision, each (patient).
        events_done: how many events have already been applied, int32 (patient).
    """

    time: Array
    states: States
    rates: States
    events_done: Array


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
) -> tuple[Any, States, States, Array]:
    """Outputs at `times`, and states, input rates and status at the last of them.

    Args:
        parameters_of: segment (patient) -> whatever tier.prepare and observe take as parameters.
        observe: (time, states, parameters) -> outputs, a pytree of (patient).
        loads: vectors events can add to the states (load, state, patient).
        times: of outputs, ascending, float64 (time, patient | 1).
        events_before: how many events precede each output, int32 (time, patient | 1).
        start: where patients begin.
        segmented: False: the parameters never change, and are prepared once.
        dtype: of states and outputs.

    Returns:
        outputs (time, patient), states, input rates, status (patient).
    """
    patients = start.time.shape
    zero = jnp.zeros(patients, jnp.int32)
    prepared = tier.prepare(parameters_of(zero))
    carry = Carry(
        time=start.time,
        states=start.states,
        rates=start.rates,
        memory=tier.begin(prepared, start.states, start.rates, start.time),
        next_event=start.events_done,
        segment=zero,
        prepared=prepared if segmented else (),
    )
    fixed = prepared

    def prepared_in(carry: Carry) -> Any:
        return carry.prepared if segmented else fixed

    def moved(carry: Carry, time: Array) -> tuple[States, Any]:
        elapsed = jnp.maximum(time - carry.time, 0.0).astype(dtype)
        return tier.advance(prepared_in(carry), carry.states, carry.rates, carry.memory, carry.time, elapsed)

    def apply_next(carry: Carry, due: Array) -> Carry:
        event = _fetch(events, carry.next_event)
        time = jnp.where(due, jnp.broadcast_to(event.time, patients), carry.time)
        states, memory = moved(carry, time)
        states, rates = _jump(event, loads, due, states, carry.rates)
        segment = jnp.where(due, event.segment, carry.segment) if segmented else carry.segment
        new = tier.prepare(parameters_of(segment)) if segmented else ()
        after = carry._replace(
            time=time,
            states=states,
            rates=rates,
            next_event=carry.next_event + due.astype(jnp.int32),
            segment=segment,
            prepared=new,
        )
        return after._replace(memory=tier.after_event(prepared_in(after), states, rates, memory, time))

    def one_output(carry: Carry, row: tuple[Array, Array]) -> tuple[Carry, Any]:
        time, before = row
        before = jnp.broadcast_to(before, patients)

        def due(carry: Carry) -> Array:
            return carry.next_event < before

        carry = lax.while_loop(lambda c: jnp.any(due(c)), lambda c: apply_next(c, due(c)), carry)
        time = jnp.broadcast_to(time, patients)
        states, memory = moved(carry, time)
        seen = observe(time, states, parameters_of(carry.segment))
        if tier.restarts:
            carry = carry._replace(time=time, states=states, memory=memory)
        return carry, seen

    carry, outputs = lax.scan(one_output, carry, (times, events_before))
    last = jnp.broadcast_to(times[-1], patients)
    states, memory = moved(carry, last)
    return outputs, states, carry.rates, tier.status(memory)


def _fetch(events: Events, index: Array) -> Events:
    """Each patient's event of that index; beyond the last one, the last."""

    def column(values: Array) -> Array:
        row = jnp.minimum(index, values.shape[0] - 1)
        if values.shape[1] == 1:
            return jnp.take(values[:, 0], row, axis=0)
        return jnp.take_along_axis(values, row[None, :], axis=0)[0]

    return jax.tree.map(column, events)


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
