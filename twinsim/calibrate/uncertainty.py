"""How sharp a minimum is, and what follows for the estimates.

    R = second derivative of the objective / 2         by central differences of the exact gradient
    S = sum g_i g_i^T / 4                              g_i: gradient of patient i's share of the objective
    covariance    R^-1 S R^-1 (sandwich, NONMEM's default),  R^-1,  or S^-1

on the scale of the search, and from there to numbers and covariances by the derivatives of that scale.

Source: White 1982, Econometrica 50:1 (the sandwich); NONMEM Users Guide VIII, $COVARIANCE (MATRIX=R, MATRIX=S).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from twinsim.calibrate.search import Point
from twinsim.calibrate.unknowns import Unknowns, given_of
from twinsim.population.model import PopulationModel

KINDS = ("sandwich", "r", "s")
STEP = 0.01  # of a difference, in standard deviations as patients' gradients tell them
FLAT = 1e-7  # of the largest curvature, where every unknown is scaled by its own


class Sharpness(NamedTuple):
    """Curvature at a place.

    Attributes:
        second: second derivative of the objective (unknown, unknown).
        outer: sum g_i g_i^T / 2 (unknown, unknown).
        gain: what a Newton step foretells; NaN where the curvature is not positive.
        condition: largest over smallest eigenvalue of the second derivative, every unknown scaled by its own.
        flat: weights of the unknowns in the flattest direction (unknown); empty where nothing is flat.
    """

    second: np.ndarray
    outer: np.ndarray
    gain: float
    condition: float
    flat: np.ndarray


def sharpness(point_at: Callable[[np.ndarray], Point], point: Point) -> Sharpness:
    """The curvature of the objective at a place.

    Args:
        point_at: unknowns -> the objective there.
    """
    size = len(point.z)
    steps = STEP / np.sqrt(np.maximum(np.diag(point.outer), 1e-4))
    second = np.zeros((size, size))
    for i, h in enumerate(np.minimum(steps, 0.1)):
        unit = np.eye(size)[i] * h
        second[i] = (point_at(point.z + unit).gradient - point_at(point.z - unit).gradient) / (2.0 * h)
    second = 0.5 * (second + second.T)
    diagonal = np.diag(second)
    if not np.isfinite(second).all() or (diagonal <= 0.0).any():
        flat = np.where(np.isfinite(diagonal) & (diagonal > 0.0), 0.0, 1.0)
        return Sharpness(second, point.outer, np.nan, np.inf, flat)
    scale = np.sqrt(diagonal)
    values, vectors = np.linalg.eigh(second / np.outer(scale, scale))
    if values[0] <= FLAT * values[-1]:
        return Sharpness(second, point.outer, np.nan, np.inf, vectors[:, 0])
    gain = 0.5 * float(point.gradient @ np.linalg.solve(second, point.gradient))
    return Sharpness(second, point.outer, gain, float(values[-1] / values[0]), np.zeros(0))


def natural_covariance(
    unknowns: Unknowns, model: PopulationModel, z: np.ndarray, sharp: Sharpness, kind: str
) -> np.ndarray:
    """Covariance of numbers and covariances at a place (value, value), see `covariance_of`."""
    given = given_of(model)
    slopes = jax.jacobian(lambda z: unknowns.natural(z, given))(jnp.asarray(z))
    return covariance_of(sharp, np.asarray(slopes), kind)


def covariance_of(sharp: Sharpness, slopes: np.ndarray, kind: str) -> np.ndarray:
    """Covariance of the natural values (value, value); NaN where the objective is flat.

    Args:
        slopes: derivatives of the natural values by the unknowns (value, unknown).
        kind: one of KINDS.
    """
    if sharp.flat.size:
        return np.full((len(slopes), len(slopes)), np.nan)
    r, s = 0.5 * sharp.second, 0.5 * sharp.outer
    if kind == "s":
        matrix = np.linalg.pinv(s)
    else:
        inverse = np.linalg.inv(r)
        matrix = inverse if kind == "r" else inverse @ s @ inverse
    return slopes @ (0.5 * (matrix + matrix.T)) @ slopes.T
