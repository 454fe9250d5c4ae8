"""From planned doses and individual parameters to the kernels' events: NONMEM's rules for lag, F, rate, duration, SS.

    arrives    at t + lag                       amount F * AMT
    RATE > 0   infusion of F * AMT / RATE       RATE = -1: rate R of the route;  RATE = -2: duration D, rate F * AMT / D
    SS = 1     a reset, then the steady state at phase II - lag;  SS = 2: that state is added
    EVID 3, 4  end what runs and cancel what is still to come of earlier records

At equal times: additional and lagged doses and ends of infusions come before records, records in their order.
Source: NONMEM 7 help (AMT RATE ADDL II SS EVID ALAG F); checked against NONMEM's own output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array, lax

from kernels import status as codes
from kernels.march import Events as KernelEvents
from kernels.march import Tier, worst
from kernels.steady import Periodic, steady_state
from twinsim.events import MODELLED_DURATION, MODELLED_RATE, RATE, RESET, SCALE, SET
from twinsim.models.structure import Route, Structure
from twinsim.plan import Layout

SAME_TIME = 1e-9  # [h] times closer than this are one
_EARLY, _LATE = -1.0, 0.5

Parameters = Callable[[Array], Mapping[str, Array]]


class Doses(NamedTuple):
    """What each planned dose means for each patient, arrays (row, patient | 1).

    Attributes:
        start: when it arrives [h].
        lag: [h].
        amount: that arrives; 0 for an infusion with a rate only.
        infused: True for infusions.
        rate, duration: of the infusion.
    """

    start: Array
    lag: Array
    amount: Array
    infused: Array
    rate: Array
    duration: Array


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


def dose_events(
    structure: Structure,
    layout: Layout,
    plan: Mapping[str, Array],
    parameters: Parameters,
    covariates: Mapping[str, Array],
    tier: Tier,
    linear: bool,
    patients: int,
    switches: tuple[Array, Array, Array] | None = None,
) -> tuple[KernelEvents, Array, Array, Array]:
    """Sorted events of a block of patients.

    Args:
        layout, plan: see `twinsim.plan`.
        parameters: segment (row, patient) -> parameters by name.
        covariates: weight and bsa for amounts per kg or m2.
        tier: in float64, for steady states.
        switches: time, key and number of each parameter segment (segment, patient), if there are several.

    Returns:
        events, loads (load, state, patient), sort keys (event, patient | 1), status (patient).
    """
    rows: list[Raw] = []
    status, vectors = jnp.zeros((patients,), jnp.int32), jnp.zeros((0, len(structure.states), 1))
    doses = _doses(layout, plan, parameters, covariates)
    wipes = _wipes(layout, plan)
    rows += _resets(layout, plan)
    rows += _plain(structure, layout, plan)
    if layout.steady:
        vectors, loading, status = _steady(structure, layout, plan, doses, parameters, tier, linear, patients)
        rows += loading
    rows += _arrivals(structure, layout, plan, doses)
    raw = _stacked(rows) if rows else _nothing()
    raw = raw._replace(time=_cancelled(raw, wipes))
    if switches is not None:
        raw = _with_switches(raw, switches)
    return (*_sorted(raw, vectors), status)


def _per_route(layout: Layout, plan: Mapping[str, Array], value: Callable[[Route], Array | float]) -> Array | float:
    """The value of each row's own route, (row, patient | 1)."""
    values = [value(route) for route in layout.routes]
    result = values[0]
    for number, other in enumerate(values[1:], 1):
        result = jnp.where(plan["target"] == number, other, result)
    return result


def _doses(layout: Layout, plan: Mapping[str, Array], parameters: Parameters, covariates: Mapping[str, Array]) -> Doses:
    p = parameters(plan["segment"])

    def named(attribute: str, default: float) -> Array | float:
        def value(route: Route) -> Array | float:
            name = getattr(route, attribute)
            return default if name is None else p[name]

        return _per_route(layout, plan, value)

    given = plan["value"]
    for number, covariate in ((1, "weight"), (2, "bsa")):
        if covariate in covariates:
            given = jnp.where(plan["per"] == number, given * covariates[covariate][None, :], given)
    lag, bioavailable = named("lag", 0.0), named("f", 1.0)
    amount = given * bioavailable
    by_route = _per_route(layout, plan, lambda route: {"rate": -1.0, "duration": -2.0}.get(route.infusion or "", 0.0))
    has_rate, has_duration = ~jnp.isnan(plan["rate"]), ~jnp.isnan(plan["duration"])
    code = jnp.where(has_rate, plan["rate"], jnp.where(has_duration, 0.0, by_route))
    infused = has_rate | has_duration | (code < 0.0)
    rate = jnp.where(code == MODELLED_RATE, named("rate", jnp.nan), code)
    duration = jnp.where(code == MODELLED_DURATION, named("duration", jnp.nan), plan["duration"])
    timed = has_duration | (code == MODELLED_DURATION)
    safe_duration = jnp.where(timed, duration, 1.0)
    rate = jnp.where(timed, amount / safe_duration, rate)
    safe_rate = jnp.where(infused & ~timed, rate, 1.0)
    duration = jnp.where(timed, duration, amount / safe_rate)
    return Doses(
        start=plan["time"] + lag,
        lag=jnp.broadcast_to(jnp.asarray(lag), jnp.broadcast_shapes(jnp.shape(lag), plan["time"].shape)),
        amount=amount,
        infused=infused & (plan["kind"] <= RATE),
        rate=jnp.where(infused, rate, 0.0),
        duration=jnp.where(infused, duration, 0.0),
    )


