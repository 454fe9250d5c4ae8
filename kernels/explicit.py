"""Tier explicit: adaptive embedded Runge-Kutta methods (see `kernels.stepping` for the steps)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import Array

from kernels.dense import hermite
from kernels.stepping import States, SteppingTier, Walk, Way, weighted
from kernels.tableaux import TSIT5, Tableau


class ExplicitTier(SteppingTier):
    """Adaptive explicit steps: k_i = f(t + c_i h, x + h sum_j a_ij k_j), the last of them at the new state.

    Args:
        rates_of, infused, rtol, floor, max_steps, dense, dtype: see `kernels.stepping.SteppingTier`.
        tableau: of `kernels.tableaux`.
    """

    def __init__(
        self,
        rates_of: Callable[[Array, States, Any], States],
        infused: frozenset[int],
        *,
        rtol: float,
        floor: float = 1e-2,
        max_steps: int = 100_000,
        dense: bool = False,
        dtype: Any = jnp.float64,
        tableau: Tableau = TSIT5,
    ) -> None:
        self.tableau = tableau
        super().__init__(
            rates_of,
            infused,
            order=tableau.order,
            keeps_slope=True,
            predictive=False,
            rtol=rtol,
            floor=floor,
            max_steps=max_steps,
            dense=dense,
            bends=3 if tableau.bend else 2,
            dtype=dtype,
        )

    def stages(self, walk: Walk, way: Way, length: Array) -> tuple[States, States, States, tuple[States, ...]]:
        """All stages of one step: new states, their slope, the error estimate, and how it is bent."""
        method = self.tableau
        slopes = [walk.slope]
        states = walk.states
        for row, c in zip(method.a[1:], method.c[1:], strict=True):
            # The newest slope comes last, so that everything else is there already when it arrives.
            parts = [w * length for w in row]
            states = tuple(
                _sum([x, *(h * k[i] for w, h, k in zip(row, parts, slopes, strict=True) if w != 0.0)])
                for i, x in enumerate(walk.states)
            )
            slopes.append(self.slope(way.start + walk.walked + c * length, states, way.rates, way.parameters))
        error = tuple(length * weighted(method.error, [k[i] for k in slopes]) for i in range(len(states)))
        return states, slopes[-1], error, self._bends(walk.states, states, slopes, length) if self.dense else ()

    def _bends(self, before: States, after: States, slopes: list[States], length: Array) -> tuple[States, ...]:
        """Hermite's cubic and, where the method has it, q^2 (1 - q)^2 h sum_i bend_i k_i."""
        first, second = hermite(length, (before, after), (slopes[0], slopes[-1]))
        if not self.tableau.bend:
            return first, second
        more = tuple(length * weighted(self.tableau.bend, [k[i] for k in slopes]) for i in range(len(before)))
        return first, tuple(b + m for b, m in zip(second, more, strict=True)), tuple(-m for m in more)


def _sum(terms: list[Array]) -> Array:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total
