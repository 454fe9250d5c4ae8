"""NONMEM-style tables: one row per dose, observation or other event, checked before anything is computed from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from twinsim import units as unit_table
from twinsim.errors import DataError, UnitError, UsageError, nearest
from twinsim.records.check import check
from twinsim.records.covariates import (
    Covariates,
    Selection,
    check_categories,
    check_interpolation,
    first_known,
    read_covariates,
)
from twinsim.records.draft import Draft, draft
from twinsim.records.record import Records
from twinsim.records.refusal import refused_error
from twinsim.records.table import ITEMS, read_table

Units = Mapping[str, str | Mapping[str, str]]
_WEIGHTS = ("WT", "WGT", "WEIGHT", "BW", "BWT")
# what an amount may be counted in
_AMOUNTS = ("mg", "mmol", "IU", "1")


def read_records(
    path: str | Path | pd.DataFrame,
    units: Units | None = None,
    *,
    columns: Mapping[str, str | None] | None = None,
    covariates: Selection = None,
    interpolation: Mapping[str, str] | None = None,
    time_unit: str = "h",
    structure: Any = None,
    on_refused: str = "raise",
) -> Records:
    """Records of patients from a NONMEM-style table.

    >>> import pandas as pd
    >>> rows = pd.DataFrame({"ID": [1, 1], "TIME": [0, 2], "AMT": [100, 0], "DV": [".", "4.5"], "WT": [70, 70]})
    >>> records = read_records(rows, units={"AMT": "mg", "DV": "mg/L"})
    >>> records
    Records(DataFrame: 1 patients, 1 doses, 1 observations, covariates WT)
    >>> records.notes
    ('EVID was derived from AMT and MDV on 2 rows',)

    Args:
        path: a text table (comma, semicolon, tab or space; UTF-8), or a DataFrame. Upper and lower case of the header
            are the same. Items: ID TIME AMT RATE DUR (TINF) ADDL II SS EVID CMT MDV DV DVID CENS LIMIT OCC; every other
            column is a covariate. An empty cell, a dot, NA and NaN are missing.
        units: {"AMT": "mg", "DV": "mg/L"}; "mg/kg" multiplies by the patient's weight; {"DV": {"cp": "mg/L"}} by DVID;
            covariates may have theirs.
        columns: what a column is where its name does not say so, {"Y": "DV"}; None leaves it out.
        covariates: names to read, or codes of text categories; None reads all.
        interpolation: locf, nocb or linear, by covariate that changes within a patient.
        time_unit: of TIME, II, DUR and of RATE's denominator; inside, times are in h.
        structure: the model's structure, to check CMT against its states.
        on_refused: "raise" lists the rows that cannot be used; "drop" leaves out their patients altogether, because a
            patient without one of its doses is another patient.

    Returns:
        arrays in file order with `refused` and `notes`.

    Raises:
        DataError: no table, or refused rows.
        UnitError: a unit that is missing, unknown or impossible.
        UsageError: an argument that cannot be.
    """
    if on_refused not in ("raise", "drop"):
        raise UsageError(f"on_refused={on_refused!r}", do=nearest(str(on_refused), ("raise", "drop")))
    methods = {str(name).upper(): method for name, method in (interpolation or {}).items()}
    check_interpolation(methods)
    table = read_table(path, columns)
    rows = draft(table, structure)
    check(rows, structure)
    stated = _units(rows, units or {}, time_unit)
    weight = _weight(rows, stated)
    values = read_covariates(rows, covariates, methods, extra=[weight] if weight else [])
    check_categories(methods, values.categories)
    if weight:
        _multiply_by_weight(rows, weight, values, stated)
    keep, refused = _decide(rows, on_refused)
    return _assemble(rows, values, stated, methods, keep, refused)


def _units(d: Draft, given: Units, time_unit: str) -> dict[str, Any]:
    """Units by item, each read once so that a wrong one is refused at the door."""
    stated: dict[str, Any] = {str(name).upper(): unit for name, unit in given.items()}
    known = {*ITEMS, *d.table.others}
    for name, unit in stated.items():
        if name not in known:
            raise UnitError(f"units= names {name!r}, which is not in the table", do=nearest(name, known))
        if not isinstance(unit, str | Mapping) or (isinstance(unit, Mapping) and name != "DV"):
            raise UnitError(f"the unit of {name} is {unit!r}", do='give one text, "mg"; by DVID only for DV')
        for text in unit.values() if isinstance(unit, Mapping) else [unit]:
            unit_table.parse(text)
    needed = [item for item, is_used in (("AMT", d.dose.any()), ("DV", d.has_values)) if is_used and item not in stated]
    if needed:
        example = ", ".join(f'"{item}": "{unit}"' for item, unit in (("AMT", "mg"), ("DV", "mg/L")) if item in needed)
        raise UnitError(
            f"the unit of {' and '.join(needed)} is not said", where=d.table.source,
            why="a table has numbers only; a factor of 1000 would pass unseen", do=f"pass units={{{example}}}",
        )  # fmt: skip
    time = stated.setdefault("TIME", time_unit)
    if not unit_table.compatible(time, "h"):
        raise UnitError(f"{time!r} is no time", do="use s, min, h, d, wk or y")
    _check_value_units(d, stated)
    _check_amount_unit(stated.get("AMT"))
    return stated


def _check_value_units(d: Draft, stated: dict[str, Any]) -> None:
    """One unit for all observations, or one for each DVID."""
    seen = np.unique(d.dvid[d.observation]).tolist()
    if isinstance(stated.get("DV"), Mapping):
        labels = {str(label): text for label, text in stated["DV"].items()}
        for label in seen:
            if label not in labels:
                raise UnitError(
                    f"the unit of DVID {label or '(none)'} is not said", where=d.table.source, do=nearest(label, labels)
                )
        stated["DV"] = labels
    elif "DV" in stated and len(seen) > 1:
        d.notes.append(f"the observations of every DVID ({', '.join(seen)}) are taken to be in {stated['DV']}")


def _check_amount_unit(amount: str | None) -> None:
    bare = _per_kilogram(amount) or amount
    if bare and not any(unit_table.compatible(bare, one) for one in _AMOUNTS):
        raise UnitError(
            f"{amount!r} is no unit of an amount", why=f"it is {unit_table.describe(bare)}",
            do="use a mass, mol, IU or a count of cells, or one of them per kg; doses per m2: multiply first",
        )  # fmt: skip


def _per_kilogram(amount: str | None) -> str:
    """The amount of a dose per kg: "mg" of "mg/kg"; empty for other units."""
    return amount.replace(" ", "").removesuffix("/kg") if amount and amount.replace(" ", "").endswith("/kg") else ""


def _weight(d: Draft, stated: dict[str, Any]) -> str:
    """The weight column that amounts per kg need; empty if they are plain amounts."""
    if not _per_kilogram(stated.get("AMT")):
        return ""
    found = [name for name in _WEIGHTS if name in d.table.others and not d.table.others[name].missing.all()]
    if not found:
        raise UnitError(
            f"amounts in {stated['AMT']} need the patient's weight, and the table has none", where=d.table.source,
            do='add a column WT [kg], or say which it is: columns={"MASS": "WT"}',
        )  # fmt: skip
    if d.table.others[found[0]].is_text:
        raise DataError(f"{found[0]} holds no number", where=d.table.source, do="write weights without their unit")
    return found[0]


def _multiply_by_weight(d: Draft, weight: str, values: Covariates, stated: dict[str, Any]) -> None:
    """Amounts and rates per kg become amounts and rates, with the weight of the dose's own row."""
    kilograms = values.values[weight] * unit_table.factor(stated.setdefault(weight, "kg"), "kg")
    unusable = d.dose & ~(kilograms > 0)
    d.faults.refuse(unusable, weight, "a dose per kg needs a weight above 0", "write the patient's weight on this row")
    amount = _per_kilogram(stated["AMT"])
    d.notes.append(f"amounts in {stated['AMT']} were multiplied by {weight} [{stated[weight]}] and are in {amount}")
    d.items["AMT"] = np.where(d.dose, d["AMT"] * kilograms, d["AMT"])
    d.items["RATE"] = np.where(d.dose & (d["RATE"] > 0), d["RATE"] * kilograms, d["RATE"])
    stated["AMT"] = amount


