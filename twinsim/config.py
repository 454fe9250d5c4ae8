"""A run's configuration as frozen dataclasses: what comes from YAML and the command line ends here.

Every key is checked before anything is computed, and every fault is told at once with its key.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Literal

from twinsim.endpoints import read_endpoint
from twinsim.errors import UsageError
from twinsim.kinds import WITHOUT_EFFECT, Kind
from twinsim.typed import build, keys_of, number

# Mappings whose keys the user chooses.
OPEN_KEYS = (
    "typical",
    "parameters",
    "covariates",
    "population.conditions",
    "inputs",
    "between_patients",
    "columns",
    "interpolation",
    "dvid",
    "lloq",
    "sweep.grid",
    "sweep.zip",
)


@dataclass(frozen=True)
class Population:
    """Who is simulated: `size` patients of a named source or of a table of covariates (a path).

    mode: resample draws rows of a table, as_is takes its patients as they are, all of them where size is None.
    conditions: of whole patients, name -> severity 0 to 1 of everyone; prevalence: others are drawn by how many people
        have them.
    cirrhosis, ckd: Child-Pugh class and stage of everyone, who then gets an anatomy: `population.with_anatomy`.
    """

    source: str = "adults"
    size: int | None = number(1000, least=1, most=10**12)
    mode: Literal["resample", "as_is"] = "resample"
    cirrhosis: int | None = number(None, least=0, most=3)
    ckd: int | None = number(None, least=0, most=5)
    conditions: Mapping[str, float] = field(default_factory=dict)
    prevalence: bool = False


@dataclass(frozen=True)
class RegimenKeys:
    """Arguments of `twinsim.regimen`; None leaves what the model's own example says."""

    amount: float | None = number(None, above=0)
    unit: str | None = None
    per: Literal["kg", "m2"] | None = None
    interval: float | None = number(None, above=0)
    count: int | None = number(None, least=1, most=100_000)
    duration: float | None = number(None, above=0)
    rate: float | None = number(None, above=0)
    route: str | None = None
    start: float | None = None
    steady_state: bool | None = None

    def given(self) -> dict[str, Any]:
        """The keys that say something."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Perpetrator:
    """A drug that acts on the enzymes of another one, and its doses."""

    drug: str | None = None
    amount: float | None = number(None, above=0)
    unit: str | None = None
    interval: float | None = number(None, above=0)
    count: int | None = number(None, least=1, most=100_000)
    route: str | None = None
    start: float | None = None

    def regimen(self) -> RegimenKeys:
        """The doses alone."""
        keys = dataclasses.asdict(self)
        return RegimenKeys(**{name: value for name, value in keys.items() if name != "drug"})


@dataclass(frozen=True)
class Times:
    """Sampling times [h]: a list, or `count` equal steps."""

    at: tuple[float, ...] | None = None
    start: float = number(0.0, least=0)
    end: float | None = number(None, above=0)
    count: int = number(100, least=2, most=1_000_000)


@dataclass(frozen=True)
class Solver:
    """Tier and tolerances."""

    name: Literal["auto", "closed", "linear", "explicit", "stiff"] = "auto"
    rtol: float | None = number(None, above=0, most=0.1)
    max_steps: int | None = number(None, least=1, most=2**31 - 1)
    dense: bool | None = None

    def options(self) -> dict[str, Any]:
        """Tolerances that were given."""
        return {k: v for k, v in dataclasses.asdict(self).items() if v is not None and k != "name"}


@dataclass(frozen=True)
class Runner:
    """Where and in which pieces the run is computed."""

    name: Literal["local"] = "local"
    chunk: int | None = number(None, least=1)
    shard: int | None = number(None, least=1)
    filter: Literal["none", "gzip"] = "none"


@dataclass(frozen=True)
class Calibrate:
    """How parameters are fitted."""

    starts: int = number(4, least=1, most=1000)
    covariance: Literal["as_is", "diagonal", "full"] = "as_is"
    variance: float | None = number(None, above=0)
    standard_errors: Literal["sandwich", "r", "s"] | None = "sandwich"
    nodes: int | None = number(None, least=1, most=100_000)
    max_steps: int = number(300, least=1, most=100_000)
    optimiser: Literal["bfgs", "lbfgs", "adam"] = "bfgs"
    bootstrap: int = number(0, least=0, most=100_000)
    strata: str | None = None
    studies: int = number(200, least=2, most=100_000)


@dataclass(frozen=True)
class Cells:
    """Cells of patients' hearts: how many patients have one, how many beats, and from one to the next [ms]."""

    patients: int = number(200, least=1, most=1_000_000)
    beats: int = number(50, least=1, most=10_000)
    cycle: float = number(2000.0, above=0, most=1e5)


