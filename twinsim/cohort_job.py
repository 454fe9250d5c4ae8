"""A cohort as a job for the runner: any range of its patients can be computed by itself."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernels import random
from kernels.batch import all_devices, rounded, spread
from twinsim.endpoints import read_endpoint
from twinsim.errors import UsageError
from twinsim.events import Events
from twinsim.plan import DosePlan, plan_events
from twinsim.population.cohort import Cohort
from twinsim.population.model import PopulationModel, population_model
from twinsim.population.source import Source, find_source
from twinsim.program import CohortProgram, compiled
from twinsim.provenance import provenance_of
from twinsim.run.summary import default_reducers
from twinsim.scenario import Scenario, checked_times, covariate_meaning, events_identity, last_dose, same_layout
from twinsim.solve import Problem, choose_solver
from twinsim.store.variable import Coordinate, Variable, status_variable

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CohortJob:
    """Patients 0 to size - 1 of a population model under one or more scenarios; see `cohort_job`."""

    title: str
    size: int
    model: PopulationModel
    scenarios: tuple[Scenario, ...]
    swept: bool
    times: np.ndarray
    seed: int
    program: CohortProgram
    plans: tuple[DosePlan, ...]
    cohort: Cohort | None
    settings: Mapping[str, Any]

    @property
    def coordinates(self) -> Mapping[str, Coordinate]:
        """Time, and the swept values."""
        unit = self.model.structure.time
        result = {"time": Coordinate(self.times, units=unit, long_name="time after the first dose")}
        if self.swept:
            result["scenario"] = Coordinate(np.arange(len(self.scenarios)), units="1", long_name="scenario")
            for name in self.scenarios[0].values:
                values = np.asarray([scenario.values[name] for scenario in self.scenarios], np.float64)
                key = name.replace(".", "_")
                result[key] = Coordinate(values, units="1", long_name=f"swept: {name}", dim="scenario")
        return result

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """Curves, endpoints, parameters, covariates and status."""
        dtype = np.dtype(self.settings["precision"])
        structure = self.model.structure
        outer = ("scenario",) if self.swept else ()
        result = [status_variable((*outer, "patient"))]
        several = len(self.program.problem.outputs) > 1
        for name in self.program.problem.outputs:
            port = structure.output(name)
            dims = (*outer, "patient", "time")
            if self.program.curves:
                result.append(Variable(name, dims, dtype, port.unit, port.meaning))
            if self.program.observed:
                meaning = f"{port.meaning}, with residual error"
                result.append(Variable(f"{name}_observed", dims, dtype, port.unit, meaning))
            for endpoint in self.program.endpoints:
                result.append(
                    Variable(
                        endpoint.name(name, several),
                        (*outer, "patient"),
                        dtype,
                        endpoint.unit(port, structure.time),
                        endpoint.meaning(port),
                        group="endpoints",
                    )
                )
        own = outer if any(scenario.parameters or scenario.covariates for scenario in self.scenarios) else ()
        for item in structure.parameters:
            result.append(
                Variable(item.name, (*own, "patient"), np.float64, item.unit, item.meaning, group="parameters")
            )
        for name in self._covariate_names:
            unit, meaning = covariate_meaning(name, self.cohort)
            result.append(Variable(name, (*own, "patient"), np.float64, unit, meaning, group="covariates"))
        return tuple(result)

    @cached_property
    def _covariate_names(self) -> tuple[str, ...]:
        people, _ = compiled(self.program)
        own, shared = self._own(0, 1), self._shared(0)
        shapes = jax.eval_shape(people, own, shared)
        return tuple(sorted(shapes["covariates"]))

    @property
    def reducers(self) -> tuple[Any, ...]:
        """Moments and quantiles of every curve."""
        return default_reducers([v for v in self.variables if v.is_trajectory], self.size)

    @cached_property
    def identity(self) -> Mapping[str, Any]:
        """Everything that determines the numbers."""
        return {
            "model": self.model.identity,
            "size": self.size,
            "seed": self.seed,
            "random_scheme": random.SCHEME,
            "times": self.times.tolist(),
            "scenarios": [
                {
                    "values": dict(scenario.values),
                    "events": events_identity(scenario.events),
                    "parameters": dict(scenario.parameters),
                    "covariates": dict(scenario.covariates),
                }
                for scenario in self.scenarios
            ],
            **{key: value for key, value in self.settings.items() if key != "reason"},
        }

    @property
    def provenance(self) -> Mapping[str, str]:
        """Environment, sources, and which solver was chosen why."""
        return provenance_of(self.model, {**self.settings, "seed": self.seed, "size": self.size})

    def patient_ids(self, first: int, count: int) -> np.ndarray:
        """Ids of patients: those of the cohort, or their numbers."""
        if self.cohort is not None:
            return np.asarray(self.cohort.ids[first : first + count])
        return np.arange(first, first + count, dtype=np.int64)

    def _own(self, first: int, count: int) -> dict[str, Any]:
        padded = rounded(count, all_devices())
        rows = np.minimum(first + np.arange(padded), self.size - 1)
        own: dict[str, Any] = {"id": rows.astype(np.int64)}
        if self.cohort is not None:
            own["id"] = np.asarray(self.cohort.ids)[rows]
            own |= {name: np.asarray(values)[rows] for name, values in self.cohort.covariates.items()}
        return {name: spread(value, all_devices()) for name, value in own.items()}

    def _shared(self, number: int) -> dict[str, Any]:
        scenario, plan = self.scenarios[number], self.plans[number]
        return {
            "seed": jnp.asarray(self.seed, jnp.uint32),
            "thetas": {name: jnp.asarray(v, jnp.float64) for name, v in self.model.thetas.items()},
            "parameters": {name: jnp.asarray(v, jnp.float64) for name, v in scenario.parameters.items()},
            "covariates": {name: jnp.asarray(v, jnp.float64) for name, v in scenario.covariates.items()},
            "plan": {name: jnp.asarray(value) for name, value in plan.arrays.items()},
            "times": jnp.asarray(self.times, jnp.float64),
            "last_dose": jnp.asarray(last_dose(plan), jnp.float64),
        }

    def compute(self, first: int, count: int) -> dict[str, Any]:
        """All outputs of patients first to first + count - 1, patient last."""
        results, persons = [], []
        for number in range(len(self.scenarios)):
            person, result = self._one(first, count, number, None)
            results.append(result)
            persons.append(person)
        out = {}
        for variable in self.variables:
            group, _, name = variable.key.rpartition("/")
            if group in ("parameters", "covariates"):
                parts = [person[group][name][..., :count] for person in persons]
            else:
                parts = [result[variable.key][..., :count] for result in results]
            out[variable.key] = jnp.stack(parts) if "scenario" in variable.dims else parts[0]
        return out

    def run_all(self, start: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """All patients at once, with the states they end in under "final/"; only without a sweep."""
        person, result = self._one(0, self.size, 0, start)
        result = {**result, **{f"{group}/{n}": v for group, values in person.items() for n, v in values.items()}}
        keys = [variable.key for variable in self.variables] + [key for key in result if key.startswith("final/")]
        return {key: result[key][..., : self.size] for key in keys}

    def _one(self, first: int, count: int, number: int, start: Mapping[str, Any] | None) -> tuple[Any, Any]:
        """Patients and results of one scenario, padded to whole blocks."""
        people, curves = compiled(self.program)
        own, shared = self._own(first, count), self._shared(number)
        person = people(own, shared)
        block = {"id": own["id"], **person}
        if start is not None:
            rows = np.minimum(np.arange(own["id"].shape[-1]), self.size - 1)
            block["start"] = {name: spread(np.asarray(value)[rows], all_devices()) for name, value in start.items()}
        return person, curves(block, shared)


def cohort_job(
    model: str | PopulationModel,
    events: Events | Sequence[Scenario],
    times: Sequence[float] | np.ndarray,
    *,
    size: int | None = None,
    source: str | Path | Source | Cohort = "adults",
    outputs: Sequence[str] | None = None,
    endpoints: Sequence[str] = ("auc", "cmax", "tmax", "trough"),
    parameters: Mapping[str, float] | None = None,
    observed: bool = False,
    random_effects: bool = True,
    seed: int = 0,
    solver: str = "auto",
    precision: str = "float32",
    rtol: float | None = None,
    max_steps: int = 100_000,
    save: str = "trajectories",
    title: str = "",
) -> CohortJob:
    """A job that simulates a cohort; `twinsim.run.local.execute` runs it.

    Args:
        model: a population model, or its name or file.
        events: what happens to everyone, or scenarios of it.
        times: of outputs [the structure's time unit], increasing.
        size: number of patients; that of the cohort if one is given.
        source: where patients come from: a generator's name, a table's path, or a cohort.
        outputs: names; all of the structure's by default.
        endpoints: e.g. "auc", "time_above:10".
        parameters: values that take the place of the patients' own.
        observed: also write observations with residual error.
        random_effects: False: every patient is typical of its covariates.
        save: "summary" or "endpoints" keep the curves out of the file.

    Raises:
        UsageError, ModelError, DataError: what cannot be run, and what to write instead.
    """
    chosen = population_model(model) if isinstance(model, str | Path) else model
    structure = chosen.structure
    scenarios = (Scenario({}, events),) if isinstance(events, Events) else tuple(events)
    if not scenarios:
        raise UsageError("a sweep needs at least one scenario", where="sweep")
    if parameters:
        scenarios = tuple(Scenario(s.values, s.events, {**parameters, **s.parameters}, s.covariates) for s in scenarios)
    for scenario in scenarios:
        for name in scenario.parameters:
            structure.parameter(name)
    grid = checked_times(times)
    cohort = source if isinstance(source, Cohort) else None
    if cohort is not None and cohort.timed:
        raise UsageError("covariates that change with time need records", do="use twinsim.prediction")
    generator = None if cohort is not None else find_source(source)  # type: ignore[arg-type]
    count = size if size is not None else cohort.size if cohort is not None else None
    if count is None or count < 1:
        raise UsageError("how many patients?", where="population.size", do="give size=1000, say")
    picked = choose_solver(structure, solver, precision=precision, rtol=rtol, max_steps=max_steps)
    names = tuple(outputs) if outputs is not None else structure.output_names
    for name in names:
        structure.output(name)
    plans = same_layout([plan_events(scenario.events, structure) for scenario in scenarios])
    program = CohortProgram(
        model=chosen.with_thetas({}),
        source=generator,
        problem=Problem(structure, picked, plans[0].layout, names),
        endpoints=tuple(read_endpoint(text) for text in endpoints),
        observed=observed,
        curves=True,
        random_effects=random_effects,
    )
    settings = {
        "solver": picked.tier,
        "reason": picked.reason,
        "rtol": picked.rtol,
        "max_steps": picked.max_steps,
        "precision": precision,
        "source": str(source) if isinstance(source, str | Path) else type(source).__name__,
        "outputs": list(names),
        "endpoints": list(endpoints),
        "observed": observed,
        "random_effects": random_effects,
        "save": save,
    }
    return CohortJob(
        title=title or f"{chosen.title or chosen.name}, {count:,} virtual patients",
        size=count,
        model=chosen,
        scenarios=scenarios,
        swept=not isinstance(events, Events),
        times=grid,
        seed=seed,
        program=program,
        plans=plans,
        cohort=cohort,
        settings=settings,
    )
