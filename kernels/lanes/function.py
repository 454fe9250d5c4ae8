"""A whole program as an LLVM module: a loop over groups of lanes, and the door through which XLA calls it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.core import Tracer

from kernels.lanes import memory as mem
from kernels.lanes.program import PATIENTS, Writer, axis_of, lead
from kernels.lanes.text import Register, Registers, Text, Unsupported, constant


def module_of(jaxpr: Any, name: str, lanes: int) -> str:
    """Assembly of a program traced with `PATIENTS` patients.

    The function `name`(pointers of arguments and results..., patients) runs groups of lanes one after the other.

    Args:
        jaxpr: closed; every result has its patient axis last.
        lanes: patients in a group; the number of patients must be a multiple of it.

    Raises:
        Unsupported: with what.
    """
    if any(isinstance(value, Tracer) for value in jaxpr.consts):
        raise Unsupported("arrays that are made outside of the program and not given to it")
    text = Text(lanes)
    inputs = [variable.aval for variable in jaxpr.jaxpr.invars]
    results = [variable.aval for variable in jaxpr.jaxpr.outvars]
    for aval in results:
        if not aval.shape or aval.shape[-1] != PATIENTS or PATIENTS in aval.shape[:-1]:
            raise Unsupported("a result whose last axis is not that of patients")
    names = [f"%in{i}" for i in range(len(inputs))] + [f"%out{i}" for i in range(len(results))]
    patients = Register("%patients", np.dtype(np.int64))
    groups = text.binary("sdiv exact", patients, constant(lanes, np.int64))
    with text.count_to(groups) as group:
        first = text.binary("mul nsw", group, constant(lanes, np.int64))
        views = [_view(text, n, aval, first, patients) for n, aval in zip(names, inputs + results, strict=True)]
        arguments, targets = views[: len(inputs)], views[len(inputs) :]
        destinations = {}
        for variable, target in zip(jaxpr.jaxpr.outvars, targets, strict=True):
            destinations.setdefault(variable, target)
        writer = Writer(text, destinations)
        values = writer.run(jaxpr.jaxpr, jaxpr.consts, arguments)
        for value, target in zip(values, targets, strict=True):
            _deliver(writer, value, target)
    parameters = ", ".join([*(f"ptr noalias nocapture {n}" for n in names), "i64 %patients"])
    body = "\n  ".join([*text.slots, *text.lines, "ret void"])
    declared = "\n".join(text.declared.values())
    function = f"define void @{name}({parameters}) #0 {{\n  {body}\n}}"
    attributes = 'attributes #0 = { nounwind "prefer-vector-width"="512" "denormal-fp-math"="preserve-sign" }'
    varying = next(i for i, aval in enumerate(inputs) if axis_of(aval.shape) is not None)
    return "\n\n".join([function, _door(name, len(inputs), len(results), varying), declared, attributes])


def _view(text: Text, name: str, aval: Any, first: Register, patients: Register) -> mem.Memory:
    """An argument or result as the present group of lanes sees it."""
    lane = axis_of(aval.shape)
    if lane is None:
        return mem.whole(name, aval.dtype, aval.shape, constant(1, np.int64), False)
    if lane != len(aval.shape) - 1:
        raise Unsupported("an argument whose patient axis is not the last")
    kind = "i8" if aval.dtype == np.bool_ else text.type_of(aval.dtype, False)
    base = text.make(f"getelementptr {kind}, ptr {name}, i64 {first.text}", np.int64, False)
    return mem.whole(base.text, aval.dtype, lead(aval.shape), patients, True)


def _deliver(writer: Writer, value: Any, target: mem.Memory) -> None:
    """Results that are not where they belong yet."""
    if isinstance(value, mem.Memory):
        if value is target:
            return
        if value.size > mem.UNROLLED:
            text = writer.text
            with text.count_to(constant(value.shape[0], np.int64)) as row:
                _deliver(writer, writer.registers(writer.view(value, 0, row)), writer.view(target, 0, row))
            return
    array: Registers = np.broadcast_to(writer.registers(value), target.shape)
    for position in np.ndindex(*target.shape):
        shift = sum(i * s for i, s in zip(position, target.strides, strict=True))
        offset = writer.text.binary("add", target.offset, constant(shift, np.int64)) if shift else target.offset
        mem.store(target, offset, array[position], writer.text)


def _beginning(name: str) -> list[str]:
    """A handler up to where it is asked to compute."""
    return [
        f"define ptr @{name}_door(ptr %frame) {{",
        "  %ep = getelementptr i8, ptr %frame, i64 8",
        "  %extension = load ptr, ptr %ep",
        "  %asked = icmp ne ptr %extension, null",
        "  br i1 %asked, label %about, label %compute",
        "about:",
        "  %mp = getelementptr i8, ptr %extension, i64 24",
        "  %metadata = load ptr, ptr %mp",
        "  %ap = getelementptr i8, ptr %frame, i64 16",
        "  %api = load ptr, ptr %ap",
        "  %vp = getelementptr i8, ptr %api, i64 32",
        "  %version = load i64, ptr %vp",
        "  %wp = getelementptr i8, ptr %metadata, i64 24",
        "  store i64 %version, ptr %wp",
        "  %tp = getelementptr i8, ptr %metadata, i64 32",
        "  store i32 0, ptr %tp",
        "  ret ptr null",
        "compute:",
    ]


def nothing(name: str) -> str:
    """Assembly of a program that leaves its results as they are."""
    return "\n".join([*_beginning(name), "  ret ptr null", "}"])


def _door(name: str, inputs: int, results: int, varying: int) -> str:
    """XLA's handler: pointers and the number of patients out of its call frame, then the function.

    Offsets are those of xla/ffi/api/c_api.h (API version 0): the frame's extension at 8, api at 16, args and rets from
    40 and 80 on (their pointers at 72 and 112); a buffer's data at 24, rank at 32, dims at 40. A frame with an
    extension asks for the API version; it is given the version of the caller.
    """
    lines = _beginning(name)
    pointers = []
    for kind, offset, count in (("args", 72, inputs), ("rets", 112, results)):
        lines += [f"  %{kind}p = getelementptr i8, ptr %frame, i64 {offset}", f"  %{kind} = load ptr, ptr %{kind}p"]
        for i in range(count):
            lines += [
                f"  %{kind}{i}p = getelementptr ptr, ptr %{kind}, i64 {i}",
                f"  %{kind}{i} = load ptr, ptr %{kind}{i}p",
                f"  %{kind}{i}d = getelementptr i8, ptr %{kind}{i}, i64 24",
                f"  %{kind}{i}v = load ptr, ptr %{kind}{i}d",
            ]
            pointers.append(f"ptr %{kind}{i}v")
    lines += [
        f"  %rankp = getelementptr i8, ptr %args{varying}, i64 32",
        "  %rank = load i64, ptr %rankp",
        f"  %dimsp = getelementptr i8, ptr %args{varying}, i64 40",
        "  %dims = load ptr, ptr %dimsp",
        "  %last = sub i64 %rank, 1",
        "  %lastp = getelementptr i64, ptr %dims, i64 %last",
        "  %patients = load i64, ptr %lastp",
        f"  call void @{name}({', '.join([*pointers, 'i64 %patients'])})",
        "  ret ptr null",
        "}",
    ]
    return "\n".join(lines)


def traced(function: Any, arguments: Sequence[Any], patients: int) -> tuple[Any, Any]:
    """A function of arrays, traced with the marked number of patients, and the shapes of its results.

    Args:
        arguments: arrays; one whose last axis has length `patients` has that axis.
    """

    def marked(x: Any) -> jax.ShapeDtypeStruct:
        shape = tuple(x.shape)
        if shape and shape[-1] == patients:
            shape = (*shape[:-1], PATIENTS)
        return jax.ShapeDtypeStruct(shape, x.dtype)

    return jax.make_jaxpr(function, return_shape=True)(*map(marked, arguments))
