"""From planned doses and individual parameters to the kernels' events: NONMEM's rules for lag, F, rate, duration, SS.

    arrives    at t + lag                       amount F * AMT
    RATE > 0   infusion of F * AMT / RATE       RATE = -1: rate R of the route;  RATE = -2: duration D, rate F * AMT / D
    SS = 1     a reset, then the steady state at phase II - lag;  SS = 2: that state is added
    EVID 3, 4  end what runs, cancel what is still to come of earlier records, and begin anew: states as at the start

At equal times: additional and lagged doses and ends of infusions come before records, records in their order.
Source: NONMEM 7 help (AMT RATE ADDL II SS EVID ALAG F); checked against NONMEM's own output.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from kernels.events import Events as KernelEvents
from kernels.march import Tier
from twinsim.dosing.doses import Doses, Parameters, planned_doses, state_index
from twinsim.dosing.raw import (
    EARLY,
    LATE,
    MANY,
    SAME_TIME,
    Raw,
    event,
    events_before,
    in_order,
    nothing,
    stacked,
    with_switches,
)
from twinsim.dosing.steady import steady_states
from twinsim.events import RATE, RESET, SCALE, SET
from twinsim.models.structure import Structure
from twinsim.plan import Layout

__all__ = ["dose_events", "events_before"]


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
    doses = planned_doses(layout, plan, parameters, covariates)
    wipes = _wipes(layout, plan)
    rows += _resets(structure, layout, plan)
    rows += _plain(structure, layout, plan)
    if layout.steady:
        vectors, loading, status = steady_states(structure, layout, plan, doses, parameters, tier, linear, patients)
        rows += loading
    rows += _arrivals(structure, layout, plan, doses)
    if layout.resets and structure.start is not None:
        vectors = jnp.concatenate(
            [_widened(vectors, patients), _beginnings(structure, layout, plan, parameters, patients)]
        )
    raw = stacked(rows) if rows else nothing()
    raw = raw._replace(time=_cancelled(raw, wipes))
    if switches is not None:
        raw = with_switches(raw, switches)
    return (*in_order(raw, vectors), status)


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
        gone = (
            (raw.order < order[None, :]) & (wiped_at[None, :] <= raw.time + SAME_TIME) & jnp.isfinite(wiped_at)[None, :]
        )
        time = jnp.where(gone, jnp.inf, time)
    return time


def _resets(structure: Structure, layout: Layout, plan: Mapping[str, Array]) -> list[Raw]:
    """Rows that end everything; their loads stand behind those of the steady states."""
    first = len(layout.steady)
    return [
        event(
            jnp.where(plan["kind"][row] == RESET, plan["time"][row], jnp.inf),
            plan["order"][row],
            plan["order"][row],
            reset=True,
            load=-1 if structure.start is None else first + number,
        )
        for number, row in enumerate(layout.resets)
    ]


def _beginnings(
    structure: Structure, layout: Layout, plan: Mapping[str, Array], parameters: Parameters, patients: int
) -> Array:
    """The states a reset begins anew with (reset, state, patient)."""
    rows = jnp.asarray(layout.resets)
    inputs = {port.name: jnp.float64(port.default) for port in structure.needs if port.default is not None}
    begin = structure.initial(parameters(plan["segment"][rows]), inputs)
    shape = (len(layout.resets), patients)
    return jnp.stack([jnp.broadcast_to(jnp.asarray(begin[name]), shape) for name in structure.state_names], axis=1)


def _widened(vectors: Array, patients: int) -> Array:
    return jnp.broadcast_to(vectors, (*vectors.shape[:2], patients))


def _plain(structure: Structure, layout: Layout, plan: Mapping[str, Array]) -> list[Raw]:
    """Rows that set or scale a state."""
    events = []
    for row in _together(layout.other):
        kind, value = plan["kind"][row], plan["value"][row]
        acts = (kind == SET) | (kind == SCALE)
        events.append(
            event(
                jnp.where(acts, plan["time"][row], jnp.inf),
                plan["order"][row],
                plan["order"][row],
                target=state_index(structure, layout, plan, row),
                scale=jnp.where(kind == SET, 0.0, value),
                add=jnp.where(kind == SET, value, 0.0),
            )
        )
    return events


def _together(rows: tuple[int, ...]) -> tuple[Any, ...]:
    """Each row alone, or all at once where they are many."""
    return rows if len(rows) <= MANY else (np.asarray(rows),)


def _arrivals(structure: Structure, layout: Layout, plan: Mapping[str, Array], doses: Doses) -> list[Raw]:
    """Each dose's arrival, and the end of each infusion."""
    events = []
    for row in layout.doses if layout.infusions else _together(layout.doses):
        order, target = plan["order"][row], state_index(structure, layout, plan, row)
        dose = plan["kind"][row] <= RATE
        constant = doses.infused[row] & (doses.duration[row] <= 0.0)  # a constant infusion ended by its own record
        start = jnp.where(dose & ~constant, doses.start[row], jnp.inf)
        derived = (plan["derived"][row] > 0.0) | (doses.lag[row] > 0.0)
        key = jnp.where(derived, EARLY, order + LATE)
        infused = doses.infused[row]
        bolus = jnp.where(infused, 0.0, doses.amount[row])
        events.append(event(start, key, order, target=target, add=bolus, rate=jnp.where(infused, doses.rate[row], 0.0)))
        if layout.infusions and row in layout.infusions:
            end = jnp.where(infused, start + doses.duration[row], jnp.inf)
            events.append(event(end, EARLY, order, target=target, rate=-doses.rate[row]))
    return events
