"""What is done to standard men, and how well what follows agrees with studies, graded as rows at rest are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from twinsim.errors import DataError, UsageError
from twinsim.events import Events
from twinsim.models.structure import Structure
from twinsim.patient.actions import actions
from twinsim.patient.grading import Graded, graded
from twinsim.patient.read import fields_of
from twinsim.patient.seen import Seen
from twinsim.patient.standard import standard_men
from twinsim.patient.terms import Term, evaluate, read_term
from twinsim.patient.whole import whole_patient
from twinsim.population.cohort import Cohort
from twinsim.simulation import simulate
from twinsim.yaml import read_yaml

REST = "rest"
SETTLE = 60.0 * 1440.0  # min: sodium and blood find their rest within weeks
_READINGS = ("at", "mean", "largest", "least")
_DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Reading:
    """One quantity of a challenge: its term, how and when [min] it is read, and what studies found."""

    name: str
    term: Term
    how: str
    begin: float
    end: float
    unit: str
    ranges: tuple[tuple[float, float], ...]
    source: str


@dataclass(frozen=True)
class Challenge:
    """Something done to patients: rows of actions, rows of events, and what is read then."""

    name: str
    title: str
    actions: tuple[Mapping[str, Any], ...]
    events: tuple[Mapping[str, Any], ...]
    readings: tuple[Reading, ...]

    def happening(self, structure: Structure) -> Events:
        """Its events, of everyone."""
        return actions(self.actions, structure) + Events.of([dict(row) for row in self.events])


@lru_cache(maxsize=1)
def known_challenges() -> Mapping[str, Challenge]:
    """All challenges, by name.

    >>> known_challenges()["bleed_20"].title
    '20 % of blood lost in half an hour'
    """
    return {name: _challenge(name, entry) for name, entry in read_yaml(_DATA / "challenges.yaml").items()}


@dataclass(frozen=True, eq=False)
class Study:
    """Standard men in groups: one at rest, and one for each challenge.

    Attributes:
        cohort: of all groups.
        events: of each patient.
        times: when to look [min]: all readings, every five minutes of six hours, and the end.
        groups: name -> places in the cohort.
    """

    cohort: Cohort
    events: Events
    times: np.ndarray
    groups: Mapping[str, slice]


def study(structure: Structure, at_rest: int = 200, each: int = 20, seed: int = 0) -> Study:
    """The groups, in one cohort so that one program serves them all.

    Raises:
        UsageError: a group without patients.
    """
    if min(at_rest, each) < 1:
        raise UsageError(f"groups of {at_rest} and {each} patients", where="study", do="give 1 or more each")
    challenges = known_challenges()
    groups, events, first = {REST: slice(0, at_rest)}, Events.of([]), at_rest
    for name, challenge in challenges.items():
        groups[name] = slice(first, first + each)
        own = challenge.happening(structure)
        for patient in range(first, first + each):
            events = events + replace(own, patient=np.full(own.size, patient, np.int64))
        first += each
    looked = {time for challenge in challenges.values() for row in challenge.readings for time in (row.begin, row.end)}
    times = np.unique([*np.arange(0.0, 361.0, 5.0), *looked])
    return Study(standard_men(first, seed), events, times, groups)


def grade_challenges(seen: Seen, groups: Mapping[str, slice]) -> tuple[Graded, ...]:
    """Every reading of every challenge, by the patients it was done to.

    Raises:
        UsageError: too many patients failed, or a term names what there is not.
        UnitError: a term that cannot be told in its unit.
    """
    found = []
    for challenge in known_challenges().values():
        for row in challenge.readings:
            inside = np.flatnonzero((seen.times >= row.begin - 1e-6) & (seen.times <= row.end + 1e-6))
            when = slice(inside[0], inside[-1] + 1)
            where = f"{challenge.name}/{row.name}"
            known = seen.known(groups[challenge.name], when)
            values = np.atleast_2d(evaluate(row.term, known, where).in_unit(row.unit, where))
            read = _read(row.how, values, seen.times[when])
            found.append(graded(where, read, row.unit, row.ranges, row.source))
    return tuple(found)


def _read(how: str, values: np.ndarray, times: np.ndarray) -> np.ndarray:
    if how == "mean":
        return np.trapezoid(values, times, axis=0) / (times[-1] - times[0])
    return {"at": values[-1], "largest": values.max(axis=0), "least": values.min(axis=0)}[how]


def autoregulation(size: int = 20, seed: int = 0) -> tuple[Graded, ...]:
    """Filtration of the kidneys alone, half an hour after their arterial pressure was set."""
    fields = ("source", "pressure", "filtration")
    table = fields_of(read_yaml(_DATA / "autoregulation.yaml"), fields, "autoregulation")
    model, men = whole_patient(["kidney"]), standard_men(size, seed)
    found = []
    for pressure, filtration in zip(table["pressure"], table["filtration"], strict=True):
        results = simulate(
            model, men, parameters={"arterial_pressure": float(pressure)}, times=[0.0, 30.0], outputs=["gfr"],
            endpoints=(), precision="float64",
        )  # fmt: skip
        ranges = ((float(filtration), float(filtration)),)
        found.append(
            graded(
                f"autoregulation/filtration at {pressure:g} mmHg", results["gfr"][-1], "mL/min", ranges, table["source"]
            )
        )
    return tuple(found)


def _challenge(name: str, entry: Any) -> Challenge:
    given = fields_of(entry, ("title", "rows"), name, optional=("actions", "events"))
    readings = tuple(_reading(f"{name}/{row}", row, listed) for row, listed in given["rows"].items())
    return Challenge(name, given["title"], tuple(given.get("actions", ())), tuple(given.get("events", ())), readings)


def _reading(where: str, name: str, entry: Any) -> Reading:
    given = fields_of(entry, ("term", "unit", "ranges", "source"), where, optional=_READINGS)
    how = [word for word in _READINGS if word in given]
    if len(how) != 1:
        raise DataError(f"it is read {len(how)} ways", where=where, do=f"give one of {', '.join(_READINGS)}")
    when: Sequence[float] = given[how[0]] if how[0] != "at" else [given["at"], given["at"]]
    begin, end = _span(when, where)
    ranges = tuple(_span(each if isinstance(each, list) else [each, each], where) for each in given["ranges"])
    return Reading(name, read_term(given["term"], where), how[0], begin, end, given["unit"], ranges, given["source"])


def _span(given: Sequence[float], where: str) -> tuple[float, float]:
    if len(given) != 2 or not given[0] <= given[1]:
        raise DataError("a time or range that ends before it begins", where=where, do="write [0, 60]")
    return float(given[0]), float(given[1])
