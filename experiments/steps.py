"""Steps that several recipes share: regimen and times from the configuration, the run itself, its report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import twinsim
from experiments import Finished
from twinsim import units
from twinsim.config import RunConfig
from twinsim.errors import UnitError, UsageError
from twinsim.report import Section, parameter_section, sections_of, write_report
from twinsim.run.local import execute
from twinsim.run.plan import Plan, stored_identity
from twinsim.store import config_hash


def model_of(config: RunConfig) -> Any:
    """The population model that the configuration names.

    Raises:
        UsageError: it names none.
    """
    if config.model is None:
        raise UsageError("no model was chosen", where="model", do="add model=theophylline, or the path of a model file")
    model = twinsim.population_model(config.model)
    return model.with_thetas(config.typical) if config.typical else model


def regimen_of(config: RunConfig, model: Any) -> dict[str, Any]:
    """Arguments of `twinsim.regimen`: the example in the model's file, and over it what the configuration says.

    Raises:
        UsageError: neither says how much is given.
    """
    given = config.regimen.given()
    example = dict(model.regimen)
    if {"duration", "rate"} & set(given):
        example = {key: value for key, value in example.items() if key not in ("duration", "rate")}
    if "amount" in given and "per" not in given:
        # A plain amount stays plain where the example is one per kg.
        example.pop("per", None)
    keys = {**example, **given}
    if "amount" not in keys:
        raise UsageError("there is no dose", where=f"model {config.model}", do="add regimen.amount=100 regimen.unit=mg")
    unit = keys.pop("unit", None)
    if unit is not None:
        own = unit_of(model, keys)
        try:
            scale = units.factor(unit, own)
        except UnitError as error:
            raise UsageError(f"regimen.unit: {error.what}", why=error.why, do=f"write regimen.unit={own}") from None
        for name in ("amount", "rate"):
            if name in keys:
                keys[name] = keys[name] * scale
    return keys


def unit_of(model: Any, keys: dict[str, Any]) -> str:
    """Unit of the amounts of a regimen: that of the state its route leads to."""
    route = model.structure.route(keys.get("route", "oral"))
    return next(state.unit for state in model.structure.states if state.name == route.to)


def end_of(keys: dict[str, Any]) -> float:
    """The end of the last dosing interval [h]; a day after a single dose."""
    interval = keys.get("interval") or 24.0
    return float(keys.get("start") or 0.0) + float(interval) * int(keys.get("count") or 1)


def times_of(config: RunConfig, end: float) -> np.ndarray:
    """Sampling times [h] (time).

    Args:
        end: where the configuration does not say one.
    """
    times = config.times
    if times.at is not None:
        return np.asarray(times.at, np.float64)
    last = times.end if times.end is not None else end
    if last <= times.start:
        raise UsageError(
            f"sampling begins at {times.start} h, after the regimen's end at {last} h", where="times.start"
        )
    return np.linspace(times.start, last, times.count)


def job_arguments(config: RunConfig) -> dict[str, Any]:
    """Arguments of `twinsim.cohort_job` that every recipe passes on alike."""
    return {
        "size": config.population.size,
        "source": config.population.source,
        "outputs": config.outputs,
        "endpoints": config.endpoints,
        "observed": config.observed,
        "seed": config.seed,
        "solver": config.solver.name,
        "precision": config.precision,
        "parameters": dict(config.parameters) or None,
        **({"covariates": dict(config.covariates)} if config.covariates else {}),
        "save": config.save,
        **config.solver.options(),
    }


def run_job(config: RunConfig, job: Any, model: Any, lead: str, extra: Sequence[Section] = ()) -> Finished:
    """Run a job into its folder and write the report beside the results.

    Args:
        lead: what was done, for the head of the report.
        extra: sections of the report before those of the results.
    """
    folder = folder_of(config, stored_identity(job, config.save, config.runner.filter))
    runner = config.runner
    outcome = execute(
        job, folder, save=config.save, chunk=runner.chunk, shard=runner.shard, filter=runner.filter,
        resume=config.resume, dry_run=config.dry_run, progress="none" if config.quiet else config.progress,
    )  # fmt: skip
    if isinstance(outcome, Plan):
        return Finished(folder, plan=outcome)
    report = None
    if config.report and outcome.path is not None:
        sections, warning = sections_of(outcome.path)
        *results, provenance = sections
        chapters = [*extra, *results, parameter_section(model), provenance]
        report = write_report(folder / "report.html", job.title, lead, chapters, warning)
    return Finished(
        folder,
        paths=(outcome.path,) if outcome.path else (),
        report=report,
        exit_code=outcome.exit_code,
        n_patients=outcome.n_patients,
        n_failed=outcome.n_failed,
        failures=outcome.failures,
    )


def folder_of(config: RunConfig, identity: Any) -> Path:
    """The run's folder: `out`, or one named after everything that determines the numbers."""
    return Path(config.out) if config.out else Path("runs") / f"{config.experiment}-{config_hash(identity)}"
