"""A cohort as a job for the runner: any range of its patients can be computed by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from kernels import random
from kernels.batch import all_devices, rounded
from twinsim.cohort_inputs import own_of, shared_of
from twinsim.cohort_stream import computed, one_scenario, streamed_program
from twinsim.contents import coordinates_of, variables_of
from twinsim.endpoints import read_endpoint
from twinsim.errors import UsageError, nearest
from twinsim.events import Events
from twinsim.flags import with_ranged
from twinsim.patients_of import name_of, patients_of
from twinsim.people import typical_of
from twinsim.plan import DosePlan, plan_events
from twinsim.population.cohort import Cohort, digest
from twinsim.population.covariates import COVARIATES
from twinsim.population.derived import DERIVED
from twinsim.population.model import PopulationModel, population_model
from twinsim.population.resample import Resampled
from twinsim.population.source import Source
from twinsim.program import CohortProgram, compiled
from twinsim.provenance import provenance_of
from twinsim.run.summary import default_reducers
from twinsim.scenario import Scenario, checked_occasions, checked_times, events_identity, is_uniform, same_layout
from twinsim.segments import Segments, cohort_segments, timed_of
from twinsim.solve import Problem
from twinsim.solver import choose_solver
from twinsim.store.variable import Coordinate, Variable


@dataclass(frozen=True)
class CohortJob:
    """Patients 0 to size - 1 of a population model under one or more scenarios; see `cohort_job`."""

    title: str
    size: int
    model: PopulationModel
    scenarios: tuple[Scenario, ...]
    swept: bool
    times: np.ndarray
    occasions: np.ndarray
    seed: int
    program: CohortProgram
    plans: tuple[DosePlan, ...]
    segments: tuple[Segments | None, ...]
    cohort: Cohort | None
    settings: Mapping[str, Any]
    widths: set[int] = field(default_factory=set, compare=False, repr=False)

    @property
    def coordinates(self) -> Mapping[str, Coordinate]:
        """Time or record, occasions, and the swept values."""
        return coordinates_of(self)

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """Curves, endpoints, parameters, covariates and status.

        Raises:
            DataError: a covariate that the model needs is missing.
            UsageError: an amount is per kg or m2, and nobody has a weight or body surface area.
        """
        people, _ = compiled(self.program)
        shapes = people.shapes(own_of(self, 0, 1, 0, rounded(1, all_devices())), shared_of(self, 0))
        names = sorted(shapes["covariates"])
        for rows, unit, name in (("per_kg", "kg", "weight"), ("per_m2", "m2", "bsa")):
            if getattr(self.program.problem.layout, rows) and name not in names:
                do = f"give the cohort its {name}{' (or weight and height)' if name == 'bsa' else ''}, or leave per out"
                what = f"a dose per {unit} needs the patients' {name}, and there is none"
                raise UsageError(what, where="regimen.per", do=do)
        return variables_of(self, names)

    @property
    def reducers(self) -> tuple[Any, ...]:
        """Moments and quantiles of every curve; none where each patient has its own times."""
        if self.times.ndim == 2:
            return ()
        return default_reducers([v for v in self.variables if v.is_trajectory], self.size)

    @cached_property
    def identity(self) -> Mapping[str, Any]:
        """Everything that determines the numbers."""
        return {
            "model": self.model.identity,
            "size": self.size,
            "seed": self.seed,
            "random_scheme": random.SCHEME,
            "times": self.times.tolist() if self.times.ndim == 1 else digest({"times": self.times}),
            "occasions": self.occasions.tolist(),
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

    @cached_property
    def streamed(self) -> CohortProgram:
        """The program of `compute`: it makes the reducers' numbers beside the curves, or in their place."""
        return streamed_program(self)

    def compute(self, first: int, count: int) -> dict[str, Any]:
        """All outputs of patients first to first + count - 1, patient last; what `save` leaves out may be missing."""
        return computed(self, first, count)

    def run_all(self, start: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """All patients at once, with the states they end in under "final/"; only without a sweep."""
        width = rounded(self.size, all_devices())
        person, result = one_scenario(self, 0, self.size, 0, width, self.program, start)
        result = {**result, **{f"{group}/{n}": v for group, values in person.items() for n, v in values.items()}}
        keys = [variable.key for variable in self.variables] + [key for key in result if key.startswith("final/")]
        # Cut by NumPy: JAX would compile a program for each shape.
        return {key: np.asarray(result[key])[..., : self.size] for key in keys}


def cohort_job(
    model: str | Path | Mapping[str, Any] | PopulationModel,
    events: Events | Sequence[Scenario],
    times: Any,
    *,
    size: int | None = None,
    source: str | Path | Source | Cohort = "adults",
    outputs: Sequence[str] | None = None,
    endpoints: Sequence[str] = ("auc", "cmax", "tmax", "trough"),
    parameters: Mapping[str, float] | None = None,
    covariates: Mapping[str, float] | None = None,
    occasions: Sequence[float] | None = None,
    observed: bool = False,
    random_effects: bool = True,
    seed: int = 0,
    solver: str = "auto",
    precision: str = "float32",
    rtol: float | None = None,
    max_steps: int | None = None,
    dense: bool = False,
    save: str = "trajectories",
    title: str = "",
    equilibrium: bool = False,
    settle: float = 0.0,
) -> CohortJob:
    """A job that simulates a cohort; `twinsim.run.local.execute` runs it.

    Args:
        model: a population model, or its name or file.
        events: what happens to everyone, or scenarios of it; rows that name a patient mean its place in the cohort.
        times: of outputs [the structure's time unit], increasing; or a list of them for each patient.
        size: number of patients; that of the cohort if one is given.
        source: where patients come from: a generator's name, a table's path, or a cohort.
        outputs: names; all of the structure's by default.
        endpoints: e.g. "auc", "time_above:10".
        parameters, covariates: values that take the place of the patients' own.
        occasions: when each occasion starts; every occasion draws its own random effects between occasions, the
            first of them also where this is left out.
        dense: see `twinsim.solver.Solver`.
        observed: also write observations with residual error.
        random_effects: False: every patient is typical of its covariates.
        save: "summary" or "endpoints" keep the curves out of the file.
        equilibrium: patients begin in the steady state they have without doses.
        settle: how long patients live before time 0, or before the first output if that is earlier, so that they find
            their rest [the structure's time unit]; an event that is earlier still begins it.

    Raises:
        UsageError, ModelError, DataError: what cannot be run, and what to write instead.
    """
    chosen = population_model(model)
    structure = chosen.structure
    scenarios = _scenarios(chosen, events, parameters, covariates)
    cohort, generator, count = patients_of(source, size)
    if not 0.0 <= settle < np.inf:
        raise UsageError(f"settle = {settle:g} is no time before 0", where="settle", do="give 0 or more")
    if not 0 <= seed < 1 << 64:
        raise UsageError(f"seed = {seed} is out of range", where="seed", do="choose 0 to 2^64 - 1")
    grid, starts = checked_times(times, count), checked_occasions(occasions, chosen)
    names = tuple(outputs) if outputs is not None else structure.output_names
    people = None if cohort is None else cohort.size
    plans = same_layout([plan_events(scenario.events, structure, patients=people) for scenario in scenarios])
    timed = timed_of(cohort, chosen, plans[0].layout)
    lines = tuple(name for name, points in timed.items() if points.interpolation == "linear")
    accuracy = {"precision": precision, "rtol": rtol, "max_steps": max_steps, "dense": dense}
    lived = np.concatenate([np.minimum(grid[:1], 0.0) - settle, grid]) if settle else grid
    picked = choose_solver(
        structure, solver, **accuracy, moving=lines, times=lived, typical=partial(typical_of, chosen)
    )
    changing = bool(timed) or len(starts) > 1
    segments = tuple(cohort_segments(timed, starts, plan) if changing else None for plan in plans)
    program = CohortProgram(
        # Numbers that are not fixed are arguments of the program: other values need no other program.
        model=replace(chosen, changed={n: v for n, v in chosen.changed.items() if chosen.numbers[n].fixed}),
        source=generator,
        problem=Problem(
            structure,
            picked,
            plans[0].layout,
            with_ranged(structure, names),
            max(s.count if s else 1 for s in segments),
            is_uniform(grid),
            rest=equilibrium,
            settle=settle,
        ),
        endpoints=tuple(read_endpoint(text) for text in endpoints),
        observed=observed,
        curves=True,
        random_effects=random_effects,
        occasions=len(starts),
        shown=names,
    )
    settings = {
        "solver": picked.tier,
        "reason": picked.reason,
        "rtol": picked.rtol,
        "max_steps": picked.max_steps,
        "dense": picked.dense,
        "precision": precision,
        "source": name_of(source),
        "patients": None if cohort is None else cohort.digest,
        "table": digest(generator.table.columns) if isinstance(generator, Resampled) else None,
        "outputs": list(names),
        "endpoints": list(endpoints),
        "observed": observed,
        "random_effects": random_effects,
        "save": save,
        **({"start": "equilibrium"} if equilibrium else {}),
        **({"settle": settle} if settle else {}),
    }
    return CohortJob(
        title=title or f"{chosen.title or chosen.name}, {count:,} virtual patients",
        size=count,
        model=chosen,
        scenarios=scenarios,
        swept=not isinstance(events, Events),
        times=grid,
        occasions=starts,
        seed=seed,
        program=program,
        plans=plans,
        segments=segments,
        cohort=cohort,
        settings=settings,
    )


def _scenarios(
    model: PopulationModel,
    events: Events | Sequence[Scenario],
    parameters: Mapping[str, float] | None,
    covariates: Mapping[str, float] | None,
) -> tuple[Scenario, ...]:
    """Scenarios with what is the same in all of them."""
    given = (Scenario({}, events),) if isinstance(events, Events) else tuple(events)
    if not given:
        raise UsageError("a sweep needs at least one scenario", where="sweep")
    scenarios = tuple(
        replace(s, parameters={**(parameters or {}), **s.parameters}, covariates={**(covariates or {}), **s.covariates})
        for s in given
    )
    for name in {name for scenario in scenarios for name in scenario.parameters}:
        model.structure.parameter(name)
    known = {*model.needs, *COVARIATES, *DERIVED}
    for name in {name for scenario in scenarios for name in scenario.covariates} - known:
        raise UsageError(f"there is no covariate {name!r}", where="covariates", do=nearest(name, known))
    return scenarios
