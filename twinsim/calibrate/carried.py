"""Where a fit begins: at what another model's fit found, or with one variance for all random effects."""

from __future__ import annotations

import numpy as np

from twinsim import units
from twinsim.population.model import PopulationModel
from twinsim.population.variability import RandomEffects


def carried(model: PopulationModel, found: PopulationModel) -> PopulationModel:
    """A model with the numbers and covariances that another one has under the same names.

    What is fixed in one of them stays, and what means something else there: numbers of other units, residual errors of
    another kind, random effects of another distribution.
    """
    theirs = found.error_models
    own = {
        number.name
        for output, error in model.error_models.items()
        if output not in theirs or theirs[output].kind != error.kind
        for number in error.numbers.values()
    }
    values = {}
    for name, number in model.numbers.items():
        same = found.numbers.get(name)
        free = same is not None and not (same.fixed or number.fixed) and name not in own
        if same is not None and free and units.compatible(same.unit, number.unit):
            values[name] = same.value * units.factor(same.unit, number.unit)
    here, there = model.parts, found.parts
    return model.with_thetas(values).with_omega(
        _covariance(model.omega, here.between_patients, found.omega, there.between_patients),
        _covariance(model.omega_occasion, here.between_occasions, found.omega_occasion, there.between_occasions),
    )


def _covariance(own: np.ndarray, here: RandomEffects, found: np.ndarray, there: RandomEffects) -> np.ndarray | None:
    """Variances of the effects that both have, and those of their covariances that the model has.

    Other covariances are scaled with the variances: their correlations stay.
    """
    places = {name: i for i, name in enumerate(there.names)}
    shared = {
        i: places[name]
        for i, name in enumerate(here.names)
        if name in places and not here.fixed[i] and here.distributions[i] == there.distributions[places[name]]
    }
    if not shared:
        return None
    scale = np.ones(len(own))
    for i, j in shared.items():
        scale[i] = np.sqrt(found[j, j] / own[i, i])
    made = own * np.outer(scale, scale)
    for i, j in shared.items():
        for k, m in shared.items():
            if own[i, k] != 0.0:
                made[i, k] = found[j, m]
    return made


def with_variance(model: PopulationModel, variance: float) -> PopulationModel:
    """A model with one variance for all random effects that are not fixed; correlations stay."""
    made = []
    levels = ((model.omega, model.parts.between_patients), (model.omega_occasion, model.parts.between_occasions))
    for omega, level in levels:
        scale = np.asarray([1.0 if fixed else np.sqrt(variance / omega[i, i]) for i, fixed in enumerate(level.fixed)])
        made.append(omega * np.outer(scale, scale) if omega.size else None)
    return model.with_omega(*made)
