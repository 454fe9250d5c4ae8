"""Rough arithmetic for step control, which needs two digits and is on the critical path of every step."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array, lax


class _Bits(NamedTuple):
    """Layout of a floating-point number: integer type, bits of the mantissa, bias of the exponent."""

    integer: Any
    mantissa: int
    bias: int


def _bits(x: Array) -> _Bits:
    return _Bits(jnp.int32, 23, 127) if x.dtype == jnp.float32 else _Bits(jnp.int64, 52, 1023)


def larger(a: Array, b: Array | float) -> Array:
    """The larger of two numbers, b where either is NaN: one instruction, where `jnp.maximum` takes three."""
    return jnp.where(a > b, a, b)


def root(x: Array, exponent: float) -> Array:
    """x > 0 to a power between -0.5 and 0.5, to 7 %; of infinity and NaN as of a very large number.

    The bits of a positive number, read as an integer, are its logarithm: piecewise linear between powers of two. The
    last of them are cut off, so that a product with the exponent fits the mantissa.

    >>> abs(float(root(jnp.float32(1e-4), -0.1)) / 1e-4**-0.1 - 1.0) < 0.07
    True
    """
    f = _bits(x)
    cut = 8 if f.mantissa == 23 else 12
    short = jnp.full(x.shape, cut, f.integer)
    logarithm = lax.shift_right_logical(lax.bitcast_convert_type(x, f.integer), short).astype(x.dtype)
    one = float(f.bias << (f.mantissa - cut))
    # Adding 2^mantissa leaves a whole number in the last bits; its own exponent is shifted out.
    sum_ = logarithm * exponent + (one - one * exponent + 2.0**f.mantissa)
    return lax.bitcast_convert_type(lax.shift_left(lax.bitcast_convert_type(sum_, f.integer), short), x.dtype)


def reciprocal(x: Array) -> Array:
    """1 / x for x > 0, to 0.4 %: the bits give it to 6 %, one step of Newton's method squares that.

    >>> abs(float(reciprocal(jnp.float32(3e-7))) * 3e-7 - 1.0) < 0.004
    True
    """
    f = _bits(x)
    most = 2.0 ** (f.bias - 2)
    x = jnp.where(x > most, most, x)  # NaN stays
    # Twice the exponent's bias, less what makes the largest error of the line through powers of two smallest.
    magic = int((2 * f.bias - 0.0901) * 2.0**f.mantissa)
    first = lax.bitcast_convert_type(magic - lax.bitcast_convert_type(x, f.integer), x.dtype)
    return first * (2.0 - x * first)
