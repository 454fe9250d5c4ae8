"""Events before they are sorted, and how they are sorted: by time, then by NONMEM's rules for equal times."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array, lax

from kernels.events import Events as KernelEvents

MANY = 64  # events from which on they are gone through in a loop: written out, they would compile for minutes
SAME_TIME = 1e-9  # [h] times closer than this are one
EARLY, LATE = -1.0, 0.5  # sort keys: what comes before all records of its time; a record's own dose after its reset


class Raw(NamedTuple):
    """Unsorted events and what they are sorted by, (event, patient | 1)."""

    time: Array
    key: Array
    target: Array
    scale: Array
    add: Array
    rate: Array
    reset: Array
    load: Array
    segment: Array
    order: Array


def event(time: Array, key: Any, order: Array, **items: Any) -> Raw:
    """An event that does nothing but what is said."""
    shape = jnp.shape(time)

    def whole(name: str, default: Any, dtype: Any) -> Array:
        value = jnp.asarray(items.get(name, default), dtype)
        return jnp.broadcast_to(value, jnp.broadcast_shapes(shape, value.shape))

    return Raw(
        time=jnp.asarray(time, jnp.float64),
        key=jnp.broadcast_to(jnp.asarray(key, jnp.float64), shape),
        target=whole("target", -1, jnp.int32),
        scale=whole("scale", 1.0, jnp.float64),
        add=whole("add", 0.0, jnp.float64),
        rate=whole("rate", 0.0, jnp.float64),
        reset=whole("reset", False, jnp.bool_),
        load=whole("load", -1, jnp.int32),
        segment=whole("segment", -1, jnp.int32),
        order=jnp.broadcast_to(order, shape),
    )


def stacked(rows: list[Raw]) -> Raw:
    """Rows, or several in one, below each other; each field (event, patient | 1)."""

    def column(values: tuple) -> Array:
        width = max(v.shape[-1] for v in values)
        if all(v.ndim == 1 for v in values):
            return jnp.stack([jnp.broadcast_to(v, (width,)) for v in values])
        blocks = [v if v.ndim == 2 else v[None, :] for v in values]
        return jnp.concatenate([jnp.broadcast_to(v, (v.shape[0], width)) for v in blocks])

    return Raw(*(column(values) for values in zip(*rows, strict=True)))


def nothing() -> Raw:
    """One event that never comes."""
    row = event(jnp.full((1,), jnp.inf), 0.0, jnp.zeros((1,)))
    return stacked([row])


def with_switches(raw: Raw, switches: tuple[Array, Array, Array]) -> Raw:
    """With the events at which a patient's parameters change."""
    time, key, number = switches
    rows = [event(time[i], key[i], key[i], segment=number[i]) for i in range(time.shape[0])]
    changes = stacked(rows)

    def both(a: Array, b: Array) -> Array:
        width = max(a.shape[1], b.shape[1])
        return jnp.concatenate([jnp.broadcast_to(x, (x.shape[0], width)) for x in (a, b)])

    return Raw(*(both(a, b) for a, b in zip(raw, changes, strict=True)))


def in_order(raw: Raw, loads: Array) -> tuple[KernelEvents, Array, Array]:
    """Events by (time, key); the segment in force is carried along."""
    number = lax.broadcasted_iota(jnp.int32, raw.time.shape, 0)
    _, _, place = lax.sort((lax.stop_gradient(raw.time), raw.key, number), dimension=0, num_keys=2, is_stable=True)

    def column(values: Array) -> Array:
        if values.shape[1] > place.shape[1] == 1:
            return jnp.take(values, place[:, 0], axis=0)
        whole = jnp.broadcast_to(values, (values.shape[0], place.shape[1]))
        return jnp.take_along_axis(whole, place, axis=0)

    ordered = Raw(*(column(values) for values in raw))
    segment = lax.cummax(ordered.segment, axis=0)
    events = KernelEvents(
        time=ordered.time,
        target=ordered.target,
        scale=ordered.scale,
        add=ordered.add,
        rate=ordered.rate,
        reset=ordered.reset,
        load=ordered.load,
        segment=jnp.maximum(segment, 0),
    )
    return events, loads, ordered.key


def events_before(events: KernelEvents, keys: Array, times: Array, order: Array) -> Array:
    """How many events precede each output, int32 (time, patient | 1).

    Args:
        times: of outputs (time, patient | 1).
        order: place of each output among the records; inf: after everything of its time.
    """
    width = max(events.time.shape[1], times.shape[1])
    time = jnp.broadcast_to(times, (times.shape[0], width))
    order = jnp.broadcast_to(order, time.shape)
    count = jnp.zeros(time.shape, jnp.int32)

    def counted(when: Array, key: Array, count: Array) -> Array:
        earlier = when[None, :] < time - SAME_TIME
        together = jnp.abs(when[None, :] - time) <= SAME_TIME
        return count + (earlier | (together & (key[None, :] <= order))).astype(jnp.int32)

    if events.time.shape[0] > MANY:
        return lax.fori_loop(0, events.time.shape[0], lambda e, found: counted(events.time[e], keys[e], found), count)
    for e in range(events.time.shape[0]):
        count = counted(events.time[e], keys[e], count)
    return count
