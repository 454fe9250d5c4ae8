"""Many regimens, parameter or covariate values as an axis of one job: every scenario sees the same patients."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import twinsim
from experiments import Finished
from experiments.cohort_pk import in_words
from experiments.steps import end_of, job_arguments, model_of, regimen_of, run_job, times_of, unit_of
from twinsim.cohort_job import cohort_job
from twinsim.config import RunConfig
from twinsim.errors import UsageError, nearest
from twinsim.scenario import Scenario

SWEPT = ("regimen.amount", "regimen.interval", "regimen.count", "regimen.duration", "regimen.rate", "regimen.start")
PLACES = ("parameters.", "covariates.")


def run(config: RunConfig) -> Finished:
    """Simulate the same cohort in every scenario."""
    points = points_of(config)
    model = model_of(config)
    keys = regimen_of(config, model)
    scenarios = [scenario(keys, point) for point in points]
    end = max(end_of(keys_at(keys, point)) for point in points)
    title = config.title or f"{model.title}, {len(points):,} scenarios, {config.population.size:,} virtual patients"
    job = cohort_job(model, scenarios, times_of(config, end), title=title, **job_arguments(config))
    first = in_words(keys_at(keys, points[0]), unit_of(model, keys))
    lead = (
        f"The same {config.population.size:,} virtual patients of the model {model.name} in {len(points):,} scenarios: "
        f"{first} in the first, with other values of {' and '.join(points[0])} in the rest."
    )
    return run_job(config, job, model, lead)


def points_of(config: RunConfig) -> list[dict[str, float]]:
    """The swept values of each scenario.

    Raises:
        UsageError: nothing is swept, or something that cannot be.
    """
    axes = config.sweep.zip or config.sweep.grid
    if not axes:
        raise UsageError("nothing is swept", where="sweep", do="add 'sweep.grid.regimen.amount=[100,200,300]'")
    for name in axes:
        if name not in SWEPT and not name.startswith(PLACES):
            known = [*SWEPT, *(f"{place}NAME" for place in PLACES)]
            raise UsageError(f"{name!r} cannot be swept", where="sweep", do=nearest(name, known))
    columns = zip(*axes.values(), strict=True) if config.sweep.zip else itertools.product(*axes.values())
    return [dict(zip(axes, values, strict=True)) for values in columns]


def keys_at(keys: Mapping[str, Any], point: Mapping[str, float]) -> dict[str, Any]:
    """Arguments of the regimen at a point of the sweep.

    >>> keys_at({"amount": 300.0, "count": 3}, {"regimen.amount": 200.0, "parameters.cl": 4.0})
    {'amount': 200.0, 'count': 3}
    """
    swept = {name.removeprefix("regimen."): value for name, value in point.items() if name.startswith("regimen.")}
    merged = {**keys, **swept}
    return {**merged, "count": int(merged["count"])} if "count" in merged else merged


def scenario(keys: Mapping[str, Any], point: Mapping[str, float]) -> Scenario:
    """What happens to everyone at a point of the sweep."""
    parameters, covariates = (
        {name.removeprefix(place): value for name, value in point.items() if name.startswith(place)} for place in PLACES
    )
    return Scenario(point, twinsim.regimen(**keys_at(keys, point)), parameters, covariates)
