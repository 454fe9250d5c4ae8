"""Reverse mode: the steps of a march recorded, then replayed as a scan of known length.

An adaptive walk cannot be run backward, for nobody knows beforehand how many steps it takes. `record` walks once with
live step control and writes down every step, event and output of a patient in one row each; `replay` walks the same
way again, and JAX differentiates that in either mode, or in both for second derivatives:

    length of a step = the recorded number, or what remains to the stop, or half of it

so that derivatives flow through the times of doses as they do in `kernels.march`, and are those of the numbers
computed. Rows of which a patient has no use are identities. The replay keeps one place in about sqrt(rows), and finds
the others again on the way back.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from kernels import status as codes
from kernels.events import Events, States, fetch, jump
from kernels.march import Start
from kernels.stepping import Memory, SteppingTier, Walk, Way

# What a row says where it is not simply a step's length.
NOTHING, HALF, LANDING = 0.0, -1.0, math.inf


class Recording(NamedTuple):
    """What a patient did.

    Attributes:
        rows: one of LANDING (an event or an output is reached), HALF (of what remained), a step's length, or NOTHING
            (row, patient).
        status: of `kernels.status`, int32 (patient).
    """

    rows: Array
    status: Array


class Place(NamedTuple):
    """Where each patient stands, each (patient).

    Attributes:
        time: of the last stop, float64; walked: since then.
        row: number of the next output.
        memory: of the step control; None in a replay.
    """

    time: Array
    walked: Array
    states: States
    slope: States
    rates: States
    next_event: Array
    row: Array
    segment: Array
    memory: Memory | None


class Ahead(NamedTuple):
    """The next stop of each patient, (patient): an event that is due, or else an output."""

    event: Events
    due: Array
    time: Array
    elapsed: Array


class Track(NamedTuple):
    """What stays the same on the way; see `kernels.march.march`."""

    tier: SteppingTier
    parameters_of: Callable[[Array], Any]
    events: Events
    loads: Array
    times: Array
    events_before: Array

    def begin(self, start: Start) -> Place:
        """Everyone at the start."""
        patients = start.states[0].shape
        zeros = jnp.zeros(patients, jnp.int32)
        place = Place(
            time=jnp.broadcast_to(start.time, patients),
            walked=jnp.zeros(patients, self.tier.dtype),
            states=start.states,
            slope=(),
            rates=start.rates,
            next_event=zeros + start.events_done,
            row=zeros,
            segment=zeros,
            memory=None,
        )
        return place._replace(slope=self.slope(place))

    def slope(self, place: Place) -> States:
        """The derivative at a stop, where the method starts from it."""
        if not self.tier.keeps_slope:
            return ()
        time, rates = place.time.astype(self.tier.dtype), self.cast(place.rates)
        return self.tier.slope(time, place.states, rates, self.parameters_of(place.segment))

    def cast(self, rates: States) -> States:
        """Input rates as the tier takes them."""
        return tuple(rate.astype(self.tier.dtype) for rate in rates)

    def arrived(self, place: Place) -> Array:
        """Whether a patient has seen all its outputs."""
        return place.row >= self.times.shape[0]

    def ahead(self, place: Place) -> Ahead:
        """The next stop; of those that have arrived, where they are."""
        event = fetch(self.events, place.next_event)
        output, before = fetch((self.times, self.events_before), place.row)
        done = self.arrived(place)
        due = ~done & (place.next_event < before)
        time = jnp.where(done, place.time, jnp.where(due, event.time, output))
        ahead = time - place.time
        return Ahead(event, due, time, jnp.where(ahead < 0.0, 0.0, ahead).astype(self.tier.dtype))

    def way(self, place: Place, ahead: Ahead) -> Way:
        """The way to the next stop as the tier takes it."""
        peak = place.states if place.memory is None else place.memory.peak
        prepared = self.parameters_of(place.segment)
        return self.tier.way(prepared, self.cast(place.rates), peak, place.time, ahead.elapsed, ahead.elapsed)

    def landed(self, place: Place, ahead: Ahead, lands: Array) -> Place:
        """After the stop: what an event does has been done, an output has been seen."""
        due = lands & ahead.due
        states, rates = jump(ahead.event, self.loads, due, place.states, place.rates)
        after = place._replace(
            time=jnp.where(lands, ahead.time, place.time),
            walked=jnp.where(lands, 0.0, place.walked),
            states=states,
            rates=rates,
            next_event=place.next_event + due.astype(jnp.int32),
            row=place.row + (lands & ~ahead.due).astype(jnp.int32),
            segment=jnp.where(due, ahead.event.segment, place.segment),
        )
        return after._replace(slope=_chosen(due, self.slope(after), place.slope))


def record(
    tier: SteppingTier,
    parameters_of: Callable[[Array], Any],
    events: Events,
    loads: Array,
    times: Array,
    events_before: Array,
    start: Start,
    *,
    room: int,
) -> Recording:
    """What every patient does on a march, row by row; not differentiated.

    Args:
        parameters_of, events, loads, times, events_before, start: see `kernels.march.march`.
        room: rows: steps tried, events and outputs of one patient. Who needs more has the status max_steps.
    """
    track = Track(tier, parameters_of, events, loads, times, events_before)
    place = track.begin(start)
    rates = track.cast(start.rates)
    memory = tier.begin(parameters_of(place.segment), start.states, rates, place.time.astype(tier.dtype))
    place = place._replace(memory=memory._replace(slope=()))

    def going(place: Place) -> Array:
        assert place.memory is not None
        alive = (place.memory.step > 0.0) & (place.memory.steps < tier.max_steps)
        return alive & ~track.arrived(place)

    def one(place: Place, _: Any) -> tuple[Place, Array]:
        return lax.cond(jnp.any(going(place)), lambda p: _tried(track, p, going(p)), _waited, place)

    place, rows = lax.scan(one, place, None, length=room)
    assert place.memory is not None
    status = tier.status(place.memory)
    late = (status == codes.OK) & ~track.arrived(place)
    return Recording(rows, jnp.where(late, codes.MAX_STEPS, status).astype(jnp.int32))


def _waited(place: Place) -> tuple[Place, Array]:
    return place, jnp.full_like(place.walked, NOTHING)


def _tried(track: Track, place: Place, going: Array) -> tuple[Place, Array]:
    """One step tried under live control, and its row."""
    tier, memory, ahead = track.tier, place.memory, track.ahead(place)
    assert memory is not None
    way = track.way(place, ahead)
    walk = Walk(place.walked, place.states, place.slope, memory.step, memory.steps, memory.trend)
    lands, halves, length = tier.length(walk, way)
    new = tier.step(walk, way)
    row = jnp.where(new.walked == walk.walked, NOTHING, jnp.where(halves & ~lands, HALF, length))
    reached = going & ~(new.walked < ahead.elapsed)
    peak = _chosen(reached, tier.peak(memory.peak, new.states), memory.peak)
    place = place._replace(walked=new.walked, states=new.states, slope=new.slope)
    after = track.landed(place, ahead, reached)
    memory = Memory(new.step, (), _chosen(reached, tier.peak(peak, after.states), peak), new.steps, new.trend)
    return after._replace(memory=memory), jnp.where(reached, LANDING, row)


def replay(
    tier: SteppingTier,
    parameters_of: Callable[[Array], Any],
    observe: Callable[[Array, States, Any], Any],
    events: Events,
    loads: Array,
    times: Array,
    events_before: Array,
    start: Start,
    *,
    recording: Recording,
) -> tuple[Any, States, States, Array]:
    """What `kernels.march.march` returns first, by recorded steps; NaN, and derivatives NaN, of patients that failed.

    Args:
        recording: of the same march.

    Returns:
        outputs (time, patient), states, input rates, status (patient).
    """
    track = Track(tier, parameters_of, events, loads, times, events_before)
    room, patients = recording.rows.shape
    length = max(1, math.isqrt(room))
    parts = -(-room // length)
    rows = jnp.concatenate([recording.rows, jnp.zeros((parts * length - room, patients), recording.rows.dtype)])

    def part(place: Place, rows: Array) -> tuple[Place, Any]:
        def stay(place: Place) -> tuple[Place, Any]:
            seen = (jnp.full_like(place.row, times.shape[0]), place.segment, place.states)
            return place, jax.tree.map(lambda x: jnp.broadcast_to(x, (length, patients)), seen)

        def walk(place: Place) -> tuple[Place, Any]:
            return lax.scan(lambda p, row: _again(track, p, row), place, rows)

        return lax.cond(jnp.any(rows != NOTHING), walk, stay, place)

    checkpointed = jax.checkpoint(part, prevent_cse=False)  # type: ignore[attr-defined]
    place, seen = lax.scan(checkpointed, track.begin(start), rows.reshape(parts, length, patients))
    output, segment, states = jax.tree.map(lambda x: x.reshape(parts * length, patients), seen)
    where = jnp.zeros((times.shape[0] + 1, patients), jnp.int32)
    number = jnp.broadcast_to(jnp.arange(parts * length, dtype=jnp.int32)[:, None], output.shape)
    where = where.at[output, jnp.arange(patients)[None, :]].set(number)[:-1]
    segment, states = jax.tree.map(lambda x: jnp.take_along_axis(x, where, axis=0), (segment, states))
    outputs = jax.vmap(lambda t, x, s: observe(t, x, parameters_of(s)))(times, states, segment)
    failed = jnp.where(recording.status == codes.OK, 1.0, jnp.nan)

    def marked(x: Array) -> Array:
        factor = failed.astype(x.dtype)
        return x * (factor if x.ndim == 1 else factor[None, :])

    outputs, final, rates = jax.tree.map(marked, (outputs, place.states, place.rates))
    return outputs, final, rates, recording.status


def _again(track: Track, place: Place, row: Array) -> tuple[Place, Any]:
    """One recorded row, and what was seen: which output, in which segment, the states then."""
    tier, ahead = track.tier, track.ahead(place)
    way, remaining = track.way(place, ahead), ahead.elapsed - place.walked
    lands = row == LANDING
    length = jnp.where(lands, remaining, jnp.where(row == HALF, 0.5 * remaining, row))
    walk = Walk(place.walked, place.states, place.slope, row, place.row, None)
    states, slope, *_ = tier.stages(walk, way, length)
    # An explicit step of no length is one, and has the derivative of one.
    moves = (row != NOTHING) if tier.keeps_slope else (length > 0.0)
    states, slope = _chosen(moves, states, place.states), _chosen(moves, slope, place.slope)
    if not tier.keeps_slope:
        states, slope = tier.settled(states, slope, way)
    place = place._replace(walked=jnp.where(moves, place.walked + length, place.walked), states=states, slope=slope)
    output = jnp.where(lands & ~ahead.due, place.row, track.times.shape[0])
    return track.landed(place, ahead, lands), (output, place.segment, states)


def _chosen(mask: Array, new: States, old: States) -> States:
    return tuple(jnp.where(mask, a, b) for a, b in zip(new, old, strict=True))
