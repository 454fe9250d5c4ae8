"""Loops and branches. A question that decides them is asked for all lanes together; bodies choose lane by lane."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kernels.lanes import memory as mem
from kernels.lanes.axis import axis_of, lead
from kernels.lanes.memory import Memory
from kernels.lanes.program import Rule, Value, Writer
from kernels.lanes.rows import Rows
from kernels.lanes.shared import Shared
from kernels.lanes.text import Register, Registers, Unsupported, boxed, constant


class _Slots:
    """Values that change from round to round, on the stack.

    Attributes:
        asked: which of those that are the same for all lanes come from what all lanes together were asked.
        truths: such a truth may be carried on: to decide a loop.
    """

    def __init__(self, writer: Writer, variables: Sequence[Any], asked: bool = False, truths: bool = False) -> None:
        self.writer, self.kinds, self.places = writer, [], []
        self.asked, self.truths = [asked] * len(variables), truths
        for variable in variables:
            aval = variable.aval
            shape, wide = lead(aval.shape), axis_of(aval.shape) is not None
            places: Registers = np.empty(shape, object)
            for position in np.ndindex(*shape):
                places[position] = writer.text.slot(aval.dtype, wide)
            self.kinds.append((np.dtype(aval.dtype), wide))
            self.places.append(places)

    def put(self, values: Sequence[Value]) -> None:
        """Store what goes into the next round."""
        text = self.writer.text
        arrays = [self.writer.registers(value) for value in values]
        for i, (array, places, (dtype, wide)) in enumerate(zip(arrays, self.places, self.kinds, strict=True)):
            for position in np.ndindex(*places.shape):
                register = array[position]
                self.asked[i] |= register.asked and self.truths and dtype == np.bool_
                if register.wide and not wide:
                    raise Unsupported("a value that differs between patients where it is carried as one for all")
                kept = replace(register, asked=False) if self.asked[i] else register
                text.put(places[position], text.widen(register) if wide else kept)

    def get(self) -> list[Value]:
        """What came from the last round."""
        text, values = self.writer.text, []
        for places, (dtype, wide), asked in zip(self.places, self.kinds, self.asked, strict=True):
            array: Registers = np.empty(places.shape, object)
            for position in np.ndindex(*places.shape):
                array[position] = replace(text.get(places[position], dtype, wide), asked=asked and not wide)
            values.append(array)
        return values


def while_(writer: Writer, equation: Any, values: list[Value]) -> list[Value]:
    """Rounds as long as the condition holds."""
    p = equation.params
    cond, body = p["cond_jaxpr"], p["body_jaxpr"]
    a, b = p["cond_nconsts"], p["body_nconsts"]
    asked, fixed, first = values[:a], values[a : a + b], values[a + b :]
    # What does not change is loaded before the loop, not in every round.
    asked, fixed = ([_settled(writer, v) for v in part] for part in (asked, fixed))
    slots = _Slots(writer, equation.outvars, truths=True)
    slots.put(first)
    carried: list[list[Value]] = []
    decided: list[bool] = []

    def condition() -> Register:
        carried.append(slots.get())
        (going,) = writer.run_closed(cond, [*asked, *carried[-1]])
        answers = writer.registers(going)
        if answers.shape:
            raise Unsupported("several loops at once, each with a question of its own")
        register = answers[()]
        if register.wide:
            raise Unsupported("a loop that asks each patient by itself; reduce the question by jnp.any")
        decided.append(register.asked)
        return register

    writer.text.repeat(condition, lambda: slots.put(writer.run_closed(body, [*fixed, *carried[-1]])))
    # How many rounds there were depends on who is there, and so does what was counted in them.
    slots.asked = [any(decided + slots.asked)] * len(slots.asked)
    return slots.get()


def _settled(writer: Writer, value: Value) -> Value:
    """What a loop or branch is given: single numbers as registers, arrays in memory, so that any row can be asked for.

    Where all rows asked for are known, LLVM makes registers of them again.
    """
    value = writer.settled(value)
    if isinstance(value, Shared):
        return value
    if isinstance(value, Memory):
        return writer.registers(value) if value.size == 1 else value
    return value if value.size <= 1 else mem.spilled(value, value.ravel()[0].dtype, writer.text)


def scan(writer: Writer, equation: Any, values: list[Value]) -> list[Value]:
    """A known number of rounds, with a row of each input and a row of each result."""
    p, text = equation.params, writer.text
    inner, length = p["jaxpr"], p["length"]
    # JAX 0.12 says it by the trees of constants, carries and rows.
    a, b = (p["num_consts"], p["num_carry"]) if "num_consts" in p else map(len, list(p["ft_in"].unpack())[:2])
    fixed, first, rows = values[:a], values[a : a + b], values[a + b :]
    fixed = [_settled(writer, v) for v in fixed]
    rows = [
        v if isinstance(v, Rows) else writer.memory(v, x.aval.dtype)
        for v, x in zip(rows, equation.invars[a + b :], strict=True)
    ]
    slots = _Slots(writer, equation.outvars[:b])
    slots.put(first)
    results = [
        writer.outputs.get(v) or mem.scratch(text, v.aval.dtype, lead(v.aval.shape)) for v in equation.outvars[b:]
    ]
    with text.count_to(constant(length, np.int64)) as count:
        index = text.binary("sub", constant(length - 1, np.int64), count) if p["reverse"] else count
        row = [_settled(writer, v.row(index) if isinstance(v, Rows) else writer.view(v, 0, index)) for v in rows]
        produced = writer.run_closed(inner, [*fixed, *slots.get(), *row])
        slots.put(produced[:b])
        for target, value in zip(results, produced[b:], strict=True):
            mem.put(writer.view(target, 0, index), writer.registers(value), text)
    return [*slots.get(), *results]


def cond(writer: Writer, equation: Any, values: list[Value]) -> list[Value]:
    """One of several branches, the same for all lanes."""
    index, *operands = values
    register = writer.registers(index)[()]
    if register.wide:
        raise Unsupported("a branch that each patient takes by itself; choose by jnp.where")
    if not register.text.startswith("%"):
        chosen = equation.params["branches"][min(max(int(register.text), 0), len(equation.params["branches"]) - 1)]
        return writer.run_closed(chosen, operands)
    if register.dtype == np.bool_:
        register = writer.text.cast("zext", register, np.int32)
    slots = _Slots(writer, equation.outvars, register.asked)
    operands = [_settled(writer, v) for v in operands]

    def branch(inner: Any) -> Callable[[], None]:
        return lambda: slots.put(writer.run_closed(inner, operands))

    writer.text.switch(register, [branch(inner) for inner in equation.params["branches"]])
    return slots.get()


def platform_index(writer: Writer, equation: Any, values: list[Value]) -> Value:
    """Which of several programs for several platforms: lanes are none of XLA's, and take what is meant for any."""
    platforms = equation.params["platforms"]
    any_of_them = platforms.index(None) if None in platforms else 0
    return boxed(constant(any_of_them, np.int32))


CONTROL: dict[str, Rule] = {"while": while_, "scan": scan, "cond": cond, "platform_index": platform_index}
