"""Numbers that sum up a curve, per patient; the curve is (time, patient)."""

from __future__ import annotations

import math

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


FEWEST, TOLERANCE, LEAST = 3, 1e-4, 1e-5


def decline(curve: Array, times: Array, since: Array) -> Array:
    """Rate of the last decline, a straight line through the logarithms of the last outputs (patient), NaN without one.

    slope of ln(curve) over the last n >= 3 outputs after the largest one after `since`
    adjusted r2 = 1 - (1 - r2) (n - 1)/(n - 2);  n is the largest one whose adjusted r2 is within 1e-4 of the best

    Only lines that fall are candidates. Outputs from the first one on that is below 1e-5 of the largest do not count:
    a solver's error is as large; nor does a second output at one time. Computed in float64.

    Source: the rule of PKNCA (Denney, Duvvuri, Buckeridge 2015, J Pharmacokinet Pharmacodyn 42:S65) and WinNonlin.
    """
    curve, times = curve.astype(jnp.float64), times.astype(jnp.float64)[:, None]
    later = times > since
    peak = jnp.max(jnp.where(later, curve, -jnp.inf), axis=0)[None, :]
    at = jnp.min(jnp.where(later & (curve >= peak), times, jnp.inf), axis=0)[None, :]
    after = (times > at) & (jnp.diff(times, axis=0, prepend=-jnp.inf) > 0.0)
    gone = jnp.cumsum(((times > at) & ~(curve > LEAST * peak)).astype(jnp.int32), axis=0) > 0
    counts = after & ~gone & (peak > 0.0)
    weight = counts.astype(curve.dtype)
    # Centred near the end, so that the sums do not cancel.
    last = jnp.max(jnp.where(counts, times, -jnp.inf), axis=0)[None, :]
    x = jnp.where(counts, times - last, 0.0)
    end = jnp.max(jnp.where(counts & (times >= last), curve, 0.0), axis=0)[None, :]
    y = jnp.where(counts, jnp.log(jnp.where(counts, curve, 1.0) / jnp.where(end > 0.0, end, 1.0)), 0.0)

    def back(terms: Array) -> Array:
        return jnp.flip(jnp.cumsum(jnp.flip(terms, axis=0), axis=0), axis=0)

    n, sx, sy, sxx, sxy, syy = (back(terms) for terms in (weight, x, y, x * x, x * y, y * y))
    many = jnp.maximum(n, 1.0)
    vx, vy, cov = sxx - sx * sx / many, syy - sy * sy / many, sxy - sx * sy / many
    falls = counts & (n >= FEWEST) & (cov < 0.0) & (vx > 0.0) & (vy > 0.0)
    r2 = cov * cov / jnp.where(falls, vx * vy, 1.0)
    adjusted = jnp.where(falls, 1.0 - (1.0 - r2) * (n - 1.0) / jnp.where(falls, n - 2.0, 1.0), -jnp.inf)
    good = falls & (adjusted >= jnp.max(adjusted, axis=0)[None, :] - TOLERANCE)
    most = jnp.max(jnp.where(good, n, 0.0), axis=0)[None, :]
    rate = jnp.where(good & (n >= most), -cov / jnp.where(falls, vx, 1.0), 0.0)
    return jnp.where(jnp.any(good, axis=0), jnp.max(rate, axis=0), jnp.nan)


def half_life(curve: Array, times: Array, since: Array) -> Array:
    """ln 2 over the rate of the last decline, as `decline` (patient)."""
    return (math.log(2.0) / decline(curve, times, since)).astype(curve.dtype)


def beyond(curve: Array, times: Array, since: Array) -> Array:
    """Area from the last output to infinity: its value over the rate of the last decline (patient)."""
    return curve[-1] / decline(curve, times, since).astype(curve.dtype)
