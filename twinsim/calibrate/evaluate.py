"""An objective and its gradient for all patients of a study, shared out over the devices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from kernels.batch import all_devices, on_devices, spread
from twinsim.calibrate.approximations import Approximation
from twinsim.calibrate.course import Course
from twinsim.calibrate.study import Outline, Study, patients_of
from twinsim.calibrate.unknowns import Unknowns, given_of
from twinsim.population.model import PopulationModel

CHUNK = 1024  # patients of a device at a time: second derivatives of all their predictions are in memory together


class Modes(NamedTuple):
    """Most likely random effects.

    Attributes:
        nu: standard normal (effect, patient).
        joint: -2 log of the joint density there (patient).
        arrived: whether the search ended where it should (patient).
        status: of the solver, int32 (patient).
    """

    nu: np.ndarray
    joint: np.ndarray
    arrived: np.ndarray
    status: np.ndarray


class Evaluation(NamedTuple):
    """An objective at a place.

    Attributes:
        value: of each patient (patient).
        gradient: by the unknowns (unknown, patient).
        modes: random effects it was computed at.
    """

    value: np.ndarray
    gradient: np.ndarray
    modes: Modes


@dataclass(frozen=True, eq=False)
class Evaluator:
    """A method's objective as a function of the unknowns.

    Args:
        size: patients of a device at a time, filled up: a patient's numbers then do not depend on how many others
            there are. None: as many as there are, up to CHUNK.
    """

    study: Study
    unknowns: Unknowns
    method: str
    size: int | None = None

    def modes(self, z: np.ndarray, starts: list[np.ndarray]) -> Modes:
        """The lowest of what every start finds.

        Args:
            z: (unknown).
            starts: standard normal effects (effect, patient | 1) each.
        """
        program = conditional(self.study.outline, self.unknowns, self.method)
        patients = self.study.patients
        best: Modes | None = None
        for start in starts:
            found = self.everyone(program, z, nu=np.broadcast_to(start, (start.shape[0], patients)))
            found = Modes(**{name: found[name] for name in Modes._fields})
            if best is None:
                best = found
                continue
            # Where both are as good to rounding the first start's stays, so that more starts change nothing.
            margin = 1e-9 * (1.0 + np.abs(np.where(np.isfinite(best.joint), best.joint, 0.0)))
            better = found.joint < best.joint - margin
            best = Modes(*(np.where(better, a, b) for a, b in zip(found, best, strict=True)))
        assert best is not None
        return best

    def at(self, z: np.ndarray, modes: Modes) -> Evaluation:
        """The objective where random effects are most likely."""
        found = self.everyone(valued(self.study.outline, self.unknowns, self.method), z, nu=modes.nu)
        return Evaluation(found["value"], found["gradient"], modes._replace(nu=found["nu"]))

    def __call__(self, z: np.ndarray, starts: list[np.ndarray]) -> Evaluation:
        """The objective where random effects, searched from several starts on, are most likely."""
        return self.at(z, self.modes(z, starts))

    def everyone(
        self, program: Any, z: np.ndarray, more: Mapping[str, Any] | None = None, **own: np.ndarray
    ) -> dict[str, np.ndarray]:
        """A program's results for all patients, chunk by chunk (..., patient).

        Args:
            more: what is the same for everyone, beside the unknowns.
            own: arrays (..., patient).
        """
        return self._everyone(program, {"z": jnp.asarray(z), "given": self.given, **(more or {})}, **own)

    @cached_property
    def given(self) -> Any:
        """The model's own values."""
        return given_of(self.study.model)

    @cached_property
    def _everyone(self) -> Everyone:
        return Everyone(self.study, size=self.size)

    @property
    def chunks(self) -> list[tuple[np.ndarray, dict[str, Any]]]:
        """Patients of each chunk, and their observations on the devices."""
        return self._everyone.chunks


