"""What a curve does between its stops: area, largest value, level crossings; added up while the states go by.

Value y, slope y' and bend y'' at both ends of a piece, from tangents along the solution, make a polynomial of s in
[0, 1] (quintic Hermite, exact to h^6 y'''''' / 46080):

    area = h (y0 + y1)/2 + h^2 (y0' - y1')/10 + h^3 (y0'' + y1'')/120

Its turning point and its crossings are found by Newton's method within brackets. Without the bends the polynomial is
the cubic; the two differ by at most

    doubt = h/32 |y0' - y1' + h (y0'' + y1'')/2|
          + 1/16 |y1 - y0 - h (y0' + y1')/2 + h^2 (y1'' - y0'')/12|,

h^4 y''''/384 in the middle and h^5 y'''''/11520 beside it, which estimates the cubic's error. A piece never runs
across an event. Where a stiff system's bend is a small difference of large terms it is rounding and nothing else: it
counts only where it explains the change of the slope.
A piece is taken to turn once at most.

Source: Lanczos 1956, Applied Analysis (two-point interpolation); the formulas follow from the Hermite conditions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

States = tuple[Array, ...]
ROUNDS = 5  # of Newton's method: from the secant, resolved pieces need three


class Look(NamedTuple):
    """One output at one time, each (patient)."""

    value: Array
    slope: Array
    bend: Array


class Found(NamedTuple):
    """What one output has done so far, each (patient).

    Attributes:
        area: sum and what rounding has left out of it; empty where not asked for.
        peak: largest value and its first time; empty where not asked for.
        above: for each level time above it, what rounding has left out of that, and when it was first reached.
    """

    area: tuple[Array, ...]
    peak: tuple[Array, ...]
    above: tuple[tuple[Array, Array, Array], ...]


Looks = dict[str, Look]
FoundAll = dict[str, Found]


class Along(NamedTuple):
    """Who looks on, from step to step.

    Attributes:
        look: (t, states) -> looks there.
        add: (found, t, length, looks before and after, counts) -> what is found with that step.
    """

    look: Callable[[Array, States], Looks]
    add: Callable[[Any, Array, Array, Any, Looks, Array], FoundAll]


def looks(
    observe: Callable[[Array, States], Mapping[str, Array]],
    derivative: Callable[[Array, States], States],
    time: Array,
    states: States,
) -> Looks:
    """Values, slopes and bends of all outputs, along the solution through these states.

    Args:
        observe: (t, states) -> outputs by name.
        derivative: (t, states) -> dx/dt, with inputs.
        time: in the working precision (patient | 1).
    """
    along = (jnp.ones_like(time), derivative(time, states))

    def once(t: Array, x: States) -> Any:
        return jax.jvp(observe, (t, x), (jnp.ones_like(t), derivative(t, x)))

    (values, slopes), (_, bends) = jax.jvp(once, (time, states), along)
    return {name: Look(values[name], slopes[name], bends[name]) for name in values}


def doubt(left: Look, right: Look, h: Array) -> Array:
    """What the cubic may be wrong by, somewhere in a piece (patient)."""
    even = left.slope - right.slope + 0.5 * h * (left.bend + right.bend)
    odd = (
        right.value - left.value - h * (0.5 * (left.slope + right.slope) - (1.0 / 12.0) * h * (right.bend - left.bend))
    )
    return h * (1.0 / 32.0) * jnp.abs(even) + (1.0 / 16.0) * jnp.abs(odd)


class Piece(NamedTuple):
    """Hermite's polynomial of s in [0, 1]: coefficients from c_0 on."""

    coefficients: tuple[Array, ...]

    @classmethod
    def of(cls, left: Look, right: Look, h: Array) -> tuple[Piece, Array]:
        """The polynomial between two looks, and its mean."""
        gap, d0, d1 = right.value - left.value, h * left.slope, h * right.slope
        e0, e1 = h * h * left.bend, h * h * right.bend
        # exp(-k h s) passes up to k h = 2.6; where the bend changes its sign, long pieces fall back to the cubic.
        change = d0 - d1
        sound = jnp.abs(change + 0.5 * (e0 + e1)) <= 0.5 * jnp.abs(change)
        e0 = jnp.where(sound, e0, 6.0 * gap - 4.0 * d0 - 2.0 * d1)
        e1 = jnp.where(sound, e1, -6.0 * gap + 2.0 * d0 + 4.0 * d1)
        piece = cls(
            (
                left.value,
                d0,
                0.5 * e0,
                10.0 * gap - 6.0 * d0 - 4.0 * d1 - 1.5 * e0 + 0.5 * e1,
                -15.0 * gap + 8.0 * d0 + 7.0 * d1 + 1.5 * e0 - e1,
                6.0 * gap - 3.0 * (d0 + d1) + 0.5 * (e1 - e0),
            )
        )
        mean = left.value + (0.5 * gap + (0.1 * change + (e0 + e1) * (1.0 / 120.0)))
        return piece, mean

    def at(self, s: Array) -> Array:
        """Its value."""
        total = self.coefficients[-1]
        for c in self.coefficients[-2::-1]:
            total = total * s + c
        return total

    def slope(self) -> Piece:
        """Its derivative by s."""
        return Piece(tuple(float(k) * c for k, c in enumerate(self.coefficients) if k > 0))

    def root(self, low: Array, high: Array, level: float = 0.0) -> Array:
        """Where it takes a level it has on its way from low to high; between them in any case."""
        first, last = self.at(low) - level, self.at(high) - level
        slope, rises = self.slope(), first < 0.0
        begin, end = low, high
        s = low + (high - low) * _share(first, first - last)
        for _ in range(ROUNDS):
            value = self.at(s) - level
            ahead = (value < 0.0) == rises
            low, high = jnp.where(ahead, s, low), jnp.where(ahead, high, s)
            new = s - _share(value, slope.at(s))
            # A root that is found already may leave the bracket by its rounding.
            inside = (new > low - 1e-3) & (new < high + 1e-3)
            s = jnp.where(inside, new, 0.5 * (low + high))
        return jnp.where(s < begin, begin, jnp.where(s > end, end, s))


