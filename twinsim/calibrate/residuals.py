"""Residuals of observations under a population model, with NONMEM's names.

    RES     y - f(0)                 WRES    C(0)^(-1/2) (y - f(0))
    IRES    y - f(eta*)              IWRES   (y - f(eta*)) / sqrt(v)
                                     CWRES   C(eta*)^(-1/2) (y - f(eta*) + f'(eta*) eta*)

    C(eta) = f'(eta) omega f'(eta)^T + diag(v)

eta* are a patient's most likely random effects, f' the derivatives by them, and v the residual variances as they are at
the predictions that C is made at. The root is the symmetric one, A^(-1/2) = Q diag(1 / sqrt(lambda)) Q^T, which treats
all observations of a patient alike; Cholesky's depends on their order.

Where the error is lognormal, y and f are logarithms.

Source: Hooker, Staatz and Karlsson 2007, Pharm Res 24:2187, doi:10.1007/s11095-007-9361-x (CWRES), whose program takes
the symmetric root, as NONMEM does ("WRES SQUARE ROOT TYPE (WRESCHOL): EIGENVALUE").
Differs: NONMEM calls CWRES with v at eta* CWRESI, and takes v at 0 for the one it calls CWRES (interaction=False here).
nlmixr2 divides by the roots of the diagonal of C.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd

from twinsim.calibrate.approximations import slopes_of
from twinsim.calibrate.course import Course
from twinsim.calibrate.elapsed import time_after_dose
from twinsim.calibrate.evaluate import Everyone, over_patients
from twinsim.calibrate.study import Outline, Study, study_of
from twinsim.calibrate.unknowns import NOTHING, given_of
from twinsim.population.model import PopulationModel, population_model
from twinsim.prediction import predict
from twinsim.records import Records


def residuals(
    model: str | PopulationModel,
    records: Records,
    etas: Any,
    occasion_etas: Any = None,
    *,
    outputs: Mapping[str, str] | None = None,
    solver: str = "auto",
    rtol: float | None = None,
    interaction: bool = True,
) -> pd.DataFrame:
    """Predictions and residuals of every record.

    Args:
        model: with its numbers and covariances, such as `Fit.model`.
        etas: most likely random effects (eta, patient), such as `Fit.etas`.
        occasion_etas: those of occasions (eta, occasion, patient).
        outputs, solver, rtol: see `twinsim.fit`.
        interaction: CWRES has the residual variances at the individual predictions; False: at the typical ones.

    Returns:
        ID TIME TAD EVID CMT DVID OCC CENS DV PRED IPRED RES WRES IRES IWRES CWRES STATUS, one row per record in file
        order. Residuals are NaN where nothing was observed, and where an observation is censored.

    Raises:
        DataError, UsageError: see `twinsim.fit`; effects of the wrong shape.
    """
    model = population_model(model)
    how: dict[str, Any] = {"outputs": outputs, "solver": solver, "rtol": rtol}
    if not model.occasion_eta_names:
        occasion_etas = None
    predicted = predict(model, records, etas=etas, occasion_etas=occasion_etas, **how)
    study = study_of(model, records, **how)
    table = record_table(records).assign(
        CENS=records.cens, DV=records.dv, PRED=predicted["PRED"], IPRED=predicted["IPRED"]
    )
    for name, values in _weighted(study, np.asarray(etas, np.float64), occasion_etas, interaction).items():
        table[name] = _by_record(study, values)
    table["STATUS"] = predicted["STATUS"]
    return table


def record_table(records: Records) -> pd.DataFrame:
    """What a table of diagnostics says about each record: ID TIME TAD EVID CMT DVID OCC."""
    return pd.DataFrame(
        {
            "ID": records.ids[records.patient],
            "TIME": records.time,
            "TAD": time_after_dose(records),
            "EVID": records.evid,
            "CMT": records.cmt,
            "DVID": records.dvid,
            "OCC": records.occ,
        }
    )


def _by_record(study: Study, values: np.ndarray) -> np.ndarray:
    """Values of observations (row, patient) where they belong among the records (record)."""
    there = study.row >= 0
    laid = np.full(len(study.records), np.nan)
    laid[study.row[there]] = values[there]
    return laid


def _weighted(study: Study, etas: np.ndarray, occasion_etas: Any, interaction: bool) -> dict[str, np.ndarray]:
    """Residuals by name (row, patient), NaN where there is none."""
    nu = _standard(study, etas, occasion_etas)
    typical, individual = _linear(study, np.zeros_like(nu)), _linear(study, nu)
    observed = study.observed
    logged = np.asarray([study.model.error_models[name].log_scale for name in study.outline.outputs])[observed.kind]
    y = np.log(np.where(logged, observed.dv, 1.0))
    y = np.where(logged, y, observed.dv)
    known = observed.used & (observed.cens == 0)
    away = y - individual["mean"] + np.einsum("erp,ep->rp", individual["slopes"], nu)
    spread = individual if interaction else typical
    # The other way round to the data's unit: a logarithm has none.
    unit = np.where(logged, 1.0, observed.factor)
    res, ires = y - typical["mean"], y - individual["mean"]
    found = {
        "RES": res * unit,
        "WRES": whiten(res, typical["slopes"], typical["variance"], known),
        "IRES": ires * unit,
        "IWRES": ires / np.sqrt(np.where(known, individual["variance"], 1.0)),
        "CWRES": whiten(away, individual["slopes"], spread["variance"], known),
    }
    return {name: np.where(known, values, np.nan) for name, values in found.items()}


def whiten(residual: np.ndarray, slopes: np.ndarray, variance: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(F F^T + diag(v))^(-1/2) r of every patient, by the symmetric root.

    Args:
        residual: r (row, patient).
        slopes: F, derivatives by standard normal effects (effect, row, patient).
        variance: v (row, patient).
        known: rows that count (row, patient); the others are as if they were not there.

    Returns:
        (row, patient); NaN for a patient whose numbers are not finite.
    """
    f = np.where(known, slopes, 0.0)
    covariance = np.einsum("erp,esp->prs", f, f)
    rows = np.arange(len(residual))
    covariance[:, rows, rows] += np.where(known, variance, 1.0).T
    sound = np.isfinite(covariance).all(axis=(1, 2))
    covariance[~sound] = np.eye(len(rows))
    values, vectors = np.linalg.eigh(covariance)
    turned = np.einsum("prk,rp->pk", vectors, np.where(known, residual, 0.0))
    white = np.einsum("prk,pk->rp", vectors, turned / np.sqrt(values))
    return np.where(sound, white, np.nan)


