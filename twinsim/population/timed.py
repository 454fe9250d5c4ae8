"""A covariate that changes in time: points per patient and the rule that leads from one to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from twinsim.errors import DataError, nearest

INTERPOLATIONS = {
    "locf": "the last value carried forward",
    "nocb": "the next value carried backward",
    "linear": "a straight line between values",
}


@dataclass(frozen=True, eq=False)
class TimedCovariate:
    """Values at points in time, per patient.

    Between points `locf` keeps the last value, `nocb` takes the next (NONMEM's way), `linear` draws a line. At a point
    all three give the point's value. Before the first and after the last point the nearest value holds.

    Attributes:
        times: [h] (point, patient), rising; short patients repeat their last point to fill the column.
        values: (point, patient).
        interpolation: locf, nocb or linear. There is no default: the choice changes results.

    Raises:
        DataError: no or an unknown interpolation; shapes that differ; a value or time that is missing; times that
            fall; two values at one time.
    """

    times: Any
    values: Any
    interpolation: str = ""

    def __post_init__(self) -> None:
        if self.interpolation not in INTERPOLATIONS:
            what = f"{self.interpolation!r} is not an interpolation" if self.interpolation else "no interpolation given"
            ways = "; ".join(f'"{name}": {words}' for name, words in INTERPOLATIONS.items())
            hint = f"{nearest(self.interpolation, INTERPOLATIONS)}; " if self.interpolation else ""
            raise DataError(what, why="between two points the value must follow a rule", do=hint + ways)
        for name in ("times", "values"):
            array = np.array(getattr(self, name), np.float64)
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        if self.times.shape != self.values.shape or self.times.ndim != 2 or not self.times.shape[0]:
            raise DataError(
                f"times have shape {self.times.shape}, values {self.values.shape}",
                do="give both as (point, patient) with at least one point, or use TimedCovariate.of_points",
            )

    def check(self, ids: np.ndarray, name: str) -> None:
        """Refuses points that contradict each other, naming the patients.

        Args:
            ids: patient ids (patient,).
            name: the covariate's name, for the message.
        """
        if self.times.shape[1] != ids.size:
            raise DataError(f"{name} has {self.times.shape[1]} patients, the cohort {ids.size}")
        step = np.diff(self.times, axis=0)
        for wrong, what in (
            (~np.isfinite(self.times), "has a time that is missing or infinite"),
            (~np.isfinite(self.values), "has a value that is missing or infinite"),
            (step < 0, "has times that fall"),
            ((step == 0) & (np.diff(self.values, axis=0) != 0), "has two values at one time"),
        ):
            if wrong.any():
                raise DataError(f"{name} {what}", where=name_patients(ids[wrong.any(axis=0)]))

    @classmethod
    def of_points(
        cls, times: Sequence[Sequence[float]], values: Sequence[Sequence[float]], interpolation: str
    ) -> TimedCovariate:
        """From one list of times and one of values per patient, of any lengths.

        >>> TimedCovariate.of_points([[0, 24], [0]], [[70, 71], [80]], "locf").at(30.0).tolist()
        [71.0, 80.0]

        Raises:
            DataError: lists that do not match, or a patient without a point.
        """
        if len(times) != len(values):
            raise DataError(f"times of {len(times)} patients and values of {len(values)}")
        for row, (t, v) in enumerate(zip(times, values, strict=True)):
            if len(t) != len(v) or not len(t):
                raise DataError(f"row {row} has {len(t)} times and {len(v)} values", do="give at least one, pairwise")
        most = max((len(t) for t in times), default=1)
        padded = [
            np.array([[*row, *[row[-1]] * (most - len(row))] for row in rows], np.float64).reshape(-1, most).T
            for rows in (times, values)
        ]
        return cls(padded[0], padded[1], interpolation)

    def at(self, time: Any) -> np.ndarray:
        """The value of every patient at a time.

        Args:
            time: [h], one number or (patient,).

        Returns:
            (patient,) float64.
        """
        time = np.broadcast_to(np.asarray(time, np.float64), self.times.shape[1:])
        last = self.times.shape[0] - 1
        rows = np.arange(time.size)
        before = np.clip((self.times <= time).sum(axis=0) - 1, 0, last)
        after = np.clip((self.times < time).sum(axis=0), 0, last)
        v0, v1 = self.values[before, rows], self.values[after, rows]
        if self.interpolation != "linear":
            return v0 if self.interpolation == "locf" else v1
        t0, t1 = self.times[before, rows], self.times[after, rows]
        width = np.where(t1 > t0, t1 - t0, 1.0)
        share = np.clip((time - t0) / width, 0.0, 1.0)
        return np.where(t1 > t0, v0 + (v1 - v0) * share, v0)

    def onward(self, time: Any, past: Any) -> tuple[np.ndarray, np.ndarray]:
        """Value at a time and its change per hour from there on, until the next point.

        Args:
            time: [h], one number or (patient,); infinite before the first point or after the last.
            past: the time itself is over, so that a value carried backward is already the next one; bool (patient,).

        Returns:
            value, slope [1/h], both (patient,); the slope is 0 unless values are joined by straight lines.
        """
        time = np.broadcast_to(np.asarray(time, np.float64), self.times.shape[1:])
        if self.interpolation != "linear":
            moment = np.where(past, np.nextafter(time, np.inf), time) if self.interpolation == "nocb" else time
            return self.at(moment), np.zeros(time.shape)
        last = self.times.shape[0] - 1
        rows = np.arange(time.size)
        before = (self.times <= time).sum(axis=0) - 1
        inside = (before >= 0) & (before < last)
        before = np.clip(before, 0, max(last - 1, 0))
        after = np.minimum(before + 1, last)
        width = np.where(inside, self.times[after, rows] - self.times[before, rows], 1.0)
        rise = np.where(inside, self.values[after, rows] - self.values[before, rows], 0.0)
        return self.at(time), rise / np.where(width > 0.0, width, 1.0)

    def take(self, indices: Any) -> TimedCovariate:
        """The patients at these positions."""
        return TimedCovariate(self.times[:, indices], self.values[:, indices], self.interpolation)


def name_patients(ids: np.ndarray, most: int = 10) -> str:
    """The first ids of a list as words.

    >>> name_patients(np.array([3, 5]))
    'patients 3, 5'
    """
    listed = ", ".join(str(int(i)) for i in ids[:most])
    more = f" and {ids.size - most} more" if ids.size > most else ""
    return f"patient{'s' if ids.size > 1 else ''} {listed}{more}"
