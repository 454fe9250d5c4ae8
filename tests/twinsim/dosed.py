"""One patient per kind of dose, so that one compiled program serves all."""

from dataclasses import replace

import jax.numpy as jnp
import pandas as pd

import twinsim
from twinsim.design import design_of
from twinsim.models.structure import Parameter, Route
from twinsim.solve import Problem, choose_solver, solve_block

ITEMS = {"EVID": 0, "AMT": 0.0, "CMT": 0, "RATE": 0.0, "DUR": 0.0, "II": 0.0, "ADDL": 0, "SS": 0}
GRID = [0.9, 2.1, 3.4, 5.2, 7.7, 10.3, 13.9, 20.1]


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


def block(structure, tier, doses, rtol=1e-11, watch=None, **options):
    """`solve_block` of one patient per kind of dose: parameters (name -> (1, patient)) -> what that returns."""
    rows = [
        {"ID": i, **ITEMS, **row}
        for i, own in enumerate(doses.values())
        for row in sorted([*own, *({"TIME": t} for t in GRID)], key=lambda row: row["TIME"])
    ]
    records = twinsim.read_records(pd.DataFrame(rows), units={"AMT": "mg"}, structure=structure)
    design = design_of(records, structure)
    plan = {name: jnp.asarray(values) for name, values in design.plan.arrays.items()}
    plan["segment"] = jnp.zeros(plan["time"].shape, jnp.int32)
    solver = choose_solver(structure, tier, precision="float64", rtol=rtol)
    problem = Problem(structure, solver, design.plan.layout, structure.output_names[-1:], **options)
    times, order = jnp.asarray(design.times), jnp.asarray(design.order)
    return lambda given: solve_block(problem, plan, given, {}, times, order, len(doses), watch=watch)


def curves(structure, tier, doses, **options):
    """Parameters (name -> (patient)) -> concentrations (time, patient)."""
    solve, output = block(structure, tier, doses, **options), structure.output_names[-1]
    return lambda values: solve({name: value[None, :] for name, value in values.items()})[0][output]
