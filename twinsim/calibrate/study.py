"""Records laid out for a fit: what was observed of each patient, beside the doses and times that the solver needs.

Arrays have the patient in their last axis, and only rows that were observed: a patient with fewer of them than others
has its last one again, which does not count.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import jax
import numpy as np

from twinsim.design import Design
from twinsim.errors import DataError, UsageError
from twinsim.plan import DosePlan
from twinsim.population.covariate_effects import Relation
from twinsim.population.fields import Number
from twinsim.population.model import PopulationModel
from twinsim.population.model_file import Parts
from twinsim.prediction import Fitted
from twinsim.records import Records, numbered
from twinsim.segments import Segments
from twinsim.solve import Problem

jax.tree_util.register_dataclass(DosePlan, data_fields=["arrays"], meta_fields=["layout"])
jax.tree_util.register_dataclass(
    Segments, data_fields=["time", "key", "doses", "anchor", "occasion", "values", "slopes"], meta_fields=[]
)
jax.tree_util.register_dataclass(
    Design, data_fields=["plan", "times", "order", "position", "covariates", "segments"], meta_fields=[]
)


class Observed(NamedTuple):
    """Observations of patients.

    Attributes:
        design: doses, covariates, and the times of the observations.
        dv: values (row, patient), 1 where there is none; in the output's unit.
        cens, limit: see `twinsim.records.Records`; limit NaN where there is none, in the output's unit.
        kind: index of the output among `Outline.outputs`, int32 (row, patient).
        factor: from the output's unit to the data's (row, patient).
        used: whether the row is an observation, and not there to fill up (row, patient).
    """

    design: Design
    dv: np.ndarray
    cens: np.ndarray
    limit: np.ndarray
    kind: np.ndarray
    factor: np.ndarray
    used: np.ndarray


@dataclass(frozen=True)
class Outline:
    """What must be known to compile, and nothing that differs between studies of one shape.

    Attributes:
        parts: the model; its numbers do not matter.
        form: all of the model that does, as text.
        problem: what is solved.
        outputs: that were observed, each with a residual error.
        occasions: how many have random effects of their own.
        segmented: parameters change along the way.
        censored: some observations are.
    """

    parts: Parts = field(compare=False)
    form: str
    problem: Problem
    outputs: tuple[str, ...]
    occasions: int
    segmented: bool
    censored: bool

    @property
    def effects(self) -> int:
        """Random effects of a patient, those of all its occasions."""
        return len(self.parts.between_patients.names) + self.occasions * len(self.parts.between_occasions.names)


@dataclass(frozen=True, eq=False)
class Study:
    """A model and the records it is fitted to.

    Attributes:
        model: with the numbers a fit starts from.
        observed: of all patients; see `Observed`.
        row: index into the records of each observation, -1 where there is none (row, patient).
        patient: place of each patient among those of the records (patient).
    """

    model: PopulationModel
    records: Records
    outline: Outline
    observed: Observed
    row: np.ndarray
    patient: np.ndarray

    @property
    def patients(self) -> int:
        """How many are laid out."""
        return self.row.shape[1]

    @property
    def ids(self) -> np.ndarray:
        """Their ids, int64 (patient)."""
        return self.records.ids[self.patient]

    @property
    def constant(self) -> float:
        """n ln 2 pi, which NONMEM's objective leaves out; n counts the values that are not censored."""
        return float(np.sum(self.observed.used & (self.observed.cens == 0))) * math.log(2.0 * math.pi)

    @property
    def identity(self) -> dict[str, Any]:
        """What determines a fit's numbers, as JSON data: the model, and a digest of all that was recorded."""
        digest = hashlib.sha256(repr((self.outline.outputs, self.outline.occasions)).encode())
        for array in (self.ids, *jax.tree.leaves(self.observed)):
            digest.update(np.ascontiguousarray(array).tobytes())
        return {"model": self.model.identity, "records": digest.hexdigest()}

    @property
    def counts(self) -> np.ndarray:
        """Observations of each patient (patient)."""
        return self.observed.used.sum(axis=0)

    def of_patients(self, which: np.ndarray) -> Study:
        """The same model, and some patients, or some of them again (patient)."""
        observed = patients_of(self.observed, which)
        return replace(self, observed=observed, row=self.row[:, which], patient=self.patient[which])

    def with_values(self, values: np.ndarray) -> Study:
        """The same patients, and other values of their observations.

        Args:
            values: in the data's units and in file order (observation).
        """
        dv = np.where(self.observed.used, np.asarray(values)[np.searchsorted(self.record, self.row)], 1.0)
        return replace(self, observed=self.observed._replace(dv=dv / self.observed.factor))

    @property
    def record(self) -> np.ndarray:
        """Index into the records of each observation in file order (observation)."""
        return np.sort(self.row[self.row >= 0])

    def name(self, patient: Any) -> str:
        """What the records call a patient."""
        labels, place = self.records.labels, self.patient[patient]
        return labels[place] if labels else str(self.records.ids[place])


