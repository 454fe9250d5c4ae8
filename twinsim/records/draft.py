"""Data items as arrays, before they are checked: defaults for what is absent, EVID derived where it is not given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from twinsim.errors import DataError
from twinsim.records.refusal import Faults
from twinsim.records.table import Column, Table

_DEFAULTS = {
    "TIME": np.nan, "AMT": 0.0, "RATE": 0.0, "DUR": 0.0, "ADDL": 0.0, "II": 0.0, "SS": 0.0, "EVID": 0.0, "CMT": 0.0,
    "MDV": 0.0, "DV": np.nan, "CENS": 0.0, "LIMIT": np.nan, "OCC": 1.0,
}  # fmt: skip
_WHOLE = ("ADDL", "SS", "EVID", "CMT", "MDV", "CENS", "OCC")


@dataclass
class Draft:
    """Arrays (row) in file order by item, in the file's units; NaN only where nothing was given."""

    table: Table
    ids: np.ndarray
    labels: tuple[str, ...]
    patient: np.ndarray
    dvid: np.ndarray
    items: dict[str, np.ndarray]
    faults: Faults
    notes: list[str] = field(default_factory=list)
    has_values: bool = True

    def __getitem__(self, item: str) -> np.ndarray:
        return self.items[item]

    def given(self, item: str) -> np.ndarray:
        """Where the file gives an item (row)."""
        column = self.table.items.get(item)
        return np.zeros(len(self.patient), bool) if column is None else ~column.missing

    @property
    def dose(self) -> np.ndarray:
        return np.isin(self.items["EVID"], (1, 4))

    @property
    def observation(self) -> np.ndarray:
        return self.items["EVID"] == 0


def draft(table: Table, structure: Any = None) -> Draft:
    """The data items of a table as arrays; cells that are no numbers are refused here.

    Args:
        table: as read.
        structure: has `states` with `name`s, so that CMT may hold names.

    Raises:
        DataError: a row without ID.
    """
    faults = Faults(table.row, {**table.items, **table.others})
    identity = table.items["ID"]
    if identity.missing.any():
        shown = ", ".join(str(row) for row in table.row[identity.missing][:10])
        raise DataError(
            f"{int(identity.missing.sum())} rows have no ID", where=f"{table.source}, row {shown}",
            why="a row that belongs to nobody may be anyone's dose", do="write the ID on every row",
        )  # fmt: skip
    codes, ids, labels = _identities(identity, faults)
    items = dict(_numbers(table, faults, structure))
    dvid = table.items["DVID"].labels() if "DVID" in table.items else np.full(len(codes), "", dtype=str)
    result = Draft(table, ids, labels, codes, dvid, items, faults, list(table.notes))
    if labels:
        result.notes.append(f"ID holds names: {labels[0]} is patient 1, in file order; `labels` keeps them")
    _derive_evid(result)
    _without_values(result)
    return result


