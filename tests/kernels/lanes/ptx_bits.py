"""What the instructions of PTX that work on single bits compute."""

from __future__ import annotations

from tests.kernels.lanes.ptx_text import Instruction
from tests.kernels.lanes.ptx_values import Values, bits, is_float, suffix, typed

_CLASSES = {"finite": 504, "infinite": 516, "number": 1020, "notanumber": 3, "normal": 264, "subnormal": 144}


def logic(v: Values, i: Instruction) -> None:
    kind = i.kind()
    values = [v.read(operand, kind) for operand in i.operands[1:]]
    if i.opcode == "not":
        values.append("-1" if kind != "pred" else "true")
    elif i.opcode == "cnot":
        return v.write(i.operands[0], v.resize(v.compare("eq", kind, values[0], "0"), "pred", kind), kind)
    a, b = values
    v.write(i.operands[0], v.binary("xor" if i.opcode == "not" else i.opcode, kind, a, b), kind)


def _shifted(v: Values, operation: str, kind: str, value: str, amount: str) -> str:
    """By an unsigned 32-bit amount of any size: all bits may be shifted out, which LLVM leaves undefined."""
    size = bits(kind)
    few = v.call("umin", "u32", amount, str(size - 1))
    by = v.resize(few, "u32", f"u{size}")
    result = v.binary(operation, kind, value, by)
    if operation == "ashr":
        return result
    return v.select(v.compare("ult", "u32", amount, str(size)), kind, result, "0")


def shift(v: Values, i: Instruction) -> None:
    kind = i.kind()
    operation = "shl" if i.opcode == "shl" else "ashr" if kind[0] == "s" else "lshr"
    value = _shifted(v, operation, kind, v.read(i.operands[1], kind), v.read(i.operands[2], "u32"))
    v.write(i.operands[0], value, kind)


def funnel(v: Values, i: Instruction) -> None:
    """`shf`: 32 of the 64 bits of two registers."""
    direction, mode, kind = i.modifiers
    low, high = (v.resize(v.read(operand, kind), "u32", "u64") for operand in i.operands[1:3])
    both = v.binary("or", "b64", low, v.binary("shl", "b64", high, "32"))
    amount = v.read(i.operands[3], "u32")
    amount = v.binary("and", "u32", amount, "31") if mode == "wrap" else v.call("umin", "u32", amount, "32")
    amount = v.resize(amount, "u32", "u64")
    if direction == "l":
        both = v.binary("lshr", "b64", v.binary("shl", "b64", both, amount), "32")
    else:
        both = v.binary("lshr", "b64", both, amount)
    v.write(i.operands[0], v.resize(both, "b64", "b32"), "b32")


def _byte(v: Values, operand: str) -> str:
    return v.binary("and", "u32", v.read(operand, "u32"), "255")


def _ones(v: Values, kind: str, length: str) -> str:
    return v.binary("xor", kind, _shifted(v, "shl", kind, "-1", length), "-1")


def extract_field(v: Values, i: Instruction) -> None:
    kind = i.kind()
    value, place, length = v.read(i.operands[1], kind), _byte(v, i.operands[2]), _byte(v, i.operands[3])
    if kind[0] == "u":
        moved = _shifted(v, "lshr", kind, value, place)
        return v.write(i.operands[0], v.binary("and", kind, moved, _ones(v, kind, length)), kind)
    moved = _shifted(v, "ashr", kind, value, place)
    spare = v.binary("sub", "u32", str(bits(kind)), v.call("umin", "u32", length, str(bits(kind))))
    found = _shifted(v, "ashr", kind, _shifted(v, "shl", kind, moved, spare), spare)
    v.write(i.operands[0], v.select(v.compare("eq", "u32", length, "0"), kind, "0", found), kind)


def insert_field(v: Values, i: Instruction) -> None:
    kind = i.kind()
    field, whole = (v.read(operand, kind) for operand in i.operands[1:3])
    place, length = (_byte(v, operand) for operand in i.operands[3:5])
    mask = _shifted(v, "shl", kind, _ones(v, kind, length), place)
    new = v.binary("and", kind, _shifted(v, "shl", kind, field, place), mask)
    old = v.binary("and", kind, whole, v.binary("xor", kind, mask, "-1"))
    v.write(i.operands[0], v.binary("or", kind, new, old), kind)