def _state_index(structure: Structure, layout: Layout, plan: Mapping[str, Array], row: int) -> Array:
    """Index of the state a row's target is, (patient | 1)."""
    indices = [structure.state_names.index(route.to) for route in layout.routes]
    result = jnp.full(plan["target"][row].shape, indices[0], jnp.int32)
    for number, index in enumerate(indices):
        result = jnp.where(plan["target"][row] == number, index, result).astype(jnp.int32)
    return result


def _event(time: Array, key: Any, order: Array, **items: Any) -> Raw:
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


def _wipes(layout: Layout, plan: Mapping[str, Array]) -> list[tuple[Array, Array]]:
    """Time and order of everything that cancels earlier records: resets, and steady states that replace."""
    resets = [
        (jnp.where(plan["kind"][row] == RESET, plan["time"][row], jnp.inf), plan["order"][row]) for row in layout.resets
    ]
    for row in layout.steady:
        replaces = plan["steady"][row] == 1
        resets.append((jnp.where(replaces, plan["time"][row], jnp.inf), plan["order"][row]))
    return resets


def _cancelled(raw: Raw, wipes: list[tuple[Array, Array]]) -> Array:
    """Times, inf for events of records that a later wipe record overtakes."""
    time = raw.time
    for wiped_at, order in wipes:
        gone = (raw.order < order) & (wiped_at <= raw.time + SAME_TIME) & jnp.isfinite(wiped_at)
        time = jnp.where(gone, jnp.inf, time)
    return time


def _resets(layout: Layout, plan: Mapping[str, Array]) -> list[Raw]:
    return [
        _event(
            jnp.where(plan["kind"][row] == RESET, plan["time"][row], jnp.inf),
            plan["order"][row],
            plan["order"][row],
            reset=True,
        )
        for row in layout.resets
    ]


def _plain(structure: Structure, layout: Layout, plan: Mapping[str, Array]) -> list[Raw]:
    """Rows that set or scale a state."""
    events = []
    for row in layout.other:
        kind, value = plan["kind"][row], plan["value"][row]
        acts = (kind == SET) | (kind == SCALE)
        events.append(
            _event(
                jnp.where(acts, plan["time"][row], jnp.inf),
                plan["order"][row],
                plan["order"][row],
                target=_state_index(structure, layout, plan, row),
                scale=jnp.where(kind == SET, 0.0, value),
                add=jnp.where(kind == SET, value, 0.0),
            )
        )
    return events


def _arrivals(structure: Structure, layout: Layout, plan: Mapping[str, Array], doses: Doses) -> list[Raw]:
    """Each dose's arrival, and the end of each infusion."""
    events = []
    for row in layout.doses:
        order, target = plan["order"][row], _state_index(structure, layout, plan, row)
        dose = plan["kind"][row] <= RATE
        constant = doses.infused[row] & (doses.duration[row] <= 0.0)  # a constant infusion ended by its own record
        start = jnp.where(dose & ~constant, doses.start[row], jnp.inf)
        derived = (plan["derived"][row] > 0.0) | (doses.lag[row] > 0.0)
        key = jnp.where(derived, _EARLY, order + _LATE)
        infused = doses.infused[row]
        bolus = jnp.where(infused, 0.0, doses.amount[row])
        events.append(
            _event(start, key, order, target=target, add=bolus, rate=jnp.where(infused, doses.rate[row], 0.0))
        )
        if row in layout.infusions:
            end = jnp.where(infused, start + doses.duration[row], jnp.inf)
            events.append(_event(end, _EARLY, order, target=target, rate=-doses.rate[row]))
    return events


class _Steady(NamedTuple):
    """The records that ask for a steady state, each (record, patient)."""

    time: Array
    order: Array
    target: Array
    asked: Array
    replaces: Array
    infused: Array
    constant: Array
    bolus: Array
    rate: Array
    duration: Array
    interval: Array
    lag: Array


