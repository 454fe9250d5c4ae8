"""Step control of the stepping tiers: how large an error is, and how long the next step may be.

Error of a step, per state i:  e_i / (rtol max(|x_i|, |x_i new|, floor * largest |x_i| so far));  the norm is the root
mean square over states, so that a tolerance means the same whatever the unit of a state. A state late in a chain that
starts from nothing is t^n at first, of which no step of lower order gets any digit right: FAINT times the largest of
all states is little enough for any unit, and need not be accurate.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from kernels.events import States
from kernels.rough import larger, reciprocal, root

FAINT = 1e-12


def least_sizes(peak: States, floor: float) -> States:
    """Sizes below which a state need not be accurate to its own size."""
    largest = peak[0]
    for p in peak[1:]:
        largest = larger(p, largest)
    return tuple(larger(floor * p, FAINT * largest) for p in peak)


def squared_norm(error: States, old: States, new: States, least: States, rtol: float) -> Array:
    """Mean square of the error over what is allowed (patient)."""
    total = jnp.zeros_like(error[0])
    tiny = float(jnp.finfo(error[0].dtype).tiny)
    for e, x, y, z in zip(error, old, new, least, strict=True):
        size = larger(z, larger(jnp.abs(x), jnp.abs(y)))  # NaN where the new state is
        total = total + (e * reciprocal(rtol * size + tiny)) ** 2
    return total * (1.0 / len(error))


def next_step(
    order: int,
    wanted: Array,
    length: Array,
    squared: Array,
    accepted: Array,
    smallest: Array,
    trend: Array | None,
) -> tuple[Array, Array | None]:
    """The next step: 0.9 size^(-1/order) times this one, at most 5 and at least 0.2 times; and the trend then.

    With a trend at most 0.9 size^(-1/order) (size before / size)^(1/order) length / (length before) times this one.
    A landing step says nothing about how long a step could have been, so it never shortens the wanted one.

    Source: Gustafsson 1994, ACM Transactions on Mathematical Software 20:496, predictive controller.
    """
    # Comparisons with NaN are false: a step that is not finite stays so here, and is shortened the most.
    power = root(jnp.where(squared < 1e-20, 1e-20, squared), -0.5 / order)
    factor = 0.9 * power
    if trend is not None:
        factor = jnp.where(accepted, jnp.minimum(factor, factor * power * length * trend), factor)
        # A step that was far too exact says little about the next: its error counts as 1e-4 of the allowed one.
        trend = jnp.where(accepted, 1.0 / (jnp.minimum(power, 1e-4 ** (-1.0 / order)) * length), trend)
    factor = larger(jnp.where(factor < 5.0, factor, 5.0), 0.2)
    after = length * factor
    kept = jnp.where((factor >= 1.0) & (wanted < jnp.inf), larger(wanted, after), after)
    shorter = jnp.where(after > smallest, after, jnp.where(jnp.isnan(squared), -1.0, 0.0))
    step = jnp.where(accepted & ((factor >= 1.0) | (length < wanted)), kept, shorter)
    return step, trend
