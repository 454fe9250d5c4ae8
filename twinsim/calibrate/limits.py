"""Limits of quantification: between what bounds a value would have been reported as such."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from twinsim.errors import UsageError
from twinsim.records import Records

Given = float | Mapping[str, float] | None


class Limits(NamedTuple):
    """Bounds of the values that can be measured, infinite where there is none, in the data's units (observation)."""

    low: np.ndarray
    high: np.ndarray

    @property
    def any(self) -> bool:
        """Whether there are any."""
        return bool(np.isfinite(self.low).any() or np.isfinite(self.high).any())

    def beyond(self, values: np.ndarray) -> np.ndarray:
        """Values with those that cannot be measured at plus or minus infinity (..., observation)."""
        low, high = (bound.reshape(*[1] * (values.ndim - 1), -1) for bound in self)
        return np.where(values < low, -np.inf, np.where(values > high, np.inf, values))


def limits_of(records: Records, record: np.ndarray, lloq: Given = None, uloq: Given = None) -> Limits:
    """The limits of each observation.

    A censored observation (CENS 1 or -1) says its own; another one of the same DVID has the one that is given, or the
    only one that those which are censored say.

    Args:
        record: index of each observation (observation).
        lloq, uloq: lower and upper limit, one for all or by DVID, in the data's units.

    Raises:
        UsageError: censored observations of one DVID have several limits, and nobody says which holds for the others.
    """
    return Limits(_one_side(records, record, 1, lloq, "lloq"), _one_side(records, record, -1, uloq, "uloq"))


def _one_side(records: Records, record: np.ndarray, side: int, given: Given, key: str) -> np.ndarray:
    censored, dvid = records.cens[record] == side, records.dvid[record]
    own = np.where(censored, records.dv[record], -side * np.inf)
    for label in dict.fromkeys(dvid.tolist()):
        here = dvid == label
        chosen = given.get(label) if isinstance(given, Mapping) else given
        told = np.unique(own[here & censored])
        if chosen is None and len(told) > 1:
            words = ", ".join(f"{value:g}" for value in told[:4])
            what = f"{label or 'DV'} has {len(told)} limits where it is censored: {words}"
            do = f"say which holds elsewhere: {key}={{{label!r}: {told[-1]:g}}}"
            raise UsageError(what, where=f"{records.source}, {key}", do=do)
        if chosen is not None or len(told):
            own[here & ~censored] = float(chosen) if chosen is not None else told[0]
    return own
