"""Population fits: typical values, covariate coefficients, variabilities and residual errors from observed data."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernels import status as codes
from twinsim.calibrate.approximations import METHODS
from twinsim.calibrate.evaluate import Evaluation, Evaluator
from twinsim.calibrate.search import Memory, Point, Search, Searched, no_penalty
from twinsim.calibrate.study import Study, study_of
from twinsim.calibrate.uncertainty import KINDS, Sharpness, covariance_of, sharpness
from twinsim.calibrate.unknowns import Unknowns, given_of, unknowns_of
from twinsim.errors import DataError, UsageError, nearest
from twinsim.population.model import PopulationModel, population_model
from twinsim.records import Records

log = logging.getLogger(__name__)
ROUNDS = 4  # searches, each from where the one before ended, until a Newton step foretells next to nothing
GAIN = 1e-4  # foretold fall of the objective by a Newton step, below which a place is a minimum
EDGE = 14.0  # from 0 on the unbounded scale: a number within a millionth of its bound
SMALL_SD = 1e-3  # of a random effect: none


@dataclass(frozen=True, eq=False)
class Fit:
    """What a calibration found.

    Attributes:
        model: with the fitted numbers and covariances.
        method: by which objective.
        objective: -2 log likelihood, approximated as the method does, without n ln 2 pi; constant: n ln 2 pi.
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
        trace: objective after each step.
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
    seed: int = 0,
) -> float:
    """-2 log likelihood of records at a model's own values, in NONMEM's convention, without n ln 2 pi.

    Args: see `fit`.
    """
    study = study_of(population_model(model), records, outputs=outputs, solver=solver, rtol=rtol)
    evaluator = Evaluator(study, unknowns_of(study.model), _known(method, METHODS, "method"))
    z = evaluator.unknowns.begin(study.model)
    found = evaluator.at(z, evaluator.modes(z, _starts(study, starts, seed)))
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
    seed: int = 0,
    max_steps: int = 300,
    standard_errors: str | None = "sandwich",
    memory: Memory | None = None,
    told: Callable[[int, float, Mapping[str, float]], None] | None = None,
) -> Fit:
    """Fit a model's numbers and covariances to records.

    Args:
        model: what a fit starts from.
        method: fo, foce, focei or laplace; see `twinsim.calibrate.approximations`.
        fit: theta names; by default all that are not fixed.
        covariance: of random effects: as_is as in the model's file, diagonal, or full.
        outputs: dvid -> output, where labels and names differ.
        solver, rtol: see `twinsim.solver.choose_solver`.
        starts: from how many places random effects are searched, the first at 0.
        seed: of the others.
        max_steps: of the search.
        standard_errors: sandwich, r or s (see `twinsim.calibrate.uncertainty`); None: none.
        memory: where evaluations are kept; a search that was killed goes on with them.
        told: hears the number, the objective and the estimates of every step.

    Raises:
        UsageError: an unknown name, a number that starts at its bound, an output without residual error.
        DataError: nothing was observed, or patients that cannot be predicted with the model's own values.
    """
    _known(method, METHODS, "method")
    if standard_errors is not None:
        _known(standard_errors, KINDS, "standard_errors")
    study = study_of(population_model(model), records, outputs=outputs, solver=solver, rtol=rtol)
    unknowns = unknowns_of(study.model, fit, covariance)
    search = Search(Evaluator(study, unknowns, method), no_penalty, memory)
    if told is not None:
        search.told = lambda number, value, z: told(number, value, unknowns.model(z, study.model).thetas)
    ended, sharp = _searched(study, search, unknowns.begin(study.model), _starts(study, starts, seed), max_steps)
    ended = _judged(study, unknowns, ended, sharp)
    if not ended.converged:
        log.warning("the fit did not converge: %s", ended.reason)
    return _result(study, unknowns, method, ended, sharp, standard_errors)


def _searched(
    study: Study, search: Search, z: np.ndarray, starts: list[np.ndarray], max_steps: int
) -> tuple[Searched, Sharpness]:
    """Search and look at the curvature, until it agrees that this is a minimum."""
    begin = search.point(z, starts)
    _require_finite(study, begin.evaluation)
    for _ in range(ROUNDS):
        ended = search.run(begin, max_steps)
        # Random effects may have been carried along to a place that is not their most likely one.
        here = search.point(ended.point.z, [ended.point.evaluation.modes.nu, *starts])
        ended = replace(ended, point=here, evaluations=search.evaluations)
        nu = here.evaluation.modes.nu
        sharp = sharpness(lambda z, nu=nu: search.point(z, [nu]), here)
        if not ended.converged or sharp.flat.size or sharp.gain <= GAIN:
            break
        begin = here
    return replace(ended, evaluations=search.evaluations), sharp


