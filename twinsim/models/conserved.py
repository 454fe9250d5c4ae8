"""What a search for a structure's equilibrium must know: sums of states that never change, and states that count up.

    w J = 0 and w f = 0 for all states:  d(w x)/dt = 0         J = df/dx, f the rates

Both are tried at random states and parameters inside their bounds. The weights w may depend on parameters (a sum of
concentrations times volumes), so that only which states take part is found here, and the weights for each patient
(`kernels.equilibrium`). A state on which no rate depends and that is in no such sum (an area under a
curve, urine made so far) is a counter: an equilibrium leaves it where it starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernels.equilibrium import NO_LAWS, Laws
from twinsim.compiled_once import compiled_now
from twinsim.errors import UsageError
from twinsim.models import analysis
from twinsim.models.draws import drawn
from twinsim.models.structure import Structure

DRAWS, POINTS = 6, 3  # random sets of parameters, and of states for each
NOISE = 1e-15  # of the fastest rate
SINGULAR = 1e-11  # singular value, of a matrix whose rows and columns have been scaled to one, that is zero


@dataclass(frozen=True)
class Stillness:
    """What is known of a structure's equilibrium.

    Attributes:
        counters: indices of states that are left where they start.
        moving: indices of all others, in order.
        laws: sums of the moving ones that never change, by places in `moving`.
        positive: indices of states that never fall below zero by themselves.
    """

    counters: frozenset[int]
    moving: tuple[int, ...]
    laws: Laws
    positive: frozenset[int]


@dataclass(frozen=True)
class _Samples:
    """Rates and states (draw, point, state), J (draw, point, row, column), and the size of each state."""

    rates: np.ndarray
    slopes: np.ndarray
    states: np.ndarray
    size: np.ndarray
    positive: frozenset[int]


@lru_cache(maxsize=64)
def stillness(structure: Structure) -> Stillness:
    """Counters, sums that never change, and states that stay positive.

    >>> from twinsim.models.pd.turnover_pca import structure
    >>> stillness(structure).laws.rows, sorted(stillness(structure).positive)
    ((), [0])

    Raises:
        UsageError: rates that depend on time, or states that together grow for ever.
    """
    timed = analysis.timed_states(structure)
    if timed:
        raise UsageError(
            f"{structure.name} has no steady state",
            why=f"what changes {', '.join(timed)} depends on the time itself",
            do='leave start="equilibrium" out',
        )
    pattern, size = analysis.jacobian_pattern(structure), len(structure.states)
    samples = _sampled(structure)
    counting = _counting(pattern, size)
    moving = tuple(i for i in range(size) if i not in counting)
    for i in sorted(counting):  # what takes up all that others lose is no counter, but has a place in their sum
        more = tuple(sorted((*moving, i)))
        if len(_sums(samples, more)) > len(_sums(samples, moving)) and not _growing(samples, more):
            moving = more
    growing = _growing(samples, moving)
    if growing:
        raise UsageError(
            f"{structure.name} has no steady state",
            why=f"a sum of {', '.join(structure.state_names[moving[i]] for i in growing)} grows at a constant rate",
            do="give it a way out, or leave start=\"equilibrium\" out",
        )  # fmt: skip
    return Stillness(frozenset(range(size)) - set(moving), moving, _laws(samples, moving), samples.positive)


def _counting(pattern: frozenset[tuple[int, int]], size: int) -> frozenset[int]:
    """States on which no rate depends but those of other such states."""
    left = set(range(size))
    while True:
        free = {j for j in left if not any((i, j) in pattern for i in left)}
        if not free:
            return frozenset(range(size)) - left
        left -= free


def _sums(samples: _Samples, moving: tuple[int, ...]) -> np.ndarray:
    """Sums that no state changes the rate of, of the parameters that have fewest of them."""
    own = list(moving)
    found = [_null(slopes[:, own][:, :, own], samples.size[own]) for slopes in samples.slopes]
    return min(found, key=len, default=np.zeros((0, 0)))


def _growing(samples: _Samples, moving: tuple[int, ...]) -> list[int]:
    """Places of states that take part in a sum which changes at a constant rate."""
    places = list(moving)
    own_sums = [_null(slopes[:, places][:, :, places], samples.size[places]) for slopes in samples.slopes]
    fewest = min(map(len, own_sums), default=0)
    found: set[int] = set()
    for rates, null in zip(samples.rates, own_sums, strict=True):
        if len(null) > fewest:  # flows stand still at these states alone (no urine in shock): that is no law
            continue
        # weights that rounding leaves would count for much where the others' rates are exactly zero
        weights = np.abs(null) * samples.size[places]
        null = np.where(weights > 1e-9 * weights.max(axis=1, keepdims=True, initial=0.0), null, 0.0)
        for own in rates[:, places]:
            total = null @ own
            size = np.abs(null) @ np.abs(own)
            for row in np.flatnonzero(np.abs(total) > 1e-9 * size):
                found |= set(np.flatnonzero(np.abs(null[row]) * samples.size[places] > 1e-6).tolist())
    return sorted(found)


def _laws(samples: _Samples, moving: tuple[int, ...]) -> Laws:
    """Which equations the sums take the place of: those left over when all pivots of J are found."""
    own, count = list(moving), len(_sums(samples, moving))
    if count == 0:
        return NO_LAWS
    matrix = _scaled(samples.slopes[0, 0][np.ix_(own, own)], samples.size[own])[0]
    rows, columns = set(range(len(own))), []
    for _ in range(len(own) - count):
        at = np.unravel_index(np.argmax(np.abs(matrix)), matrix.shape)
        matrix = matrix - np.outer(matrix[:, at[1]], matrix[at[0]]) / matrix[at]
        matrix[at[0]], matrix[:, at[1]] = 0.0, 0.0
        rows.discard(int(at[0]))
        columns.append(int(at[1]))
    return Laws(tuple(sorted(rows)), tuple(sorted(columns)), tuple(samples.states[0, 0, own].tolist()))


def _null(slopes: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Sums (sum, state) that no state changes the rate of, at several states (point, row, column)."""
    if not slopes.shape[1]:
        return np.zeros((0, 0))
    # Side by side: a sum must hold at all of these states.
    matrix, rows = _scaled(np.concatenate(list(slopes), axis=1), np.tile(size, len(slopes)))
    left, values, _ = np.linalg.svd(matrix)
    rank = int(np.sum(values > SINGULAR * max(1.0, values[0])))
    return (left[:, rank:] * rows[:, None]).T


