"""States at which nothing changes any more, for a block of patients at once.

    f(x) = 0,  by   (1/tau - J) dx = f(x),   x <- x + dx,   J = df/dx

Steps of the implicit Euler method in a pseudo time, one linear solve each. They start shorter than the fastest process
and follow the system's own way; where the equations are nearly straight along a step the next one is longer, until
1/tau is 0 and they are Newton's. A step is refused, and a shorter one tried, where the equations bend too much along
it, where a state that cannot be negative would be, or where the system runs away within it: det(1/tau - J) < 0.
So the equilibrium found is one the system goes to from its start, and not the saddle beside it.

Where a sum  w x  of states never changes, J is singular; that sum takes the place of an equation:  w (x + dx) = w x0.

The last step is Newton's with J frozen, so that derivatives are those of the implicit function theorem, whatever the
steps before it did.

Source: Kelley and Keyes 1998, SIAM Journal on Numerical Analysis 35:508 (the method); Deuflhard 2011, Newton Methods
for Nonlinear Problems, section 6.4 (a simplified Newton correction tells how long a step may be).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from kernels import status as codes
from kernels.lu import Pattern
from kernels.stiff import column_groups

States = tuple[Array, ...]
Rates = Callable[[Array], Array]

BEND = 0.1  # most by which a state may miss the implicit Euler step after one linear solve, in parts of its size
GROWTH = 1e3  # most by which a pseudo step may be longer than the one before
NEWTON = 1e-14  # 1/tau in parts of the fastest rate, below which it is 0
ARRIVED = 1e-9  # last step in the search, in parts of the largest size a state has had
SETTLED = 1e-6  # the same of the step after it: more, and rounding alone moves the states
KNOWN = 1e-3  # most by which rounding of the largest rates on the way may move the states, in parts of their size
EPS = float(np.finfo(np.float64).eps)
ROUNDS = 300


class Laws(NamedTuple):
    """Which sums of states never change.

    Attributes:
        rows: states whose equations the sums take the place of, one for each sum.
        columns: as many states as are not in `rows`, by whose columns of J the weights of the sums are found.
        point: states at which they are found; any will do at which J has its full rank.
    """

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    point: tuple[float, ...]


NO_LAWS = Laws((), (), ())


class _Way(NamedTuple):
    """A patient's way: states, their largest sizes and rates (state, patient), 1/tau, and who has arrived (patient)."""

    states: Array
    peak: Array
    flow: Array
    inverse: Array
    arrived: Array
    rounds: Array


def equilibrium(
    rates: Callable[[States, Any], States],
    start: States,
    parameters: Any = (),
    *,
    pattern: Pattern,
    laws: Laws = NO_LAWS,
    positive: frozenset[int] = frozenset(),
    linear: bool = False,
    rounds: int = ROUNDS,
) -> tuple[States, Array]:
    """The equilibrium that patients reach from their start.

    Args:
        rates: (states, parameters) -> derivatives, tuples of float64 (patient).
        start: where the search begins, and where the sums have their values.
        pattern: (i, j) for which d rates_i / d x_j may be other than zero.
        positive: indices of states that cannot be negative.
        linear: the rates are linear in the states: one step finds the equilibrium.

    Returns:
        states; status (patient): no_equilibrium where there is none, and the start in place of it.

    >>> states, status = equilibrium(lambda x, p: (6.0 - 2.0 * x[0],), (jnp.ones(2),), pattern=frozenset({(0, 0)}))
    >>> states[0].tolist(), status.tolist()
    ([3.0, 3.0], [0, 0])
    """
    size, patients = len(start), start[0].shape

    def stacked(parameters: Any, x: Array) -> Array:
        return jnp.stack([jnp.broadcast_to(f, patients) for f in rates(tuple(x), parameters)])

    begin = jnp.stack([jnp.broadcast_to(x, patients) for x in start])
    weights = _weights(_slopes(partial(stacked, parameters), pattern, size), laws, begin)
    # Nothing but the states moves in the search.
    still_parameters, still_weights, still_begin = lax.stop_gradient((parameters, weights, begin))
    still = partial(stacked, still_parameters)
    system = _System(still, _slopes(still, pattern, size), still_weights, laws.rows, positive, still_begin)
    way = system.first(newton=linear)
    if linear:
        way = system.step(system.step(way))  # the second one finds that it has arrived
    else:
        way = lax.while_loop(lambda w: jnp.any(system.going(w, rounds)), lambda w: system.one(w, rounds), way)
    way = lax.stop_gradient(way)
    low = _low(way.states, way.peak, positive, ARRIVED)
    x = jnp.where(low & (way.states < 0.0), 0.0, way.states) if positive else way.states
    factors = system.factors(x, jnp.zeros(patients))
    moved = factors.solved(_with_sums(stacked(parameters, x), laws.rows, weights, begin, x))
    settled = jnp.all(jnp.isfinite(moved) & (jnp.abs(moved) <= SETTLED * way.peak), axis=0)
    below = jnp.any(_low(x + moved, way.peak, positive, SETTLED), axis=0)
    # Rates that are zero because rounding makes them so, far out where nothing holds the states, are no equilibrium.
    rounding = factors.solved(_with_sums(EPS * way.flow, laws.rows, weights, begin, begin))
    held = jnp.all(jnp.abs(rounding) <= KNOWN * way.peak, axis=0)
    found = way.arrived & (factors.sign > 0.0) & settled & held & ~below
    # No state ends below zero by rounding; derivatives stay those of the step.
    lift = jnp.where(_mask(positive, size) & (x + moved < 0.0), -(x + moved), 0.0)
    x = jnp.where(found[None], x + moved + lax.stop_gradient(lift), begin)
    return tuple(x), jnp.where(found, codes.OK, codes.NO_EQUILIBRIUM).astype(jnp.int32)


