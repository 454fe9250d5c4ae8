"""What a result is made of: named variables over named dimensions, and the coordinates of those dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kernels import status
from twinsim.errors import StoreError

# The order of dimensions in every file (DESIGN section 5); others, such as station, come after these.
DIMENSIONS = ("scenario", "arm", "replicate", "patient", "quantile", "occasion", "time", "record")
# A variable over one of these is a trajectory; `save=endpoints` leaves it out.
TRAJECTORY_DIMENSIONS = frozenset({"time", "record"})
# The store's own status: the shard of this patient was never finished, so that there are no numbers at all.
NOT_COMPUTED = 127


@dataclass(frozen=True)
class Variable:
    """One array of a result: what it is called, over which dimensions it lies, in which unit.

    Args:
        name: as in the file, e.g. "concentration".
        dims: dimension names in file order, e.g. ("patient", "time") or ("scenario", "patient", "time").
        dtype: NumPy type of the numbers: floats and integers; bool is stored as int8.
        units: symbol as in "mg/L", "h", "1".
        long_name: in words.
        attributes: more attributes (texts, numbers, short arrays).
        group: "" for the root, "parameters", "covariates", "endpoints", "summary", "etas", "fit", ...

    >>> Variable("auc", ("patient",), "float32", "mg*h/L", "area under the curve", group="endpoints").key
    'endpoints/auc'
    """

    name: str
    dims: tuple[str, ...]
    dtype: Any
    units: str
    long_name: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    group: str = ""

    def __post_init__(self) -> None:
        dtype = np.dtype(self.dtype)
        if dtype == np.bool_:
            dtype = np.dtype(np.int8)
            flags = {"flag_values": np.array([0, 1], np.int8), "flag_meanings": "false true"}
            object.__setattr__(self, "attributes", {**flags, **self.attributes})
        if dtype.kind not in "fiu" or dtype.itemsize < 1 or dtype == np.float16:
            raise StoreError(
                f"variable {self.name} cannot be stored as {dtype}",
                why="netCDF readers know float32, float64 and integers",
                do="store a category as an integer with flag_values and flag_meanings, float16 as float32",
            )
        object.__setattr__(self, "dtype", dtype)
        object.__setattr__(self, "dims", tuple(self.dims))
        check_name(self.name)
        known = [DIMENSIONS.index(dim) for dim in self.dims if dim in DIMENSIONS]
        if known != sorted(known) or len(set(self.dims)) != len(self.dims):
            raise StoreError(
                f"the dimensions of {self.name} are in the wrong order: {', '.join(self.dims)}",
                why=f"every file has them in this order: {', '.join(DIMENSIONS)}",
            )

    @property
    def key(self) -> str:
        """The name with its group, as in the file and in what `Job.compute` returns."""
        return f"{self.group}/{self.name}" if self.group else self.name

    @property
    def is_per_patient(self) -> bool:
        return "patient" in self.dims

    @property
    def is_trajectory(self) -> bool:
        return bool(TRAJECTORY_DIMENSIONS.intersection(self.dims))

    @property
    def fill(self) -> Any:
        """What stands where nothing was computed: NaN, `NOT_COMPUTED` in a status, -1 or the largest integer."""
        if self.dtype.kind == "f":
            return self.dtype.type(np.nan)
        if self.name == "status":
            return self.dtype.type(NOT_COMPUTED)
        return self.dtype.type(-1 if self.dtype.kind == "i" else np.iinfo(self.dtype).max)


@dataclass(frozen=True)
class Coordinate:
    """Values along a dimension other than patient.

    Args:
        values: one per point of the dimension: numbers or texts.
        units: symbol; "" for texts. Never with "since" in it unless it is a date.
        long_name: in words, e.g. "time after first dose".
        attributes: more attributes.
        dim: the dimension it lies along; "" for the dimension of its own name. The swept values of a sweep are
            coordinates with dim="scenario".
    """

    values: Any
    units: str
    long_name: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    dim: str = ""

    @property
    def array(self) -> np.ndarray:
        """The values as a 1-D array; texts as objects, which HDF5 stores with their own lengths."""
        values = np.asarray(self.values)
        if values.ndim != 1:
            raise StoreError(f"a coordinate has one axis, this has {values.ndim}", where=self.long_name)
        if values.dtype == np.bool_:
            return values.astype(np.int8)
        return values.astype(object) if values.dtype.kind in "US" else values


def status_variable(dims: tuple[str, ...] = ("patient",)) -> Variable:
    """The variable that says for each patient whether its numbers can be used, with CF flags.

    >>> status_variable().attributes["flag_meanings"].split()[0]
    'ok'
    """
    codes = {**status.NAMES, NOT_COMPUTED: "not_computed"}
    attributes = {
        "flag_values": np.array(list(codes), np.int8),
        "flag_meanings": " ".join(codes.values()),
    }
    return Variable("status", dims, np.int8, "1", "solver status of the patient", attributes)


def check_name(name: str) -> None:
    """Refuse a name that HDF5 or netCDF readers would take for a path or cannot hold."""
    if not name or "/" in name or name != name.strip() or name in {".", ".."} or "\x00" in name:
        raise StoreError(f"{name!r} is no name for a variable", do="use letters, digits and underscores")


def rows_first(array: np.ndarray, variable: Variable) -> np.ndarray:
    """A device array, patient last, as a view in file order.

    Args:
        array: e.g. (time, patient) or (scenario, time, patient).

    Returns:
        the same memory with the axes of `variable.dims`, e.g. (patient, time).

    >>> v = Variable("x", ("scenario", "patient", "time"), "float32", "1", "x")
    >>> rows_first(np.zeros((2, 5, 9), "f4"), v).shape
    (2, 9, 5)
    """
    if array.ndim != len(variable.dims):
        raise StoreError(
            f"{variable.key} has {array.ndim} axes, its dimensions are ({', '.join(variable.dims)})",
            do="return arrays with the patient as last axis",
        )
    return np.moveaxis(array, -1, variable.dims.index("patient"))
