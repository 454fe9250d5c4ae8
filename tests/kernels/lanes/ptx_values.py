"""LLVM assembly for the registers, constants and operations of PTX."""

from __future__ import annotations

import re
import struct

from tests.kernels.lanes.ptx_text import Kernel

LLVM_FLOATS = {"f32": "float", "f64": "double"}
# Thread and block numbers are arguments of the function of a thread.
SPECIAL = {"%tid.x": "%tid", "%ntid.x": "%ntid", "%ctaid.x": "%ctaid", "%nctaid.x": "%nctaid", "WARP_SZ": "32"}
SPECIAL |= {f"%{name}.{axis}": "0" for name in ("tid", "ctaid") for axis in "yz"}
SPECIAL |= {f"%{name}.{axis}": "1" for name in ("ntid", "nctaid") for axis in "yz"}
ROUNDING = {"rz": 0, "rp": 2, "rm": 3}  # what LLVM calls them


def bits(kind: str) -> int:
    """Size of a type."""
    if kind == "pred":
        return 1
    if not re.fullmatch(r"[bsu](8|16|32|64)|f(32|64)", kind):
        raise NotImplementedError(f"type {kind}")
    return int(kind[1:])


def typed(kind: str) -> str:
    """LLVM's name of a type."""
    return LLVM_FLOATS.get(kind) or f"i{bits(kind)}"


def plain(kind: str) -> str:
    """The type of the same size without a meaning."""
    return kind if kind == "pred" else f"b{bits(kind)}"


def is_float(kind: str) -> bool:
    return kind in LLVM_FLOATS