def permute(v: Values, i: Instruction) -> None:
    """`prmt`: each byte of the result is one of eight, or its sign."""
    kind = i.kind()
    low, high = (v.resize(v.read(operand, kind), "u32", "u64") for operand in i.operands[1:3])
    both = v.binary("or", "b64", low, v.binary("shl", "b64", high, "32"))
    selectors, result = v.read(i.operands[3], "u32"), "0"
    for place in range(4):
        selector = v.binary("lshr", "u32", selectors, str(4 * place))
        which = v.binary("shl", "u32", v.binary("and", "u32", selector, "7"), "3")
        byte = v.resize(v.binary("lshr", "b64", both, v.resize(which, "u32", "u64")), "b64", "b8")
        sign = v.compare("ne", "u32", v.binary("and", "u32", selector, "8"), "0")
        byte = v.resize(v.select(sign, "b8", v.binary("ashr", "b8", byte, "7"), byte), "b8", "b32")
        result = v.binary("or", "b32", result, v.binary("shl", "b32", byte, str(8 * place)))
    v.write(i.operands[0], result, "b32")


def truth_table(v: Values, i: Instruction) -> None:
    """`lop3`: any function of three bits, by the table of its eight values."""
    kind = i.kind()
    inputs = [v.read(operand, kind) for operand in i.operands[1:4]]
    table, result = int(i.operands[4], 0), "0"
    for row in range(8):
        if table >> row & 1:
            term = "-1"
            for place, value in enumerate(inputs):
                same = row >> (2 - place) & 1
                term = v.binary("and", kind, term, value if same else v.binary("xor", kind, value, "-1"))
            result = v.binary("or", kind, result, term)
    v.write(i.operands[0], result, kind)


def count(v: Values, i: Instruction) -> None:
    """Of the ones, or of the zeros before the first."""
    kind = i.kind()
    value = v.read(i.operands[1], kind)
    if i.opcode == "popc":
        found = v.call("ctpop", kind, value)
    else:
        found = _leading(v, kind, value)
    v.write(i.operands[0], v.resize(found, kind.replace("s", "u"), "u32"), "u32")


def _leading(v: Values, kind: str, value: str) -> str:
    return v.new(f"call {typed(kind)} @llvm.ctlz.{suffix(kind)}({typed(kind)} {value}, i1 false)")


def find_first(v: Values, i: Instruction) -> None:
    """`bfind`: the place of the highest bit that says something."""
    kind = i.kind("shiftamt")
    value = v.read(i.operands[1], kind)
    if kind[0] == "s":
        value = v.binary("xor", kind, value, v.binary("ashr", kind, value, str(bits(kind) - 1)))
    zeros = v.resize(_leading(v, kind, value), f"u{bits(kind)}", "u32")
    found = zeros if "shiftamt" in i.modifiers else v.binary("sub", "u32", str(bits(kind) - 1), zeros)
    v.write(i.operands[0], v.select(v.compare("eq", kind, value, "0"), "u32", "-1", found), "u32")


def reverse(v: Values, i: Instruction) -> None:
    kind = i.kind()
    v.write(i.operands[0], v.call("bitreverse", kind, v.read(i.operands[1], kind)), kind)


def copy_sign(v: Values, i: Instruction) -> None:
    """PTX has the sign first, LLVM the magnitude."""
    kind = i.kind()
    sign, size = (v.read(operand, kind) for operand in i.operands[1:])
    v.write(i.operands[0], v.call("copysign", kind, size, sign), kind)


def classified(v: Values, i: Instruction) -> None:
    which, kind = i.modifiers
    if not is_float(kind):
        raise NotImplementedError(i.text)
    value = f"{typed(kind)} {v.read(i.operands[1], kind)}"
    v.write(i.operands[0], v.new(f"call i1 @llvm.is.fpclass.{kind}({value}, i32 {_CLASSES[which]})"), "pred")


HANDLERS = {
    **dict.fromkeys(["and", "or", "xor", "not", "cnot"], logic),
    **dict.fromkeys(["shl", "shr"], shift),
    **dict.fromkeys(["popc", "clz"], count),
    "shf": funnel,
    "bfe": extract_field,
    "bfi": insert_field,
    "prmt": permute,
    "lop3": truth_table,
    "bfind": find_first,
    "brev": reverse,
    "copysign": copy_sign,
    "testp": classified,
}
