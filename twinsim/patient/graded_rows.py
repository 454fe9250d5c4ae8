"""The fixed list of what every row of the reference tables is in the whole patient, read from data/graded_rows.yaml."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from twinsim.errors import DataError, nearest
from twinsim.patient.read import fields_of
from twinsim.patient.terms import Term, read_term
from twinsim.yaml import read_yaml

KINDS = (
    "duplicate", "not_modelled", "lumped", "within_beat", "within_breath", "constant", "definition", "table_error",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A row that is graded.

    Attributes:
        name: SECTION/ROW.
        term: what it is.
        given: it follows from what goes into the model.
        tuning: it may be looked at while parameters are chosen; the others are only graded.
    """

    name: str
    term: Term
    given: bool
    tuning: bool


@dataclass(frozen=True)
class LeftOut:
    """A row that is not graded, and why: `kind` is one of KINDS, `reason` a sentence."""

    name: str
    kind: str
    reason: str


@dataclass(frozen=True)
class RowList:
    """All rows, and terms that several of them share, by name."""

    rows: tuple[Row, ...]
    left_out: tuple[LeftOut, ...]
    quantities: Mapping[str, Term]


def is_for_tuning(name: str) -> bool:
    """Whether a row is in the half for tuning: its name's SHA-256 is even.

    >>> is_for_tuning("Cardiovascular/MeanArterialPressure"), is_for_tuning("Cardiovascular/HeartRate")
    (True, False)
    """
    return hashlib.sha256(name.encode()).digest()[-1] % 2 == 0


@lru_cache(maxsize=1)
def row_list() -> RowList:
    """The list."""
    return read_list(Path(__file__).parent / "data" / "graded_rows.yaml")


def read_list(source: str | Path) -> RowList:
    """A list of rows from YAML.

    Raises:
        DataError: a key or kind that there is not, a row twice, a duplicate of no graded row.
        UsageError, UnitError: a term that cannot be read.
    """
    where = "graded rows"
    document = fields_of(read_yaml(source), ("quantities", "computed", "given", "duplicates", "left_out"), where)
    rows = tuple(
        Row(name, read_term(term, name), group == "given", is_for_tuning(name))
        for group in ("computed", "given")
        for name, term in _by_name(document[group])
    )
    names = {row.name for row in rows}
    left_out = []
    for name, of in _by_name(document["duplicates"]):
        if of not in names:
            raise DataError(f"{name} duplicates {of}, which is not graded", where=where, do=nearest(str(of), names))
        left_out.append(LeftOut(name, "duplicate", f"duplicate of {of}"))
    for entry in document["left_out"]:
        given = fields_of(entry, ("kind", "reason", "rows"), f"{where}, left_out")
        if given["kind"] not in KINDS:
            raise DataError(f"unknown kind {given['kind']!r}", where=where, do=nearest(str(given["kind"]), KINDS))
        for section, listed in given["rows"].items():
            left_out += [LeftOut(f"{section}/{name}", given["kind"], given["reason"]) for name in listed]
    seen: set[str] = set()
    for name in (*(row.name for row in rows), *(row.name for row in left_out)):
        if name in seen:
            raise DataError(f"{name} is listed twice", where=where, do="keep one")
        seen.add(name)
    quantities = {name: read_term(term, f"quantities.{name}") for name, term in document["quantities"].items()}
    return RowList(rows, tuple(left_out), quantities)


def _by_name(sections: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    for section, listed in sections.items():
        for name, value in listed.items():
            yield f"{section}/{name}", value
