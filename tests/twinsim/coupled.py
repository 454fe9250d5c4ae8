"""Small structures made for tests, and one that is coupled of a fast and a slow part."""

from dataclasses import replace

from twinsim.models.couple import couple
from twinsim.models.structure import Parameter, Port, State, Structure


def made(name, states, rates, parameters=(), start=None, needs=(), gives=None):
    """A structure that gives its first state."""
    return Structure(
        name=name,
        parameters=tuple(Parameter(key, unit, value, "", "assumed") for key, (value, unit) in parameters),
        states=tuple(State(key, unit, "") for key, unit in states),
        gives=gives or (Port(states[0][0], states[0][1], "amount", ""),),
        needs=needs,
        rates=rates,
        outputs=lambda t, x, p, u: {states[0][0]: getattr(x, states[0][0])},
        start=start,
        source="none",
    )


def feedback():
    """An enzyme fast in seconds whose product holds back its own slow supply (Goodwin's loop of two)."""
    fast = made(
        "fast",
        (("x", "mg"),),
        lambda t, x, p, u: {"x": u.supply - p.vmax * x.x / (p.km + x.x)},
        (("vmax", (10.0, "mg/s")), ("km", (4.0, "mg"))),
        needs=(Port("supply", "mg/s", "flow", ""),),
    )
    slow = made(
        "slow",
        (("supply", "mg/s"),),
        lambda t, x, p, u: {"supply": p.kout * (p.most / (1.0 + u.x / p.half) - x.supply)},
        (("kout", (0.01, "1/h")), ("most", (8.0, "mg/s")), ("half", (2.0, "mg"))),
        needs=(Port("x", "mg", "amount", ""),),
        gives=(Port("supply", "mg/s", "flow", ""),),
    )
    return couple("feedback", {"slow": slow, "fast": replace(fast, time="s")})
