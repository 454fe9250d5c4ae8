"""Many regimens, parameter or covariate values as an axis of one job: every scenario sees the same patients."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import twinsim
from experiments import Finished
from experiments.cohort_pk import in_words
from experiments.steps import (
    check_covariates,
    check_parameters,
    end_of,
    job_of,
    model_of,
    regimen_of,
    run_job,
    times_of,
    unit_of,
)
from twinsim.config import RunConfig
from twinsim.errors import UsageError, nearest
from twinsim.scenario import Scenario, covariate_meaning

SWEPT = ("regimen.amount", "regimen.interval", "regimen.count", "regimen.duration", "regimen.rate", "regimen.start")
MAY_BE_ZERO = ("regimen.amount", "regimen.start")
PLACES = ("parameters.", "covariates.")
MOST_SCENARIOS = 100_000


def run(config: RunConfig) -> Finished:
    """Simulate the same cohort in every scenario."""
    points = points_of(config)
    model = model_of(config)
    regimens = [regimen_at(config, model, point) for point in points]
    swept = units_of(config, model, regimens[0], points[0])
    scenarios = [scenario(keys, point, model, swept) for keys, point in zip(regimens, points, strict=True)]
    times = times_of(config, max(map(end_of, regimens)))
    job = job_of(config, model, scenarios, times)
    first = in_words(regimens[0], unit_of(model, regimens[0]))
    lead = (
        f"The same {job.size:,} virtual patients of the model {model.name} in {len(points):,} scenarios: "
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
    count = len(next(iter(axes.values()))) if config.sweep.zip else math.prod(map(len, axes.values()))
    if count > MOST_SCENARIOS:
        what = f"{count:,} scenarios are more than {MOST_SCENARIOS:,}, the most in one job"
        raise UsageError(what, where="sweep", do="take fewer points, or list chosen ones in sweep.zip")
    columns = zip(*axes.values(), strict=True) if config.sweep.zip else itertools.product(*axes.values())
    return [dict(zip(axes, values, strict=True)) for values in columns]


def regimen_at(config: RunConfig, model: Any, point: Mapping[str, float]) -> dict[str, Any]:
    """Arguments of `twinsim.regimen` at a point of the sweep.

    Swept values take the place of the keys of the same name, so that regimen.unit and regimen.per hold for them too.

    Raises:
        UsageError: a value that cannot be.
    """
    swept = {name: value for name, value in point.items() if name in SWEPT}
    for name, value in swept.items():
        if value < 0 or value == 0 and name not in MAY_BE_ZERO:
            raise UsageError(f"{name} = {value:g} cannot be", where="sweep", do="give values above 0")
        if name == "regimen.count" and not value.is_integer():
            raise UsageError(f"{name} = {value:g} is not a whole number", where="sweep", do="give whole numbers")
    changes: dict[str, Any] = {name.removeprefix("regimen."): value for name, value in swept.items()}
    if "count" in changes:
        changes["count"] = int(changes["count"])
    return regimen_of(replace(config, regimen=replace(config.regimen, **changes)), model)


def units_of(config: RunConfig, model: Any, keys: dict[str, Any], point: Mapping[str, float]) -> dict[str, str]:
    """Unit of each swept value.

    Args:
        keys: arguments of `twinsim.regimen` at that point.
    """
    time = model.structure.time
    amount = config.regimen.unit or unit_of(model, keys)
    per = f"/{keys['per']}" if keys.get("per") else ""
    known = {"regimen.amount": f"{amount}{per}", "regimen.rate": f"{amount}/{time}", "regimen.count": "1"}
    result = {}
    for name in point:
        place, _, own = name.partition(".")
        if place == "parameters":
            result[name] = model.structure.parameter(own).unit
        elif place == "covariates":
            result[name] = covariate_meaning(own)[0]
        else:
            result[name] = known.get(name, time)
    return result


def scenario(
    keys: Mapping[str, Any], point: Mapping[str, float], model: Any, swept: Mapping[str, str] | None = None
) -> Scenario:
    """What happens to everyone at a point of the sweep.

    Args:
        keys: arguments of `twinsim.regimen`.
        swept: units of the point's values.
    """
    parameters, covariates = (
        {name.removeprefix(place): value for name, value in point.items() if name.startswith(place)} for place in PLACES
    )
    check_parameters(parameters, model, "sweep.parameters")
    check_covariates(covariates, model, "sweep.covariates")
    return Scenario(point, twinsim.regimen(**keys), parameters, covariates, swept or {})
