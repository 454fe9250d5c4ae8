"""Checked records of patients: the arrays that prediction, estimation and simulation share."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import pandas as pd

from twinsim.errors import DataError, UnitError
from twinsim.records.covariates import first_known, require_interpolation
from twinsim.records.refusal import Refusal, table


class Baseline(NamedTuple):
    """Covariates of each patient at its first record that has one.

    Args:
        ids: int64 ids in file order (patient).
        covariates: values by name (patient).
        varies: by name, whether the covariate changes within any patient.
    """

    ids: np.ndarray
    covariates: dict[str, np.ndarray]
    varies: dict[str, bool]


@dataclass(frozen=True, eq=False)
class Records:
    """Records of patients as checked arrays in file order; amounts and values in the file's units, times in h.

    An infusion is given by its rate or by its duration, never both, because bioavailability F acts on the other one:
    with rate > 0 it lasts F amt / rate, with duration > 0 it runs at F amt / duration.

    Args:
        ids: patients in file order (patient).
        labels: their names in the file, if these are not numbers; else empty.
        patient: index into `ids` (record).
        row: line of the file, or 1-based row of the DataFrame (record).
        time: hours since the patient's zero [h] (record).
        amt: amount [units["AMT"]] (record).
        rate: [units["RATE"]]; -1 modelled rate, -2 modelled duration, 0 bolus or `duration` (record).
        duration: [h]; 0 unless the file gives a duration (record).
        addl: further doses at intervals of `ii` (record).
        ii: interval between doses [h] (record).
        ss: 0 none, 1 steady state, 2 steady state added to what is there; 1 with amt 0 is a constant infusion (record).
        evid: 0 observation, 1 dose, 2 other, 3 reset, 4 reset and dose (record).
        cmt: compartment counted from 1; 0 is the model's default (record).
        mdv: 1 where `dv` is no value (record).
        dv: observed value [unit of the output]; NaN where there is none (record).
        dvid: label of the output; "" where the file has no DVID (record).
        cens: 1 below `dv`, -1 above it, 0 the value itself (record).
        limit: the other bound of a censored value; NaN for none (record).
        occ: occasion (record).
        covariates: values by upper-case name (record).
        units: by item or covariate; units["DV"] may be a mapping from dvid.
        interpolation: locf, nocb or linear by covariate.
        categories: codes of the labels of text covariates.
        varies: by covariate, whether it changes within any patient.
        refused: rows that could not be used as written; their patients are not here.
        notes: what was assumed, derived or left out.
        source: the file.
    """

    ids: np.ndarray
    labels: tuple[str, ...]
    patient: np.ndarray
    row: np.ndarray
    time: np.ndarray
    amt: np.ndarray
    rate: np.ndarray
    duration: np.ndarray
    addl: np.ndarray
    ii: np.ndarray
    ss: np.ndarray
    evid: np.ndarray
    cmt: np.ndarray
    mdv: np.ndarray
    dv: np.ndarray
    dvid: np.ndarray
    cens: np.ndarray
    limit: np.ndarray
    occ: np.ndarray
    covariates: dict[str, np.ndarray]
    units: dict[str, str | dict[str, str]]
    interpolation: dict[str, str]
    categories: dict[str, dict[str, float]]
    varies: dict[str, bool]
    refused: tuple[Refusal, ...]
    notes: tuple[str, ...]
    source: str

    def __post_init__(self) -> None:
        for one in (*(getattr(self, item.name) for item in fields(self)), *self.covariates.values()):
            if isinstance(one, np.ndarray):
                one.flags.writeable = False

    def __len__(self) -> int:
        return len(self.patient)

    def __repr__(self) -> str:
        return (
            f"Records({self.source}: {self.n_patients} patients, {int(self.doses.sum())} doses, "
            f"{int(self.observations.sum())} observations, covariates {', '.join(self.covariates) or 'none'})"
        )

    @property
    def n_patients(self) -> int:
        return len(self.ids)

    @property
    def place(self) -> np.ndarray:
        """Number of each record among its patient's, from 0 (record)."""
        return numbered(self.patient)

    def value_unit(self, default: str) -> str:
        """The unit of all observations; "1" where outputs have several, `default` where the table has none."""
        given = self.units.get("DV", default)
        found = {given} if isinstance(given, str) else set(given.values())
        return found.pop() if len(found) == 1 else "1"

    @property
    def observations(self) -> np.ndarray:
        """Where a value was observed or is to be predicted: EVID 0 (record)."""
        return self.evid == 0

    @property
    def doses(self) -> np.ndarray:
        """Where drug is given: EVID 1 or 4 (record)."""
        return (self.evid == 1) | (self.evid == 4)

    @property
    def dvids(self) -> tuple[str, ...]:
        """Labels of the observed outputs, in the order of the file."""
        return tuple(dict.fromkeys(self.dvid[self.observations].tolist()))

    def dv_unit(self, dvid: str = "") -> str:
        """The unit of an observed output.

        Raises:
            UnitError: the table has no DV, or no unit is known for this label.
        """
        unit = self.units.get("DV")
        found = unit.get(dvid) if isinstance(unit, Mapping) else unit
        if found is None:
            raise UnitError(f"no unit is known for the observations of {dvid or 'DV'}", do='units={"DV": ...}')
        return found

    def cohort(self) -> Baseline:
        """Covariates of each patient at baseline, and which of them change in time."""
        values = {name: first_known(one, self.patient, self.n_patients) for name, one in self.covariates.items()}
        return Baseline(self.ids, values, dict(self.varies))

    def require_interpolation(self, names: Sequence[str]) -> None:
        """Refuse covariates that change in time while `interpolation` does not say how.

        Raises:
            DataError: naming the covariate and the three choices.
        """
        require_interpolation(names, self.varies, self.interpolation)

    def require_values(self) -> None:
        """Refuse a table whose observations have no values, before something is fitted to it.

        Raises:
            DataError: naming the first such row.
        """
        empty = self.observations & np.isnan(self.dv)
        if empty.any() or not self.observations.any():
            what = f"{int(empty.sum())} observations have no value" if empty.any() else "there are no observations"
            where = f"{self.source}, row {self.row[empty][0]}" if empty.any() else self.source
            raise DataError(
                what, where=where, do="predict and simulate need none; a fit needs DV on its observation rows"
            )

    @property
    def digest(self) -> str:
        """SHA-256 of the table."""
        text = self.to_pandas().to_csv(index=False, float_format="%.17g")
        return hashlib.sha256(text.encode()).hexdigest()

    def to_pandas(self) -> pd.DataFrame:
        """The records as a table with NONMEM's names."""
        names = {
            "TIME": "time", "AMT": "amt", "RATE": "rate", "DUR": "duration", "ADDL": "addl", "II": "ii", "SS": "ss",
            "EVID": "evid", "CMT": "cmt", "MDV": "mdv", "DV": "dv", "DVID": "dvid", "CENS": "cens", "LIMIT": "limit",
            "OCC": "occ",
        }  # fmt: skip
        ids = np.array(self.labels)[self.patient] if self.labels else self.ids[self.patient]
        return pd.DataFrame(
            {"ID": ids, **{item: getattr(self, name) for item, name in names.items()}, **self.covariates}
        )

    def report(self) -> str:
        """What was read, assumed and refused, as text."""
        lines = [repr(self), *(f"note: {note}" for note in self.notes)]
        if self.refused:
            lines += [f"refused: {len(self.refused)} entries", table(self.refused, limit=len(self.refused))]
        return "\n".join(lines)


def numbered(patient: np.ndarray) -> np.ndarray:
    """Number of each row among its patient's; rows of a patient stand together."""
    begins = np.flatnonzero(np.r_[True, np.diff(patient) != 0])
    return np.arange(len(patient)) - np.repeat(begins, np.diff(np.r_[begins, len(patient)]))
