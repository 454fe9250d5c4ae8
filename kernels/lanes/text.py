"""Writing LLVM assembly: registers, blocks, loops and memory, one line at a time.

A register is either the same for all lanes (a scalar) or has one element per lane (a vector); `Text` widens scalars
where the two meet.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np

SCALARS = {
    "bool": "i1",
    "int8": "i8",
    "uint8": "i8",
    "int32": "i32",
    "uint32": "i32",
    "int64": "i64",
    "uint64": "i64",
    "float32": "float",
    "float64": "double",
}
ASKED = "whether any or all patients are so, as a number of each patient"


class Unsupported(Exception):
    """A program uses something that lanes cannot do; the message says what."""


@cache
def scalar_type(dtype: Any) -> str:
    """LLVM's name of a number type."""
    name = np.dtype(dtype).name
    if name not in SCALARS:
        raise Unsupported(f"numbers of type {name}")
    return SCALARS[name]


def literal(value: Any, dtype: Any) -> str:
    """A constant as LLVM writes it."""
    dtype = np.dtype(dtype)
    if dtype == np.bool_:
        return "true" if value else "false"
    if dtype.kind == "f":
        # LLVM writes a float by the bits of the double it equals.
        with np.errstate(over="ignore"):
            return f"0x{struct.unpack('<Q', struct.pack('<d', float(dtype.type(value))))[0]:016X}"
    return str(int(value))


@dataclass(frozen=True)
class Register:
    """A value of the program.

    Attributes:
        text: its name, or a constant.
        dtype: of its elements.
        wide: one element per lane; otherwise the same for all of them.
        asked: an answer of all lanes together, or what comes from one. It may decide a loop and nothing else, since it
            depends on who is there: it is never met with numbers of each lane, and never put into memory.
    """

    text: str
    dtype: np.dtype
    wide: bool = False
    asked: bool = False


Registers = Any  # an array of `Register`s, one per element of a value; NumPy has no type for that


def boxed(value: Any) -> Registers:
    """Indexing an array of registers down to one gives the register itself; this puts it back into an array."""
    if isinstance(value, np.ndarray):
        return value
    result: Registers = np.empty((), object)
    result[()] = value
    return result


def constant(value: Any, dtype: Any) -> Register:
    """A number known when the program is compiled."""
    return Register(literal(value, dtype), np.dtype(dtype))


