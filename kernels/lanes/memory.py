"""Arrays that stay in memory: inputs, outputs and scratch, seen through strides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kernels.lanes.text import ASKED, Register, Registers, Text, Unsupported, constant, scalar_type

LINE = 64  # bytes
UNROLLED = 64  # arrays of up to so many elements (per patient) are kept in registers when they are computed with


@dataclass(frozen=True)
class Memory:
    """A view of an array without its patient axis.

    Attributes:
        base: address of element 0 of this group of lanes.
        shape, strides: of the other axes, in elements of one row; a row has `row` numbers, one per patient.
        offset: rows from the base, int64.
        row: numbers in a row, int64; 1 where the array is the same for all.
        wide: the last axis is that of patients.
        streamed: what is written is not read again by this program, and goes past the cache.
    """

    base: str
    dtype: np.dtype
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: Register
    row: Register
    wide: bool
    streamed: bool = False

    @property
    def size(self) -> int:
        """Elements per patient."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """Of one patient's elements."""
        return self.size * self.dtype.itemsize

    def is_at(self, other: Any) -> bool:
        """Whether another value is the same numbers at the same place."""
        return isinstance(other, Memory) and replace(other, streamed=self.streamed) == self


def whole(base: str, dtype: Any, shape: Sequence[int], row: Register, wide: bool) -> Memory:
    """An array as it lies in memory, last axis fastest."""
    strides = [1] * len(shape)
    for axis in range(len(shape) - 2, -1, -1):
        strides[axis] = strides[axis + 1] * shape[axis + 1]
    return Memory(base, np.dtype(dtype), tuple(shape), tuple(strides), constant(0, np.int64), row, wide)


def scratch(text: Text, dtype: Any, shape: Sequence[int], wide: bool = True) -> Memory:
    """A new array on the stack."""
    count = int(np.prod(shape, dtype=np.int64))
    stored = np.uint8 if np.dtype(dtype) == bool else dtype
    row = constant(text.lanes if wide else 1, np.int64)
    return whole(text.room(stored, max(1, count), wide), dtype, shape, row, wide)


def sliced(memory: Memory, starts: Sequence[int], sizes: Sequence[int], steps: Sequence[int], text: Text) -> Memory:
    """A part of each axis."""
    shift = sum(s * stride for s, stride in zip(starts, memory.strides, strict=True))
    strides = tuple(stride * step for stride, step in zip(memory.strides, steps, strict=True))
    return replace(memory, offset=_moved(memory.offset, shift, text), shape=tuple(sizes), strides=strides)


def shifted(memory: Memory, axis: int, index: Register, text: Text) -> Memory:
    """The view that begins at a (scalar or wide) index of an axis; its shape is left to the caller."""
    step = text.binary("mul nsw", as_index(index, text), constant(memory.strides[axis], np.int64))
    return replace(memory, offset=text.binary("add nsw", memory.offset, step))


def as_index(index: Register, text: Text) -> Register:
    """An index as int64."""
    return index if index.dtype.itemsize == 8 else text.cast("sext", index, np.int64)


def _moved(offset: Register, by: int, text: Text) -> Register:
    return offset if by == 0 else text.binary("add nsw", offset, constant(by, np.int64))


def element(memory: Memory, position: Sequence[int], text: Text) -> Register:
    """One element as a register."""
    shift = sum(i * stride for i, stride in zip(position, memory.strides, strict=True))
    return load(memory, _moved(memory.offset, shift, text), text)


def _address(memory: Memory, offset: Register, text: Text) -> str:
    stored = np.dtype(np.uint8) if memory.dtype == np.bool_ else memory.dtype
    return _pointer(memory, text.binary("mul nsw", offset, memory.row), stored, text)


def _pointer(memory: Memory, place: Register, stored: np.dtype, text: Text) -> str:
    """Address of a number, counted from the base."""
    kind = scalar_type(stored)
    return text.make(f"getelementptr {kind}, ptr {memory.base}, i64 {place.text}", np.int64, False).text


def load(memory: Memory, offset: Register, text: Text) -> Register:
    """The row at an offset; with a wide offset each lane's own."""
    if offset.asked:
        raise Unsupported(ASKED)
    stored = np.dtype(np.uint8) if memory.dtype == np.bool_ else memory.dtype
    if offset.wide:
        value = _gathered(memory, offset, stored, text)
    else:
        value = text.get(_address(memory, offset, text), stored, memory.wide, stored.itemsize)
    return text.binary("icmp ne", value, constant(0, np.uint8), bool) if memory.dtype == np.bool_ else value


def _gathered(memory: Memory, offset: Register, stored: np.dtype, text: Text) -> Register:
    place = text.binary("mul nsw", offset, memory.row)
    if text.lanes == 1:
        return text.get(_pointer(memory, place, stored, text), stored, True, stored.itemsize)
    if memory.wide:
        lanes = ", ".join(f"i64 {lane}" for lane in range(text.lanes))
        place = text.binary("add nsw", place, Register(f"<{lanes}>", np.dtype(np.int64), True))
    kind, lanes = scalar_type(stored), text.lanes
    pointers = text.make(f"getelementptr {kind}, ptr {memory.base}, {text.typed(place)}", np.int64, True)
    short = {"float": "f32", "double": "f64"}.get(kind, kind)
    name, vector = f"@llvm.masked.gather.v{lanes}{short}.v{lanes}p0", text.type_of(stored, True)
    text.declared[name] = f"declare {vector} {name}(<{lanes} x ptr>, i32, <{lanes} x i1>, {vector})"
    operands = (
        f"<{lanes} x ptr> {pointers.text}, i32 {stored.itemsize}, <{lanes} x i1> splat (i1 true), {vector} poison"
    )
    return text.make(f"call {vector} {name}({operands})", stored, True)


def store(memory: Memory, offset: Register, value: Register, text: Text) -> None:
    """Write one row."""
    if memory.dtype == np.bool_:
        value = text.cast("zext", value, np.uint8)
    stored = value.dtype
    value = text.widen(value) if memory.wide else value
    # Only whole cache lines, which begin where the memory of XLA's arrays and rows of whole groups do.
    streamed = memory.streamed and text.lanes * stored.itemsize % LINE == 0
    text.put(_address(memory, offset, text), value, LINE if streamed else stored.itemsize, streamed)


def put(memory: Memory, values: Registers, text: Text) -> None:
    """Write all elements; values are broadcast to the memory's shape."""
    for position, value in np.ndenumerate(np.broadcast_to(values, memory.shape)):
        shift = sum(i * stride for i, stride in zip(position, memory.strides, strict=True))
        store(memory, _moved(memory.offset, shift, text), value, text)


def loaded(memory: Memory, text: Text) -> Registers:
    """All elements as registers."""
    result: Registers = np.empty(memory.shape, object)
    for position in np.ndindex(*memory.shape):
        result[position] = element(memory, position, text)
    return result


def spilled(values: Registers, dtype: Any, text: Text) -> Memory:
    """Registers put into a new array, so that an index known only later can choose among them."""
    memory = scratch(text, dtype, values.shape, any(value.wide for value in values.ravel()))
    for number, value in enumerate(values.ravel()):
        store(memory, constant(number, np.int64), value, text)
    return memory
