"""Records laid out for the kernels: one column per patient, segments where covariates or occasions change.

A covariate that changes has two segments per record: the time since the record before, then the record itself.

    locf    value of the record before      nocb, and the occasion    the record's own, as in NONMEM
    linear  a straight line from one to the other

Between its records a dose that follows from ADDL takes the values of its own time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from twinsim import units
from twinsim.errors import DataError, ModelError, UnitError
from twinsim.events import Events
from twinsim.models.structure import Structure
from twinsim.plan import DosePlan, plan_events
from twinsim.records import Records
from twinsim.segments import Segments

_SAME_TIME = 1e-9  # [h]
_BEFORE, _SEEN, _AFTER = -0.25, 0.6, 0.75  # where a record's segment begins, its output is read, the next one begins


@dataclass(frozen=True)
class Design:
    """What prediction and estimation ask of the kernels.

    Attributes:
        plan: doses and resets.
        times, order: of every record (record, patient), padded with the last one.
        position: (record's row in `times`, patient) of each flat record.
        covariates: by name, (segment, patient); one row if nothing changes.
        segments: None if nothing changes.
    """

    plan: DosePlan
    times: np.ndarray
    order: np.ndarray
    position: tuple[np.ndarray, np.ndarray]
    covariates: Mapping[str, np.ndarray]
    segments: Segments | None

    @property
    def count(self) -> int:
        """Number of segments."""
        return 1 if self.segments is None else self.segments.count


def design_of(
    records: Records,
    structure: Structure,
    *,
    used: tuple[str, ...] | None = None,
    occasions: bool = False,
    called: Callable[[str], str] = str.lower,
    carried: Mapping[str, str] | None = None,
) -> Design:
    """Lay out records for a structure.

    Args:
        used: covariates that matter (lower case); None: all of the table.
        occasions: parameters may change with the occasion (OCC).
        called: what a covariate is called in the design, from its column.
        carried: unit of a covariate in the design, by the name it has there; others keep the table's.

    Raises:
        DataError: a covariate that changes and has no interpolation.
        ModelError: a dose to a compartment that does not exist.
    """
    place = records.place
    time = running_time(records)
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
    factors = {name: _covariate_factor(records, name, (carried or {}).get(called(name))) for name in names}
    values = {
        called(name): _by_patient(records.covariates[name] * factors[name], place, records, shape) for name in names
    }
    varying = moving_covariates(records, used)
    number = np.unique(records.occ, return_inverse=True)[1]
    if not varying and not (occasions and number.any()):
        first = {name: table[:1] for name, table in values.items()}
        return Design(plan, times, order, (place, records.patient), first, None)
    records.require_interpolation(list(varying))
    ways = {called(name): records.interpolation.get(name, "locf") for name in names}
    occasion = _by_patient(number, place, records, shape).astype(np.int32)
    segments = _segments(plan, times, place, records, values, ways, occasion)
    return Design(plan, times, order, (place, records.patient), segments.values, segments)


def moving_covariates(
    records: Records, used: tuple[str, ...] | None = None, interpolation: str | None = None
) -> tuple[str, ...]:
    """Covariates that change within a patient.

    Args:
        used: lower-case names among which to look; None: all.
        interpolation: only those that are interpolated so.
    """
    return tuple(
        name
        for name in records.covariates
        if records.varies.get(name)
        and (used is None or name.lower() in used)
        and interpolation in (None, records.interpolation.get(name))
    )


def running_time(records: Records) -> np.ndarray:
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


def _segments(
    plan: DosePlan,
    times: np.ndarray,
    place: np.ndarray,
    records: Records,
    values: Mapping[str, np.ndarray],
    ways: Mapping[str, str],
    occasion: np.ndarray,
) -> Segments:
    """Two segments per record: the interval that ends there, then the record itself; behind them one per dose."""
    time, key = _switches(times, place, records)
    at, ahead, share = _dose_places(plan, times, records)
    before = np.concatenate([times[:1], times[:-1]])
    laid: dict[str, np.ndarray] = {}
    slopes: dict[str, np.ndarray] = {}
    for name, table in values.items():
        here, next_one = np.take_along_axis(table, at, axis=0), np.take_along_axis(table, ahead, axis=0)
        dose = here + share * (next_one - here) if ways[name] == "linear" else here
        dose = np.where((share > 0.0), next_one, here) if ways[name] == "nocb" else dose
        last = np.concatenate([table[:1], table[:-1]])
        width = times - before
        steady = (ways[name] == "nocb") | ((ways[name] == "linear") & (width <= 0.0))
        laid[name] = np.concatenate([_interleaved(np.where(steady, table, last), table), dose])
        if ways[name] == "linear":
            slope = (table - last) / np.where(width > 0.0, width, 1.0)
            nothing = np.zeros_like(slope)
            slopes[name] = np.concatenate([_interleaved(np.where(steady, 0.0, slope), nothing), np.zeros_like(dose)])
    number = np.take_along_axis(occasion, np.where(share > 0.0, ahead, at), axis=0)
    rows = 2 * len(times)
    return Segments(
        time=time,
        key=key,
        doses=(rows + np.arange(len(at)))[:, None].astype(np.int32),
        anchor=np.concatenate([_interleaved(before, times), np.zeros(at.shape)]),
        occasion=np.concatenate([_interleaved(occasion, occasion), number]).astype(np.int32),
        values=laid,
        slopes=slopes,
    )


def _interleaved(interval: np.ndarray, record: np.ndarray) -> np.ndarray:
    return np.stack([interval, record], axis=1).reshape(-1, record.shape[1])


def _dose_places(plan: DosePlan, times: np.ndarray, records: Records) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where each planned dose lies: the record at or before it, the one after, and how far between them (row, patient).

    A record's own dose lies at the record; one that follows from it, at its own time.
    """
    time = plan.arrays["time"]
    last = np.bincount(records.patient, minlength=times.shape[1]) - 1
    at = np.floor(plan.arrays["order"]).astype(int)
    derived = (plan.arrays["derived"] > 0.0) & np.isfinite(time)
    passed = np.stack([(times <= row + _SAME_TIME).sum(axis=0) - 1 for row in time])
    at = np.where(derived, np.clip(passed, 0, last), at)
    ahead = np.minimum(at + 1, last)
    here, there = np.take_along_axis(times, at, axis=0), np.take_along_axis(times, ahead, axis=0)
    elapsed, width = np.where(derived, time - here, 0.0), there - here
    share = np.where((elapsed > _SAME_TIME) & (width > 0.0), elapsed / np.where(width > 0.0, width, 1.0), 0.0)
    return at, ahead, np.minimum(share, 1.0)


def _switches(times: np.ndarray, place: np.ndarray, records: Records) -> tuple[np.ndarray, np.ndarray]:
    """When each segment begins: the interval's after the record before, the record's own just before it."""
    shape = size, patients = times.shape
    row = np.arange(size)[:, None]
    live = row < np.bincount(records.patient, minlength=patients)[None, :]
    before = np.concatenate([np.full((1, patients), -np.inf), times[:-1]])
    begin = np.where(np.repeat(live, 2, axis=0), _interleaved(before, times), np.inf)
    key = _interleaved(np.broadcast_to(row - 1 + _AFTER, shape), np.broadcast_to(row + _BEFORE, shape))
    return begin[1:], key[1:].astype(np.float64)


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
                factors[compartment] = _amount_factor(records, structure, compartment, int(i))
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


def _covariate_factor(records: Records, name: str, unit: str | None) -> float:
    given = records.units.get(name)
    if given is None or unit is None:
        return 1.0
    try:
        return units.factor(str(given), unit)
    except UnitError as fault:
        raise UnitError(fault.what, where=f"{records.source}, column {name}", why=fault.why, do=fault.do) from fault


def _amount_factor(records: Records, structure: Structure, compartment: int, i: int) -> float:
    """From the unit of AMT to that of the compartment record i doses into."""
    try:
        route = structure.compartment(compartment)
    except ModelError as fault:
        where = f"{records.source}, row {records.row[i]}, CMT; {fault.where}"
        raise ModelError(fault.what, where=where, do=fault.do) from None
    unit = next(state.unit for state in structure.states if state.name == route.to)
    given = records.units.get("AMT", unit)
    return units.factor(str(given), unit)
