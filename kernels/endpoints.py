"""Numbers that sum up a curve, per patient; the curve is (time, patient)."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array


def auc(curve: Array, times: Array) -> Array:
    """Area under the curve between the first and the last time, linear between outputs (patient)."""
    width = jnp.diff(times).astype(curve.dtype)[:, None]
    return jnp.sum(0.5 * (curve[1:] + curve[:-1]) * width, axis=0)


def cmax(curve: Array) -> Array:
    """Largest value at any output time (patient)."""
    return jnp.max(curve, axis=0)


def tmax(curve: Array, times: Array) -> Array:
    """First output time at which the largest value is reached (patient)."""
    # Cheaper than an argmax, which XLA does not vectorise.
    at = jnp.where(curve >= cmax(curve)[None, :], times.astype(curve.dtype)[:, None], jnp.inf)
    return jnp.min(at, axis=0)


def trough(curve: Array, times: Array, since: Array) -> Array:
    """Smallest value from the peak after `since` on, NaN without outputs there (patient).

    What is still on its way up, before a first dose is absorbed, is no trough.
    """
    times = times[:, None]
    later = times > since
    peak = jnp.max(jnp.where(later, curve, -jnp.inf), axis=0)[None, :]
    at = jnp.min(jnp.where(later & (curve >= peak), times, jnp.inf), axis=0)[None, :]
    lowest = jnp.min(jnp.where(times >= at, curve, jnp.inf), axis=0)
    return jnp.where(jnp.any(later), lowest, jnp.nan)


def time_above(curve: Array, times: Array, level: Array) -> Array:
    """Time spent above a level, linear between outputs (patient)."""
    low, high = curve[:-1], curve[1:]
    least, most = jnp.minimum(low, high), jnp.maximum(low, high)
    gap = most - least
    part = (most - level) / jnp.where(gap > 0.0, gap, 1.0)
    share = jnp.where(least >= level, 1.0, jnp.where(most <= level, 0.0, part))
    return jnp.sum(share * jnp.diff(times).astype(curve.dtype)[:, None], axis=0)


def first_above(curve: Array, times: Array, level: Array) -> Array:
    """When the level is first reached, linear between outputs; inf if it never is (patient)."""
    times = times.astype(curve.dtype)
    reached = curve >= level
    at = jnp.argmax(reached, axis=0)
    before = jnp.maximum(at - 1, 0)
    high = jnp.take_along_axis(curve, at[None, :], axis=0)[0]
    low = jnp.take_along_axis(curve, before[None, :], axis=0)[0]
    gap = high - low
    part = jnp.where(gap > 0.0, (level - low) / jnp.where(gap > 0.0, gap, 1.0), 1.0)
    begin, end = jnp.take(times, before, axis=0), jnp.take(times, at, axis=0)
    time = jnp.where(at > 0, begin + part * (end - begin), end)
    return jnp.where(jnp.any(reached, axis=0), time, jnp.inf)