@dataclass(frozen=True, eq=False)
class Everyone:
    """All patients of a study, chunk by chunk on the devices.

    Args:
        block: patients of a device come in multiples of it.
        size: of a device at a time, filled up; None: as many as there are, up to CHUNK.
    """

    study: Study
    block: int = 1
    size: int | None = None

    def __call__(self, program: Any, shared: dict[str, Any], **own: np.ndarray) -> dict[str, np.ndarray]:
        """A program's results (..., patient).

        Args:
            program: see `over_patients`.
            shared: what is the same for all patients.
            own: what each patient has of its own beside its observations (..., patient).
        """
        parts = [program({**chunk, **spread_over(patients_of(own, which))}, shared) for which, chunk in self.chunks]
        whole = {name: np.concatenate([np.asarray(part[name]) for part in parts], axis=-1) for name in parts[0]}
        return patients_of(whole, slice(0, self.study.patients))

    @cached_property
    def chunks(self) -> list[tuple[np.ndarray, dict[str, Any]]]:
        """Patients of each chunk, and their observations on the devices."""
        return [
            (which, {"observed": spread_over(patients_of(self.study.observed, which))})
            for which in chunks(self.study.patients, self.block, self.size)
        ]


def effects_of(study: Study, model: PopulationModel, nu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Random effects of standard normal ones: (..., eta, patient) and (..., eta, occasion, patient).

    Args:
        nu: (..., effect, patient).
    """
    size, own = len(model.eta_names), len(model.occasion_eta_names)
    factors = [np.linalg.cholesky(o) if o.size else o for o in (model.omega, model.omega_occasion)]
    rest = nu[..., size:, :].reshape(*nu.shape[:-2], own, study.outline.occasions, nu.shape[-1])
    return factors[0] @ nu[..., :size, :], np.einsum("ij,...jop->...iop", factors[1], rest)


def places(study: Study, starts: int, seed: int) -> list[np.ndarray]:
    """Where random effects are searched from: 0 first, then places drawn once for all patients (effect, 1)."""
    drawn = np.random.default_rng(seed).standard_normal((max(1, starts), study.outline.effects, 1))
    drawn[0] = 0.0
    return list(drawn)


def chunks(patients: int, block: int = 1, size: int | None = None) -> Iterator[np.ndarray]:
    """Indices of patients in chunks of one size, the last filled up with the last patient; see `Everyone`."""
    devices = all_devices().size
    if size is None:
        size = min(CHUNK, -(-patients // (block * devices)) * block)
    size *= devices
    for first in range(0, patients, size):
        yield np.minimum(np.arange(first, first + size), patients - 1)


def spread_over(tree: Any) -> Any:
    """Arrays (..., patient) on the devices."""
    return jax.tree.map(lambda x: spread(x, all_devices()), tree)


def over_patients(
    function: Callable[[Course, Any, Any], dict[str, Any]],
    outline: Outline,
    unknowns: Unknowns,
    ranks: dict[str, int],
    options: dict[str, Any] | None = None,
) -> Any:
    """A compiled function (own, shared) -> results of (course, own, shared) -> results, whose ranks are given.

    Args:
        options: of the compiler.
    """

    def of_block(own: Any, shared: Any) -> dict[str, Any]:
        return function(Course(outline, unknowns, own["observed"], shared["given"]), own, shared)

    return jax.jit(on_devices(of_block, ranks, all_devices()), compiler_options=options)


def copies(z: Any, patients: int) -> Any:
    """A copy of the unknowns for each patient (unknown, patient)."""
    return jnp.broadcast_to(z[:, None], (z.shape[0], patients))


@lru_cache(maxsize=32)
def conditional(outline: Outline, unknowns: Unknowns, method: str) -> Any:
    """The compiled search for most likely random effects."""

    def searched(course: Course, own: Any, shared: Any) -> dict[str, Any]:
        known = course.unknowns.apply(copies(shared["z"], 1), course.given)
        found = Approximation(course, method).conditional(known, own["nu"])
        more = {"arrived": found.arrived, "status": found.local.more}
        return {"nu": found.numbers, "joint": found.local.value, **more}

    return over_patients(searched, outline, unknowns, {"nu": 2, "joint": 1, "arrived": 1, "status": 1})


@lru_cache(maxsize=32)
def valued(outline: Outline, unknowns: Unknowns, method: str) -> Any:
    """The compiled objective and gradient."""

    def evaluated(course: Course, own: Any, shared: Any) -> dict[str, Any]:
        z = copies(shared["z"], course.patients)
        value, gradient, nu = Approximation(course, method).value(z, own["nu"])
        return {"value": value, "gradient": gradient, "nu": nu}

    return over_patients(evaluated, outline, unknowns, {"value": 1, "gradient": 2, "nu": 2})
