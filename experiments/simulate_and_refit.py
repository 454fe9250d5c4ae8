"""Studies simulated by a model, each fitted: does a design, with a method, find back what is known?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import twinsim
from experiments import Finished
from experiments.fit import counting, kept_in, options_of
from experiments.steps import end_of, folder_of, model_of, records_of, regimen_of, run_job, times_of
from twinsim.calibrate.recovery_job import RecoveryJob
from twinsim.config import RunConfig
from twinsim.population.cohort import Cohort
from twinsim.records.planned import planned_records
from twinsim.run.plan import stored_identity

if TYPE_CHECKING:
    from twinsim.report import Section


def run(config: RunConfig) -> Finished:
    """Simulate studies of one design and fit each; report how well the truth was found back."""
    model = model_of(config)
    records = records_of(config) if config.data else planned(config, model)
    studies = config.calibrate.studies
    job = RecoveryJob(model, records, {**options_of(config), "studies": studies}, name=config.title)
    folder = folder_of(config, stored_identity(job, config.save, config.runner.filter))
    with kept_in(config, folder) as kept:
        job = replace(job, checkpoint=kept, told=counting(config, studies, "studies fitted"))
        lead = (
            f"{studies:,} studies of {job.size:,} patients and {int(records.observations.sum()):,} observations each, "
            f"simulated by the model {model.name} and fitted: {config.method}."
        )
        return run_job(config, job, model, lead, lambda: sections(job))


def planned(config: RunConfig, model: Any) -> twinsim.Records:
    """The design that the configuration describes: sampled patients, a regimen, and times."""
    keys = regimen_of(config, model)
    source = config.population.source
    cohort = twinsim.sample_cohort(config.population.size, source=source, seed=config.seed)
    needed = [name for name in cohort.covariates if name in model.needs or name == "weight"]
    cohort = Cohort(cohort.ids, {n: cohort.covariates[n] for n in needed}, {n: cohort.units[n] for n in needed})
    outputs = tuple(model.error_models)
    return planned_records(model.structure, cohort, twinsim.regimen(**keys), times_of(config, end_of(keys)), outputs)


def sections(job: RecoveryJob) -> list[Section]:
    """Chapters of the report."""
    from twinsim.report.fit_sections import recovered

    return [recovered(job)]
