"""Reductions: along an array's own axes they are sums and extremes; over patients only a loop's question."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.lanes.axis import PATIENTS, axis_of
from kernels.lanes.elementwise import INSTRUCTIONS
from kernels.lanes.memory import UNROLLED, Memory
from kernels.lanes.program import Rule, Value, Writer, boxed
from kernels.lanes.text import Registers, Unsupported, constant


def _reduction(instruction: str, across: str | None = None) -> Rule:
    """Elements along axes combined by an instruction; over patients only where that is a question for a loop."""
    combine = INSTRUCTIONS[instruction]

    def rule(writer: Writer, equation: Any, values: list[Value]) -> Value:
        (value,), shape, axes = values, equation.invars[0].aval.shape, equation.params["axes"]
        lane = axis_of(shape)
        own = tuple(sum(1 for n in shape[:a] if n != PATIENTS) for a in axes if a != lane)
        if isinstance(value, Memory) and value.size > UNROLLED:
            array = _folded(writer, value, own, combine)
        else:
            array = writer.registers(value)
            for axis in sorted(own, reverse=True):
                rows = np.moveaxis(array, axis, 0)
                total = rows[0]
                for row in rows[1:]:
                    total = _combined(writer, combine, total, row)
                array = total
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


def _folded(writer: Writer, value: Memory, axes: tuple[int, ...], combine: Any) -> Registers:
    """A large array combined along its first axis, in a loop."""
    if axes != (0,):
        raise Unsupported("a large array combined along an axis other than the first")
    text = writer.text
    first = writer.registers(writer.view(value, 0, constant(0, np.int64)))
    slots: Registers = np.empty(first.shape, object)
    for position in np.ndindex(*first.shape):
        slots[position] = text.slot(value.dtype, value.wide)
        text.put(slots[position], first[position])
    with text.count_to(constant(value.shape[0], np.int64), constant(1, np.int64)) as row:
        parts = writer.registers(writer.view(value, 0, row))
        for position in np.ndindex(*first.shape):
            total = text.get(slots[position], value.dtype, value.wide)
            text.put(slots[position], combine(text, total, parts[position]))
    result: Registers = np.empty(first.shape, object)
    for position in np.ndindex(*first.shape):
        result[position] = text.get(slots[position], value.dtype, value.wide)
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
