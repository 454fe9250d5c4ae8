"""`results.h5`: one file with everything for small runs, a map over the shards for large ones."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from twinsim.store import layout as inside
from twinsim.store.files import CarefulFile, disk_errors, put_in_place, temporary
from twinsim.store.layout import Layout
from twinsim.store.rows import write_rows
from twinsim.store.shard import Shard
from twinsim.store.variable import Variable, rows_first

SINGLE_FILE_BYTES = 512 * 2**20
SHARD_GROUP = "shards"
_COPY_BYTES = 4 * 2**20


@dataclass(frozen=True)
class Contents:
    """Everything of a results file that is not per patient.

    Args:
        layout: attributes, coordinates, and the per-patient variables.
        ids: patient ids (patient).
        summaries: finished reducers: variables of group "summary" and their values.
        provenance: texts by name.
    """

    layout: Layout
    ids: np.ndarray
    summaries: Sequence[tuple[Variable, np.ndarray]] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)

    @contextmanager
    def open(self, path: Path, kept: str = "") -> Iterator[h5py.File]:
        """The new file with all but the per-patient variables written; it gets its name when the block ends."""
        with disk_errors(path, kept):
            disk = CarefulFile(temporary(path))
            try:
                with inside.open_new(disk) as file:
                    self._begin(file)
                    disk.check()
                    yield file
            finally:
                disk.close()
            disk.check()
            put_in_place(path)

    def _begin(self, file: h5py.File) -> None:
        # Summaries may be the only ones to use a dimension; their own, such as quantile, they bring along.
        own = {v.name: len(x) for v, x in self.summaries if v.dims == (v.name,)}
        shared = tuple(
            replace(v, dims=dims)
            for v, _ in self.summaries
            if (dims := tuple(d for d in v.dims if d not in own)) or not v.dims
        )
        whole = replace(self.layout, variables=(*self.layout.variables, *shared))
        inside.describe(file, whole, self.ids)
        inside.write_summaries(file, self.layout, self.summaries)
        inside.write_texts(file.create_group("provenance"), self.provenance)


def write_results(path: Path, contents: Contents, arrays: Mapping[str, np.ndarray]) -> Path:
    """Write results that are in memory to one file.

    Args:
        path: the file; an existing one is replaced when the new one is whole.
        arrays: by variable key, patient last.

    Returns:
        the path.
    """
    with contents.open(path) as file:
        for variable in contents.layout.variables:
            dataset = inside.create(file, contents.layout, variable, len(contents.ids))
            array = np.asarray(arrays[variable.key])
            if variable.is_per_patient:
                axis = variable.dims.index("patient")
                write_rows(dataset, axis, 0, rows_first(array, variable), len(contents.ids))
            else:
                dataset[...] = array
    return path


def join_shards(path: Path, contents: Contents, shards: Iterable[Shard], kept: str = "") -> None:
    """Copy all shards into one results file, a few rows at a time; patients of missing shards keep fill values."""
    shards = list(shards)
    with contents.open(path, kept) as file:
        variables = contents.layout.variables
        targets = [(v, inside.create(file, contents.layout, v, len(contents.ids))) for v in variables]
        for shard in shards:
            with inside.open_whole(path.parent / shard.name) as source:
                for variable, target in targets:
                    _copy(source[variable.key], target, variable.dims.index("patient"), shard.first)


def _copy(source: Any, target: h5py.Dataset, axis: int, first: int) -> None:
    """Copy a shard's dataset to the rows from `first` on."""
    rows = source.shape[axis]
    row_bytes = max(1, math.prod(source.shape) * source.dtype.itemsize // max(1, rows))
    chunk = source.chunks[axis] if source.chunks else 1
    step = max(1, _COPY_BYTES // (row_bytes * chunk)) * chunk
    for start in range(0, rows, step):
        block = source[(*(slice(None),) * axis, slice(start, min(rows, start + step)))]
        write_rows(target, axis, first + start, block)


def map_shards(path: Path, contents: Contents, shards: Iterable[Shard], kept: str = "") -> None:
    """Write a results file whose per-patient variables are views of the shards beside it.

    HDF5 reads fill values where a mapped file is missing, without a word; so the file lists its shards with rows,
    bytes and checksums, and `open_results` looks at each before it gives the data out.
    """
    shards = list(shards)
    with contents.open(path, kept) as file:
        for variable in contents.layout.variables:
            axis = variable.dims.index("patient")
            shape = contents.layout.shape(variable, len(contents.ids))
            view = h5py.VirtualLayout(shape, variable.dtype)
            for shard in shards:
                rows = (*(slice(None),) * axis, slice(shard.first, shard.first + shard.rows))
                part = (*shape[:axis], shard.rows, *shape[axis + 1 :])
                view[rows] = h5py.VirtualSource(shard.name, variable.key, part, variable.dtype)
            dataset = file.create_virtual_dataset(variable.key, view, fillvalue=variable.fill)
            inside.dress(file, contents.layout, variable, dataset)
        _list_shards(file.create_group(SHARD_GROUP), shards)


def _list_shards(group: h5py.Group, shards: list[Shard]) -> None:
    number = Variable("shard", ("shard",), np.int64, "1", "shard number")
    inside.scale(group, number, np.array([s.number for s in shards], np.int64))
    columns = {
        "first": ([s.first for s in shards], np.int64, "first patient, counted from 0"),
        "rows": ([s.rows for s in shards], np.int64, "patients"),
        "failed": ([s.failed for s in shards], np.int64, "patients whose status is not ok"),
        "bytes": ([s.bytes for s in shards], np.int64, "size of the file"),
        "sha256": ([s.sha256 for s in shards], inside.TEXT, "checksum of the file"),
        "name": ([s.name for s in shards], inside.TEXT, "file, relative to this one"),
    }
    for name, (values, dtype, meaning) in columns.items():
        dataset = group.create_dataset(name, data=values, dtype=dtype, track_times=False)
        dataset.attrs["long_name"] = meaning
        dataset.dims[0].attach_scale(group["shard"])


def listed_shards(file: h5py.File) -> list[Shard]:
    """The shards that a results file maps; none if it holds everything itself."""
    group: Any = file.get(SHARD_GROUP)
    if group is None:
        return []
    columns = {name: group[name][()] for name in ("first", "rows", "failed", "bytes")}
    digests = group["sha256"].asstr()[()]
    return [
        Shard(int(number), *(int(columns[c][i]) for c in ("first", "rows", "failed", "bytes")), sha256=str(digests[i]))
        for i, number in enumerate(group["shard"][()])
    ]
