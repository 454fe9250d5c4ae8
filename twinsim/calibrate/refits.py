"""A model fitted again and again: to resampled patients, or to studies that it simulates itself.

All fits have one shape, so that they share their compiled programs. One that fails costs the others nothing; what was
fitted before a kill is kept.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from twinsim.calibrate.checkpoint import Checkpoint
from twinsim.calibrate.climb import ascend
from twinsim.calibrate.evaluate import places
from twinsim.calibrate.how import How
from twinsim.calibrate.judgement import objections
from twinsim.calibrate.study import Study
from twinsim.calibrate.uncertainty import natural_covariance
from twinsim.calibrate.unknowns import Unknowns, natural_values
from twinsim.errors import DataError, TwinsimError
from twinsim.population.model import PopulationModel

log = logging.getLogger(__name__)
SCORE = 1.959963984540054  # 97.5 % point of the standard normal distribution


@dataclass(frozen=True, eq=False)
class Refits:
    """What every fit found.

    Attributes:
        labels: of what was fitted, as in `twinsim.Fit.values`.
        truth: values of the model that all fits come from (value).
        values, errors: estimates and their standard errors; NaN where a fit failed (refit, value).
        objective: (refit).
        converged: (refit).
        reasons: how each fit ended (refit).
    """

    labels: tuple[str, ...]
    truth: np.ndarray
    values: np.ndarray
    errors: np.ndarray
    objective: np.ndarray
    converged: np.ndarray
    reasons: tuple[str, ...]

    @property
    def few(self) -> str:
        """Why nothing can be said of the fits together; empty where at least two converged."""
        return too_few(self.converged, self.reasons)

    @property
    def sound(self) -> np.ndarray:
        """Estimates of the fits that converged (fit, value).

        Raises:
            DataError: fewer than two did.
        """
        if self.few:
            what, _, why = self.few.partition(": ")
            raise DataError(what, why=why, do="look at one fit by itself")
        return self.values[self.converged]

    def intervals(self, level: float = 0.95) -> pd.DataFrame:
        """What resamples tell of every value: ESTIMATE (of all patients), MEAN, BIAS, SE, percentiles LOW and HIGH.

        Args:
            level: share of the resamples between LOW and HIGH.
        """
        values = self.sound
        low, high = np.quantile(values, [0.5 - level / 2.0, 0.5 + level / 2.0], axis=0)
        mean, sd = values.mean(axis=0), values.std(axis=0, ddof=1)
        columns = {"ESTIMATE": self.truth, "MEAN": mean, "BIAS": mean - self.truth, "SE": sd, "LOW": low, "HIGH": high}
        return self._table(columns)

    def recovered(self) -> pd.DataFrame:
        """How well simulated studies find every value back.

        Returns:
            columns TRUTH, MEAN, BIAS and RMSE (relative to the truth), SD (of the estimates), SE (mean standard error),
            COVERAGE (share of the studies whose 95 % interval, estimate -+ 1.96 standard errors, holds the truth).
        """
        values, errors, truth = self.sound, self.errors[self.converged], self.truth
        mean, sd = values.mean(axis=0), values.std(axis=0, ddof=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            bias, rmse = mean / truth - 1.0, np.sqrt(((values - truth) ** 2).mean(axis=0)) / np.abs(truth)
        inside = (np.abs(values - truth) <= SCORE * errors).mean(axis=0)
        columns = {"TRUTH": truth, "MEAN": mean, "BIAS": bias, "RMSE": rmse, "SD": sd, "SE": errors.mean(axis=0)}
        return self._table({**columns, "COVERAGE": inside})

    def _table(self, columns: dict[str, np.ndarray]) -> pd.DataFrame:
        return pd.DataFrame(columns, index=pd.Index(self.labels, name="VALUE"))


def refit(
    model: PopulationModel,
    studies: Iterable[tuple[Study, np.ndarray]],
    unknowns: Unknowns,
    how: How,
    kind: str,
    checkpoint: Checkpoint | None = None,
    told: Callable[[int], None] = lambda done: None,
) -> Refits:
    """Fit a series of studies.

    Args:
        model: that they come from.
        studies: each with the unknowns where its search begins (unknown).
        kind: of standard errors, see `twinsim.calibrate.uncertainty`.
        checkpoint: where every fit is kept, and taken from.
        told: hears how many fits are done.
    """
    labels, found = unknowns.labels(model), []
    for number, (study, z) in enumerate(studies):
        name = f"refit-{number:05d}"
        kept = checkpoint.recall(name) if checkpoint else None
        if kept is None:
            kept = _fitted(study, z, unknowns, how, kind, len(labels))
            if checkpoint:
                checkpoint.keep(name, kept)
        found.append(kept)
        told(len(found))
    columns = {key: np.asarray([one[key] for one in found]) for key in ("values", "errors", "objective", "converged")}
    made = Refits(
        labels, natural_values(unknowns, model), **columns, reasons=tuple(str(one["reason"]) for one in found)
    )
    _tell(made)
    return made


def too_few(converged: np.ndarray, reasons: Sequence[str]) -> str:
    """How many fits converged and why the first of the others did not, where fewer than two did; empty otherwise.

    Args:
        converged: (refit).
    """
    if converged.sum() >= 2:
        return ""
    lost = int(np.argmin(converged))
    return f"only {int(converged.sum())} of {len(converged)} fits converged: fit {lost}: {reasons[lost]}"


def _fitted(study: Study, z: np.ndarray, unknowns: Unknowns, how: How, kind: str, size: int) -> dict[str, np.ndarray]:
    """One fit as arrays."""
    nothing = np.full(size, np.nan)
    try:
        summit = ascend(study, unknowns, how, z, places(study, how.starts, how.seed))
        against = objections(study, unknowns, summit)
        values = natural_values(unknowns, unknowns.model(summit.point.z, study.model))
        covariance = natural_covariance(unknowns, study.model, summit.point.z, summit.sharp, kind)
    except (TwinsimError, np.linalg.LinAlgError) as error:
        reason = error.what if isinstance(error, TwinsimError) else f"numbers without a solution: {error}"
        ended = {"objective": np.asarray(np.nan), "converged": np.asarray(False), "reason": np.asarray(reason)}
        return {"values": nothing, "errors": nothing, **ended}
    with np.errstate(invalid="ignore"):
        errors = np.sqrt(np.diag(covariance))
    return {
        "values": values,
        "errors": errors,
        "objective": np.asarray(summit.point.value),
        "converged": np.asarray(not against),
        "reason": np.asarray("; ".join(against) or summit.searched.reason),
    }


def _tell(made: Refits) -> None:
    """Say how many fits did not converge, and why the first of them did not."""
    lost = np.flatnonzero(~made.converged)
    if lost.size:
        log.warning(
            "%d of %d fits did not converge and are left out; the first: %s",
            lost.size,
            len(made.converged),
            made.reasons[lost[0]],
        )
