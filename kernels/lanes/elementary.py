"""Elementary functions of lanes, from additions, multiplications and bits.

Each takes and gives float32 or float64 arrays. Range reduction brings the argument to a small interval; there the
function is a polynomial or a series. Errors are in units in the last place (ulp), measured by
tests/kernels/lanes/test_elementary.py; results too small for a normal number are 0, as XLA has them on CPUs.

    exp    x = n ln 2 + r,  |r| <= ln 2 / 2:   2^n (1 + r + r^2 p(r))
    log    x = 2^n m,  m in sqrt(1/2)..sqrt(2):  n ln 2 + 2 atanh(s),  s = (m - 1) / (m + 1)
    sin    x = n pi/2 + r,  |r| <= pi/4:         Taylor series of sin or cos of r, chosen by n

Source: range reductions as in Cody and Waite 1980, Software Manual for the Elementary Functions; the polynomial of
exp is fitted here, the series are Taylor's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax


class _Format(NamedTuple):
    """What depends on the precision.

    Attributes:
        integer: type of the same size; mantissa: bits of it; bias: of the exponent.
        exp_degree: of p; log_terms, sin_terms: of the series.
        ln2: high part, exact when multiplied by any exponent, and the rest; pi_half: in three such parts.
        largest, smallest: arguments of exp between which its result is a finite number above 2^(2 - bias).
    """

    integer: Any
    mantissa: int
    bias: int
    exp_degree: int
    log_terms: int
    sin_terms: int
    ln2: tuple[float, ...]
    pi_half: tuple[float, ...]
    largest: float
    smallest: float


def _parts(value: str, bits: int, count: int, dtype: Any) -> tuple[float, ...]:
    """A decimal number as `count` floats of at most `bits` significant bits, and one more for what is left."""
    from decimal import Decimal, getcontext

    getcontext().prec = 60
    rest, parts = Decimal(value), []
    for _ in range(count):
        scale = 2.0 ** (math.frexp(float(rest))[1] - bits)
        part = math.floor(float(rest) / scale) * scale
        parts.append(part)
        rest -= Decimal(part)
    return (*parts, float(dtype(float(rest))))


_LN2 = "0.693147180559945309417232121458176568075500134360255254120680"
_PI_HALF = "1.57079632679489661923132169163975144209858469968755291048747"


@lru_cache
def _format(double: bool) -> _Format:
    if double:
        return _Format(
            jnp.int64, 52, 1023, 9, 11, 9, _parts(_LN2, 38, 1, np.float64)[:2],
            _parts(_PI_HALF, 33, 2, np.float64), 709.782712893384, -707.0,
        )  # fmt: skip
    return _Format(
        jnp.int32, 23, 127, 4, 5, 5, _parts(_LN2, 15, 1, np.float32)[:2],
        _parts(_PI_HALF, 11, 2, np.float32), 88.72283, -86.6,
    )  # fmt: skip


def _of(x: Array) -> _Format:
    return _format(x.dtype == jnp.float64)


@lru_cache
def _exp_polynomial(degree: int) -> tuple[float, ...]:
    """Coefficients of p in exp(r) = 1 + r + r^2 p(r): Chebyshev interpolation over the reduced range."""

    def function(r: np.ndarray) -> np.ndarray:
        return sum((r**k / math.factorial(k + 2) for k in range(24)), np.zeros_like(r))

    half = 0.5 * math.log(2.0) * 1.01
    fitted = np.polynomial.Chebyshev.interpolate(function, degree, domain=[-half, half])
    return tuple(fitted.convert(kind=np.polynomial.Polynomial).coef.tolist())


def _polynomial(x: Array, coefficients: tuple[float, ...]) -> Array:
    total = jnp.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = total * x + coefficient
    return total


def _reduced(x: Array) -> tuple[Array, Array]:
    """r of exp, and 2^(n - 1).

    Adding 1.5 * 2^mantissa leaves n in the last bits of the sum, so that a shift makes an exponent of it.
    """
    f = _of(x)
    magic = 1.5 * 2.0**f.mantissa
    sum_ = x * (1.0 / math.log(2.0)) + magic
    n = sum_ - magic
    bits = lax.shift_left(lax.bitcast_convert_type(sum_, f.integer), jnp.full(x.shape, f.mantissa, f.integer))
    scale = lax.bitcast_convert_type(bits + ((f.bias - 1) << f.mantissa), x.dtype)
    return (x - n * f.ln2[0]) - n * f.ln2[1], scale


def exp(x: Array) -> Array:
    """e^x, to 1 ulp."""
    f = _of(x)
    # Chosen, not clipped: NaN goes through by itself, without a question of its own.
    inside = jnp.where(x > f.largest, f.largest, x)
    inside = jnp.where(inside < f.smallest, f.smallest, inside)
    r, scale = _reduced(inside)
    value = (1.0 + (r + r * r * _polynomial(r, _exp_polynomial(f.exp_degree)))) * scale
    return jnp.where(x < f.smallest, 0.0, jnp.where(x > f.largest, jnp.inf, value + value))


def exp2(x: Array) -> Array:
    """2^x."""
    return exp(x * math.log(2.0))


def expm1(x: Array) -> Array:
    """e^x - 1 = 2^n (e^r - 1) + (2^n - 1), to 3 ulp."""
    near = jnp.abs(x) < 20.0
    r, half = _reduced(jnp.where(near, x, 0.0))
    scale = half + half
    small = scale * (r + r * r * _polynomial(r, _exp_polynomial(_of(x).exp_degree))) + (scale - 1.0)
    return jnp.where(near, small, exp(x) - 1.0)


def log(x: Array) -> Array:
    """Natural logarithm, to 2 ulp; -inf for 0 (and for what is too small for a normal number), NaN below."""
    f = _of(x)
    tiny = float(jnp.finfo(x.dtype).tiny)
    usable = (x >= tiny) & (x < jnp.inf)
    bits = lax.bitcast_convert_type(jnp.where(usable, x, 1.0), f.integer)
    # The exponent such that the mantissa is in sqrt(1/2) to sqrt(2).
    middle = int(np.asarray(math.sqrt(0.5), np.dtype(x.dtype)).view(np.dtype(f.integer)))
    shift = jnp.full_like(bits, f.mantissa)
    n = lax.shift_right_arithmetic(bits - middle, shift)
    m = lax.bitcast_convert_type(bits - lax.shift_left(n, shift), x.dtype)
    u = m - 1.0
    s = u / (u + 2.0)
    z = s * s
    # log m = u - u^2/2 + s (u^2/2 + series): the first two terms are nearly exact (W. Cody's arrangement).
    half = 0.5 * u * u
    series = z * _polynomial(z, tuple(2.0 / (2 * k + 3) for k in range(f.log_terms)))
    exponent = n.astype(x.dtype)
    value = exponent * f.ln2[0] + (u - (half - (s * (half + series) + exponent * f.ln2[1])))
    special = jnp.where(x == jnp.inf, x, jnp.where((x >= 0.0) & (x < tiny), -jnp.inf, jnp.nan))
    return jnp.where(usable, value, special)


def log2(x: Array) -> Array:
    """log x / log 2, to 3 ulp; JAX has it as an operation of its own from 0.12 on."""
    return log(x) * (1.0 / math.log(2.0))


def log1p(x: Array) -> Array:
    """log(1 + x), to 3 ulp, by what 1 + x lost in rounding."""
    u = 1.0 + x
    exact = u == 1.0
    value = log(u) * (x / jnp.where(exact, 1.0, u - 1.0))
    return jnp.where(exact, x, jnp.where(u == jnp.inf, u, value))


def power(x: Array, y: Array) -> Array:
    """x^y: float32 by way of float64, to 1 ulp; float64 to (2 + |y log x|) ulp."""
    if x.dtype == jnp.float32:
        return power(x.astype(jnp.float64), y.astype(jnp.float64)).astype(jnp.float32)
    size = exp(y * log(jnp.abs(x)))
    whole = lax.round(y, lax.RoundingMethod.TO_NEAREST_EVEN) == y
    half = 0.5 * y
    odd = whole & (lax.round(half, lax.RoundingMethod.TO_NEAREST_EVEN) != half)
    signed = jnp.where(x < 0.0, jnp.where(whole, jnp.where(odd, -size, size), jnp.nan), size)
    return jnp.where((y == 0.0) | (x == 1.0), 1.0, signed)


def tanh(x: Array) -> Array:
    """Hyperbolic tangent: -m / (m + 2), m = expm1(-2 |x|)."""
    m = expm1(-2.0 * jnp.abs(x))
    value = -m / (m + 2.0)
    return jnp.where(x < 0.0, -value, value)


def logistic(x: Array) -> Array:
    """1 / (1 + e^-x)."""
    return 1.0 / (1.0 + exp(-x))


def sinh(x: Array) -> Array:
    """(e^x - e^-x) / 2."""
    m = expm1(jnp.abs(x))
    value = 0.5 * (m + m / (m + 1.0))
    value = jnp.where(m == jnp.inf, m, value)
    return jnp.where(x < 0.0, -value, value)


def cosh(x: Array) -> Array:
    """(e^x + e^-x) / 2."""
    return 0.5 * (exp(x) + exp(-x))


def _quadrant(x: Array) -> tuple[Array, Array, Array]:
    """n (an integer), sin r and cos r of x = n pi/2 + r; NaN where |x| > 10^4 (10^9 in float64) makes r inexact."""
    f = _of(x)
    limit = 1e9 if x.dtype == jnp.float64 else 1e4
    n = lax.round(x * (2.0 / math.pi), lax.RoundingMethod.TO_NEAREST_EVEN)
    r = x
    for part in f.pi_half:
        r = r - n * part
    z = r * r
    sine = r + r * z * _polynomial(z, tuple((-1.0) ** (k + 1) / math.factorial(2 * k + 3) for k in range(f.sin_terms)))
    cosine = 1.0 - z * (
        0.5 - z * _polynomial(z, tuple((-1.0) ** k / math.factorial(2 * k + 4) for k in range(f.sin_terms)))
    )
    known = jnp.abs(x) < limit
    number = jnp.where(known, n, 0.0).astype(f.integer)
    return number, jnp.where(known, sine, jnp.nan), jnp.where(known, cosine, jnp.nan)


def _turned(number: Array, sine: Array, cosine: Array) -> Array:
    """sin(n pi/2 + r)."""
    value = jnp.where((number & 1) == 0, sine, cosine)
    return jnp.where((number & 2) == 0, value, -value)


def sin(x: Array) -> Array:
    """Sine, to 2 ulp of 1."""
    return _turned(*_quadrant(x))


def cos(x: Array) -> Array:
    """Cosine, to 2 ulp of 1."""
    number, sine, cosine = _quadrant(x)
    return _turned(number + 1, sine, cosine)


def tan(x: Array) -> Array:
    """Tangent."""
    number, sine, cosine = _quadrant(x)
    return _turned(number, sine, cosine) / _turned(number + 1, sine, cosine)


def cbrt(x: Array) -> Array:
    """Cubic root."""
    size = jnp.abs(x)
    root = jnp.where(size == 0.0, 0.0, power(size, jnp.full_like(x, 1.0 / 3.0)))
    return jnp.where(x < 0.0, -root, root)


def acos(x: Array) -> Array:
    """Inverse cosine: pi/2 - asin x near 0, 2 asin sqrt((1 - |x|)/2), or pi less that, near the ends; to 2 ulp."""
    size = jnp.abs(x)
    inner = size <= 0.5
    z = jnp.where(inner, x, jnp.sqrt(0.5 - 0.5 * size))
    u = z * z
    # Taylor's series of asin for |z| <= 1/2: (2k)! / (4^k k!^2 (2k + 1)) z^(2k + 1).
    terms = 22 if x.dtype == jnp.float64 else 9
    series = tuple(math.comb(2 * k, k) / (4.0**k * (2 * k + 1)) for k in range(1, terms))
    asin = z + z * u * _polynomial(u, series)
    return jnp.where(inner, math.pi / 2 - asin, jnp.where(x < 0.0, math.pi - (asin + asin), asin + asin))


def rsqrt(x: Array) -> Array:
    """1 / sqrt(x)."""
    return 1.0 / jnp.sqrt(x)


FUNCTIONS: Mapping[str, Callable[..., Array]] = {
    "exp": exp,
    "exp2": exp2,
    "expm1": expm1,
    "log": log,
    "log1p": log1p,
    "log2": log2,
    "pow": power,
    "tanh": tanh,
    "logistic": logistic,
    "sinh": sinh,
    "cosh": cosh,
    "sin": sin,
    "cos": cos,
    "tan": tan,
    "cbrt": cbrt,
    "acos": acos,
    "rsqrt": rsqrt,
}
