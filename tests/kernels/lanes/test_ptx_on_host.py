"""Arithmetic by LLVM's PTX, run on this processor, against NumPy."""

import math

import numpy as np
import pytest

from tests.kernels.lanes.nvptx import WAYS, compute, same_bits

rng = np.random.default_rng(11)
N = 77
ways = pytest.mark.parametrize(("pointer", "level"), WAYS)
floats = pytest.mark.parametrize(
    ("dtype", "kind", "suffix"), [(np.float32, "float", "f32"), (np.float64, "double", "f64")]
)
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 0.5, 2.5, -2.5, 3.5]


def special_pairs(dtype):
    a, b = np.meshgrid(np.array(SPECIAL, dtype), np.array(SPECIAL, dtype))
    return a.ravel().copy(), b.ravel().copy()


@ways
@floats
def test_arithmetic_of_floats(pointer, level, dtype, kind, suffix):
    a, b = (rng.normal(size=N).astype(dtype) for _ in range(2))
    body = f"""
  %s = fadd {kind} %x0, %x1
  %d = fsub {kind} %s, %x1
  %p = fmul {kind} %d, %s
  %q = fdiv {kind} %p, %x1
  %m = call {kind} @llvm.fabs.{suffix}({kind} %q)
  %r = call {kind} @llvm.sqrt.{suffix}({kind} %m)
  %result = fneg {kind} %r"""
    expected = -np.sqrt(np.abs((a + b - b) * (a + b) / b))
    same_bits(compute(body, [a, b], dtype, pointer, level), expected)


@ways
@pytest.mark.parametrize(("dtype", "kind"), [(np.int32, "i32"), (np.int64, "i64")])
def test_arithmetic_of_integers(pointer, level, dtype, kind):
    a = rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, N, dtype)
    b = rng.integers(1, 1000, N, dtype)
    body = f"""
  %q = sdiv {kind} %x0, %x1
  %r = srem {kind} %x0, %x1
  %p = mul {kind} %q, %x1
  %s = add {kind} %p, %r
  %t = sub {kind} %s, %q
  %u = ashr {kind} %t, 3
  %v = shl {kind} %r, 2
  %w = xor {kind} %u, %v
  %y = lshr {kind} %x0, 5
  %z = or {kind} %w, %y
  %result = and {kind} %z, -9"""
    q = np.trunc(a.astype(np.longdouble) / b).astype(dtype)
    r = (a - q * b).astype(dtype)
    logical = (a.view(a.dtype.str.replace("i", "u")) >> 5).view(dtype)
    same_bits(compute(body, [a, b], dtype, pointer, level), (((a - q) >> 3) ^ (r << 2) | logical) & -9)


@floats
@pytest.mark.parametrize("level", [0, 3])
def test_only_fma_is_fused(dtype, kind, suffix, level):
    """(1 + e)² - (1 + 2e) is e² if rounded once, and 0 if rounded twice."""
    step = np.finfo(dtype).eps
    a, c = np.full(3, 1 + step, dtype), np.full(3, -(1 + 2 * step), dtype)
    fused = f"%result = call {kind} @llvm.fma.{suffix}({kind} %x0, {kind} %x0, {kind} %x1)"
    apart = f"%p = fmul {kind} %x0, %x0\n  %result = fadd {kind} %p, %x1"
    same_bits(compute(fused, [a, c], dtype, level=level), np.full(3, step * step, dtype))
    same_bits(compute(apart, [a, c], dtype, level=level), np.zeros(3, dtype))


@floats
def test_extremes_with_nans_and_signed_zeros(dtype, kind, suffix):
    a, b = special_pairs(dtype)
    for name, pick in [
        ("maximum", np.maximum),
        ("minimum", np.minimum),
        ("maximumnum", np.fmax),
        ("minimumnum", np.fmin),
    ]:
        found = compute(f"%result = call {kind} @llvm.{name}.{suffix}({kind} %x0, {kind} %x1)", [a, b], dtype)
        expected = pick(a, b)
        zeros = (a == 0) & (b == 0)  # where -0 is less than 0, which NumPy does not promise
        negative = (np.signbit(a) | np.signbit(b)) if "min" in name else (np.signbit(a) & np.signbit(b))
        expected[zeros] = np.where(negative, -0.0, 0.0)[zeros]
        same_bits(found, expected)


