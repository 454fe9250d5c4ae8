"""Endpoints by name: what is asked for, and what it means in a results file.

Area, peak and levels are found while the states go by (`kernels.watching`), between output times and at every event;
how dense the outputs are does not matter. The trough and the half-life are those of the outputs; the area to infinity
adds to the area found on the way what lies beyond the last output.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from jax import Array

from kernels import endpoints as kernel
from kernels.between import Found, Watch
from twinsim.errors import UsageError, nearest
from twinsim.models.structure import Port

# name -> (long name, needs a level, unit: "time", "output" or "output time")
KNOWN = {
    "auc": ("area under the curve from the first output time to the last", False, "output time"),
    "auc_inf": ("area under the curve from the first output time to infinity, by the half-life", False, "output time"),
    "cmax": ("largest value from the first output time to the last", False, "output"),
    "tmax": ("first time of the largest value, between output times too", False, "time"),
    "trough": ("smallest value at the output times from the peak after the last planned dose on", False, "output"),
    "half_life": ("half-life of the last decline at the output times after the last planned dose", False, "time"),
    "time_above": ("time above the level from the first output time to the last", True, "time"),
    "first_above": ("when the level is first reached; inf if never", True, "time"),
}


WATCHED = ("auc", "auc_inf", "cmax", "tmax", "time_above", "first_above")


@dataclass(frozen=True)
class Endpoint:
    """One number per patient from one output.

    Attributes:
        kind: a key of KNOWN.
        level: for time_above and first_above, in the output's unit.
    """

    kind: str
    level: float | None = None

    def name(self, output: str, several: bool) -> str:
        """E.g. cmax, time_above_10, or concentration_cmax where several outputs have endpoints."""
        level = "" if self.level is None else f"_{self.level:g}".replace(".", "p").replace("-", "minus")
        return f"{output}_{self.kind}{level}" if several else f"{self.kind}{level}"

    def unit(self, output: Port, time: str) -> str:
        """Its unit; that of an area reads mg*h/L rather than mg/L*h."""
        top, slash, bottom = output.unit.partition("/")
        area = time if output.unit == "1" else f"{top}*{time}{slash}{bottom}"
        return {"time": time, "output": output.unit, "output time": area}[KNOWN[self.kind][2]]

    def meaning(self, output: Port) -> str:
        """In words."""
        level = "" if self.level is None else f" of {self.level:g} {output.unit}"
        return f"{output.meaning}: {KNOWN[self.kind][0].replace('the level', f'the level{level}')}"

    @property
    def is_watched(self) -> bool:
        """Whether it is found while the states go by, wherever the outputs are."""
        return self.kind in WATCHED

    def found(self, found: Found, watch: Watch) -> Array:
        """Its value for each patient, from what was watched, to the last output (patient)."""
        if self.kind in ("auc", "auc_inf"):
            return found.area[0]
        if self.kind in ("cmax", "tmax"):
            return found.peak[self.kind == "tmax"]
        assert self.level is not None
        spent, _, first = found.above[watch.levels.index(self.level)]
        return spent if self.kind == "time_above" else first

    @property
    def has_rest(self) -> bool:
        """Whether something lies beyond the last output."""
        return self.kind == "auc_inf"

    def rest(self, curve: Array, times: Array, last_dose: Array) -> Array:
        """What lies beyond the last output, for each patient: (time, patient) -> (patient)."""
        return kernel.beyond(curve, times, last_dose)

    def of(self, curve: Array, times: Array, last_dose: Array) -> Array:
        """Its value for each patient from its curve alone, linear between times: (time, patient) -> (patient)."""
        if self.kind == "auc":
            return kernel.auc(curve, times)
        if self.kind == "auc_inf":
            return kernel.auc(curve, times) + kernel.beyond(curve, times, last_dose)
        if self.kind == "half_life":
            return kernel.half_life(curve, times, last_dose)
        if self.kind == "cmax":
            return kernel.cmax(curve)
        if self.kind == "tmax":
            return kernel.tmax(curve, times)
        if self.kind == "trough":
            return kernel.trough(curve, times, last_dose)
        level = kernel.jnp.asarray(self.level, curve.dtype)
        return {"time_above": kernel.time_above, "first_above": kernel.first_above}[self.kind](curve, times, level)


def watch_of(endpoints: Sequence[Endpoint]) -> Watch | None:
    """What is watched for these endpoints; None: nothing."""
    kinds = {item.kind for item in endpoints if item.is_watched}
    levels = {item.level for item in endpoints if item.is_watched and item.level is not None}
    return (
        Watch(bool(kinds & {"auc", "auc_inf"}), bool(kinds & {"cmax", "tmax"}), tuple(sorted(levels)))
        if kinds
        else None
    )


def read_endpoint(text: str) -> Endpoint:
    """An endpoint as it is written in a config.

    >>> read_endpoint("time_above:10")
    Endpoint(kind='time_above', level=10.0)

    Raises:
        UsageError: an unknown name, a level that is missing, superfluous or no number.
    """
    kind, _, level = text.partition(":")
    if kind not in KNOWN:
        raise UsageError(f"unknown endpoint {kind!r}", where="endpoints", do=nearest(kind, KNOWN))
    if KNOWN[kind][1] != bool(level):
        hint = f"write {kind}:10, say" if KNOWN[kind][1] else f"write {kind}"
        what = f"endpoint {text!r} {'needs a' if KNOWN[kind][1] else 'has no'} level"
        raise UsageError(what, where="endpoints", do=hint)
    if not level:
        return Endpoint(kind)
    try:
        value = float(level)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        hint = f"write {kind}:10, say, in the output's unit"
        raise UsageError(f"the level of {text!r} is no number", where="endpoints", do=hint)
    return Endpoint(kind, value)
