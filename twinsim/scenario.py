"""Scenarios: the same patients under other circumstances, in plans of one shape so that one program runs them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from twinsim.errors import UsageError
from twinsim.events import Events
from twinsim.plan import DosePlan
from twinsim.population.cohort import Cohort
from twinsim.population.covariates import COVARIATES
from twinsim.population.derived import DERIVED
from twinsim.population.model import PopulationModel

MAX_TIMES = 1_000_000


@dataclass(frozen=True)
class Scenario:
    """One point of a sweep: the same patients under other circumstances.

    Args:
        values: what is swept, by key; becomes coordinates of the result.
        events: what happens to everyone.
        parameters, covariates: values that take the place of the patients' own.
        units: of the swept values, by key; "1" for others.
    """

    values: Mapping[str, float]
    events: Events
    parameters: Mapping[str, float] = field(default_factory=dict)
    covariates: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)


def last_dose(plan: DosePlan) -> np.ndarray:
    """Time of the last planned dose, 0 without doses: one number, or each patient's (patient)."""
    times = plan.arrays["time"][list(plan.layout.doses)]
    last = np.max(times, axis=0, initial=0.0, where=np.isfinite(times))
    return last if len(last) > 1 else last[0]


def same_layout(plans: list[DosePlan]) -> tuple[DosePlan, ...]:
    """Plans of one shape, so that one program runs them all: rows padded, layouts joined."""
    routes = plans[0].layout.routes
    if any(plan.layout.routes != routes for plan in plans):
        raise UsageError("scenarios must give their doses by the same routes in the same order", where="sweep")
    rows = max(plan.arrays["time"].shape[0] for plan in plans)

    def joined(name: str) -> tuple[int, ...]:
        return tuple(sorted({row for plan in plans for row in getattr(plan.layout, name)}))

    rows_of = ("doses", "infusions", "steady", "resets", "other", "per_kg", "per_m2")
    layout = type(plans[0].layout)(
        routes=routes,
        **{name: joined(name) for name in rows_of},
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
    whom = {} if events.shared else {"patient": events.patient.tolist()}
    return {**columns, **whom, "targets": list(events.targets)}


def is_uniform(grid: np.ndarray) -> bool:
    """Whether output times are the same for everyone and equally spaced, to rounding.

    >>> is_uniform(np.linspace(0.0, 72.0, 100)), is_uniform(np.array([0.0, 1.0, 3.0]))
    (True, False)
    """
    if grid.ndim != 1 or grid.size < 3:
        return False
    even = np.linspace(grid[0], grid[-1], grid.size)
    return bool(np.allclose(grid, even, rtol=0.0, atol=1e-14 * np.abs(grid).max()))


def checked_times(times: Any, size: int) -> np.ndarray:
    """Output times as an array: (time) for everyone, or (time, patient), NaN behind a patient's last one.

    Args:
        times: one list for everyone, or one list per patient, of any lengths.
        size: number of patients.

    Raises:
        UsageError: times that are not finite, or not increasing; lists for another number of patients.
    """
    if not np.iterable(times):
        raise UsageError("times must be a list of finite numbers", where="times", do="times=[0, 1, 2], say")
    count = len(times) if isinstance(times, Sized) else 0
    if count > max(MAX_TIMES, size):
        raise UsageError(
            f"{count:,} output times are more than {MAX_TIMES:,}",
            where="times",
            why=f"one output of {size:,} patients alone would take {4e-9 * count * size:,.1f} GB of memory",
            do="look less often, or go on from one run to the next with simulate(start=...)",
        )
    ragged = any(np.ndim(row) for row in times)
    rows = [np.asarray(row, np.float64) for row in (times if ragged else [times])]
    if ragged and len(rows) != size:
        raise UsageError(f"times of {len(rows)} patients, and {size} patients", where="times", do="give one list each")
    grid = np.full((max(row.size for row in rows), len(rows)), np.nan)
    for number, row in enumerate(rows):
        place = f"times[{number}]" if ragged else "times"
        row = row[: np.flatnonzero(np.isfinite(row))[-1] + 1] if ragged and np.isfinite(row).any() else row
        if row.ndim != 1 or row.size == 0 or not np.isfinite(row).all():
            raise UsageError("times must be a list of finite numbers", where=place)
        wrong = np.flatnonzero(np.diff(row) <= 0)
        if wrong.size:
            a, b = row[wrong[0]], row[wrong[0] + 1]
            problem = "twice" if a == b else "out of order"
            raise UsageError(f"time {b:g} is {problem}", where=f"{place}[{wrong[0] + 1}]", do="sort them, each once")
        grid[: row.size, number] = row
    return grid if ragged else grid[:, 0]


def checked_occasions(occasions: Sequence[float] | None, model: PopulationModel) -> np.ndarray:
    """Start of each occasion (occasion), one at 0 where none are given.

    Raises:
        UsageError: starts that are not rising, or a model whose parameters do not differ between occasions.
    """
    if occasions is None:
        return np.zeros(1)
    starts = np.asarray(occasions, np.float64)
    if starts.ndim != 1 or not starts.size or not np.isfinite(starts).all() or (np.diff(starts) <= 0).any():
        raise UsageError("occasions must be rising times", where="occasions", do="occasions=[0, 24, 48], say")
    if not model.occasion_eta_names:
        do = "leave occasions out, or add between_occasions to the model's file"
        raise UsageError(f"no parameter of {model.name} differs between occasions", where="occasions", do=do)
    return starts


def covariate_meaning(name: str, cohort: Cohort | None = None) -> tuple[str, str]:
    """Unit and meaning of a covariate for a results file."""
    if name in COVARIATES:
        return COVARIATES[name].unit, COVARIATES[name].meaning
    if name in DERIVED:
        return DERIVED[name].unit, name.replace("_", " ")
    unit = cohort.units.get(name, "1") if cohort is not None else "1"
    return unit, f"covariate {name}"
