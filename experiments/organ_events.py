"""What happens to an organ, from texts with units: meals, doses, and states that are set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twinsim import units
from twinsim.config import RunConfig
from twinsim.errors import TwinsimError, UsageError, nearest
from twinsim.events import KINDS, Events
from twinsim.meals import EATEN, meals
from twinsim.models.structure import Structure
from twinsim.quantity import quantity
from twinsim.regimens import regimen

_KEYS = ("kind", "time", "target", "value", "duration", "rate", "interval", "count")


def events_of(config: RunConfig, structure: Structure) -> Events:
    """The rows of `events`, and the doses of `regimen` if it names an amount, on the structure's clock.

    Raises:
        UsageError: a row that cannot be read; its number is told.
    """
    found = Events.of([])
    eaten: dict[float, float] = {}
    for number, row in enumerate(config.events):
        try:
            if row.get("kind") == "meal":
                eaten |= _meal(row, structure)
            else:
                found = found + Events.of([_event(row, structure)])
        except TwinsimError as error:
            raise UsageError(error.what, where=f"events[{number}]", why=error.why, do=error.do) from None
    if eaten:
        found = meals(eaten, rate=EATEN * units.factor("min", structure.time) ** -1) + found
    keys = config.regimen.given()
    if "amount" not in keys:
        return found
    hour = units.factor("h", structure.time)
    unit, route = keys.pop("unit", None), structure.route(keys.get("route", "oral"))
    own = next(state.unit for state in structure.states if state.name == route.to)
    scale = 1.0 if unit is None else units.factor(unit, own)
    factors = {"amount": scale, "rate": scale / hour, "interval": hour, "duration": hour, "start": hour}
    return found + regimen(**{key: value * factors[key] if key in factors else value for key, value in keys.items()})


def end_of(events: Sequence[Mapping[str, str]], clock: str = "h") -> float:
    """A day, or the end of the day in which the last event falls, with its repetitions and as long as it lasts [h].

    Args:
        clock: unit of times that have none.
    """
    last = 0.0
    for row in events:
        begin, step, lasts = (quantity(row.get(key, 0.0), clock) for key in ("time", "interval", "duration"))
        last = max(last, begin + step * (quantity(row.get("count", 1), "1") - 1.0) + lasts)
    return 24.0 * (1.0 + last * units.factor(clock, "h") // 24.0)


def _checked(row: Mapping[str, str], kinds: Sequence[str]) -> None:
    for key in row:
        if key not in _KEYS:
            raise UsageError(f"an event has no {key!r}", do=nearest(key, _KEYS))
    if row.get("kind") not in kinds:
        raise UsageError(f"unknown kind of event {row.get('kind')!r}", do=nearest(str(row.get("kind")), kinds))
    for key in ("time",) if row["kind"] == "reset" else ("time", "value"):
        if key not in row:
            raise UsageError(f"an event has no {key}", do=f"add {key}:")


def _meal(row: Mapping[str, str], structure: Structure) -> dict[float, float]:
    """Times on the structure's clock -> grams."""
    _checked(row, ("meal",))
    if "emptied" not in structure.state_names:
        raise UsageError(f"{structure.name} eats no meals", do="give a dose: kind: add, target: a route")
    begin, grams = quantity(row["time"], structure.time), quantity(row["value"], "g")
    step = quantity(row.get("interval", "24 h"), structure.time)
    return {begin + i * step: grams for i in range(int(row.get("count", "1")))}


def _event(row: Mapping[str, str], structure: Structure) -> dict[str, Any]:
    """A row of `Events`."""
    _checked(row, (*KINDS, "meal"))
    found: dict[str, Any] = {"time": quantity(row["time"], structure.time), "kind": row["kind"]}
    if row["kind"] == "reset":
        return found
    route = structure.route(row.get("target", ""))
    unit = next(state.unit for state in structure.states if state.name == route.to)
    found |= {"target": row["target"], "value": quantity(row["value"], "1" if row["kind"] == "scale" else unit)}
    if "duration" in row:
        found["duration"] = quantity(row["duration"], structure.time)
    if "rate" in row:
        found["rate"] = quantity(row["rate"], f"{unit}/{structure.time}")
    if "interval" in row:
        found["interval"] = quantity(row["interval"], structure.time)
        found["additional"] = int(row.get("count", "1")) - 1
    return found
