"""Simulate in memory: a model, people, what happens to them, and when to look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from twinsim.cohort_job import CohortJob, cohort_job
from twinsim.errors import UsageError, nearest
from twinsim.events import Events
from twinsim.models.structure import Structure
from twinsim.population.bare import bare_model
from twinsim.population.cohort import Cohort, sample_cohort
from twinsim.population.model import PopulationModel, population_model
from twinsim.run.plan import in_bytes, installed_bytes
from twinsim.store.layout import Layout
from twinsim.traces import with_inputs


@dataclass(frozen=True)
class Results:
    """What a simulation gave.

    Attributes:
        job: what was simulated.
        arrays: by key of the results file, patient last.
        final: states and input rates at the last time, by name (patient), and "time"; `simulate(start=...)` takes it.
    """

    job: CohortJob
    arrays: Mapping[str, np.ndarray]
    final: Mapping[str, np.ndarray]

    def __getitem__(self, key: str) -> np.ndarray:
        """An output (time, patient), or e.g. "parameters/cl" (patient)."""
        if key not in self.arrays:
            raise UsageError(f"no {key!r} in these results", do="known: " + ", ".join(sorted(self.arrays)))
        return self.arrays[key]

    @property
    def status(self) -> np.ndarray:
        """Codes of kernels.status (patient)."""
        return self.arrays["status"]

    def to_xarray(self) -> Any:
        """A Dataset over (patient, time | record), endpoints, parameters and covariates among its variables."""
        import xarray as xr

        coordinates: dict[str, Any] = {"patient": self.job.patient_ids(0, self.job.size)}
        for name, item in self.job.coordinates.items():
            coordinates[name] = (item.dim or name, item.array, {"units": item.units, "long_name": item.long_name})
        data = {}
        for variable in self.job.variables:
            values = np.moveaxis(self.arrays[variable.key], -1, variable.dims.index("patient"))
            name = variable.key.replace("/", "_") if variable.name in data else variable.name
            data[name] = (variable.dims, values, {"units": variable.units, "long_name": variable.long_name})
        return xr.Dataset(data, coordinates, {"title": self.job.title, "seed": self.job.seed})

    def save(self, path: str | Path) -> Path:
        """Write a results file, as `docs/file_format.md` says; complete or not at all."""
        from twinsim.store import Contents, Layout, write_results

        job = self.job
        layout = Layout(job.title, job.variables, job.coordinates, {"seed": job.seed})
        contents = Contents(layout, job.patient_ids(0, job.size), provenance=job.provenance)
        write_results(Path(path), contents, self.arrays)
        return Path(path)


def simulate(
    model: str | Path | Mapping[str, Any] | PopulationModel | Structure,
    cohort: Cohort | int | None = None,
    events: Events | None = None,
    parameters: Mapping[str, float] | None = None,
    times: Any = None,
    outputs: Sequence[str] | None = None,
    start: Mapping[str, np.ndarray] | str | None = None,
    seed: int = 0,
    solver: str = "auto",
    precision: str = "float32",
    inputs: Mapping[str, Any] | None = None,
    **options: Any,
) -> Results:
    """Trajectories of a cohort.

    Args:
        model: a population model, its name or file; or a bare structure, whose parameters are then defaults.
        cohort: patients, or their number; None: one typical patient (no random effects, typical covariates).
        events: what happens to everyone; None: nothing, the states just go on.
        parameters: values that take the place of the patients' own, by the structure's names.
        times: of outputs [the structure's time unit]; one list for everyone, or one for each patient.
        start: `final` of an earlier simulation, with the same events: go on from there; or "equilibrium": everyone
            begins in the steady state it has without doses.
        inputs: what the structure needs from outside, by name: a number, or a recorded trace (times, values[, "linear"
            [, unit]]) for everyone or for each patient (`twinsim.traces.Trace`); without one, its default.
        options: of `twinsim.cohort_job`: covariates, occasions, endpoints, observed, random_effects, rtol, max_steps,
            settle, source.

    Returns:
        Results; one row per patient with a status, failed patients NaN.

    >>> import twinsim
    >>> one = twinsim.simulate("theophylline", events=twinsim.regimen(320), times=[1.0, 4.0], precision="float64")
    >>> one["concentration"].shape
    (2, 1)
    """
    chosen = bare_model(model) if isinstance(model, Structure) else population_model(model)
    if times is None:
        raise UsageError("when to look?", where="times", do="times=[0, 1, 2, 4], say")
    if cohort is None:
        typical = {name: np.asarray([value]) for name, value in chosen.typical_covariates.items()}
        cohort = Cohort(np.asarray([0]), typical, {item.name: item.carried for item in chosen.covariates})
        options.setdefault("random_effects", False)
    if isinstance(start, str):
        if start != "equilibrium":
            raise UsageError(f"unknown start {start!r}", where="start", do=nearest(start, ["equilibrium"]))
        options["equilibrium"], start = True, None
    source: Any = cohort if isinstance(cohort, Cohort) else options.pop("source", "adults")
    if start is not None and options.get("settle"):
        do = "leave one of them out: who goes on from an earlier simulation has settled there"
        raise UsageError("start and settle are both given", where="simulate", do=do)
    if inputs:
        people = cohort if isinstance(cohort, Cohort) else sample_cohort(cohort, source, seed=seed)
        chosen, source = with_inputs(chosen, people, inputs)
    job = cohort_job(
        chosen,
        events if events is not None else Events.of([]),
        times,
        size=cohort if isinstance(cohort, int) else None,
        source=source,
        outputs=outputs,
        parameters=parameters,
        seed=seed,
        solver=solver,
        precision=precision,
        **options,
    )
    _check_memory(job)
    raw = job.run_all(start)
    arrays = {key: np.asarray(value) for key, value in raw.items() if not key.startswith("final/")}
    final = {key.removeprefix("final/"): np.asarray(value) for key, value in raw.items() if key.startswith("final/")}
    final["time"] = np.broadcast_to(np.nanmax(job.times, axis=0), (job.size,)).copy()
    return Results(job, arrays, final)


def _check_memory(job: CohortJob) -> None:
    """Refuse what this machine cannot hold, before anything is made."""
    needed, installed = 2 * Layout(job.title, job.variables, job.coordinates).bytes(job.size), installed_bytes()
    if installed is not None and needed > installed:
        raise UsageError(
            f"these results need {in_bytes(needed)} of memory, this machine has {in_bytes(installed)}",
            where=f"{job.size:,} patients at {len(job.times):,} times",
            do="look less often, name fewer outputs, or use the command line, which computes and writes in pieces",
        )
