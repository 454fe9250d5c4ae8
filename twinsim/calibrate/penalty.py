"""Priors of a model as a penalty on the unknowns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from twinsim.calibrate.unknowns import Unknowns
from twinsim.population.model import PopulationModel
from twinsim.population.priors import Prior


@dataclass(frozen=True)
class Penalty:
    """Value and derivatives of a model's priors; those of numbers that are not estimated add what they are now."""

    unknowns: Unknowns
    model: PopulationModel

    def __call__(self, z: np.ndarray) -> tuple[float, np.ndarray]:
        """Value, and gradient (unknown)."""
        if not self._used:
            return self._still, np.zeros(len(z))
        value, gradient = self._derivatives(z)[:2]
        return float(value) + self._still, np.asarray(gradient)

    def curvature(self, z: np.ndarray) -> np.ndarray:
        """Second derivative (unknown, unknown)."""
        return np.asarray(self._derivatives(z)[2]) if self._used else np.zeros((len(z), len(z)))

    @cached_property
    def _used(self) -> tuple[Prior, ...]:
        return tuple(prior for prior in self.model.parts.priors if prior.name in self.unknowns.names)

    @cached_property
    def _still(self) -> float:
        """Of the numbers that stay as they are."""
        still = [prior for prior in self.model.parts.priors if prior.name not in self.unknowns.names]
        return sum((float(prior.penalty(self.model.numbers[prior.name].value)) for prior in still), start=0.0)

    @cached_property
    def _derivatives(self):
        return jax.jit(lambda z: (self._value(z), jax.grad(self._value)(z), jax.hessian(self._value)(z)))

    def _value(self, z: Array) -> Array:
        total = jnp.zeros(())
        for prior in self._used:
            place = self.unknowns.names.index(prior.name)
            total = total + prior.penalty(self.unknowns.scales[place].inward(z[place]))
        return total
