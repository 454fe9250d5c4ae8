"""A population fit as a run: what is written of it, patient by patient and as tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from twinsim.by_record import DIMS, ByRecord
from twinsim.calibrate.bootstrap import bootstrap
from twinsim.calibrate.fit import Fit, fit
from twinsim.calibrate.npde import Discrepancies, npde
from twinsim.calibrate.refits import Refits
from twinsim.calibrate.residuals import residuals
from twinsim.calibrate.shrinkage import shrinkage
from twinsim.calibrate.whole_tables import Entry, WholeTables, covariance_entries, numbered, refit_entries
from twinsim.population.model import PopulationModel
from twinsim.provenance import provenance_of
from twinsim.records import Records
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
        resamples: of a bootstrap of the fitted model; 0 for none. strata: see `twinsim.bootstrap`.
        told_resamples: hears how many of them are fitted.
        name: what the results are called; made from the model's title if empty.
    """

    model: PopulationModel
    records: Records
    options: Mapping[str, Any] = field(default_factory=dict)
    told: Callable[[int, float, Mapping[str, float]], None] | None = None
    checkpoint: Path | None = None
    resamples: int = 0
    strata: str | None = None
    told_resamples: Callable[[int], None] = lambda done: None
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

    @cached_property
    def resampled(self) -> Refits:
        """The fitted model, fitted to resampled patients."""
        how = {name: value for name, value in self.options.items() if name != "standard_errors"}
        kept = None if self.checkpoint is None else self.checkpoint / "bootstrap"
        return bootstrap(
            self.fit.model, self.records, **how, replicates=self.resamples, strata=self.strata, checkpoint=kept,
            told=self.told_resamples,
        )  # fmt: skip

    @property
    def how(self) -> dict[str, Any]:
        """Arguments of the fit that say how records are predicted."""
        return {name: self.options[name] for name in ("outputs", "solver", "rtol") if name in self.options}

    @cached_property
    def discrepancies(self) -> Discrepancies:
        """NPDE of the fitted model."""
        return npde(self.fit.model, self.records, replicates=REPLICATES, seed=self.options.get("seed", 0), **self.how)

    @cached_property
    def table(self) -> pd.DataFrame:
        """Predictions and residuals of every record."""
        found = residuals(self.fit.model, self.records, self.fit.etas, self.fit.occasion_etas, **self.how)
        return found.assign(NPDE=self.discrepancies.table["NPDE"])

    @cached_property
    def shrinkage(self) -> pd.DataFrame:
        """Shrinkage of random effects and residuals."""
        fitted = self.fit
        return shrinkage(fitted.model, self.records, fitted.etas, fitted.occasion_etas, self.table)

    @property
    def coordinates(self) -> Mapping[str, Coordinate]:
        found = {"record": ByRecord(self.records).coordinate}
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
        return Variable("output", DIMS, np.int8, "1", "which output was observed", flags)

    @property
    def variables(self) -> tuple[Variable, ...]:
        found = [
            status_variable(),
            *ByRecord(self.records).variables,
            Variable("objective", ("patient",), np.float64, "1", "the patient's share of the objective"),
        ]
        if len(self.records.dvids) > 1:
            found.append(self._output)
        found += [Variable(name, DIMS, np.float64, self.unit, meaning) for name, meaning in _VALUES.values()]
        found += [Variable(name, DIMS, np.float64, "1", meaning) for name, meaning in _SCORES.values()]
        for name in self.model.eta_names:
            found.append(
                Variable(name, ("patient",), np.float64, "1", f"most likely random effect on {name}", group="etas")
            )
        for name in self.model.occasion_eta_names:
            meaning = f"most likely random effect of occasions on {name}"
            found.append(Variable(name, ("patient", "occasion"), np.float64, "1", meaning, group="occasion_etas"))
        return tuple(found)

    @property
    def reducers(self) -> tuple[WholeTables, ...]:
        found = [WholeTables("fit", self._entries)]
        if self.resamples:
            found.append(WholeTables("bootstrap", lambda: refit_entries(self.resampled)))
        return tuple(found)

    def _entries(self) -> list[Entry]:
        """Estimates with their errors, correlations, and the way the fit went."""
        found = self.fit
        errors = np.asarray(list(found.standard_errors.values()))
        with np.errstate(invalid="ignore", divide="ignore"):
            correlation = found.covariance / np.outer(errors, errors)
        return [
            numbered(tuple(found.values)),
            Entry("estimate", ("number",), list(found.values.values()), "estimate"),
            Entry(
                "standard_error",
                ("number",),
                errors,
                "standard error of the estimate",
                {"by": found.errors_by or "none"},
            ),
            Entry("other", ("other",), np.arange(len(errors)), "place of the other number"),
            Entry("correlation", ("number", "other"), correlation, "correlation of two estimates"),
            Entry("step", ("step",), np.arange(1, 1 + len(found.trace)), "step of the search"),
            Entry("trace", ("step",), found.trace, "objective after the step"),
            Entry("path", ("step", "number"), found.path, "values after the step"),
            Entry("objective", (), found.objective, "-2 log likelihood without n ln 2 pi, and the priors"),
            Entry("constant", (), found.constant, "n ln 2 pi"),
            Entry("condition", (), found.condition, "condition number of the curvature"),
            Entry("converged", (), found.converged, "whether the fit converged", {"reason": found.reason}),
            *covariance_entries(found.model),
        ]

    @property
    def identity(self) -> Mapping[str, Any]:
        units = {name: unit for name, unit in self.records.units.items()}
        known = {
            "kind": "fit",
            "model": self.model.identity,
            "records": self.records.digest,
            "units": units,
            **self.options,
        }
        return {**known, "bootstrap": self.resamples, "strata": self.strata} if self.resamples else known

    @property
    def provenance(self) -> Mapping[str, str]:
        settings = {"data": self.records.source, "units": self.records.units, **self.options}
        return {**provenance_of(self.model, settings), "notes": "\n".join(self.records.notes)}

    def patient_ids(self, first: int, count: int) -> np.ndarray:
        return self.records.ids[first : first + count]

    def compute(self, first: int, count: int) -> Mapping[str, Any]:
        which, grid = slice(first, first + count), ByRecord(self.records)
        result: dict[str, Any] = {**grid.compute(first, count), "objective": self.fit.shares[which]}
        for column, (name, _) in {**_VALUES, **_SCORES}.items():
            result[name] = grid.lay(self.table[column], first, count)
        if len(self.records.dvids) > 1:
            number = {label: i for i, label in enumerate(self.records.dvids)}
            seen = zip(self.records.dvid.tolist(), self.records.observations.tolist(), strict=True)
            outputs = [number[label] if here else -1 for label, here in seen]
            result["output"] = grid.lay(outputs, first, count, -1, np.int8)
        result |= {f"etas/{name}": self.fit.etas[i, which] for i, name in enumerate(self.model.eta_names)}
        for i, name in enumerate(self.model.occasion_eta_names):
            result[f"occasion_etas/{name}"] = self.fit.occasion_etas[i, :, which]
        return {**result, "status": grid.worst_status(self.table["STATUS"].tolist(), first, count)}
