"""Covariates of records: numbers, coded categories, gaps filled by the stated interpolation, changes in time found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from twinsim.errors import DataError, UsageError, nearest
from twinsim.records.draft import Draft
from twinsim.records.table import Column

INTERPOLATIONS = ("locf", "nocb", "linear")
# more labels than this are a comment or a name, not a category
_MOST_LABELS = 20
Selection = Sequence[str] | Mapping[str, Mapping[str, float]] | None


@dataclass
class Covariates:
    """Values per record, codes of categories, and which of them change within a patient."""

    values: dict[str, np.ndarray] = field(default_factory=dict)
    categories: dict[str, dict[str, float]] = field(default_factory=dict)
    varies: dict[str, bool] = field(default_factory=dict)


def read_covariates(
    d: Draft, selection: Selection, interpolation: Mapping[str, str], extra: Sequence[str] = ()
) -> Covariates:
    """The covariates of a table.

    Args:
        d: the table's data items; refusals and notes are added to it.
        selection: names to read, or codes of categories ({"sex": {"female": 0, "male": 1}}); None reads all columns.
        interpolation: how a covariate goes from record to record: locf, nocb or linear.
        extra: names that are needed whatever the selection.
    """
    codes = (
        {str(name).upper(): dict(given) for name, given in selection.items()} if isinstance(selection, Mapping) else {}
    )
    names = list(d.table.others)
    if selection is not None:
        listed = [selection] if isinstance(selection, str) else list(selection)
        wanted = [str(name).upper() for name in listed]
        _check_known(wanted, d, "covariates=")
        if not codes:
            names = list(dict.fromkeys([*wanted, *extra]))
    methods = {str(name).upper(): method for name, method in interpolation.items()}
    _check_known(list(methods), d, "interpolation=")
    result = Covariates()
    for name in names:
        column = d.table.others[name]
        if column.missing.all():
            d.notes.append(f"column {column.name} is empty and was left out")
            continue
        values = (
            _category(d, name, column, codes.get(name), result) if name in codes or column.is_text else column.values
        )
        if values is not None:
            d.faults.refuse(column.unreadable & ~np.isfinite(values), name, "it is not a finite number", _ADVICE)
            _add(d, name, np.where(np.isfinite(values), values, np.nan), methods.get(name), result)
    return result


_ADVICE = "write a number, or a dot where it was not measured"


def _check_known(names: Sequence[str], d: Draft, argument: str) -> None:
    for name in names:
        if name not in d.table.others:
            raise UsageError(
                f"{argument} names {name!r}, which is no covariate of the table", where=d.table.source,
                do=nearest(name, d.table.others) if d.table.others else "the table has no covariates",
            )  # fmt: skip


def check_interpolation(interpolation: Mapping[str, str]) -> None:
    """Refuse a way of interpolation that does not exist."""
    for name, method in interpolation.items():
        if method not in INTERPOLATIONS:
            raise UsageError(
                f"interpolation of {name} is {method!r}",
                do=f"choose locf, nocb or linear: {nearest(str(method), INTERPOLATIONS)}",
            )


def _category(
    d: Draft, name: str, column: Column, given: Mapping[str, float] | None, result: Covariates
) -> np.ndarray | None:
    """Codes of a text column: those given, else 0, 1, ... in alphabetical order, which a note states."""
    labels = column.labels()
    present = sorted(set(np.unique(labels).tolist()) - {""})
    if given is None:
        if len(present) > _MOST_LABELS:
            d.notes.append(f"column {column.name} holds {len(present)} different texts and was left out: no covariate")
            return None
        given = {label: float(at) for at, label in enumerate(present)}
        stated = ", ".join(f"{label} = {code:.0f}" for label, code in given.items())
        d.notes.append(f'{name}: {stated} (other codes: covariates={{"{name}": {{...}}}})')
    unknown = np.isin(labels, [label for label in present if label not in given])
    d.faults.refuse(
        unknown, name, "the label has no code", f"write one of {', '.join(given)}, or give it a code in covariates="
    )
    result.categories[name] = {str(label): float(code) for label, code in given.items()}
    lookup, inverse = np.unique(labels, return_inverse=True)
    # a label without a code was refused above: its value only has to be a finite one
    codes = [np.nan if label == "" else float(given.get(label, 0.0)) for label in lookup.tolist()]
    return np.array(codes)[inverse]


def _add(d: Draft, name: str, values: np.ndarray, method: str | None, result: Covariates) -> None:
    """Fill what is missing, note what changes, refuse a patient without any value."""
    known = np.isfinite(values)
    per_patient = np.bincount(d.patient[known], minlength=len(d.ids))
    first_row = np.unique(d.patient, return_index=True)[1]
    never = np.zeros(len(values), bool)
    never[first_row[per_patient == 0]] = True
    d.faults.refuse(
        never, name, "the patient has no value of this covariate on any row",
        "write it, or read the others only: covariates=[...]",
    )  # fmt: skip
    baseline = first_known(values, d.patient, len(d.ids))
    changes = known & (values != baseline[d.patient])
    result.varies[name] = bool(changes.any())
    if not known.all():
        steady = np.bincount(d.patient[changes], minlength=len(d.ids)) == 0
        values = np.where(known, values, np.where(steady[d.patient], baseline[d.patient], np.nan))
        if method is not None and np.isnan(values).any():
            values = _filled(
                values, d.patient, d["TIME"], "locf" if name in result.categories and method == "linear" else method
            )
        d.notes.append(f"{name} is missing on {int((~known).sum())} rows: filled from the patient's other rows" + (
            f" ({method})" if method else "" if not np.isnan(values).any() else " where it is constant"
        ))  # fmt: skip
    if np.isin(values, (-99.0, -999.0)).any():
        d.notes.append(f"{name} holds -99 or -999: if that means missing, write a dot")
    result.values[name] = values


def first_known(values: np.ndarray, patient: np.ndarray, patients: int) -> np.ndarray:
    """The first value of each patient that is not missing; NaN where there is none (patient)."""
    at = np.flatnonzero(np.isfinite(values))
    result = np.full(patients, np.nan)
    # written backwards, so that the first one stays
    result[patient[at][::-1]] = values[at][::-1]
    return result


def _filled(values: np.ndarray, patient: np.ndarray, time: np.ndarray, method: str) -> np.ndarray:
    """Missing values between a patient's known ones by `method`, at the ends by the nearest known one."""
    if method in ("locf", "nocb"):
        groups = pd.Series(values).groupby(patient)
        ahead, back = ("ffill", "bfill") if method == "locf" else ("bfill", "ffill")
        once = getattr(groups, ahead)()
        return getattr(once.groupby(patient), back)().to_numpy()
    result = values.copy()
    by_patient = np.argsort(patient, kind="stable")
    bounds = np.searchsorted(patient[by_patient], np.arange(patient.max() + 2))
    for one in np.unique(patient[np.isnan(values)]):
        rows = by_patient[bounds[one] : bounds[one + 1]]
        known = np.isfinite(values[rows])
        if known.any():
            order = np.argsort(time[rows][known], kind="stable")
            result[rows] = np.where(
                known, values[rows], np.interp(time[rows], time[rows][known][order], values[rows][known][order])
            )
    return result


def require_interpolation(names: Sequence[str], varies: Mapping[str, bool], interpolation: Mapping[str, str]) -> None:
    """Refuse to use a covariate that changes in time while nobody has said how.

    Raises:
        DataError: naming the covariate and the three choices.
    """
    for name in (str(name).upper() for name in names):
        if name not in varies:
            raise DataError(
                f"the records have no covariate {name}", do=nearest(name, varies) if varies else "add the column"
            )
        if varies[name] and name not in interpolation:
            raise DataError(
                f"the covariate {name} changes within a patient, and its value between records is not said",
                why="locf keeps the last value, nocb takes the next record's (NONMEM's way), linear joins them",
                do=f'say which: interpolation={{"{name}": "locf"}}, "nocb" or "linear"',
            )


def check_categories(interpolation: Mapping[str, str], categories: Mapping[str, Mapping[str, float]]) -> None:
    """Refuse values between two labels."""
    for name, method in interpolation.items():
        if method == "linear" and name in categories:
            raise UsageError(
                f"{name} is a category and has no values in between", do=f'interpolation={{"{name}": "locf"}} or "nocb"'
            )
