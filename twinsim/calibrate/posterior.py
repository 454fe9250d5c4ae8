"""What a patient's records tell about its random effects: the most likely ones, and draws of what else they may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from kernels import status as codes
from twinsim.calibrate import draws, nuts
from twinsim.calibrate.ahead import foretold
from twinsim.calibrate.draws import Draws
from twinsim.calibrate.evaluate import Evaluator, effects_of
from twinsim.calibrate.mode import Most, individual_evaluator
from twinsim.calibrate.study import Study
from twinsim.errors import UsageError, nearest
from twinsim.population.derived import derive
from twinsim.population.model import PopulationModel
from twinsim.records import Records


@dataclass(frozen=True, eq=False)
class Posterior:
    """Random effects of patients given their records; `twinsim.individualise` makes one.

    Attributes:
        model: whose random effects they are; records: what was observed.
        study: the records laid out; its model has the prior that was used.
        most: the most likely effects on the standard normal scale.
        flattening: what omega was multiplied by.
        how: outputs, solver and rtol of the predictions.
    """

    model: PopulationModel
    records: Records
    study: Study = field(repr=False)
    most: Most = field(repr=False)
    flattening: float
    how: Mapping[str, Any]

    @cached_property
    def _effects(self) -> tuple[np.ndarray, np.ndarray]:
        return effects_of(self.study, self.study.model, self.most.nu)

    @property
    def etas(self) -> np.ndarray:
        """Most likely random effects (eta, patient); NaN for a patient whose solver fails."""
        return self._effects[0]

    @property
    def occasion_etas(self) -> np.ndarray:
        """Those of occasions (eta, occasion, patient)."""
        return self._effects[1]

    @cached_property
    def objective(self) -> np.ndarray:
        """-2 log joint density of observations and effects at the mode, without the ln 2 pi of either (patient).

            sum_observations [ln v + (y - f)^2 / v]  +  eta^T omega^-1 eta  +  ln |omega|

        as NONMEM's PHI(ETA) without ln |omega|; occasions add their own last two terms. With flattening omega is the
        flattened one.
        """
        model, occasions = self.study.model, self.study.outline.occasions
        omegas = ((model.omega, 1), (model.omega_occasion, occasions))
        return self.most.joint + sum(n * np.linalg.slogdet(omega)[1] for omega, n in omegas if omega.size)

    @property
    def covariance(self) -> np.ndarray:
        """Laplace's covariance of the effects, etas first, then each occasion eta's (effect, effect, patient).

        By the exact second derivative at the mode where that is positive definite (`exact`), else by the information.
        """
        return self.most.covariance

    @property
    def exact(self) -> np.ndarray:
        """Whether the covariance is of the exact second derivative (patient)."""
        return self.most.exact

    @property
    def arrived(self) -> np.ndarray:
        """Whether the search ended at a minimum (patient)."""
        return self.most.arrived

    @property
    def status(self) -> np.ndarray:
        """Codes of kernels.status (patient)."""
        return self.most.status

    @property
    def counts(self) -> np.ndarray:
        """Observations of each patient (patient); with none its posterior is the prior."""
        return self.study.counts

    @cached_property
    def parameters(self) -> dict[str, np.ndarray]:
        """Individual parameters that do not change in time, by name, in the structure's units (patient)."""
        design, model = self.study.observed.design, self.study.model
        shape = (design.count, self.records.n_patients)
        known = derive({name: np.broadcast_to(values, shape) for name, values in design.covariates.items()})
        etas = np.broadcast_to(self.etas[:, None], (len(self.etas), *shape))
        rest = self.occasion_etas
        if rest.size:
            number = np.zeros(shape, int) if design.segments is None else design.segments.occasion
            rest = np.take_along_axis(rest, np.broadcast_to(number, (len(rest), *shape)), axis=1)
        found = model.individual(known, etas=etas, occasion_etas=rest if rest.size else None)
        wide = {name: np.broadcast_to(np.asarray(values), shape) for name, values in found.items()}
        return {name: x[0] for name, x in wide.items() if np.array_equal(x, np.broadcast_to(x[:1], shape), True)}

    def to_pandas(self) -> pd.DataFrame:
        """One row each: ID OBSERVATIONS OBJECTIVE ARRIVED STATUS, effects and their standard errors, parameters."""
        deviations = np.sqrt(np.moveaxis(np.diagonal(self.covariance), -1, 0))
        effects = {}
        for i, name in enumerate(self.model.eta_names):
            effects |= {f"eta.{name}": self.etas[i], f"se.{name}": deviations[i]}
        ids = np.asarray(self.records.labels) if self.records.labels else self.records.ids
        status = [codes.NAMES[int(code)] for code in self.status]
        head = {"ID": ids, "OBSERVATIONS": self.counts, "OBJECTIVE": self.objective}
        return pd.DataFrame({**head, "ARRIVED": self.arrived, "STATUS": status, **effects, **self.parameters})

    def sample(self, n: int = 1000, method: str = "sir", seed: int = 0) -> Draws:
        """Draws of the random effects.

        Args:
            n: how many of each patient.
            method: sir (importance resampling), laplace (a normal distribution about the mode), or nuts; see
                `twinsim.calibrate.draws`.

        Raises:
            UsageError: an unknown method, no draws, or nuts without blackjax.
        """
        if method not in draws.METHODS:
            raise UsageError(f"{method!r} is no way to sample", where="method", do=nearest(method, draws.METHODS))
        if n < 1:
            raise UsageError(f"n={n} draws", where="n", do="ask for at least one")
        divergent = np.zeros(self.records.n_patients, int)
        if method == "nuts":
            nu, effective, divergent = nuts.sampled(self._evaluator, self.most, n, seed)
        else:
            sampled = draws.resampled if method == "sir" else draws.laplace
            nu, effective = sampled(self._evaluator, self.most, n, seed)
        return Draws(method, nu, *effects_of(self.study, self.study.model, nu), effective, divergent)

    @cached_property
    def _evaluator(self) -> Evaluator:
        return individual_evaluator(self.study)

    def predict(self, times: Any, output: str | None = None, draws: Draws | None = None) -> np.ndarray:
        """Predictions under each patient's own doses.

        A prediction at the time of a dose has the dose in it. Covariates and occasions go on as the records say.

        Args:
            times: (time,) or (time, patient) [h], on the clock of the patient's last record.
            output: of the structure; None: the first that was observed.
            draws: of `sample`; None: the most likely effects.

        Returns:
            (time, patient), with draws (draw, time, patient); in the data's unit where the output was observed, else in
            its own. NaN for a patient whose solver fails.

        Raises:
            UsageError: times before a patient's first record, an unknown output.
        """
        nu = self.most.nu[None] if draws is None else draws.nu
        found = foretold(self.study, nu, times, output, {key: self.how[key] for key in ("solver", "rtol")})
        return found[0] if draws is None else found

    def update(self, records: Records, **options: Any) -> Posterior:
        """The posterior with records that have grown: all of them, earlier ones too.

        The same as from scratch, and never above it: the search also begins where the patients were.

        Args:
            options: of `twinsim.individualise`, where they shall differ.
        """
        from twinsim.calibrate.individual import individualise

        how = {**self.how, "flattening": self.flattening, **options}
        return individualise(self.model, records, start=self, **how)
