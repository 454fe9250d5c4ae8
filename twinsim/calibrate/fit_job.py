"""A population fit as a run: what is written of it, patient by patient and as tables."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from twinsim.calibrate.fit import Fit, fit
from twinsim.calibrate.npde import Discrepancies, npde
from twinsim.calibrate.residuals import residuals
from twinsim.calibrate.shrinkage import shrinkage
from twinsim.population.model import PopulationModel
from twinsim.provenance import provenance_of
from twinsim.records import Records
from twinsim.run.job import State
from twinsim.store import Coordinate, Variable, status_variable

REPLICATES = 1000  # of the prediction discrepancies

# column of the diagnostics -> name and meaning of the variable; those in the data's unit first
_VALUES = {
    "DV": ("observed", "observed value"),
    "PRED": ("prediction", "prediction with typical parameters"),
    "IPRED": ("individual_prediction", "prediction with the patient's own parameters"),
}
_SCORES = {
    "WRES": ("weighted_residual", "weighted residual about the typical patient (WRES)"),
    "IWRES": ("individual_weighted_residual", "weighted residual about the patient's own prediction (IWRES)"),
    "CWRES": ("conditional_weighted_residual", "conditional weighted residual (CWRES)"),
    "NPDE": ("npde", "normalised prediction distribution error (NPDE)"),
}


@dataclass(frozen=True, eq=False)
class FitJob:
    """One fit. It is computed when its numbers are first asked for.

    Args:
        options: arguments of `twinsim.fit` that determine its numbers.
        told: hears every step, see `twinsim.fit`.
        checkpoint: where the fit keeps what it computes.
        name: what the results are called; made from the model's title if empty.
    """

    model: PopulationModel
    records: Records
    options: Mapping[str, Any] = field(default_factory=dict)
    told: Callable[[int, float, Mapping[str, float]], None] | None = None
    checkpoint: Path | None = None
    name: str = ""

    @property
    def title(self) -> str:
        return self.name or f"{self.model.title}, fitted to {Path(self.records.source).name}"

    @property
    def size(self) -> int:
        return self.records.n_patients

    @cached_property
    def fit(self) -> Fit:
        """The fit itself."""
        return fit(self.model, self.records, **self.options, checkpoint=self.checkpoint, told=self.told)

    @property
    def _how(self) -> dict[str, Any]:
        return {name: self.options[name] for name in ("outputs", "solver", "rtol") if name in self.options}

    @cached_property
    def discrepancies(self) -> Discrepancies:
        """NPDE of the fitted model."""
        return npde(self.fit.model, self.records, replicates=REPLICATES, seed=self.options.get("seed", 0), **self._how)

    @cached_property
    def table(self) -> pd.DataFrame:
        """Predictions and residuals of every record."""
        found = residuals(self.fit.model, self.records, self.fit.etas, self.fit.occasion_etas, **self._how)
        return found.assign(NPDE=self.discrepancies.table["NPDE"])

    @cached_property
    def shrinkage(self) -> pd.DataFrame:
        """Shrinkage of random effects and residuals."""
        fitted = self.fit
        return shrinkage(fitted.model, self.records, fitted.etas, fitted.occasion_etas, self.table)

    @property
    def coordinates(self) -> Mapping[str, Coordinate]:
        found = {
            "record": Coordinate(np.arange(1 + int(self.records.place.max())), "1", "record of the patient, from 0")
        }
        if self.model.occasion_eta_names:
            found["occasion"] = Coordinate(np.unique(self.records.occ), "1", "occasion")
        return found

    @property
    def unit(self) -> str:
        """Unit of observations and predictions, that of the data; "1" where it is not the same for all."""
        return self.records.value_unit(self.model.structure.gives[0].unit)

    @property
    def _output(self) -> Variable:
        """Which output was observed, by its place among the labels, and the units of their values; -1 for none."""
        labels, given = self.records.dvids, self.options.get("outputs") or {}
        flags = {
            "flag_values": np.arange(len(labels), dtype=np.int8),
            "flag_meanings": " ".join(given.get(label, label).replace(" ", "_") for label in labels),
            "value_units": "; ".join(self.records.dv_unit(label) for label in labels),
        }
        return Variable("output", ("patient", "record"), np.int8, "1", "which output was observed", flags)

    @property
    def variables(self) -> tuple[Variable, ...]:
        dims = ("patient", "record")
        found = [
            status_variable(),
            Variable("record_time", dims, np.float64, "h", "time of the record"),
            Variable("event", dims, np.int8, "1", "EVID of the record"),
            Variable("objective", ("patient",), np.float64, "1", "the patient's share of the objective"),
        ]
        if len(self.records.dvids) > 1:
            found.append(self._output)
        found += [Variable(name, dims, np.float64, self.unit, meaning) for name, meaning in _VALUES.values()]
        found += [Variable(name, dims, np.float64, "1", meaning) for name, meaning in _SCORES.values()]
        for name in self.model.eta_names:
            found.append(
                Variable(name, ("patient",), np.float64, "1", f"most likely random effect on {name}", group="etas")
            )
        for name in self.model.occasion_eta_names:
            meaning = f"most likely random effect of occasions on {name}"
            found.append(Variable(name, ("patient", "occasion"), np.float64, "1", meaning, group="occasion_etas"))
        return tuple(found)

    @property
    def reducers(self) -> tuple[FitTables, ...]:
        return (FitTables(self),)

    @property
    def identity(self) -> Mapping[str, Any]:
        table = self.records.to_pandas()
        text = table.to_csv(index=False, float_format="%.17g").encode()
        digest = hashlib.sha256(text).hexdigest()
        units = {name: unit for name, unit in self.records.units.items()}
        return {"kind": "fit", "model": self.model.identity, "records": digest, "units": units, **self.options}

    @property
    def provenance(self) -> Mapping[str, str]:
        settings = {"data": self.records.source, "units": self.records.units, **self.options}
        return {**provenance_of(self.model, settings), "notes": "\n".join(self.records.notes)}

    def patient_ids(self, first: int, count: int) -> np.ndarray:
        return self.records.ids[first : first + count]

    def compute(self, first: int, count: int) -> Mapping[str, Any]:
        which = slice(first, first + count)
        shape = (1 + int(self.records.place.max()), count)
        mine = (self.records.patient >= first) & (self.records.patient < first + count)
        at = (self.records.place[mine], self.records.patient[mine] - first)
        result: dict[str, Any] = {}
        columns = {"TIME": "record_time", **{column: name for column, (name, _) in {**_VALUES, **_SCORES}.items()}}
        for column, name in columns.items():
            result[name] = np.full(shape, np.nan)
            result[name][at] = self.table[column].to_numpy(np.float64)[mine]
        result["event"] = np.full(shape, -1, np.int8)
        result["event"][at] = self.records.evid[mine]
        if len(self.records.dvids) > 1:
            number = {label: i for i, label in enumerate(self.records.dvids)}
            seen = zip(self.records.dvid[mine].tolist(), self.records.observations[mine].tolist(), strict=True)
            result["output"] = np.full(shape, -1, np.int8)
            result["output"][at] = [number[label] if here else -1 for label, here in seen]
        result["objective"] = self.fit.shares[which]
        result |= {f"etas/{name}": self.fit.etas[i, which] for i, name in enumerate(self.model.eta_names)}
        for i, name in enumerate(self.model.occasion_eta_names):
            result[f"occasion_etas/{name}"] = self.fit.occasion_etas[i, :, which]
        flags = status_variable().attributes
        codes = dict(zip(flags["flag_meanings"].split(), flags["flag_values"], strict=True))
        worst = np.zeros(count, np.int8)
        np.maximum.at(worst, at[1], np.array([codes[name] for name in self.table["STATUS"]], np.int8)[mine])
        return {**result, "status": worst}


@dataclass(frozen=True, eq=False)
class FitTables:
    """What a fit is as a whole: estimates with their errors, correlations, and the way it went."""

    job: FitJob
    name: str = "fit"
    keys: tuple[str, ...] = ()

    def start(self) -> State:
        """Nothing is made of patients."""
        return {}

    def add(self, state: State, chunk: Mapping[str, np.ndarray], first: int) -> State:
        return state

    def merge(self, a: State, b: State) -> State:
        return a

    def state_bytes(self, sizes: Mapping[str, int], patients: int) -> int:
        return 0

    def finish(self, state: State) -> list[tuple[Variable, np.ndarray]]:
        found = self.job.fit
        labels = list(found.standard_errors)
        errors = np.asarray(list(found.standard_errors.values()))
        values = found.values
        with np.errstate(invalid="ignore", divide="ignore"):
            correlation = found.covariance / np.outer(errors, errors)
        made = [
            ("number", ("number",), np.arange(len(labels)), np.int64, "place of the number in the attribute names"),
            ("estimate", ("number",), np.asarray([values[label] for label in labels]), np.float64, "estimate"),
            ("standard_error", ("number",), errors, np.float64, "standard error of the estimate"),
            ("other", ("other",), np.arange(len(labels)), np.int64, "place of the other number"),
            ("correlation", ("number", "other"), correlation, np.float64, "correlation of two estimates"),
            ("step", ("step",), np.arange(1, 1 + len(found.trace)), np.int64, "step of the search"),
            ("trace", ("step",), np.asarray(found.trace), np.float64, "objective after the step"),
            ("objective", (), np.asarray(found.objective), np.float64, "-2 log likelihood without n ln 2 pi"),
            ("constant", (), np.asarray(found.constant), np.float64, "n ln 2 pi"),
            ("condition", (), np.asarray(found.condition), np.float64, "condition number of the curvature"),
            ("converged", (), np.asarray(int(found.converged)), np.int8, "whether the fit converged"),
        ]
        texts = {"number": {"names": "\n".join(labels)}, "converged": {"reason": found.reason}}
        return [
            (Variable(name, dims, dtype, "1", meaning, texts.get(name, {}), group="fit"), array.astype(dtype))
            for name, dims, array, dtype, meaning in made
        ]
