"""A cohort: covariates of patients by id, sampled or given, checked once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from twinsim.errors import DataError, UsageError, nearest
from twinsim.population.covariates import COVARIATES
from twinsim.population.derived import DERIVED, derive
from twinsim.population.resample import AsIs
from twinsim.population.source import Source, find_source
from twinsim.population.timed import TimedCovariate, name_patients
from twinsim.units import factor

if TYPE_CHECKING:
    import pandas as pd

# Every cohort is sampled in blocks of this many ids through one compiled program, the last one filled up, so that a
# patient's bits do not depend on the size of the cohort.
BLOCK = 256


@dataclass(frozen=True, eq=False)
class Cohort:
    """Patients and their covariates.

    >>> Cohort([1, 2], {"weight": [70.0, 80.0]}, {"weight": "kg"}).take([1]).to_pandas()
        weight
    id
    2     80.0

    Attributes:
        ids: patient ids, int64 (patient,), each once.
        covariates: name -> float64 (patient,), constant, or a TimedCovariate.
        units: name -> unit, for every covariate; those that the package knows are converted to its own.

    Raises:
        UnitError: a unit that does not fit.
        DataError: ids that are no integers or come twice, lengths that differ, values that are missing or infinite
            (the patients are named), a covariate without a unit, a unit without a covariate.
    """

    ids: Any
    covariates: Mapping[str, Any] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", _checked_ids(self.ids))
        checked = {name: self._checked(name, values) for name, values in self.covariates.items()}
        absent = [name for name in checked if name not in self.units]
        if absent:
            raise DataError(f"no unit is given for {', '.join(absent)}", do=f'add units={{"{absent[0]}": "..."}}')
        for name in self.units:
            if name not in checked:
                raise DataError(f"units names {name}, which is no covariate here", do=nearest(name, checked))
        units = {name: carried_unit(name) or unit for name, unit in self.units.items()}
        carried = {name: _scaled(values, factor(self.units[name], units[name])) for name, values in checked.items()}
        object.__setattr__(self, "covariates", carried)
        object.__setattr__(self, "units", units)

    def _checked(self, name: str, values: Any) -> np.ndarray | TimedCovariate:
        if isinstance(values, TimedCovariate):
            values.check(self.ids, name)
            return values
        try:
            array = np.array(values, np.float64)
        except (TypeError, ValueError) as fault:
            raise DataError(f"{name} is not numbers", why=str(fault), do="code categories as numbers") from fault
        if array.shape != self.ids.shape:
            what = f"{name} has shape {array.shape}, the cohort {self.ids.size} patients"
            raise DataError(what, do="give one value per patient, or a TimedCovariate")
        wrong = ~np.isfinite(array)
        if wrong.any():
            do = f"fill in {name}, or leave these patients out with take"
            raise DataError(f"{name} is missing or infinite", where=name_patients(self.ids[wrong]), do=do)
        array.flags.writeable = False
        return array

    @property
    def size(self) -> int:
        """How many patients."""
        return int(self.ids.size)

    @property
    def timed(self) -> tuple[str, ...]:
        """Names of the covariates that change in time."""
        return tuple(name for name, values in self.covariates.items() if isinstance(values, TimedCovariate))

    @property
    def digest(self) -> str:
        """A hash of all ids and values, which tells two cohorts apart."""
        arrays: dict[str, Any] = {"id": self.ids}
        for name, values in self.covariates.items():
            timed = isinstance(values, TimedCovariate)
            parts = {f"{values.interpolation} {name}": values.values, f"time {name}": values.times} if timed else {}
            arrays |= parts or {name: values}
        return digest(arrays)

    def take(self, indices: Any) -> Cohort:
        """The patients at these positions (integers, a slice or a mask), in that order."""
        chosen = np.arange(self.size)[indices if isinstance(indices, slice) else np.asarray(indices)]
        covariates = {
            name: values.take(chosen) if isinstance(values, TimedCovariate) else values[chosen]
            for name, values in self.covariates.items()
        }
        return Cohort(self.ids[chosen], covariates, self.units)

    def at(self, time: Any) -> dict[str, np.ndarray]:
        """Every covariate at a time [h], one number or (patient,): name -> (patient,)."""
        return {
            name: values.at(time) if isinstance(values, TimedCovariate) else values
            for name, values in self.covariates.items()
        }

    def derived(self) -> Cohort:
        """The cohort with every derived covariate whose needs are here and constant; none is overwritten.

        What depends on a covariate that changes in time must be derived at that time: `derive(cohort.at(time))`.
        """
        constant = {name: values for name, values in self.covariates.items() if name not in self.timed}
        added = {name: np.asarray(values) for name, values in derive(constant).items() if name not in self.covariates}
        units = {**self.units, **{name: DERIVED[name].unit for name in added}}
        return Cohort(self.ids, {**self.covariates, **added}, units)

    def to_pandas(self, timed: str | None = None) -> pd.DataFrame:
        """A data frame.

        Args:
            timed: the name of a covariate that changes in time, for its points in long form (id, time, value).

        Returns:
            Constant covariates by id, or the points of one that changes.
        """
        import pandas as pd

        if timed is None:
            constant = {name: values for name, values in self.covariates.items() if name not in self.timed}
            return pd.DataFrame(constant, index=pd.Index(self.ids, name="id"))
        if timed not in self.timed:
            raise UsageError(f"{timed} does not change in time here", do=nearest(timed, self.timed))
        points = self.covariates[timed]
        frame = pd.DataFrame(
            {
                "id": np.repeat(self.ids, points.times.shape[0]),
                "time": points.times.T.reshape(-1),
                timed: points.values.T.reshape(-1),
            }
        )
        return frame.drop_duplicates(["id", "time"], ignore_index=True)


def carried_unit(name: str) -> str | None:
    """The unit a covariate has in every cohort; None for one that the package does not know."""
    known = COVARIATES.get(name) or DERIVED.get(name)
    return known.unit if known else None


def _scaled(values: np.ndarray | TimedCovariate, scale: float) -> np.ndarray | TimedCovariate:
    if scale == 1.0:
        return values
    if isinstance(values, TimedCovariate):
        return replace(values, values=values.values * scale)
    values = values * scale
    values.flags.writeable = False
    return values


def sample_cohort(
    size: int | None,
    source: str | Path | Source = "adults",
    seed: int = 0,
    *,
    first: int = 0,
    mode: str = "resample",
    units: dict[str, str] | None = None,
) -> Cohort:
    """A cohort of virtual patients; a patient's values depend on the seed and its id alone.

    >>> cohort = sample_cohort(1000, seed=1)
    >>> cohort.size, round(float(cohort.covariates["height"].mean()))
    (1000, 168)

    Args:
        size: how many patients; None with mode="as_is" takes the whole table.
        source: adults, the path of a CSV table of patients, or any `Source`.
        seed: an integer, 0 to 2^64 - 1.
        first: the first id; ids are first, first + 1, ...
        mode: for a table: resample draws rows with replacement, as_is takes the patients and ids of the table.
        units: for a table: column -> unit, where the header does not say it.

    Raises:
        UsageError: a misspelt source, a size, seed or first id out of range, a size that is not the table's with as_is.
        DataError, UnitError: a table that cannot be used.
    """
    found = find_source(source, mode=mode, units=units)
    if isinstance(found, AsIs):
        if first or size not in (None, found.ids.size):
            what = f"the table has {found.ids.size} patients with ids of their own"
            raise UsageError(what, where="population.size", do="leave size and first out, or use mode=resample")
        return Cohort(found.ids, found.table.columns, found.units)
    for name, value, least, limit in (
        ("size", size, 1, 1 << 62),
        ("seed", seed, 0, 1 << 64),
        ("first", first, 0, 1 << 62),
    ):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value < limit:
            raise UsageError(f"{name}={value} is not a whole number from {least}", where="population")
    ids = first + np.arange(size or 0, dtype=np.int64)
    return Cohort(ids, sample_blocks(found, seed, ids), found.units)


def sample_blocks(source: Source, seed: int, ids: np.ndarray) -> dict[str, np.ndarray]:
    """Covariates of these ids, (patient,) each, in blocks of BLOCK through one compiled program."""
    sample = _compiled(source)
    word = np.uint64(seed)
    padded = np.concatenate([ids, np.full(-ids.size % BLOCK, ids[-1], np.int64)]).reshape(-1, BLOCK)
    blocks = [sample(word, block) for block in padded]
    return {name: np.concatenate([np.asarray(block[name]) for block in blocks])[: ids.size] for name in source.names}


@lru_cache(maxsize=16)
def _compiled(source: Source) -> Any:
    return jax.jit(source.sample)


def digest(arrays: Mapping[str, Any]) -> str:
    """A hash of named arrays.

    >>> digest({"weight": [70.0]}) == digest({"weight": [71.0]})
    False
    """
    found = hashlib.sha256()
    for name in sorted(arrays):
        values = np.ascontiguousarray(arrays[name])
        found.update(f"{name} {values.dtype} {values.shape} ".encode())
        found.update(values.tobytes())
    return found.hexdigest()


def _checked_ids(ids: Any) -> np.ndarray:
    array = np.asarray(ids)
    if array.ndim != 1 or not array.size or not np.issubdtype(array.dtype, np.integer):
        raise DataError(f"ids are {array.dtype} {array.shape}", do="give at least one integer per patient, (patient,)")
    values, counts = np.unique(array, return_counts=True)
    if (counts > 1).any():
        raise DataError("an id comes twice", where=name_patients(values[counts > 1]))
    array = array.astype(np.int64)
    array.flags.writeable = False
    return array
