"""Population fits: typical values, covariate coefficients, variabilities and residual errors from observed data."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from twinsim.calibrate.begin import require_finite
from twinsim.calibrate.climb import Summit, ascend, look
from twinsim.calibrate.evaluate import Evaluator, effects_of, places
from twinsim.calibrate.how import prepared
from twinsim.calibrate.judgement import objections
from twinsim.calibrate.penalty import Penalty
from twinsim.calibrate.study import Study
from twinsim.calibrate.uncertainty import KINDS, natural_covariance
from twinsim.calibrate.unknowns import Unknowns, natural_path, natural_values
from twinsim.errors import one_of
from twinsim.population.model import PopulationModel
from twinsim.records import Records

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Fit:
    """What a calibration found.

    Attributes:
        model: with the fitted numbers and covariances.
        method: by which objective.
        objective: -2 log likelihood as the method computes it, without n ln 2 pi, and the model's priors; constant: n
            ln 2 pi.
        estimates: fitted numbers by theta name.
        omega, omega_occasion: covariances of the random effects (eta, eta).
        values: numbers and covariances that were fitted, by label: theta names, and omega(cl,v) or kappa(cl,cl).
        standard_errors: by label; NaN where there is none. errors_by: sandwich, r or s; r in place of the others where
            there are no more patients than values; None: none were asked for.
        covariance: of the estimates, in the order of the standard errors (label, label).
        condition: of the curvature at the minimum, every unknown scaled by its own; infinite where it is flat.
        etas: most likely random effects (eta, patient).
        occasion_etas: those of occasions (eta, occasion, patient).
        shares: each patient's share of the objective, without the priors (patient).
        converged: whether the place is a minimum, as far as curvature tells.
        reason: how the search ended.
        trace: objective after each step; of saem, -2 log likelihood of observations given simulated effects.
        path: values, in the order of `values`, after each step (step, value).
        evaluations: how often the objective was computed.
    """

    model: PopulationModel
    method: str
    objective: float
    constant: float
    estimates: Mapping[str, float]
    omega: np.ndarray
    omega_occasion: np.ndarray
    values: Mapping[str, float]
    standard_errors: Mapping[str, float]
    errors_by: str | None
    covariance: np.ndarray
    condition: float
    etas: np.ndarray
    occasion_etas: np.ndarray
    shares: np.ndarray
    converged: bool
    reason: str
    trace: tuple[float, ...]
    path: np.ndarray
    evaluations: int


def objective(
    model: str | PopulationModel,
    records: Records,
    method: str = "focei",
    *,
    outputs: Mapping[str, str] | None = None,
    solver: str = "auto",
    rtol: float | None = None,
    starts: int = 3,
    nodes: int | None = None,
    seed: int = 0,
) -> float:
    """-2 log likelihood of records at a model's own values, and its priors: the objective that `fit` minimises.

    In NONMEM's convention, without n ln 2 pi.

    Args: see `fit`.
    """
    study, unknowns, how, _ = prepared(
        model, records, method, outputs=outputs, solver=solver, rtol=rtol, starts=starts, nodes=nodes, seed=seed,
        searched=False,
    )  # fmt: skip
    z = unknowns.begin(study.model)
    found = look(study, unknowns, z, method, places(study, how.starts, how.seed), how.nodes, how.seed)
    require_finite(Evaluator(study, unknowns, method), z, found, slopes=False)
    return float(found.value.sum()) + Penalty(unknowns, study.model)(z)[0]


def fit(
    model: str | PopulationModel,
    records: Records,
    method: str = "focei",
    *,
    fit: Sequence[str] | None = None,
    covariance: str = "as_is",
    outputs: Mapping[str, str] | None = None,
    solver: str = "auto",
    rtol: float | None = None,
    starts: int = 3,
    nodes: int | None = None,
    seed: int = 0,
    max_steps: int = 300,
    optimiser: str = "bfgs",
    standard_errors: str | None = "sandwich",
    checkpoint: str | Path | None = None,
    told: Callable[[int, float, Mapping[str, float]], None] | None = None,
) -> Fit:
    """Fit a model's numbers and covariances to records.

    Args:
        model: what a fit starts from.
        method: fo, foce, focei or laplace (see `twinsim.calibrate.approximations`), agq or imp (see
            `twinsim.calibrate.marginal`), or saem (see `twinsim.calibrate.saem`).
        fit: theta names; by default all that are not fixed.
        covariance: of random effects: as_is as in the model's file, diagonal, or full.
        outputs: dvid -> output, where labels and names differ.
        solver, rtol: see `twinsim.solver.choose_solver`.
        starts: from how many places random effects are searched, the first at 0.
        nodes: of agq for each effect (7), of imp for each patient (2000).
        seed: of the starts and of imp's nodes.
        max_steps: of one search; a fit searches up to six times, each from where the last one ended.
        optimiser: bfgs, lbfgs or adam (see `twinsim.calibrate.directions`); saem has its own steps.
        standard_errors: sandwich, r or s (see `twinsim.calibrate.uncertainty`); None: none.
        checkpoint: a folder for what was computed; a fit that was killed goes on from there to the same bits.
        told: hears the number, the objective and the numbers of every step.

    Raises:
        UsageError: an unknown name, nothing to estimate, a number that starts at its bound, an output without residual
            error.
        DataError: nothing was observed, or patients that cannot be predicted with the model's own values.
    """
    if standard_errors is not None:
        one_of(standard_errors, KINDS, "standard_errors")
    study, unknowns, how, _ = ready = prepared(
        model, records, method, fit=fit, covariance=covariance, outputs=outputs, solver=solver, rtol=rtol,
        starts=starts, nodes=nodes, seed=seed, max_steps=max_steps, optimiser=optimiser,
    )  # fmt: skip
    kept = ready.kept_in(checkpoint)

    def tell(number: int, value: float, z: np.ndarray) -> None:
        if told is not None:
            told(number, value, unknowns.model(z, study.model).thetas)

    begin = unknowns.begin(study.model)
    summit = ascend(study, unknowns, how, begin, places(study, how.starts, how.seed), kept, tell)
    return _result(study, unknowns, method, summit, standard_errors)


def _result(study: Study, unknowns: Unknowns, method: str, summit: Summit, kind: str | None) -> Fit:
    model, ended, point = study.model, summit.searched, summit.point
    against = objections(study, unknowns, summit)
    if against:
        log.warning("the fit did not converge: %s", against[0])
    labels = unknowns.labels(model)
    covariance = np.full((len(labels), len(labels)), np.nan)
    if kind is not None:
        covariance = natural_covariance(unknowns, model, point.z, summit.sharp, kind)
        if kind != "r" and not summit.sharp.whole and not summit.sharp.flat.size:
            kind = "r"
            log.warning("standard errors are those of R: patients are too few for a sandwich of %d values", len(labels))
    fitted = unknowns.model(point.z, model)
    etas, occasions = effects_of(study, fitted, summit.modes.nu)
    return Fit(
        model=fitted,
        method=method,
        objective=point.value,
        constant=study.constant,
        estimates={name: fitted.numbers[name].value for name in unknowns.names},
        omega=fitted.omega,
        omega_occasion=fitted.omega_occasion,
        values=dict(zip(labels, natural_values(unknowns, fitted).tolist(), strict=True)),
        errors_by=kind,
        standard_errors=dict(zip(labels, np.sqrt(np.diag(covariance)).tolist(), strict=True)),
        covariance=covariance,
        condition=summit.sharp.condition,
        etas=etas,
        occasion_etas=occasions,
        shares=point.evaluation.value,
        converged=not against,
        reason="; ".join(against) or ended.reason,
        trace=ended.trace,
        path=natural_path(unknowns, model, ended.path),
        evaluations=ended.evaluations,
    )
