"""A whole program written for the patients of a group, whatever goes from group to group around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

from kernels.lanes import memory as mem
from kernels.lanes.arrays import ARRAYS
from kernels.lanes.axis import PATIENTS, axis_of, lead
from kernels.lanes.control import CONTROL
from kernels.lanes.program import Writer
from kernels.lanes.reductions import REDUCTIONS
from kernels.lanes.rows import Rows
from kernels.lanes.shared import Shared
from kernels.lanes.sorting import SORTING
from kernels.lanes.text import Register, Text, Unsupported, constant


class Written(NamedTuple):
    """What a program that has been written is called with.

    Attributes:
        inputs, outputs: names of the arrays' addresses in it.
        given: the arrays of `inputs`.
    """

    inputs: list[str]
    outputs: list[str]
    given: list[Any]


def written(
    text: Text, jaxpr: Any, arguments: Sequence[Any], first: Register, patients: Register, streamed: bool = False
) -> Written:
    """Write a program traced with `PATIENTS` patients for the group that begins with patient `first`.

    Args:
        jaxpr: closed; every result has its patient axis last.
        arguments: of the program. Whatever comes from those without a patient axis alone is computed by XLA.
        streamed: results go to memory past the cache, which is for more than it holds.

    Raises:
        Unsupported: with what.
    """
    given, names = [], []
    numbers: dict[str, list[Any]] = {}  # single ones, by the name of the array they are handed over in
    results = [variable.aval for variable in jaxpr.jaxpr.outvars]
    for aval in results:
        if not aval.shape or aval.shape[-1] != PATIENTS or PATIENTS in aval.shape[:-1]:
            raise Unsupported("a result whose last axis is not that of patients")

    def next_name(array: Any) -> str:
        given.append(array)
        names.append(f"%in{len(given) - 1}")
        return names[-1]

    def shared(array: Any) -> mem.Memory:
        array = jnp.asarray(array)
        if array.size == 1:
            name = f"%{array.dtype.name}"
            together = numbers.setdefault(name, [])
            place = constant(len(together), np.int64)
            together.append(array.reshape(()))
            return replace(mem.whole(name, array.dtype, array.shape, constant(1, np.int64), False), offset=place)
        return mem.whole(next_name(array), array.dtype, array.shape, constant(1, np.int64), False)

    own = [
        _view(text, next_name(x), v.aval, first, patients) if PATIENTS in v.aval.shape else Shared(lambda x=x: x)
        for v, x in zip(jaxpr.jaxpr.invars, arguments, strict=True)
    ]
    if not given:
        raise Unsupported("a program without patients")
    outputs = [f"%out{i}" for i in range(len(results))]
    targets = [_view(text, n, aval, first, patients, streamed) for n, aval in zip(outputs, results, strict=True)]
    destinations = {}
    for variable, target in zip(jaxpr.jaxpr.outvars, targets, strict=True):
        destinations.setdefault(variable, target)
    writer = Writer(text, destinations, shared, CONTROL, {**ARRAYS, **REDUCTIONS, **SORTING})
    values = writer.run(jaxpr.jaxpr, jaxpr.consts, own)
    for value, target in zip(values, targets, strict=True):
        _deliver(writer, value, target)
    return Written([*names, *numbers], outputs, given + [jnp.stack(together) for together in numbers.values()])


def _view(text: Text, name: str, aval: Any, first: Register, patients: Register, streamed: bool = False) -> mem.Memory:
    """An argument or result of every patient as the present group of lanes sees it."""
    lane = axis_of(aval.shape)
    if lane != len(aval.shape) - 1:
        raise Unsupported("an argument whose patient axis is not the last")
    kind = "i8" if aval.dtype == np.bool_ else text.type_of(aval.dtype, False)
    base = text.make(f"getelementptr {kind}, ptr {name}, i64 {first.text}", np.int64, False)
    return replace(mem.whole(base.text, aval.dtype, lead(aval.shape), patients, True), streamed=streamed)


def _deliver(writer: Writer, value: Any, target: mem.Memory) -> None:
    """Results that are not where they belong yet."""
    if isinstance(value, Rows):
        writer.stored(value, target)
        return
    if isinstance(value, mem.Memory):
        if value is target:
            return
        if value.size > mem.UNROLLED:
            text = writer.text
            with text.count_to(constant(value.shape[0], np.int64)) as row:
                _deliver(writer, writer.registers(writer.view(value, 0, row)), writer.view(target, 0, row))
            return
    mem.put(target, writer.registers(value), writer.text)


def length(jaxpr: Any) -> int:
    """Equations of a program, those of its inner programs among them."""
    inner = (each for equation in jaxpr.eqns for each in core.jaxprs_in_params(equation.params))
    return len(jaxpr.eqns) + sum(map(length, inner))


def marked(array: Any) -> jax.ShapeDtypeStruct:
    """The shape of an array whose last axis is that of patients, as it is traced."""
    return jax.ShapeDtypeStruct((*array.shape[:-1], PATIENTS), array.dtype)


def traced(function: Any, arguments: Sequence[Any], wide: Sequence[bool]) -> tuple[Any, Any]:
    """A function of arrays as a program, and the shapes of its results.

    Args:
        wide: whether an argument's last axis is that of patients.
    """
    shapes = [
        marked(x) if own else jax.ShapeDtypeStruct(x.shape, x.dtype) for x, own in zip(arguments, wide, strict=True)
    ]
    return jax.make_jaxpr(function, return_shape=True)(*shapes)
