"""What the arithmetic, comparing and converting instructions of PTX compute."""

from __future__ import annotations

from tests.kernels.lanes.ptx_text import Instruction
from tests.kernels.lanes.ptx_values import ROUNDING, Values, bits, is_float, plain, suffix, typed

_FLOAT = ("rn", "rz", "rm", "rp", "ftz", "sat", "approx", "full")
_FUNCTIONS = {"ex2": "exp2", "lg2": "log2", "sin": "sin", "cos": "cos", "tanh": "tanh"}
_INTEGRAL = {"rni": "roundeven", "rzi": "trunc", "rmi": "floor", "rpi": "ceil"}
_UNSIGNED = {"lo": "ult", "ls": "ule", "hi": "ugt", "hs": "uge"}
_ORDER = ("lt", "le", "gt", "ge")


def _rounding(instruction: Instruction) -> str:
    return next((m for m in instruction.modifiers if m in ROUNDING), "")


def _finish(v: Values, instruction: Instruction, value: str, kind: str) -> None:
    """Write the result, between 0 and 1 if the instruction says so."""
    if "sat" in instruction.modifiers and is_float(kind):
        value = v.call("minimumnum", kind, v.call("maximumnum", kind, value, "0.0"), "1.0")
    v.write(instruction.operands[0], value, kind)


def sum_or_product(v: Values, i: Instruction) -> None:
    kind = i.kind(*_FLOAT, "lo", "hi", "wide")
    _, a, b = i.operands
    if is_float(kind):
        values = [(kind, v.read(a, kind)), (kind, v.read(b, kind))]
        _finish(v, i, v.rounded(f"f{i.opcode}", _rounding(i), kind, *values), kind)
    elif i.opcode == "mul":
        value, result = _product(v, i, kind)
        v.write(i.operands[0], value, result)
    elif i.modifiers[:-1] == ("sat",):
        v.write(i.operands[0], v.call(f"s{i.opcode}.sat", kind, v.read(a, kind), v.read(b, kind)), kind)
    else:
        i.kind()
        v.write(i.operands[0], v.binary(i.opcode, kind, v.read(a, kind), v.read(b, kind)), kind)


def _product(v: Values, i: Instruction, kind: str) -> tuple[str, str]:
    """Of integers: the low half, the high half, or both."""
    a, b = v.read(i.operands[1], kind), v.read(i.operands[2], kind)
    (half,) = i.modifiers[:-1]
    if half == "lo":
        return v.binary("mul", kind, a, b), kind
    wide, grow = f"i{2 * bits(kind)}", "sext" if kind[0] == "s" else "zext"
    a, b = (v.new(f"{grow} {typed(kind)} {value} to {wide}") for value in (a, b))
    product = v.new(f"mul {wide} {a}, {b}")
    if half == "wide":
        return product, f"{kind[0]}{2 * bits(kind)}"
    high = v.new(f"lshr {wide} {product}, {bits(kind)}")
    return v.new(f"trunc {wide} {high} to {typed(kind)}"), kind


def multiply_add(v: Values, i: Instruction) -> None:
    kind = i.kind(*_FLOAT, "lo", "hi", "wide")
    if is_float(kind):
        values = [(kind, v.read(operand, kind)) for operand in i.operands[1:4]]
        return _finish(v, i, v.rounded("fma", _rounding(i), kind, *values), kind)
    value, result = _product(v, i, kind)
    v.write(i.operands[0], v.binary("add", result, value, v.read(i.operands[3], result)), result)


def quotient(v: Values, i: Instruction) -> None:
    kind = i.kind(*_FLOAT)
    a, b = v.read(i.operands[1], kind), v.read(i.operands[2], kind)
    if is_float(kind):
        return _finish(v, i, v.rounded("fdiv", _rounding(i), kind, (kind, a), (kind, b)), kind)
    i.kind()
    # The host traps where a GPU gives something: all ones for a quotient by zero, the dividend for a remainder.
    by_zero = v.compare("eq", kind, b, "0")
    never = by_zero
    if kind[0] == "s":
        minus_one = v.compare("eq", kind, b, "-1")
        never = v.binary("or", "pred", by_zero, minus_one)
    divided = v.binary(f"{kind[0]}{i.opcode}", kind, a, v.select(never, kind, "1", b))
    if kind[0] == "s":
        trivial = v.binary("sub", kind, "0", a) if i.opcode == "div" else "0"
        divided = v.select(minus_one, kind, trivial, divided)  # pyright: ignore[reportPossiblyUnboundVariable]
    v.write(i.operands[0], v.select(by_zero, kind, "-1" if i.opcode == "div" else a, divided), kind)


