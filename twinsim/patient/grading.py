"""How well a cohort at rest agrees with tables of reference values: every row good, fair or bad.

    error = 0 within a range, else the distance from its nearer end, relative to that end; the least of a row's ranges
    good: error up to 10 %, fair: up to 30 %, bad: more

of the median of all patients. The grades are those of Pulse's validation, computed instead of read off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from twinsim.errors import DataError
from twinsim.patient.graded_rows import RowList, row_list
from twinsim.patient.reference_tables import ReferenceRow
from twinsim.patient.seen import Seen
from twinsim.patient.terms import evaluate
from twinsim.yaml import read_yaml

GOOD, FAIR = 0.1, 0.3
GRADES = ("good", "fair", "bad")


@dataclass(frozen=True)
class Graded:
    """A row with its grade.

    Attributes:
        name: SECTION/ROW.
        value, low, high: median of patients, and the 5 and 95 % quantiles, in `unit`.
        unit: the table's.
        ranges: the table's.
        source: of the ranges.
        error: relative.
        grade: good, fair or bad.
        given: the row follows from what goes into the model.
        tuning: the row is of the half for tuning.
    """

    name: str
    value: float
    low: float
    high: float
    unit: str
    ranges: tuple[tuple[float, float], ...]
    source: str
    error: float
    grade: str
    given: bool
    tuning: bool

    @property
    def reason(self) -> str:
        """Why it is not good, if that is known."""
        return "" if self.grade == "good" else reasons().get(self.name, "")

    @property
    def deviation(self) -> float:
        """The error, negative below the ranges."""
        below = min(self.ranges, key=lambda each: _distance(self.value, *each))[0] > self.value
        return -self.error if below else self.error


@lru_cache(maxsize=1)
def reasons() -> Mapping[str, str]:
    """Why rows are not good, by name."""
    return read_yaml(Path(__file__).parent / "data" / "reasons.yaml")


def error_of(value: float, ranges: Iterable[tuple[float, float]]) -> float:
    """Relative distance from the nearest of the ranges.

    >>> error_of(105.0, [(70.0, 100.0)]), error_of(80.0, [(70.0, 100.0)]), error_of(0.0, [(0.0, 0.0)])
    (0.05, 0.0, 0.0)
    """
    return min(_distance(value, low, high) for low, high in ranges)


def _distance(value: float, low: float, high: float) -> float:
    end = low if value < low else high
    if low <= value <= high:
        return 0.0
    if not np.isfinite(value) or end == 0.0:
        return float("inf")
    return abs(value - end) / abs(end)


def grade_of(error: float) -> str:
    """The word for an error.

    >>> grade_of(0.1), grade_of(0.2), grade_of(float("nan"))
    ('good', 'fair', 'bad')
    """
    return "good" if error <= GOOD else "fair" if error <= FAIR else "bad"


def grade_rest(
    seen: Seen, patients: slice, tables: Mapping[str, ReferenceRow], rows: RowList | None = None
) -> tuple[Graded, ...]:
    """Every row that is to be graded, of patients at rest, at the last time.

    Raises:
        DataError: the list and the tables do not have the same rows.
        UsageError: too many patients failed, or a term names what there is not.
        UnitError: a term that cannot be told in the table's unit.
    """
    chosen = rows or row_list()
    check_complete(chosen, tables)
    known = seen.known(patients, -1, chosen.quantities)
    found = []
    for row in chosen.rows:
        reference = tables[row.name]
        values = evaluate(row.term, known, row.name).in_unit(reference.unit, row.name)
        found.append(
            graded(row.name, values, reference.unit, reference.ranges, reference.source, row.given, row.tuning)
        )
    return tuple(found)


def graded(
    name: str,
    values: Any,
    unit: str,
    ranges: tuple[tuple[float, float], ...],
    source: str,
    given: bool = False,
    tuning: bool = False,
) -> Graded:
    """A row by the values of patients (patient), in its unit."""
    low, median, high = np.quantile(np.atleast_1d(values), (0.05, 0.5, 0.95)).tolist()
    error = error_of(median, ranges)
    return Graded(name, median, low, high, unit, ranges, source, error, grade_of(error), given, tuning)


def check_complete(rows: RowList, tables: Mapping[str, ReferenceRow]) -> None:
    """Refuse a list that lacks a row of the tables, or has another.

    Raises:
        DataError: with the names.
    """
    listed = {row.name for row in (*rows.rows, *rows.left_out)}
    for names, what in ((tables.keys() - listed, "not listed"), (listed - tables.keys(), "not in the tables")):
        if names:
            some = ", ".join(sorted(names)[:5])
            raise DataError(
                f"{len(names)} rows are {what}", where=some, do="give the tables that the list was made for"
            )


HALVES: Mapping[str, Callable[[Graded], bool]] = {
    "all": lambda row: True,
    "tuning": lambda row: row.tuning,
    "kept": lambda row: not row.tuning,
    "computed": lambda row: not row.given,
    "given": lambda row: row.given,
}


def counts(rows: Iterable[Graded]) -> dict[str, dict[str, int]]:
    """How many rows of each half are good, fair and bad."""
    rows = tuple(rows)
    return {
        half: {grade: sum(row.grade == grade and wanted(row) for row in rows) for grade in GRADES}
        for half, wanted in HALVES.items()
    }


def as_data(rest: Iterable[Graded], challenges: Iterable[Graded] = (), rows: RowList | None = None) -> dict[str, Any]:
    """Plain data for JSON: counts, every row, and every row left out with its kind and reason."""
    rest, challenges = tuple(rest), tuple(challenges)
    return {
        "rest": {"counts": counts(rest), "rows": [{**asdict(row), "reason": row.reason} for row in rest]},
        "challenges": {
            "counts": counts(challenges)["all"],
            "rows": [{**asdict(row), "reason": row.reason} for row in challenges],
        },
        "left_out": [asdict(row) for row in (rows or row_list()).left_out],
    }
