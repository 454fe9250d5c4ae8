"""Primitives of JAX that work on each number by itself, as LLVM instructions.

Sums and products may be contracted to fused multiply-adds and nothing else may change: what is written is what is
computed, in every lane alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kernels.lanes import elementary
from kernels.lanes.text import Register, Text, Unsupported, constant

Emit = Callable[..., Register]


def _is_float(register: Register) -> bool:
    return register.dtype.kind == "f"


def _is_signed(register: Register) -> bool:
    return register.dtype.kind == "i"


def _arithmetic(for_floats: str, for_integers: str) -> Emit:
    def emit(text: Text, a: Register, b: Register, **_: Any) -> Register:
        return text.binary(f"{for_floats} contract" if _is_float(a) else for_integers, a, b)

    return emit


def _divide(text: Text, a: Register, b: Register, **_: Any) -> Register:
    if not _is_float(a):
        raise Unsupported("division of integers")
    return text.binary("fdiv", a, b)


def _extreme(name: str) -> Emit:
    def emit(text: Text, a: Register, b: Register, **_: Any) -> Register:
        if _is_float(a):
            return text.call(f"{name}imum", (a, b))
        return text.call(("s" if _is_signed(a) else "u") + name, (a, b))

    return emit


def _compare(floats: str, signed: str) -> Emit:
    def emit(text: Text, a: Register, b: Register, **_: Any) -> Register:
        if _is_float(a):
            return text.binary(f"fcmp {floats}", a, b, bool)
        order = signed if _is_signed(a) or signed in ("eq", "ne") else "u" + signed[1:]
        return text.binary(f"icmp {order}", a, b, bool)

    return emit


def _logical(operation: str) -> Emit:
    def emit(text: Text, a: Register, b: Register, **_: Any) -> Register:
        return text.binary(operation, a, b)

    return emit


def _negative(text: Text, a: Register, **_: Any) -> Register:
    if _is_float(a):
        return text.make(f"fneg {text.typed(a)}", a.dtype, a.wide)
    return text.binary("sub", constant(0, a.dtype), a)


def _absolute(text: Text, a: Register, **_: Any) -> Register:
    if _is_float(a):
        return text.call("fabs", (a,))
    return text.call("smax", (a, text.binary("sub", constant(0, a.dtype), a)))


def _intrinsic(name: str) -> Emit:
    def emit(text: Text, a: Register, **_: Any) -> Register:
        return text.call(name, (a,))

    return emit


def _round(text: Text, a: Register, *, rounding_method: Any, **_: Any) -> Register:
    return text.call("roundeven" if int(rounding_method) == 1 else "round", (a,))


def _not(text: Text, a: Register, **_: Any) -> Register:
    return text.binary("xor", a, constant(True if a.dtype == np.bool_ else -1, a.dtype))


def _sign(text: Text, a: Register, **_: Any) -> Register:
    if not _is_float(a):
        raise Unsupported("sign of integers")
    one = text.call("copysign", (text.widen(constant(1.0, a.dtype)) if a.wide else constant(1.0, a.dtype), a))
    moves = text.binary("fcmp one", a, constant(0.0, a.dtype), bool)  # false for 0 and NaN, which stay themselves
    return text.select(moves, one, a)


def _is_finite(text: Text, a: Register, **_: Any) -> Register:
    return text.binary("fcmp olt", text.call("fabs", (a,)), constant(np.inf, a.dtype), bool)


def _convert(text: Text, a: Register, *, new_dtype: Any, **_: Any) -> Register:
    new = np.dtype(new_dtype)
    if new == a.dtype:
        return a
    if new == np.bool_:
        zero = constant(0, a.dtype)
        return text.binary("fcmp une" if _is_float(a) else "icmp ne", a, zero, bool)
    if _is_float(a):
        if new.kind == "f":
            return text.cast("fpext" if new.itemsize > a.dtype.itemsize else "fptrunc", a, new)
        # Out of range is the nearest integer, as XLA has it; a plain conversion would be undefined.
        return _saturated(text, a, new)
    if new.kind == "f":
        return text.cast("sitofp" if _is_signed(a) else "uitofp", a, new)
    if new.itemsize == a.dtype.itemsize and a.dtype != np.bool_:
        return Register(a.text, new, a.wide)
    if a.dtype == np.bool_ or new.itemsize > a.dtype.itemsize:
        return text.cast("sext" if _is_signed(a) else "zext", a, new)
    return text.cast("trunc", a, new)


def _saturated(text: Text, a: Register, new: np.dtype) -> Register:
    """Towards zero; the nearest integer where out of range, 0 for NaN. LLVM's own is not vectorised."""
    if new.kind != "i" or new.itemsize < 4:
        raise Unsupported(f"conversion of {a.dtype.name} to {new.name}")
    low, high = float(np.iinfo(new).min), -float(np.iinfo(new).min)
    inside = text.call("fabs", (a,))
    inside = text.binary("fcmp olt", inside, constant(high, a.dtype), bool)
    whole = text.cast("fptosi", text.select(inside, a, constant(0.0, a.dtype)), new)
    above = text.binary("fcmp oge", a, constant(high, a.dtype), bool)
    below = text.binary("fcmp ole", a, constant(low, a.dtype), bool)
    whole = text.select(above, constant(np.iinfo(new).max, new), whole)
    return text.select(below, constant(np.iinfo(new).min, new), whole)


