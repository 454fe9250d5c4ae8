"""Patients as a cohort: people with organs of their own, and conditions with a severity each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from twinsim.errors import DataError, UsageError
from twinsim.patient.conditions import condition, drawn_severity, known_conditions
from twinsim.population.cohort import Cohort, sample_cohort
from twinsim.population.source import Source, find_source
from twinsim.population.timed import name_patients


@dataclass(frozen=True)
class Patients:
    """People of another source with the severity of every condition; a `Source` itself. Use `patients`.

    Attributes:
        source: of people with anatomy.
        given: condition and its severity, 0 to 1, for everybody; a column of the source of a condition's name says it
            for each.
        drawn: other conditions are drawn by how many people have them; False: nobody has them.
    """

    source: Source
    given: tuple[tuple[str, float], ...] = ()
    drawn: bool = False
    names: tuple[str, ...] = field(init=False, compare=False)
    units: Mapping[str, str] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        units = {**self.source.units, **dict.fromkeys(known_conditions(), "1")}
        object.__setattr__(self, "names", tuple(units))
        object.__setattr__(self, "units", units)

    def sample(self, seed: Any, patient: Array) -> dict[str, Array]:
        """As `Source.sample`: the source's covariates, and severities under the conditions' names."""
        found, given = dict(self.source.sample(seed, patient)), dict(self.given)
        for name, item in known_conditions().items():
            if name in self.source.names:
                continue
            if name in given or not self.drawn:
                found[name] = jnp.full_like(found["age"], given.get(name, 0.0))
            else:
                found[name] = drawn_severity(item, seed, patient, found["age"], found["sex"] == 0.0)
        return {name: found[name] for name in self.names}


def patients(
    conditions: Mapping[str, float] | None = None,
    *,
    drawn: bool = False,
    source: str | Path | Source = "adults_anatomy",
) -> Patients:
    """A source of whole patients.

    >>> patients({"hypertension": 0.5}).given
    (('hypertension', 0.5),)

    Args:
        conditions: name -> severity from 0, none, to 1, of everybody.
        drawn: whether other conditions are drawn by prevalence, each by itself.
        source: of people with anatomy: a name, a table's path, or a source.

    Raises:
        UsageError: an unknown condition, or one that the source has too.
        DataError: a severity outside 0 to 1; patients of a table are named.
    """
    found, given = find_source(source), {name: float(value) for name, value in (conditions or {}).items()}
    for name, value in given.items():
        known = condition(name)
        if not 0.0 <= value <= 1.0:
            do = f"give 0 (none) to 1: {known.at_one}"
            raise DataError(f"severity {value:g} of {name}", where=f"conditions.{name}", do=do)
    _check_columns(found, given)
    return Patients(found, tuple(sorted(given.items())), drawn)


def _check_columns(source: Source, given: Mapping[str, float]) -> None:
    """Severities that the source has itself."""
    table = getattr(getattr(source, "source", source), "table", None)
    for name in (name for name in known_conditions() if name in source.names):
        if name == "cirrhosis":
            what = "cirrhosis of the source is a Child-Pugh class, which organs know, and a condition too"
            raise UsageError(what, where="population", do="leave it out there, and give conditions.cirrhosis=0.5")
        if name in given:
            what = f"{name} is given for everybody, and the source has it too"
            raise UsageError(what, where=f"conditions.{name}", do="leave one of them out")
        if table is not None:
            values = np.asarray(table.columns[name])
            wrong = ~((values >= 0.0) & (values <= 1.0))
            if wrong.any():
                what = f"severity {values[wrong][0]:g} of {name}"
                where = f"{table.name}: {name_patients(table.ids[wrong])}"
                raise DataError(what, where=where, do=f"give 0 (none) to 1: {condition(name).at_one}")


def whole_cohort(
    size: int,
    conditions: Mapping[str, float] | None = None,
    *,
    drawn: bool = False,
    source: str | Path | Source = "adults_anatomy",
    seed: int = 0,
) -> Cohort:
    """Whole patients: people with anatomy and the severity of every condition.

    >>> cohort = whole_cohort(3, {"anaemia": 0.5})
    >>> cohort.covariates["anaemia"].tolist(), cohort.covariates["sepsis"].tolist()
    ([0.5, 0.5, 0.5], [0.0, 0.0, 0.0])

    Args and errors: `patients`, and `twinsim.sample_cohort`.
    """
    return sample_cohort(size, patients(conditions, drawn=drawn, source=source), seed=seed)
