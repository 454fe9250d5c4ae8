"""Dense output: states inside the last step of a method, by its own interpolation.

At a fraction q of a step from x0 to x1

    x(q) = (1 - q) x0 + q (x1 + (1 - q) (b0 + q (b1 + q b2)))

with as many b as the method has, so that the value is continuous whatever they are.

A block goes on until nobody needs a step for the output at hand. Whoever needs none takes one all the same, in advance,
as long as the step it looks at is kept too: so that a block takes about as many steps as the slowest of it, and not one
for everybody who happens to need one between two outputs.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

States = tuple[Array, ...]


class Bent(NamedTuple):
    """An accepted step, as its outputs are looked at.

    Attributes:
        begin: when it began, counted from the last stop, in the working precision.
        length: 0 where there is none.
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
        earlier: the step before that.
    """

    walked: Array
    states: States
    last: Bent
    earlier: Bent


def begun(states: States, bends: int) -> Ahead:
    """Before the first step."""
    zeros = tuple(jnp.zeros_like(x) for x in states)
    none = Bent(zeros[0], zeros[0], states, (zeros,) * bends)
    return Ahead(zeros[0], states, none, none)


def hermite(length: Array, states: tuple[States, States], slopes: tuple[States, States]) -> tuple[States, States]:
    """b0 and b1 of the cubic that has the states and slopes of both ends of a step."""
    first = tuple(length * f - (x1 - x0) for x0, x1, f in zip(*states, slopes[0], strict=True))
    second = tuple((x1 - x0) - length * f - b for x0, x1, f, b in zip(*states, slopes[1], first, strict=True))
    return first, second


def looked_back(ahead: Ahead, states: States, elapsed: Array) -> States:
    """States after `elapsed`, inside one of the last two steps, from those at the last stop."""
    newer = elapsed >= ahead.last.begin
    step = jax.tree.map(lambda a, b: jnp.where(newer, a, b), ahead.last, ahead.earlier)
    after = tuple(jnp.where(newer, a, b) for a, b in zip(ahead.states, ahead.last.before, strict=True))
    moved, taken = elapsed > 0.0, step.length > 0.0
    # At the end of a step exactly 1, but with the tangents of both: where an event moves, its step grows with it.
    q = jnp.where(taken, (elapsed - step.begin) / jnp.where(taken, step.length, 1.0), 1.0)
    p, result = 1.0 - q, []
    for i, (here, x0, x1) in enumerate(zip(states, step.before, after, strict=True)):
        bent = step.bends[-1][i]
        for row in reversed(step.bends[:-1]):
            bent = row[i] + q * bent
        result.append(jnp.where(moved, p * x0 + q * (x1 + p * bent), here))
    return tuple(result)
