"""Write-once shards: `shards/00042.h5` holds a range of patients, `shards/00042.json` its rows, size and checksum.

A shard's description is written after the shard, so that a shard with a description is whole. Shards are independent:
any process may write any of them, and none is written twice.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from twinsim.errors import StoreError
from twinsim.store.blank import Blanks
from twinsim.store.files import CarefulFile, disk_errors, put_in_place, read_json, sha256, temporary, write_json
from twinsim.store.layout import open_whole
from twinsim.store.rows import write_rows
from twinsim.store.variable import Variable, rows_first

SHARDS = "shards"
# Stands for "/" in the names of reducer states, which are flat inside their group.
_SLASH = "|"
# Integer states longer than this many bytes are counts in bins, mostly zeros.
_PACKED_FROM = 65536
State = dict[str, np.ndarray]


@dataclass(frozen=True)
class Shard:
    """What is known of a finished shard.

    Args:
        number: its place in the run.
        first: first patient, counted from 0.
        rows: number of patients.
        failed: patients whose status is not ok.
        bytes: size of the file.
        sha256: checksum of the file.
    """

    number: int
    first: int
    rows: int
    failed: int
    bytes: int
    sha256: str

    @property
    def name(self) -> str:
        return shard_name(self.number)


def shard_name(number: int) -> str:
    """Relative path of a shard's file in the run's folder.

    >>> shard_name(42)
    'shards/00042.h5'
    """
    return f"{SHARDS}/{number:05d}.h5"


class ShardWriter:
    """One shard while it is written: `add` chunks in patient order, `close`, `seal`.

    Args:
        run: the run's folder.
        number: the shard's place in the run.
        first: first patient.
        blanks: of what is stored per patient.
        ids: patient ids of the shard (patient).
    """

    def __init__(self, run: Path, number: int, first: int, blanks: Blanks, ids: np.ndarray, kept: str = "") -> None:
        self.number, self.first, self.kept = number, first, kept
        self.rows, self.failed, self.next = len(ids), 0, first
        self.path = run / shard_name(number)
        with self._guard():
            self.path.parent.mkdir(exist_ok=True)
            self.disk = CarefulFile(temporary(self.path))
            try:
                self.file = blanks.begun(self.disk, ids)
            except BaseException:
                self.disk.close()
                raise
            self.datasets: list[tuple[Variable, Any]] = [(v, self.file[v.key]) for v in blanks.layout.variables]
            self.disk.check()

    def _guard(self) -> AbstractContextManager[None]:
        return disk_errors(self.path, self.kept)

    def add(self, first: int, count: int, chunk: Mapping[str, np.ndarray], failed: int) -> None:
        """Write a chunk.

        Args:
            first, count: its patients.
            chunk: arrays by variable key, patient last.
            failed: how many of them have a status.
        """
        for variable, dataset in self.datasets:
            if variable.key not in chunk:
                raise StoreError(f"{variable.key} was not computed", where=f"patients {first} to {first + count - 1}")
            array = rows_first(chunk[variable.key], variable)
            with self._guard():
                write_rows(dataset, variable.dims.index("patient"), first - self.first, array, count)
                self.disk.check()
        self.failed += failed
        self.next = first + count

    def close(self, states: Mapping[str, State]) -> None:
        """Store the reducers' states beside the patients and close the file."""
        with self._guard():
            for name, state in states.items():
                group = self.file.create_group(f"state/{name}")
                for key, array in state.items():
                    _write_state(group, key.replace("/", _SLASH), np.asarray(array))
            self.file.close()
            self.disk.close()
            self.disk.check()

    def seal(self) -> Shard:
        """Checksum, fsync, rename, and last the description. Needs no HDF5: may run in another thread."""
        with self._guard():
            digest, size = sha256(temporary(self.path)), os.path.getsize(temporary(self.path))
            put_in_place(self.path)
        shard = Shard(self.number, self.first, self.rows, self.failed, size, digest)
        with disk_errors(self.path.with_suffix(".json"), self.kept):
            write_json(self.path.with_suffix(".json"), asdict(shard))
        return shard

    def discard(self) -> None:
        """Forget the shard and remove its temporary file."""
        self.file.close()
        self.disk.close()
        temporary(self.path).unlink(missing_ok=True)


def read_shard(run: Path, number: int) -> Shard | None:
    """The description of a finished shard; None where there is none."""
    content = read_json((run / shard_name(number)).with_suffix(".json"))
    try:
        return Shard(**content) if content is not None else None
    except TypeError:
        return None


def damage(run: Path, shard: Shard, *, full: bool) -> str:
    """What is wrong with a shard's file, in words; "" if it is whole.

    Args:
        full: compare the checksum of every byte; otherwise presence, size, and that HDF5 opens it with its rows.
    """
    path = run / shard.name
    if not path.is_file():
        return "is missing"
    if (size := path.stat().st_size) != shard.bytes:
        return f"has {size} bytes instead of {shard.bytes}"
    if full and sha256(path) != shard.sha256:
        return "has another checksum than when it was written"
    try:
        with open_whole(path) as file:
            ids: Any = file.get("patient")
            rows = len(ids) if ids is not None else shard.rows
    except (OSError, RuntimeError, KeyError) as error:
        return f"cannot be read by HDF5 ({error})"
    return "" if rows == shard.rows else f"has {rows} patients instead of {shard.rows}"


def _write_state(group: h5py.Group, name: str, array: np.ndarray) -> None:
    """One array of a reducer; long integer ones, which are mostly zeros, by what is not zero."""
    if array.dtype.kind not in "iu" or array.nbytes <= _PACKED_FROM:
        group.create_dataset(name, data=array, track_times=False)
        return
    index = np.flatnonzero(array)
    packed = group.create_group(name)
    packed.create_dataset("shape", data=np.array(array.shape, np.int64), track_times=False)
    packed.create_dataset("index", data=index, track_times=False)
    packed.create_dataset("values", data=array.reshape(-1)[index], track_times=False)


def _read_state(item: Any) -> np.ndarray:
    if isinstance(item, h5py.Dataset):
        return np.asarray(item[()])
    array = np.zeros(item["shape"][()], item["values"].dtype)
    array.reshape(-1)[item["index"][()]] = item["values"][()]
    return array


def read_states(run: Path, shard: Shard) -> dict[str, State]:
    """The reducers' states of a shard, by reducer and array."""
    with open_whole(run / shard.name) as file:
        states: Any = file.get("state", {})
        return {
            name: {key.replace(_SLASH, "/"): _read_state(item) for key, item in group.items()}
            for name, group in states.items()
        }
