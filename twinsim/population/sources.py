"""Where each number of a population model comes from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from twinsim.population.fields import Number
from twinsim.population.variability import RandomEffects


@dataclass(frozen=True)
class Sourced:
    """One number of a model with where it comes from."""

    name: str
    value: float
    unit: str
    meaning: str
    source: str
    fixed: bool


def numbers_of(numbers: Iterable[Number]) -> list[Sourced]:
    """Rows of typical values, covariate coefficients and residual errors."""
    return [Sourced(n.name, n.value, n.unit, n.meaning, n.source, n.fixed) for n in numbers]


def effects_of(level: RandomEffects, omega: np.ndarray, label: str) -> list[Sourced]:
    """Rows of the variances and covariances of random effects, lower triangle."""
    result = []
    for i, first in enumerate(level.names):
        for j, second in enumerate(level.names[: i + 1]):
            if omega[i, j] != 0.0:
                name = f"{label}({first},{second})"
                meaning = f"{'variance' if i == j else 'covariance'} of a {level.distributions[i]} effect"
                result.append(Sourced(name, float(omega[i, j]), "1", meaning, level.sources[i], False))
    return result
