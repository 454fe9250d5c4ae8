"""Rows in order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kernels.lanes.arrays import not_patients
from kernels.lanes.axis import PATIENTS
from kernels.lanes.elementwise import INSTRUCTIONS
from kernels.lanes.memory import UNROLLED
from kernels.lanes.program import Rule, Value, Writer
from kernels.lanes.text import Register, Registers, Unsupported, constant


def sort(writer: Writer, equation: Any, values: list[Value]) -> list[Value]:
    """Rows of each patient in order, by a network of exchanges (Batcher's odd-even merges)."""
    p, shape = equation.params, equation.invars[0].aval.shape
    not_patients(shape, p["dimension"])
    own = sum(1 for n in shape[: p["dimension"]] if n != PATIENTS)
    columns = [np.moveaxis(writer.registers(v), own, 0).copy() for v in values]
    if len(columns[0]) > UNROLLED:
        raise Unsupported(f"more than {UNROLLED} rows to be sorted")
    if p["is_stable"]:
        # Who stood first goes first where all keys are equal.
        numbers: Registers = np.empty(columns[0].shape, object)
        for position in np.ndindex(*numbers.shape):
            numbers[position] = constant(position[0], np.int32)
        columns.insert(p["num_keys"], numbers)
    keys, text = p["num_keys"] + p["is_stable"], writer.text
    for i, j in _exchanges(len(columns[0])):
        for position in np.ndindex(*columns[0].shape[1:]):
            a, b = ([c[(k, *position)] for c in columns] for k in (i, j))
            swap = constant(False, bool)
            for x, y in reversed(list(zip(a[:keys], b[:keys], strict=True))):
                less, same = _in_order(writer, y, x)
                swap = text.binary("or", less, text.binary("and", same, swap))
            for column, x, y in zip(columns, a, b, strict=True):
                column[(i, *position)], column[(j, *position)] = text.select(swap, y, x), text.select(swap, x, y)
    if p["is_stable"]:
        del columns[p["num_keys"]]
    return [np.moveaxis(column, 0, own) for column in columns]


def _in_order(writer: Writer, a: Register, b: Register) -> tuple[Register, Register]:
    """Whether a comes before b, and whether neither comes first; what is not a number comes last."""
    text = writer.text
    less, same = (INSTRUCTIONS[name](text, a, b) for name in ("lt", "eq"))
    if a.dtype.kind != "f":
        return less, same
    a_is_none, b_is_none = (INSTRUCTIONS["ne"](text, x, x) for x in (a, b))
    before = text.binary("and", b_is_none, INSTRUCTIONS["not"](text, a_is_none))
    return text.binary("or", less, before), text.binary("or", same, text.binary("and", a_is_none, b_is_none))


def _exchanges(count: int) -> list[tuple[int, int]]:
    """Pairs to compare and exchange. Source: Batcher 1968, Sorting networks, AFIPS 32:307 (odd-even merges)."""
    found, p = [], 1
    while p < count:
        k = p
        while k >= 1:
            for j in range(k % p, count - k, 2 * k):
                for i in range(min(k, count - j - k)):
                    if (i + j) // (2 * p) == (i + j + k) // (2 * p):
                        found.append((i + j, i + j + k))
            k //= 2
        p *= 2
    return found


SORTING: Mapping[str, Rule] = {"sort": sort}
