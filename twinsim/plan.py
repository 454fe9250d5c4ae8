"""Events padded for the kernels: additional doses written out, one column per patient (or one for all)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twinsim.errors import DataError, UsageError
from twinsim.events import ADD, PER, RATE, RESET, Events, target_route
from twinsim.models.structure import Route, Structure

MAX_ROWS = 100_000


@dataclass(frozen=True)
class Layout:
    """What must be known to compile, and nothing that differs from run to run of the same shape.

    Attributes:
        routes: targets in use.
        doses, infusions, steady, resets, other: rows that are such for any patient.
        per_kg, per_m2: rows whose amount is multiplied by weight, by body surface area, for any patient.
        overlap: infusions of a steady state that may still be running when it is reached.
    """

    routes: tuple[Route, ...]
    doses: tuple[int, ...]
    infusions: tuple[int, ...]
    steady: tuple[int, ...]
    resets: tuple[int, ...]
    other: tuple[int, ...]
    per_kg: tuple[int, ...]
    per_m2: tuple[int, ...]
    overlap: int


@dataclass(frozen=True)
class DosePlan:
    """Arrays (row, patient | 1) by name, and their layout; see `twinsim.events.Events` for the names.

    `order` is the record's place in the file (doubled by `records` numbering, see `plan_events`), `derived` marks
    additional doses, which come before records of the same time. Padding rows have time inf.
    """

    layout: Layout
    arrays: dict[str, np.ndarray]


def plan_events(
    events: Events, structure: Structure, *, patients: int | None = None, order: np.ndarray | None = None
) -> DosePlan:
    """Write out additional doses and pad.

    Args:
        events: rows; those of everyone (patient -1) come before a patient's own of equal time.
        patients: number of patients; needed where rows differ between them.
        order: place of each row among the records of its patient (row); by default the row's number.

    Raises:
        DataError, ModelError: see `Events.check`.
    """
    events.check(structure)
    order = np.arange(events.size, dtype=np.float64) if order is None else np.asarray(order, np.float64)
    table = _written_out(events, order)
    if not events.shared and patients is None:
        raise UsageError("these events name patients, but there is no cohort", do="pass the cohort they belong to")
    columns = 1 if events.shared else int(patients or 0)
    if not events.shared and table["patient"].size and table["patient"].max() >= columns:
        raise DataError(f"an event names patient {table['patient'].max()}, the cohort has {columns}")
    arrays = _padded(table, columns)
    return DosePlan(_layout(events, arrays, structure), arrays)


def _written_out(events: Events, order: np.ndarray) -> dict[str, np.ndarray]:
    """One row per dose; times on a grid of 1e-9 h, so that sums of intervals meet the times people type."""
    count = 1 + events.additional
    if count.sum() > MAX_ROWS * max(1, len(np.unique(events.patient))):
        raise DataError(f"{count.sum():,} doses are more than a plan holds", do="give fewer additional doses")
    row = np.repeat(np.arange(events.size), count)
    repeat = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    table = {
        name: getattr(events, name)[row]
        for name in ("patient", "kind", "target", "value", "duration", "rate", "interval", "steady", "per")
    }
    table["time"] = np.round(events.time[row] + repeat * events.interval[row], 9)
    table["order"] = order[row]
    table["record"] = row.astype(np.float64)
    table["derived"] = (repeat > 0).astype(np.float64)
    table["steady"] = np.where(repeat > 0, 0, table["steady"])
    return table


def _padded(table: dict[str, np.ndarray], columns: int) -> dict[str, np.ndarray]:
    """Rows of each patient below each other (row, patient), sorted by time; everyone's rows in every column."""
    everyone = table["patient"] < 0
    shared = int(everyone.sum())
    owner = table["patient"][~everyone]
    longest = int(np.bincount(owner, minlength=columns).max()) if owner.size else 0
    arrays = {}
    by_owner = np.argsort(owner, kind="stable")
    starts = np.searchsorted(owner[by_owner], owner[by_owner])
    place = shared + np.arange(owner.size) - starts
    for name, values in table.items():
        if name == "patient":
            continue
        fill = np.inf if name == "time" else np.nan if name in ("duration", "rate") else 0
        padded = np.full((shared + longest, columns), fill, np.float64)
        padded[:shared] = values[everyone][:, None]
        padded[place, owner[by_owner]] = values[~everyone][by_owner]
        arrays[name] = padded
    return arrays


def _layout(events: Events, arrays: dict[str, np.ndarray], structure: Structure) -> Layout:
    routes = tuple(target_route(structure, name) for name in events.targets)
    live = np.isfinite(arrays["time"])
    modelled = np.asarray([route.infusion is not None for route in routes] or [False])
    dose = live & ((arrays["kind"] == ADD) | (arrays["kind"] == RATE))
    by_route = modelled[arrays["target"].astype(int).clip(0)] & (arrays["kind"] == ADD)
    infusion = dose & ((arrays["kind"] == RATE) | by_route)
    reset = live & (arrays["kind"] == RESET)
    steady = dose & (arrays["steady"] > 0)

    def rows(mask: np.ndarray) -> tuple[int, ...]:
        return tuple(int(i) for i in np.flatnonzero(mask.any(axis=1)))

    return Layout(
        routes=routes,
        doses=rows(dose),
        infusions=rows(infusion),
        steady=rows(steady),
        resets=rows(reset),
        other=rows(live & ~dose & ~reset),
        per_kg=rows(dose & (arrays["per"] == PER.index("kg"))),
        per_m2=rows(dose & (arrays["per"] == PER.index("m2"))),
        overlap=_overlap(arrays, steady & infusion),
    )


def _overlap(arrays: dict[str, np.ndarray], mask: np.ndarray) -> int:
    """Room for infusions that outlast their interval: twice what rates and durations in the table ask for."""
    if not mask.any():
        return 0
    with np.errstate(invalid="ignore", divide="ignore"):
        by_rate = np.where(arrays["rate"] > 0, arrays["value"] / arrays["rate"], 0.0)
        length = np.where(np.isnan(arrays["duration"]), by_rate, arrays["duration"]) / arrays["interval"]
    longest = np.max(length[mask & np.isfinite(length)], initial=0.0)
    return int(np.clip(np.ceil(2.0 * longest), 2, 50))