def negative(v: Values, i: Instruction) -> None:
    kind = i.kind("ftz")
    a = v.read(i.operands[1], kind)
    v.write(i.operands[0], v.new(f"fneg {typed(kind)} {a}") if is_float(kind) else v.binary("sub", kind, "0", a), kind)


def magnitude(v: Values, i: Instruction) -> None:
    kind = i.kind("ftz")
    a = v.read(i.operands[1], kind)
    if is_float(kind):
        return v.write(i.operands[0], v.call("fabs", kind, a), kind)
    v.write(i.operands[0], v.new(f"call {typed(kind)} @llvm.abs.{suffix(kind)}({typed(kind)} {a}, i1 false)"), kind)


def extreme(v: Values, i: Instruction) -> None:
    kind = i.kind("ftz", "NaN")
    _, a, b = i.operands
    if is_float(kind):
        name = f"{i.opcode}imum" + ("" if "NaN" in i.modifiers else "num")
    else:
        name = f"{kind[0]}{i.opcode}"
    v.write(i.operands[0], v.call(name, kind, v.read(a, kind), v.read(b, kind)), kind)


def root(v: Values, i: Instruction) -> None:
    """Square roots and reciprocals of numbers or of their roots."""
    kind = i.kind(*_FLOAT)
    value = v.read(i.operands[1], kind)
    if i.opcode in ("sqrt", "rsqrt"):
        value = v.rounded("sqrt", _rounding(i), kind, (kind, value))
    if i.opcode in ("rcp", "rsqrt"):
        value = v.rounded("fdiv", _rounding(i), kind, (kind, "1.0"), (kind, value))
    v.write(i.operands[0], value, kind)


def function(v: Values, i: Instruction) -> None:
    kind = i.kind("approx", "ftz")
    v.write(i.operands[0], v.call(_FUNCTIONS[i.opcode], kind, v.read(i.operands[1], kind)), kind)


def compared(v: Values, how: str, kind: str, a: str, b: str) -> str:
    """The truth of one of PTX's comparisons."""
    if is_float(kind):
        ordered = {"num": "ord", "nan": "uno", "ne": "one", "neu": "une", "equ": "ueq", "eq": "oeq"}
        known = ordered | {o: f"o{o}" for o in _ORDER} | {f"{o}u": f"u{o}" for o in _ORDER}
    else:
        sign = "s" if kind[0] == "s" else "u"
        known = {"eq": "eq", "ne": "ne"} | {o: f"{sign}{o}" for o in _ORDER} | _UNSIGNED
    return v.compare(known[how], kind, v.read(a, kind), v.read(b, kind))


def comparison(v: Values, i: Instruction) -> None:
    """`setp` and `set`, the truth of a comparison combined with another one if given."""
    how, *combined, kind = [m for m in i.modifiers if m != "ftz"]
    result = combined.pop() if i.opcode == "set" else "pred"
    holds = compared(v, how, kind, *i.operands[1:3])
    fails = v.binary("xor", "pred", holds, "true")
    if combined:
        (operation,), (*_, other) = combined, i.operands
        given = v.read(other, "pred")
        if operation not in ("and", "or", "xor"):
            raise NotImplementedError(i.text)
        holds, fails = (v.binary(operation, "pred", value, given) for value in (holds, fails))
    if i.opcode == "set":
        yes, no = ("1.0", "0.0") if is_float(result) else ("-1", "0")
        return v.write(i.operands[0], v.select(holds, result, yes, no), result)
    first, _, second = i.operands[0].partition("|")
    v.write(first, holds, "pred")
    if second:
        v.write(second, fails, "pred")


def choice(v: Values, i: Instruction) -> None:
    if i.opcode == "selp":
        kind = i.kind()
        condition = v.read(i.operands[3], "pred")
    else:
        *_, kind, sign = i.modifiers
        condition = v.compare(
            "oge" if is_float(sign) else "sge", sign, v.read(i.operands[3], sign), "0.0" if is_float(sign) else "0"
        )
    a, b = (v.read(operand, kind) for operand in i.operands[1:3])
    v.write(i.operands[0], v.select(condition, kind, a, b), kind)


