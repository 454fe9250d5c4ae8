"""Exponentials and a step-size factor without branches or calls, so that LLVM vectorises the loops that use them.

Numba's own `exp` is a library call for each number unless Intel's SVML is installed.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

FAST = {"fastmath": True, "error_model": "numpy", "inline": "always"}
LOG2_E = 1 / math.log(2)
LN2_HIGH = 0.6931471803691238  # ln 2 in two parts: n * LN2_HIGH is exact for the n that occur
LN2_LOW = 1.9082149292705877e-10
TAYLOR = tuple(1 / math.factorial(power) for power in range(12))  # of exp; |r| <= ln(2)/2 leaves 1e-14
POWER = tuple(np.float32(math.log(2) ** power / math.factorial(power)) for power in range(7))  # of 2^r, |r| <= 1/2
F = np.float32
HALF, ONE, THREE = F(0.5), F(1), F(3)
LOWEST, TENTH = F(-126), F(-0.1)
LOG_A, LOG_B, EXP_A, EXP_B = F(1.3465553), F(0.3465553), F(0.6565), F(0.3435)
BIAS, MANTISSA, ONE_BITS, SHIFT = np.int32(127), np.int32(0x7FFFFF), np.int32(0x3F800000), np.int32(23)


@njit(**FAST)
def exp64(x):
    """exp(x) for x <= 0, float64, to 1e-14."""
    x = max(x, -700.0)
    n = np.floor(x * LOG2_E + 0.5)
    r = (x - n * LN2_HIGH) - n * LN2_LOW
    y = TAYLOR[10] + r * TAYLOR[11]
    y = TAYLOR[8] + r * (TAYLOR[9] + r * y)
    y = TAYLOR[6] + r * (TAYLOR[7] + r * y)
    y = TAYLOR[4] + r * (TAYLOR[5] + r * y)
    y = TAYLOR[2] + r * (TAYLOR[3] + r * y)
    y = 1.0 + r * (1.0 + r * y)
    return y * np.int64((np.int64(n) + 1023) << 52).view(np.float64)


@njit(**FAST)
def exp2_32(x):
    """2**x for x <= 0, float32, to its rounding; 1.2e-38 below -126."""
    x = max(x, LOWEST)
    n = np.floor(x + HALF)
    r = x - n
    y = POWER[4] + r * (POWER[5] + r * POWER[6])
    y = POWER[2] + r * (POWER[3] + r * y)
    y = POWER[0] + r * (POWER[1] + r * y)
    return y * np.int32((np.int32(n) + BIAS) << SHIFT).view(np.float32)


@njit(**FAST)
def tenth_root_inverse(x):
    """x**-0.1 to about 1 %, between 1/8 and 8: enough to choose a step size from a squared error norm."""
    bits = F(x).view(np.int32)
    mantissa = np.int32((bits & MANTISSA) | ONE_BITS).view(np.float32) - ONE
    log = F((bits >> SHIFT) - BIAS) + mantissa * (LOG_A - LOG_B * mantissa)
    y = min(max(TENTH * log, -THREE), THREE)
    n = np.floor(y)
    r = y - n
    return np.int32((np.int32(n) + BIAS) << SHIFT).view(np.float32) * (ONE + r * (EXP_A + r * EXP_B))
