"""How sharp a minimum is, and what follows for the estimates.

    R = second derivative of the objective / 2         by central differences of the exact gradient
    S = sum g_i g_i^T / 4 + information of priors      g_i: gradient of patient i's share of the objective
    covariance    R^-1 S R^-1 (sandwich, NONMEM's default),  R^-1,  or S^-1

on the scale of the search, and from there to numbers and covariances by the derivatives of that scale. No more patients
than unknowns leave S singular whatever they tell: R then stands in for it.

A direction of which no patient's gradient says anything is one that the records do not tell. S shows it exactly where
there are more patients than unknowns; R only to the error of a difference, which a curved valley makes large.

Source: White 1982, Econometrica 50:1 (the sandwich); NONMEM Users Guide VIII, $COVARIANCE (MATRIX=R, MATRIX=S).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from twinsim.calibrate.search import Point
from twinsim.calibrate.unknowns import Unknowns, natural_slopes
from twinsim.population.model import PopulationModel

KINDS = ("sandwich", "r", "s")
STEP, LONGEST = 2e-3, 0.02  # of a difference, in standard deviations as patients' gradients tell them; and at most
FLAT = 1e-6  # of the largest curvature, where every unknown is scaled by its own
SILENT = 1e-9  # the same of S, whose gradients are exact


class Sharpness(NamedTuple):
    """Curvature at a place.

    Attributes:
        second: second derivative of the objective (unknown, unknown).
        outer: 2 S (unknown, unknown); whole: whether it can be inverted.
        gain: what a Newton step foretells; NaN where the curvature is not positive.
        condition: largest over smallest eigenvalue of the second derivative, every unknown scaled by its own.
        flat: weights of the unknowns in the flattest direction (unknown); empty where nothing is flat.
    """

    second: np.ndarray
    outer: np.ndarray
    whole: bool
    gain: float
    condition: float
    flat: np.ndarray


def sharpness(point_at: Callable[[np.ndarray], Point], point: Point) -> Sharpness:
    """The curvature of the objective at a place.

    Args:
        point_at: unknowns -> the objective there.
    """
    second = _second_derivative(point_at, point)
    many = _different(point.evaluation.gradient) > len(point.z)
    silent = _flattest(point.outer, SILENT)
    flat = silent if many and silent.size else _flattest(second, FLAT)
    whole = many and not silent.size
    if flat.size:
        return Sharpness(second, point.outer, whole, np.nan, np.inf, flat)
    scale = np.sqrt(np.diag(second))
    values = np.linalg.eigvalsh(second / np.outer(scale, scale))
    gain = 0.5 * float(point.gradient @ np.linalg.solve(second, point.gradient))
    condition = float(values[-1] / values[0]) if values.size else 1.0
    return Sharpness(second, point.outer, whole, gain, condition, flat)


def _different(gradient: np.ndarray) -> int:
    """How many patients tell something of their own: one that is there again, as in a resample, tells nothing more.

    Args:
        gradient: (unknown, patient).
    """
    size = np.abs(gradient).max(axis=1, initial=1e-300)[:, None]
    apart = np.unique(np.round(gradient / size, 9), axis=1)
    return int((apart != 0.0).any(axis=0).sum())


def _second_derivative(point_at: Callable[[np.ndarray], Point], point: Point) -> np.ndarray:
    """By central differences (unknown, unknown)."""
    size = len(point.z)
    steps = np.minimum(STEP / np.sqrt(np.maximum(np.diag(point.outer), 1e-4)), LONGEST)
    second = np.zeros((size, size))
    for i, h in enumerate(steps):
        unit = np.eye(size)[i] * h
        second[i] = (point_at(point.z + unit).gradient - point_at(point.z - unit).gradient) / (2.0 * h)
    return 0.5 * (second + second.T)


def _flattest(matrix: np.ndarray, least: float) -> np.ndarray:
    """Weights of the unknowns in the flattest direction of a curvature (unknown); empty where nothing is flat.

    Args:
        least: of the largest eigenvalue, every unknown scaled by its own, up to which a direction is flat.
    """
    diagonal = np.diag(matrix)
    curved = np.isfinite(diagonal) & (diagonal > 0.0)
    if not (curved.all() and np.isfinite(matrix).all()):
        return np.where(curved, 0.0, 1.0)
    scale = np.sqrt(diagonal)
    values, vectors = np.linalg.eigh(matrix / np.outer(scale, scale))
    return vectors[:, 0] if values.size and values[0] <= least * values[-1] else np.zeros(0)


def natural_covariance(
    unknowns: Unknowns, model: PopulationModel, z: np.ndarray, sharp: Sharpness, kind: str
) -> np.ndarray:
    """Covariance of numbers and covariances at a place (value, value), see `covariance_of`."""
    return covariance_of(sharp, natural_slopes(unknowns, model, z), kind)


def covariance_of(sharp: Sharpness, slopes: np.ndarray, kind: str) -> np.ndarray:
    """Covariance of the natural values (value, value); NaN where the objective is flat.

    Args:
        slopes: derivatives of the natural values by the unknowns (value, unknown).
        kind: one of KINDS; r in place of the others where S is not whole.
    """
    if sharp.flat.size:
        return np.full((len(slopes), len(slopes)), np.nan)
    r, s = 0.5 * sharp.second, 0.5 * sharp.outer
    kind = kind if sharp.whole else "r"
    inverse = np.linalg.inv(s if kind == "s" else r)
    matrix = inverse @ s @ inverse if kind == "sandwich" else inverse
    return slopes @ (0.5 * (matrix + matrix.T)) @ slopes.T
