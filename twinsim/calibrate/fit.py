"""Population fits: typical values, covariate coefficients, variabilities and residual errors from observed data."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from kernels import status as codes
from twinsim.calibrate.approximations import METHODS
from twinsim.calibrate.checkpoint import Checkpoint
from twinsim.calibrate.climb import ALL_METHODS, Summit, climb, climb_marginal, climb_saem, look, nodes_of
from twinsim.calibrate.evaluate import Evaluation, Evaluator, effects_of, places
from twinsim.calibrate.judgement import objections
from twinsim.calibrate.marginal import Marginal
from twinsim.calibrate.penalty import Penalty
from twinsim.calibrate.search import Search
from twinsim.calibrate.study import Study, study_of
from twinsim.calibrate.uncertainty import KINDS, covariance_of
from twinsim.calibrate.unknowns import Unknowns, given_of, unknowns_of
from twinsim.errors import DataError, UsageError, nearest
from twinsim.population.model import PopulationModel, population_model
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
        standard_errors: by label: theta names, and omega(cl,v) or kappa(cl,cl) of covariances; NaN where there is none.
        covariance: of the estimates, in the order of the standard errors (label, label).
        condition: of the curvature at the minimum, every unknown scaled by its own; infinite where it is flat.
        etas: most likely random effects (eta, patient).
        occasion_etas: those of occasions (eta, occasion, patient).
        shares: each patient's share of the objective (patient).
        converged: whether the place is a minimum, as far as curvature tells.
        reason: how the search ended.
        trace: objective after each step; of saem, -2 log likelihood of observations given simulated effects.
        evaluations: how often the objective was computed.
    """

    model: PopulationModel
    method: str
    objective: float
    constant: float
    estimates: Mapping[str, float]
    omega: np.ndarray
    omega_occasion: np.ndarray
    standard_errors: Mapping[str, float]
    covariance: np.ndarray
    condition: float
    etas: np.ndarray
    occasion_etas: np.ndarray
    shares: np.ndarray
    converged: bool
    reason: str
    trace: tuple[float, ...]
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
    """-2 log likelihood of records at a model's own values, in NONMEM's convention, without n ln 2 pi.

    Args: see `fit`.
    """
    _known(method, ALL_METHODS, "method")
    study = study_of(population_model(model), records, outputs=outputs, solver=solver, rtol=rtol)
    unknowns = unknowns_of(study.model)
    z = unknowns.begin(study.model)
    found = look(study, unknowns, z, method, places(study, starts, seed), nodes, seed)
    _require_finite(study, found)
    return float(found.value.sum())


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
        max_steps: of a search.
        standard_errors: sandwich, r or s (see `twinsim.calibrate.uncertainty`); None: none.
        checkpoint: a folder for what was computed; a fit that was killed goes on from there to the same bits.
        told: hears the number, the objective and the numbers of every step.

    Raises:
        UsageError: an unknown name, a number that starts at its bound, an output without residual error.
        DataError: nothing was observed, or patients that cannot be predicted with the model's own values.
    """
    _known(method, ALL_METHODS, "method")
    if standard_errors is not None:
        _known(standard_errors, KINDS, "standard_errors")
    study = study_of(population_model(model), records, outputs=outputs, solver=solver, rtol=rtol)
    unknowns = unknowns_of(study.model, fit, covariance)
    begins = places(study, starts, seed)
    evaluator = Evaluator(study, unknowns, method if method in METHODS else "focei")
    penalty = Penalty(unknowns, study.model.parts.priors)
    search = Search(evaluator, penalty)
    if checkpoint is not None:
        options = {"method": method, "covariance": covariance, "starts": starts, "nodes": nodes, "seed": seed}
        options |= {
            "max_steps": max_steps,
            "solver": repr(study.outline.problem.solver),
            "fitted": list(unknowns.names),
        }
        search.checkpoint = Checkpoint(checkpoint, {**options, **study.identity})
    if told is not None:
        search.told = lambda number, value, z: told(number, value, unknowns.model(z, study.model).thetas)
    z, require = unknowns.begin(study.model), lambda found: _require_finite(study, found)
    if method in METHODS:
        summit = climb(search, z, begins, require, max_steps)
    else:
        marginal = Marginal(evaluator, nodes_of(study, method, nodes, seed))
        if method != "saem":
            z = climb(search, z, begins, require, max_steps).point.z
        search.evaluate = marginal
        if method == "saem":
            summit = climb_saem(study, search, marginal, penalty, z, begins, seed)
        else:
            summit = climb_marginal(search, marginal, z, begins, max_steps)
    return _result(study, unknowns, method, summit, standard_errors)


def _result(study: Study, unknowns: Unknowns, method: str, summit: Summit, kind: str | None) -> Fit:
    model, ended, point = study.model, summit.searched, summit.point
    against = objections(study, unknowns, point.z, summit.modes.arrived, summit.sharp, summit.gain)
    against = against if ended.converged else [ended.reason, *against]
    if against:
        log.warning("the fit did not converge: %s", against[0])
    labels, given, z = unknowns.labels(model), given_of(model), jnp.asarray(point.z)
    covariance = np.full((len(labels), len(labels)), np.nan)
    if kind is not None:
        slopes = np.asarray(jax.jacobian(lambda z: unknowns.natural(z, given))(z))
        covariance = covariance_of(summit.sharp, slopes, kind)
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
        standard_errors=dict(zip(labels, np.sqrt(np.diag(covariance)).tolist(), strict=True)),
        covariance=covariance,
        condition=summit.sharp.condition,
        etas=etas,
        occasion_etas=occasions,
        shares=point.evaluation.value,
        converged=not against,
        reason="; ".join(against) or ended.reason,
        trace=ended.trace,
        evaluations=ended.evaluations,
    )


def _require_finite(study: Study, found: Evaluation) -> None:
    """Refuse to begin with patients whose share of the objective is not a number."""
    bad = np.flatnonzero(~np.isfinite(found.value))
    if not bad.size:
        return
    which = []
    for i in bad[:5]:
        code = int(found.modes.status[i])
        why = codes.NAMES[code] if code != codes.OK else "an observation that is impossible: its variance is 0"
        which.append(f"{study.name(i)} ({why})")
    raise DataError(
        f"{bad.size} patients have no likelihood with the model's own values: {', '.join(which)}",
        where=study.records.source,
        do="change the values a fit starts from, or add an additive part to the residual error",
    )


def _known(value: str, known: Sequence[str], key: str) -> str:
    if value not in known:
        raise UsageError(f"{value!r} is no {key.replace('_', ' ')}", where=key, do=nearest(value, known))
    return value
