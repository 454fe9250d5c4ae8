"""Empty shards: made once for each length, dataset by dataset; every shard begins as a copy."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import h5py
import numpy as np

from twinsim.store.files import CarefulFile
from twinsim.store.layout import Layout, create, describe


class Blanks:
    """Shards of one layout, ready for rows.

    Thirty datasets with their scales and attributes take as long to make as their numbers to compute.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.made: dict[int, bytes] = {}

    def begun(self, disk: CarefulFile, ids: np.ndarray) -> h5py.File:
        """A shard in an empty file.

        Args:
            ids: of its patients (patient).
        """
        if len(ids) not in self.made:
            self.made[len(ids)] = self._blank(len(ids))
        disk.write(self.made[len(ids)])
        disk.check()  # HDF5 would not know why it cannot read what is not there
        file = h5py.File(disk, "r+")
        stored: Any = file.get("patient")
        if stored is not None:
            stored[...] = np.asarray(ids, np.int64)
        return file

    def _blank(self, rows: int) -> bytes:
        memory = BytesIO()
        with h5py.File(memory, "w") as file:
            describe(file, self.layout, np.zeros(rows, np.int64))
            for variable in self.layout.variables:
                create(file, self.layout, variable, rows)
        return memory.getvalue()
