"""A run's folder: which run it holds, in which state, and whether this run may go there.

`run.json` is the only file with times in it.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from twinsim.errors import StoreError
from twinsim.store.files import TEMPORARY, disk_errors, read_json, write_json
from twinsim.store.shard import SHARDS

RUN_FILE = "run.json"
RESULTS_FILE = "results.h5"
FORMAT = 1
_SHOWN_DIFFERENCES = 8


def plain(value: Any) -> Any:
    """A value as JSON would give it back: NumPy scalars, arrays and tuples as numbers and lists, 100.0 as 100.

    >>> plain({"dose": np.float64(100.0), "times": (0, 0.5)})
    {'dose': 100, 'times': [0, 0.5]}
    """
    return _same_number(json.loads(json.dumps(value, default=_plain_number, sort_keys=True)))


def _same_number(value: Any) -> Any:
    """One way to write each number, so that `dose: 100` and `dose: 100.0` are the same run."""
    if isinstance(value, dict):
        return {key: _same_number(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_same_number(item) for item in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            return str(value)
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    return value


def _plain_number(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"{type(value).__name__} cannot be part of a run's identity: use numbers, texts, lists, mappings")


def config_hash(identity: Mapping[str, Any]) -> str:
    """Eight hexadecimal digits that name what determines a run's numbers.

    The order of keys does not matter.

    >>> config_hash({"seed": 1, "model": "a"}) == config_hash({"model": "a", "seed": 1})
    True
    >>> config_hash({"seed": 1})
    'fbe47f6d'
    """
    text = json.dumps(plain(dict(identity)), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def differences(old: Any, new: Any, key: str = "") -> list[str]:
    """Every key whose value differs, as "key: old -> new".

    >>> differences({"dose": 100, "seed": 1}, {"dose": 200, "seed": 1})
    ['dose: 100 -> 200']
    """
    if isinstance(old, dict) and isinstance(new, dict):
        lines = []
        for name in [*old, *(n for n in new if n not in old)]:
            path = f"{key}.{name}" if key else name
            if name not in old:
                lines.append(f"{path}: (not set) -> {_short(new[name])}")
            elif name not in new:
                lines.append(f"{path}: {_short(old[name])} -> (not set)")
            else:
                lines += differences(old[name], new[name], path)
        return lines
    return [] if old == new else [f"{key}: {_short(old)} -> {_short(new)}"]


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 70 else f"{text[:67]}..."


def check_folder(folder: Path, identity: Mapping[str, Any], *, resume: bool) -> dict[str, Any] | None:
    """The record of the same run that the folder holds already, or None if it is free.

    Args:
        identity: what determines the numbers and what is stored of them.

    Raises:
        StoreError: the folder holds another run, a finished or unfinished one without resume, or other files.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        what = "the run's folder is a file" if there == folder else "the run's folder would lie in a file"
        raise StoreError(what, where=str(there), do="choose another: out=FOLDER")
    if there != folder:
        return None
    record = read_json(folder / RUN_FILE)
    if record is None:
        _check_foreign(folder)
        return None
    if record.get("format") != FORMAT or "plan" not in record:
        raise StoreError(
            f"{RUN_FILE} has format {record.get('format')}, this twinsim writes {FORMAT}",
            where=str(folder / RUN_FILE),
            do="continue with the version that began the run, or choose another folder: out=FOLDER",
        )
    changed = differences(record.get("identity"), plain(dict(identity)))
    if changed:
        more = len(changed) - _SHOWN_DIFFERENCES
        shown = changed[:_SHOWN_DIFFERENCES] + ([f"and {more} more"] if more > 0 else [])
        raise StoreError(
            "the folder holds another run (key: there -> now):\n    " + "\n    ".join(shown),
            where=str(folder),
            do="choose another folder (out=FOLDER), set the keys back, or remove the folder",
        )
    if resume:
        return record
    if record.get("state") == "finished":
        raise StoreError(
            "this run is already finished",
            where=str(folder / RESULTS_FILE),
            do="open it with twinsim.open_results, type resume=true to check it, or choose out=FOLDER",
        )
    if not any((folder / SHARDS).glob("*.json")):
        return None  # nothing was finished, so nothing can be lost by starting over
    raise StoreError(
        f"this run was begun and is not finished (it is {record.get('state', 'unknown')})",
        where=str(folder),
        do="type resume=true to continue it, or choose another folder: out=FOLDER",
    )


def _check_foreign(folder: Path) -> None:
    """Refuse a folder with files that no run of ours left there; hidden files do not count."""
    found = sorted(p.name for p in folder.iterdir() if not p.name.startswith(".") and not p.name.endswith(TEMPORARY))
    if RUN_FILE in found:
        raise StoreError(
            f"{RUN_FILE} cannot be read, so it is unknown which run the folder holds",
            where=str(folder / RUN_FILE),
            do="choose another folder (out=FOLDER) or remove this one",
        )
    if found:
        raise StoreError(
            f"the folder is not empty and holds no run of ours: {', '.join(found[:5])}",
            where=str(folder),
            do="choose a new or empty folder: out=FOLDER",
        )


class RunRecord:
    """`run.json`: identity, state, times.

    Args:
        folder: the run's folder; it is made.
        content: what an earlier start left, or the first content.
    """

    def __init__(self, folder: Path, content: Mapping[str, Any]) -> None:
        self.path = folder / RUN_FILE
        self.content = {"format": FORMAT, "started": now(), **content}

    def update(self, **changes: Any) -> None:
        """Change some keys and write the file whole."""
        self.content.update(changes, updated=now())
        write_json(self.path, self.content)


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold the folder against a second process of the same run; the system lets go when this one ends.

    File systems without locks (some network ones) are used without.
    """
    with disk_errors(folder / RUN_FILE):
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(13, os.strerror(13), str(folder))
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(
                "another process is writing this run", where=str(folder), do="wait for it, or choose out=FOLDER"
            ) from None
        except OSError:
            pass
        yield
    finally:
        os.close(handle)
