"""Replicates: a study simulated again and again, with the same patients, doses, covariates and sampling times.

    y_k = f(phi, eta_k, kappa_k) + residual error

Random effects and residual errors are those of `PopulationModel`: they depend on the seed, the replicate and the
patient's id alone, so that a patient's replicates are the same whoever else is in the study.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from kernels import random
from kernels import status as codes
from twinsim.calibrate.arguments import seed_of
from twinsim.calibrate.course import Course
from twinsim.calibrate.evaluate import Everyone, over_patients
from twinsim.calibrate.study import Outline, Study
from twinsim.calibrate.unknowns import NOTHING, given_of
from twinsim.errors import DataError, UsageError

log = logging.getLogger(__name__)
BLOCK = 16  # patients: loops over whole vectors, so that a patient's bits do not depend on how many others there are
MOST_NUMBERS = 4_000_000  # simulated at a time, so that memory does not grow with the number of replicates
TOGETHER = 500  # replicates at a time, so that predictive checks and discrepancies of one study share their program


@dataclass(frozen=True, eq=False)
class Replicates:
    """Simulated studies.

    Attributes:
        study: what was simulated.
        values: observations with residual error, in the data's units and in file order (replicate, observation).
        typical: predictions without random effects, in the data's units (observation).
        status: of the solver (replicate, patient).
    """

    study: Study
    values: np.ndarray
    typical: np.ndarray
    status: np.ndarray

    @cached_property
    def patient(self) -> np.ndarray:
        """Index of the patient of each observation (observation)."""
        return self.study.records.patient[self.study.record]

    @cached_property
    def logged(self) -> np.ndarray:
        """Whether an observation's error is lognormal (observation)."""
        study, there = self.study, self.study.row >= 0
        errors = [study.model.error_models[name].log_scale for name in study.outline.outputs]
        return np.asarray(errors)[study.observed.kind[there][np.argsort(study.row[there])]]

    @property
    def whole(self) -> np.ndarray:
        """Whether a replicate has all its values (replicate)."""
        return np.asarray(np.isfinite(self.values).all(axis=1))


def replicate(study: Study, count: int, seed: int = 0) -> Replicates:
    """Simulate a study.

    Args:
        study: see `twinsim.calibrate.study.study_of`; what was observed in it does not matter.
        count: replicates, numbered from 0.
        seed: of all draws.

    Returns:
        Replicates; values of patients whose simulation failed are NaN, and told in the log.

    Raises:
        UsageError: no replicate is asked for.
        DataError: not one replicate has all its values.
    """
    if count < 1:
        raise UsageError(f"{count} replicates are none", where="replicates", do="ask for 1 or more; 1000 are common")
    patients, rows = study.records.n_patients, len(study.row)
    together = max(1, min(count, TOGETHER, MOST_NUMBERS // (rows * patients)))
    program, everyone = _simulated(study.outline), Everyone(study, BLOCK)
    shared = {"given": given_of(study.model), "seed": np.uint64(seed_of(seed))}
    there = study.row >= 0
    place = np.argsort(study.row[there])
    values, status, typical = [], [], np.zeros(0)
    for first in range(0, count, together):
        # The last ones are filled up, so that there is one program.
        numbers = np.arange(first, first + together, dtype=np.uint32)
        found = everyone(program, {**shared, "numbers": numbers}, id=study.records.ids.astype(np.int64))
        values.append((found["values"] * study.observed.factor)[:, there][:, place])
        status.append(found["status"])
        typical = (found["typical"] * study.observed.factor)[there][place]
    made = Replicates(study, np.concatenate(values)[:count], typical, np.concatenate(status)[:count])
    _tell(made)
    return made


def _tell(made: Replicates) -> None:
    """Say who failed."""
    bad = made.status != codes.OK
    if not bad.any():
        return
    who = ", ".join(made.study.name(i) for i in np.flatnonzero(bad.any(axis=0))[:5])
    why = ", ".join(codes.NAMES[int(code)] for code in np.unique(made.status[bad]))
    what = f"{int(bad.sum())} of {bad.size} simulated patients failed ({why}), among them {who}"
    if not made.whole.any():
        do = "look at the model's variances: random effects far out cannot be solved"
        raise DataError(f"no replicate is whole: {what}", where=made.study.records.source, do=do)
    log.warning("%s; they are left out", what)


@lru_cache(maxsize=32)
def _simulated(outline: Outline) -> Any:
    """The compiled simulation of some replicates, one after the other."""
    levels = outline.parts.between_patients, outline.parts.between_occasions

    def standard(patient: Array, seed: Any, number: Any) -> Array:
        """Standard normal effects (effect, patient), those of occasions behind."""
        between = levels[0].standard(seed, patient, replicate=number)
        if not levels[1].names:
            return between
        within = [levels[1].standard(seed, patient, occasion=k, replicate=number) for k in range(outline.occasions)]
        return jnp.concatenate([between, jnp.stack(within, axis=1).reshape(-1, patient.shape[-1])])

    def simulated(course: Course, own: Any, shared: Any) -> dict[str, Any]:
        given = course.unknowns.apply(jnp.zeros((0, 1)), course.given)
        predict = course.predictor(given)

        def one(number: Any) -> tuple[Array, Array]:
            nu = standard(own["id"], shared["seed"], number)
            found, status = predict(course.inputs(given, nu))
            return _observed(course, given.numbers, found, own["id"], shared, number), status

        values, status = jax.lax.map(one, shared["numbers"])
        typical = predict(course.inputs(given, jnp.zeros((outline.effects, course.patients))))[0]
        return {"values": values, "status": status, "typical": typical}

    return over_patients(simulated, outline, NOTHING, {"values": 3, "status": 2, "typical": 2})


def _observed(course: Course, numbers: Any, predictions: Array, patient: Array, shared: Any, replicate: Any) -> Array:
    """Predictions (row, patient) with residual error, see `PopulationModel.residual`."""
    result = predictions
    for index, (name, error) in enumerate(course.errors.items()):
        drawn = random.normals(shared["seed"], f"residual:{name}", len(predictions), patient, replicate=replicate)
        seen = error.observe(predictions, drawn, numbers)
        result = jnp.where(jnp.asarray(course.observed.kind) == index, seen, result)
    return result
