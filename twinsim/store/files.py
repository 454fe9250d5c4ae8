"""Files that exist complete or not at all: temporary name, flush, fsync, rename; errors of the disk in words."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from twinsim.errors import StoreError

TEMPORARY = ".tmp"
_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}


def temporary(path: Path) -> Path:
    """The name under which a file is written before it is whole."""
    return path.with_name(path.name + TEMPORARY)


def put_in_place(path: Path) -> None:
    """Give the written temporary file its name, so that a crash of the machine cannot leave half of it."""
    _sync(temporary(path))
    os.replace(temporary(path), path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames and removals in a folder last, where the system can open folders."""
    if os.name == "posix":
        _sync(folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, content: Any) -> None:
    """Write JSON whole, replacing what was there."""
    with disk_errors(path):
        with open(temporary(path), "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1, sort_keys=False)
            file.write("\n")
        put_in_place(path)


def read_json(path: Path) -> dict[str, Any] | None:
    """The mapping in a JSON file; None where the file is missing or is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def sha256(path: Path) -> str:
    """Checksum of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_temporary(folder: Path) -> None:
    """Remove what a killed run left half-written."""
    for path in sorted(folder.glob(f"*{TEMPORARY}")):
        path.unlink(missing_ok=True)


class CarefulFile:
    """A new binary file that notes the disk's first error and pretends success from then on.

    HDF5 cannot close a file whose last writes fail: it keeps it open and crashes the process at its end. Given this
    file to write to, it closes in order; whoever uses it calls `check` and forgets the file if that raises.
    """

    def __init__(self, path: Path) -> None:
        self.raw = open(path, "w+b", buffering=0)
        self.error: OSError | None = None
        self.size = self.position = 0

    def check(self) -> None:
        """Raise the first error there was."""
        if self.error is not None:
            raise self.error

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self.position = offset + {os.SEEK_SET: 0, os.SEEK_END: self.size}[whence]
        return self.position

    def tell(self) -> int:
        return self.position

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        self._try(self._write_all, view)
        self.position += len(view)
        self.size = max(self.size, self.position)
        return len(view)

    def _write_all(self, view: memoryview) -> None:
        self.raw.seek(self.position)
        done = 0
        while done < len(view):  # a disk that is nearly full takes a part
            done += self.raw.write(view[done:])

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        view[:] = bytes(len(view))
        self._try(lambda: (self.raw.seek(self.position), self.raw.readinto(view)))
        self.position += len(view)
        return len(view)

    def read(self, count: int) -> bytes:
        buffer = bytearray(count)
        self.readinto(buffer)
        return bytes(buffer)

    def truncate(self, size: int | None = None) -> int:
        self.size = self.position if size is None else size
        self._try(self.raw.truncate, self.size)
        return self.size

    def flush(self) -> None:
        """Nothing is buffered here."""

    def close(self) -> None:
        self._try(self.raw.close)

    def _try(self, act: Callable[..., Any], *arguments: Any) -> None:
        if self.error is None or act == self.raw.close:
            try:
                act(*arguments)
            except OSError as error:
                self.error = self.error or error


class DiskError(StoreError):
    """The disk refuses: it is full, or may not be written. Nothing else of the run can be stored either."""


@contextmanager
def disk_errors(path: Path, kept: str = "") -> Iterator[None]:
    """Turn a refusal of the disk into words and remove the temporary file that was being written.

    Args:
        path: the file that was to be written.
        kept: what of the run is safe, for the message.
    """
    try:
        yield
    except BaseException as error:
        # A SIGKILL skips this; the next start removes what is left.
        try:
            temporary(path).unlink(missing_ok=True)
        except OSError:
            pass
        cause = _system_error(error)
        if cause is None:
            raise
        raise _in_words(cause, path, kept) from error


def _system_error(error: BaseException | None) -> OSError | None:
    """The disk's own error at the root of this one, if there is one."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL | _DENIED:
            return error
        error = error.__cause__ or error.__context__
    return None


def _in_words(error: OSError, path: Path, kept: str) -> DiskError:
    if error.errno in _FULL:
        return DiskError(
            "the disk is full" if error.errno == errno.ENOSPC else "a file has reached the size the system allows",
            where=str(path),
            why=f"{os.strerror(error.errno or 0)}; {kept or 'nothing half-written was left'}",
            do="free space, or save less (save=endpoints or save=summary), then type the same with resume=true",
        )
    return DiskError(
        f"cannot write in {path.parent}",
        where=str(path),
        why=f"{os.strerror(error.errno or 0)}; {kept or 'nothing half-written was left'}",
        do="choose a folder that you may write in: out=FOLDER",
    )
