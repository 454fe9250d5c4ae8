"""Dense output: states inside the last step of a method, by its own interpolation.

At a fraction q of a step from x0 to x1

    x(q) = (1 - q) x0 + q (x1 + (1 - q) (b0 + q (b1 + q b2)))

with as many b as the method has, so that the value is continuous whatever they are.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

States = tuple[Array, ...]


class Bent(NamedTuple):
    """The last accepted step, as its outputs are looked at.

    Attributes:
        begin: when it began, counted from the last stop.
        length: 0 while none has been taken since then.
        before: states when it began.
        bends: b0, b1... of the states (see above).
    """

    begin: Array
    length: Array
    before: States
    bends: tuple[States, ...]


class Ahead(NamedTuple):
    """Where the steps of a dense tier have come, which is not where the last stop was.

    Attributes:
        walked: since the last stop, in the working precision.
        states: then.
        last: the step that led there.
    """

    walked: Array
    states: States
    last: Bent


def hermite(length: Array, states: tuple[States, States], slopes: tuple[States, States]) -> tuple[States, States]:
    """b0 and b1 of the cubic that has the states and slopes of both ends of a step."""
    first = tuple(length * f - (x1 - x0) for x0, x1, f in zip(*states, slopes[0], strict=True))
    second = tuple((x1 - x0) - length * f - b for x0, x1, f, b in zip(*states, slopes[1], first, strict=True))
    return first, second


def looked_back(ahead: Ahead, states: States, elapsed: Array) -> States:
    """States after `elapsed`, inside the last step, from those at the last stop."""
    last = ahead.last
    moved, taken = elapsed > 0.0, last.length > 0.0
    # At the end of a step exactly 1, but with the tangents of both: where an event moves, its step grows with it.
    q = jnp.where(taken, (elapsed - last.begin) / jnp.where(taken, last.length, 1.0), 1.0)
    p, result = 1.0 - q, []
    for i, (here, x0, x1) in enumerate(zip(states, last.before, ahead.states, strict=True)):
        bent = last.bends[-1][i]
        for row in reversed(last.bends[:-1]):
            bent = row[i] + q * bent
        result.append(jnp.where(moved, p * x0 + q * (x1 + p * bent), here))
    return tuple(result)
