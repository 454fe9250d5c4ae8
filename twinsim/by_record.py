"""Values of records in a run's results: rows by patient, records along the other axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from twinsim.records import Records
from twinsim.store import Coordinate, Variable, status_variable

DIMS = ("patient", "record")


@dataclass(frozen=True, eq=False)
class ByRecord:
    """Records of patients, any range of whom can be laid out."""

    records: Records

    @property
    def coordinate(self) -> Coordinate:
        """Along the records of a patient."""
        return Coordinate(np.arange(1 + int(self.records.place.max())), "1", "record of the patient, from 0")

    @property
    def variables(self) -> tuple[Variable, ...]:
        """What every table of records has."""
        return (
            Variable("record_time", DIMS, np.float64, "h", "time of the record"),
            Variable("event", DIMS, np.int8, "1", "EVID of the record"),
        )

    def compute(self, first: int, count: int) -> dict[str, np.ndarray]:
        """Arrays of `variables` for some patients (record, patient)."""
        event = self.lay(self.records.evid, first, count, -1, np.int8)
        return {"record_time": self.lay(self.records.time, first, count), "event": event}

    def lay(self, values: Any, first: int, count: int, nothing: float = np.nan, dtype: Any = np.float64) -> np.ndarray:
        """Values of all records (row) as those of some patients (record, patient); `nothing` where one has fewer."""
        mine = self._mine(first, count)
        laid = np.full((len(self.coordinate.array), count), nothing, dtype)
        laid[self.records.place[mine], self.records.patient[mine] - first] = np.asarray(values)[mine]
        return laid

    def worst_status(self, names: Sequence[str], first: int, count: int) -> np.ndarray:
        """The gravest status among the records of each of some patients, by its name for every record (patient)."""
        flags: Mapping[str, Any] = status_variable().attributes
        codes = dict(zip(flags["flag_meanings"].split(), flags["flag_values"], strict=True))
        mine, worst = self._mine(first, count), np.zeros(count, np.int8)
        known = np.array([codes[name] for name in names], np.int8)
        np.maximum.at(worst, self.records.patient[mine] - first, known[mine])
        return worst

    def _mine(self, first: int, count: int) -> np.ndarray:
        return (self.records.patient >= first) & (self.records.patient < first + count)