@dataclass(frozen=True)
class Sweep:
    """Axes inside one job: name of a key -> its values."""

    grid: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    zip: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class RunConfig:
    """Everything that a run is told; the keys of conf/config.yaml."""

    kind: Kind
    experiment: str = ""
    help: str = ""
    title: str = ""
    needs: str = ""
    model: str | None = None
    drug: str | None = None
    organs: tuple[str, ...] | None = None
    stages: tuple[str, ...] = ()
    data: str | None = None
    out: str | None = None
    start: Literal["equilibrium"] | None = None
    settle: float = number(0.0, least=0, most=1e6)
    seed: int = number(0, least=0, most=2**32 - 1)
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
    occasions: tuple[float, ...] = ()
    typical: Mapping[str, float] = field(default_factory=dict)
    parameters: Mapping[str, float] = field(default_factory=dict)
    covariates: Mapping[str, float] = field(default_factory=dict)
    events: tuple[Mapping[str, str], ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    between_patients: Mapping[str, str] = field(default_factory=dict)
    between_patients_source: str = "assumed"
    columns: Mapping[str, str] = field(default_factory=dict)
    interpolation: Mapping[str, str] = field(default_factory=dict)
    dvid: Mapping[str, str | None] = field(default_factory=dict)
    lloq: Mapping[str, float] = field(default_factory=dict)
    method: Literal["fo", "foce", "focei", "laplace", "agq", "imp", "saem"] = "focei"
    population: Population = Population()
    regimen: RegimenKeys = RegimenKeys()
    perpetrator: Perpetrator = Perpetrator()
    times: Times = Times()
    solver: Solver = Solver()
    runner: Runner = Runner()
    calibrate: Calibrate = Calibrate()
    cells: Cells = Cells()
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
    for name in ("columns", "typical"):
        if isinstance(values.get(name), Mapping):
            values[name] = _flat(values[name])
    config = build(RunConfig, values, faults)
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


def known_keys() -> list[str]:
    """Every key by its path, e.g. population.size."""
    return keys_of(RunConfig)


def _cross_checks(config: RunConfig) -> list[str]:
    """What no single key can tell."""
    plain = RunConfig(config.kind)
    useless = [key for key in WITHOUT_EFFECT[config.kind] if attrgetter(key)(config) != attrgetter(key)(plain)]
    faults = [f"{key}: has no effect in {config.kind}; leave it out" for key in useless]
    if config.population.size is None and config.population.mode == "resample":
        faults.append("population.size: say how many patients, e.g. population.size=1000")
    if config.kind == "simulate_and_refit" and config.calibrate.standard_errors is None:
        faults.append("calibrate.standard_errors: coverage needs them; write sandwich, r or s")
    faults += _endpoint_faults(config.endpoints)
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


def _endpoint_faults(endpoints: tuple[str, ...]) -> list[str]:
    faults = []
    for text in endpoints:
        try:
            read_endpoint(text)
        except UsageError as error:
            faults.append(f"endpoints: {error.what}; {error.do}")
    twice = sorted({text for text in endpoints if endpoints.count(text) > 1})
    return faults + [f"endpoints: {text} is asked for twice" for text in twice]