class Values:
    """Registers are memory at first, which the compiler turns back into values."""

    def __init__(self, kernel: Kernel):
        self.kernel = kernel
        self.lines: list[str] = []
        self.helpers: dict[str, str] = {}
        self._named = 0
        self.addresses = {variable.name: f'@"{variable.name}"' for variable in kernel.variables}
        self.addresses |= {variable.name: f'%"&{variable.name}"' for variable in kernel.local}
        self.addresses |= {name: f'%"&{name}"' for name in kernel.parameters}

    def emit(self, line: str) -> None:
        self.lines.append(f"  {line}")

    def name(self, prefix: str = "") -> str:
        """A new one, without its percent sign."""
        self._named += 1
        return f".{prefix}{self._named}"

    def new(self, text: str) -> str:
        """The value of an LLVM instruction."""
        name = self.name()
        self.emit(f"%{name} = {text}")
        return f"%{name}"

    def call(self, intrinsic: str, kind: str, *values: str) -> str:
        """An intrinsic whose arguments and result are of one type."""
        arguments = ", ".join(f"{typed(kind)} {value}" for value in values)
        return self.new(f"call {typed(kind)} @llvm.{intrinsic}.{suffix(kind)}({arguments})")

    def compare(self, how: str, kind: str, a: str, b: str) -> str:
        return self.new(f"{'fcmp' if is_float(kind) else 'icmp'} {how} {typed(kind)} {a}, {b}")

    def select(self, condition: str, kind: str, a: str, b: str) -> str:
        return self.new(f"select i1 {condition}, {typed(kind)} {a}, {typed(kind)} {b}")

    def binary(self, operation: str, kind: str, a: str, b: str) -> str:
        return self.new(f"{operation} {typed(kind)} {a}, {b}")

    def convert(self, operation: str, source: str, value: str, result: str) -> str:
        return self.new(f"{operation} {typed(source)} {value} to {typed(result)}")

    def resize(self, value: str, source: str, result: str) -> str:
        """Integers keep their value if they grow, and their low bits if they shrink."""
        if bits(source) == bits(result):
            return value
        grow = "sext" if source[0] == "s" else "zext"
        return self.convert("trunc" if bits(source) > bits(result) else grow, source, value, result)

    def as_bits(self, value: str, kind: str) -> str:
        return self.convert("bitcast", kind, value, plain(kind)) if is_float(kind) else value

    def as_kind(self, value: str, kind: str) -> str:
        return self.convert("bitcast", plain(kind), value, kind) if is_float(kind) else value

    def read(self, operand: str, kind: str) -> str:
        """An operand as that type; registers may be wider."""
        if operand.startswith("!"):
            return self.binary("xor", "pred", self.read(operand[1:], "pred"), "true")
        if stored := self.kernel.registers.get(operand):
            if bits(stored) < bits(kind):
                raise NotImplementedError(f"{operand} read as {kind}")
            value = self.new(f'load {typed(plain(stored))}, ptr %"{operand}"')
            return self.as_kind(self.resize(value, plain(stored), plain(kind)), kind)
        if operand in ("%laneid", "%warpid"):
            value = self.binary(
                *(("and", "b32", "%tid", "31") if operand == "%laneid" else ("lshr", "b32", "%tid", "5"))
            )
            return self.resize(value, "u32", plain(kind))
        if operand in SPECIAL:
            return self.resize(SPECIAL[operand], "u32", plain(kind))
        if operand.split("+")[0] in self.addresses:
            return self.resize(self.new(f"ptrtoint ptr {self.address(operand)} to i64"), "b64", plain(kind))
        return self.as_kind(str(constant(operand, kind)), kind)

    def address(self, text: str) -> str:
        """A pointer: `name+offset` or `register+offset`."""
        base, _, offset = text.partition("+")
        start = self.addresses.get(base)
        if start is None:
            start = self.new(f"inttoptr i64 {self.read(base, 'b64')} to ptr")
        return self.new(f"getelementptr i8, ptr {start}, i64 {int(offset)}") if offset else start

    def write(self, register: str, value: str, kind: str) -> None:
        """Wider registers are filled by the sign of signed values."""
        if register == "_":
            return
        stored = self.kernel.registers[register]
        if bits(stored) < bits(kind):
            raise NotImplementedError(f"{kind} written to {register}")
        source = plain(kind) if is_float(kind) else kind
        value = self.resize(self.as_bits(value, kind), source, plain(stored))
        self.emit(f'store {typed(plain(stored))} {value}, ptr %"{register}"')

    def rounded(self, operation: str, how: str, result: str, *arguments: tuple[str, str]) -> str:
        """An operation of (type, value) pairs, rounded to nearest unless `how` is rz, rm or rp."""
        if how in ROUNDING:
            name = self._directed(operation, how, result, [kind for kind, _ in arguments])
            given = ", ".join(f"{typed(kind)} {value}" for kind, value in arguments)
            return self.new(f"call {typed(result)} @{name}({given})")
        values = [value for _, value in arguments]
        if operation in ("fma", "sqrt"):
            return self.call(operation, result, *values)
        if len(arguments) == 1:
            return self.convert(operation, arguments[0][0], values[0], result)
        return self.binary(operation, result, values[0], values[1])

    def _directed(self, operation: str, how: str, result: str, kinds: list[str]) -> str:
        """A function that sets the processor's rounding for one operation."""
        name = "_".join([operation, how, result, *kinds])
        parameters = ", ".join(f"{typed(kind)} %{i}" for i, kind in enumerate(kinds))
        suffixes = suffix(result) if kinds[0] == result else f"{suffix(result)}.{suffix(kinds[0])}"
        self.helpers[name] = f"""
define internal {typed(result)} @{name}({parameters}) noinline strictfp {{
  call void @llvm.set.rounding(i32 {ROUNDING[how]}) strictfp
  %result = call {typed(result)} @llvm.experimental.constrained.{operation}.{suffixes}({parameters},
    metadata !"round.dynamic", metadata !"fpexcept.strict") strictfp
  call void @llvm.set.rounding(i32 1) strictfp
  ret {typed(result)} %result
}}"""
        return name


def suffix(kind: str) -> str:
    """How the names of intrinsics end."""
    return kind if is_float(kind) else f"i{bits(kind)}"


def constant(text: str, kind: str) -> int:
    """The bits of a number as PTX writes it."""
    if match := re.fullmatch(r"0[fFdD]([0-9a-fA-F]{8}|[0-9a-fA-F]{16})", text):
        return int(match[1], 16)
    if is_float(kind):
        size = "<f" if kind == "f32" else "<d"
        return int.from_bytes(struct.pack(size, float(text)), "little")
    match = re.fullmatch(r"(-?)(0[xX][0-9a-fA-F]+|0[bB][01]+|\d+)U?", text)
    if not match:
        raise NotImplementedError(f"operand {text}")
    octal = re.fullmatch(r"0\d+", match[2])
    number = int(match[2], 8 if octal else 0)
    return (-number if match[1] else number) & ((1 << bits(kind)) - 1)
