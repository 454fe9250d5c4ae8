"""Stretches of time in which a patient's parameters keep to one rule: covariates and occasions that change.

    covariate(t) = value + slope (t - anchor)        slope 0, except where straight lines join a covariate's values

The first segments follow each other in time. Behind them stands one for each planned dose, which holds the values of
its time: lag, bioavailability, rate and duration of a dose are those of when it is given. In a cohort one for the
beginning of each occasion comes last, for what is told about patients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from twinsim.plan import DosePlan, Layout
from twinsim.population.cohort import Cohort
from twinsim.population.derived import DERIVED
from twinsim.population.model import PopulationModel
from twinsim.population.model_covariate import wanted_covariates
from twinsim.population.timed import TimedCovariate

Individual = Callable[[Mapping[str, Any], Any, Any], Mapping[str, Any]]
Law = Callable[[Array, Mapping[str, Array]], Mapping[str, Array]]
# Sort keys of a switch among what happens at its time: before everything, or after every dose and output.
BEFORE_ALL, AFTER_ALL = -0.5, 2e9
OUTPUT_ORDER = 1e9  # place of a simulation's outputs: after every dose of their time
_SAME_TIME = 1e-9  # [h]


@dataclass(frozen=True)
class Segments:
    """Segments of patients, as arrays for the kernels.

    Attributes:
        time, key: when each segment but the first of them begins, and its place among what happens then
            (switch, patient | 1).
        doses: segment of each planned dose (row, 1).
        anchor: time at which `values` hold; 0 where nothing moves (segment, patient | 1).
        values: covariate -> value (segment, patient).
        slopes: covariate -> change per unit of time (segment, patient), of those that straight lines join.
        occasion: number of the occasion, from 0 (segment, patient | 1).
    """

    time: np.ndarray
    key: np.ndarray
    doses: np.ndarray
    anchor: np.ndarray
    occasion: np.ndarray
    values: Mapping[str, np.ndarray] = field(default_factory=dict)
    slopes: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Number of segments, those of doses too."""
        return self.anchor.shape[0]

    @property
    def width(self) -> int:
        """Number of patients; 1 if all of them change alike."""
        return self.anchor.shape[1]

    @property
    def arrays(self) -> dict[str, Any]:
        """Everything that belongs to patients by name, patient last."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "doses"}


def switches(segments: Mapping[str, Any]) -> tuple[Array, Array, Array]:
    """Time, key and number of each segment that begins, as `twinsim.dosing` wants them (switch, patient | 1)."""
    time = jnp.asarray(segments["time"])
    number = jnp.broadcast_to(jnp.arange(1, time.shape[0] + 1, dtype=jnp.int32)[:, None], time.shape)
    return time, jnp.asarray(segments["key"]), number


def moving_fields(
    covariates: Mapping[str, Any], slopes: Mapping[str, Any], anchor: Any, etas: Any, occasion_etas: Any
) -> dict[str, Array]:
    """What parameters follow from at any time, by name; the inverse is inside `law_of`.

    Args:
        covariates, slopes, anchor: see `Segments`, (segment, patient) each.
        etas, occasion_etas: (eta, segment, patient) or None.
    """
    fields = {f"covariate:{name}": value for name, value in covariates.items()}
    fields |= {f"slope:{name}": value for name, value in slopes.items()}
    for label, rows in (("eta", etas), ("occasion_eta", occasion_etas)):
        fields |= {f"{label}:{i:03d}": row for i, row in enumerate(() if rows is None else rows)}
    return {**fields, "anchor": anchor}


def is_moving(fields: Mapping[str, Any]) -> bool:
    """Whether these are `moving_fields` rather than parameters."""
    return any(name.startswith("slope:") for name in fields)


def law_of(individual: Individual) -> Law:
    """Parameters at a time from `moving_fields`: (time, fields) -> parameters, element-wise.

    Args:
        individual: covariates, etas, occasion etas -> parameters.
    """

    def law(time: Array, fields: Mapping[str, Array]) -> Mapping[str, Array]:
        def named(label: str) -> dict[str, Array]:
            return {key.partition(":")[2]: fields[key] for key in sorted(fields) if key.startswith(f"{label}:")}

        covariates = named("covariate")
        elapsed = time - fields["anchor"]
        for name, slope in named("slope").items():
            covariates[name] = covariates[name] + slope * elapsed
        etas, occasion_etas = (
            jnp.stack(list(rows.values())) if rows else None for rows in (named("eta"), named("occasion_eta"))
        )
        return individual(covariates, etas, occasion_etas)

    return law


def timed_of(cohort: Cohort | None, model: PopulationModel, layout: Layout) -> dict[str, TimedCovariate]:
    """A cohort's covariates that change and that a model, or an amount per kg or m2, depends on."""
    if cohort is None:
        return {}
    used = wanted_covariates(model.covariates)
    used |= {"weight"} if layout.per_kg else set()
    used |= {"bsa", *DERIVED["bsa"].needs} if layout.per_m2 else set()
    return {name: cohort.covariates[name] for name in cohort.timed if name in used}


