"""What a fit estimates: numbers and covariances of a population model as one vector on an unbounded scale.

    numbers       by `twinsim.calibrate.scale`
    covariance    omega = L L^T, block by block: ln L_ii and L_ij, so that it stays positive definite

Patients' random effects are L nu with nu standard normal; that of a block which is not estimated stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from twinsim.calibrate.scale import Scale
from twinsim.errors import UsageError, nearest
from twinsim.population.model import PopulationModel

Block = tuple[int, ...]
COVARIANCES = ("as_is", "diagonal", "full")


class Given(NamedTuple):
    """Everything of a model that may be estimated, with the values it has now.

    Attributes:
        numbers: by theta name, ().
        factor, factor_occasion: L of the covariances between patients and between occasions (eta, eta).
    """

    numbers: Mapping[str, Array]
    factor: Array
    factor_occasion: Array


@dataclass(frozen=True)
class Unknowns:
    """Places of the vector.

    Attributes:
        names: theta names of the numbers that are estimated, and their scales.
        blocks, blocks_occasion: blocks of effects whose covariances are.
    """

    names: tuple[str, ...]
    scales: tuple[Scale, ...]
    blocks: tuple[Block, ...]
    blocks_occasion: tuple[Block, ...]

    @property
    def size(self) -> int:
        """Length of the vector."""
        return len(self.names) + sum(len(b) * (len(b) + 1) // 2 for b in (*self.blocks, *self.blocks_occasion))

    def begin(self, model: PopulationModel) -> np.ndarray:
        """The vector of a model's own values (unknown)."""
        z = []
        for name, scale in zip(self.names, self.scales, strict=True):
            try:
                z.append(scale.outward(model.numbers[name].value))
            except UsageError as fault:
                raise UsageError(f"{name}: {fault.what}", where=model.name, do=fault.do) from None
        rest = np.zeros(self.size - len(self.names))
        return self.with_covariances(np.concatenate([z, rest]), model.omega, model.omega_occasion)

    def with_covariances(self, z: np.ndarray, omega: np.ndarray, omega_occasion: np.ndarray) -> np.ndarray:
        """The vector with other covariances of the blocks that are estimated."""
        places = []
        for blocks, matrix in ((self.blocks, omega), (self.blocks_occasion, omega_occasion)):
            for block in blocks:
                factor = np.linalg.cholesky(matrix[np.ix_(block, block)])
                places += [math.log(factor[i, i]) if i == j else factor[i, j] for i, j in _lower(len(block))]
        return np.concatenate([z[: len(self.names)], places])

    def apply(self, z: Array, given: Given) -> Given:
        """Everything, with what the vector says.

        Args:
            z: (unknown, patient), of each patient its own copy, so that a sum over patients has their derivatives.

        Returns:
            numbers (1, patient | 1) and factors (eta, eta, patient | 1).
        """
        numbers = {name: jnp.asarray(value).reshape(1, 1) for name, value in given.numbers.items()}
        for i, (name, scale) in enumerate(zip(self.names, self.scales, strict=True)):
            numbers[name] = scale.inward(z[i : i + 1])
        at = len(self.names)
        factors = []
        for blocks, factor in ((self.blocks, given.factor), (self.blocks_occasion, given.factor_occasion)):
            # Entry by entry: there are few, and most of them are nothing.
            free = {i for block in blocks for i in block}
            entries = {(i, j): factor[i, j, None] for i, j in _lower(factor.shape[0]) if not {i, j} & free}
            for block in blocks:
                for i, j in _lower(len(block)):
                    entries[block[i], block[j]] = jnp.exp(z[at]) if i == j else z[at]
                    at += 1
            factors.append(_square(entries, factor.shape[0], z.shape[1]))
        return Given(numbers, *factors)

    def model(self, z: np.ndarray, model: PopulationModel) -> PopulationModel:
        """The model with the values of a vector (unknown)."""
        found = self.apply(jnp.asarray(z)[:, None], given_of(model))
        thetas = {name: float(found.numbers[name][0, 0]) for name in self.names}
        omegas = [np.asarray(factor[:, :, 0]) for factor in found[1:]]
        omegas = [factor @ factor.T for factor in omegas]
        changed = {}
        if self.blocks:
            changed["omega"] = omegas[0]
        if self.blocks_occasion:
            changed["omega_occasion"] = omegas[1]
        return model.with_thetas(thetas).with_omega(**changed)

    def labels(self, model: PopulationModel) -> tuple[str, ...]:
        """What the natural values of `natural` are called."""
        labels = list(self.names)
        levels = ((self.blocks, model.eta_names, "omega"), (self.blocks_occasion, model.occasion_eta_names, "kappa"))
        for blocks, names, word in levels:
            labels += [f"{word}({names[b[i]]},{names[b[j]]})" for b in blocks for i, j in _lower(len(b))]
        return tuple(labels)

    def natural(self, z: Array, given: Given) -> Array:
        """Numbers and covariances of a vector (unknown), in the order of the labels."""
        found = self.apply(z[:, None], given)
        values = [found.numbers[name][0, 0] for name in self.names]
        for blocks, factor in ((self.blocks, found.factor), (self.blocks_occasion, found.factor_occasion)):
            omega = jnp.sum(factor[:, None, :, 0] * factor[None, :, :, 0], axis=2)
            values += [omega[b[i], b[j]] for b in blocks for i, j in _lower(len(b))]
        return jnp.stack(values) if values else jnp.zeros(0)


