"""Look at the outputs from stop to stop while a block of patients marches (see `kernels.between`).

A stepping tier shows every step it takes. An exact tier can look anywhere: an interval between two stops is cut into
pieces, each as long as the cubic through its ends may doubt, so that nothing found depends on where the outputs are.

    doubt <= tolerance * largest |y| so far,   tolerance = 1e-4 (float32), 1e-6 (float64)

An area is so within tolerance * largest |y| * span. The quintic is better than the cubic by about (k h)^2 / 120 in a
curve exp(-k h s): in oral curves areas were within 1e-5 and 5e-8, at worst 9e-5 in float32, largest values within 1e-6
and 2e-9, their times within 2e-5 and 2e-8 (relative). A stepping tier adds the error of its steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from kernels.between import Along, FoundAll, Looks, States, Watch, doubt, looks

TOLERANCE = {jnp.dtype(jnp.float32): 1e-4, jnp.dtype(jnp.float64): 1e-6}
SHORTEST = 1e-4  # of an interval: what cannot be told from rounding is not cut any further


class Seen(NamedTuple):
    """Where a watcher stands.

    Attributes:
        time: of the last look, float64 (patient | 1).
        looks: then.
        largest: size of each output so far (patient).
        found: by output.
        begun: whether the first output has passed, before which nothing counts, bool (1).
    """

    time: Array
    looks: Looks
    largest: dict[str, Array]
    found: FoundAll
    begun: Array


class Watcher(NamedTuple):
    """Who looks, and how.

    Attributes:
        watch: what is asked.
        observe: (time, states, parameters) -> outputs by name.
        derivative: (time, states, parameters) -> dx/dt without inputs.
        infused: indices of states that ever receive a constant input.
        dtype: working precision.
    """

    watch: Watch
    observe: Callable[[Array, States, Any], Mapping[str, Array]]
    derivative: Callable[[Array, States, Any], States]
    infused: frozenset[int]
    dtype: Any

    def look(self, time: Array, states: States, rates: States, parameters: Any) -> Looks:
        """All outputs, with constant inputs `rates`."""

        def derivative(t: Array, x: States) -> States:
            slopes = self.derivative(t, x, parameters)
            return tuple(s + r if i in self.infused else s for i, (s, r) in enumerate(zip(slopes, rates, strict=True)))

        return looks(lambda t, x: self.observe(t, x, parameters), derivative, time.astype(self.dtype), states)

    def start(self, time: Array, states: States, rates: States, parameters: Any) -> Seen:
        """Before anything."""
        seen = self.look(time, states, rates, parameters)
        found = self.watch.start(seen, states[0].shape[0], self.dtype)
        return Seen(
            time, seen, {name: jnp.abs(look.value) for name, look in seen.items()}, found, jnp.zeros((1,), bool)
        )

    def along(self, rates: States, parameters: Any, counts: Array) -> Along:
        """What a stepping tier shows its steps to."""
        return Along(
            look=lambda t, x: self.look(t, x, rates, parameters),
            add=lambda found, t, h, left, right, good: self.watch.add(found, t, h, left, right, good & counts),
        )

    def begun_at(self, seen: Seen, time: Array) -> Seen:
        """At an output, before which nothing counts if it is the first."""
        found = self.watch.point(seen.found, ~seen.begun, time.astype(self.dtype), seen.looks)
        time = jnp.broadcast_to(time, seen.time.shape)
        return seen._replace(time=time, found=found, begun=jnp.ones_like(seen.begun))

    def jumped(self, before: Seen, seen: Seen, time: Array, after: Looks, due: Array) -> Seen:
        """After an event where it is due; elsewhere as seen before."""
        new = jax.tree.map(lambda a, b: jnp.where(due, a, b), after, before.looks)
        # No piece follows where the last output comes at the same time.
        found = self.watch.point(seen.found, due & seen.begun, time.astype(self.dtype), new)
        return Seen(jnp.where(due, time, before.time), new, _larger(seen.largest, new), found, seen.begun)

    def passed(
        self,
        seen: Seen,
        time: Array,
        states: States,
        rates: States,
        parameters: Any,
        move: Callable[[Array], States],
        counts: Array,
    ) -> Seen:
        """An interval without events, in as many pieces as it needs.

        Args:
            time: where it ends; states: there.
            move: time -> states, from the last stop on.
        """
        span, end = ahead(seen.time, time, self.dtype), self.look(time, states, rates, parameters)
        begin = seen.time.astype(self.dtype)
        ratio = self._doubt(seen.looks, end, span, seen.largest)
        cut = counts & (ratio > 1.0)
        found = self.watch.add(seen.found, begin, span, seen.looks, end, counts & ~cut)

        def going(piece: _Piece) -> Array:
            return cut & (piece.walked < span)

        def one(piece: _Piece) -> _Piece:
            left = span - piece.walked
            lands = piece.length >= left
            h = jnp.where(lands, left, jnp.where(2.0 * piece.length > left, 0.5 * left, piece.length))
            walked = jnp.where(lands, span, piece.walked + h)
            at = seen.time + walked.astype(seen.time.dtype)
            right = self.look(at, move(at), rates, parameters)
            right = jax.tree.map(lambda a, b: jnp.where(lands, a, b), end, right)
            ratio = self._doubt(piece.looks, right, h, piece.largest)
            # What is no number is no reason to look closer.
            good = going(piece) & ~((ratio > 1.0) & (h > SHORTEST * span))
            largest = _larger(piece.largest, right)

            def chosen(new: Array, old: Array) -> Array:
                return jnp.where(good, new, old)

            return _Piece(
                walked=chosen(walked, piece.walked),
                length=jnp.maximum(h * _factor(ratio), SHORTEST * span),
                looks=jax.tree.map(chosen, right, piece.looks),
                largest=jax.tree.map(chosen, largest, piece.largest),
                found=self.watch.add(piece.found, begin + piece.walked, h, piece.looks, right, good),
            )

        first = _Piece(jnp.zeros_like(ratio), span * _factor(ratio), seen.looks, seen.largest, found)
        piece = lax.while_loop(lambda p: jnp.any(going(p)), one, first)
        largest = jax.tree.map(lambda a, b: jnp.where(counts, a, b), _larger(piece.largest, end), seen.largest)
        return seen._replace(looks=end, largest=largest, found=piece.found)

    def _doubt(self, left: Looks, right: Looks, h: Array, largest: Mapping[str, Array]) -> Array:
        """The largest doubt of any output over what is allowed (patient)."""
        allowed, worst = TOLERANCE[jnp.dtype(self.dtype)], None
        for name, size in _larger(largest, right).items():
            tiny = float(jnp.finfo(self.dtype).tiny)
            ratio = doubt(left[name], right[name], h) / (allowed * size + tiny)
            worst = ratio if worst is None else jnp.maximum(worst, ratio)
        assert worst is not None
        return lax.stop_gradient(worst)


class _Piece(NamedTuple):
    """One patient's way through an interval."""

    walked: Array
    length: Array
    looks: Looks
    largest: dict[str, Array]
    found: FoundAll


def ahead(begin: Array, end: Array, dtype: Any) -> Array:
    """How far it is to the end, or 0."""
    gap = end - begin
    # Chosen, not taken by maximum, whose derivative is halved at 0: where an event falls on an output.
    return jnp.where(gap < 0.0, 0.0, gap).astype(dtype)


def _factor(ratio: Array) -> Array:
    """By how much the next piece may be longer: doubt grows like the fourth power of the length."""
    there = (ratio > 1e-3) & (ratio < 1e6)
    root = jnp.sqrt(jnp.sqrt(1.0 / jnp.where(there, ratio, 1.0)))
    return jnp.where(there, 0.9 * root, jnp.where(ratio >= 1e6, 0.03, 4.0))


def _larger(largest: Mapping[str, Array], seen: Looks) -> dict[str, Array]:
    return {name: jnp.maximum(size, lax.stop_gradient(jnp.abs(seen[name].value))) for name, size in largest.items()}