def study_of(
    model: PopulationModel,
    records: Records,
    *,
    outputs: Mapping[str, str] | None = None,
    solver: str = "auto",
    rtol: float | None = None,
    rows: np.ndarray | None = None,
) -> Study:
    """Lay out records for a fit.

    Args:
        rows: records to be predicted, whether they have a value or not; None: all that were observed.

    Raises:
        DataError: nothing was observed, an observation has no value, or one that a lognormal error cannot have.
        UsageError: an output without residual error.
    """
    fitted = Fitted(model, records, outputs=outputs, solver=solver, rtol=rtol, occasions=bool(model.occasion_eta_names))
    if rows is None:
        rows = observed_rows(records)
        _check_values(model, records, rows, fitted.output_of)
    # Where there is nothing to predict some output is, and does not count.
    used_outputs = tuple(dict.fromkeys(fitted.output_of[i] for i in rows)) or tuple(model.error_models)[:1]
    place, used, row = _places(records, fitted.design, rows)

    def laid(values: Any, nothing: float, dtype: Any = np.float64) -> np.ndarray:
        return np.where(used, np.asarray(values)[np.maximum(row, 0)], nothing).astype(dtype)

    factor = laid(fitted.factor, 1.0)
    observed = Observed(
        design=_compressed(fitted.design, place),
        dv=laid(records.dv, 1.0) / factor,
        cens=laid(records.cens, 0, np.int32),
        limit=laid(records.limit, np.nan) / factor,
        kind=laid([used_outputs.index(name) if name in used_outputs else 0 for name in fitted.output_of], 0, np.int32),
        factor=factor,
        used=used,
    )
    occasions = 0
    if model.occasion_eta_names:
        occasions = len(np.unique(records.occ))
    outline = Outline(
        model.parts,
        _form(model.parts),
        replace(fitted.problem, outputs=used_outputs),
        used_outputs,
        occasions,
        segmented=fitted.design.count > 1,
        censored=bool(observed.cens.any()),
    )
    return Study(model, records, outline, observed, row, np.arange(records.n_patients))


def observed_rows(records: Records) -> np.ndarray:
    """Records that have a value, or should have (row)."""
    return np.flatnonzero((records.evid == 0) & (records.mdv == 0))


def _form(parts: Parts) -> str:
    """What of a model makes one compiled program differ from another: everything but the values of its numbers."""
    levels = [(level.names, level.distributions) for level in (parts.between_patients, parts.between_occasions)]
    parameters = [
        (item.name, item.typical.name, item.limits, [_relation(relation) for relation in item.relations])
        for item in parts.parameters
    ]
    errors = [(error.output, error.kind, _names(error.numbers)) for error in parts.error_models.values()]
    written_as = parts.parameterisation.name if parts.parameterisation else ""
    return repr((written_as, parameters, parts.covariates, levels, errors))


def _relation(relation: Relation) -> tuple:
    return relation.kind, relation.covariates, _names(relation.numbers), relation.settings


def _names(numbers: Mapping[str, Number]) -> list[tuple[str, str]]:
    return [(role, number.name) for role, number in numbers.items()]


def _check_values(model: PopulationModel, records: Records, rows: np.ndarray, output_of: list[str]) -> None:
    if not rows.size:
        raise DataError("there are no observations to fit", where=records.source, do="add rows with EVID 0 and DV")
    empty = rows[~np.isfinite(records.dv[rows])]
    if empty.size:
        where = f"{records.source}, row {records.row[empty[0]]}"
        raise DataError(f"{empty.size} observations have no value", where=where, do="set MDV to 1 there")
    for name in dict.fromkeys(output_of[i] for i in rows):
        if name not in model.error_models:
            do = f"add residual: {{{name}: ...}} to the model's file"
            raise UsageError(f"{model.name} has no residual error for {name}", do=do)
        if model.error_models[name].log_scale:
            low = [i for i in rows if output_of[i] == name and not records.dv[i] > 0.0]
            if low:
                what = f"{len(low)} observations of {name} are not above 0, and its error is lognormal"
                raise DataError(what, where=f"{records.source}, row {records.row[low[0]]}", do="set MDV to 1 there")


def _places(records: Records, design: Design, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row of the design of each observation, which of them count, and their records; all (row, patient).

    A patient with fewer than others has its last one again.
    """
    patient = records.patient[rows]
    rank = numbered(patient)
    shape = (int(rank.max(initial=0)) + 1, records.n_patients)
    place, record = np.zeros(shape, int), np.full(shape, -1)
    place[rank, patient], record[rank, patient] = design.position[0][rows], rows
    return np.maximum.accumulate(place, axis=0), record >= 0, record


def _compressed(design: Design, place: np.ndarray) -> Design:
    """The design with the rows of observations alone, every array (..., patient)."""
    patients = design.times.shape[1]

    def wide(array: Any) -> np.ndarray:
        return np.ascontiguousarray(np.broadcast_to(array, (*np.shape(array)[:-1], patients)))

    times, order = (np.take_along_axis(table, place, axis=0) for table in (design.times, design.order))
    return replace(
        design,
        plan=replace(design.plan, arrays={name: wide(array) for name, array in design.plan.arrays.items()}),
        times=times,
        order=order,
        position=(),
        covariates={name: wide(array) for name, array in design.covariates.items()},
        segments=None if design.segments is None else jax.tree.map(wide, design.segments),
    )


def patients_of(tree: Any, which: Any) -> Any:
    """Some patients of arrays whose last axis they are."""
    return jax.tree.map(lambda x: x[..., which], tree)
