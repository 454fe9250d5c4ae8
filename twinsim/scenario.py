"""Scenarios: the same patients under other circumstances, in plans of one shape so that one program runs them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from twinsim.errors import UsageError
from twinsim.events import Events
from twinsim.plan import DosePlan
from twinsim.population.cohort import Cohort
from twinsim.population.covariates import COVARIATES
from twinsim.population.derived import DERIVED


@dataclass(frozen=True)
class Scenario:
    """One point of a sweep: the same patients under other circumstances.

    Args:
        values: what is swept, by key; becomes coordinates of the result.
        events: what happens to everyone.
        parameters, covariates: values that take the place of the patients' own.
    """

    values: Mapping[str, float]
    events: Events
    parameters: Mapping[str, float] = field(default_factory=dict)
    covariates: Mapping[str, float] = field(default_factory=dict)


def last_dose(plan: DosePlan) -> float:
    """Time of the last planned dose; 0 without doses."""
    times = plan.arrays["time"][list(plan.layout.doses)] if plan.layout.doses else np.zeros(0)
    times = times[np.isfinite(times)]
    return float(times.max()) if times.size else 0.0


def same_layout(plans: list[DosePlan]) -> tuple[DosePlan, ...]:
    """Plans of one shape, so that one program runs them all: rows padded, layouts joined."""
    routes = plans[0].layout.routes
    if any(plan.layout.routes != routes for plan in plans):
        raise UsageError("scenarios must give their doses by the same routes in the same order", where="sweep")
    rows = max(plan.arrays["time"].shape[0] for plan in plans)

    def joined(name: str) -> tuple[int, ...]:
        return tuple(sorted({row for plan in plans for row in getattr(plan.layout, name)}))

    layout = type(plans[0].layout)(
        routes=routes,
        **{name: joined(name) for name in ("doses", "infusions", "steady", "resets", "other")},
        overlap=max(plan.layout.overlap for plan in plans),
    )
    padded = []
    for plan in plans:
        arrays = {}
        for name, values in plan.arrays.items():
            fill = np.inf if name == "time" else np.nan if name in ("duration", "rate") else 0.0
            extra = np.full((rows - values.shape[0], values.shape[1]), fill)
            arrays[name] = np.concatenate([values, extra])
        padded.append(DosePlan(layout, arrays))
    return tuple(padded)


def events_identity(events: Events) -> dict[str, Any]:
    """Events as JSON data."""
    columns = {
        name: [None if isinstance(x, float) and np.isnan(x) else x for x in getattr(events, name).tolist()]
        for name in ("time", "kind", "target", "value", "duration", "rate", "interval", "additional", "steady", "per")
    }
    return {**columns, "targets": list(events.targets)}


def checked_times(times: Sequence[float] | np.ndarray) -> np.ndarray:
    """Output times as an array.

    Raises:
        UsageError: times that are not finite, or not increasing.
    """
    grid = np.asarray(times, np.float64)
    if grid.ndim != 1 or grid.size == 0 or not np.isfinite(grid).all():
        raise UsageError("times must be a list of finite numbers", where="times")
    wrong = np.flatnonzero(np.diff(grid) <= 0)
    if wrong.size:
        a, b = grid[wrong[0]], grid[wrong[0] + 1]
        problem = "twice" if a == b else "out of order"
        raise UsageError(f"time {b:g} is {problem}", where=f"times[{wrong[0] + 1}]", do="sort them, each once")
    return grid


def covariate_meaning(name: str, cohort: Cohort | None = None) -> tuple[str, str]:
    """Unit and meaning of a covariate for a results file."""
    if name in COVARIATES:
        return COVARIATES[name].unit, COVARIATES[name].meaning
    if name in DERIVED:
        return DERIVED[name].unit, name.replace("_", " ")
    unit = cohort.units.get(name, "1") if cohort is not None else "1"
    return unit, f"covariate {name}"
