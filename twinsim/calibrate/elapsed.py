"""How long after the last dose a record is."""

from __future__ import annotations

import numpy as np

from twinsim.design import running_time
from twinsim.records import Records

_SAME_TIME = 1e-9  # [h]


def time_after_dose(records: Records) -> np.ndarray:
    """Time since the last dose was given, doses that follow from ADDL too [h] (record).

    A dose record is at 0 itself. A sample that is taken when a following dose is due is taken before it, as NONMEM has
    it, and so one interval after the dose before. Lags do not count.

    Returns:
        NaN before a patient's first dose.
    """
    time = running_time(records)
    found = np.full(len(records), np.nan)
    end = np.searchsorted(records.patient, np.arange(records.n_patients), side="right")
    for i in np.flatnonzero(records.doses):
        mine = slice(i, end[records.patient[i]])
        since = time[mine] - time[i]
        if records.addl[i] > 0 and records.ii[i] > 0.0:
            # What has begun before now, not at this moment.
            begun = np.ceil((since - _SAME_TIME) / records.ii[i]) - 1.0
            since = since - np.clip(begun, 0.0, records.addl[i]) * records.ii[i]
        found[mine] = np.fmin(found[mine], since)
    return found