def _identities(identity: Column, faults: Faults) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Patient index per row, int64 ids in file order, and their names if they are not numbers."""
    if identity.unreadable.any() and identity.raw.dtype == object:
        codes, unique = pd.factorize(identity.labels())
        return codes, np.arange(1, len(unique) + 1), tuple(str(one) for one in unique)
    exact = identity.raw.dtype.kind == "i"
    codes, unique = pd.factorize(identity.raw if exact else identity.values)
    # the largest float below 2**63 keeps the cast to int64 sound
    sound = np.ones(len(unique), bool) if exact else (unique == np.floor(unique)) & (np.abs(unique) < 2.0**53)
    faults.refuse(~sound[codes], "ID", "an ID is a whole number", "write whole numbers, or names with a letter in them")
    return codes, np.where(sound, unique, 0).astype(np.int64), ()


def _numbers(table: Table, faults: Faults, structure: Any):
    for item, default in _DEFAULTS.items():
        column = table.items.get(item)
        if column is None:
            yield item, np.full(len(table.row), default)
            continue
        values = column.values
        unreadable = column.unreadable
        if item == "CMT" and structure is not None:
            values = _named_compartments(column, structure)
            unreadable = ~column.missing & ~np.isfinite(values)
        if unreadable.any() and item != "DV":
            faults.refuse(unreadable, item, *_unreadable_advice(item))
        if item in _WHOLE:
            broken = np.isfinite(values) & ((values != np.round(values)) | (np.abs(values) >= 2**31))
            faults.refuse(broken, item, f"{item} is a whole number", "write it without decimals")
            values = np.where(broken, np.nan, values)
        # a missing TIME and DV stay NaN; EVID is derived where it is missing
        keep_nan = item in ("TIME", "DV", "LIMIT", "EVID")
        yield item, np.where(np.isfinite(values), values, np.nan if keep_nan else default)


def _unreadable_advice(item: str) -> tuple[str, str]:
    why = "it is not a finite number"
    if item == "TIME":
        return why, "write the hours since the patient's first record, not a clock time"
    if item == "CMT":
        return why, "write the compartment's number, or pass structure= so that names are known"
    return why, "write a number, or a dot where there is none"


def _named_compartments(column: Column, structure: Any) -> np.ndarray:
    if column.raw.dtype != object:
        return column.values
    number = {state.name.lower(): at for at, state in enumerate(structure.states, start=1)}
    codes, unique = pd.factorize(column.raw)
    by_name = np.array([float(number.get(str(name).lower(), np.nan)) for name in unique] + [np.nan])[codes]
    return np.where(np.isnan(column.values), by_name, column.values)


def _derive_evid(d: Draft) -> None:
    """EVID where it is not given: dose if AMT (or a steady-state RATE), else 2 under MDV=1, else observation."""
    dosed = (d["AMT"] != 0) | ((d["RATE"] != 0) & (d["SS"] != 0))
    derived = np.where(dosed, 1.0, np.where(d["MDV"] == 1, 2.0, 0.0))
    absent = ~d.given("EVID")
    if absent.any():
        d.notes.append(f"EVID was derived from AMT and MDV on {int(absent.sum())} rows")
    evid = np.where(absent, derived, d["EVID"])
    _classic_codes(d, evid)
    hidden = (evid == 0) & (d["MDV"] == 1)
    if (hidden & ~absent).any():
        d.notes.append(f"{int((hidden & ~absent).sum())} rows with EVID 0 and MDV 1 are EVID 2: no observations")
    d.items["EVID"] = np.where(hidden, 2.0, evid)
    d.items["MDV"] = np.where(np.isin(d.items["EVID"], (0,)), d["MDV"], 1.0)


def _classic_codes(d: Draft, evid: np.ndarray) -> None:
    """RxODE's classic code 100 c + 1 is a dose into compartment c (changes `evid` and CMT)."""
    code = np.nan_to_num(evid)
    classic = (code >= 100) & (code < 10000) & (code % 100 == 1)
    if not classic.any():
        return
    target = np.floor(code / 100)
    contradicts = classic & d.given("CMT") & (d["CMT"] != 0) & (d["CMT"] != target)
    d.faults.refuse(
        contradicts, "EVID", "the code names another compartment than CMT", "write EVID 1 and the right CMT"
    )
    for one in np.unique(code[classic]):
        d.notes.append(f"EVID {one:.0f} was read as EVID 1 into compartment {one // 100:.0f} (RxODE's classic code)")
    d.items["CMT"] = np.where(classic, target, d["CMT"])
    evid[classic] = 1.0


def _without_values(d: Draft) -> None:
    """A table without a single observed value is a design: its observation rows are times to predict at."""
    values = d.table.items.get("DV")
    d.has_values = values is not None and bool((d.observation & ~values.missing).any())
    if not d.has_values and d.observation.any():
        d.notes.append("no observed values: observation rows are times for predictions; nothing can be fitted to them")
