"""Virtual patients from a user's table: rows drawn with replacement, or the table's own patients as they are.

The table is CSV with a header: `id` and one column per covariate, one row per patient. Every column but id and sex has
a unit, in brackets in the header (`weight [kg]`) or in `units=`; it is converted once here. sex is male/female, M/F, or
0/1. Rows stay whole, so that whatever goes together in the table goes together in the cohort.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from kernels import random
from twinsim import units as unit_table
from twinsim.errors import DataError, UnitError, nearest
from twinsim.population.covariates import COVARIATES
from twinsim.population.timed import name_patients

MISSING = frozenset({"", ".", "na", "nan", "null", "n/a"})
SEX_WORDS = {"male": 0.0, "m": 0.0, "female": 1.0, "f": 1.0}
STREAM = "population.resample.row"


@dataclass(frozen=True, eq=False)
class PatientTable:
    """A checked table of patients: ids (patient,), columns name -> (patient,) in the units of `units`."""

    name: str
    ids: np.ndarray
    columns: dict[str, np.ndarray]
    units: dict[str, str]


@dataclass(frozen=True, eq=False)
class Resampled:
    """Rows of a table drawn with replacement, one keyed draw per patient."""

    table: PatientTable
    names: tuple[str, ...] = field(init=False)
    units: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.table.columns))
        object.__setattr__(self, "units", dict(self.table.units))

    def sample(self, seed: Any, patient: Array) -> dict[str, Array]:
        """name -> float64 (patient,), each patient a whole row of the table."""
        position = random.uniform(random.key(seed, STREAM), patient) * float(self.table.ids.size)
        row = jnp.minimum(position.astype(jnp.int64), self.table.ids.size - 1)
        return {name: jnp.take(jnp.asarray(values), row, mode="clip") for name, values in self.table.columns.items()}


@dataclass(frozen=True, eq=False)
class AsIs:
    """The patients of a table under their own ids; nothing is drawn."""

    table: PatientTable
    names: tuple[str, ...] = field(init=False)
    units: dict[str, str] = field(init=False)
    ids: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.table.columns))
        object.__setattr__(self, "units", dict(self.table.units))
        object.__setattr__(self, "ids", self.table.ids)

    def sample(self, seed: Any, patient: Array) -> dict[str, Array]:
        """name -> float64 (patient,); NaN for an id the table does not have. The seed plays no part."""
        order = np.argsort(self.ids)
        known = jnp.asarray(self.ids[order])
        place = jnp.minimum(jnp.searchsorted(known, patient), self.ids.size - 1)
        found = jnp.take(known, place, mode="clip") == patient
        return {
            name: jnp.where(found, jnp.take(jnp.asarray(values[order]), place, mode="clip"), jnp.nan)
            for name, values in self.table.columns.items()
        }


def read_patients(path: str | Path, units: dict[str, str] | None = None) -> PatientTable:
    """Read and check a table of patients.

    Args:
        path: a CSV file.
        units: column -> unit, for columns whose header does not say it.

    Returns:
        The table in twinsim's units; columns twinsim does not know keep theirs.

    Raises:
        DataError: no file, no id column, a row of another width, a value that is missing, no number or out of range,
            an id that is no integer or comes twice; patients and lines are named.
        UnitError: a column without a unit, or a unit of another kind.
    """
    path = Path(path)
    header, rows = _read_rows(path)
    names, stated = _read_header(path, header, dict(units or {}))
    place = {name: i for i, name in enumerate(names)}
    if "id" not in place:
        raise DataError("the table has no id column", where=f"{path}: {', '.join(names)}", do="name one column id")
    ids = _read_ids(path, [row[place["id"]] for row in rows])
    columns, kept = {}, {}
    for name in names:
        if name != "id":
            values = _read_numbers(path, name, [row[place[name]] for row in rows], ids)
            kept[name] = COVARIATES[name].unit if name in COVARIATES else stated[name]
            columns[name] = values * _unit_factor(path, name, stated[name])
            _check_range(path, name, columns[name], ids)
    return PatientTable(str(path), ids, columns, kept)


def _read_rows(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            lines = [row for row in csv.reader(file, strict=True) if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError, csv.Error) as fault:
        raise DataError(f"{path} cannot be read", why=str(fault), do="give a CSV file in UTF-8") from fault
    if len(lines) < 2:
        raise DataError(f"{path} has no patients", do="give a header line and one line per patient")
    for number, row in enumerate(lines[1:], start=2):
        if len(row) != len(lines[0]):
            where = f"{path}, row {number}"
            raise DataError(f"a row has {len(row)} cells, the header {len(lines[0])}", where=where)
    return lines[0], lines[1:]


def _read_header(path: Path, header: list[str], units: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """Names in lower case and the unit of each, from brackets in the header or from `units`."""
    names, stated = [], {"id": "1", "sex": "1"}
    for cell in header:
        name, _, rest = cell.partition("[")
        name = name.strip().lower()
        if rest:
            stated[name] = rest.rstrip().removesuffix("]").strip()
        names.append(name)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"a column comes twice: {', '.join(twice)}", where=str(path))
    for name, unit in units.items():
        if name.lower() not in names:
            raise UnitError(f"units names a column {name} the table does not have", do=nearest(name.lower(), names))
        stated[name.lower()] = unit
    absent = [name for name in names if name not in stated]
    if absent:
        example = ", ".join(f'"{name}": "{COVARIATES[name].unit if name in COVARIATES else "1"}"' for name in absent)
        do = f"write it in the header, as in weight [kg], or pass units={{{example}}} with the table's units"
        raise UnitError(f"no unit is given for {', '.join(absent)}", where=str(path), do=do)
    return names, stated


def _read_ids(path: Path, cells: list[str]) -> np.ndarray:
    try:
        ids = np.array([int(cell) for cell in cells], np.int64)
    except (ValueError, OverflowError) as fault:
        do = "number the patients; keep their labels in your own table"
        raise DataError("an id is not an integer", where=f"{path}: {fault}", do=do) from fault
    values, counts = np.unique(ids, return_counts=True)
    if (counts > 1).any():
        where = f"{path}: {name_patients(values[counts > 1])}"
        raise DataError("an id comes twice", where=where, do="give one row per patient")
    return ids


def _read_numbers(path: Path, name: str, cells: list[str], ids: np.ndarray) -> np.ndarray:
    values, missing, wrong = np.full(len(cells), np.nan), np.zeros(len(cells), bool), np.zeros(len(cells), bool)
    words = SEX_WORDS if name == "sex" else {}
    for row, cell in enumerate(cells):
        text = cell.strip().lower()
        if text in MISSING:
            missing[row] = True
            continue
        try:
            values[row] = words[text] if text in words else float(text)
        except ValueError:
            wrong[row] = True
    if missing.any():
        do = f"fill in {name}, leave these patients out, or leave the column out"
        raise DataError(f"{name} is missing", where=f"{path}: {name_patients(ids[missing])}", do=do)
    wrong |= ~np.isfinite(values) | ((name == "sex") & ~np.isin(values, (0.0, 1.0)))
    if wrong.any():
        example = cells[int(np.flatnonzero(wrong)[0])]
        do = "write male or female (0 or 1)" if name == "sex" else "write a number, or code categories as numbers"
        where = f"{path}: {name_patients(ids[wrong])}"
        raise DataError(f"{name} = {example!r} cannot be used", where=where, do=do)
    return values


def _unit_factor(path: Path, name: str, unit: str) -> float:
    """The number that brings a column into twinsim's unit; amounts of substance by the molar mass."""
    try:
        if name not in COVARIATES:
            unit_table.parse(unit)
            return 1.0
        known = COVARIATES[name]
        if known.molar_mass and unit_table.compatible(unit, "mol/L"):
            return unit_table.factor(unit, "mol/L") * known.molar_mass * unit_table.factor("g/L", known.unit)
        return unit_table.factor(unit, known.unit)
    except UnitError as fault:
        raise UnitError(fault.what, where=f"{path}, column {name}", why=fault.why, do=fault.do) from fault


def _check_range(path: Path, name: str, values: np.ndarray, ids: np.ndarray) -> None:
    if name in COVARIATES:
        known = COVARIATES[name]
        outside = (values < known.low) | (values > known.high)
        if outside.any():
            what = f"{name} = {values[outside][0]:g} {known.unit} lies outside {known.low:g} to {known.high:g}"
            where = f"{path}: {name_patients(ids[outside])}"
            raise DataError(what, where=where, why="no person has it", do=f"check the unit given for {name}")