class _Factors(NamedTuple):
    """Rows scaled to size one, then LU with pivots, matrices (patient, row, column); sign of the determinant.

    Patient by patient (`lax.map`): jaxlib shares out large stacks of matrices over the threads of the CPU and waits for
    them, for ever where every thread already runs a device's program (seen with 18 states, jaxlib 0.10).
    """

    scale: Array
    lu: Array
    pivots: Array
    sign: Array

    def solved(self, right: Array) -> Array:
        """x of A x = right (row, patient)."""
        scaled = (right * self.scale).T[..., None]
        return lax.map(lambda own: jax.scipy.linalg.lu_solve(own[:2], own[2]), (self.lu, self.pivots, scaled))[..., 0].T


class _System(NamedTuple):
    """Equations with their sums, of a search in which nothing but the states moves."""

    rates: Rates
    slopes: Rates
    weights: Array
    rows: tuple[int, ...]
    positive: frozenset[int]
    begin: Array

    def first(self, *, newton: bool) -> _Way:
        """Before the first step, of a tenth of the fastest process."""
        size, patients = self.begin.shape
        rate = _fastest(self.slopes(self.begin))
        inverse = jnp.where(rate > 0.0, 10.0 * rate, 1.0)
        return _Way(
            states=self.begin,
            peak=jnp.abs(self.begin),
            flow=jnp.zeros_like(self.begin),
            inverse=jnp.zeros(patients) if newton else inverse,
            arrived=jnp.zeros(patients, bool),
            rounds=jnp.zeros(patients, jnp.int32),
        )

    def going(self, way: _Way, rounds: int) -> Array:
        return ~way.arrived & (way.rounds < rounds)

    def one(self, way: _Way, rounds: int) -> _Way:
        """A step of everyone who has not arrived."""
        going, new = self.going(way, rounds), self.step(way)
        return jax.tree.map(lambda a, b: jnp.where(going[None] if a.ndim > 1 else going, a, b), new, way)

    def step(self, way: _Way) -> _Way:
        """A step tried."""
        x, inverse = way.states, way.inverse
        factors, least = self.factors(x, inverse), NEWTON * _fastest(self.slopes(x))
        change = self.rates(x)
        moved = factors.solved(_with_sums(change, self.rows, self.weights, self.begin, x))
        new = x + moved
        peak = jnp.maximum(way.peak, jnp.abs(new))
        missed = self.rates(new) - inverse[None] * moved
        off = factors.solved(_with_sums(missed, self.rows, self.weights, self.begin, new))
        bend = jnp.max(_part(off, peak), axis=0) / BEND
        sound = jnp.all(jnp.isfinite(new), axis=0) & (factors.sign > 0.0) & (bend <= 1.0)
        taken = sound & ~jnp.any(_low(new, peak, self.positive, ARRIVED), axis=0)
        wanted = jnp.sqrt(bend) / 0.7  # what a step misses grows like its square
        longer = inverse * jnp.clip(wanted, 1.0 / GROWTH, 2.0)
        longer = jnp.where(longer <= least, 0.0, longer)
        shorter = jnp.maximum(inverse, least) * jnp.where(sound | ~(wanted > 2.0), 3.0, jnp.minimum(wanted, 10.0))
        near = jnp.max(_part(moved, peak), axis=0) <= ARRIVED
        return _Way(
            states=jnp.where(taken[None], new, x),
            peak=jnp.where(taken[None], peak, way.peak),
            flow=jnp.maximum(way.flow, jnp.abs(change)),
            inverse=jnp.where(taken, longer, shorter),
            arrived=taken & (inverse == 0.0) & near,
            rounds=way.rounds + 1,
        )

    def factors(self, x: Array, inverse: Array) -> _Factors:
        """Of 1/tau - J at some states, with the sums."""
        size = x.shape[0]
        matrix = inverse[None, None] * jnp.eye(size)[:, :, None] - self.slopes(x)
        for k, row in enumerate(self.rows):
            matrix = matrix.at[row].set(self.weights[k])
        largest = jnp.max(jnp.abs(matrix), axis=1)
        scale = 1.0 / jnp.where((largest > 0.0) & jnp.isfinite(largest), largest, 1.0)
        lu, pivots = lax.map(jax.scipy.linalg.lu_factor, jnp.moveaxis(matrix * scale[:, None, :], -1, 0))
        swaps = jnp.sum(pivots != jnp.arange(size, dtype=pivots.dtype)[None], axis=1)
        signs = jnp.prod(jnp.sign(jnp.diagonal(lu, axis1=1, axis2=2)), axis=1)
        return _Factors(scale, lu, pivots, jnp.where(swaps % 2 == 1, -signs, signs))


