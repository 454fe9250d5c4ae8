"""From a traced program of many patients to an LLVM function of a few lanes.

The program is traced with a patient axis of a length found nowhere else (`PATIENTS`), so that every shape tells
whether it has that axis. A value without its patient axis is an array of registers (one per element, unrolled) or a
view of memory; equations are written one after the other, loops once.

What a lane computes never depends on the other lanes: they only meet where a loop asks whether any of them goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any

import jax
import numpy as np
from jax.extend import core

from kernels.lanes import memory as mem
from kernels.lanes.axis import PATIENTS, axis_of, lead
from kernels.lanes.elementwise import COMPOSED, INSTRUCTIONS
from kernels.lanes.memory import UNROLLED, Memory
from kernels.lanes.places import inner_program, replaced_in_place
from kernels.lanes.rows import CHEAP, LARGEST, LAZY, Rows, is_large, reads
from kernels.lanes.shared import CONSTANTS, Outside, Shared, of_patients
from kernels.lanes.text import ASKED, Register, Registers, Text, Unsupported, boxed, constant

Value = Any  # Registers | Memory | Rows | Shared
Rule = Callable[["Writer", Any, list[Value]], Value | list[Value]]


class Writer:
    """Writes equations into a `Text`.

    Args:
        text: the function being written.
        outputs: for variables that are results of the whole program, where they belong in memory.
        given: an array -> where the program finds it among its arguments.
        control: how equations that call programs are written, by the name of the operation.
        rules: the same for whatever else is not element by element.
    """

    def __init__(
        self,
        text: Text,
        outputs: Mapping[Any, Memory],
        given: Callable[[Any], Memory],
        control: Mapping[str, Rule],
        rules: Mapping[str, Rule],
    ) -> None:
        self.text, self.outputs, self.xla = text, dict(outputs), Outside(given)
        self.control, self.rules = control, rules

    # --- programs --------------------------------------------------------------------------------------------------

    def run(self, jaxpr: Any, constants: Sequence[Any], arguments: Sequence[Value]) -> list[Value]:
        """All equations of a program; its results."""
        known: dict[Any, Value] = {v: self.xla.constant(c) for v, c in zip(jaxpr.constvars, constants, strict=True)}
        times = reads(jaxpr)

        def learn(variables: Sequence[Any], values: Sequence[Value]) -> None:
            for variable, value in zip(variables, values, strict=True):
                again = isinstance(value, Rows) and times[variable] > 1 and value.cost > CHEAP
                known[variable] = self.stored(value) if again else value

        learn(jaxpr.invars, arguments)

        def read(atom: Any) -> Value:
            if isinstance(atom, core.Literal):
                aval: Any = atom.aval
                return self.xla.constant(np.asarray(atom.val, aval.dtype))
            return known[atom]

        if self.outputs:
            self.outputs = self._placed(jaxpr)
        for equation in jaxpr.eqns:
            learn(equation.outvars, self.equation(equation, [read(atom) for atom in equation.invars]))
        return [read(atom) for atom in jaxpr.outvars]

    def _placed(self, jaxpr: Any) -> dict[Any, Memory]:
        """Where results and what becomes them belong."""
        read_again = {atom for equation in jaxpr.eqns for atom in equation.invars if not isinstance(atom, core.Literal)}
        outputs = {v: replace(p, streamed=False) if v in read_again else p for v, p in self.outputs.items()}
        # What fits the first-level cache is better written there first: one burst past the cache costs an integrator
        # with full registers less than rows in between, for which its own stores would wait.
        large = {v: place for v, place in outputs.items() if self.text.lanes * place.bytes > self.text.burst}
        return {**replaced_in_place(jaxpr, large), **outputs}

    def run_closed(
        self, program: Any, arguments: Sequence[Value], outputs: Mapping[Any, Memory] | None = None
    ) -> list[Value]:
        """The same for a program with its constants, or (from JAX 0.12 on) one that needs none.

        Args:
            outputs: where results of this call belong. JAX shares one program among calls, so they hold for it alone.
        """
        around, self.outputs = self.outputs, dict(outputs or {})
        try:
            if hasattr(program, "consts"):
                return self.run(program.jaxpr, program.consts, arguments)
            return self.run(program, (), arguments)
        finally:
            self.outputs = around

    def equation(self, equation: Any, values: list[Value]) -> list[Value]:
        """The results of one equation."""
        shared = all(isinstance(v, Shared) for v in values) and not of_patients(equation)
        if shared and any(not v.known for v in values):
            return self.xla.computed(equation, values)
        inner = inner_program(equation)
        if inner is not None:
            pairs = zip(equation.outvars, inner.jaxpr.outvars, strict=True)
            outputs = {
                own: self.outputs[o] for o, own in pairs if o in self.outputs and not isinstance(own, core.Literal)
            }
            return self.run_closed(inner, values, outputs)
        if not shared:
            return self.written(equation, values)
        begin = len(self.text.lines)
        try:
            results = self.written(equation, values)
        except Unsupported:
            self.text.forget(begin)
            return self.xla.computed(equation, values)
        made = cache(lambda: [v.make() for v in self.xla.computed(equation, values)])
        return [
            result if isinstance(result, Shared) else Shared(lambda i=i: made()[i], True, self.settled(result))
            for i, result in enumerate(results)
        ]

    def written(self, equation: Any, values: list[Value]) -> list[Value]:
        """The results of an equation that calls no other program."""
        name = equation.primitive.name
        if name not in self.control:
            values = [self.inside(value) for value in values]
            if name not in LAZY and name not in INSTRUCTIONS and name not in COMPOSED:
                values = [self.settled(value) for value in values]
        if name in INSTRUCTIONS or name in COMPOSED:
            return [self.each(equation, values)]
        rule = self.control.get(name) or self.rules.get(name)
        if rule is None:
            raise Unsupported(f"the operation {name}")
        try:
            result = rule(self, equation, values)
        except (ValueError, IndexError) as error:
            raise Unsupported(f"the operation {name} as it is used here ({error})") from error
        return result if isinstance(result, list) else [result]

    # --- element-wise ----------------------------------------------------------------------------------------------

    def one(self, equation: Any, registers: Sequence[Register]) -> Register:
        """An element-wise equation on one element."""
        result = self._one(equation, registers)
        if any(register.asked for register in registers):
            if result.wide:
                raise Unsupported(ASKED)
            result = replace(result, asked=True)
        return result

    def _one(self, equation: Any, registers: Sequence[Register]) -> Register:
        name, text = equation.primitive.name, self.text
        if name in INSTRUCTIONS:
            return INSTRUCTIONS[name](text, *registers, **equation.params)
        dtypes = tuple(np.dtype(r.dtype) for r in registers)
        if name == "pow" and dtypes[1].kind != "f":
            registers = [registers[0], INSTRUCTIONS["convert_element_type"](text, registers[1], new_dtype=dtypes[0])]
            dtypes = (dtypes[0], dtypes[0])
        inner = _composed(name, dtypes)
        (result,) = self.run(inner.jaxpr, inner.consts, [boxed(r) for r in registers])
        return result[()]

    def each(self, equation: Any, values: list[Value]) -> Value:
        """An element-wise equation on whole arrays."""
        shape = lead(equation.outvars[0].aval.shape)
        if not shape and all(isinstance(v, np.ndarray) and not v.shape for v in values):
            return boxed(self.one(equation, [v[()] for v in values]))
        values = [self.aligned(v, atom.aval.shape, equation) for v, atom in zip(values, equation.invars, strict=True)]
        place = self.outputs.get(equation.outvars[0])
        rows = lambda: self.stored(self.by_row(equation, shape, values, 0), place)  # noqa: E731
        if place is not None and equation.primitive.name == "select_n" and place.is_at(values[1]):
            self.where_any(values[0], rows)
            return place
        if any(is_large(v, UNROLLED) for v in values):
            cost = 16 if equation.primitive.name in COMPOSED else 1
            cost += sum(v.cost for v in values if isinstance(v, Rows))
            return rows() if place is not None or cost > LARGEST else self.by_row(equation, shape, values, cost)
        arrays: list[Any] = [self.registers(v) for v in values]
        if shape:
            arrays = [np.broadcast_to(a, shape) for a in arrays]
        result: Registers = np.empty(shape, object)
        for position in np.ndindex(*shape):
            result[position] = self.one(equation, [a[position] for a in arrays])
        return result

    def where_any(self, which: Value, rows: Callable[[], Memory]) -> None:
        """Elements replaced where they lie; not even looked at where that is so for none of the lanes."""
        which = self.by_rows(which)
        if isinstance(which, Memory | Rows) or which.size != 1:
            rows()
            return
        any_lane = self.text.across("or", which.ravel()[0])
        self.text.switch(self.text.cast("zext", any_lane, np.int32), [lambda: None, rows])

    def aligned(self, value: Value, shape: tuple[int, ...], equation: Any) -> Value:
        """An operand that is the same for all patients, without the axis of length 1 where the result has theirs."""
        lane = axis_of(equation.outvars[0].aval.shape)
        if not shape or lane is None or shape[lane] == PATIENTS:
            return value
        value = self.settled(value)
        if isinstance(value, Memory):
            return self.view(value, lane, constant(0, np.int64))
        return value[(slice(None),) * lane + (0, ...)]

    def by_row(self, equation: Any, shape: tuple[int, ...], values: list[Value], cost: int) -> Rows:
        """An element-wise equation on large arrays, row by row where its result is needed."""
        values = [self.by_rows(v) for v in values]

        def row(index: Register) -> Registers:
            parts = [self.row(v, index) for v in values]
            result: Registers = np.empty(shape[1:], object)
            for position in np.ndindex(*shape[1:]):
                own: list[Any] = [np.broadcast_to(p, shape[1:])[position] for p in parts]
                result[position] = self.one(equation, own)
            return result

        return Rows(shape, np.dtype(equation.outvars[0].aval.dtype), row, cost)

    def stored(self, value: Rows, target: Memory | None = None) -> Memory:
        """Rows, all of them, in memory."""
        target = target or mem.scratch(self.text, value.dtype, value.shape)
        with self.text.count_to(constant(value.shape[0], np.int64)) as index:
            mem.put(self.view(target, 0, index), value.row(index), self.text)
        return target

    def by_rows(self, value: Value) -> Value:
        """A value in memory if its rows differ."""
        if isinstance(value, Memory | Rows) or value.ndim == 0 or value.shape[0] == 1:
            return value
        # Rows that are all the same are one row, seen with a stride of 0.
        return value[:1] if value.strides[0] == 0 else mem.spilled(value, value.ravel()[0].dtype, self.text)

    def row(self, value: Value, row: Register) -> Registers:
        """The elements of one row of a large array, or of what is broadcast along it."""
        if not value.shape:
            return self.registers(value)
        if isinstance(value, Rows):
            return value.row(row if value.shape[0] != 1 else constant(0, np.int64))
        return self.registers(value)[0] if value.shape[0] == 1 else self.registers(self.view(value, 0, row))

    def view(self, value: Memory, axis: int, index: Register) -> Memory:
        """A view without one axis, at an index of it."""
        moved = mem.shifted(value, axis, index, self.text)
        drop = [i for i in range(len(value.shape)) if i != axis]
        shape, strides = tuple(value.shape[i] for i in drop), tuple(value.strides[i] for i in drop)
        return replace(moved, shape=shape, strides=strides)

    # --- values ----------------------------------------------------------------------------------------------------

    def inside(self, value: Value) -> Value:
        """A value as the program has it."""
        return self.xla.inside(value) if isinstance(value, Shared) else value

    def settled(self, value: Value) -> Value:
        """A value that is made: what is still to be made row by row is put into memory."""
        return self.stored(value) if isinstance(value, Rows) else value

    def registers(self, value: Value) -> Registers:
        """A value as registers."""
        value = self.settled(self.inside(value))
        if isinstance(value, np.ndarray):
            return value
        if value.size > CONSTANTS:
            raise Unsupported(f"an array of {value.size} elements per patient in registers")
        return mem.loaded(value, self.text)

    def memory(self, value: Value, dtype: Any) -> Memory:
        """A value in memory."""
        value = self.settled(self.inside(value))
        return value if isinstance(value, Memory) else mem.spilled(value, dtype, self.text)


@lru_cache(maxsize=256)
def _composed(name: str, dtypes: tuple[np.dtype, ...]) -> Any:
    """The program of an elementary function."""
    return jax.make_jaxpr(COMPOSED[name])(*(jax.ShapeDtypeStruct((), dtype) for dtype in dtypes))