def _judged(study: Study, unknowns: Unknowns, ended: Searched, sharp: Sharpness) -> Searched:
    """The end of a search, converged only where nothing speaks against it."""
    model, z = study.model, ended.point.z
    lost = [study.name(i) for i in np.flatnonzero(~ended.point.evaluation.modes.arrived)]
    edge = _at_bound(unknowns, model, z)
    if not ended.converged:
        return ended
    if lost:
        some = ", ".join(lost[:5])
        return replace(ended, converged=False, reason=f"random effects of {len(lost)} patients were not found: {some}")
    if edge:
        return replace(ended, converged=False, reason=f"{edge[0]}; {len(edge)} in all" if edge[1:] else edge[0])
    if sharp.flat.size:
        labels = unknowns.labels(model)
        order = np.argsort(-np.abs(sharp.flat))
        names = [labels[i] for i in order if abs(sharp.flat[i]) > 0.3]
        what = f"the records do not tell {' and '.join(names)}"
        return replace(ended, converged=False, reason=f"{what}{' apart' if names[1:] else ''}: fix one of them")
    if sharp.gain > GAIN:
        return replace(ended, converged=False, reason=f"a Newton step still foretells a change of {sharp.gain:.1g}")
    return ended


def _at_bound(unknowns: Unknowns, model: PopulationModel, z: np.ndarray) -> list[str]:
    """Unknowns that ran to a bound, in words."""
    found = []
    for name, scale, place in zip(unknowns.names, unknowns.scales, z, strict=False):
        if math.isfinite(scale.low) and place < -EDGE:
            found.append(f"{name} is at its bound {scale.low:g}: fix it there")
        if math.isfinite(scale.high) and place > EDGE:
            found.append(f"{name} is at its bound {scale.high:g}: fix it there")
    fitted = unknowns.model(z, model)
    levels = ((unknowns.blocks, fitted.omega, fitted.eta_names),)
    levels += ((unknowns.blocks_occasion, fitted.omega_occasion, fitted.occasion_eta_names),)
    for blocks, omega, names in levels:
        for block in blocks:
            part = omega[np.ix_(block, block)]
            scale = np.sqrt(np.diag(part))
            small = [names[i] for i, sd in zip(block, scale, strict=True) if sd < SMALL_SD]
            found += [f"the variance of {name} is at its bound 0: leave this random effect out" for name in small]
            if not small and len(block) > 1 and np.linalg.eigvalsh(part / np.outer(scale, scale))[0] < 1e-6:
                which = ", ".join(names[i] for i in block)
                found.append(f"the covariance of {which} is singular: let fewer of them vary together")
    return found


def _result(
    study: Study, unknowns: Unknowns, method: str, ended: Searched, sharp: Sharpness, kind: str | None
) -> Fit:
    model, z, given = study.model, jnp.asarray(ended.point.z), given_of(study.model)
    labels = unknowns.labels(model)
    covariance = np.full((len(labels), len(labels)), np.nan)
    if kind is not None:
        slopes = np.asarray(jax.jacobian(lambda z: unknowns.natural(z, given))(z))
        covariance = covariance_of(sharp, slopes, kind)
    fitted = unknowns.model(ended.point.z, model)
    etas, occasions = _effects(study, fitted, ended.point.evaluation.modes.nu)
    return Fit(
        model=fitted,
        method=method,
        objective=ended.point.value,
        constant=study.constant,
        estimates={name: fitted.numbers[name].value for name in unknowns.names},
        omega=fitted.omega,
        omega_occasion=fitted.omega_occasion,
        standard_errors=dict(zip(labels, np.sqrt(np.diag(covariance)).tolist(), strict=True)),
        covariance=covariance,
        condition=sharp.condition,
        etas=etas,
        occasion_etas=occasions,
        shares=ended.point.evaluation.value,
        converged=ended.converged,
        reason=ended.reason,
        trace=ended.trace,
        evaluations=ended.evaluations,
    )


def _effects(study: Study, model: PopulationModel, nu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Random effects of standard normal ones."""
    size, own = len(model.eta_names), len(model.occasion_eta_names)
    factors = [np.linalg.cholesky(o) if o.size else o for o in (model.omega, model.omega_occasion)]
    rest = nu[size:].reshape(own, study.outline.occasions, nu.shape[1])
    return factors[0] @ nu[:size], np.einsum("ij,jop->iop", factors[1], rest)


def _starts(study: Study, starts: int, seed: int) -> list[np.ndarray]:
    """Where random effects are searched from: 0 first, then places drawn once for all patients (effect, 1)."""
    drawn = np.random.default_rng(seed).standard_normal((max(1, starts), study.outline.effects, 1))
    drawn[0] = 0.0
    return list(drawn)


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
