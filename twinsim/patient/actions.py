"""What is done to a patient, as a table of rows in the words of the ward: a meal, a bleed, fluids, oxygen, a dose.

    {kind: haemorrhage, time: 10 h, value: 750 mL, duration: 30 min}

Actions that last (haemorrhage, exercise, oxygen, altitude) set a state and set it back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from twinsim import units
from twinsim.errors import TwinsimError, UsageError, nearest
from twinsim.events import Events
from twinsim.meals import EATEN, MG, meals
from twinsim.models.structure import Structure
from twinsim.quantity import quantity

_KEYS = ("kind", "time", "value", "duration", "of", "interval", "count", "patient")


@dataclass(frozen=True)
class Lasting:
    """An action that sets a state for as long as it lasts.

    Attributes:
        state: that is set, and its unit.
        rest: what it is set back to.
        volume: the value is a volume, given or lost over the duration.
        low, high: what a value may be.
    """

    state: str
    unit: str
    rest: float
    low: float
    high: float
    volume: bool = False


# bounds: what people have lived through or can breathe
LASTING = {
    "haemorrhage": Lasting("bleeding", "mL", 0.0, 0.0, 10_000.0, volume=True),
    "exercise": Lasting("exercise", "mL/min", 0.0, 0.0, 6_000.0),
    "oxygen": Lasting("inspired_oxygen_fraction", "1", 0.2093, 0.0, 1.0),
    "altitude": Lasting("altitude", "m", 0.0, -430.0, 9_000.0),
}
# per litre: what each fluid brings, by route: water [L], salt [mmol of sodium], potassium_chloride [mmol], protein [g]
FLUIDS: Mapping[str, Mapping[str, float]] = {
    "saline": {"water": 1.0, "salt": 154.0},  # 9 g/L of sodium chloride, 58.44 g/mol
    "ringer_lactate": {"water": 1.0, "salt": 130.0, "potassium_chloride": 4.0},  # USP: 130 and 4 mmol/L
    "glucose_5": {"water": 1.0},  # its sugar is burnt; what stays is water
    "albumin_5": {"water": 1.0, "salt": 145.0, "protein": 50.0},  # label: 130 to 160 mmol/L of sodium
    "albumin_20": {"water": 1.0, "salt": 145.0, "protein": 200.0},
    "water": {"water": 1.0},  # drunk: it is in plasma at once
}


def actions(rows: Sequence[Mapping[str, Any]], structure: Structure) -> Events:
    """Events of a table of actions, on the structure's clock.

    >>> import twinsim
    >>> whole = twinsim.whole_patient().structure
    >>> found = actions([{"kind": "haemorrhage", "time": "10 h", "value": "750 mL", "duration": "30 min"}], whole)
    >>> found.time.tolist(), found.value.tolist()
    ([600.0, 630.0], [25.0, 0.0])

    Args:
        rows: mappings of kind, time, value and, as the kind asks for, duration, of, interval and count (repetitions);
            patient: place in the cohort of the one it happens to, otherwise everyone.
            meal [g of carbohydrate]; insulin [U]; dose [of the drug's body, of: its route, oral or iv]; haemorrhage
            [mL, over its duration]; fluids [L, of: one of FLUIDS]; exercise [mL/min of oxygen beyond rest]; oxygen
            [inspired fraction]; altitude [m]. Numbers without a unit are in these units; times in the clock's.
        structure: of the patient.

    Raises:
        UsageError: a row that cannot be read, an action that this structure cannot undergo, two of one lasting kind at
            a time; the row is told by its number.
    """
    found = Events.of([])
    for who in dict.fromkeys(row.get("patient", -1) for row in rows):
        own = [(number, row) for number, row in enumerate(rows) if row.get("patient", -1) == who]
        events = _of_one(own, structure)
        found = found + replace(events, patient=np.full(events.size, int(who), np.int64))
    return found


def _of_one(rows: Iterable[tuple[int, Mapping[str, Any]]], structure: Structure) -> Events:
    """Events of one patient's rows, or of everyone's, each with its number in the table."""
    found = Events.of([])
    spans: dict[str, list[tuple[float, float]]] = {}
    eaten: dict[float, float] = {}
    for number, row in rows:
        try:
            times = _times(row, structure)
            kind = str(row["kind"])
            if kind == "meal":
                _needs_state(structure, "emptied", kind)
                eaten |= {time: _value(row, "mg", 0.0, 1e6) / MG for time in times}
            elif kind in LASTING:
                found = found + _lasting(row, structure, times, spans.setdefault(kind, []))
            else:
                found = found + Events.of([event for time in times for event in _GIVEN[kind](row, structure, time)])
        except TwinsimError as error:
            raise UsageError(error.what, where=f"events[{number}]", why=error.why, do=error.do) from None
    return (meals(eaten, rate=EATEN / units.factor("min", structure.time)) if eaten else Events.of([])) + found


def _times(row: Mapping[str, Any], structure: Structure) -> list[float]:
    """When it happens, on the structure's clock."""
    for key in row:
        if key not in _KEYS:
            raise UsageError(f"an action has no {key!r}", do=nearest(str(key), _KEYS))
    if row.get("kind") not in ACTIONS:
        raise UsageError(f"unknown action {row.get('kind')!r}", do=nearest(str(row.get("kind")), ACTIONS))
    for key in ("time", "value"):
        if key not in row:
            raise UsageError(f"{row['kind']} has no {key}", do=f"add {key}:")
    first, count = quantity(row["time"], structure.time), int(row.get("count", 1))
    if count < 1:
        raise UsageError(f"count = {count}", do="give 1 or more")
    if count > 1 and "interval" not in row:
        raise UsageError(f"{row['kind']} happens {count} times, how far apart?", do="add interval:")
    step = quantity(row.get("interval", 0.0), structure.time)
    return [first + i * step for i in range(count)]


def _value(row: Mapping[str, Any], unit: str, low: float, high: float) -> float:
    """What there is of it, in this unit."""
    value = quantity(row["value"], unit)
    if not low <= value <= high:
        what = f"{row['kind']} of {row['value']} lies outside {low:g} to {high:g} {unit}"
        raise UsageError(what, do="change value:")
    return value


def _duration(row: Mapping[str, Any], structure: Structure) -> float:
    if "duration" not in row:
        raise UsageError(f"{row['kind']} has no duration", do="add duration:")
    found = quantity(row["duration"], structure.time)
    if not found > 0.0:
        raise UsageError(f"{row['kind']} of duration {row['duration']}", do="give more than 0")
    return found


def _needs_state(structure: Structure, name: str, kind: str) -> None:
    if name not in structure.state_names:
        do = "choose organs that have it; all of them: twinsim.whole_patient()"
        raise UsageError(f"{kind} is not possible in {structure.name}, which has no {name}", do=do)


def _needs_route(structure: Structure, name: str, kind: str) -> str:
    """Unit of what the route leads to."""
    known = {route.name: route.to for route in structure.routes}
    if name not in known:
        what = f"{kind} by {name!r} is not possible in {structure.name}, which has no such route"
        raise UsageError(what, do=nearest(name, known) if known else "choose organs that have it")
    return next(state.unit for state in structure.states if state.name == known[name])


def _lasting(
    row: Mapping[str, Any], structure: Structure, times: Sequence[float], spans: list[tuple[float, float]]
) -> Events:
    """The state set, and set back; `spans` are those of the same kind so far."""
    kind = LASTING[str(row["kind"])]
    _needs_state(structure, kind.state, str(row["kind"]))
    value, duration = _value(row, kind.unit, kind.low, kind.high), _duration(row, structure)
    if kind.volume:
        value = value / duration * units.factor("min", structure.time)  # mL/min
    events = []
    for time in times:
        if any(time < end and begin < time + duration for begin, end in spans):
            raise UsageError(f"two times {row['kind']} at once", do="let one end before the other begins")
        spans.append((time, time + duration))
        for when, level in ((time, value), (time + duration, kind.rest)):
            events.append({"time": when, "kind": "set", "target": kind.state, "value": level})
    # where one ends as another begins, the beginning comes last
    return Events.of(sorted(events, key=lambda event: (event["time"], event["value"] != kind.rest)))


def _fluids(row: Mapping[str, Any], structure: Structure, time: float) -> list[dict[str, Any]]:
    fluid = str(row.get("of", "saline"))
    if fluid not in FLUIDS:
        raise UsageError(f"unknown fluid {fluid!r}", do=nearest(fluid, FLUIDS))
    litres, duration = _value(row, "L", 0.0, 100.0), _duration(row, structure)
    events = []
    for route, amount in FLUIDS[fluid].items():
        unit = _needs_route(structure, route, "fluids")
        value = litres * amount * units.factor({"water": "L", "protein": "g"}.get(route, "mmol"), unit)
        events.append({"time": time, "kind": "rate", "target": route, "value": value, "duration": duration})
    return events


def _given_by(row: Mapping[str, Any], structure: Structure, time: float, route: str) -> list[dict[str, Any]]:
    unit = _needs_route(structure, route, str(row["kind"]))
    event: dict[str, Any] = {"time": time, "kind": "add", "target": route, "value": _value(row, unit, 0.0, 1e12)}
    return [{**event, "kind": "rate", "duration": _duration(row, structure)} if "duration" in row else event]


def _dose(row: Mapping[str, Any], structure: Structure, time: float) -> list[dict[str, Any]]:
    return _given_by(row, structure, time, str(row.get("of", "oral")))


def _insulin(row: Mapping[str, Any], structure: Structure, time: float) -> list[dict[str, Any]]:
    return _given_by(row, structure, time, "insulin")


_GIVEN: Mapping[str, Callable[..., list[dict[str, Any]]]] = {"fluids": _fluids, "dose": _dose, "insulin": _insulin}
ACTIONS = ("meal", *LASTING, *_GIVEN)