def _bits(text: Text, a: Register, *, new_dtype: Any, **_: Any) -> Register:
    new = np.dtype(new_dtype)
    if new.itemsize != a.dtype.itemsize:
        raise Unsupported("bits of numbers of another size")
    return text.cast("bitcast", a, new) if new.kind != a.dtype.kind else Register(a.text, new, a.wide)


def _select(text: Text, which: Register, *cases: Register, **_: Any) -> Register:
    if which.dtype != np.bool_ or len(cases) != 2:
        raise Unsupported("a choice among more than two")
    return text.select(which, cases[1], cases[0])


def _clamp(text: Text, low: Register, x: Register, high: Register, **_: Any) -> Register:
    return _extreme("min")(text, _extreme("max")(text, x, low), high)


def _shift(operation: str) -> Emit:
    """By as many bits as a number has, or more, all are gone."""

    def emit(text: Text, a: Register, b: Register, **_: Any) -> Register:
        size = 8 * a.dtype.itemsize
        if b.text.isdigit() and int(b.text) < size:
            return text.binary(operation, a, b)
        inside = text.binary("icmp ult", b, constant(size, b.dtype), bool)
        most = constant(size - 1, b.dtype)
        shifted = text.binary(operation, a, text.select(inside, b, most))
        return shifted if operation == "ashr" else text.select(inside, shifted, constant(0, a.dtype))

    return emit


def _same(text: Text, a: Register, **_: Any) -> Register:
    return a


def _square(text: Text, a: Register, **_: Any) -> Register:
    return _arithmetic("fmul", "mul")(text, a, a)


def _one_minus_square(text: Text, a: Register, **_: Any) -> Register:
    """(1 + a) (1 - a), which keeps its digits near 1."""
    one = constant(1.0, a.dtype)
    return text.binary("fmul", text.binary("fadd", one, a), text.binary("fsub", one, a))


def _integer_power(text: Text, a: Register, *, y: int, **_: Any) -> Register:
    if y == 0:
        return constant(1, a.dtype)
    times, result, square = _arithmetic("fmul", "mul"), None, a
    rest = abs(y)
    while rest:
        if rest & 1:
            result = square if result is None else times(text, result, square)
        rest >>= 1
        if rest:
            square = times(text, square, square)
    assert result is not None
    return result if y > 0 else _divide(text, constant(1.0, a.dtype), result)


INSTRUCTIONS: Mapping[str, Emit] = {
    "add": _arithmetic("fadd", "add"),
    "add_any": _arithmetic("fadd", "add"),
    "sub": _arithmetic("fsub", "sub"),
    "mul": _arithmetic("fmul", "mul"),
    "div": _divide,
    "max": _extreme("max"),
    "min": _extreme("min"),
    "eq": _compare("oeq", "eq"),
    "ne": _compare("une", "ne"),
    "lt": _compare("olt", "slt"),
    "le": _compare("ole", "sle"),
    "gt": _compare("ogt", "sgt"),
    "ge": _compare("oge", "sge"),
    "and": _logical("and"),
    "or": _logical("or"),
    "xor": _logical("xor"),
    "not": _not,
    "neg": _negative,
    "abs": _absolute,
    "sign": _sign,
    "floor": _intrinsic("floor"),
    "ceil": _intrinsic("ceil"),
    "round": _round,
    "sqrt": _intrinsic("sqrt"),
    "is_finite": _is_finite,
    "convert_element_type": _convert,
    "bitcast_convert_type": _bits,
    "select_n": _select,
    "clamp": _clamp,
    "shift_left": _shift("shl"),
    "shift_right_logical": _shift("lshr"),
    "shift_right_arithmetic": _shift("ashr"),
    "square": _square,
    "one_minus_square": _one_minus_square,
    "integer_pow": _integer_power,
    "copy": _same,
    "copy_p": _same,
    "stop_gradient": _same,
    "reshard": _same,
    "pvary": _same,
}

# Primitives written in terms of the others; see `kernels.lanes.elementary`.
COMPOSED: Mapping[str, Callable[..., Any]] = elementary.FUNCTIONS
