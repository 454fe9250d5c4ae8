"""Derivatives through dosing, steady state and both tiers against central finite differences, in float64.

One patient per kind of dose, so that one compiled program serves all; the differences are of fourth order.
"""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import twinsim
from twinsim.design import design_of
from twinsim.models.structure import Parameter, Route
from twinsim.solve import Problem, choose_solver, solve_block

ITEMS = {"EVID": 0, "AMT": 0.0, "CMT": 0, "RATE": 0.0, "DUR": 0.0, "II": 0.0, "ADDL": 0, "SS": 0}
GRID = [0.9, 2.1, 3.4, 5.2, 7.7, 10.3, 13.9, 20.1]
STEP = 2e-3  # of a parameter's size; the difference is then good to about 1e-9 of the derivative


def dose(time=0.0, **items):
    return {"TIME": time, "EVID": 1, "AMT": 100.0, "CMT": 2, **items}


DOSES = {
    "bolus with lag and F": [dose(CMT=1, ADDL=2, II=5.0)],
    "infusion by rate": [dose(RATE=30.0, ADDL=1, II=6.0)],
    "infusion by duration": [dose(DUR=3.0)],
    "modelled rate": [dose(RATE=-1)],
    "modelled duration": [dose(RATE=-2)],
    "reset and dose": [dose(CMT=1, ADDL=5, II=2.0), dose(4.0, EVID=4, CMT=1)],
}
STEADY = {
    "steady boluses": [dose(CMT=1, SS=1, II=6.0)],
    "steady infusions, overlapping": [dose(RATE=-1, SS=1, II=3.0, ADDL=1)],
    "steady infusions of modelled duration": [dose(RATE=-2, SS=1, II=6.0)],
    "steady boluses on top": [dose(CMT=1), dose(2.5, SS=2, II=6.0)],
    "constant infusion": [dose(AMT=0.0, RATE=20.0, SS=1)],
}


def modelled(base):
    """The structure with all four parameters of a route into its central compartment, lag and F of the depot's own."""
    own = {"lag2": ("h", 0.35), "f2": ("1", 0.8), "rate2": ("mg/h", 22.0), "duration2": ("h", 2.6)}
    extra = tuple(Parameter(name, unit, value, name, "assumed") for name, (unit, value) in own.items())
    iv = Route("iv", "central", lag="lag2", f="f2", rate="rate2", duration="duration2")
    oral = (Route("oral", "depot", lag="lag", f="f"),) if "depot" in base.state_names else ()
    start = {"lag": 0.45, "f": 0.7}
    kept = [item for item in base.parameters if item.name not in ("rate", "duration")]
    kept = tuple(replace(item, default=start.get(item.name, item.default)) for item in kept)
    return replace(base, name=f"{base.name}_modelled", parameters=(*kept, *extra), routes=(*oral, iv))


def curves(structure, tier, doses, rtol=1e-11):
    """Parameters (name -> (patient)) -> concentrations (time, patient), compiled."""
    rows = [
        {"ID": i, **ITEMS, **row}
        for i, own in enumerate(doses.values())
        for row in sorted([*own, *({"TIME": t} for t in GRID)], key=lambda row: row["TIME"])
    ]
    records = twinsim.read_records(pd.DataFrame(rows), units={"AMT": "mg"}, structure=structure)
    design = design_of(records, structure)
    plan = {name: jnp.asarray(values) for name, values in design.plan.arrays.items()}
    plan["segment"] = jnp.zeros(plan["time"].shape, jnp.int32)
    output = structure.output_names[-1]
    solver = choose_solver(structure, tier, precision="float64", rtol=rtol)
    problem = Problem(structure, solver, design.plan.layout, (output,))
    times, order = jnp.asarray(design.times), jnp.asarray(design.order)

    def solved(values):
        given = {name: value[None, :] for name, value in values.items()}
        return solve_block(problem, plan, given, {}, times, order, len(doses))[0][output]

    return solved


def check(structure, tier, doses, **changed):
    """Every parameter's derivative, of every patient at every time, relative to the largest of that patient."""
    patients = len(doses)
    defaults = {item.name: item.default for item in structure.parameters}
    values = {name: jnp.full(patients, value, jnp.float64) for name, value in {**defaults, **changed}.items()}
    solved = curves(structure, tier, doses)
    along = jax.jit(lambda p, d: jax.jvp(solved, (p,), (d,)))
    plain, felt = jax.jit(solved), set()
    for name, value in values.items():
        direction = {key: jnp.where(key == name, 1.0, 0.0) * jnp.ones(patients) for key in values}
        slope = np.asarray(along(values, direction)[1])
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
        return jax.jit(jax.vmap(lambda d: jax.jvp(solved, (values,), (d,))[1]))(unit)

    expected = np.asarray(slopes("closed"))
    assert np.abs(expected[0, 2:, 0]).min() > 0.01 and np.abs(expected[1, 2:, 1]).min() > 0.01
    assert np.allclose(np.asarray(slopes(tier)), expected, rtol=1e-8, atol=1e-9)
