"""Where virtual patients come from: a named generator, or a user's table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from jax import Array

from twinsim.errors import UsageError, nearest
from twinsim.population import adults
from twinsim.population.anatomy.door import check_bodies
from twinsim.population.anatomy.source import Anatomical
from twinsim.population.covariates import COVARIATES
from twinsim.population.people import ADULT_FROM, OLDEST, People
from twinsim.population.resample import AsIs, Resampled, read_patients

MODES = ("resample", "as_is")


@runtime_checkable
class Source(Protocol):
    """What a run needs of a source: it samples inside a compiled program, so that a cohort need never exist whole.

    A source is hashable: its compiled program is kept.

    Attributes:
        names: the covariates it gives.
        units: their units.
    """

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def units(self) -> Mapping[str, str]: ...

    def sample(self, seed: Any, patient: Array) -> dict[str, Array]:
        """Covariates of the patients with these ids, a pure function of (seed, id), traceable.

        Args:
            seed: integer, Python's or an array.
            patient: ids, int64 (patient,).

        Returns:
            name -> float64 (patient,).
        """
        ...


@dataclass(frozen=True)
class Adults:
    """Adults of a general population: see `twinsim.population.adults`."""

    names: tuple[str, ...] = adults.NAMES
    units: Mapping[str, str] = field(
        default_factory=lambda: {name: COVARIATES[name].unit for name in adults.NAMES}, hash=False
    )

    def sample(self, seed: Any, patient: Array) -> dict[str, Array]:
        """As `Source.sample`."""
        return adults.sample(seed, patient)


SOURCES: dict[str, Source] = {
    "adults": Adults(),
    "people": People(),
    "children": People(0.0, ADULT_FROM),
    "people_anatomy": Anatomical(People()),
    "adults_anatomy": Anatomical(People(ADULT_FROM, OLDEST)),
    "children_anatomy": Anatomical(People(0.0, ADULT_FROM)),
}


def with_anatomy(
    source: str | Path | Source = "people",
    names: Iterable[str] | None = None,
    *,
    cirrhosis: int | None = None,
    ckd: int | None = None,
    units: dict[str, str] | None = None,
) -> Source:
    """Patients of a source with organs, flows, filtration and enzymes; see `twinsim.population.anatomy`.

    >>> source = with_anatomy("children", ["liver_volume", "liver_flow", "gfr"], ckd=3)
    >>> source.names[-4:]
    ('ckd', 'liver_volume', 'liver_flow', 'gfr')

    Args:
        source: a name, the path of a table (its rows are drawn with replacement), or any source that gives sex, age,
            height and weight.
        names: of `anatomy.catalogue.ITEMS`; None for all.
        cirrhosis: Child-Pugh 1 A, 2 B, 3 C for everybody.
        ckd: stage 1 to 5 for everybody.
        units: for a table: column -> unit, where the header does not say it.

    Raises:
        UsageError: a misspelt source or name, a level that does not exist.
        DataError: a table with organs that cannot be.
    """
    found = find_source(source, units=units)
    table = getattr(found, "table", None)
    if table is not None:
        check_bodies(table.ids, table.columns, table.name)
    wanted = None if names is None else tuple(names)
    if isinstance(found, Anatomical):
        for name, own, new in (("cirrhosis", found.cirrhosis, cirrhosis), ("ckd", found.ckd, ckd)):
            if own is not None and new is not None:
                what = f"{name} is given for everybody, and the source has it too"
                raise UsageError(what, where="with_anatomy", do="leave one of them out")
        cirrhosis = found.cirrhosis if cirrhosis is None else cirrhosis
        ckd = found.ckd if ckd is None else ckd
        found, wanted = found.source, found.wanted if names is None else wanted
    return Anatomical(found, wanted, cirrhosis, ckd)


def find_source(name: str | Path | Source, *, mode: str = "resample", units: dict[str, str] | None = None) -> Source:
    """A source by its name, or a user's table by its path.

    >>> find_source("adults").names[:3]
    ('sex', 'age', 'height')

    Args:
        name: a key of `SOURCES`, or the path of a CSV file (see `twinsim.population.resample`).
        mode: for a table: resample draws its rows with replacement, as_is takes its patients as they are.
        units: for a table: column -> unit, where the header does not say it.

    Raises:
        UsageError: a name that is neither a source nor a file; an unknown mode; mode or units without a table.
        DataError, UnitError: a table that cannot be used.
    """
    if mode not in MODES:
        raise UsageError(f"mode={mode} is not known", where="population", do=nearest(str(mode), MODES))
    if not isinstance(name, str | Path):
        return name
    if str(name) in SOURCES:
        if mode != "resample" or units:
            raise UsageError("mode and units belong to a table of patients", where=f"population.source={name}")
        return SOURCES[str(name)]
    path = Path(name)
    if not path.is_file():
        hint = f"{nearest(str(name), SOURCES)}; or give the path of a CSV file"
        what = f"{name} is neither a source of patients nor a file"
        raise UsageError(what, where="population.source", do=hint)
    table = read_patients(path, units)
    return Resampled(table) if mode == "resample" else AsIs(table)