def _scaled(matrix: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns brought to about one, and the factors of the rows."""
    matrix, rows = matrix * size, np.ones(len(matrix))
    for _ in range(3):
        largest = np.abs(matrix).max(axis=1)
        factor = 1.0 / np.where(largest > 0.0, largest, 1.0)
        matrix, rows = matrix * factor[:, None], rows * factor
        largest = np.abs(matrix).max(axis=0)
        matrix = matrix / np.where(largest > 0.0, largest, 1.0)
    return matrix, rows


@lru_cache(maxsize=64)
def _sampled(structure: Structure) -> _Samples:
    """Rates and J at random states, those that are zero among them, under random parameters."""
    names = structure.state_names
    p, u, x, size = drawn(structure, DRAWS, POINTS, seed=20)

    def derivative(x: jax.Array, p: dict, u: dict) -> jax.Array:
        result = structure.derivative(jnp.float64(0.0), dict(zip(names, x, strict=True)), p, u)
        return jnp.stack([jnp.asarray(result[name], jnp.float64) for name in names])

    def everywhere(function: Any) -> Any:
        return jax.vmap(lambda x, p, u: jax.vmap(lambda x: function(x, p, u))(x))

    at = compiled_now(everywhere(derivative), x, p, u)
    slopes = np.asarray(compiled_now(everywhere(jax.jacfwd(derivative)), x, p, u)(x, p, u))
    positive = {i for i in range(len(names)) if size[i] > 0.0 and _stays(at, x, i, p, u)}
    rates, slopes = _without_noise(np.asarray(at(x, p, u)), slopes, x)
    sound = np.isfinite(rates).all(axis=(1, 2)) & np.isfinite(slopes).all(axis=(1, 2, 3))
    return _Samples(rates[sound], slopes[sound], x[sound], np.abs(size), frozenset(positive))


def _without_noise(rates: np.ndarray, slopes: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What rounding leaves of terms that cancel, against the fastest rate, becomes zero."""
    speeds = np.abs(slopes) * np.abs(x)[..., None, :] / np.abs(x)[..., :, None]
    fastest = np.nanmax(speeds, axis=(2, 3), initial=0.0)[..., None]
    rates = np.where(np.abs(rates) <= 100.0 * NOISE * fastest * np.abs(x), 0.0, rates)
    return rates, np.where(speeds <= NOISE * fastest[..., None], 0.0, slopes)


def _stays(at, x: np.ndarray, i: int, p: dict, u: dict) -> bool:
    """Whether a state that is zero does not fall, whatever the others are."""
    for spread in (0.1, 1.0, 10.0):
        own = spread * x
        own[..., i] = 0.0
        if not (np.asarray(at(own, p, u))[..., i] >= 0.0).all():
            return False
    return True
