"""Parts of a coupled structure that keep time in different units."""

from dataclasses import replace

import numpy as np
import pytest

from twinsim.models.couple import couple
from twinsim.models.registry import structure
from twinsim.models.structure import Parameter, Port, Structure

PK, PD = structure("pk/one_compartment_oral"), structure("pd/inhibition_of_input")


def defaults(model):
    return {item.name: item.default for item in model.parameters}


def in_minutes(part):
    """The same part with every time in minutes."""
    turn = {"1/h": "1/min", "h": "min", "L/h": "L/min", "mg/h": "mg/min"}
    parameters = tuple(replace(item, unit=turn.get(item.unit, item.unit)) for item in part.parameters)
    return replace(part, parameters=parameters, time="min")


def test_parts_with_another_clock_are_converted(solve):
    hours, mixed = couple("h", {"pk": PK, "pd": PD}), couple("m", {"pk": PK, "pd": in_minutes(PD)})
    assert mixed.time == "h"
    p = defaults(hours)
    minutes = p | {"kin": p["kin"] / 60, "kout": p["kout"] / 60}
    times = np.linspace(0.0, 12.0, 7)
    a = solve(hours, times, hours.initial(p, {}) | {"depot": 100.0}, p)
    b = solve(mixed, times, mixed.initial(minutes, {}) | {"depot": 100.0}, minutes)
    assert b["response"] == pytest.approx(a["response"], rel=1e-9)


def test_parameters_of_routes_follow_the_clock_of_the_whole():
    infusion = in_minutes(structure("pk/one_compartment_iv"))
    mixed = couple("m", {"pd": PD, "pk": infusion})
    assert mixed.time == "h"
    assert (mixed.parameter("duration").unit, mixed.parameter("duration").default) == ("h", 1.0 / 60)
    assert (mixed.parameter("rate").unit, mixed.parameter("rate").default) == ("mg/h", 6000.0)
    assert mixed.parameter("cl").unit == "L/min"
    assert mixed.route("infusion").infusion == "duration"
    lagged = couple("l", {"pk": in_minutes(PK)}, time="h")
    assert (lagged.parameter("lag").unit, lagged.time) == ("h", "h")
    x, p = {"depot": 40.0, "central": 25.0}, defaults(lagged)
    assert lagged.derivative(0.0, x, p, {})["depot"] == pytest.approx(60 * -p["ka"] * 40.0)


def test_a_part_reads_time_by_its_own_clock():
    wave = Structure(
        name="wave",
        parameters=(Parameter("slope", "mg/(L min)", 2.0, "", "assumed"),),
        states=(),
        gives=(Port("concentration", "mg/L", "concentration", ""),),
        rates=lambda t, x, p, u: {},
        outputs=lambda t, x, p, u: {"concentration": p.slope * t},
        source="none",
        time="min",
    )
    whole = couple("w", {"site": structure("pd/effect_compartment"), "wave": wave})
    assert whole.observe(0.5, {"effect_site": 0.0}, defaults(whole), {})["concentration"] == 60.0