def _steady_records(
    structure: Structure, layout: Layout, plan: Mapping[str, Array], doses: Doses, patients: int
) -> _Steady:
    rows = jnp.asarray(layout.steady)

    def whole(x: Array) -> Array:
        return jnp.broadcast_to(x[rows], (len(layout.steady), patients))

    asked = whole(plan["steady"]) > 0
    infused = asked & whole(doses.infused)
    constant = infused & (whole(plan["value"]) == 0.0)
    interval = jnp.where(asked & ~constant, whole(plan["interval"]), 24.0)
    target = jnp.stack([_state_index(structure, layout, plan, row) for row in layout.steady])
    return _Steady(
        time=jnp.where(asked, whole(plan["time"]), jnp.inf),
        order=whole(plan["order"]),
        target=jnp.broadcast_to(target, asked.shape),
        asked=asked,
        replaces=whole(plan["steady"]) == 1,
        infused=infused,
        constant=constant,
        bolus=jnp.where(asked & ~infused, whole(doses.amount), 0.0),
        rate=jnp.where(infused, whole(doses.rate), 0.0),
        duration=jnp.where(constant, interval, jnp.where(infused, whole(doses.duration), 0.0)),
        interval=interval,
        lag=jnp.where(constant, 0.0, whole(doses.lag)),
    )


def _steady(
    structure: Structure,
    layout: Layout,
    plan: Mapping[str, Array],
    doses: Doses,
    parameters: Parameters,
    tier: Tier,
    linear: bool,
    patients: int,
) -> tuple[Array, list[Raw], Array]:
    """The steady states that records ask for (record, state, patient), what goes with them, and a status."""
    ask = _steady_records(structure, layout, plan, doses, patients)
    shape, indices = ask.time.shape, range(len(structure.states))

    def flat(x: Array) -> Array:
        return x.reshape(-1)

    periodic = Periodic(
        bolus=tuple(flat(jnp.where(ask.target == i, ask.bolus, 0.0)) for i in indices),
        rate=tuple(flat(jnp.where(ask.target == i, ask.rate, 0.0)) for i in indices),
        duration=flat(ask.duration),
        interval=flat(ask.interval),
        phase=flat(jnp.clip(ask.interval - ask.lag, 0.0, ask.interval)),
    )
    segment = plan["segment"][jnp.asarray(layout.steady)]
    own = {
        name: flat(jnp.broadcast_to(value, shape))
        for name, value in parameters(jnp.broadcast_to(segment, shape)).items()
    }
    states, status = steady_state(tier, tier.prepare(own), periodic, linear=linear)
    events = []
    room = ask.duration + ask.lag <= (layout.overlap + 1) * ask.interval
    status = jnp.where(flat(ask.infused & ~ask.constant & ~room), codes.TOO_MANY_EVENTS, status)
    for number, row in enumerate(layout.steady):
        one = _Steady(*(x[number] for x in ask))
        running = jnp.zeros_like(one.rate)
        for k in range(1, layout.overlap + 1) if row in layout.infusions else ():
            end = one.lag - k * one.interval + one.duration
            on = one.infused & ~one.constant & (end > SAME_TIME)
            running = running + jnp.where(on, one.rate, 0.0)
            when = jnp.where(on, one.time + end, jnp.inf)
            events.append(_event(when, _EARLY, one.order, target=one.target, rate=-one.rate))
        events.append(
            _event(one.time, one.order, one.order, target=one.target, reset=one.replaces, load=number, rate=running)
        )
    vectors = jnp.stack([x.reshape(shape) for x in states], axis=1)
    codes_by_record = jnp.where(ask.asked, status.reshape(shape), codes.OK).astype(jnp.int32)
    return vectors, events, worst(*codes_by_record)


def _stacked(rows: list[Raw]) -> Raw:
    """Rows below each other; each field (event, patient | 1)."""

    def column(values: tuple) -> Array:
        width = max(v.shape[-1] for v in values)
        return jnp.stack([jnp.broadcast_to(v, (width,)) for v in values])

    return Raw(*(column(values) for values in zip(*rows, strict=True)))


def _nothing() -> Raw:
    """One event that never comes."""
    row = _event(jnp.full((1,), jnp.inf), 0.0, jnp.zeros((1,)))
    return _stacked([row])


def _with_switches(raw: Raw, switches: tuple[Array, Array, Array]) -> Raw:
    """With the events at which a patient's parameters change."""
    time, key, number = switches
    rows = [_event(time[i], key[i], key[i], segment=number[i]) for i in range(time.shape[0])]
    changes = _stacked(rows)

    def both(a: Array, b: Array) -> Array:
        width = max(a.shape[1], b.shape[1])
        return jnp.concatenate([jnp.broadcast_to(x, (x.shape[0], width)) for x in (a, b)])

    return Raw(*(both(a, b) for a, b in zip(raw, changes, strict=True)))


def _sorted(raw: Raw, loads: Array) -> tuple[KernelEvents, Array, Array]:
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
    for e in range(events.time.shape[0]):
        when, key = events.time[e][None, :], keys[e][None, :]
        earlier = when < time - SAME_TIME
        together = jnp.abs(when - time) <= SAME_TIME
        count = count + (earlier | (together & (key <= order))).astype(jnp.int32)
    return count
