"""One prediction per record, with NONMEM's event semantics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from kernels import status as codes
from twinsim import units
from twinsim.design import Design, design_of
from twinsim.errors import DataError, UsageError, nearest
from twinsim.models.structure import Structure
from twinsim.population.derived import derive
from twinsim.population.model import PopulationModel, population_model
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
    problem = Problem(structure, chosen, design.plan.layout, names, segments=_segment_count(design))
    outputs, status = jax.jit(lambda p: solve_laid_out(problem, design, p, records.n_patients))(values)
    return np.asarray(outputs[names[0]])[design.position], np.asarray(status)


def _segment_count(design: Design) -> int:
    return next(iter(design.covariates.values())).shape[0] if design.switches is not None else 1


def solve_laid_out(
    problem: Problem, design: Design, parameters: Mapping[str, Any], patients: int
) -> tuple[Mapping[str, Any], Any]:
    """Outputs (record, patient) and status (patient) of laid-out records.

    Args:
        parameters: name -> (segment, patient | 1).
    """
    plan = {name: jnp.asarray(value) for name, value in design.plan.arrays.items()}
    plan["segment"] = jnp.asarray(design.dose_segment, jnp.int32)
    switches = None
    if design.switches is not None:
        begin, key, number = design.switches
        switches = (jnp.asarray(begin), jnp.asarray(key), jnp.asarray(number, jnp.int32))
    result = solve_block(
        problem, plan, parameters, {}, jnp.asarray(design.times), jnp.asarray(design.order), patients, switches=switches
    )
    return result[0], result[2]


# How tables spell covariates (lower case) and what they are called here.
ALIASES = {
    "wt": "weight",
    "wgt": "weight",
    "ht": "height",
    "apgr": "apgar",
    "scr": "creatinine",
    "creat": "creatinine",
    "alb": "albumin",
    "hct": "haematocrit",
    "gest": "gestational_age",
}


def predict(
    model: str | PopulationModel,
    records: Records,
    parameters: Mapping[str, float] | None = None,
    etas: Any = None,
    *,
    solver: str = "auto",
    precision: str = "float64",
    rtol: float | None = None,
) -> pd.DataFrame:
    """One prediction per record: PRED of a typical patient, IPRED with the patient's random effects.

    Args:
        model: a population model, or its name or file.
        parameters: numbers by theta name in place of the model's own.
        etas: random effects (eta, patient) in the model's order; None: IPRED equals PRED.

    Returns:
        ID TIME EVID CMT DVID DV PRED IPRED STATUS, one row per record in file order; NaN where a patient failed.
    """
    chosen = population_model(model) if not isinstance(model, PopulationModel) else model
    fitted = Fitted(chosen, records, solver=choose_solver(chosen.structure, solver, precision=precision, rtol=rtol))
    thetas = {name: jnp.asarray(value, jnp.float64) for name, value in (parameters or {}).items()}
    typical, status = fitted.predictions(thetas, None)
    individual, code = (typical, status) if etas is None else fitted.predictions(thetas, jnp.asarray(etas))
    worst = np.asarray(jnp.maximum(status, code))[records.patient]
    return pd.DataFrame(
        {
            "ID": records.ids[records.patient],
            "TIME": records.time,
            "EVID": records.evid,
            "CMT": records.cmt,
            "DVID": records.dvid,
            "DV": records.dv,
            "PRED": np.asarray(typical),
            "IPRED": np.asarray(individual),
            "STATUS": [codes.NAMES[int(code)] for code in worst],
        }
    )


class Fitted:
    """A population model laid over records: predictions as a function of its numbers, in the data's units.

    Args:
        outputs: dvid -> name of the output; by default the label itself, or the first output without labels.
    """

    def __init__(
        self, model: PopulationModel, records: Records, *, solver: Solver, outputs: Mapping[str, str] | None = None
    ) -> None:
        self.model, self.records = model, records
        used = {name.lower() for name in records.covariates if covariate_name(name) in _wanted(model)}
        self.design = design_of(records, model.structure, used=tuple(used))
        self.covariates = self._covariates()
        self.output_of = self._outputs(outputs or {})
        names = tuple(dict.fromkeys(self.output_of))
        self.output_names = names or (model.structure.output_names[0],)
        self.problem = Problem(model.structure, solver, self.design.plan.layout, self.output_names, self._segments)
        self.factor = self._factors()
        self._predict = jax.jit(self._predictions)

    @property
    def _segments(self) -> int:
        return 1 if self.design.switches is None else next(iter(self.design.covariates.values())).shape[0]

    def _covariates(self) -> dict[str, Any]:
        known = {}
        for name, values in self.design.covariates.items():
            known[covariate_name(name)] = jnp.asarray(values)
        return derive(known)

    def _outputs(self, chosen: Mapping[str, str]) -> list[str]:
        """The output each observation record belongs to, one per record ("" where none is observed)."""
        names, first = self.model.structure.output_names, self.model.structure.output_names[0]
        table = {}
        for label in self.records.dvids:
            name = chosen.get(label, label if label in names else first if label == "" else "")
            if name not in names:
                raise UsageError(
                    f"no output of {self.model.structure.name} is called {name or label!r}",
                    where=f"DVID {label!r}",
                    do=f"say which one it is: outputs={{{label!r}: {first!r}}}",
                )
            table[label] = name
        return [table.get(label, first) for label in self.records.dvid]

    def _factors(self) -> np.ndarray:
        """From the output's unit to the data's (record)."""
        found: dict[tuple[str, str], float] = {}
        for label, name in dict.fromkeys(zip(self.records.dvid.tolist(), self.output_of, strict=True)):
            unit = self.model.structure.output(name).unit
            given = self.records.units.get("DV", unit)
            text = given if isinstance(given, str) else given.get(label, unit)
            found[label, name] = units.factor(unit, str(text))
        return np.asarray([found[key] for key in zip(self.records.dvid.tolist(), self.output_of, strict=True)])

    def predictions(self, thetas: Mapping[str, Any], etas: Any) -> tuple[Any, Any]:
        """Predictions (record) in the data's units and status (patient); traceable in thetas and etas."""
        return self._predict(dict(thetas), etas)

    def _predictions(self, thetas: Mapping[str, Any], etas: Any) -> tuple[Any, Any]:
        shape = (self._segments, self.records.n_patients)
        covariates = {name: jnp.broadcast_to(value, shape) for name, value in self.covariates.items()}
        effects = None if etas is None else jnp.broadcast_to(etas[:, None, :], (etas.shape[0], *shape))
        values = self.model.individual(covariates, etas=effects, thetas=thetas or None)
        values = {name: jnp.broadcast_to(jnp.asarray(value), shape) for name, value in values.items()}
        outputs, status = solve_laid_out(self.problem, self.design, values, shape[1])
        stacked = jnp.stack([outputs[name] for name in self.output_names])
        which = jnp.asarray([self.output_names.index(name) for name in self.output_of])
        row, patient = self.design.position
        return stacked[which, row, patient] * jnp.asarray(self.factor), status


def covariate_name(column: str) -> str:
    """The name of a covariate from a table's column.

    >>> covariate_name("WT"), covariate_name("AGE")
    ('weight', 'age')
    """
    return ALIASES.get(column.lower(), column.lower())


def _wanted(model: PopulationModel) -> set[str]:
    """Covariates a model may use, those behind derived ones too."""
    from twinsim.population.derived import DERIVED

    names = set(model.needs)
    for name in tuple(names):
        if name in DERIVED:
            names |= set(DERIVED[name].needs)
    return names


def require_sound(status: np.ndarray, records: Records) -> None:
    """Refuse to go on with patients whose predictions failed.

    Raises:
        DataError: naming them and their status.
    """
    failed = np.flatnonzero(np.asarray(status) != codes.OK)
    if failed.size:
        names = ", ".join(f"{records.ids[i]} ({codes.NAMES[int(status[i])]})" for i in failed[:5])
        raise DataError(f"{failed.size} patients cannot be predicted: {names}", where=records.source)
