"""Endpoints while patients march: against formulas, with few outputs and many, by every tier, in lanes."""

import logging

import numpy as np
import pytest

import twinsim

ASKED = ("auc", "cmax", "tmax", "time_above:3", "first_above:3")
KEYS = tuple(f"endpoints/{name.replace(':', '_')}" for name in ASKED)


def simulated(events, times, solver, precision, size=20, **options):
    return twinsim.simulate(
        "theophylline", size, events, times=times, solver=solver, precision=precision, endpoints=ASKED, **options
    )


@pytest.mark.parametrize(
    "solver, precision, error",
    [
        ("closed", "float64", 2e-7),
        ("closed", "float32", 1e-4),
        ("linear", "float32", 1e-4),
        ("explicit", "float32", 1e-4),
    ],
)
def test_an_oral_dose_by_formula(solver, precision, error, caplog):
    """One dose, looked at twice: tmax = ln(ka/k)/(ka - k), and the exact area to 24 h."""
    with caplog.at_level(logging.INFO):
        got = simulated(twinsim.regimen(320), [0.0, 24.0], solver, precision)
    assert "compiled by XLA" not in caplog.text
    cl, v, ka = (got[f"parameters/{name}"] for name in ("cl", "v", "ka"))
    k = cl / v
    scale = 320.0 * ka / (v * (ka - k))
    tmax = np.log(ka / k) / (ka - k)
    area = scale * ((1 - np.exp(-24 * k)) / k - (1 - np.exp(-24 * ka)) / ka)
    assert got["endpoints/auc"] == pytest.approx(area, rel=error)
    assert got["endpoints/tmax"] == pytest.approx(tmax, rel=error)
    assert got["endpoints/cmax"] == pytest.approx(scale * (np.exp(-k * tmax) - np.exp(-ka * tmax)), rel=error)


@pytest.mark.parametrize("solver", ["closed", "stiff"])
def test_few_outputs_and_many_and_neighbours(solver):
    """10 outputs and 1000, float32; and the first patients alone, to the bit."""
    events = twinsim.regimen(320, interval=7.3, count=3)
    few, many = (simulated(events, np.linspace(0.0, 24.0, n), solver, "float32") for n in (10, 1000))
    for key in KEYS:
        assert few[key] == pytest.approx(many[key], rel=1e-4), key
    alone = simulated(events, np.linspace(0.0, 24.0, 10), solver, "float32", size=3)
    for key in KEYS:
        assert np.array_equal(alone[key], few[key][:3]), key


@pytest.mark.parametrize("solver", ["closed", "linear", "explicit"])
def test_looking_on_changes_no_curve(solver):
    doses, times = twinsim.regimen(320, interval=12, count=3), np.arange(49.0)
    alone, watched = (
        twinsim.simulate("theophylline", 40, doses, times=times, solver=solver, endpoints=asked)["concentration"]
        for asked in ((), ASKED)
    )
    np.testing.assert_array_equal(alone, watched)


def test_steps_that_go_on_past_outputs_are_seen_whole():
    """Dense output takes the same steps whatever the outputs are, from the first of them on, which is no event here."""
    events, options = twinsim.regimen(320, interval=7.3, count=3), {"size": 4, "precision": "float32"}
    grids = [np.linspace(1.0, 24.0, n) for n in (4, 90)]
    few, many = (simulated(events, times, "explicit", dense=True, **options) for times in grids)
    exact = simulated(events, grids[0], "closed", **options)
    for key in KEYS:
        assert np.array_equal(few[key], many[key]), key
        assert few[key] == pytest.approx(exact[key], rel=1e-4), key


def test_an_infusion_is_highest_at_its_end():
    """Outputs at 0 h and 12 h only: Cmax = R/CL (1 - exp(-k T)) at T, and a bolus' jump is a first passage."""
    model = "vancomycin_goti_2018"
    options = {"precision": "float64", "covariates": {"dialysis": 0.0}, "endpoints": ("cmax", "tmax", "first_above:1")}
    infused = twinsim.simulate(model, 4, twinsim.regimen(1000, route="iv", duration=1.5), times=[0.0, 12.0], **options)
    assert infused["endpoints/tmax"] == pytest.approx(np.full(4, 1.5), abs=1e-12)
    seen = twinsim.simulate(model, 4, twinsim.regimen(1000, route="iv", duration=1.5), times=[0.0, 1.5], **options)
    assert infused["endpoints/cmax"] == pytest.approx(seen["concentration"][1], rel=1e-12)
    bolus = twinsim.regimen(1000, route="iv", start=2.0)
    given = twinsim.simulate(model, 4, bolus, times=[0.0, 12.0], **options)
    assert (given["endpoints/first_above_1"] == 2.0).all() and (given["endpoints/tmax"] == 2.0).all()


def test_a_bolus_at_the_last_output_counts():
    """No piece follows it, and yet its value is an output's."""
    bolus = twinsim.regimen(1000, route="iv", start=12.0)
    got = twinsim.simulate(
        "vancomycin_goti_2018", 3, bolus, times=[0.0, 6.0, 12.0], solver="explicit", covariates={"dialysis": 0.0},
        endpoints=("cmax", "tmax", "first_above:1"),
    )  # fmt: skip
    assert np.array_equal(got["endpoints/cmax"], got["concentration"][-1])
    assert (got["endpoints/tmax"] == 12.0).all() and (got["endpoints/first_above_1"] == 12.0).all()