@dataclass
class Text:
    """A function being written.

    Attributes:
        lanes: patients in a vector; of one, everything is a scalar.
        lines: of the function's body; `slots`: its stack, which LLVM turns into registers; `declared`: intrinsics.
        bytes: of arrays on the stack, of which there are no more than `stack`.
        burst: bytes of a group's curve up to which it is made on the stack first.
    """

    lanes: int
    stack: int = 512 * 1024
    burst: int = 16 * 1024
    lines: list[str] = field(default_factory=list)
    slots: list[str] = field(default_factory=list)
    declared: dict[str, str] = field(default_factory=dict)
    count: int = 0
    bytes: int = 0
    _wider: dict[str, Register] = field(default_factory=dict)

    # --- lines -----------------------------------------------------------------------------------------------------

    def name(self, prefix: str = "v") -> str:
        """A name not used before."""
        self.count += 1
        return f"{prefix}{self.count}"

    def line(self, text: str) -> None:
        """One instruction without a result."""
        self.lines.append(text)

    def forget(self, begin: int) -> None:
        """Take back all lines from number `begin` on."""
        del self.lines[begin:]
        self._wider.clear()

    def label(self, name: str) -> None:
        """The beginning of a block, reached from above."""
        self.lines.append(f"br label %{name}")
        self.lines.append(f"{name}:")
        self._wider.clear()

    def type_of(self, dtype: Any, wide: bool) -> str:
        """LLVM type of a register."""
        return f"<{self.lanes} x {scalar_type(dtype)}>" if wide and self.lanes > 1 else scalar_type(dtype)

    def typed(self, register: Register) -> str:
        """Type and name, as operands are written."""
        return f"{self.type_of(register.dtype, register.wide)} {register.text}"

    def make(self, text: str, dtype: Any, wide: bool, operands: Sequence[Register] = ()) -> Register:
        """One instruction with a result; asked if one of the operands is."""
        name, asked = f"%{self.name()}", any(operand.asked for operand in operands)
        if asked and wide:
            raise Unsupported(ASKED)
        self.lines.append(f"{name} = {text}")
        return Register(name, np.dtype(dtype), wide, asked)

    # --- scalars and vectors ---------------------------------------------------------------------------------------

    def widen(self, register: Register) -> Register:
        """The same value in every lane."""
        if register.asked:
            raise Unsupported(ASKED)
        if register.wide:
            return register
        if self.lanes == 1:
            return replace(register, wide=True)
        scalar, vector = scalar_type(register.dtype), self.type_of(register.dtype, True)
        if not register.text.startswith("%"):
            return Register(f"splat ({scalar} {register.text})", register.dtype, True)
        if register.text not in self._wider:
            first = self.make(f"insertelement {vector} poison, {scalar} {register.text}, i64 0", register.dtype, True)
            mask = f"<{self.lanes} x i32> zeroinitializer"
            whole = self.make(f"shufflevector {vector} {first.text}, {vector} poison, {mask}", register.dtype, True)
            self._wider[register.text] = whole
        # One name may stand for numbers with and without a sign.
        found = self._wider[register.text]
        return found if found.dtype == register.dtype else replace(found, dtype=register.dtype)

    def together(self, registers: Sequence[Register]) -> tuple[list[Register], bool]:
        """All wide if one of them is."""
        wide = any(register.wide for register in registers)
        return ([self.widen(r) for r in registers] if wide else list(registers)), wide

    def binary(self, operation: str, a: Register, b: Register, dtype: Any = None) -> Register:
        """An instruction with two operands of one type."""
        (a, b), wide = self.together((a, b))
        return self.make(f"{operation} {self.typed(a)}, {b.text}", a.dtype if dtype is None else dtype, wide, (a, b))

    def cast(self, operation: str, a: Register, dtype: Any) -> Register:
        """An instruction that changes the type."""
        return self.make(f"{operation} {self.typed(a)} to {self.type_of(dtype, a.wide)}", dtype, a.wide, (a,))

    def select(self, chosen: Register, yes: Register, no: Register) -> Register:
        """Yes where chosen, else no."""
        if chosen.wide:
            yes, no = self.widen(yes), self.widen(no)
        else:
            (yes, no), _ = self.together((yes, no))
        given = (chosen, yes, no)
        return self.make(f"select {', '.join(map(self.typed, given))}", yes.dtype, yes.wide, given)

    def call(self, function: str, operands: Sequence[Register], dtype: Any = None) -> Register:
        """An intrinsic that works on each element, e.g. "sqrt"."""
        registers, wide = self.together(operands)
        first = registers[0]
        kinds = {"float32": "f32", "float64": "f64", "int32": "i32", "int64": "i64", "uint32": "i32", "uint64": "i64"}
        if first.dtype.name not in kinds:
            raise Unsupported(f"{function} of {first.dtype.name}")
        kind = kinds[first.dtype.name]
        suffix = f"v{self.lanes}{kind}" if wide and self.lanes > 1 else kind
        result = self.type_of(first.dtype, wide)
        name = f"@llvm.{function}.{suffix}"
        self.declared[name] = f"declare {result} {name}({', '.join(self.type_of(r.dtype, wide) for r in registers)})"
        arguments = ", ".join(self.typed(r) for r in registers)
        return self.make(f"call {result} {name}({arguments})", dtype or first.dtype, wide, registers)

    def across(self, operation: str, a: Register) -> Register:
        """One bool for all lanes: "or", whether any is true, or "and", whether all are."""
        if not a.wide or self.lanes == 1:
            return replace(a, wide=False, asked=True)
        vector = self.type_of(bool, True)
        name = f"@llvm.vector.reduce.{operation}.v{self.lanes}i1"
        self.declared[name] = f"declare i1 {name}({vector})"
        return replace(self.make(f"call i1 {name}({vector} {a.text})", bool, False), asked=True)

    # --- stack and loops -------------------------------------------------------------------------------------------

    def slot(self, dtype: Any, wide: bool) -> str:
        """Room on the stack for a register that changes."""
        name = f"%{self.name('slot')}"
        self.slots.append(f"{name} = alloca {self.type_of(dtype, wide)}")
        return name

    def room(self, dtype: Any, count: int, wide: bool) -> str:
        """Room on the stack for `count` values."""
        self.bytes += count * np.dtype(dtype).itemsize * (self.lanes if wide else 1)
        if self.bytes > self.stack:
            raise Unsupported(f"intermediate arrays of more than {self.stack // 1024} KiB")
        name = f"%{self.name('room')}"
        self.slots.append(f"{name} = alloca [{count} x {self.type_of(dtype, wide)}], align 64")
        return name

    def put(self, slot: str, register: Register, align: int = 0, streamed: bool = False) -> None:
        """Store a register at an address; past the cache if streamed."""
        if register.asked:
            raise Unsupported(ASKED)
        aligned, past = f", align {align}" if align else "", ", !nontemporal !0" if streamed else ""
        self.line(f"store {self.typed(register)}, ptr {slot}{aligned}{past}")

    def get(self, slot: str, dtype: Any, wide: bool, align: int = 0) -> Register:
        """Load a register from an address."""
        text = f"load {self.type_of(dtype, wide)}, ptr {slot}" + (f", align {align}" if align else "")
        return self.make(text, dtype, wide)

    def repeat(self, condition: Callable[[], Register], body: Callable[[], None]) -> None:
        """While the condition, a scalar, holds: the body."""
        head, inside, after = self.name("head"), self.name("body"), self.name("after")
        self.label(head)
        going = condition()
        self.line(f"br i1 {going.text}, label %{inside}, label %{after}")
        self.line(f"{inside}:")
        self._wider.clear()
        body()
        self.line(f"br label %{head}")
        self.line(f"{after}:")
        self._wider.clear()

    @contextmanager
    def count_to(self, end: Register, begin: Register | None = None) -> Iterator[Register]:
        """A loop from `begin` (0) to before `end`, both int64; gives the number of the round."""
        head, inside, after = self.name("head"), self.name("body"), self.name("after")
        slot = self.slot(np.int64, False)
        self.put(slot, begin or constant(0, np.int64))
        self.label(head)
        number = self.get(slot, np.int64, False)
        going = self.binary("icmp slt", number, end, bool)
        self.line(f"br i1 {going.text}, label %{inside}, label %{after}")
        self.line(f"{inside}:")
        self._wider.clear()
        yield number
        self.put(slot, self.binary("add nsw", number, constant(1, np.int64)))
        self.line(f"br label %{head}")
        self.line(f"{after}:")
        self._wider.clear()

    def switch(self, index: Register, branches: Sequence[Callable[[], object]]) -> None:
        """One of the branches, by a scalar int32 index clamped to them."""
        labels = [self.name("case") for _ in branches]
        index = self.call("smax", (index, constant(0, np.int32)))
        after = self.name("after")
        cases = " ".join(f"i32 {i}, label %{name}" for i, name in enumerate(labels[:-1]))
        self.line(f"switch i32 {index.text}, label %{labels[-1]} [{cases}]")
        for name, branch in zip(labels, branches, strict=True):
            self.line(f"{name}:")
            self._wider.clear()
            branch()
            self.line(f"br label %{after}")
        self.line(f"{after}:")
        self._wider.clear()
