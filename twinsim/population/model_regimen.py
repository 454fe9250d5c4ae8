"""The example regimen of a model file, in the units of its structure."""

from __future__ import annotations

from typing import Any

from twinsim.models.structure import Structure
from twinsim.population.fields import Fields


def read_regimen(entry: Fields | None, structure: Structure) -> dict[str, Any]:
    """A section such as {route: iv, amount: 15 mg, per: kg, interval: 12 h, count: 6, duration: 1 h}.

    Returns:
        route, amount, per, interval, duration, start, count: those that are given, as arguments of `twinsim.regimen`,
        in the unit of the state that is dosed and the structure's unit of time.
    """
    if entry is None:
        return {}
    routes = [*(route.name for route in structure.routes), *structure.state_names]
    route, per = entry.choice("route", routes), entry.choice("per", ("kg", "m2"), None)
    states = {state.name: state.unit for state in structure.states}
    amount = entry.take("amount")
    result: dict[str, Any] = {"route": route, "per": per}
    if route is not None and amount is not None:
        result["amount"] = entry.convert("amount", amount, states[structure.route(route).to])
    for key in ("interval", "duration", "start"):
        result[key] = entry.quantity(key, structure.time, None)
    count = entry.take("count", None)
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        entry.fault("count", f"{count!r} is no whole number above zero")
    entry.done()
    return {key: value for key, value in {**result, "count": count}.items() if value is not None}
