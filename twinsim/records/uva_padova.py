"""Virtual patients of the UVA/Padova simulator of type 1 diabetes (2008), from the table that simglucose publishes."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from twinsim.errors import DataError

# parameter of organs/glucose_type1 -> column of vpatient_params.csv; what else stands there follows from these
COLUMNS = {
    "bw": "BW", "gb": "Gb", "ib": "Ib", "egpb": "EGPb", "vg": "Vg", "k1": "k1", "k2": "k2", "vi": "Vi", "m1": "m1",
    "m2": "m2", "m4": "m4", "heb": "HEb", "kmax": "kmax", "kmin": "kmin", "kabs": "kabs", "f": "f", "b": "b", "d": "d",
    "kp2": "kp2", "kp3": "kp3", "ki": "ki", "fcns": "Fsnc", "vmx": "Vmx", "km0": "Km0", "p2u": "p2u", "ke1": "ke1",
    "ke2": "ke2", "kd": "kd", "ka1": "ka1", "ka2": "ka2", "ksc": "ksc",
}  # fmt: skip


class VirtualPatients(NamedTuple):
    """Names such as adult#001 (patient), and parameters of organs/glucose_type1 by name (patient)."""

    names: tuple[str, ...]
    parameters: dict[str, np.ndarray]


def read_uva_padova(path: str | Path) -> VirtualPatients:
    """The patients of a table like simglucose's params/vpatient_params.csv (30 of them: adolescents, adults, children).

    The file is not part of twinsim: it comes with the Python package simglucose (MIT licence, Xie 2018).

    Raises:
        DataError: no such file, or columns that are missing.
    """
    if not Path(path).is_file():
        do = "pip download simglucose, and name its params/vpatient_params.csv"
        raise DataError("there is no table of virtual patients", where=str(path), do=do)
    table = pd.read_csv(path)
    missing = [column for column in ("Name", *COLUMNS.values()) if column not in table]
    if missing:
        raise DataError(f"the table has no column {', '.join(missing)}", where=str(path))
    values = {name: table[column].to_numpy(np.float64) for name, column in COLUMNS.items()}
    return VirtualPatients(tuple(str(name) for name in table["Name"]), values)