def cohort_segments(
    timed: Mapping[str, TimedCovariate],
    occasions: np.ndarray,
    plan: DosePlan,
    since: np.ndarray | None = None,
) -> Segments:
    """Segments of a cohort whose covariates change at points in time, or that has occasions.

    Args:
        timed: covariates that change, all of the same patients.
        occasions: start of each occasion, rising, at least one (occasion); what is before the first belongs to it.
        plan: the doses (row, patient | 1).
        since: time (patient) from which a simulation goes on; what changed before is in the first segment.
    """
    time, past = _changes(timed, occasions, since)
    doses = np.broadcast_to(plan.arrays["time"], np.broadcast_shapes(plan.arrays["time"].shape, (1, time.shape[1])))
    time, past = (np.broadcast_to(x, (x.shape[0], doses.shape[1])) for x in (time, past))
    first = np.full((1, time.shape[1]), -np.inf) if since is None else np.broadcast_to(since, (1, time.shape[1]))
    openings = np.broadcast_to(np.r_[-np.inf, occasions[1:]][:, None], (len(occasions), time.shape[1]))
    begin = np.concatenate([first, time, doses, openings])
    over = np.zeros(begin.shape, bool)
    over[0], over[1 : 1 + len(time)] = since is not None, past
    values, slopes = {}, {}
    for name, points in timed.items():
        rows = [points.onward(moment, gone) for moment, gone in zip(begin, over, strict=True)]
        values[name] = np.stack([value for value, _ in rows])
        if points.interpolation == "linear":
            slopes[name] = np.stack([slope for _, slope in rows])
            slopes[name][1 + len(time) :] = 0.0
    number = np.searchsorted(occasions, begin + _SAME_TIME, side="right") - 1
    return Segments(
        time=time,
        key=np.where(past, AFTER_ALL, BEFORE_ALL),
        doses=(1 + len(time) + np.arange(len(doses)))[:, None].astype(np.int32),
        anchor=np.where(np.isfinite(begin), begin, 0.0),
        occasion=np.maximum(number, 0).astype(np.int32),
        values=values,
        slopes=slopes,
    )


def _changes(
    timed: Mapping[str, TimedCovariate], occasions: np.ndarray, since: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """When something changes, each time once, and whether after what happens then; both (switch, patient | 1).

    There is at least one switch, if only at infinity. A value carried backward is still that of its point at the
    point itself, so it changes after what happens there; all else changes before.
    """
    width = next((points.times.shape[1] for points in timed.values()), 1)
    moments = [(points.times, points.interpolation == "nocb") for points in timed.values()]
    moments.append((np.broadcast_to(occasions[1:, None], (len(occasions) - 1, width)), False))
    time = np.round(np.concatenate([rows for rows, _ in moments]), 9)
    past = np.concatenate([np.full(rows.shape, late) for rows, late in moments])
    if since is not None:
        time = np.where(time <= since[None, :] + _SAME_TIME, np.inf, time)
        past = np.broadcast_to(past, time.shape)
    time, past = _sorted(time, past)
    again = np.zeros(time.shape, bool)
    again[1:] = (time[1:] == time[:-1]) & (past[1:] == past[:-1])
    time, past = _sorted(np.where(again, np.inf, time), past)
    used = max(1, int(np.isfinite(time).any(axis=1).sum()))
    room = np.zeros((max(0, used - len(time)), time.shape[1]))
    return np.concatenate([time, room + np.inf])[:used], np.concatenate([past, room > 0.0])[:used]


def _sorted(time: np.ndarray, past: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.lexsort((past, time), axis=0)
    return np.take_along_axis(time, order, axis=0), np.take_along_axis(past, order, axis=0)
