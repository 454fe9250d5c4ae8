"""Meals as events: what is eaten, when, and how fast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twinsim.errors import UsageError
from twinsim.events import Events

MG = 1000.0  # in a gram
EATEN = 5.0  # g/min; simglucose 0.2.11, t1dpatient.py
_COUNTERS = ("emptied", "begun", "swallowed")


def meals(
    carbohydrate: Mapping[float, float], *, rate: float | None = EATEN, bite: float = 0.0, route: str = "meal"
) -> Events:
    """Meals of an organ that counts them, such as organs/glucose.

    >>> day = meals({420: 45, 720: 70, 1080: 80})
    >>> day.targets
    ('emptied', 'begun', 'swallowed', 'meal')

    Args:
        carbohydrate: time a meal begins [the structure's time unit] -> what is eaten [g of glucose].
        rate: at which it is eaten [g per time unit]; None: all at once.
        bite: food of so much time counts as eaten as soon as it is begun: 1 min in simglucose, which also eats a rest
            that is less over a whole bite; 0: food counts when it is swallowed.
        route: that the food takes.

    Returns:
        For each meal the food, and the events by which the stomach counts from the meal's beginning; who still eats
        when the next meal begins goes on eating, and both count as one.

    Raises:
        UsageError: an amount or a rate that is not above 0; bites of food that is eaten at once.
    """
    if rate is not None and not rate > 0.0:
        raise UsageError("food is eaten at a rate above 0", where=f"rate = {rate}", do="rate=None for all at once")
    if bite < 0.0 or (bite > 0.0 and rate is None):
        raise UsageError("bites need a rate, and last", where=f"bite = {bite}", do="leave bite out")
    rows: list[dict[str, Any]] = []
    done = -float("inf")
    for time, grams in sorted(carbohydrate.items()):
        if not grams > 0.0:
            raise UsageError("a meal holds more than 0 g", where=f"meal at {time:g}: {grams:g} g")
        begin = max(float(time), done)
        if time > done:
            rows += [{"time": begin, "kind": "set", "target": name, "value": 0.0} for name in _COUNTERS]
        if rate is None:
            rows.append({"time": begin, "kind": "add", "target": route, "value": MG * grams})
            done = begin
        elif bite:
            done = _in_bites(rows, begin, grams, rate * bite, bite, route)
        else:
            rows.append({"time": begin, "kind": "rate", "target": route, "value": MG * grams, "rate": MG * rate})
            done = begin + grams / rate
    return Events.of(rows)


def _in_bites(rows: list[dict[str, Any]], begin: float, grams: float, size: float, bite: float, route: str) -> float:
    """Rows of a meal eaten by bites of `size` g, the last one smaller; the time it ends."""
    while grams > 1e-9 * size:
        amount = MG * min(size, grams)
        rows.append({"time": begin, "kind": "add", "target": "begun", "value": amount})
        for target in ("swallowed", route):
            rows.append({"time": begin, "kind": "rate", "target": target, "value": amount, "duration": bite})
        begin, grams = begin + bite, grams - size
    return begin
