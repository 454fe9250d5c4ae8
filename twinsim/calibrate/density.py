"""How likely observations are: -2 log density of each, in NONMEM's convention, without ln 2 pi.

    y = m + sqrt(v) e, e standard normal    ln v + (y - m)^2 / v
    below a limit, y <= u                    -2 ln Phi((u - m) / sqrt(v))                         M3
    above a limit, y >= l                    -2 ln Phi((m - l) / sqrt(v))
    between two                              -2 ln [Phi((u - m) / sqrt(v)) - Phi((l - m) / sqrt(v))]

For a lognormal error m is ln f, y and its limits are logarithms, and 2 ln y is added.

Source: Beal 2001, J Pharmacokinet Pharmacodyn 28:481, doi:10.1023/A:1012299115260 (M3).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.stats import norm

from twinsim.calibrate.study import Observed
from twinsim.population.error_model import ErrorModel


class Moments(NamedTuple):
    """Where an observation is expected and how it scatters, on the scale on which it is normal (row, patient)."""

    mean: Array
    log_variance: Array


class Seen(NamedTuple):
    """Observations on the scale on which they are normal; bounds of censored ones, infinite where there is none.

    Attributes:
        value, low, high: (row, patient).
        censored: whether only bounds are known (row, patient); None where all values are.
        used: whether it counts.
        extra: what does not depend on the model: 2 ln y and the change of unit (row, patient).
    """

    value: Array
    low: Array
    high: Array
    censored: Array | None
    used: Array
    extra: Array


def moments(errors: Mapping[str, ErrorModel], f: Array, observed: Observed, numbers: Mapping[str, Any]) -> Moments:
    """Moments of the observations.

    Args:
        errors: residual error of each output, in the order of `Observed.kind`.
        f: predictions (row, patient).
        numbers: by theta name, (1, patient | 1).
    """
    mean, spread = jnp.zeros_like(f), jnp.zeros_like(f)
    for index, error in enumerate(errors.values()):
        here = (jnp.asarray(observed.kind) == index) & jnp.asarray(observed.used)
        safe = jnp.where(here, f, 1.0)  # what is not chosen must not make derivatives NaN
        if error.log_scale:
            own, variance = jnp.log(safe), error.log_variance(safe, numbers)
        else:
            own, variance = safe, error.variance(safe, numbers)
        mean = jnp.where(here, own, mean)
        spread = jnp.where(here, jnp.log(variance), spread)
    return Moments(mean, spread)


def seen(errors: Mapping[str, ErrorModel], observed: Observed, censored: bool) -> Seen:
    """Observations on their scale.

    Args:
        censored: whether any of them is.
    """
    dv, limit, cens = jnp.asarray(observed.dv), jnp.asarray(observed.limit), jnp.asarray(observed.cens)
    used = jnp.asarray(observed.used)
    logged = jnp.zeros_like(used)
    for index, error in enumerate(errors.values()):
        if error.log_scale:
            logged |= jnp.asarray(observed.kind) == index
    log_of = lambda x: jnp.log(jnp.where(logged & used, x, 1.0))  # noqa: E731
    value = jnp.where(logged, log_of(dv), dv)
    other = jnp.where(logged, log_of(jnp.where(limit > 0.0, limit, 1.0)), limit)
    known = jnp.isfinite(limit) & ~(logged & (limit <= 0.0))
    jacobian = 2.0 * jnp.log(jnp.asarray(observed.factor)) + 2.0 * jnp.where(logged, log_of(dv), 0.0)
    return Seen(
        value=value,
        low=jnp.where(cens < 0, value, jnp.where((cens > 0) & known, other, -jnp.inf)),
        high=jnp.where(cens > 0, value, jnp.where((cens < 0) & known, other, jnp.inf)),
        censored=cens != 0 if censored else None,
        used=used,
        extra=jnp.where(used & (cens == 0), jacobian, 0.0),
    )


def minus_two_log(y: Seen, at: Moments) -> Array:
    """-2 log density (row, patient); 0 where nothing was observed."""
    scaled = (y.value - at.mean) * jnp.exp(-0.5 * at.log_variance)
    terms = at.log_variance + scaled**2
    if y.censored is not None:
        terms = jnp.where(y.censored, _censored(y, y.censored, at), terms)
    return jnp.where(y.used, terms, 0.0)


def _censored(y: Seen, censored: Array, at: Moments) -> Array:
    """-2 log probability of lying between the bounds; anything finite where nothing is censored."""
    inverse = jnp.exp(-0.5 * at.log_variance)
    bounded = [censored & jnp.isfinite(bound) for bound in (y.low, y.high)]
    low, high = (
        jnp.where(has, (jnp.where(has, bound, 0.0) - at.mean) * inverse, 0.0)
        for has, bound in zip(bounded, (y.low, y.high), strict=True)
    )
    # Between two bounds: in the tail on whose side they are, so that no difference of ones is taken.
    flip = low + high > 0.0
    a, b = jnp.where(flip, -high, low), jnp.where(flip, -low, high)
    both = bounded[0] & bounded[1]
    upper = norm.logcdf(jnp.where(both, b, 0.0))
    gap = norm.logcdf(jnp.where(both, a, -1.0)) - upper
    between = upper + jnp.log1p(-jnp.exp(jnp.where(gap < 0.0, gap, -1.0)))
    single = jnp.where(bounded[0], norm.logcdf(-low), norm.logcdf(high))
    return -2.0 * jnp.where(both, between, single)


def information(y: Seen, at: Moments, slopes: Moments) -> Array:
    """What observations tell about numbers: half the expected second derivative (number, number, patient).

        sum  m' m'^T / v + 1/2 (ln v)' (ln v)'^T

    of a censored one the second derivative by its mean, m' m'^T times it.

    Args:
        slopes: derivatives of the moments (number, row, patient).
    """
    known = y.used if y.censored is None else y.used & ~y.censored
    weight, half = jnp.where(known, jnp.exp(-at.log_variance), 0.0), jnp.where(known, 0.5, 0.0)
    if y.censored is not None:
        weight = jnp.where(y.used & y.censored, _steepness(y, y.censored, at), weight)
    mean, spread = slopes
    by_mean = jnp.sum(mean[:, None] * mean[None, :] * weight[None, None], axis=2)
    return by_mean + jnp.sum(spread[:, None] * spread[None, :] * half[None, None], axis=2)


def _steepness(y: Seen, censored: Array, at: Moments) -> Array:
    """Half the second derivative of a censored observation's -2 log probability by its mean."""

    def of_mean(mean: Array) -> Array:
        return 0.5 * _censored(y, censored, Moments(mean, at.log_variance))

    one = jnp.ones_like(at.mean)
    slope = lambda mean: jax.jvp(of_mean, (mean,), (one,))[1]  # noqa: E731
    return jax.jvp(slope, (at.mean,), (one,))[1]
