"""Observed data in, a fitted population model out: estimates with standard errors, diagnostics, report."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments import Finished
from experiments.observed import observed_of
from experiments.steps import folder_of, model_of, records_of, run_job
from twinsim.calibrate.carried import with_variance
from twinsim.calibrate.fit_job import FitJob
from twinsim.calibrate.saem import SETTLE, WANDER
from twinsim.calibrate.vpc import vpc
from twinsim.config import RunConfig
from twinsim.errors import UsageError
from twinsim.population.model import PopulationModel
from twinsim.run.plan import stored_identity

if TYPE_CHECKING:
    from twinsim.report import Section

log = logging.getLogger(__name__)
TOLD_EVERY = 2.0  # s
CHECKED = 500  # simulated studies of the visual predictive check


def run(config: RunConfig) -> Finished:
    """Fit a model to a table of records."""
    return fitted(config, checkpointed(config, fit_job(config, begun(config, model_of(config)))))


def fit_job(config: RunConfig, model: PopulationModel) -> FitJob:
    """The fit of a model to the observations that the configuration describes."""
    records, outputs = observed_of(config, model, records_of(config))
    for note in records.notes:
        log.info("%s", note)
    options = options_of(config) | ({"outputs": outputs} if outputs else {})
    return FitJob(model, records, options, told=progress(config), name=config.title)


def begun(config: RunConfig, model: PopulationModel) -> PopulationModel:
    """A model with the variances that the fit starts from."""
    variance = config.calibrate.variance
    return model if variance is None else with_variance(model, variance)


def options_of(config: RunConfig) -> dict[str, Any]:
    """Arguments of `twinsim.fit` that determine its numbers."""
    calibrate = config.calibrate
    return {
        "method": config.method,
        "covariance": calibrate.covariance,
        "starts": calibrate.starts,
        "nodes": calibrate.nodes,
        "max_steps": calibrate.max_steps,
        "standard_errors": calibrate.standard_errors,
        "seed": config.seed,
        "solver": config.solver.name,
        "rtol": config.solver.rtol,
    }


def checkpointed(config: RunConfig, job: FitJob) -> FitJob:
    """A fit that keeps what it computes in its run's folder.

    Raises:
        UsageError: an earlier one stopped there, and is not to be resumed.
    """
    folder = folder_of(config, stored_identity(job, config.save, config.runner.filter))
    kept = folder / "checkpoint"
    if kept.exists() and not config.resume and not (folder / "results.h5").exists():
        do = "add resume=true to go on, or remove the folder"
        raise UsageError("an earlier fit stopped here", where=str(folder), do=do)
    return replace(job, checkpoint=None if config.dry_run else kept)


def fitted(config: RunConfig, job: FitJob) -> Finished:
    """Run a fit into its folder, write the report, and remove its checkpoints."""
    lead = f"{job.model.title}: fitted to {job.size:,} patients of {Path(job.records.source).name}."
    finished = run_job(config, job, job.model, lead, lambda: sections(job))
    if finished.plan is not None or not finished.paths:
        return finished
    converged = job.fit.converged
    if job.checkpoint is not None:
        shutil.rmtree(job.checkpoint, ignore_errors=True)
    if not converged:
        note = f"the fit did not converge: {job.fit.reason}"
        return replace(finished, exit_code=max(finished.exit_code, 1), notes=(*finished.notes, note))
    return finished


def sections(job: FitJob) -> list[Section]:
    """Chapters of the report."""
    from twinsim.report.fit_sections import fit_sections

    how = {name: job.options[name] for name in ("outputs", "solver", "rtol") if name in job.options}
    check = vpc(job.fit.model, job.records, replicates=CHECKED, seed=job.options["seed"], corrected=True, **how)
    return fit_sections(job, check)


def progress(config: RunConfig) -> Callable[[int, float, Mapping[str, float]], None]:
    """Tells of a step now and then, and how long simulated iterations will still take."""
    begun = last = time.monotonic()
    total = WANDER + SETTLE if config.method == "saem" else None

    def told(step: int, objective: float, numbers: Mapping[str, float]) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < TOLD_EVERY:
            return
        last = now
        values = ", ".join(f"{name} {value:.4g}" for name, value in list(numbers.items())[:6])
        left = "" if total is None else f" of {total}, {(now - begun) / step * (total - step):.0f} s left"
        log.info("step %d%s: objective %.3f; %s", step, left, objective, values)

    return told
