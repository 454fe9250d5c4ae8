"""Many regimens, parameter or covariate values as an axis of one job: every scenario sees the same patients."""

from __future__ import annotations

import math

import twinsim
from experiments import Finished
from experiments.cohort_pk import in_words
from experiments.steps import end_of, job_arguments, model_of, regimen_of, run_job, times_of
from twinsim.config import RunConfig
from twinsim.errors import UsageError


def run(config: RunConfig) -> Finished:
    """Simulate the same cohort in every scenario."""
    axes, mode = (config.sweep.zip, "zip") if config.sweep.zip else (config.sweep.grid, "grid")
    if not axes:
        raise UsageError("nothing is swept", where="sweep", do="add 'sweep.grid.regimen.amount=[100,200,300]'")
    model = model_of(config)
    if config.parameters:
        model = model.with_thetas(config.parameters)
    keys = regimen_of(config, model)
    longest = {**keys, "interval": max(axes.get("regimen.interval", (keys.get("interval") or 24.0,)))}
    sweep = {"mode": mode, **{name: list(values) for name, values in axes.items()}}
    lengths = [len(values) for values in axes.values()]
    points = lengths[0] if mode == "zip" else math.prod(lengths)
    title = config.title or f"{model.title}: {points:,} scenarios, {config.population.size:,} virtual patients"
    times = times_of(config, end_of(longest))
    job = twinsim.cohort_job(model, twinsim.regimen(**keys), times, title=title, sweep=sweep, **job_arguments(config))
    lead = (
        f"The same {config.population.size:,} virtual patients of the model {model.name} in {points:,} scenarios: "
        f"{in_words(keys)}, with other values of {', '.join(axes)}."
    )
    return run_job(config, job, model, lead)
