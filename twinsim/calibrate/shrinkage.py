"""Shrinkage: how much less most likely random effects and residuals vary than the model says.

    effects     1 - sd(eta*) / sqrt(omega)      and on the scale of variances   1 - var(eta*) / omega
    residuals   1 - sd(IWRES)                   and                             1 - var(IWRES)

sd with n - 1, about the mean. Shrinkage near 1 says that a patient's data tell little about that effect.

Source: Savic and Karlsson 2009, AAPS J 11:558, doi:10.1208/s12248-009-9133-0; both scales as in NONMEM's ETASHRINKSD,
ETASHRINKVR, EPSSHRINKSD and EPSSHRINKVR.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from twinsim.population.model import PopulationModel, population_model
from twinsim.records import Records


def shrinkage(
    model: str | PopulationModel,
    records: Records,
    etas: Any,
    occasion_etas: Any = None,
    residuals: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Shrinkage of every random effect, and of residuals.

    Args:
        etas: most likely random effects (eta, patient), such as `Fit.etas`.
        occasion_etas: those of occasions (eta, occasion, patient); only occasions that a patient has count.
        residuals: a table of `twinsim.calibrate.residuals.residuals`, for the residuals of each output.

    Returns:
        LEVEL NAME MEAN SD MODEL_SD SHRINKAGE_SD SHRINKAGE_VARIANCE, one row per effect; LEVEL is eta, kappa or epsilon.
    """
    model = population_model(model)
    rows = [
        _row("eta", name, values, model.omega[i, i])
        for i, (name, values) in enumerate(zip(model.eta_names, np.asarray(etas), strict=True))
    ]
    if occasion_etas is not None and model.occasion_eta_names:
        has = np.zeros(np.shape(occasion_etas)[1:], bool)
        has[np.unique(records.occ, return_inverse=True)[1], records.patient] = True
        rows += [
            _row("kappa", name, values[has], model.omega_occasion[i, i])
            for i, (name, values) in enumerate(zip(model.occasion_eta_names, np.asarray(occasion_etas), strict=True))
        ]
    if residuals is not None:
        known = residuals[np.isfinite(residuals["IWRES"])]
        rows += [
            _row("epsilon", str(label), values.to_numpy(), 1.0) for label, values in known.groupby("DVID")["IWRES"]
        ]
    return pd.DataFrame(rows)


def _row(level: str, name: str, values: np.ndarray, variance: float) -> dict[str, Any]:
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else np.nan
    return {
        "LEVEL": level,
        "NAME": name,
        "MEAN": float(np.mean(values)),
        "SD": sd,
        "MODEL_SD": float(np.sqrt(variance)),
        "SHRINKAGE_SD": 1.0 - sd / float(np.sqrt(variance)),
        "SHRINKAGE_VARIANCE": 1.0 - sd**2 / float(variance),
    }
