"""Tier stiff: Rosenbrock methods, with W = 1/(h gamma) - J factorised once per step (see `kernels.stepping`).

J comes from the equations (`kernels.jacobian`). Nothing is frozen for derivatives but the step control: tangents flow
through J too, since a step's result depends on it.

In float32, 1/(h gamma) is lost beside rates more than 1e7 times larger: what changes that slowly in a system that fast
(Robertson's reactions after t = 1e6) needs float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from kernels.dense import hermite
from kernels.jacobian import values_and_jacobian
from kernels.lu import Pattern, elimination_order, factorised, is_exact, solved
from kernels.rosenbrock import RODAS5P, Rosenbrock
from kernels.stepping import States, SteppingTier, Walk, Way, weighted

Matrix = dict[tuple[int, int], Array]


class StiffTier(SteppingTier):
    """Adaptive linearly implicit steps.

    Args:
        rates_of, infused, rtol, floor, max_steps, dense, dtype: see `kernels.stepping.SteppingTier`.
        size: number of states.
        pattern: (i, j) for which d(d x_i/dt)/d x_j may be other than zero; by default all.
        method: of `kernels.rosenbrock`.
    """

    def __init__(
        self,
        rates_of: Callable[[Array, States, Any], States],
        infused: frozenset[int],
        *,
        size: int,
        rtol: float,
        pattern: Pattern | None = None,
        floor: float = 1e-2,
        max_steps: int = 100_000,
        dense: bool = False,
        dtype: Any = jnp.float64,
        method: Rosenbrock = RODAS5P,
    ) -> None:
        self.method = method
        self.pattern = frozenset((i, j) for i in range(size) for j in range(size)) if pattern is None else pattern
        self.groups = column_groups(self.pattern, size)
        self.order_of_pivots = elimination_order(self.pattern, size)
        # Solves ten times as exact as the step has to be; no rounding error alone fails this.
        self.exact_to = max(0.1 * rtol, 64.0 * float(jnp.finfo(dtype).eps))
        super().__init__(
            rates_of,
            infused,
            order=method.order,
            keeps_slope=False,
            predictive=True,
            rtol=rtol,
            floor=floor,
            max_steps=max_steps,
            dense=dense,
            bends=len(method.bends) or 2,
            dtype=dtype,
        )

    def stages(self, walk: Walk, way: Way, length: Array) -> tuple[States, States, States, tuple[States, ...]]:
        """All stages of one step; where the factorisation was inexact, the error is infinite."""
        method, start, count = self.method, way.start + walk.walked, range(len(walk.states))
        h = jnp.where(length > 0.0, length, 1.0)  # patients that wait are masked, but must not divide by zero
        inverse = 1.0 / h
        matrix = self._matrix(start, walk.states, way, inverse / method.gamma)
        factors = factorised(matrix, self.order_of_pivots)
        drift = self._drift(start, walk.states, way)
        found: list[list[Array]] = []
        states, exact = walk.states, jnp.ones(h.shape, bool)
        for stage, (c, d) in enumerate(zip(method.c, method.d, strict=True)):
            if stage > 0 and any(method.a[stage]):
                states = tuple(x + weighted(method.a[stage], [u[i] for u in found]) for i, x in enumerate(walk.states))
            right = list(self.slope(start + c * h, states, way.rates, way.parameters))
            for i in count:
                if stage > 0:
                    right[i] = right[i] + inverse * weighted(method.coupling[stage], [u[i] for u in found])
                if d != 0.0 and i in drift:
                    right[i] = right[i] + d * h * drift[i]
            found.append(solved(factors, right))
            if stage == 0:
                exact = is_exact(matrix, found[0], right, self.exact_to)
        new = tuple(x + u for x, u in zip(states, found[-1], strict=True))
        error = tuple(jnp.where(exact, u, jnp.inf) for u in found[-1])
        return new, (), error, self._bends(walk, way, h, new, found) if self.dense else ()

    def _bends(self, walk: Walk, way: Way, h: Array, new: States, found: list[list[Array]]) -> tuple[States, ...]:
        """How the step is bent; without weights of its own by Hermite's cubic, at the price of two derivatives."""
        if self.method.bends:
            return tuple(
                tuple(weighted(row, [u[i] for u in found]) for i in range(len(new))) for row in self.method.bends
            )
        start = way.start + walk.walked
        first = self.slope(start, walk.states, way.rates, way.parameters)
        last = self.slope(start + h, new, way.rates, way.parameters)
        return hermite(h, (walk.states, new), (first, last))

    def _matrix(self, t: Array, states: States, way: Way, diagonal: Array) -> Matrix:
        """W by its entries that are not zero."""
        _, rows = values_and_jacobian(lambda *x: self.rates_of(t, x, way.parameters), states)
        matrix = {(i, i): diagonal for i in range(len(states))}
        for i, row in enumerate(rows):
            for j, slope in row.items():
                if (i, j) in self.pattern:
                    matrix[i, j] = matrix[i, j] - slope if (i, j) in matrix else -slope
        return matrix

    def _drift(self, t: Array, states: States, way: Way) -> dict[int, Array]:
        """df/dt of those states whose equations know the time."""

        def of_time(t: Array) -> States:
            return self.rates_of(t, states, way.parameters)

        timed = depends_on_argument(of_time, t)
        if not any(timed):
            return {}
        drift = jax.jvp(of_time, (t,), (jnp.ones_like(t),))[1]
        return {i: value for i, value in enumerate(drift) if timed[i]}


def column_groups(pattern: Pattern, size: int) -> tuple[tuple[int, ...], ...]:
    """Columns in groups that share no row, the fullest column first into the first group it fits.

    Source: Curtis, Powell and Reid 1974, IMA Journal of Applied Mathematics 13:117.

    >>> column_groups(frozenset({(0, 0), (1, 1), (0, 2)}), 3)
    ((0, 1), (2,))
    """
    rows = [{i for i in range(size) if (i, j) in pattern} for j in range(size)]
    groups: list[list[int]] = []
    for j in sorted((j for j in range(size) if rows[j]), key=lambda j: (-len(rows[j]), j)):
        for group in groups:
            if all(rows[j].isdisjoint(rows[other]) for other in group):
                group.append(j)
                break
        else:
            groups.append([j])
    return tuple(tuple(group) for group in groups)


def depends_on_argument(function: Callable[[Array], States], argument: Array) -> list[bool]:
    """Which results of a function of one argument know it, from its traced program.

    >>> depends_on_argument(lambda t: (t * t, jnp.float32(1.0)), jnp.float32(0.0))
    [True, False]
    """
    program = jax.make_jaxpr(function)(argument).jaxpr
    reached = set(program.invars)
    for equation in program.eqns:
        if any(variable in reached for variable in equation.invars if not hasattr(variable, "val")):
            reached |= set(equation.outvars)
    return [not hasattr(variable, "val") and variable in reached for variable in program.outvars]
