"""A regimen: what is given, how much, how often and how long. Regimens add up: loading dose + maintenance."""

from __future__ import annotations

from typing import Any

from twinsim.errors import UsageError, nearest
from twinsim.events import PER, Events


def regimen(
    amount: float,
    *,
    per: str | None = None,
    interval: float | None = None,
    count: int = 1,
    duration: float | None = None,
    rate: float | str | None = None,
    route: str | int = "oral",
    start: float = 0.0,
    steady_state: bool = False,
) -> Events:
    """Doses of one kind for everyone, as events.

    Args:
        amount: of each dose, in the unit of the state it goes to; per kg or m2 if `per` says so.
        per: "kg" (times weight) or "m2" (times body surface area).
        interval: time between doses [h].
        count: number of doses.
        duration: of each infusion [h].
        rate: of each infusion [amount/h], per kg or m2 as the amount is; or "modelled_rate" / "modelled_duration": the
            route's parameter.
        route: name of a route or state, or number of a compartment.
        start: time of the first dose [h].
        steady_state: the first dose finds the patient as if it had always been given so.

    Raises:
        UsageError: items that contradict each other.

    >>> two = regimen(250, interval=12, count=6) + regimen(500, start=72)
    >>> two.size, two.additional.tolist()
    (2, [5, 0])
    """
    if (per or "") not in PER:
        raise UsageError(f"amounts per {per!r} are unknown", where="regimen.per", do=nearest(str(per), PER[1:]))
    if count < 1:
        raise UsageError("a regimen needs at least one dose", where=f"regimen.count = {count}")
    if interval is None and (count > 1 or steady_state):
        raise UsageError("repeated doses need an interval", where="regimen.interval", do="add interval=12, say")
    if duration is not None and rate is not None:
        raise UsageError("an infusion has a duration or a rate, not both", where="regimen", do="leave out one of them")
    codes = {"modelled_rate": -1.0, "modelled_duration": -2.0}
    if isinstance(rate, str):
        if rate not in codes:
            raise UsageError(f"unknown rate {rate!r}", where="regimen.rate", do=nearest(rate, codes))
        rate = codes[rate]
    row: dict[str, Any] = {
        "time": float(start),
        "kind": "add" if duration is None and rate is None else "rate",
        "target": route,
        "value": float(amount),
        "interval": float(interval or 0.0),
        "additional": count - 1,
        "steady": int(steady_state),
        "per": per or "",
    }
    if duration is not None:
        row["duration"] = float(duration)
    if rate is not None:
        row["rate"] = float(rate)
    return Events.of([row])
