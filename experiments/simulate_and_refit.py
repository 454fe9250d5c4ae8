"""Studies simulated by a model, each fitted: does a design, with a method, find back what is known?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import twinsim
from experiments import Finished
from experiments.fit import begun, counting, forget, kept_in, noted, options_of, run_fits
from experiments.observed import observed_of
from experiments.steps import end_of, folder_of, model_of, records_of, regimen_of, times_of
from twinsim.calibrate.recovery_job import RecoveryJob
from twinsim.calibrate.stored import refits_ended
from twinsim.config import RunConfig
from twinsim.records.planned import planned_records
from twinsim.run.plan import stored_identity

if TYPE_CHECKING:
    from twinsim.report import Section


def run(config: RunConfig) -> Finished:
    """Simulate studies of one design and fit each; report how well the truth was found back."""
    model, outputs = begun(config, model_of(config)), {}
    if config.data:
        records, outputs = observed_of(config, model, records_of(config))
    else:
        records = planned(config, model)
    studies = config.calibrate.studies
    options = {**options_of(config), "studies": studies} | ({"outputs": outputs} if outputs else {})
    job = RecoveryJob(model, records, options, name=config.title)
    folder = folder_of(config, stored_identity(job, config.save, config.runner.filter))
    job = replace(job, checkpoint=kept_in(config, folder), told=counting(config, studies, "studies fitted"))
    lead = (
        f"{studies:,} studies of {job.size:,} patients and {int(records.observations.sum()):,} observations each, "
        f"simulated by the model {model.name} and fitted: {config.method}."
    )
    finished = run_fits(config, job, lead, lambda: sections(job))
    if not finished.paths:
        return finished
    forget(job.checkpoint)
    few = refits_ended(finished.paths[0], "refits")
    return noted(finished, [few] if few else [])


def planned(config: RunConfig, model: Any) -> twinsim.Records:
    """The design that the configuration describes: sampled patients, a regimen, and times."""
    keys = regimen_of(config, model)
    who = config.population
    cohort = twinsim.sample_cohort(who.size, source=who.source, seed=config.seed, mode=who.mode)
    times = times_of(config, end_of(keys))
    return planned_records(model.structure, cohort, twinsim.regimen(**keys), times, tuple(model.error_models))


def sections(job: RecoveryJob) -> list[Section]:
    """Chapters of the report."""
    from twinsim.report.fit_sections import recovered

    return [recovered(job)]
