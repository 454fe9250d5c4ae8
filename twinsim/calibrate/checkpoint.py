"""What a fit has computed so far, in a folder: a fit that was killed goes on from there to the same bits.

    fit.json         what determines the fit's numbers; another fit is refused
    <name>.npz       arrays, each file written whole or not at all

A search asks for its evaluations one by one. Those that are there are taken as they are, so that it walks the same way
up to where it was killed.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from twinsim.errors import DataError, UsageError
from twinsim.store.files import disk_errors, put_in_place, read_json, remove_temporary, temporary, write_json
from twinsim.store.folder import differences, plain

Arrays = dict[str, np.ndarray]


class Checkpoint:
    """Arrays by name, kept in a folder.

    Args:
        folder: made if it is not there.
        identity: everything that determines the fit's numbers, as JSON data.

    Raises:
        UsageError: the folder belongs to another fit.
    """

    def __init__(self, folder: str | Path, identity: Mapping[str, Any]) -> None:
        self.folder = Path(folder)
        path = self.folder / "fit.json"
        with disk_errors(path):
            self.folder.mkdir(parents=True, exist_ok=True)
            remove_temporary(self.folder)
        known, asked = read_json(path), plain(dict(identity))
        if known is None:
            for old in self.folder.glob("*.npz"):
                raise UsageError(f"{old.name} is there, and nothing says of which fit", where=str(self.folder), do=_DO)
            write_json(path, asked)
        elif changed := differences(known, asked):
            what = "the folder belongs to another fit"
            raise UsageError(what, where=str(self.folder), why="\n       ".join(changed), do=_DO)

    def recall(self, name: str) -> Arrays | None:
        """What was kept under a name; None if nothing was.

        Raises:
            DataError: a file that cannot be read.
        """
        path = self.folder / f"{name}.npz"
        if not path.exists():
            return None
        try:
            with np.load(path, allow_pickle=False) as file:
                return {key: file[key] for key in file.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise DataError("a checkpoint cannot be read", where=str(path), why=str(error), do="remove it") from error

    def keep(self, name: str, arrays: Arrays) -> None:
        """Keep arrays under a name, in place of what was there."""
        path = self.folder / f"{name}.npz"
        with disk_errors(path, kept="what was computed before is kept"):
            with open(temporary(path), "wb") as file:
                # NumPy 2.0 would store allow_pickle=False as one more array.
                whole: Any = arrays
                np.savez(file, **whole)
            put_in_place(path)


_DO = "choose another folder, or remove this one"
