"""Records with further times to be predicted, each with what the table says of that time.

A row at a time stands behind those of the same time: a prediction at the time of a dose has the dose in it.

    locf    values of the row before        nocb, and the occasion    those of the row behind
    linear  a straight line from one to the other
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from twinsim.errors import UsageError
from twinsim.records.record import Records


def with_times(records: Records, times: np.ndarray, dvid: str) -> tuple[Records, np.ndarray]:
    """The records with one more row for each patient and time; observations become rows without a value.

    Args:
        times: on the clock of the patient's last row, which begins anew where the time falls [h] (time, patient).
        dvid: label of the further rows.

    Returns:
        records, and the places of the further rows among them (time, patient).

    Raises:
        UsageError: a time that is not finite, or before the patient's first row.
    """
    patients, old = records.n_patients, len(records)
    clock = _clock(records)
    last = np.searchsorted(records.patient, np.arange(patients), side="right") - 1
    begins = np.zeros(patients)
    first_of_clock = np.flatnonzero(np.r_[True, (np.diff(records.patient) != 0) | (np.diff(clock) != 0)])
    begins[records.patient[first_of_clock]] = records.time[first_of_clock]  # the last one stays
    _check(records, times, begins)

    patient = np.broadcast_to(np.arange(patients), times.shape).ravel()
    whole_patient, whole_time = np.r_[records.patient, patient], np.r_[records.time, times.ravel()]
    whole_clock, new = np.r_[clock, clock[last][patient]], np.r_[np.zeros(old, bool), np.ones(times.size, bool)]
    order = np.lexsort((new, whole_time, whole_clock, whole_patient))
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    before = np.maximum.accumulate(np.where(new[order], -1, order))[place[old:]]  # of old rows, the last one
    ahead = np.where(before == last[patient], before, before + 1)
    # At the time of the row before, that row's values are still those of the time.
    ahead = np.where(times.ravel() > records.time[before], ahead, before)
    return _assembled(records, order, times.ravel(), before, ahead, dvid), place[old:].reshape(times.shape)


def _clock(records: Records) -> np.ndarray:
    """How often the time has fallen so far (record)."""
    falls = np.r_[False, (np.diff(records.time) < 0.0) & (np.diff(records.patient) == 0)]
    return np.cumsum(falls)


def _check(records: Records, times: np.ndarray, begins: np.ndarray) -> None:
    if not np.isfinite(times).all():
        raise UsageError("a time is not finite", where="times", do="give hours on the patients' clocks")
    early = np.flatnonzero((times < begins).any(axis=0))
    if early.size:
        who = records.labels[early[0]] if records.labels else records.ids[early[0]]
        what = f"{early.size} patients begin later than a time: {who} at {begins[early[0]]:g} h"
        raise UsageError(what, where="times", do="give times from there on; (time, patient) has each patient's own")


def _assembled(
    records: Records, order: np.ndarray, time: np.ndarray, before: np.ndarray, ahead: np.ndarray, dvid: str
) -> Records:
    """Old and further rows in their order."""

    def both(values: np.ndarray, further: np.ndarray | float | int | str) -> np.ndarray:
        return np.concatenate([values, np.broadcast_to(np.asarray(further), time.shape)])[order]

    nothing = {name: both(getattr(records, name), 0) for name in ("amt", "rate", "duration", "addl", "ii", "ss", "cmt")}
    width = records.time[ahead] - records.time[before]
    share = np.where(width > 0.0, (time - records.time[before]) / np.where(width > 0.0, width, 1.0), 0.0)
    covariates = {}
    for name, values in records.covariates.items():
        way = records.interpolation.get(name, "locf")
        here = values[ahead] if way == "nocb" else values[before]
        if way == "linear":
            here = here + share * (values[ahead] - here)
        covariates[name] = both(values, here)
    return replace(
        records,
        **nothing,
        patient=both(records.patient, records.patient[before]),
        row=both(records.row, records.row[before]),
        time=both(records.time, time),
        evid=both(np.where(records.evid == 0, 2, records.evid), 0),
        mdv=both(np.ones_like(records.mdv), 1),
        dv=both(np.full(len(records), np.nan), np.nan),
        dvid=both(records.dvid.astype(object), dvid),
        cens=both(np.zeros_like(records.cens), 0),
        limit=both(np.full(len(records), np.nan), np.nan),
        occ=both(records.occ, records.occ[ahead]),
        covariates=covariates,
        units={name: unit for name, unit in records.units.items() if name != "DV"},
    )
