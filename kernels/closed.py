"""Tier closed: one to three compartments in a star (`kernels.star`), with or without a depot, from event to event.

    x(t) = sum_i R_i (x exp(-l_i t) + what came in)

A depot that empties at rate k into the centre (a fraction arrives), and constant inputs, are convolutions with one
more rate (k or 0): divided differences of the exponential, which `kernels.quotients` keeps exact where rates coincide.
Coefficients are float64; only the sweep over time is in the working precision.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array, lax

from kernels import status as codes
from kernels.events import States
from kernels.quotients import quotient
from kernels.star import Coefficients, coefficients

FRESH = 8  # outputs


class Memory(NamedTuple):
    """What is kept from output to output.

    Attributes:
        sound: whether everything so far was, bool (patient).
        since: how long ago the last event was at the last output, below 0 where none has followed it (patient | 1).
        products: outputs since exponentials were computed, int32 (patient | 1).
        decays: exponentials of all rates then, the depot's last; the last three are () without a grid.
    """

    sound: Array
    since: Any = ()
    products: Any = ()
    decays: tuple[Array, ...] = ()


class ClosedTier:
    """Exact propagation of a star of compartments.

    Args:
        order: which state is (depot or None, centre, peripherals...).
        star_of: parameters -> Star.
        infused: indices of states that ever receive a constant input.
        dtype: working precision.
        grid: spacing of uniform outputs (1 | patient), float64, 0 where they are not uniform. An exponential is then
            the last one times a factor, and computed anew every `FRESH` outputs; None: computed at every output.
    """

    restarts = False

    def __init__(
        self, order: tuple, star_of: Any, infused: frozenset[int], dtype: Any, grid: Array | None = None
    ) -> None:
        self.depot, self.centre, *self.others = order
        self.block = (self.centre, *self.others)
        self.star_of, self.infused, self.dtype, self.grid = star_of, infused, dtype, grid
        self.dense = grid is not None

    def prepare(self, parameters: Any) -> Coefficients:
        """Coefficients of these parameters."""
        return coefficients(self.star_of(parameters), self.dtype, self.grid)

    def begin(self, prepared: Coefficients, states: Any, rates: Any, time: Array) -> Memory:
        """Nothing was unsound so far, and no output seen."""
        sound = jnp.broadcast_to(prepared.sound, states[0].shape)
        if self.grid is None:
            return Memory(sound)
        nothing = tuple(jnp.zeros_like(states[0]) for _ in prepared.factors)
        return Memory(sound, jnp.full(time.shape, -1.0, self.dtype), jnp.zeros(time.shape, jnp.int32), nothing)

    def after_event(self, prepared: Coefficients, states: Any, rates: Any, memory: Memory, time: Array) -> Memory:
        """The parameters may be others now, and time since the event begins at 0."""
        since = () if self.grid is None else jnp.full_like(memory.since, -1.0)
        return memory._replace(sound=memory.sound & prepared.sound, since=since)

    def status(self, memory: Memory) -> Array:
        """ill_conditioned where modes cannot be told apart; whoever reads the outputs finds what is not finite."""
        return jnp.where(memory.sound, codes.OK, codes.ILL_CONDITIONED).astype(jnp.int32)

    def advance(
        self, prepared: Coefficients, states: Any, rates: Any, memory: Memory, time: Array, elapsed: Array
    ) -> tuple[States, Memory]:
        """States after `elapsed`."""
        decays = tuple(jnp.exp(-rate * elapsed) for rate in _all_rates(prepared))
        return self._after(prepared, states, rates, elapsed, decays), memory

    def reach(
        self, prepared: Coefficients, states: Any, rates: Any, memory: Memory, time: Array, elapsed: Array, limit: Array
    ) -> tuple[States, Memory]:
        """The same at an output of the grid, and what the next output needs."""
        p, t, step = prepared, elapsed, jnp.asarray(self.grid).astype(self.dtype)
        eps = 4.0 * float(jnp.finfo(self.dtype).eps)
        follows = (memory.since >= 0.0) & (jnp.abs(t - memory.since - step) <= eps * (t + step)) & (step > 0.0)
        follows &= memory.products < FRESH - 1
        products = tuple(decay * factor for decay, factor in zip(memory.decays, p.factors, strict=True))

        def some_anew() -> tuple[Array, ...]:
            pairs = zip(products, _all_rates(p), strict=True)
            return tuple(jnp.where(follows, old, jnp.exp(-rate * t)) for old, rate in pairs)

        decays = lax.cond(jnp.any(~follows), some_anew, lambda: products)
        seen = Memory(memory.sound, t, jnp.where(follows, memory.products + 1, 0), decays)
        return self._after(p, states, rates, t, decays), seen

    def _after(self, p: Coefficients, states: Any, rates: Any, t: Array, decays: tuple[Array, ...]) -> States:
        """Sum over modes of R_i (x f_i + r f_i0 + depot terms)."""
        result = list(states)
        sums: list[Array | None] = [None for _ in self.block]
        left: Any = decays[-1] if self.depot is not None else None
        for i, rate in enumerate(p.rates):
            decay = decays[i]
            terms = [(decay, self.block, states)]
            if self.infused & set(self.block):
                terms.append((quotient(t, None, decay, rate, p.per_rate[i]), self.block, rates))
            for to, row in enumerate(p.response[i]):
                for factor, sources, values in terms:
                    weights = [
                        row[k] * values[state]
                        for k, state in enumerate(sources)
                        if values is states or state in self.infused
                    ]
                    sums[to] = _plus(sums[to], sum(weights[1:], weights[0]) * factor)
                if left is not None:
                    sums[to] = _plus(sums[to], row[0] * self._absorbed(p, i, states, rates, t, decay, left))
        for state, value in zip(self.block, sums, strict=True):
            result[state] = value
        if self.depot is not None and left is not None:
            result[self.depot] = states[self.depot] * left
            if self.depot in self.infused:
                result[self.depot] += rates[self.depot] * quotient(t, None, left, p.depot, p.per_depot)
        return tuple(result)

    def _absorbed(self, p: Coefficients, i: int, states: Any, rates: Any, t: Array, decay: Array, left: Array) -> Array:
        """What has come from the depot by mode i, before the response: k D f[l_i, k] + k r f[l_i, k, 0]."""
        both = quotient(t, decay, left, p.gap[i], p.per_gap[i])
        part = p.absorbed * states[self.depot] * both
        if self.depot in self.infused:
            # f[l, k, 0]: the outer difference spans the extremes 0 and max(l, k), so nothing cancels badly.
            slow = jnp.where(p.gap[i] >= 0.0, decay, left)
            three = (quotient(t, None, slow, p.lower[i], p.per_lower[i]) - both) * p.per_upper[i]
            part = part + p.absorbed * rates[self.depot] * three
        return part


def _all_rates(p: Coefficients) -> tuple[Array, ...]:
    return p.rates if p.depot is None else (*p.rates, p.depot)


def _plus(total: Array | None, term: Array) -> Array:
    return term if total is None else total + term