def _decide(d: Draft, on_refused: str) -> tuple[np.ndarray, tuple]:
    """Which rows stay (row), and what was refused."""
    keep = np.ones(len(d.patient), bool)
    if not (bad := d.faults.rows).size:
        return keep, ()
    refused, affected = d.faults.refusals(), np.unique(d.patient[bad])
    if on_refused == "raise":
        do = f'correct the rows, or on_refused="drop" to leave out their {len(affected)} of {len(d.ids)} patients'
        raise refused_error(refused, len(d.patient), len(bad), d.table.source, do)
    if len(affected) == len(d.ids):
        raise refused_error(
            refused, len(d.patient), len(bad), d.table.source, "every patient is affected: correct the rows"
        )
    names = [d.labels[one] if d.labels else str(d.ids[one]) for one in affected]
    shown = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    d.notes.append(f"{len(names)} of {len(d.ids)} patients were left out because of refused rows: {shown}")
    return ~np.isin(d.patient, affected), refused


def _assemble(
    d: Draft, values: Covariates, stated: dict[str, Any], methods: dict[str, str], keep: np.ndarray, refused: tuple
) -> Records:
    """The checked rows as Records, times in h."""
    hours = unit_table.factor(stated["TIME"], "h")
    if hours != 1.0:
        d.notes.append(f"times were converted from {stated['TIME']} to h")
    stated["TIME"] = "h"
    if "AMT" in stated:
        stated["RATE"] = f"{stated['AMT']}/h"
    kept, patient = np.unique(d.patient[keep], return_inverse=True)
    whole = {
        item: np.nan_to_num(d[item][keep]).astype(np.int64)
        for item in ("ADDL", "SS", "EVID", "CMT", "MDV", "CENS", "OCC")
    }
    rate = d["RATE"][keep]
    covariates = {name: one[keep] for name, one in values.values.items()}
    varies = {name: bool(values.varies[name] and _changes(one, patient, len(kept))) for name, one in covariates.items()}
    return Records(
        ids=d.ids[kept], labels=tuple(d.labels[one] for one in kept) if d.labels else (), patient=patient,
        row=d.table.row[keep], time=d["TIME"][keep] * hours, amt=d["AMT"][keep],
        rate=np.where(rate > 0, rate / hours, rate), duration=d["DUR"][keep] * hours, ii=d["II"][keep] * hours,
        addl=whole["ADDL"], ss=whole["SS"], evid=whole["EVID"], cmt=whole["CMT"], mdv=whole["MDV"],
        dv=np.where(d.observation, d["DV"], np.nan)[keep], dvid=d.dvid[keep], cens=whole["CENS"],
        limit=d["LIMIT"][keep],
        occ=whole["OCC"], covariates=covariates, units=stated, interpolation=methods, categories=values.categories,
        varies=varies, refused=refused, notes=tuple(d.notes), source=d.table.source,
    )  # fmt: skip


def _changes(values: np.ndarray, patient: np.ndarray, patients: int) -> bool:
    known = np.isfinite(values)
    return bool((values[known] != first_known(values, patient, patients)[patient[known]]).any())
