"""Simulated studies and their fits as a run: every fit, and how well the truth is found back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from twinsim.by_record import ByRecord
from twinsim.calibrate.recovery import recover
from twinsim.calibrate.refits import Refits
from twinsim.calibrate.whole_tables import Entry, WholeTables, refit_entries
from twinsim.population.model import PopulationModel
from twinsim.provenance import provenance_of
from twinsim.records import Records
from twinsim.store import Coordinate, Variable

COLUMNS = {
    "BIAS": ("bias", "mean of the estimates relative to the truth, less 1"),
    "RMSE": ("rmse", "root mean square error relative to the truth"),
    "SD": ("spread", "standard deviation of the estimates"),
    "SE": ("mean_standard_error", "mean of the standard errors"),
    "COVERAGE": ("coverage", "share of the 95 % intervals that hold the truth"),
}


@dataclass(frozen=True, eq=False)
class RecoveryJob:
    """Studies by the model of one design, each fitted. They are computed when first asked for.

    Args:
        records: the design.
        options: arguments of `twinsim.recover` that determine its numbers.
        checkpoint: where every fit is kept.
        told: hears how many fits are done.
        name: what the results are called; made from the model's title if empty.
    """

    model: PopulationModel
    records: Records
    options: Mapping[str, Any] = field(default_factory=dict)
    checkpoint: Path | None = None
    told: Callable[[int], None] = lambda done: None
    name: str = ""

    @property
    def title(self) -> str:
        return self.name or f"{self.model.title}, simulated and fitted again"

    @property
    def size(self) -> int:
        return self.records.n_patients

    @cached_property
    def refits(self) -> Refits:
        """All fits."""
        return recover(self.model, self.records, **self.options, checkpoint=self.checkpoint, told=self.told)

    @property
    def coordinates(self) -> Mapping[str, Coordinate]:
        return {"record": ByRecord(self.records).coordinate}

    @property
    def variables(self) -> tuple[Variable, ...]:
        return ByRecord(self.records).variables

    @property
    def reducers(self) -> tuple[WholeTables, ...]:
        return (WholeTables("refits", self._entries),)

    def _entries(self) -> list[Entry]:
        found = self.refits
        # Where too few fits converged there are the fits with their reasons, and nothing of them together.
        nothing = {column: np.full(len(found.labels), np.nan) for column in COLUMNS}
        table: Any = nothing if found.few else found.recovered()
        told = [Entry(name, ("number",), table[column], words) for column, (name, words) in COLUMNS.items()]
        return [*refit_entries(found), *told]

    @property
    def identity(self) -> Mapping[str, Any]:
        design = {"records": self.records.digest, "units": dict(self.records.units)}
        return {"kind": "simulate_and_refit", "model": self.model.identity, **design, **self.options}

    @property
    def provenance(self) -> Mapping[str, str]:
        return provenance_of(self.model, {"design": self.records.source, "units": self.records.units, **self.options})

    def patient_ids(self, first: int, count: int) -> np.ndarray:
        return self.records.ids[first : first + count]

    def compute(self, first: int, count: int) -> Mapping[str, Any]:
        return ByRecord(self.records).compute(first, count)