NOTHING = Unknowns((), (), (), ())  # is estimated: a model is looked at as it is


def given_of(model: PopulationModel) -> Given:
    """A model's own values."""
    numbers = {name: jnp.asarray(number.value, jnp.float64) for name, number in model.numbers.items()}
    factors = [np.linalg.cholesky(omega) if omega.size else omega for omega in (model.omega, model.omega_occasion)]
    return Given(numbers, *(jnp.asarray(factor) for factor in factors))


def natural_values(unknowns: Unknowns, model: PopulationModel) -> np.ndarray:
    """A model's own numbers and covariances, in the order of the labels (value)."""
    numbers = [model.numbers[name].value for name in unknowns.names]
    levels = ((unknowns.blocks, model.omega), (unknowns.blocks_occasion, model.omega_occasion))
    entries = [omega[b[i], b[j]] for blocks, omega in levels for b in blocks for i, j in _lower(len(b))]
    return np.asarray([*numbers, *entries], np.float64)


def natural_path(unknowns: Unknowns, model: PopulationModel, path: np.ndarray) -> np.ndarray:
    """Natural values at each place of a search (step, value).

    Args:
        path: (step, unknown).
    """
    given = given_of(model)
    found = [np.asarray(_natural(unknowns, z, given)) for z in path]
    return np.asarray(found, np.float64).reshape(len(path), unknowns.size)


def natural_slopes(unknowns: Unknowns, model: PopulationModel, z: np.ndarray) -> np.ndarray:
    """Derivatives of the natural values by the unknowns (value, unknown)."""
    return np.asarray(_natural_slopes(unknowns, z, given_of(model)))


# Programs of one place, so that paths of any length share them.
_natural = jax.jit(Unknowns.natural, static_argnums=0)
_natural_slopes = jax.jit(jax.jacfwd(Unknowns.natural, argnums=1), static_argnums=0)


def unknowns_of(
    model: PopulationModel, fit: Sequence[str] | None = None, covariance: str = "as_is", random: bool = True
) -> Unknowns:
    """What is to be estimated of a model.

    Args:
        fit: theta names; None: all that are not fixed.
        covariance: of the random effects: as the model's file has it, diagonal, or full.
        random: estimate covariances of random effects at all.

    Raises:
        UsageError: an unknown name.
    """
    for name in fit or ():
        if name not in model.numbers:
            raise UsageError(f"the model has no number {name!r}", where="fit", do=nearest(name, model.numbers))
    if covariance not in COVARIANCES:
        raise UsageError(f"{covariance!r} is no covariance", where="covariance", do=nearest(covariance, COVARIANCES))
    names = tuple(fit) if fit is not None else model.theta_names
    levels = ((model.parts.between_patients, model.omega), (model.parts.between_occasions, model.omega_occasion))
    for level, omega in levels:
        fixed = np.asarray(level.fixed, bool)
        if (omega[np.ix_(fixed, ~fixed)] != 0.0).any():
            what = "a random effect that is fixed varies together with one that is estimated"
            raise UsageError(what, where=model.name, do="fix both, or neither")
    blocks = [_blocks(omega, level.fixed, covariance) if random else () for level, omega in levels]
    return Unknowns(names, tuple(Scale(*model.numbers[name].bounds) for name in names), *blocks)


def _blocks(omega: np.ndarray, fixed: Sequence[bool], covariance: str) -> tuple[Block, ...]:
    """Effects that vary together, those that are not fixed."""
    free = [i for i in range(len(omega)) if not fixed[i]]
    if covariance == "diagonal":
        return tuple((i,) for i in free)
    if covariance == "full":
        return (tuple(free),) if free else ()
    blocks, left = [], list(free)
    while left:
        block = [left.pop(0)]
        for i in block:
            block += (joined := [j for j in left if omega[i, j] != 0.0])
            left = [j for j in left if j not in joined]
        blocks.append(tuple(sorted(block)))
    return tuple(blocks)


def _lower(size: int) -> list[tuple[int, int]]:
    """Entries of a lower triangle, row by row."""
    return [(i, j) for i in range(size) for j in range(i + 1)]


def _square(entries: Mapping[tuple[int, int], Array], size: int, patients: int) -> Array:
    """Entries (patient | 1) as a matrix (row, column, patient)."""
    nothing = jnp.zeros((patients,))
    rows = [
        jnp.stack([jnp.broadcast_to(entries.get((i, j), nothing), (patients,)) for j in range(size)])
        for i in range(size)
    ]
    return jnp.stack(rows) if rows else jnp.zeros((0, 0, patients))