def _share(part: Array, whole: Array) -> Array:
    """part / whole, 0 where there is no whole."""
    there = whole != 0.0
    return jnp.where(there, part / jnp.where(there, whole, 1.0), 0.0)


@dataclass(frozen=True)
class Watch:
    """What is asked of every output.

    Args:
        area, peak: whether these are.
        levels: whose crossings are.
    """

    area: bool = False
    peak: bool = False
    levels: tuple[float, ...] = ()

    def start(self, names: Mapping[str, Any], patients: int, dtype: Any) -> FoundAll:
        """What nothing has done."""
        zero, never = jnp.zeros((patients,), dtype), jnp.full((patients,), jnp.inf, dtype)
        area = (zero, zero) if self.area else ()
        peak = (-never, never) if self.peak else ()
        return {name: Found(area, peak, tuple((zero, zero, never) for _ in self.levels)) for name in names}

    def point(self, found: FoundAll, where: Array, time: Array, seen: Looks) -> FoundAll:
        """With a value by itself, `where` it counts: the first one, or one that the curve has jumped to."""

        def one(old: Found, look: Look) -> Found:
            peak = self._higher(old.peak, where, ((look.value, time),))
            above = tuple(
                (total, low, jnp.where(where & (look.value >= level) & (time < when), time, when))
                for level, (total, low, when) in zip(self.levels, old.above, strict=True)
            )
            return Found(old.area, peak, above)

        return {name: one(old, seen[name]) for name, old in found.items()}

    def add(self, found: FoundAll, time: Array, h: Array, left: Looks, right: Looks, counts: Array) -> FoundAll:
        """With one more piece, where it counts.

        Args:
            time: where the piece begins; h: its length; in the working precision (patient | 1).
            counts: bool (patient | 1).
        """
        return {name: self._one(old, time, h, left[name], right[name], counts) for name, old in found.items()}

    def _one(self, old: Found, time: Array, h: Array, left: Look, right: Look, counts: Array) -> Found:
        piece, mean = Piece.of(left, right, h)
        area = _plus(old.area, jnp.where(counts, h * mean, 0.0)) if self.area else ()
        if not self.peak and not self.levels:
            return Found(area, (), ())
        tops, dips = (left.slope > 0.0) & (right.slope < 0.0), (left.slope < 0.0) & (right.slope > 0.0)
        turns = counts & (h > 0.0) & (tops | dips if self.levels else tops)
        zero, one = jnp.zeros_like(left.value), jnp.ones_like(left.value)

        def turning() -> tuple[Array, Array]:
            s = jnp.where(turns, piece.slope().root(zero, one), 1.0)
            return s, jnp.where(turns, piece.at(s), right.value)

        s, value = lax.cond(jnp.any(turns), turning, lambda: (one, right.value))
        steps = ((left.value, time), (value, time + s * h), (right.value, time + h))
        stretches = (zero, left.value, s, value), (s, value, one, right.value)
        above = []
        for level, (total, low, when) in zip(self.levels, old.above, strict=True):
            for stretch in stretches:
                spent, since = _over(piece, level, *stretch, counts)
                total, low = _plus((total, low), jnp.where(counts, h * spent, 0.0))
                reached = counts & (since <= 1.0)
                begin = time + h * jnp.where(reached, since, 0.0)
                when = jnp.where(reached & (begin < when), begin, when)
            above.append((total, low, when))
        return Found(area, self._higher(old.peak, counts, steps), tuple(above))

    def _higher(self, peak: tuple, counts: Array, candidates: tuple) -> tuple:
        for value, time in candidates if self.peak else ():
            peak = _chosen(counts & (value > peak[0]), (value, time), peak)
        return peak


def _over(
    piece: Piece, level: float, a: Array, at_a: Array, b: Array, at_b: Array, counts: Array
) -> tuple[Array, Array]:
    """Of a stretch that does not turn: how much of it is above, and where that begins, inf where it never does."""
    before, after = at_a >= level, at_b >= level
    crosses = counts & (before != after)
    r = lax.cond(jnp.any(crosses), lambda: jnp.where(crosses, piece.root(a, b, level), a), lambda: a)
    spent = jnp.where(before, jnp.where(after, b - a, r - a), jnp.where(after, b - r, 0.0))
    return spent, jnp.where(before, a, jnp.where(after, r, jnp.inf))


def _plus(total: tuple[Array, ...], term: Array) -> tuple[Array, Array]:
    """A sum that remembers what rounding leaves out (Kahan)."""
    high, low = total
    term = term + low
    new = high + term
    return new, term - (new - high)


def _chosen(where: Array, new: tuple, old: tuple) -> tuple:
    return tuple(jnp.where(where, n, o) for n, o in zip(new, old, strict=True))
