"""Records in, one prediction per record out, by NONMEM's rules for events."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import twinsim
from experiments import Finished
from experiments.observed import observed_of
from experiments.steps import model_of, records_of, run_job
from twinsim.by_record import DIMS, ByRecord
from twinsim.config import RunConfig
from twinsim.provenance import provenance_of
from twinsim.store import Coordinate, Variable, status_variable
from twinsim.store.files import disk_errors, put_in_place, temporary

if TYPE_CHECKING:
    from twinsim.report import Section

log = logging.getLogger(__name__)


def run(config: RunConfig) -> Finished:
    """Predict every record of a table; write predictions.csv and results.h5."""
    model = model_of(config)
    records, outputs = observed_of(config, model, records_of(config))
    for note in records.notes:
        log.info("%s", note)
    table = twinsim.predict(model, records, outputs=outputs, solver=config.solver.name, rtol=config.solver.rtol)
    job = PredictionJob(config, model, records, table)
    lead = f"One prediction for each of {len(table):,} records of {records.n_patients:,} patients in {records.source}."
    finished = run_job(config, job, model, lead, lambda: observed_section(job))
    if finished.plan is not None or not finished.paths:
        return finished
    path = finished.folder / "predictions.csv"
    with disk_errors(path):
        table.to_csv(temporary(path), index=False)
        put_in_place(path)
    return replace(finished, paths=(*finished.paths, path))


def observed_section(job: PredictionJob) -> list[Section]:
    """Observed against predicted, if anything was observed and is in one unit."""
    table = job.table
    seen = pd.DataFrame(table[job.records.observations & np.isfinite(table["DV"]) & np.isfinite(table["PRED"])])
    if seen.empty or job.unit == "1":
        return []
    from twinsim.report import Picture, Section, plots

    text = "The model's typical parameters with each patient's own doses and covariates; nothing was fitted."
    figure = plots.observed_against_predicted(seen, label=job.model.structure.gives[0].meaning, unit=job.unit)
    return [Section("Observed and predicted", text, [Picture(figure, "Each observation against its prediction.")])]


@dataclass(frozen=True, eq=False)
class PredictionJob:
    """Predictions as a run: rows by patient, records along the other axis, NaN where a patient has fewer."""

    config: RunConfig
    model: Any
    records: Any
    table: pd.DataFrame

    @property
    def title(self) -> str:
        return self.config.title or f"{self.model.title}, predictions for {Path(self.records.source).name}"

    @property
    def size(self) -> int:
        return self.records.n_patients

    @property
    def coordinates(self) -> Mapping[str, Coordinate]:
        return {"record": ByRecord(self.records).coordinate}

    @property
    def unit(self) -> str:
        """Unit of observations and predictions, that of the data; "1" where it is not the same for all."""
        return self.records.value_unit(self.model.structure.gives[0].unit)

    @property
    def variables(self) -> tuple[Variable, ...]:
        return (
            *ByRecord(self.records).variables,
            Variable("observed", DIMS, np.float64, self.unit, "observed value"),
            Variable("prediction", DIMS, np.float64, self.unit, "prediction with typical parameters"),
            status_variable(),
        )

    reducers = ()

    @property
    def identity(self) -> Mapping[str, Any]:
        columns = self.table[["ID", "TIME", "EVID", "DV", "PRED"]].to_numpy(np.float64)
        digest = hashlib.sha256(columns.tobytes()).hexdigest()
        return {"kind": "predict", "model": self.model.identity, "solver": self.config.solver.name, "table": digest}

    @property
    def provenance(self) -> Mapping[str, str]:
        settings = {"data": self.records.source, "units": self.records.units, "solver": self.config.solver.name}
        return {**provenance_of(self.model, settings), "notes": "\n".join(self.records.notes)}

    def patient_ids(self, first: int, count: int) -> np.ndarray:
        return self.records.ids[first : first + count]

    def compute(self, first: int, count: int) -> Mapping[str, Any]:
        grid = ByRecord(self.records)
        shown = {"observed": "DV", "prediction": "PRED"}
        laid = {name: grid.lay(self.table[column], first, count) for name, column in shown.items()}
        status = grid.worst_status(self.table["STATUS"].tolist(), first, count)
        return {**grid.compute(first, count), **laid, "status": status}
