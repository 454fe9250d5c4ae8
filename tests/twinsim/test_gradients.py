"""Derivatives through dosing, steady state and all tiers against central finite differences, in float64.

The differences are of fourth order.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dosed import DOSES, GRID, STEADY, block, curves, dose, modelled

import twinsim
from twinsim.compiled_once import compiled_once
from twinsim.sensitivity import trajectories_and_tangents

STEP = 2e-3  # of a parameter's size; the difference is then good to about 1e-9 of the derivative


def check(structure, tier, doses, **changed):
    """Every parameter's derivative, of every patient at every time, relative to the largest of that patient."""
    patients = len(doses)
    defaults = {item.name: item.default for item in structure.parameters}
    values = {name: jnp.full(patients, value, jnp.float64) for name, value in {**defaults, **changed}.items()}
    solve, output = block(structure, tier, doses), structure.output_names[-1]
    slopes = compiled_once(lambda p: trajectories_and_tangents(solve, p, tuple(values))[1][output])
    slopes = np.asarray(slopes({name: value[None, :] for name, value in values.items()}))
    plain, felt = compiled_once(curves(structure, tier, doses)), set()
    for slope, (name, value) in zip(slopes, values.items(), strict=True):
        h = STEP * np.abs(np.asarray(value)) + 1e-9
        one, two, back, far = (np.asarray(plain({**values, name: value + jnp.asarray(k * h)})) for k in (1, 2, -1, -2))
        difference = (8.0 * (one - back) - (two - far)) / (12.0 * h)
        assert np.isfinite(slope).all() and np.isfinite(difference).all()
        size = np.abs(difference).max(axis=0)
        # what does not depend on a parameter has differences of rounding alone
        size = np.where(size * np.asarray(value) > 1e-7, size, np.inf)
        assert np.max(np.abs(slope - difference) / size) <= 1e-5, name
        idle = ~np.isfinite(size)
        assert np.abs(slope * np.asarray(value)).max(axis=0)[idle].max(initial=0.0) < 1e-6, name
        felt |= {name} if np.isfinite(size).any() else set()
    assert felt == set(values)  # every parameter mattered to someone


@pytest.mark.parametrize("tier", ["closed", "linear", "explicit", "stiff"])
def test_every_parameter_of_doses(tier):
    check(modelled(twinsim.structure("pk/one_compartment_oral")), tier, DOSES)


@pytest.mark.parametrize("name", ["pk/two_compartment_oral", "pk/three_compartment_oral"])
def test_every_parameter_of_more_compartments(name):
    check(modelled(twinsim.structure(name)), "closed", DOSES)


def test_every_parameter_of_steady_states():
    structure = modelled(twinsim.structure("pk/one_compartment_oral"))
    check(structure, "closed", {**STEADY, "modelled rate": DOSES["modelled rate"]})


ONE_RATE = {"cl": 8.0, "v1": 20.0, "q": 8.0, "v2": 20.0}


@pytest.mark.parametrize(
    ("name", "equal"),
    [
        ("pk/one_compartment_oral", {"cl": 24.0, "v": 20.0, "ka": 1.2}),
        ("pk/two_compartment_oral", {**ONE_RATE, "ka": 0.4}),
        ("pk/two_compartment_oral", {**ONE_RATE, "ka": 0.2 * (3 - 5**0.5)}),
        ("pk/three_compartment_oral", {"cl": 8, "v1": 20, "q2": 8, "v2": 20, "q3": 8, "v3": 20, "ka": 0.4}),
    ],
)
def test_rates_that_coincide(name, equal):
    """ka = cl/v; k10 = k12 = k21 = ka; ka on an eigenvalue; two equal peripherals and ka with them."""
    equal = {key: float(value) for key, value in equal.items()}
    check(modelled(twinsim.structure(name)), "closed", DOSES, **equal)


def test_steady_states_of_saturable_elimination():
    doses = {
        "boluses with lag and F": [dose(CMT=1, SS=1, II=6.0)],
        "overlapping infusions": [dose(CMT=1, RATE=-1, SS=1, II=3.0, ADDL=1)],
        "infusions of modelled duration, on top": [dose(CMT=1), dose(2.5, CMT=1, RATE=-2, SS=2, II=6.0)],
    }
    check(modelled(twinsim.structure("pk/one_compartment_mm")), "explicit", doses, vmax=60.0, km=3.0)


def test_a_turnover_behind_the_drug():
    structure = twinsim.structure("pkpd/one_compartment_oral_turnover")
    doses = {"once": [dose(CMT=1)], "reset": [dose(CMT=1), dose(5.0, EVID=4, CMT=1)]}
    check(structure, "explicit", doses, lag=0.5, ic50=1.2, imax=0.9, f=0.8)


@pytest.mark.parametrize("tier", ["linear", "explicit", "stiff"])
def test_events_that_fall_on_outputs(tier):
    """A duration and a lag that end exactly at an output: the derivatives of tier closed, there and ever after."""
    structure = modelled(twinsim.structure("pk/one_compartment_oral"))
    doses = {"duration": [dose(RATE=-2)], "lag": [dose(CMT=1)]}
    lag2 = 0.35
    values = {item.name: jnp.full(2, item.default, jnp.float64) for item in structure.parameters}
    values |= {"lag2": jnp.full(2, lag2), "duration2": jnp.full(2, GRID[1] - lag2), "lag": jnp.full(2, GRID[0])}

    def slopes(tier):
        solved = curves(structure, tier, doses)
        unit = {key: jnp.asarray([[float(key == name)] * 2 for name in ("duration2", "lag")]) for key in values}
        return compiled_once(jax.vmap(lambda d: jax.jvp(solved, (values,), (d,))[1]))(unit)

    expected = np.asarray(slopes("closed"))
    assert np.abs(expected[0, 2:, 0]).min() > 0.01 and np.abs(expected[1, 2:, 1]).min() > 0.01
    assert np.allclose(np.asarray(slopes(tier)), expected, rtol=1e-8, atol=1e-9)
