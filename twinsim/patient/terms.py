"""What a clinical quantity is in the model: a small tree of arithmetic over names, as data, with units checked.

    arterial_pressure
    {ratio: [{difference: [arterial_pressure, renal_vein_pressure]}, renal_blood_flow]}
    {product: [insulin, "5808 g/mol"]}

Operations are sum, difference, product and ratio; a leaf is a name, or a number with its unit in quotes. Nothing is
evaluated as code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import Any

import numpy as np

from twinsim import units
from twinsim.errors import DataError, UnitError, UsageError, nearest

DEEPEST = 12


@dataclass(frozen=True)
class Measured:
    """Values in SI base units, and their dimension as in `units.Unit`."""

    values: np.ndarray
    dimension: units.Dimension

    def in_unit(self, unit: str, where: str = "") -> np.ndarray:
        """The values in a unit.

        Raises:
            UnitError: it is a unit of something else.
        """
        wanted = units.parse(unit)
        if wanted.dimension != self.dimension:
            why = f"the term is {_words(self.dimension)}, {unit} is {units.describe(unit)}"
            raise UnitError(f"the term cannot be told in {unit}", where=where, why=why)
        return self.values / wanted.factor


def measured(values: Any, unit: str) -> Measured:
    """Values with their unit.

    >>> float(measured(72.0, "1/min").in_unit("1/h"))
    4320.0
    """
    known = units.parse(unit)
    return Measured(np.asarray(values, np.float64) * known.factor, known.dimension)


@dataclass(frozen=True)
class Term:
    """A tree: a name, a number, or an operation on two terms or more.

    Attributes:
        operation: of OPERATIONS, "name" or "number".
        parts: what it acts on.
        name: of a leaf.
        number: of a leaf that is one.
    """

    operation: str
    parts: tuple[Term, ...] = ()
    name: str = ""
    number: Measured | None = None

    @property
    def names(self) -> Iterator[str]:
        """All names in it."""
        if self.operation == "name":
            yield self.name
        for part in self.parts:
            yield from part.names


def read_term(data: Any, where: str = "term", _depth: int = 0) -> Term:
    """A term from plain data.

    Raises:
        UsageError: an operation that there is not, the wrong number of parts, a number without end, too deep a tree.
        UnitError: a number's unit that there is not.
    """
    if _depth > DEEPEST:
        raise UsageError(f"a term is nested more than {DEEPEST} deep", where=where)
    if isinstance(data, str) and data:
        return _leaf(data, where)
    if not isinstance(data, Mapping) or len(data) != 1:
        do = f"write a name, a number in quotes, or one of {', '.join(OPERATIONS)}: [...]"
        raise UsageError(f"{data!r} is no term", where=where, do=do)
    ((operation, parts),) = data.items()
    if operation not in OPERATIONS:
        raise UsageError(f"{operation!r} is no operation", where=where, do=nearest(str(operation), OPERATIONS))
    most = 2 if operation in ("difference", "ratio") else 8
    if not isinstance(parts, list) or not 2 <= len(parts) <= most:
        raise UsageError(f"a {operation} has 2 parts{'' if most == 2 else ' or more'}", where=where)
    return Term(operation, tuple(read_term(part, where, _depth + 1) for part in parts))


def _leaf(text: str, where: str) -> Term:
    number, _, unit = text.partition(" ")
    if not (number[0].isdigit() or number[0] in "-+."):
        return Term("name", name=text)
    try:
        value = float(number)
    except ValueError:
        raise UsageError(f"{text!r} is no number", where=where, do='write "1.5 mmHg"') from None
    if not np.isfinite(value):
        raise UsageError(f"{text!r} is no number", where=where)
    return Term("number", number=measured(value, unit or "1"))


def evaluate(term: Term, known: Callable[[str], Measured], where: str = "term") -> Measured:
    """A term's values.

    Args:
        term: the tree.
        known: gives what a name is.
        where: for messages.

    Raises:
        UnitError: a sum or difference of what cannot be added.
        UsageError: `known` has no such name.
    """
    if term.operation == "name":
        return known(term.name)
    if term.operation == "number":
        if term.number is None:
            raise DataError("a number without a value", where=where)
        return term.number
    parts = [evaluate(part, known, where) for part in term.parts]
    return reduce(lambda a, b: OPERATIONS[term.operation](a, b, where), parts)


def _added(sign: float) -> Callable[[Measured, Measured, str], Measured]:
    def added(a: Measured, b: Measured, where: str) -> Measured:
        if a.dimension != b.dimension:
            what = f"{_words(a.dimension)} and {_words(b.dimension)} cannot be added"
            raise UnitError(what, where=where, do="multiply by what leads from one to the other")
        return Measured(a.values + sign * b.values, a.dimension)

    return added


def _times(sign: int) -> Callable[[Measured, Measured, str], Measured]:
    def times(a: Measured, b: Measured, where: str) -> Measured:
        sizes = dict(a.dimension)
        for key, size in b.dimension:
            sizes[key] = sizes.get(key, Fraction(0)) + sign * size
        dimension = tuple(sorted((key, size) for key, size in sizes.items() if size))
        return Measured(a.values * b.values if sign > 0 else a.values / b.values, dimension)

    return times


OPERATIONS: Mapping[str, Callable[[Measured, Measured, str], Measured]] = {
    "sum": _added(1.0),
    "difference": _added(-1.0),
    "product": _times(1),
    "ratio": _times(-1),
}


def _words(dimension: units.Dimension) -> str:
    return units.describe(units.Unit("", Fraction(1), dimension))
