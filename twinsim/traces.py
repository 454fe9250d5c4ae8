"""What a structure needs from outside, fed by constants and by recorded traces.

    need(t) = the last point's value        held
            = on the line between points    linear

A need becomes a parameter of its name, and a trace a covariate that changes in time: its points are hard stops at
their exact times, and everything that works for such covariates works for traces.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from twinsim.errors import UnitError, UsageError, nearest
from twinsim.models.couple import bind
from twinsim.models.structure import Parameter, Structure
from twinsim.population.cohort import Cohort
from twinsim.population.covariate_effects import Relation
from twinsim.population.fields import Number
from twinsim.population.model import PopulationModel
from twinsim.population.model_covariate import ModelCovariate
from twinsim.population.model_file import ModelParameter
from twinsim.population.timed import TimedCovariate
from twinsim.units import factor

BETWEEN = {"held": "locf", "linear": "linear"}


@dataclass(frozen=True, eq=False)
class Trace:
    """A recorded input: values at points in time.

    Attributes:
        times: [the structure's time unit], rising: one list for everyone, or one for each patient.
        values: as many.
        between: "held" keeps a point's value until the next; "linear" joins points by straight lines. Before the first
            and after the last point the nearest value holds.
        unit: of the values; None: that of the need.
    """

    times: Any
    values: Any
    between: str = "held"
    unit: str | None = None


def with_inputs(model: PopulationModel, cohort: Cohort, inputs: Mapping[str, Any]) -> tuple[PopulationModel, Cohort]:
    """The model with needs that have become parameters, and the cohort with the traces among its covariates.

    Args:
        inputs: need -> a number in its unit, a Trace, or its arguments in a tuple: (times, values[, between[, unit]]).

    Raises:
        UsageError: a need that the structure has not, values that are no input, traces of other patients.
        UnitError: a unit that does not fit the need.
        DataError: points that contradict each other.
    """
    structure = model.structure
    parameters, covariates, timed = [], [], {}
    for name, given in inputs.items():
        if name not in structure.need_names:
            do = nearest(name, structure.need_names) if structure.need_names else "leave inputs out"
            raise UsageError(f"{structure.name} does not need {name!r}", where="inputs", do=do)
        port = next(port for port in structure.needs if port.name == name)
        value, relations = given, ()
        if not isinstance(given, int | float):
            label = f"input_{name}"
            timed[label] = _timed(_trace(name, given), cohort, name, port.unit)
            typical = float(timed[label].values[0, 0])
            covariates.append(ModelCovariate(label, port.unit, port.unit, typical, meaning=port.meaning))
            value, relations = 1.0, (Relation("proportional", (label,)),)
        number = Number(name, float(value), port.unit, port.meaning, "an input of this run", fixed=True)
        parameters.append(ModelParameter(name, port.unit, number, relations))
    closed = tuple(
        Parameter(item.name, item.unit, item.typical.value, item.typical.meaning, item.typical.source, _ANY)
        for item in parameters
    )
    parts = replace(
        model.parts,
        structure=_bound(structure, closed),
        parameters=(*model.parts.parameters, *parameters),
        covariates=(*model.parts.covariates, *covariates),
    )
    document = {**model.document, "inputs": {name: f"input_{name}" in timed for name in inputs}}
    units = {**cohort.units, **{item.name: item.unit for item in covariates}}
    return replace(model, parts=parts, document=document), Cohort(cohort.ids, {**cohort.covariates, **timed}, units)


_ANY = (-float("inf"), float("inf"))


@lru_cache(maxsize=64)
def _bound(structure: Structure, parameters: tuple[Parameter, ...]) -> Structure:
    """One and the same structure for the same needs, so that nothing is compiled twice."""
    return bind(structure, {item.name: item for item in parameters})


def _trace(name: str, given: Any) -> Trace:
    if isinstance(given, Trace):
        trace = given
    elif isinstance(given, tuple | list) and 2 <= len(given) <= 4:
        trace = Trace(*given)
    else:
        raise UsageError(
            f"{given!r} is no input",
            where=f"inputs, {name}",
            do="give a number, or a trace: ([0, 1, 2], [5.0, 7.0, 6.0])",
        )
    if trace.between not in BETWEEN:
        what = f"{trace.between!r} does not say what is between points"
        raise UsageError(what, where=f"inputs, {name}", do=nearest(str(trace.between), BETWEEN))
    return trace


def _timed(trace: Trace, cohort: Cohort, name: str, unit: str) -> TimedCovariate:
    """The trace as a covariate of these patients."""
    rows = [_rows(values) for values in (trace.times, trace.values)]
    count = max(len(row) for row in rows)
    if {len(row) for row in rows} - {1, count} or count not in (1, cohort.size):
        raise UsageError(
            f"traces of {' and '.join(sorted({str(len(row)) for row in rows}))} patients, and {cohort.size} patients",
            where=f"inputs, {name}",
            do="give one list for everyone, or one for each patient",
        )
    times, values = (row * cohort.size if len(row) == 1 else row for row in rows)
    try:
        scale = 1.0 if trace.unit is None else factor(trace.unit, unit)
    except UnitError as error:
        raise UnitError(error.what, where=f"inputs, {name}", why=error.why, do=error.do) from None
    return TimedCovariate.of_points(times, [[scale * value for value in row] for row in values], BETWEEN[trace.between])


def _rows(values: Any) -> list[list[float]]:
    """One list of numbers, or one for each patient."""
    several = any(np.ndim(row) for row in values)
    return [np.asarray(row, np.float64).tolist() for row in (values if several else [values])]
