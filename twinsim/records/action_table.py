"""A CSV table of what is done to patients: a row for each action, with a column for each of its keys."""

from __future__ import annotations

import csv
from pathlib import Path

from twinsim.errors import DataError, nearest
from twinsim.patient.actions import KEYS


def read_actions(path: str | Path) -> list[dict[str, str]]:
    """Rows for `twinsim.actions`; empty cells are left out.

    Args:
        path: of a table with the columns kind, time and value, and where wanted duration, of, interval, count and
            patient (place in the cohort, from 0; empty: everyone).

    Raises:
        DataError: no such file, one that is no table, an unknown or missing column; the line is told.
    """
    where = str(path)
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file, skipinitialspace=True, strict=True)
            names = [name.strip() for name in table.fieldnames or ()]
            if len(set(names)) < len(names):
                raise DataError("a column stands there twice", where=where, do="leave one of them out")
            for name in names:
                if name not in KEYS:
                    raise DataError(f"actions have no column {name!r}", where=where, do=nearest(name, KEYS))
            for name in ("kind", "time", "value"):
                if name not in names:
                    raise DataError(f"the column {name} is missing", where=where, do=f"begin with {','.join(KEYS)}")
            rows = []
            for cells in table:
                if None in cells or None in cells.values():
                    raise DataError(
                        "a line with more or fewer cells than columns", where=f"{where}, line {table.line_num}"
                    )
                rows.append(
                    {name: cell.strip() for name, cell in zip(names, cells.values(), strict=True) if cell.strip()}
                )
            return rows
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            "the table of actions cannot be read", where=where, why=str(error), do="give a CSV file"
        ) from None
