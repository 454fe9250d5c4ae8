"""Reductions: along an array's own axes they are sums and extremes; over patients only a loop's question."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.lanes.axis import PATIENTS, axis_of
from kernels.lanes.elementwise import INSTRUCTIONS
from kernels.lanes.memory import UNROLLED
from kernels.lanes.program import Rule, Value, Writer
from kernels.lanes.rows import LARGEST, Rows, is_large
from kernels.lanes.text import Registers, Unsupported, boxed, constant


def _reduction(instruction: str, across: str | None = None) -> Rule:
    """Elements along axes combined by an instruction; over patients only where that is a question for a loop."""
    combine = INSTRUCTIONS[instruction]

    def rule(writer: Writer, equation: Any, values: list[Value]) -> Value:
        (value,), shape, axes = values, equation.invars[0].aval.shape, equation.params["axes"]
        lane = axis_of(shape)
        own = tuple(sum(1 for n in shape[:a] if n != PATIENTS) for a in axes if a != lane)
        if is_large(value, UNROLLED):
            inner = tuple(axis - 1 for axis in own if axis > 0)
            by_row = Rows(
                tuple(n for axis, n in enumerate(value.shape) if axis == 0 or axis not in own),
                np.dtype(equation.invars[0].aval.dtype),
                lambda index: _along(writer, combine, writer.row(value, index), inner),
                getattr(value, "cost", 0) + int(np.prod([value.shape[axis] for axis in own if axis > 0], dtype=int)),
            )
            if 0 not in own and lane not in axes:
                return by_row if by_row.cost <= LARGEST else writer.stored(by_row)
            array = _folded(writer, by_row, combine) if 0 in own else writer.registers(by_row)
        else:
            array = _along(writer, combine, writer.registers(value), own)
        if lane in axes:
            if across is None:
                raise Unsupported(f"{equation.primitive.name} over patients")
            array = boxed(array)
            result: Registers = np.empty(array.shape, object)
            for position in np.ndindex(*array.shape):
                result[position] = writer.text.across(across, array[position])
            return result
        return boxed(array)

    return rule


def _along(writer: Writer, combine: Any, array: Registers, axes: tuple[int, ...]) -> Registers:
    """Elements of an array of registers combined along some axes."""
    for axis in sorted(axes, reverse=True):
        rows = np.moveaxis(array, axis, 0)
        total = boxed(rows[0])
        for row in rows[1:]:
            total = _combined(writer, combine, total, row)
        array = total
    return array


def _running(instruction: str) -> Rule:
    """Elements along an axis combined with all before them."""
    combine = INSTRUCTIONS[instruction]

    def rule(writer: Writer, equation: Any, values: list[Value]) -> Value:
        shape, axis = equation.invars[0].aval.shape, equation.params["axis"]
        if shape[axis] == PATIENTS:
            raise Unsupported(f"{equation.primitive.name} over patients")
        own = sum(1 for n in shape[:axis] if n != PATIENTS)
        array = np.moveaxis(writer.registers(values[0]), own, 0).copy()
        order = range(len(array))[:: -1 if equation.params["reverse"] else 1]
        for before, here in zip(order, order[1:], strict=False):
            array[here] = _combined(writer, combine, array[before], array[here])[()]
        return np.moveaxis(array, 0, own)

    return rule


def _combined(writer: Writer, combine: Any, a: Any, b: Any) -> Registers:
    a, b = boxed(a), boxed(b)
    result: Registers = np.empty(a.shape, object)
    for position in np.ndindex(*a.shape):
        result[position] = combine(writer.text, a[position], b[position])
    return result


def _folded(writer: Writer, value: Rows, combine: Any) -> Registers:
    """Rows combined, in a loop."""
    text = writer.text
    first = value.row(constant(0, np.int64))
    wide = any(register.wide for register in first.ravel())
    slots: Registers = np.empty(first.shape, object)
    for position in np.ndindex(*first.shape):
        slots[position] = text.slot(value.dtype, wide)
        text.put(slots[position], text.widen(first[position]) if wide else first[position])
    with text.count_to(constant(value.shape[0], np.int64), constant(1, np.int64)) as index:
        row = value.row(index)
        for position in np.ndindex(*first.shape):
            total = combine(text, text.get(slots[position], value.dtype, wide), row[position])
            text.put(slots[position], text.widen(total) if wide else total)
    result: Registers = np.empty(first.shape, object)
    for position in np.ndindex(*first.shape):
        result[position] = text.get(slots[position], value.dtype, wide)
    return result


REDUCTIONS: dict[str, Rule] = {
    "reduce_sum": _reduction("add"),
    "reduce_max": _reduction("max"),
    "reduce_min": _reduction("min"),
    "cumsum": _running("add"),
    "cumprod": _running("mul"),
    "cummax": _running("max"),
    "cummin": _running("min"),
    "reduce_or": _reduction("or", "or"),
    "reduce_and": _reduction("and", "and"),
}
