"""A run's configuration as frozen dataclasses: what comes from YAML and the command line ends here.

Every key is checked before anything is computed, and every fault is told at once with its key.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from twinsim.errors import UsageError, nearest

# kind: of an experiment -> module experiments.<kind>; nothing else is ever imported by name.
KINDS = ("quickstart", "cohort_pk", "predict", "sweep")
# Keys that say nothing to a kind of experiment: setting one is refused, so that nobody waits for its effect.
WITHOUT_EFFECT = {
    "quickstart": ("typical", "parameters", "covariates", "sweep"),
    "cohort_pk": ("data", "columns", "calibrate", "sweep"),
    "predict": (
        "covariates",
        "population",
        "regimen",
        "times",
        "endpoints",
        "observed",
        "calibrate",
        "sweep",
        "save",
        "runner",
    ),  # fmt: skip
    "sweep": ("data", "columns", "calibrate"),
}
# Mappings whose keys the user chooses.
OPEN_KEYS = ("typical", "parameters", "covariates", "columns", "sweep.grid", "sweep.zip")


def _number(default: Any, least: float | None = None, above: float | None = None) -> Any:
    return field(default=default, metadata={"least": least, "above": above})


@dataclass(frozen=True)
class Population:
    """Who is simulated: `size` patients of a named source or of a table of covariates (a path)."""

    source: str = "adults"
    size: int = _number(1000, least=1)


@dataclass(frozen=True)
class RegimenKeys:
    """Arguments of `twinsim.regimen`; None leaves what the model's own example says."""

    amount: float | None = _number(None, above=0)
    unit: str | None = None
    per: Literal["kg", "m2"] | None = None
    interval: float | None = _number(None, above=0)
    count: int | None = _number(None, least=1)
    duration: float | None = _number(None, above=0)
    rate: float | None = _number(None, above=0)
    route: str | None = None
    start: float | None = None
    steady_state: bool | None = None

    def given(self) -> dict[str, Any]:
        """The keys that say something."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Times:
    """Sampling times [h]: a list, or `count` equal steps."""

    at: tuple[float, ...] | None = None
    start: float = _number(0.0, least=0)
    end: float | None = _number(None, above=0)
    count: int = _number(100, least=2)


@dataclass(frozen=True)
class Solver:
    """Tier and tolerances."""

    name: Literal["auto", "closed", "linear", "explicit"] = "auto"
    rtol: float | None = _number(None, above=0)
    max_steps: int | None = _number(None, least=1)

    def options(self) -> dict[str, Any]:
        """Tolerances that were given."""
        return {k: v for k, v in dataclasses.asdict(self).items() if v is not None and k != "name"}


@dataclass(frozen=True)
class Runner:
    """Where and in which pieces the run is computed."""

    name: Literal["local"] = "local"
    chunk: int | None = _number(None, least=1)
    shard: int | None = _number(None, least=1)
    filter: Literal["none", "gzip"] = "none"


@dataclass(frozen=True)
class Calibrate:
    """How parameters are fitted."""

    starts: int = _number(4, least=1)


@dataclass(frozen=True)
class Sweep:
    """Axes inside one job: name of a key -> its values."""

    grid: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    zip: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class RunConfig:
    """Everything that a run is told; the keys of conf/config.yaml."""

    kind: Literal["quickstart", "cohort_pk", "predict", "sweep"]
    experiment: str = ""
    help: str = ""
    title: str = ""
    model: str | None = None
    data: str | None = None
    out: str | None = None
    seed: int = _number(0, least=0)
    precision: Literal["float32", "float64"] = "float32"
    save: Literal["trajectories", "endpoints", "summary"] = "trajectories"
    resume: bool = False
    dry_run: bool = False
    progress: Literal["auto", "plain", "json", "none"] = "auto"
    report: bool = True
    debug: bool = False
    quiet: bool = False
    outputs: tuple[str, ...] | None = None
    endpoints: tuple[str, ...] = ("auc", "cmax", "tmax", "trough")
    observed: bool = False
    typical: Mapping[str, float] = field(default_factory=dict)
    parameters: Mapping[str, float] = field(default_factory=dict)
    covariates: Mapping[str, float] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    population: Population = Population()
    regimen: RegimenKeys = RegimenKeys()
    times: Times = Times()
    solver: Solver = Solver()
    runner: Runner = Runner()
    calibrate: Calibrate = Calibrate()
    sweep: Sweep = Sweep()


def from_mapping(values: Mapping[str, Any], experiment: str = "") -> RunConfig:
    """A checked configuration.

    >>> from_mapping({"kind": "cohort_pk", "population": {"size": "many"}})
    Traceback (most recent call last):
        ...
    twinsim.errors.UsageError: the configuration has a fault
      where: population.size: 'many' is not a whole number

    Args:
        values: nested mappings of plain values, as YAML gives them.
        experiment: its name, for the run's folder.

    Raises:
        UsageError: unknown keys, wrong types, values out of range; all of them in one error.
    """
    faults: list[str] = []
    values = {**values, "experiment": experiment}
    if "sweep" in values and isinstance(values["sweep"], Mapping):
        values["sweep"] = {k: _flat(v) if isinstance(v, Mapping) else v for k, v in values["sweep"].items()}
    config = _build(RunConfig, values, "", faults)
    if not faults:
        faults += _cross_checks(config)
    if faults:
        what = "the configuration has a fault" if len(faults) == 1 else f"the configuration has {len(faults)} faults"
        raise UsageError(what, where="\n         ".join(faults))
    return config


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as dotted keys: {"regimen": {"amount": [1]}} -> {"regimen.amount": [1]}."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


def known_keys(of: type = RunConfig, prefix: str = "") -> list[str]:
    """Every key by its path, e.g. population.size."""
    keys = []
    for name, kind in typing.get_type_hints(of).items():
        keys.append(f"{prefix}{name}")
        if dataclasses.is_dataclass(kind):
            keys += known_keys(typing.cast(type, kind), f"{prefix}{name}.")
    return keys


def _build(kind: Any, values: Any, path: str, faults: list[str]) -> Any:
    """A dataclass from a mapping; None where that cannot be."""
    if not isinstance(values, Mapping):
        faults.append(
            f"{path.rstrip('.')}: {values!r} is not a mapping; set its keys, e.g. {known_keys(kind, path)[0]}="
        )
        return None
    fields = {f.name: f for f in dataclasses.fields(kind)}
    hints = typing.get_type_hints(kind)
    for name in values:
        if name not in fields:
            faults.append(f"{path}{name}: unknown key; {nearest(f'{path}{name}', known_keys())}")
    arguments = {}
    for name, one in fields.items():
        if name in values:
            arguments[name] = _value(hints[name], values[name], f"{path}{name}", one.metadata, faults)
        elif one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING:
            faults.append(f"{path}{name}: missing; choose an experiment: +experiment=NAME")
    return None if faults else kind(**arguments)


def _value(kind: Any, value: Any, path: str, limits: Mapping[str, Any], faults: list[str]) -> Any:
    """A value of the wanted type; a fault and None where it is of another."""
    if dataclasses.is_dataclass(kind):
        return _build(kind, value, f"{path}.", faults)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        return _value(arguments[0], value, path, limits, faults)
    if origin is Literal:
        if value not in arguments:
            faults.append(f"{path}: {value!r} is not a choice; {nearest(str(value), arguments)}")
        return value
    if origin is tuple:
        if isinstance(value, str) or not isinstance(value, Iterable) or isinstance(value, Mapping):
            faults.append(f"{path}: {value!r} is not a list; write {path}=[a,b,c]")
            return None
        return tuple(_value(arguments[0], item, f"{path}[{i}]", {}, faults) for i, item in enumerate(value))
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            faults.append(f"{path}: {value!r} is not a mapping; set its keys: {path}.NAME=VALUE")
            return None
        return {str(k): _value(arguments[1], item, f"{path}.{k}", {}, faults) for k, item in value.items()}
    return _scalar(kind, value, path, limits, faults)


_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


def _scalar(kind: type, value: Any, path: str, limits: Mapping[str, Any], faults: list[str]) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = {
        int: is_number and float(value).is_integer(),
        float: is_number and abs(value) < float("inf"),
        bool: isinstance(value, bool),
        str: isinstance(value, str),
    }[kind]
    if kind is str and is_number:
        value, fits = str(value), True
    if not fits:
        faults.append(f"{path}: {value!r} is not {_WORDS[kind]}")
        return None
    value = kind(value)
    least, above = limits.get("least"), limits.get("above")
    if least is not None and value < least:
        faults.append(f"{path}: {value} is less than {least}")
    if above is not None and value <= above:
        faults.append(f"{path}: {value} is not above {above}")
    return value


def _cross_checks(config: RunConfig) -> list[str]:
    """What no single key can tell."""
    plain = RunConfig(config.kind)
    useless = [key for key in WITHOUT_EFFECT[config.kind] if getattr(config, key) != getattr(plain, key)]
    faults = [f"{key}: has no effect in {config.kind}; leave it out" for key in useless]
    times = config.times
    if times.at is not None:
        if not times.at or min(times.at) < 0:
            faults.append("times.at: give at least one time, none below 0")
        if any(b <= a for a, b in zip(times.at, times.at[1:], strict=False)):
            faults.append("times.at: times must increase, without a time twice")
    elif times.end is not None and times.end <= times.start:
        faults.append(f"times.end: {times.end} is not after times.start: {times.start}")
    if config.sweep.grid and config.sweep.zip:
        faults.append("sweep: give sweep.grid or sweep.zip, not both in one run")
    for name, values in [*config.sweep.grid.items(), *config.sweep.zip.items()]:
        if not values:
            faults.append(f"sweep: {name} has no values")
    if len({len(v) for v in config.sweep.zip.values()}) > 1:
        faults.append("sweep.zip: the lists must have the same length")
    if config.regimen.duration is not None and config.regimen.rate is not None:
        faults.append("regimen: give duration or rate of an infusion, not both")
    return faults