def _standard(study: Study, etas: np.ndarray, occasion_etas: Any) -> np.ndarray:
    """Standard normal effects of random effects (effect, patient)."""
    model, patients = study.model, study.records.n_patients
    nu = np.linalg.solve(np.linalg.cholesky(model.omega), etas) if len(etas) else np.zeros((0, patients))
    if not model.occasion_eta_names:
        return nu
    kappas = np.zeros((len(model.occasion_eta_names), study.outline.occasions, patients))
    if occasion_etas is not None:
        kappas = np.asarray(occasion_etas, np.float64)
    rest = np.linalg.solve(np.linalg.cholesky(model.omega_occasion), kappas.reshape(len(kappas), -1))
    return np.concatenate([nu, rest.reshape(-1, patients)])


def _linear(study: Study, nu: np.ndarray) -> dict[str, np.ndarray]:
    """The observations' moments about effects nu (effect, patient): mean and variance (row, patient), slopes of the
    mean (effect, row, patient)."""
    return Everyone(study)(_linearised(study.outline), {"given": given_of(study.model)}, nu=nu)


@lru_cache(maxsize=32)
def _linearised(outline: Outline) -> Any:
    """The compiled moments and their slopes."""

    def linear(course: Course, own: Any, shared: Any) -> dict[str, Any]:
        given = course.unknowns.apply(jnp.zeros((0, 1)), course.given)
        predict = course.expanded(given, own["nu"], 1, "varied")[0]
        moments = lambda nu: course.moments(given, predict(course.inputs(given, nu)))  # noqa: E731
        at, slopes = slopes_of(moments, own["nu"])
        return {"mean": at.mean, "variance": jnp.exp(at.log_variance), "slopes": slopes.mean}

    return over_patients(linear, outline, NOTHING, {"mean": 2, "variance": 2, "slopes": 3})
