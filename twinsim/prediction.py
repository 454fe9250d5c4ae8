"""One prediction per record, with NONMEM's event semantics."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd

from kernels import status as codes
from twinsim import units
from twinsim.compiled_once import compiled_once
from twinsim.design import Design, design_of, moving_covariates
from twinsim.errors import DataError, UsageError, nearest
from twinsim.models.structure import Structure
from twinsim.people import typical_of
from twinsim.population.covariates import COVARIATES, covariate_name
from twinsim.population.derived import derive
from twinsim.population.model import PopulationModel, population_model
from twinsim.population.model_covariate import wanted_covariates
from twinsim.records import Records
from twinsim.segments import Individual, law_of, moving_fields, switches
from twinsim.sensitivity import reversible
from twinsim.solve import Problem, solve_block
from twinsim.solver import Solver, choose_solver


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
    strangers = [name for name in parameters if name not in structure.parameter_names]
    if strangers:
        raise UsageError(
            f"{structure.name} has no parameter {strangers[0]!r}", do=nearest(strangers[0], structure.parameter_names)
        )
    columns = {name: value.lower() for name, value in parameters.items() if isinstance(value, str)}
    known = {name.lower() for name in records.covariates}
    for name, column in columns.items():
        if column not in known:
            what = f"{name} is to be read from {column.upper()!r}, which is no covariate of the records"
            raise UsageError(what, where=records.source, do=nearest(column, known))
    used = tuple(columns.values())
    name = output or structure.output_names[0]
    structure.output(name)
    design = design_of(records, structure, used=used)
    if not isinstance(solver, Solver):
        how = {"precision": precision, "rtol": rtol, "moving": moving_covariates(records, used, "linear")}
        solver = choose_solver(structure, solver, times=design.times, **how)
    given = {item.name: parameters.get(item.name, item.default) for item in structure.parameters}
    numbers = {key: jnp.atleast_1d(jnp.asarray(v, jnp.float64)) for key, v in given.items() if key not in columns}
    shape = (design.count, records.n_patients)
    covariates = {key: jnp.broadcast_to(values, shape) for key, values in design.covariates.items()}
    covariates |= {f"={key}": jnp.broadcast_to(value, shape) for key, value in numbers.items()}

    def individual(x: Mapping[str, Any], etas: Any, occasion_etas: Any) -> dict[str, Any]:
        return {key: x[columns[key]] if key in columns else x[f"={key}"] for key in given}

    problem = Problem(structure, solver, design.plan.layout, (name,), segments=design.count)
    outputs, status = compiled_once(lambda x: solve_laid_out(problem, design, individual, x))(covariates)
    return np.asarray(outputs[name])[design.position], np.asarray(status)


def solve_laid_out(
    problem: Problem,
    design: Design,
    individual: Individual,
    covariates: Mapping[str, Any],
    etas: Any = None,
    occasion_etas: Any = None,
    *,
    reverse: bool = True,
) -> tuple[Mapping[str, Any], Any]:
    """Outputs (record, patient) and status (patient) of laid-out records.

    Args:
        individual: covariates, etas, occasion etas -> parameters, element-wise.
        covariates: name -> (segment, patient).
        etas, occasion_etas: (eta, segment, patient), or None.
        reverse: may be differentiated backward where parameters never change; False: forward, as often as one likes.
    """
    segments, patients = design.segments, design.times.shape[1]
    plan, law, change = {name: jnp.asarray(value) for name, value in design.plan.arrays.items()}, None, None
    if segments is None:
        plan["segment"] = jnp.zeros(plan["time"].shape, jnp.int32)
    else:
        plan["segment"], change = jnp.asarray(segments.doses), switches(segments.arrays)
    if segments is not None and segments.slopes:
        law = law_of(individual)
        fields = moving_fields(covariates, segments.slopes, segments.anchor, etas, occasion_etas)
    else:
        fields = individual(covariates, etas, occasion_etas)
    fields = {name: jnp.broadcast_to(value, (design.count, patients)) for name, value in fields.items()}
    times, order = jnp.asarray(design.times), jnp.asarray(design.order)

    def solved(fields: Mapping[str, Any], plan: Any, times: Any, order: Any) -> tuple[Mapping[str, Any], Any]:
        outputs, _, status, _ = solve_block(problem, plan, fields, {}, times, order, patients, switches=change, law=law)
        return outputs, status

    # With one segment derivatives go by the parameters, and from there to whatever they come from.
    return (reversible(solved) if reverse and segments is None else solved)(fields, plan, times, order)


def predict(
    model: str | PopulationModel,
    records: Records,
    parameters: Mapping[str, float] | None = None,
    etas: Any = None,
    *,
    occasion_etas: Any = None,
    outputs: Mapping[str, str] | None = None,
    solver: str = "auto",
    precision: str = "float64",
    rtol: float | None = None,
) -> pd.DataFrame:
    """One prediction per record: PRED of a typical patient, IPRED with the patient's random effects.

    Args:
        model: a population model, or its name or file.
        parameters: numbers by theta name in place of the model's own.
        etas: random effects (eta, patient) in the model's order; None: none.
        occasion_etas: random effects of occasions (eta, occasion, patient), occasions in the order of their numbers
            in OCC; None: none. As every item of a record, its occasion also covers the time since the one before.
        outputs: dvid -> name of the output, where the label itself is none.

    Returns:
        ID TIME EVID CMT DVID DV PRED IPRED STATUS, one row per record in file order; NaN where a patient failed.
    """
    chosen = population_model(model) if not isinstance(model, PopulationModel) else model
    occasions = occasion_etas is not None
    how = {"solver": solver, "precision": precision, "rtol": rtol}
    fitted = Fitted(chosen, records, outputs=outputs, occasions=occasions, **how)
    thetas = {name: jnp.asarray(value, jnp.float64) for name, value in (parameters or {}).items()}
    typical, status = fitted.predictions(thetas, None)
    individual, code = typical, status
    if etas is not None or occasions:
        individual, code = fitted.predictions(thetas, etas, occasion_etas)
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
        solver: see `twinsim.solver.choose_solver`.
        outputs: dvid -> name of the output; by default the label itself, or the first output without labels.
        occasions: random effects of occasions will be given.
    """

    def __init__(
        self,
        model: PopulationModel,
        records: Records,
        *,
        solver: str = "auto",
        precision: str = "float64",
        rtol: float | None = None,
        outputs: Mapping[str, str] | None = None,
        occasions: bool = False,
    ) -> None:
        self.model, self.records = model, records
        wanted = wanted_covariates(model.covariates)
        used = tuple(name.lower() for name in records.covariates if covariate_name(name) in wanted)
        carried = {name: item.unit for name, item in COVARIATES.items()}
        carried |= {item.name: item.carried for item in model.covariates}
        self.design = design_of(
            records, model.structure, used=used, occasions=occasions, called=covariate_name, carried=carried
        )
        how = {"precision": precision, "rtol": rtol, "moving": moving_covariates(records, used, "linear")}
        tier = choose_solver(
            model.structure, solver, times=self.design.times, typical=partial(typical_of, model), **how
        )
        self.output_of = self._outputs(outputs or {})
        self.output_names = tuple(dict.fromkeys(self.output_of)) or (model.structure.output_names[0],)
        self.problem = Problem(model.structure, tier, self.design.plan.layout, self.output_names, self.design.count)
        self.factor = self._factors()
        self._predict = compiled_once(self._predictions)

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
                    why=nearest(name or label, names),
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

    def predictions(self, thetas: Mapping[str, Any], etas: Any, occasion_etas: Any = None) -> tuple[Any, Any]:
        """Predictions (record) in the data's units and status (patient); traceable in all arguments.

        Args:
            etas, occasion_etas: see `predict`.
        """
        return self._predict(dict(thetas), self._given(etas, "etas"), self._given(occasion_etas, "occasion_etas"))

    def _given(self, etas: Any, what: str) -> Any:
        if etas is None:
            return None
        array, people = jnp.asarray(etas), self.records.n_patients
        names = self.model.eta_names if what == "etas" else self.model.occasion_eta_names
        axes = (len(names), people) if what == "etas" else (len(names), len(np.unique(self.records.occ)), people)
        if array.shape != axes:
            shape = "(eta, patient)" if what == "etas" else "(eta, occasion, patient)"
            do = f"give {shape} = {axes}; the effects are {', '.join(names) or 'none'}"
            raise UsageError(f"{what} have shape {array.shape}", where=self.model.name, do=do)
        return array

    def _predictions(self, thetas: Mapping[str, Any], etas: Any, occasion_etas: Any) -> tuple[Any, Any]:
        shape = (self.design.count, self.records.n_patients)
        covariates = {name: jnp.broadcast_to(value, shape) for name, value in self.design.covariates.items()}
        if etas is not None:
            etas = jnp.broadcast_to(etas[:, None, :], (etas.shape[0], *shape))
        if occasion_etas is not None:
            segments = self.design.segments
            number = np.zeros(shape, np.int32) if segments is None else segments.occasion
            occasion_etas = jnp.take_along_axis(occasion_etas, jnp.asarray(number)[None], axis=1)

        def individual(x: Mapping[str, Any], etas: Any, occasion_etas: Any) -> Mapping[str, Any]:
            return self.model.individual(derive(x), etas=etas, thetas=thetas or None, occasion_etas=occasion_etas)

        outputs, status = solve_laid_out(self.problem, self.design, individual, covariates, etas, occasion_etas)
        stacked = jnp.stack([outputs[name] for name in self.output_names])
        which = jnp.asarray([self.output_names.index(name) for name in self.output_of])
        row, patient = self.design.position
        return stacked[which, row, patient] * jnp.asarray(self.factor), status


def require_sound(status: np.ndarray, records: Records) -> None:
    """Refuse to go on with patients whose predictions failed.

    Raises:
        DataError: naming them and their status.
    """
    failed = np.flatnonzero(np.asarray(status) != codes.OK)
    if failed.size:
        names = ", ".join(f"{records.ids[i]} ({codes.NAMES[int(status[i])]})" for i in failed[:5])
        raise DataError(f"{failed.size} patients cannot be predicted: {names}", where=records.source)
