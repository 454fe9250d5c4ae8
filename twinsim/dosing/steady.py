"""Steady states that records ask for, and the infusions that still run when they are reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from kernels import status as codes
from kernels.march import Tier, worst
from kernels.steady import Periodic, steady_state
from twinsim.dosing.doses import Doses, Parameters, state_index
from twinsim.dosing.raw import EARLY, SAME_TIME, Raw, event
from twinsim.models.structure import Structure
from twinsim.plan import Layout


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
    target = jnp.stack([state_index(structure, layout, plan, row) for row in layout.steady])
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


def steady_states(
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
    # NONMEM does not say where an infusion stands whose lag is longer than the interval.
    status = jnp.where(flat(ask.infused & ~ask.constant & (ask.lag > ask.interval)), codes.NO_STEADY_STATE, status)
    for number, row in enumerate(layout.steady):
        one = _Steady(*(x[number] for x in ask))
        running = jnp.zeros_like(one.rate)
        for k in range(1, layout.overlap + 1) if row in layout.infusions else ():
            end = one.lag - k * one.interval + one.duration
            on = one.infused & ~one.constant & (end > SAME_TIME)
            running = running + jnp.where(on, one.rate, 0.0)
            when = jnp.where(on, one.time + end, jnp.inf)
            events.append(event(when, EARLY, one.order, target=one.target, rate=-one.rate))
        events.append(
            event(one.time, one.order, one.order, target=one.target, reset=one.replaces, load=number, rate=running)
        )
    vectors = jnp.stack([x.reshape(shape) for x in states], axis=1)
    codes_by_record = jnp.where(ask.asked, status.reshape(shape), codes.OK).astype(jnp.int32)
    return vectors, events, worst(*codes_by_record)
