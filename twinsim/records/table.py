"""Columns of numbers and text with their missing and unreadable cells marked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from twinsim.errors import DataError, nearest
from twinsim.records.source import MISSING, Sheet, read_sheet

ITEMS = (
    "ID",
    "TIME",
    "AMT",
    "RATE",
    "DUR",
    "ADDL",
    "II",
    "SS",
    "EVID",
    "CMT",
    "MDV",
    "DV",
    "DVID",
    "CENS",
    "LIMIT",
    "OCC",
)
_ALIASES = {"TINF": "DUR"}
_DATES = ("DATE", "DAT1", "DAT2", "DAT3")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)


@dataclass(frozen=True)
class Column:
    """One column.

    Args:
        name: as the file writes it.
        raw: the cells as read, numbers or texts (row).
        values: the numbers; NaN where a cell is missing or unreadable (row).
        missing: cells that are empty, a dot, NA or NaN (row).
    """

    name: str
    raw: np.ndarray
    values: np.ndarray
    missing: np.ndarray

    @property
    def unreadable(self) -> np.ndarray:
        """Cells that hold something that is not a finite number (row)."""
        return ~self.missing & ~np.isfinite(self.values)

    @property
    def is_text(self) -> bool:
        """Whether there are cells and none of them is a number."""
        return bool(self.raw.dtype == object and not self.missing.all() and np.isnan(self.values).all())

    def cell(self, at: int) -> str:
        """A cell as a person wrote it; a dot where it is missing."""
        if self.missing[at]:
            return "."
        return f"{self.raw[at]:.12g}" if self.raw.dtype.kind == "f" else str(self.raw[at])

    def labels(self) -> np.ndarray:
        """Every cell as a label, empty where missing (row)."""
        codes, unique = pd.factorize(self.raw)
        texts = [f"{one:.12g}" if isinstance(one, float) else str(one) for one in unique]
        return np.where(self.missing, "", np.array([*texts, ""], dtype=str)[codes])

    def take(self, keep: np.ndarray) -> Column:
        return Column(self.name, self.raw[keep], self.values[keep], self.missing[keep])


@dataclass(frozen=True)
class Table:
    """Columns by upper-case name; `row` is the line of the file, or the 1-based row of a DataFrame."""

    source: str
    items: dict[str, Column]
    others: dict[str, Column]
    row: np.ndarray
    notes: tuple[str, ...]


def column(name: str, series: pd.Series) -> Column:
    """A column from a pandas one of any type; only plain numbers count as numbers."""
    kind = series.dtype.kind if hasattr(series.dtype, "kind") else "O"
    if kind in "iuf":
        values = series.to_numpy(dtype=np.float64, na_value=np.nan)
        exact = kind == "i" and not series.isna().any()
        return Column(name, series.to_numpy(dtype=np.int64) if exact else values, _sane(values), np.isnan(values))
    try:
        codes, unique = pd.factorize(series.astype(object))
    except TypeError as error:
        raise DataError(f"column {name} holds objects", why=str(error), do="write numbers or texts in it") from None
    texts = [str(one).strip() for one in unique]
    numbers = [float(text) if _NUMBER.fullmatch(text) else np.nan for text in texts]
    gone = [text in MISSING for text in texts]
    # code -1 is pandas' own missing value: the last entry
    raw = np.array([*texts, "."], dtype=object)[codes]
    return Column(name, raw, _sane(np.array([*numbers, np.nan]))[codes], np.array([*gone, True], dtype=bool)[codes])


def _sane(values: np.ndarray) -> np.ndarray:
    """Numbers beyond any measurement as infinite, which refuses them: their products would overflow."""
    return np.where(np.abs(values) > 1e100, np.inf, values)


def read_table(data: str | Path | pd.DataFrame, columns: Mapping[str, str | None] | None = None) -> Table:
    """The table in a file or DataFrame with its data items found.

    Args:
        data: a path, or a DataFrame with one row per record.
        columns: what a column is, where its name does not say so: {"Y": "DV"}; None leaves a column out.

    Raises:
        DataError: no table, two columns of one name, no ID or TIME, or dates in place of times.
    """
    if isinstance(data, pd.DataFrame):
        sheet = Sheet("DataFrame", data, np.arange(1, len(data) + 1, dtype=np.int64))
        if not len(data):
            raise DataError("the DataFrame has no rows", do="give one row per record")
    else:
        sheet = read_sheet(data)
    cells = _cells(sheet)
    comment = cells.get("C")
    notes, row = list(sheet.notes), sheet.row
    if comment is not None and "C" not in {name.upper() for name in columns or {}} and _is_comment_mark(comment):
        keep, cells = comment.missing, {name: one for name, one in cells.items() if name != "C"}
        if not keep.any():
            raise DataError("every row is marked as a comment in column C", where=sheet.source)
        if not keep.all():
            notes.append(f"{int((~keep).sum())} rows marked in column C were passed over")
            cells, row = {name: one.take(keep) for name, one in cells.items()}, row[keep]
    cells = _renamed(cells, columns or {}, sheet.source)
    items = {name: cells[name] for name in ITEMS if name in cells}
    others = {name: one for name, one in cells.items() if name not in items}
    _check_required(items, others, sheet.source)
    return Table(sheet.source, items, others, row, tuple(notes))


def _cells(sheet: Sheet) -> dict[str, Column]:
    cells: dict[str, Column] = {}
    for at, name in enumerate(sheet.frame.columns):
        one = column(str(name).strip(), sheet.frame.iloc[:, at])
        key = one.name.upper()
        if not key:
            if one.missing.all():
                continue  # a separator at the end of every line
            raise DataError(f"column {at + 1} has no name", where=sheet.source, do="name every column in the header")
        if key in cells:
            raise DataError(
                f"two columns have the name {key}", where=sheet.source,
                why=f"the header has {cells[key].name!r} and {one.name!r}; upper and lower case are the same to it",
                do="rename or remove one of them",
            )  # fmt: skip
        cells[key] = one
    return cells


def _is_comment_mark(one: Column) -> bool:
    """Whether a column named C only marks comment rows (NONMEM's IGNORE=C), and is no concentration."""
    return bool(one.missing.all()) or (one.is_text and all(text[0] in "Cc#@" for text in set(one.raw[~one.missing])))


def _renamed(cells: dict[str, Column], columns: Mapping[str, str | None], source: str) -> dict[str, Column]:
    meaning = {name: _ALIASES.get(name, name) for name in cells}
    for name, item in columns.items():
        if str(name).upper() not in cells:
            raise DataError(
                f"columns= names {name!r}, which is not in the table",
                where=source,
                do=nearest(str(name).upper(), cells),
            )
        if item is None:
            del meaning[str(name).upper()]
        else:
            meaning[str(name).upper()] = _ALIASES.get(str(item).upper(), str(item).upper())
    result: dict[str, Column] = {}
    for name, item in meaning.items():
        if item in result:
            raise DataError(
                f"columns {result[item].name} and {cells[name].name} are both {item}", where=source,
                do=f'leave one out: columns={{"{cells[name].name}": None}}',
            )  # fmt: skip
        result[item] = cells[name]
    return result


def _check_required(items: dict[str, Column], others: dict[str, Column], source: str) -> None:
    dates = [others[name].name for name in _DATES if name in others]
    if dates:
        raise DataError(
            f"the table has calendar dates in {dates[0]}", where=source,
            why="times are counted from the first record of a patient, in one unit",
            do=f'write elapsed hours in TIME, then leave the dates out: columns={{"{dates[0]}": None}}',
        )  # fmt: skip
    for item, example in (("ID", "SUBJ"), ("TIME", "HOURS")):
        if item not in items:
            raise DataError(
                f"the table has no column {item}", where=source,
                why=nearest(item, [one.name for one in (*others.values(), *items.values())] or ["nothing"]),
                do=f'name it {item}, or say which column it is: columns={{"{example}": "{item}"}}',
            )  # fmt: skip
