"""How well a cohort at rest agrees with tables of reference values: every row good, fair or bad.

    error = 0 within a range, else the distance from its nearer end, relative to that end; the least of a row's ranges
    good: error up to 10 %, fair: up to 30 %, bad: more

of the median of all patients. The grades are those of Pulse's validation, computed instead of read off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from twinsim.drugs.composition import composition
from twinsim.errors import DataError, UsageError, nearest
from twinsim.models.structure import Structure
from twinsim.patient.graded_rows import RowList, row_list
from twinsim.patient.reference_tables import ReferenceRow
from twinsim.patient.terms import Measured, evaluate, measured
from twinsim.simulation import Results

GOOD, FAIR = 0.1, 0.3
GRADES = ("good", "fair", "bad")
# a patient that failed has no values; more of them and the median says nothing
MOST_FAILED = 0.05


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


def known_of(
    results: Results, structure: Structure, when: int = -1, rows: RowList | None = None
) -> Callable[[str], Measured]:
    """What names of terms are at one time of a simulation, of the patients that did not fail.

    Args:
        results: with all outputs, of a cohort with its derived covariates.
        structure: of the patient.
        when: place among the times; states are known at the last one alone.
        rows: whose quantities are known too; None: the project's.

    Raises:
        UsageError: more than MOST_FAILED of the patients failed; and, by the function returned, an unknown name.
    """
    well = results.status == 0
    if np.mean(~well) > MOST_FAILED:
        what = f"{np.sum(~well)} of {well.size} patients failed"
        raise UsageError(what, where="grading", do="precision=float64, and look at the statuses")
    outputs = {port.name: port.unit for port in structure.gives}
    states = {item.name: item.unit for item in structure.states}
    parameters = {item.name: item.unit for item in structure.parameters}
    quantities = (rows or row_list()).quantities
    people = results.job.cohort
    is_last = when in (-1, len(results.job.times) - 1)

    def known(name: str) -> Measured:
        kind, _, rest = name.partition(".")
        if kind == "quantity" and rest in quantities:
            return evaluate(quantities[rest], known, name)
        if kind == "body" and people is not None and rest in people.covariates:
            return measured(np.asarray(people.covariates[rest])[well], people.units[rest])
        if kind == "tissue" and rest:
            return _of_tissue(rest)
        if name in outputs and name in results.arrays:
            return measured(results[name][when][well], outputs[name])
        if name in states and is_last:
            return measured(results.final[name][well], states[name])
        if name in parameters:
            return measured(results[f"parameters/{name}"][well], parameters[name])
        raise UsageError(
            f"the patient has no {name!r}", where="term", do=nearest(name, [*outputs, *states, *parameters])
        )

    return known


def _of_tissue(name: str) -> Measured:
    tissue, _, part = name.partition(".")
    known = composition().tissues
    if tissue not in known or part not in ("water", "extracellular_water", "cell_water"):
        raise UsageError(
            f"no fraction {name!r}", where="term", do="tissue.NAME.extracellular_water; " + nearest(tissue, known)
        )
    return measured(getattr(known[tissue], part), "1")


def grade_rows(
    known: Callable[[str], Measured], tables: Mapping[str, ReferenceRow], rows: RowList | None = None
) -> tuple[Graded, ...]:
    """Every row of the list that is to be graded.

    Raises:
        DataError: the list and the tables do not have the same rows.
    """
    chosen = rows or row_list()
    check_complete(chosen, tables)
    found = []
    for row in chosen.rows:
        reference = tables[row.name]
        values = evaluate(row.term, known, row.name).in_unit(reference.unit, row.name)
        low, median, high = np.quantile(np.atleast_1d(values), (0.05, 0.5, 0.95)).tolist()
        error = error_of(median, reference.ranges)
        found.append(
            Graded(row.name, median, low, high, reference.unit, reference.ranges, reference.source, error,
                   grade_of(error), row.given, row.tuning)
        )  # fmt: skip
    return tuple(found)


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


def as_data(graded: Iterable[Graded], rows: RowList | None = None) -> dict[str, Any]:
    """Plain data for JSON: counts, every row, and every row left out with its kind and reason."""
    graded = tuple(graded)
    return {
        "counts": counts(graded),
        "rows": [asdict(row) for row in graded],
        "left_out": [asdict(row) for row in (rows or row_list()).left_out],
    }
