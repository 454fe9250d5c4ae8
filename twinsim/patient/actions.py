"""What is done to a patient, as a table of rows in the words of the ward: a meal, a bleed, fluids, oxygen, a dose.

    {kind: haemorrhage, time: 10 h, value: 750 mL, duration: 30 min}

Actions that last (haemorrhage, exercise, oxygen, altitude) set a state and set it back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from twinsim import units
from twinsim.errors import TwinsimError, UsageError, nearest
from twinsim.events import Events
from twinsim.meals import EATEN, meals
from twinsim.models.structure import Structure
from twinsim.quantity import quantity

_CLOSE = 1e-9  # of a time: ends that come of sums
KEYS = ("kind", "time", "value", "duration", "of", "interval", "count", "patient")


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
    given: dict[int, list[dict[str, Any]]] = {}
    spans: dict[tuple[str, int], list[_Span]] = {}
    for number, row in enumerate(rows):
        try:
            who, kind, times = _place(row), _kind(row), _times(row, structure)
            mine = given.setdefault(who, [])
            if kind in LASTING or kind == "meal":
                of_kind = _meal if kind == "meal" else _lasting
                spans.setdefault((kind, who), []).extend(of_kind(row, structure, time, number) for time in times)
            else:
                mine += [event for time in times for event in _GIVEN[kind](row, structure, time)]
        except TwinsimError as error:
            raise UsageError(error.what, where=f"events[{number}]", why=error.why, do=error.do) from None
    found = Events.of([])
    for who, events in given.items():
        own = {kind: sorted(spans[kind, who]) for kind, whose in spans if whose == who}
        for kind, listed in own.items():
            _check_apart(kind, listed, spans.get((kind, -1), []) if who >= 0 else [])
        eaten: dict[float, float] = {}
        for meal in own.get("meal", []):
            eaten[meal.begin] = eaten.get(meal.begin, 0.0) + meal.value
        table = meals(eaten, rate=EATEN / units.factor("min", structure.time)) if eaten else Events.of([])
        table = table + Events.of([event for kind in LASTING for event in _set(kind, own.get(kind, []))] + events)
        found = found + replace(table, patient=np.full(table.size, who, np.int64))
    return found


class _Span(NamedTuple):
    """What lasts from one time to another, and the number of its row."""

    begin: float
    end: float
    value: float
    number: int


def _touch(first: _Span, second: _Span) -> bool:
    """Whether one begins when the other ends, to rounding."""
    return abs(second.begin - first.end) <= _CLOSE * max(1.0, abs(first.end))


def _check_apart(kind: str, own: Sequence[_Span], shared: Sequence[_Span]) -> None:
    """One patient's spans beside each other, and beside everyone's: which is set last would be chance.

    Raises:
        UsageError: two at once.
    """
    for first, second in zip(own, own[1:], strict=False):
        if kind != "meal" and second.begin < first.end and not _touch(first, second):
            where = f"events[{second.number}]"
            raise UsageError(f"two times {kind} at once", where=where, do="let one end before the other begins")
    for mine in own:
        for other in shared:
            together = mine.begin < other.end and other.begin < mine.end
            if together or _touch(mine, other) or _touch(other, mine):
                what = f"{kind} of one patient beside everyone's at the same time"
                raise UsageError(what, where=f"events[{mine.number}]", do="give each patient a row of its own")


def _set(kind: str, spans: Sequence[_Span]) -> list[dict[str, Any]]:
    """The state set at each beginning, and back at each end at which no other begins."""
    events = []
    for i, span in enumerate(spans):
        events.append({"time": span.begin, "kind": "set", "target": LASTING[kind].state, "value": span.value})
        if i + 1 == len(spans) or not _touch(span, spans[i + 1]):
            events.append({"time": span.end, "kind": "set", "target": LASTING[kind].state, "value": LASTING[kind].rest})
    return events


def _place(row: Mapping[str, Any]) -> int:
    """Whom a row is about: a place in the cohort, -1 for everyone."""
    if "patient" not in row or row["patient"] == -1:
        return -1
    try:
        place = float(row["patient"])
    except (TypeError, ValueError):
        place = float("nan")
    if not (0.0 <= place < 2.0**53 and place == int(place)):
        do = "give a whole number from 0, or leave it out"
        raise UsageError(f"patient {row['patient']!r} is no place in a cohort", do=do)
    return int(place)


def _kind(row: Mapping[str, Any]) -> str:
    """What it is, with keys that mean something to it."""
    kind = str(row.get("kind"))
    if kind not in ACTIONS:
        raise UsageError(f"unknown action {row.get('kind')!r}", do=nearest(kind, ACTIONS))
    for key in row:
        if key not in KEYS:
            raise UsageError(f"an action has no {key!r}", do=nearest(str(key), KEYS))
        if key in ("duration", "of") and key not in ACTIONS[kind]:
            raise UsageError(f"{key} says nothing of {kind}", do="leave it out")
    for key in ("time", "value"):
        if key not in row:
            raise UsageError(f"{kind} has no {key}", do=f"add {key}:")
    return kind


def _times(row: Mapping[str, Any], structure: Structure) -> list[float]:
    """When it happens, on the structure's clock."""
    first, count = quantity(row["time"], structure.time), quantity(row.get("count", 1), "1")
    if not (1 <= count < 1e6 and count == int(count)):
        raise UsageError(f"count = {row['count']}", do="give a whole number, 1 or more")
    step = quantity(row.get("interval", 0.0), structure.time)
    if count > 1 and not step > 0.0:
        raise UsageError(f"{row['kind']} happens {count:g} times, how far apart?", do="add interval:, above 0")
    return [first + i * step for i in range(int(count))]


def _value(row: Mapping[str, Any], unit: str, low: float, high: float) -> float:
    """What there is of it, in this unit."""
    value = quantity(row["value"], unit)
    if not low <= value <= high:
        shown = "" if unit == "1" else f" {unit}"
        what = f"{row['kind']} of {row['value']} lies outside {low:g} to {high:g}{shown}"
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


def _lasting(row: Mapping[str, Any], structure: Structure, time: float, number: int) -> _Span:
    kind = LASTING[str(row["kind"])]
    _needs_state(structure, kind.state, str(row["kind"]))
    value, duration = _value(row, kind.unit, kind.low, kind.high), _duration(row, structure)
    if kind.volume:
        value = value / duration * units.factor("min", structure.time)  # mL/min
    return _Span(time, time + duration, value, number)


def _meal(row: Mapping[str, Any], structure: Structure, time: float, number: int) -> _Span:
    _needs_state(structure, "emptied", "meal")
    grams = _value(row, "g", 0.0, 5000.0)
    return _Span(time, time + grams / EATEN * units.factor("min", structure.time), grams, number)


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
# kind -> which of duration and of say something of it
ACTIONS: Mapping[str, tuple[str, ...]] = {
    "meal": (),
    **dict.fromkeys(LASTING, ("duration",)),
    "fluids": ("duration", "of"),
    "dose": ("duration", "of"),
    "insulin": (),
}
