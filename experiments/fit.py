"""Observed data in, a fitted population model out: estimates with standard errors, diagnostics, report."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments import Finished
from experiments.observed import observed_of
from experiments.steps import folder_of, model_of, records_of, run_job
from twinsim.calibrate.carried import with_variance
from twinsim.calibrate.fit_job import FitJob
from twinsim.calibrate.saem import SETTLE, WANDER
from twinsim.calibrate.stored import fit_ended, refits_ended
from twinsim.calibrate.vpc import vpc
from twinsim.config import RunConfig
from twinsim.errors import UsageError
from twinsim.population.model import PopulationModel
from twinsim.run.plan import stored_identity
from twinsim.run.progress import in_time

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
        "optimiser": calibrate.optimiser,
        "standard_errors": calibrate.standard_errors,
        "seed": config.seed,
        "solver": config.solver.name,
        "rtol": config.solver.rtol,
    }


def checkpointed(config: RunConfig, job: FitJob) -> FitJob:
    """A fit, with its bootstrap, that keeps what it computes in its run's folder.

    Raises:
        UsageError: an earlier one stopped there, and is not to be resumed.
    """
    resamples = config.calibrate.bootstrap
    told = counting(config, resamples, "resamples")
    job = replace(job, resamples=resamples, strata=config.calibrate.strata, told_resamples=told)
    folder = folder_of(config, stored_identity(job, config.save, config.runner.filter))
    return replace(job, checkpoint=kept_in(config, folder))


def fitted(config: RunConfig, job: FitJob) -> Finished:
    """Run a fit into its folder, write the report, and remove its checkpoints."""
    lead = f"{job.model.title}: fitted to {job.size:,} patients of {Path(job.records.source).name}."
    finished = run_fits(config, job, lead, lambda: sections(job))
    if not finished.paths:
        return finished
    forget(job.checkpoint)
    ended = fit_ended(finished.paths[0])
    faults = [] if ended.converged else [f"the fit did not converge: {ended.reason}"]
    few = refits_ended(finished.paths[0], "bootstrap") if job.resamples else ""
    return noted(finished, [*faults, f"bootstrap: {few}"] if few else faults)


def run_fits(config: RunConfig, job: Any, lead: str, extra: Callable[[], Sequence[Section]]) -> Finished:
    """Run a job whose numbers are fits.

    A report that is there beside its results stays as it is: it is made of fits, which would all be computed again.

    Args: see `experiments.steps.run_job`.
    """
    folder = folder_of(config, stored_identity(job, config.save, config.runner.filter))
    report = folder / "report.html"
    stays = config.report and config.resume and report.exists() and (folder / "results.h5").exists()
    finished = run_job(replace(config, report=False) if stays else config, job, job.model, lead, extra)
    return replace(finished, report=report) if stays and finished.paths else finished


def noted(finished: Finished, faults: Sequence[str]) -> Finished:
    """What is told of a run whose fits have faults, with exit code 1; the same without any."""
    if not faults:
        return finished
    return replace(finished, exit_code=max(finished.exit_code, 1), notes=(*finished.notes, *faults))


def kept_in(config: RunConfig, folder: Path) -> Path | None:
    """Where fits keep what they compute until the results are whole; None in a dry run.

    Raises:
        UsageError: an earlier run stopped there, and this is not to go on with it.
    """
    kept = folder / "checkpoint"
    if kept.exists() and not config.resume and not (folder / "results.h5").exists():
        do = "add resume=true to go on, or remove the folder"
        raise UsageError("an earlier fit stopped here", where=str(folder), do=do)
    return None if config.dry_run else kept


def forget(kept: Path | None) -> None:
    """Remove what was kept: the results are whole."""
    if kept is not None:
        shutil.rmtree(kept, ignore_errors=True)


def sections(job: FitJob) -> list[Section]:
    """Chapters of the report."""
    from twinsim.report.fit_sections import fit_sections

    check = vpc(job.fit.model, job.records, replicates=CHECKED, seed=job.options["seed"], corrected=True, **job.how)
    return fit_sections(job, check)


def progress(config: RunConfig) -> Callable[[int, float, Mapping[str, float]], None]:
    """Tells of a step now and then, and how long simulated iterations will still take."""
    due, left = _Now(config), _Left(WANDER + SETTLE)

    def told(step: int, objective: float, numbers: Mapping[str, float]) -> None:
        if not due():
            return
        values = ", ".join(f"{name} {value:.4g}" for name, value in list(numbers.items())[:6])
        ahead = left(step) if config.method == "saem" else ""
        log.info("step %d%s: objective %.3f; %s", step, ahead, objective, values)

    return told


def counting(config: RunConfig, total: int, what: str) -> Callable[[int], None]:
    """Tells now and then how many fits are done, and how long the others will take."""
    due, left = _Now(config), _Left(total)

    def told(done: int) -> None:
        ahead = left(done)
        if due(done == total):
            log.info("%s: %d%s", what, done, ahead)

    return told


class _Now:
    """True at most once per `TOLD_EVERY` seconds, and at the end; never with progress=none."""

    def __init__(self, config: RunConfig) -> None:
        self.last, self.told = time.monotonic(), config.progress != "none"

    def __call__(self, end: bool = False) -> bool:
        now = time.monotonic()
        due = self.told and (end or now - self.last >= TOLD_EVERY)
        self.last = now if due else self.last
        return due


class _Left:
    """How much of a total is done, and how long the rest will take, by what was done since the first time."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.begun: tuple[float, int] | None = None

    def __call__(self, done: int) -> str:
        now = time.monotonic()
        self.begun = self.begun or (now, done)
        begun, first = self.begun
        ahead = f", {in_time((now - begun) / (done - first) * (self.total - done))} left" if done > first else ""
        return f" of {self.total}{ahead if done < self.total else ''}"
