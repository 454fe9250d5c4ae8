"""Tier linear: any system with constant coefficients, from event to event by its propagator.

    dx/dt = A x + b + r,   x(t) = exp(A t) x(0) + integral_0^t exp(A s) ds (b + r)

A and b come from the equations themselves, in float64; `kernels.propagator` turns them into powers of the propagator,
once per parameter segment, of which any elapsed time takes a few. Nothing divides by a difference of eigenvalues, so
equal, nearly equal, defective and complex ones are ordinary points.

On a uniform grid one propagator serves every output. States then go from output to output with the rounding of each
sum carried along (Kahan), so that thousands of outputs are as good as one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from kernels import status as codes
from kernels.propagator import LEVELS, TERMS, Pattern, Sparse, powers

States = tuple[Array, ...]
# Groups of bits with a place of their own in the program, after which a loop goes on; without a grid, with one.
WRITTEN_OUT = (2, 1)


class Prepared(NamedTuple):
    """What one parameter segment needs.

    Attributes:
        matrix: A and the columns of inputs, working precision, (to, from) -> (patient).
        levels: of the propagator, see `Powers`.
        grid: propagator of the grid's spacing, less 1; empty without one.
        unit, per_unit: h and 1/h in the working precision.
        spacing: of the grid, in the working precision; None without one.
        status: of the coefficients, int32 (patient).
    """

    matrix: Sparse
    levels: tuple[Sparse, ...]
    grid: Sparse
    unit: Array
    per_unit: Array
    spacing: Array | None
    status: Array


class Memory(NamedTuple):
    """What a patient remembers between stops.

    Attributes:
        status: int32 (patient).
        low: what rounding has left out of each state; empty without a grid.
    """

    status: Array
    low: States


class LinearTier:
    """Propagation of a linear system with constant coefficients.

    Args:
        rates_of: (t, states, parameters) -> derivatives in float64, tuples of (patient), linear up to a constant.
        pattern: (i, j) where derivative i depends on state j.
        constant: indices of derivatives that need not be 0 where all states are.
        infused: indices of states that ever receive a constant input.
        size: number of states.
        grid: spacing of uniform outputs (1 | patient), float64, 0 where they are not uniform; None: outputs are looked
            at from the last event.
        compact: a program that compiles faster and runs slower: for what is done once per patient.
        dtype: working precision.
    """

    def __init__(
        self,
        rates_of: Callable[[Array, States, Any], States],
        pattern: Pattern,
        constant: frozenset[int],
        infused: frozenset[int],
        *,
        size: int,
        grid: Array | None = None,
        compact: bool = False,
        dtype: Any,
    ) -> None:
        self.rates_of, self.pattern, self.size = rates_of, pattern, size
        self.constant = tuple(sorted(constant))
        self.grid, self.compact, self.dtype = grid, compact, dtype
        self.restarts, self.dense = grid is not None, False
        # Columns behind those of the states: one for b, one for each infused state.
        self.steady = size if constant else None
        self.columns = {i: size + bool(constant) + k for k, i in enumerate(sorted(infused))}
        self.terms = TERMS[jnp.dtype(dtype)]

    def prepare(self, parameters: Any) -> Prepared:
        """Powers of the propagator."""
        matrix = self._matrix(parameters)
        found = powers(matrix, self.size, grid=self.grid, compact=self.compact, dtype=self.dtype)
        finite = jnp.ones(found.unit.shape, bool)
        for value in matrix.values():
            finite &= jnp.isfinite(value)
        # 5e7 of the 4.5e15 units of a float64 leave 1e-8.
        status = jnp.where(found.strain > 5e7, codes.ILL_CONDITIONED, codes.OK)
        unit = found.unit.astype(self.dtype)
        return Prepared(
            matrix={k: v.astype(self.dtype) for k, v in matrix.items()},
            levels=found.levels,
            grid=found.grid,
            unit=unit,
            per_unit=1.0 / unit,
            spacing=None if self.grid is None else self.grid.astype(self.dtype),
            status=jnp.where(finite, status, codes.NON_FINITE).astype(jnp.int32),
        )

    def _matrix(self, parameters: Any) -> Sparse:
        shape = jnp.broadcast_shapes((1,), *(x.shape for x in jax.tree.leaves(parameters)))
        zero, one = jnp.zeros(shape), jnp.ones(shape)
        nothing = (zero,) * self.size

        def rates(x: States) -> States:
            return self.rates_of(zero, x, parameters)

        matrix = {}
        for j in sorted({j for _, j in self.pattern}):
            unit = tuple(one if i == j else zero for i in range(self.size))
            column = jax.jvp(rates, (nothing,), (unit,))[1]
            matrix |= {(i, j): column[i] for i in range(self.size) if (i, j) in self.pattern}
        if self.steady is not None:
            still = rates(nothing)
            matrix |= {(i, self.steady): still[i] for i in self.constant}
        matrix |= {(i, column): one for i, column in self.columns.items()}
        return matrix or {(0, 0): zero}

    def begin(self, prepared: Prepared, states: States, rates: States, time: Array) -> Memory:
        """Nothing left out so far."""
        status = jnp.broadcast_to(prepared.status, states[0].shape)
        return Memory(status, () if self.grid is None else tuple(jnp.zeros_like(x) for x in states))

    def after_event(self, prepared: Prepared, states: States, rates: States, memory: Memory, time: Array) -> Memory:
        """The parameters may be others now; of a state that was set, nothing is left out."""
        eps = float(jnp.finfo(self.dtype).eps)
        low = () if self.grid is None else zip(memory.low, states, strict=True)
        low = tuple(jnp.where(jnp.abs(e) <= eps * jnp.abs(x), e, 0.0) for e, x in low)
        return Memory(_first(memory.status, prepared.status), low)

    def status(self, memory: Memory) -> Array:
        """non_finite coefficients, or ill_conditioned: too many digits cancel, or time is too long for the rates."""
        return memory.status

    def advance(
        self, prepared: Prepared, states: States, rates: States, memory: Memory, time: Array, elapsed: Array
    ) -> tuple[States, Memory]:
        """States after `elapsed`."""
        values = dict(enumerate(states))
        values |= {column: rates[i] for i, column in self.columns.items()}
        values |= {} if self.steady is None else {self.steady: jnp.ones((1,), self.dtype)}
        if prepared.spacing is None:
            states, far = self._general(prepared, values, elapsed)
            return states, memory._replace(status=_first(memory.status, far))
        step = prepared.spacing
        # Times on a grid are rounded, by as much as times are.
        slack = 1e-15 * (jnp.abs(time) + step.astype(time.dtype))
        tolerance = 2.0 * float(jnp.finfo(self.dtype).eps) * step + slack.astype(self.dtype)
        regular = (jnp.abs(elapsed - step) <= tolerance) & (step > 0.0)
        other = ~regular & (elapsed > 0.0)
        beyond = jnp.where(regular, elapsed - step, jnp.where(other, 0.0, elapsed))
        high, low = self._one_step(prepared, values, memory.low, regular, beyond)

        def general() -> tuple:
            new, far = self._general(prepared, values, jnp.where(other, elapsed, 0.0))
            chosen = tuple(jnp.where(other, a, b) for a, b in zip(new, high, strict=True))
            return chosen, tuple(jnp.where(other, 0.0, e) for e in low), _first(memory.status, far)

        states, low, status = lax.cond(jnp.any(other), general, lambda: (high, low, memory.status))
        return states, Memory(status, low)

    def _one_step(
        self, p: Prepared, values: dict[int, Array], low: States, regular: Array, beyond: Array
    ) -> tuple[States, States]:
        """One step of the grid where it is due; the sums' rounding is kept (Knuth's two-sum).

        `beyond` it is nothing but rounding, and what derivatives by the time of an event flow through.
        """
        changes = [_row(p.grid, i, values) for i in range(self.size)]
        changes = [None if change is None else jnp.where(regular, change, 0.0) for change in changes]
        new = values | {i: values[i] + change for i, change in enumerate(changes) if change is not None}
        high, rest = [], []
        for i, change in enumerate(changes):
            slope = _row(p.matrix, i, new)
            if change is None or slope is None:
                high.append(values[i])
                rest.append(low[i])
                continue
            x, change = values[i], change + (beyond * slope + low[i])
            total = x + change
            part = total - x
            high.append(total)
            rest.append((x - (total - part)) + (change - part))
        return tuple(high), tuple(rest)

    def _general(self, p: Prepared, values: dict[int, Array], elapsed: Array) -> tuple[States, Array]:
        """Any elapsed time: what is less than h by the series, the rest by the bits of its number of h."""
        # The largest whole number of the precision with a bit for each level.
        most = 2**LEVELS - 2 ** max(0, LEVELS - jnp.finfo(self.dtype).nmant - 1)
        whole = jnp.floor(lax.stop_gradient(elapsed) * p.per_unit)
        far = jnp.where(whole > most, codes.ILL_CONDITIONED, codes.OK)
        whole = jnp.minimum(whole, most)
        values = self._series(p, values, elapsed - whole * p.unit)
        states = tuple(values[i] for i in range(self.size))
        states = self._bits(p, values, states, whole.astype(jnp.int32))
        return states, far.astype(jnp.int32)

    def _bits(self, p: Prepared, values: dict[int, Array], states: States, left: Array) -> States:
        """One propagator for each bit of `left`, lowest first."""
        levels, width = p.levels, len(p.levels)
        written = 0 if self.compact else WRITTEN_OUT[self.restarts]

        def group(states: States, left: Array, number: int | Array) -> States:
            for bit, stacked in enumerate(levels):
                power = {k: lax.dynamic_index_in_dim(v, number, keepdims=False) for k, v in stacked.items()}
                now, odd = values | dict(enumerate(states)), (left & (1 << bit)) != 0
                changes = [_row(power, i, now) for i in range(self.size)]
                states = tuple(
                    x if change is None else x + jnp.where(odd, change, 0.0)
                    for x, change in zip(states, changes, strict=True)
                )
            return states

        def next_group(carry: tuple) -> tuple:
            states, left, number = carry
            return group(states, left, number), left >> width, number + 1

        def static(number: int, states: States, left: Array) -> States:
            def rest(states: States) -> States:
                if number < written:
                    return static(number + 1, group(states, left, number), left >> width)
                begin = (states, left, jnp.int32(number))
                return lax.while_loop(lambda c: jnp.any(c[1] > 0), next_group, begin)[0]

            return rest(states) if number == 0 else lax.cond(jnp.any(left > 0), rest, lambda states: states, states)

        return static(0, states, left)

    def _series(self, p: Prepared, values: dict[int, Array], t: Array) -> dict[int, Array]:
        """exp(A t) x = x + t A (x + t/2 A (x + t/3 A (...))) for t < h."""
        inner = values
        for number in range(self.terms, 0, -1):
            step = t * (1.0 / number)
            new = dict(values)
            for i in range(self.size):
                slope = _row(p.matrix, i, inner)
                new[i] = values[i] if slope is None else values[i] + step * slope
            inner = new
        return inner


def _row(matrix: Sparse, i: int, values: dict[int, Array]) -> Array | None:
    """Entry i of a matrix times values; None where the row is empty."""
    total = None
    for (to, source), entry in sorted(matrix.items(), key=lambda item: item[0]):
        if to == i:
            term = entry * values[source]
            total = term if total is None else total + term
    return total


def _first(old: Array, new: Array) -> Array:
    return jnp.where(old == codes.OK, new, old).astype(jnp.int32)
