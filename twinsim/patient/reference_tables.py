"""Tables of reference values from outside: rows of name, unit, values or ranges, source, remark and section.

The tables are those of BioGears' validation (BloodChemistry, Cardiovascular, Endocrine, Energy, Renal, Respiratory,
Tissue .csv, no header). A cell may hold several values and ranges, of several sources; any of them may be met. They are
no part of twinsim: the folder is named by whoever has them.
"""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from twinsim.errors import DataError, UsageError

TABLES = ("BloodChemistry", "Cardiovascular", "Endocrine", "Energy", "Renal", "Respiratory", "Tissue")
VARIABLE = "TWINSIM_REFERENCE_DATA"
_COLUMNS = 6
_LARGEST = 200_000  # bytes; the tables have some 10 kB
_NUMBER = r"-?(?:\d{1,3}(?:,\d{3})+(?![\d.])|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?"
_VALUE = re.compile(rf"\[\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\]|({_NUMBER})")
_BETWEEN = re.compile(r"[\s,;]*")
# spellings of the tables; a count is no unit
_SPELLINGS = {"": "1", "none": "1", "ct/uL": "1/uL", "pg/ct": "pg"}


@dataclass(frozen=True)
class ReferenceRow:
    """A row.

    Attributes:
        name: SECTION/ROW, with #2 for the second row of that name.
        ranges: lowest and highest of each range; a single value is both.
        unit: in twinsim's spelling, not checked.
        source: the table's own key of the literature.
        remark: the table's.
        table: the file.
    """

    name: str
    ranges: tuple[tuple[float, float], ...]
    unit: str
    source: str
    remark: str
    table: str


def reference_folder(given: str | Path | None = None) -> Path:
    """Where the tables are: in the given folder or in that of TWINSIM_REFERENCE_DATA, or in organs/ below it.

    Raises:
        UsageError: nobody named a folder, or the tables are not there.
    """
    named = given or os.environ.get(VARIABLE)
    do = f"data=FOLDER, or set {VARIABLE}; the tables are BioGears' validation tables, NAME.csv each"
    if not named:
        raise UsageError("where are the reference tables?", where="data", do=do)
    for folder in (Path(named), Path(named) / "organs"):
        if (folder / f"{TABLES[0]}.csv").is_file():
            return folder
    raise UsageError(f"no {TABLES[0]}.csv in {named} or in its organs/", where="data", do=do)


def read_tables(folder: str | Path) -> Mapping[str, ReferenceRow]:
    """All rows of all tables, by name, in their order.

    Raises:
        DataError: a table that is missing, too large, no text, or has a row that cannot be read.
    """
    found: dict[str, ReferenceRow] = {}
    for table in TABLES:
        for row in _read(Path(folder) / f"{table}.csv"):
            if row.name in found:
                do = "let the sections of the tables differ"
                raise DataError(f"{row.name} is in two tables", where=str(folder), do=do)
            found[row.name] = row
    return found


def _read(path: Path) -> list[ReferenceRow]:
    try:
        if path.stat().st_size > _LARGEST:
            raise DataError(f"the table has more than {_LARGEST} bytes", where=str(path))
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as fault:
        raise DataError("the table is missing", where=str(path), do="give all of " + ", ".join(TABLES)) from fault
    except (OSError, UnicodeDecodeError) as fault:
        raise DataError("the table cannot be read as text", where=str(path), do="save it as UTF-8") from fault
    rows, seen = [], Counter()
    try:
        for number, cells in enumerate(csv.reader(text.splitlines(keepends=True), strict=True), start=1):
            where = f"{path}, row {number}"
            if len(cells) != _COLUMNS:
                do = "give name, unit, values, source, remark, section"
                raise DataError(f"{len(cells)} cells instead of {_COLUMNS}", where=where, do=do)
            name, unit, values, source, remark, section = (" ".join(cell.split()) for cell in cells)
            seen[section, name] += 1
            again = f"#{seen[section, name]}" if seen[section, name] > 1 else ""
            ranges = ranges_of(values, where)
            rows.append(ReferenceRow(f"{section}/{name}{again}", ranges, _unit(unit), source, remark, path.stem))
    except csv.Error as fault:
        raise DataError("this is no table", where=str(path), why=str(fault)) from fault
    return rows


def ranges_of(text: str, where: str = "") -> tuple[tuple[float, float], ...]:
    """Values and ranges of a cell.

    >>> ranges_of("0.97, [0.96,1.0]"), ranges_of("7,000")
    (((0.97, 0.97), (0.96, 1.0)), ((7000.0, 7000.0),))

    Raises:
        DataError: something else stands there, or a range ends before it begins.
    """
    found, at = [], 0
    while at < len(text):
        at = _BETWEEN.match(text, at).end()  # type: ignore[union-attr]
        match = _VALUE.match(text, at)
        if match is None:
            break
        low, high, single = match.groups()
        found.append(tuple(float((each or single).replace(",", "")) for each in (low, high)))
        at = match.end()
    if not found or at < len(text) or any(low > high for low, high in found):
        raise DataError(f"{text!r} is no value", where=where, do="write 1.5, or [1, 2], or several with commas between")
    return tuple(found)


def _unit(text: str) -> str:
    """The tables divide by all that follows a slash, and write ml for mL."""
    if text in _SPELLINGS:
        return _SPELLINGS[text]
    above, slash, below = text.partition("/")
    return (above.strip() + slash + "/".join(below.split())).replace("ml", "mL")
