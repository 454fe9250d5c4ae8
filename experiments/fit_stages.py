"""Models fitted one after another to the same patients, each from where the one before ended: PK, then PK/PD.

A stage is fitted to the observations of those outputs that its model has. Numbers and covariances that its model shares
by name with the one before begin where that one ended, and are estimated again with all others: the last stage is a
simultaneous fit of everything observed that begins at good values, and not one with the PK fixed (PPP&D).

Every stage has a folder of its own, named after its model, with results.h5 and report.html.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import twinsim
from experiments import Finished
from experiments.fit import begun, checkpointed, fit_job, fitted
from experiments.observed import labels_of, stranger
from experiments.steps import folder_of, model_of, records_of
from twinsim.calibrate.carried import carried
from twinsim.calibrate.stored import fit_ended, fitted_model
from twinsim.config import RunConfig
from twinsim.errors import UsageError, nearest
from twinsim.population.model import PopulationModel

log = logging.getLogger(__name__)


def run(config: RunConfig) -> Finished:
    """Fit the models in their order."""
    models = models_of(config)
    stages = stages_of(config, models, records_of(config))
    jobs = {name: fit_job(stage, models[name]) for name, stage in stages.items()}
    folder = folder_of(config, {"kind": "fit_stages", "stages": {name: job.identity for name, job in jobs.items()}})
    done: dict[str, Finished] = {}
    before: PopulationModel | None = None
    for name, job in jobs.items():
        stage = replace(stages[name], out=str(folder / name))
        if before is not None:
            job = replace(job, model=carried(job.model, before))
            log.info("%s begins where the stage before it ended", name)
        job = checkpointed(stage, job)
        done[name] = fitted(stage, job)
        if not done[name].paths and not config.dry_run:
            break
        # As its results say, so that a stage that was whole before is not fitted again.
        before = None if config.dry_run else fitted_model(done[name].paths[0], job.model)
    return summed(folder, done)


def models_of(config: RunConfig) -> dict[str, PopulationModel]:
    """The models by the names of their stages, with those of the numbers in `typical` that each has.

    Raises:
        UsageError: fewer than two stages, two of one name, a number that no model has.
    """
    models = {Path(stage).stem: model_of(replace(config, model=stage, typical={})) for stage in config.stages}
    if len(models) < 2 or len(models) < len(config.stages):
        do = "write stages=[warfarin_pk,warfarin_pkpd], or fit one model with +experiment=fit"
        raise UsageError("stages are two or more models of different names", where="stages", do=do)
    known = {name for model in models.values() for name in model.numbers}
    for name in config.typical:
        if name not in known:
            raise UsageError(f"no model has a number {name!r}", where=f"typical.{name}", do=nearest(name, known))
    for stage, model in models.items():
        own = {name: value for name, value in config.typical.items() if name in model.numbers}
        models[stage] = begun(config, model.with_thetas(own))
    return models


def stages_of(
    config: RunConfig, models: Mapping[str, PopulationModel], records: twinsim.Records
) -> dict[str, RunConfig]:
    """The configuration of each stage: outputs that its model does not have are left out.

    Raises:
        UsageError: a DVID is the output of no model.
    """
    labels, known = labels_of(config, records), {n for m in models.values() for n in m.structure.output_names}
    outputs = {name: config.dvid.get(name, label) for name, label in labels.items() if label or config.dvid}
    for name, output in outputs.items():
        if output is not None and output not in known:
            raise stranger(name, output, known, "no output of any stage")
    stages = {}
    for stage, model in models.items():
        own = {name: output if output in model.structure.output_names else None for name, output in outputs.items()}
        title = f"{config.title}: {stage}" if config.title else ""
        limits = {name: limit for name, limit in config.lloq.items() if own.get(name, name) is not None}
        stages[stage] = replace(config, dvid=own, lloq=limits, title=title)
    return stages


def summed(folder: Path, done: Mapping[str, Finished]) -> Finished:
    """What the command line tells: the last stage, with the results of those before it."""
    finished = list(done.values())
    last = finished[-1]
    if last.plan is not None:
        return replace(last, folder=folder, plan=Plans([one.plan for one in finished]))
    notes = [f"{name}: {note}" for name, one in done.items() for note in one.notes]
    ended = {name: fit_ended(one.paths[0]) for name, one in done.items() if one.paths}
    notes += [f"{name}: objective {one.objective:.3f}" for name, one in ended.items()]
    paths = tuple(path for one in reversed(finished) for path in one.paths)
    return replace(
        last, folder=folder, paths=paths, notes=tuple(notes), exit_code=max(one.exit_code for one in finished)
    )


@dataclass(frozen=True)
class Plans:
    """The plans of all stages."""

    plans: Sequence[Any]

    def lines(self) -> list[str]:
        """The plans in words, one after another."""
        return [line for plan in self.plans for line in plan.lines()]