@floats
def test_comparisons_with_nans(dtype, kind, suffix):
    a, b = special_pairs(dtype)
    unordered = np.isnan(a) | np.isnan(b)
    with np.errstate(invalid="ignore"):
        truths = {"eq": a == b, "lt": a < b, "le": a <= b, "gt": a > b, "ge": a >= b, "ne": a != b}
    for name, truth in truths.items():
        for how, expected in [("o", truth & ~unordered), ("u", truth | unordered)]:
            body = f"%c = fcmp {how}{name} {kind} %x0, %x1\n  %result = zext i1 %c to i32"
            same_bits(compute(body, [a, b], np.int32), expected.astype(np.int32))
    for how, expected in [("ord", ~unordered), ("uno", unordered)]:
        body = f"%c = fcmp {how} {kind} %x0, %x1\n  %result = zext i1 %c to i32"
        same_bits(compute(body, [a, b], np.int32), expected.astype(np.int32))


@floats
@pytest.mark.parametrize("result", [np.int32, np.int64])
@pytest.mark.parametrize("sign", ["s", "u"])
def test_conversions_saturate(dtype, kind, suffix, result, sign):
    x = np.array([0.0, -0.9, 1.9, -7.5, 3e9, -3e9, 5e9, 1e19, 2e19, -1e19, np.inf, -np.inf, np.nan], dtype)
    size = 8 * np.dtype(result).itemsize
    low, high = (-(1 << (size - 1)), (1 << (size - 1)) - 1) if sign == "s" else (0, (1 << size) - 1)

    def clamped(number):
        if math.isnan(number):
            return 0
        return low if number < low else high if number > high else int(number)

    body = f"%result = call i{size} @llvm.fpto{sign}i.sat.i{size}.{suffix}({kind} %x0)"
    expected = np.array([clamped(float(v)) % (1 << size) for v in x], np.dtype(f"u{size // 8}")).view(result)
    same_bits(compute(body, [x], result), expected)


@ways
def test_conversions_between_sizes(pointer, level):
    wide = rng.integers(-(2**62), 2**62, N)
    body = """
  %a = trunc i64 %x0 to i8
  %b = sext i8 %a to i32
  %c = sitofp i32 %b to float
  %d = fpext float %c to double
  %e = uitofp i64 %x0 to double
  %f = fadd double %d, %e
  %g = fptrunc double %f to float
  %result = fpext float %g to double"""
    expected = (wide.astype(np.int8).astype(np.float64) + wide.view(np.uint64).astype(np.float64)).astype(np.float32)
    same_bits(compute(body, [wide], np.float64, pointer, level), expected.astype(np.float64))


@floats
def test_rounding_and_signs(dtype, kind, suffix):
    x = np.r_[np.array(SPECIAL), rng.normal(size=N) * 9, np.arange(-9, 9) / 2].astype(dtype)
    given = {"roundeven": np.rint, "floor": np.floor, "ceil": np.ceil, "trunc": np.trunc, "fabs": np.abs}
    for name, function in given.items():
        same_bits(compute(f"%result = call {kind} @llvm.{name}.{suffix}({kind} %x0)", [x], dtype), function(x))
    y = x[::-1].copy()
    body = f"%result = call {kind} @llvm.copysign.{suffix}({kind} %x0, {kind} %x1)"
    same_bits(compute(body, [x, y], dtype), np.copysign(x, y))


def test_bits_of_floats():
    x = rng.normal(size=N)
    body = """
  %b = bitcast double %x0 to i64
  %h = lshr i64 %b, 32
  %l = trunc i64 %h to i32
  %k = xor i32 %l, -2147483648
  %f = bitcast i32 %k to float
  %result = bitcast float %f to i32"""
    expected = ((x.view(np.int64) >> 32).astype(np.int32)) ^ np.int32(-(2**31))
    same_bits(compute(body, [x], np.int32), expected)
