"""Records laid out for the kernels: one column per patient, parameter segments where covariates change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from twinsim import units
from twinsim.errors import DataError, UsageError
from twinsim.events import Events
from twinsim.models.structure import Structure
from twinsim.plan import DosePlan, plan_events
from twinsim.records import Records

_BEFORE, _SEEN, _AFTER = -0.25, 0.6, 0.75  # where a record's segment begins, its output is read, the next one begins


@dataclass(frozen=True)
class Design:
    """What prediction and estimation ask of the kernels.

    Attributes:
        plan: doses and resets.
        times, order: of every record (record, patient), padded with the last one.
        position: (record's row in `times`, patient) of each flat record.
        switches: time, key and number of each segment (segment, patient); None if parameters never change.
        dose_segment: parameter segment of each planned row (row, patient).
        covariates: values per segment (segment, patient), by lower-case name.
    """

    plan: DosePlan
    times: np.ndarray
    order: np.ndarray
    position: tuple[np.ndarray, np.ndarray]
    switches: tuple[np.ndarray, np.ndarray, np.ndarray] | None
    dose_segment: np.ndarray
    covariates: Mapping[str, np.ndarray]


def design_of(records: Records, structure: Structure, *, used: tuple[str, ...] | None = None) -> Design:
    """Lay out records for a structure.

    Args:
        used: covariates that matter (lower case); None: all of the table.

    Raises:
        DataError: a covariate that changes and has no interpolation.
        ModelError: a dose to a compartment that does not exist.
    """
    place = _place(records)
    time = _running_time(records)
    size = int(place.max()) + 1
    shape = (size, records.n_patients)
    times, order = np.zeros(shape), np.full(shape, np.inf)
    last = np.zeros(records.n_patients)
    np.maximum.at(last, records.patient, time)
    times[:] = last
    times[place, records.patient] = time
    order[place, records.patient] = place + _SEEN
    events, rows = _events_of(records, time, structure)
    plan = plan_events(events, structure, patients=records.n_patients, order=place[rows].astype(np.float64))
    names = [name for name in records.covariates if used is None or name.lower() in used]
    varying = [name for name in names if records.varies.get(name)]
    if varying:
        records.require_interpolation(varying)
    covariates = {name.lower(): records.covariates[name] for name in names}
    if not varying:
        first = {name: _by_patient(values, place, records, shape)[:1] for name, values in covariates.items()}
        segment = np.zeros_like(plan.arrays["time"])
        return Design(plan, times, order, (place, records.patient), None, segment, first)
    switches = _switches(times, place, records, shape)
    values = {
        name.lower(): _segments(
            _by_patient(records.covariates[name], place, records, shape), records.interpolation.get(name, "locf")
        )
        for name in names
    }
    segment = 2.0 * np.floor(plan.arrays["order"]) + 1.0
    return Design(plan, times, order, (place, records.patient), switches, segment, values)


def _place(records: Records) -> np.ndarray:
    """Each record's place among its patient's (record)."""
    change = np.flatnonzero(np.r_[True, np.diff(records.patient) != 0])
    return np.arange(len(records)) - np.repeat(change, np.diff(np.r_[change, len(records)]))


def _running_time(records: Records) -> np.ndarray:
    """Times that never decrease within a patient: where a reset begins a new clock, it goes on from the old one."""
    time = records.time.astype(np.float64).copy()
    same = np.r_[False, np.diff(records.patient) == 0]
    back = np.flatnonzero(same & (np.r_[0.0, np.diff(time)] < 0))
    for row in back:
        stop = row
        while stop < len(time) and records.patient[stop] == records.patient[row]:
            stop += 1
        time[row:stop] += time[row - 1] - time[row]
    return np.round(time, 9)


def _by_patient(values: np.ndarray, place: np.ndarray, records: Records, shape: tuple[int, int]) -> np.ndarray:
    """(record, patient), padded with each patient's last value."""
    table = np.full(shape, np.nan)
    table[place, records.patient] = values
    count = np.bincount(records.patient, minlength=shape[1])
    row = np.minimum(np.arange(shape[0])[:, None], count[None, :] - 1)
    return np.take_along_axis(table, row, axis=0)


def _segments(values: np.ndarray, interpolation: str) -> np.ndarray:
    """Two segments per record: the interval that ends there, then the record itself (segment, patient)."""
    if interpolation == "linear":
        raise UsageError(
            "linear interpolation of a covariate between records is not available in predictions",
            do='choose interpolation "nocb" (NONMEM\'s way) or "locf"',
        )
    interval = values if interpolation == "nocb" else np.concatenate([values[:1], values[:-1]])
    return np.stack([interval, values], axis=1).reshape(-1, values.shape[1])


def _switches(times: np.ndarray, place: np.ndarray, records: Records, shape: tuple[int, int]) -> tuple:
    """When each segment begins: the interval's after the record before, the record's own just before it."""
    size, patients = shape
    count = np.bincount(records.patient, minlength=patients)
    row = np.arange(size)[:, None]
    live = row < count[None, :]
    before = np.concatenate([np.full((1, patients), -np.inf), times[:-1]])
    begin = np.stack([before, times], axis=1)
    key = np.stack([np.broadcast_to(row - 1 + _AFTER, shape), np.broadcast_to(row + _BEFORE, shape)], axis=1)
    begin = np.where(live[:, None, :], begin, np.inf)
    number = np.broadcast_to(np.arange(2 * size)[:, None], (2 * size, patients))
    begin, key = begin.reshape(2 * size, patients), key.reshape(2 * size, patients).astype(np.float64)
    return begin[1:], key[1:], number[1:].astype(np.int32)


def _events_of(records: Records, time: np.ndarray, structure: Structure) -> tuple[Events, np.ndarray]:
    """Dose and reset records as events, and the records they come from."""
    rows, origin = [], []
    factors: dict[int, float] = {}
    for i in np.flatnonzero(np.isin(records.evid, (1, 3, 4))):
        base = {"patient": int(records.patient[i]), "time": float(time[i])}
        if records.evid[i] in (3, 4):
            rows.append({**base, "kind": "reset"})
            origin.append(i)
        if records.evid[i] in (1, 4):
            compartment = int(records.cmt[i]) or _default_compartment(structure)
            if compartment not in factors:
                factors[compartment] = _amount_factor(records, structure, compartment)
            rows.append({**base, **_dose(records, int(i), factors[compartment]), "target": compartment})
            origin.append(i)
    if not rows:
        raise DataError("no dose in these records", where=records.source, do="add dose records (EVID 1 with AMT)")
    return Events.of(rows), np.asarray(origin)


def _dose(records: Records, i: int, factor: float) -> dict:
    rate, duration = float(records.rate[i]), float(records.duration[i])
    row = {
        "kind": "rate" if rate != 0 or duration > 0 else "add",
        "value": float(records.amt[i]) * factor,
        "interval": float(records.ii[i]),
        "additional": int(records.addl[i]),
        "steady": int(records.ss[i]),
    }
    if rate != 0:
        row["rate"] = rate * factor if rate > 0 else rate
    elif duration > 0:
        row["duration"] = duration
    return row


def _default_compartment(structure: Structure) -> int:
    """Where a dose without CMT goes: the first route's state, else the first state."""
    return structure.state_names.index(structure.routes[0].to) + 1 if structure.routes else 1


def _amount_factor(records: Records, structure: Structure, compartment: int) -> float:
    route = structure.compartment(compartment)
    unit = next(state.unit for state in structure.states if state.name == route.to)
    given = records.units.get("AMT", unit)
    return units.factor(str(given), unit)
