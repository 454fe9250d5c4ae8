"""Meals as events: what is eaten, when, and how fast."""

from __future__ import annotations

from collections.abc import Mapping

from twinsim.errors import UsageError
from twinsim.events import Events

MG = 1000.0  # in a gram
EATEN = 5.0  # g/min; simglucose 0.2.11, t1dpatient.py


def meals(carbohydrate: Mapping[float, float], *, rate: float | None = EATEN, route: str = "meal") -> Events:
    """Meals of an organ with the state `emptied`, such as organs/glucose, its clock in minutes.

    >>> day = meals({420: 45, 720: 70, 1080: 80})
    >>> day.size, day.targets
    (6, ('emptied', 'meal'))

    Args:
        carbohydrate: time a meal begins [min] -> what is eaten [g of glucose].
        rate: at which it is eaten [g/min]; None: all at once.
        route: that the food takes.

    Returns:
        For each meal the food, and the event that makes the stomach count from its beginning; who still eats when the
        next meal begins goes on eating, and both count as one.

    Raises:
        UsageError: an amount or a rate that is not above 0.
    """
    if rate is not None and not rate > 0.0:
        raise UsageError("food is eaten at a rate above 0", where=f"rate = {rate}", do="rate=None for all at once")
    rows, done = [], -float("inf")
    for time, grams in sorted(carbohydrate.items()):
        if not grams > 0.0:
            raise UsageError("a meal holds more than 0 g", where=f"meal at {time:g} min: {grams:g} g")
        begin = max(float(time), done)
        if time > done:
            rows.append({"time": begin, "kind": "set", "target": "emptied", "value": 0.0})
        eaten = {"kind": "add"} if rate is None else {"kind": "rate", "rate": MG * rate}
        rows.append({"time": begin, "target": route, "value": MG * grams, **eaten})
        done = begin if rate is None else begin + grams / rate
    return Events.of(rows)
