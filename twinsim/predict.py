"""One prediction per record, with NONMEM's event semantics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from twinsim.design import Design, design_of
from twinsim.errors import UsageError, nearest
from twinsim.models.structure import Structure
from twinsim.records import Records
from twinsim.solve import Problem, Solver, choose_solver, solve_block


def predict_structure(
    structure: Structure,
    records: Records,
    parameters: Mapping[str, Any],
    *,
    output: str | None = None,
    solver: str | Solver = "auto",
    precision: str = "float64",
    rtol: float | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Predictions of a structure whose parameters are given outright.

    Args:
        parameters: by name, a number, an array (patient), or the name of a covariate column that holds the values.
        output: which output; by default the first.

    Returns:
        prediction of every record in file order (record), status (patient).
    """
    columns = {name: value.lower() for name, value in parameters.items() if isinstance(value, str)}
    design = design_of(records, structure, used=tuple(columns.values()))
    values = {}
    for item in structure.parameters:
        given = parameters.get(item.name, item.default)
        if item.name in columns:
            values[item.name] = jnp.asarray(design.covariates[columns[item.name]])
        else:
            array = jnp.atleast_1d(jnp.asarray(given, jnp.float64))
            values[item.name] = jnp.broadcast_to(array, (_segment_count(design), array.shape[0]))
    strangers = [name for name in parameters if name not in structure.parameter_names]
    if strangers:
        raise UsageError(
            f"{structure.name} has no parameter {strangers[0]!r}", do=nearest(strangers[0], structure.parameter_names)
        )
    chosen = solver if isinstance(solver, Solver) else choose_solver(structure, solver, precision=precision, rtol=rtol)
    names = (output or structure.output_names[0],)
    structure.output(names[0])
    outputs, status = solve_design(structure, chosen, design, values, names)
    return np.asarray(outputs[names[0]])[design.position], np.asarray(status)


def _segment_count(design: Design) -> int:
    return next(iter(design.covariates.values())).shape[0] if design.switches is not None else 1


def solve_design(
    structure: Structure, solver: Solver, design: Design, parameters: Mapping[str, Any], outputs: tuple[str, ...]
) -> tuple[Mapping[str, Any], Any]:
    """Outputs (record, patient) and status (patient) of laid-out records.

    Args:
        parameters: name -> (segment, patient | 1).
    """
    count = next(iter(parameters.values())).shape[0]
    problem = Problem(structure, solver, design.plan.layout, outputs, segments=count)
    plan = {name: jnp.asarray(value) for name, value in design.plan.arrays.items()}
    plan["segment"] = jnp.asarray(design.dose_segment, jnp.int32)
    switches = None
    if design.switches is not None:
        begin, key, number = design.switches
        switches = (jnp.asarray(begin), jnp.asarray(key), jnp.asarray(number, jnp.int32))
    result = _solve(problem, design.times.shape[1], plan, dict(parameters), design.times, design.order, switches)
    return result[0], result[2]


@jax.jit(static_argnums=(0, 1))
def _solve(problem: Problem, patients: int, plan: Any, parameters: Any, times: Any, order: Any, switches: Any) -> Any:
    return solve_block(problem, plan, parameters, {}, times, order, patients, switches=switches)
