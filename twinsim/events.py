"""The one table of everything that happens to patients, and its padded form for the kernels.

A row says: this patient (-1: everyone), at this time, this kind of thing, to this target, this much, for so long.

    add     the amount `value` at once                 rate    the amount `value` over `duration`, or at `rate`
    set     the state becomes `value`                  scale   the state is multiplied by `value`
    reset   every state and every infusion is ended (NONMEM's EVID 3)

`interval` and `additional` repeat a dose, `steady` (1: replacing, 2: on top) puts the patient at the steady state of
that repetition; rows of equal time happen in the order of the table. Source: NONMEM 7 help, items AMT RATE ADDL II SS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from twinsim.errors import DataError, ModelError, nearest
from twinsim.models.structure import Route, Structure

KINDS = ("add", "rate", "set", "scale", "reset")
ADD, RATE, SET, SCALE, RESET = range(5)
PER = ("", "kg", "m2")  # what an amount is multiplied by: nothing, weight, body surface area
MODELLED_RATE, MODELLED_DURATION = -1.0, -2.0


@dataclass(frozen=True)
class Events:
    """Rows of events; every field an array (row) unless said otherwise.

    Attributes:
        patient: number of the patient, int64; -1 for everyone.
        time: [h].
        kind: index into KINDS.
        target: index into `targets`; -1 for a reset.
        value: amount, in the unit of the target's state (times weight or body surface area, see `per`).
        duration: of an infusion [h], nan where it is not given.
        rate: of an infusion [amount/h], nan where it is not given; -1, -2: the route's modelled rate, duration.
        interval, additional: dosing interval [h] and number of further doses.
        steady: 0, 1 or 2.
        per: index into PER.
        targets: names of routes, states or compartment numbers (tuple of str).
    """

    patient: np.ndarray
    time: np.ndarray
    kind: np.ndarray
    target: np.ndarray
    value: np.ndarray
    duration: np.ndarray
    rate: np.ndarray
    interval: np.ndarray
    additional: np.ndarray
    steady: np.ndarray
    per: np.ndarray
    targets: tuple[str, ...] = ()

    @staticmethod
    def of(rows: Sequence[dict]) -> Events:
        """From rows as mappings; items left out take their neutral value.

        >>> Events.of([dict(time=0.0, kind="add", target="oral", value=100.0)]).targets
        ('oral',)
        """
        targets = tuple(dict.fromkeys(str(row["target"]) for row in rows if row.get("target") is not None))
        default = dict(
            patient=-1, value=0.0, duration=np.nan, rate=np.nan, interval=0.0, additional=0, steady=0, per=""
        )
        table: dict[str, list] = {f.name: [] for f in fields(Events) if f.name != "targets"}
        for row in rows:
            strangers = [name for name in row if name not in table]
            if strangers:
                raise DataError(f"an event has no {strangers[0]!r}", do=nearest(strangers[0], table))
            missing = [name for name in ("time", "kind") if name not in row]
            if missing:
                raise DataError(f"an event has no {missing[0]}", where=str(row), do=f"add {missing[0]}=")
            full = {**default, **row}
            if full["kind"] not in KINDS:
                raise DataError(f"unknown kind of event {full['kind']!r}", do=nearest(str(full["kind"]), KINDS))
            if full["per"] not in PER:
                raise DataError(f"amounts per {full['per']!r} are unknown", do="per must be kg, m2 or nothing")
            full["kind"] = KINDS.index(full["kind"])
            full["per"] = PER.index(full["per"])
            full["target"] = targets.index(str(full["target"])) if full.get("target") is not None else -1
            for name, column in table.items():
                column.append(full[name])
        return Events(**{name: _column(name, values) for name, values in table.items()}, targets=targets)

    def __add__(self, other: Events) -> Events:
        """Both tables; where times are equal, this one's rows come first."""
        targets = tuple(dict.fromkeys((*self.targets, *other.targets)))
        parts = []
        for table in (self, other):
            number = np.asarray([targets.index(name) for name in table.targets] or [0])
            parts.append(replace(table, target=np.where(table.target < 0, -1, number[np.maximum(table.target, 0)])))
        columns = {
            f.name: np.concatenate([getattr(part, f.name) for part in parts])
            for f in fields(Events)
            if f.name != "targets"
        }
        return Events(**columns, targets=targets)

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.time)

    @property
    def shared(self) -> bool:
        """True if everything happens to everyone."""
        return bool((self.patient < 0).all())

    def check(self, structure: Structure) -> None:
        """Refuse what no patient can be given.

        Raises:
            DataError: a time, amount or repetition that makes no sense, naming row and item.
            ModelError: a target the structure does not have.
        """
        routes = [target_route(structure, name) for name in self.targets]
        for wrong, item, rule in self._rules():
            if wrong.any():
                row = int(np.argmax(wrong))
                value = getattr(self, item)[row]
                text = KINDS[value] if item == "kind" else f"{value:g}"
                raise DataError(f"{item} {rule}", where=f"event {row + 1}: {item} = {text}")
        for code, name in ((MODELLED_RATE, "rate"), (MODELLED_DURATION, "duration")):
            for row in np.flatnonzero(self.rate == code):
                route = routes[self.target[row]]
                if getattr(route, name) is None:
                    raise ModelError(
                        f"route {route.name} of {structure.name} has no modelled {name}",
                        where=f"event {row + 1}: rate = {code:g}",
                        do=f"give the rate or the duration, or name a parameter in the route: {name}=...",
                    )

    def _rules(self) -> tuple[tuple[np.ndarray, str, str], ...]:
        """Rows that break a rule, the item that does, and the rule."""
        dose, acts = (self.kind == ADD) | (self.kind == RATE), self.kind != RESET
        given_rate, given_duration = ~np.isnan(self.rate), ~np.isnan(self.duration)
        modelled = np.isin(self.rate, (MODELLED_RATE, MODELLED_DURATION))
        constant = (self.steady > 0) & (self.value == 0) & ((self.rate > 0) | (self.rate == MODELLED_RATE))
        infusion = self.kind == RATE
        return (
            (~np.isfinite(self.time), "time", "is not a finite number"),
            (self.patient < -1, "patient", "must be a patient's number, or -1 for everyone"),
            (acts & (self.target < 0), "target", "is missing: name a route, a state or a compartment"),
            (dose & ~(self.value >= 0) | acts & ~np.isfinite(self.value), "value", "must be 0 or more, and finite"),
            (
                given_rate & ~modelled & ~_positive(self.rate),
                "rate",
                "must be above 0, or -1 or -2 where it is modelled",
            ),
            (given_duration & ~_positive(self.duration), "duration", "must be above 0"),
            (given_rate & given_duration, "duration", "and rate are both given: leave one of them out"),
            (~infusion & (given_rate | given_duration), "kind", "must be rate for what takes time"),
            (self.additional < 0, "additional", "must be 0 or more"),
            ((self.additional > 0) & ~_positive(self.interval), "interval", "must be above 0 for additional doses"),
            (~np.isin(self.steady, (0, 1, 2)), "steady", "must be 0, 1 (replacing) or 2 (on top)"),
            (
                (self.steady > 0) & ~_positive(self.interval) & ~constant,
                "interval",
                "must be above 0 for a steady state",
            ),
            (infusion & ~given_rate & ~given_duration, "duration", "or a rate is needed by an infusion"),
        )


def _positive(values: np.ndarray) -> np.ndarray:
    return (values > 0) & np.isfinite(values)


def _column(name: str, values: list) -> np.ndarray:
    """A column of the table; a fraction where only whole numbers make sense is refused, not cut off."""
    array = np.asarray(values, np.float64)
    wrong = array != np.round(array)
    if name in _DTYPES and wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(f"{name} must be a whole number", where=f"event {row + 1}: {name} = {values[row]}")
    return array.astype(_DTYPES.get(name, np.float64))


_DTYPES = {
    "patient": np.int64,
    "kind": np.int8,
    "target": np.int32,
    "additional": np.int64,
    "steady": np.int8,
    "per": np.int8,
}


def target_route(structure: Structure, name: str) -> Route:
    """The route a target names: a route, a state, or a compartment number.

    Raises:
        ModelError: the structure has none of that name or number.
    """
    if name.lstrip("-").isdigit():
        return structure.compartment(int(name))
    try:
        return structure.route(name)
    except ModelError as error:
        raise ModelError(error.what, where=error.where, do=error.do) from None