def conversion(v: Values, i: Instruction) -> None:
    *how, result, source = i.modifiers
    if not set(how) <= {"rn", *ROUNDING, *_INTEGRAL, "sat", "ftz"}:
        raise NotImplementedError(i.text)
    value = v.read(i.operands[1], source)
    integral = next((_INTEGRAL[m] for m in how if m in _INTEGRAL), "")
    if integral:
        value = v.call(integral, source, value)
    if is_float(source) and is_float(result):
        if source != result:
            grows = bits(result) > bits(source)
            value = v.rounded("fpext" if grows else "fptrunc", "" if grows else _rounding(i), result, (source, value))
        _finish(v, i, value, result)
    elif is_float(result):
        operation = "sitofp" if source[0] == "s" else "uitofp"
        _finish(v, i, v.rounded(operation, _rounding(i), result, (source, value)), result)
    elif is_float(source):
        if not integral:
            raise NotImplementedError(i.text)
        v.write(i.operands[0], _whole(v, value, source, result), result)
    else:
        if "sat" in how:
            value = _clamped(v, value, source, result)
        v.write(i.operands[0], v.resize(value, source, result), result)


def _whole(v: Values, value: str, source: str, result: str) -> str:
    """Saturated; what becomes of NaN depends on the sizes."""
    name = f"llvm.fpto{'s' if result[0] == 's' else 'u'}i.sat.{suffix(result)}.{suffix(source)}"
    found = v.new(f"call {typed(result)} @{name}({typed(source)} {value})")
    if source != "f64" and bits(result) != 64:
        return found
    return v.select(v.compare("uno", source, value, value), result, str(1 << (bits(result) - 1)), found)


def _clamped(v: Values, value: str, source: str, result: str) -> str:
    """An integer within the bounds of a type, still of the type it comes in."""
    size = bits(result)
    low, high = (-(1 << (size - 1)), (1 << (size - 1)) - 1) if result[0] == "s" else (0, (1 << size) - 1)
    if source[0] == "s":
        least, greatest = -(1 << (bits(source) - 1)), (1 << (bits(source) - 1)) - 1
        value = v.call("smax", source, value, str(max(low, least)))
        return v.call("smin", source, value, str(min(high, greatest)))
    return v.call("umin", source, value, str(min(high, (1 << bits(source)) - 1)))


def moved(v: Values, i: Instruction) -> None:
    """`mov`, with packing and unpacking; `cvta`, as all addresses are the host's."""
    kind = i.kind("to", "global", "local", "param", "const") if i.opcode == "cvta" else i.kind()
    target, source = i.operands
    if source.startswith("{"):
        parts = source[1:-1].split(",")
        size, value = bits(kind) // len(parts), "0"
        for place, part in enumerate(parts):
            piece = v.resize(v.read(part.strip(), f"b{size}"), f"b{size}", plain(kind))
            value = v.binary("or", kind, value, v.binary("shl", kind, piece, str(place * size)))
        return v.write(target, value, plain(kind))
    value = v.as_bits(v.read(source, kind), kind)
    if not target.startswith("{"):
        return v.write(target, value, plain(kind))
    parts = target[1:-1].split(",")
    size = bits(kind) // len(parts)
    for place, part in enumerate(parts):
        piece = v.binary("lshr", plain(kind), value, str(place * size))
        v.write(part.strip(), v.resize(piece, plain(kind), f"b{size}"), f"b{size}")


HANDLERS = {
    **dict.fromkeys(["add", "sub", "mul"], sum_or_product),
    **dict.fromkeys(["mad", "fma"], multiply_add),
    **dict.fromkeys(["div", "rem"], quotient),
    **dict.fromkeys(["sqrt", "rsqrt", "rcp"], root),
    **dict.fromkeys(_FUNCTIONS, function),
    **dict.fromkeys(["min", "max"], extreme),
    **dict.fromkeys(["setp", "set"], comparison),
    **dict.fromkeys(["selp", "slct"], choice),
    **dict.fromkeys(["mov", "cvta"], moved),
    "neg": negative,
    "abs": magnitude,
    "cvt": conversion,
}
