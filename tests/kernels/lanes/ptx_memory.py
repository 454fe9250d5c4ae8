"""Loads, stores and atomic operations of PTX, and the variables of its modules."""

from __future__ import annotations

import re

from tests.kernels.lanes.ptx_text import Instruction, Variable
from tests.kernels.lanes.ptx_values import Values, bits, constant, is_float, plain, typed

_ORDERS = {"weak", "relaxed", "acquire", "release", "acq_rel", "volatile", "cta", "cluster", "gpu", "sys"}
_SPACES = {"global", "local", "param", "const"}
_CACHES = {"nc", "ca", "cg", "cs", "lu", "cv", "wb", "wt"}


def _kind(instruction: Instruction) -> tuple[str, int]:
    """The type and the number of neighbours moved at once."""
    *how, kind = instruction.modifiers
    rest = [m for m in how if not re.match(r"L[12]::|level::|param::", m) and m not in _ORDERS | _SPACES | _CACHES]
    if [m for m in rest if m not in ("v2", "v4", "v8")] or len(rest) > 1:
        raise NotImplementedError(instruction.text)
    return kind, int(rest[0][1:]) if rest else 1


def _places(v: Values, operand: str, kind: str, many: int) -> list[str]:
    start = v.address(re.sub(r"\s", "", operand[1:-1]))
    return [start] + [v.new(f"getelementptr i8, ptr {start}, i64 {k * bits(kind) // 8}") for k in range(1, many)]


def _registers(operand: str) -> list[str]:
    return [name.strip() for name in operand.strip("{}").split(",")]


def load(v: Values, i: Instruction) -> None:
    kind, many = _kind(i)
    places = _places(v, i.operands[1], kind, many)
    # All are read before any is written: the address may be among them.
    values = [v.new(f"load {typed(kind)}, ptr {place}, align 1") for place in places]
    for register, value in zip(_registers(i.operands[0]), values, strict=True):
        v.write(register, value, kind)


def store(v: Values, i: Instruction) -> None:
    kind, many = _kind(i)
    places = _places(v, i.operands[0], kind, many)
    for place, register in zip(places, _registers(i.operands[1]), strict=True):
        v.emit(f"store {typed(kind)} {v.read(register, kind)}, ptr {place}, align 1")


def atomic(v: Values, i: Instruction) -> None:
    """Nothing comes between, as threads run one after the other."""
    *how, operation, kind = i.modifiers
    target, place, *given = i.operands if i.opcode == "atom" else ("_", *i.operands)
    if not set(how) <= _ORDERS | {"global"}:
        raise NotImplementedError(i.text)
    start = v.address(re.sub(r"\s", "", place[1:-1]))
    old = v.new(f"load {typed(kind)}, ptr {start}, align 1")
    values = [v.read(operand, kind) for operand in given]
    if operation == "add":
        new = v.binary("fadd" if is_float(kind) else "add", kind, old, *values)
    elif operation in ("and", "or", "xor"):
        new = v.binary(operation, kind, old, *values)
    elif operation in ("min", "max") and not is_float(kind):
        new = v.call(f"{kind[0]}{operation}", kind, old, *values)
    elif operation == "exch":
        (new,) = values
    elif operation == "cas":
        expected, wanted = values
        new = v.select(v.compare("eq", kind, old, expected), kind, wanted, old)
    else:
        raise NotImplementedError(i.text)
    v.emit(f"store {typed(kind)} {new}, ptr {start}, align 1")
    v.write(target, old, kind)


def defined(variable: Variable) -> str:
    """A variable of a module, with its initial values."""
    size = typed(plain(variable.kind))
    values = [_initial(text, variable.kind) for text in variable.values]
    values += ["0"] * (variable.count - len(values))
    body = ", ".join(f"{size} {value}" for value in values)
    how = "constant" if variable.space == "const" else "global"
    return f'@"{variable.name}" = internal {how} [{variable.count} x {size}] [{body}], align {max(variable.align, 1)}'


def _initial(text: str, kind: str) -> str:
    """A number, or the place of another variable in it."""
    match = re.fullmatch(r"(?:generic\()?([A-Za-z_$][\w$]*)\)?(?:\s*\+\s*(\d+))?", text)
    if match and kind[1:] == "64":
        return f'ptrtoint (ptr getelementptr (i8, ptr @"{match[1]}", i64 {match[2] or 0}) to i64)'
    return str(constant(text, kind))


def no_effect(_: Values, __: Instruction) -> None:
    """Fences and hints: one thread at a time sees all that was written before."""


HANDLERS = {
    **dict.fromkeys(["ld", "ldu"], load),
    **dict.fromkeys(["atom", "red"], atomic),
    **dict.fromkeys(["fence", "membar", "prefetch", "prefetchu", "discard", "applypriority", "nanosleep"], no_effect),
    "st": store,
}