def _slopes(rates: Rates, pattern: Pattern, size: int) -> Rates:
    """States -> J (row, column, patient); columns that share no row are found together."""
    groups = column_groups(pattern, size)
    mask, group_of = np.zeros((size, size), bool), np.zeros(size, int)
    for i, j in pattern:
        mask[i, j] = True
    for number, group in enumerate(groups):
        group_of[list(group)] = number
    seeds = np.zeros((max(1, len(groups)), size, 1))
    for number, group in enumerate(groups):
        seeds[number, list(group)] = 1.0

    def slopes(x: Array) -> Array:
        along = jnp.broadcast_to(jnp.asarray(seeds), (*seeds.shape[:2], *x.shape[1:]))
        tangents = jax.vmap(lambda seed: jax.jvp(rates, (x,), (seed,))[1])(along)
        return jnp.where(jnp.asarray(mask)[:, :, None], tangents[group_of[None, :], np.arange(size)[:, None]], 0.0)

    return slopes


def _weights(slopes: Rates, laws: Laws, begin: Array) -> Array:
    """Weights of the sums (sum, state, patient), 1 for the state whose equation a sum takes the place of.

    w J = 0:  J_SC^T w_S = -J_RC^T  with R = rows, S = the others, C = columns
    """
    size, patients = begin.shape
    if not laws.rows:
        return jnp.zeros((0, size, patients))
    rows, columns = np.asarray(laws.rows), np.asarray(laws.columns, int)
    others = np.setdiff1d(np.arange(size), rows)
    weights = jnp.zeros((len(rows), size, patients)).at[np.arange(len(rows)), rows].set(1.0)
    if not others.size:
        return weights
    point = jnp.broadcast_to(jnp.asarray(laws.point)[:, None], begin.shape)
    matrix = slopes(point)
    inner = jnp.moveaxis(matrix[others[:, None], columns[None, :]], -1, 0)
    outer = jnp.moveaxis(matrix[rows[:, None], columns[None, :]], -1, 0)
    sides = (jnp.swapaxes(inner, 1, 2), jnp.swapaxes(outer, 1, 2))
    found = -lax.map(lambda own: jnp.linalg.solve(*own), sides)
    return weights.at[:, others].set(jnp.transpose(found, (2, 1, 0)))


def _with_sums(right: Array, rows: tuple[int, ...], weights: Array, begin: Array, x: Array) -> Array:
    """The right side, with what each sum still lacks in the place of an equation."""
    for k, row in enumerate(rows):
        right = right.at[row].set(jnp.sum(weights[k] * (begin - x), axis=0))
    return right


def _fastest(matrix: Array) -> Array:
    """The fastest rate that two states, or one by itself, have with each other (patient)."""
    return jnp.sqrt(jnp.max(jnp.abs(matrix * jnp.swapaxes(matrix, 0, 1)), axis=(0, 1)))


def _part(change: Array, size: Array) -> Array:
    """A change in parts of a size; one of nothing is nothing."""
    return jnp.where(change == 0.0, 0.0, jnp.abs(change) / jnp.where(size > 0.0, size, 1.0))


def _mask(indices: frozenset[int], size: int) -> Array:
    return jnp.asarray([i in indices for i in range(size)])[:, None]


def _low(x: Array, peak: Array, positive: frozenset[int], tolerance: float) -> Array:
    """States below zero that cannot be (state, patient)."""
    return (x < -tolerance * peak) & _mask(positive, x.shape[0])
