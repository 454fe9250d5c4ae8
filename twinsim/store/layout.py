"""The inside of a results file or shard: datasets with dimension scales on every axis and CF attributes.

Everything is netCDF-4 compatible HDF5 that opens by name in xarray, R, MATLAB, Julia and plain h5py.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from twinsim.errors import StoreError
from twinsim.store.files import CarefulFile
from twinsim.store.variable import Coordinate, Variable, check_name

CONVENTIONS = "CF-1.11"
CHUNK_BYTES = 2**20
# An object header message of HDF5 holds 64 KiB; some room is left for the name and type.
ATTRIBUTE_BYTES = 60_000
PATIENT = Variable("patient", ("patient",), np.int64, "1", "patient number")
TEXT = h5py.string_dtype("utf-8")
FILTERS: dict[str, dict[str, Any]] = {
    "none": {},
    "gzip": {"compression": "gzip", "compression_opts": 1, "shuffle": True},
}


@dataclass(frozen=True)
class Layout:
    """What a file holds, apart from the numbers.

    Args:
        title: one line for the reader.
        variables: the arrays.
        coordinates: by name; those whose dimension no variable has are left out.
        attributes: attributes of the file beside Conventions and title.
        filter: "none" or "gzip" (lossless, in every HDF5; about twenty times slower to write).
    """

    title: str
    variables: tuple[Variable, ...]
    coordinates: Mapping[str, Coordinate] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    filter: str = "none"

    def __post_init__(self) -> None:
        keys = [v.key for v in self.variables]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise StoreError(f"two variables have the same name: {', '.join(twice)}")
        if self.filter not in FILTERS:
            raise StoreError(f"unknown filter {self.filter}", do=f"choose one of: {', '.join(FILTERS)}")

    def sizes(self, patients: int) -> dict[str, int]:
        """Length of every dimension that a variable uses."""
        used = {dim for variable in self.variables for dim in variable.dims}
        sizes = {name: len(c.array) for name, c in self.coordinates.items() if (c.dim or name) == name and name in used}
        if "patient" in used:
            sizes["patient"] = patients
        for variable in self.variables:
            missing = [dim for dim in variable.dims if dim not in sizes]
            if missing:
                raise StoreError(
                    f"dimension {missing[0]} of {variable.key} has no coordinate",
                    why=f"coordinates were given for: {', '.join(self.coordinates) or 'none'}",
                )
        return sizes

    def shape(self, variable: Variable, patients: int) -> tuple[int, ...]:
        sizes = self.sizes(patients)
        return tuple(sizes[dim] for dim in variable.dims)

    def bytes(self, patients: int) -> int:
        """Size of the numbers, without the little that HDF5 adds."""
        total = 8 * patients if any(v.is_per_patient for v in self.variables) else 0
        return total + sum(math.prod(self.shape(v, patients)) * v.dtype.itemsize for v in self.variables)


def open_new(disk: CarefulFile) -> h5py.File:
    """An empty file. Old readers can open it (no latest format), and nobody else sees it before its rename."""
    return h5py.File(disk, "w")


def open_whole(path: Path) -> h5py.File:
    """A file that nobody writes any more, for reading: without locks, unless this process uses them on it already."""
    try:
        return h5py.File(path, "r", locking=False)
    except OSError:
        # xarray or the user has the file open already, with locks.
        return h5py.File(path, "r")


def describe(file: h5py.File, layout: Layout, ids: np.ndarray) -> None:
    """Write the file's attributes and coordinates; the variables' datasets are made by `create`.

    Args:
        ids: patient ids (patient), used if a variable has patients.
    """
    file.attrs["Conventions"] = CONVENTIONS
    file.attrs["title"] = layout.title
    set_attributes(file, layout.attributes)
    sizes = layout.sizes(len(ids))
    if "patient" in sizes:
        scale(file, PATIENT, np.asarray(ids, np.int64))
    mains = [name for name, c in layout.coordinates.items() if (c.dim or name) == name]
    others = [name for name in layout.coordinates if name not in mains]
    for name in mains + others:
        coordinate = layout.coordinates[name]
        dim = coordinate.dim or name
        if dim not in sizes:
            continue
        values = coordinate.array
        if len(values) != sizes[dim]:
            raise StoreError(f"coordinate {name} has {len(values)} values, dimension {dim} has {sizes[dim]}")
        check_name(name)
        is_text = values.dtype == object
        dataset = file.create_dataset(name, data=values, dtype=TEXT if is_text else None, track_times=False)
        set_attributes(dataset, {"long_name": coordinate.long_name, **coordinate.attributes})
        if coordinate.units and not is_text:
            dataset.attrs["units"] = coordinate.units
        if dim == name:
            dataset.make_scale(name)
        else:
            dataset.dims[0].attach_scale(file[dim])


def scale(group: h5py.Group, variable: Variable, values: np.ndarray) -> h5py.Dataset:
    """A coordinate variable: the values of the dimension that has its name."""
    dataset = group.create_dataset(variable.name, data=values, track_times=False)
    set_attributes(dataset, {"units": variable.units, "long_name": variable.long_name, **variable.attributes})
    dataset.make_scale(variable.name)
    return dataset


def create(file: h5py.File, layout: Layout, variable: Variable, patients: int) -> h5py.Dataset:
    """The empty dataset of one variable with its scales and attributes."""
    shape = layout.shape(variable, patients)
    dataset = file.create_dataset(
        variable.key,
        shape,
        variable.dtype,
        chunks=chunk_shape(variable, shape),
        fillvalue=variable.fill,
        track_times=False,
        **FILTERS[layout.filter],
    )
    dress(file, layout, variable, dataset)
    return dataset


def dress(file: h5py.File, layout: Layout, variable: Variable, dataset: h5py.Dataset) -> None:
    """Give a dataset its dimension scales and attributes."""
    for axis, dim in enumerate(variable.dims):
        own = file.get(f"{variable.group}/{dim}") if variable.group else None
        dataset.dims[axis].attach_scale(own if own is not None else file[dim])
    attributes = {"units": variable.units, "long_name": variable.long_name, **variable.attributes}
    along = [name for name, c in layout.coordinates.items() if c.dim in variable.dims and c.dim != name]
    # Readers look for auxiliary coordinates in the variable's own group only.
    if along and not variable.group:
        attributes["coordinates"] = " ".join(along)
    if variable.dtype.kind == "f":
        attributes["_FillValue"] = variable.dtype.type(np.nan)
    set_attributes(dataset, attributes)


def chunk_shape(variable: Variable, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """HDF5 chunks: everything behind the patient whole, patients by a power of two up to about 1 MiB.

    Powers of two divide the runner's chunks, so that each HDF5 chunk is written once.

    >>> chunk_shape(Variable("c", ("patient", "time"), "float32", "1", ""), (1_000_000, 100))
    (2048, 100)
    """
    if not shape or 0 in shape or not variable.is_per_patient:
        return None
    axis = variable.dims.index("patient")
    behind = tuple(min(length, 2**24) for length in shape[axis + 1 :])
    row = math.prod(behind) * variable.dtype.itemsize
    patients = 2 ** max(0, int(math.log2(max(1, CHUNK_BYTES // row))))
    return (1,) * axis + (min(patients, shape[axis]), *behind)


def set_attributes(target: h5py.HLObject, attributes: Mapping[str, Any]) -> None:
    """Write attributes: texts, numbers and short arrays; refuse what HDF5 or its readers cannot hold."""
    for name, value in attributes.items():
        if value is None:
            continue
        if isinstance(value, (list, tuple)):
            value = np.array(value, dtype=TEXT if value and isinstance(value[0], str) else None)
        if isinstance(value, (bool, np.bool_)):
            value = np.int8(value)
        size = len(value.encode()) if isinstance(value, str) else np.asarray(value).nbytes
        if size > ATTRIBUTE_BYTES:
            raise StoreError(
                f"attribute {name} has {size} bytes; HDF5 attributes end at 64 KiB",
                do="put long texts into the provenance",
            )
        target.attrs[name] = value


def write_texts(group: h5py.Group, texts: Mapping[str, str]) -> None:
    """Write texts as string datasets."""
    for name, text in texts.items():
        check_name(name)
        group.create_dataset(name, data=text, dtype=TEXT, track_times=False)


def write_summaries(file: h5py.File, layout: Layout, finished: Iterable[tuple[Variable, np.ndarray]]) -> None:
    """Write what reducers finished with: small whole arrays, coordinates of their own dimensions first."""
    pairs = list(finished)
    for variable, values in pairs:
        if variable.dims == (variable.name,) and variable.key not in file:
            scale(file.require_group(variable.group) if variable.group else file, variable, values)
    for variable, values in pairs:
        if variable.dims == (variable.name,):
            continue
        values = np.asarray(values, variable.dtype)
        if values.ndim != len(variable.dims):
            raise StoreError(f"{variable.key} has shape {values.shape} for dimensions ({', '.join(variable.dims)})")
        dataset = file.create_dataset(variable.key, data=values, fillvalue=variable.fill, track_times=False)
        dress(file, layout, variable, dataset)
