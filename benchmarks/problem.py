"""What a benchmark is: equations, patients, doses, output times, a reference solution and how far from it one may be.

Nothing here imports twinsim: peers run in processes of their own, which must not see the settings it makes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Patients = dict[str, np.ndarray]
ATOL_PER_RTOL = 0.1  # absolute tolerance of every adaptive peer: a tenth of rtol on the scale of the state


@dataclass(frozen=True)
class Ours:
    """A row of twinsim.

    Args:
        name: tier (closed, linear, explicit, stiff) or what else is run (fixed, gradient, draws, ...).
        precision: float32 or float64.
    """

    name: str
    precision: str = "float32"


@dataclass(frozen=True)
class Peer:
    """A row of another package.

    Args:
        name: diffrax, numba, scipy or mrgsolve.
        variant: what of it, e.g. the solver's name; the row is called "name variant".
        precision: float32 or float64.
        size: the most patients it is given, because it is slow; None: as many as we.
        tier: what it is compared with in `--tiers`: closed, explicit or stiff.
    """

    name: str
    variant: str
    precision: str = "float32"
    size: int | None = None
    tier: str = "explicit"


@dataclass(frozen=True)
class Case:
    """What every benchmark has, with or without equations.

    Args:
        name, title: as chosen by `--only`, and as printed.
        size: patients by default.
        ours, peers: the rows.
        allowed: largest error; adaptive solvers run at the loosest tolerance that keeps to it.
        error_is: what the error column says.
        counted: what is counted per second.
    """

    name: str
    title: str
    size: int
    ours: tuple[Ours, ...]
    peers: tuple[Peer, ...]
    allowed: float
    error_is: str
    counted: str = "patients"


@dataclass(frozen=True)
class Dose:
    """An amount that is added to a state at a time, for every patient."""

    time: float
    amount: float
    state: str


@dataclass(frozen=True)
class Segment:
    """From one dose (or the beginning) to the next (or the last output).

    Args:
        start, stop: times.
        doses: amounts by state, added at `start`.
        outputs: indices of the outputs in (start, stop].
    """

    start: float
    stop: float
    doses: Mapping[str, float]
    outputs: np.ndarray


def _nothing(p: Any, u: Any) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Problem(Case):
    """An ensemble of initial value problems; equations do not depend on time.

    Args:
        states, outputs: names; the structure may have more of both.
        rates, observe, start: as in a twinsim structure, of attribute holders x and p; + - * / ** only.
        structure: the twinsim structure of the same equations, made when it is asked for.
        sample: (size, seed) -> parameters by name, float64 (patient); the first patients are the same at every size.
        sampled: names of these, where `sample` needs twinsim: then peers get the patients themselves in a file.
        fixed: parameters that are the same for everyone.
        times: of outputs (time).
        reference: patients -> outputs, float64 (output, time, patient).
        doses: for everyone, by time.
        scale: typical size of each state; one number: the same for all.
        first_step: peers try it first.
        per: the error is a fraction of the largest reference value of the same "output" and patient, or of the
            largest of all outputs of the "patient".
        checked: patients whose outputs are compared.
        steps: of the rows with fixed steps.
        allowed_float64: `allowed` of float64 rows, where it differs.
    """

    states: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    rates: Callable[[Any, Any, Any, Any], Mapping[str, Any]] = field(kw_only=True)
    observe: Callable[[Any, Any, Any, Any], Mapping[str, Any]] = field(kw_only=True)
    structure: Callable[[], Any] = field(kw_only=True)
    sample: Callable[[int, int], Patients] = field(kw_only=True)
    times: np.ndarray = field(kw_only=True)
    reference: Callable[[Problem, Patients], np.ndarray] = field(kw_only=True)
    start: Callable[[Any, Any], Mapping[str, Any]] = _nothing
    sampled: tuple[str, ...] = ()
    fixed: Mapping[str, float] = field(default_factory=dict)
    doses: tuple[Dose, ...] = ()
    scale: float | tuple[float, ...] = 1.0
    first_step: float = 1e-3
    per: str = "output"
    checked: int = 512
    steps: int = 0
    allowed_float64: float | None = None

    def tolerated(self, precision: str) -> float:
        """Largest error of rows of a precision."""
        special = self.allowed_float64 if precision == "float64" else None
        return self.allowed if special is None else special

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the sampled parameters."""
        return self.sampled or tuple(self.sample(1, 0))

    @property
    def scales(self) -> np.ndarray:
        """Typical size of each state (state)."""
        return np.broadcast_to(np.asarray(self.scale, np.float64), (len(self.states),))

    def segments(self) -> list[Segment]:
        """The stretches between doses, in order."""
        starts = sorted({0.0, *(dose.time for dose in self.doses)})
        ends = [*starts[1:], float(self.times[-1])]
        found = []
        for start, stop in zip(starts, ends, strict=True):
            given: dict[str, float] = {}
            for dose in self.doses:
                if dose.time == start:
                    given[dose.state] = given.get(dose.state, 0.0) + dose.amount
            # An output at a dose's own time counts before the dose; no problem here looks at what a dose moves.
            found.append(Segment(start, stop, given, np.flatnonzero((self.times > start) & (self.times <= stop))))
        return found

    def error(self, values: np.ndarray, expected: np.ndarray) -> float:
        """Largest error of any output as a fraction of the size of the reference, see `per`.

        Args:
            values: what a solver gave (output, time, patient).
            expected: `reference` of the same patients (output, time, patient).
        """
        if not np.isfinite(values).all():
            return float("inf")
        size = np.abs(expected).max(axis=1 if self.per == "output" else (0, 1), keepdims=True)
        return float((np.abs(values.astype(np.float64) - expected) / size).max())


def head(patients: Patients, size: int) -> Patients:
    """The first `size` patients."""
    return {name: np.ascontiguousarray(values[:size]) for name, values in patients.items()}


def count(patients: Patients) -> int:
    """How many patients."""
    return len(next(iter(patients.values())))


def log_normal(typical: Mapping[str, float], sd: float | Mapping[str, float]) -> Callable[[int, int], Patients]:
    """Sampler of independent log-normal parameters around typical values.

    value = typical exp(sd normal)

    >>> draw = log_normal({"cl": 5.0, "v": 20.0}, 0.3)
    >>> bool((draw(3, 0)["v"] == draw(9, 0)["v"][:3]).all())
    True
    """
    names = tuple(typical)
    sds = np.array([sd[name] if isinstance(sd, Mapping) else sd for name in names])

    def sample(size: int, seed: int) -> Patients:
        normals = np.random.default_rng(seed).standard_normal((size, len(names)))
        values = np.array([typical[name] for name in names]) * np.exp(sds * normals)
        return {name: np.ascontiguousarray(values[:, i]) for i, name in enumerate(names)}

    return sample
