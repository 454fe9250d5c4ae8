"""A whole program as an LLVM module: a loop over groups of lanes, and the door through which XLA calls it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

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
from kernels.lanes.shared import Shared
from kernels.lanes.sorting import SORTING
from kernels.lanes.text import Register, Text, Unsupported, constant

HUGE, MADV_HUGEPAGE = 2 * 2**20, 14  # bytes of a huge page; advice of Linux's madvise


def module_of(
    jaxpr: Any, name: str, lanes: int, arguments: Sequence[Any], streamed: bool = False
) -> tuple[str, list[Any]]:
    """Assembly of a program traced with `PATIENTS` patients, and the arrays it is to be called with.

    The function `name`(pointers of arrays and results..., patients) runs groups of lanes one after the other.

    Args:
        jaxpr: closed; every result has its patient axis last.
        lanes: patients in a group; the number of patients must be a multiple of it.
        arguments: of the program. Whatever comes from those without a patient axis alone is computed by XLA.
        streamed: results go to memory past the cache, which is for more than it holds.

    Raises:
        Unsupported: with what.
    """
    text, given, names = Text(lanes), [], []
    numbers: dict[str, list[Any]] = {}  # single ones, by the name of the array they are handed over in
    results = [variable.aval for variable in jaxpr.jaxpr.outvars]
    for aval in results:
        if not aval.shape or aval.shape[-1] != PATIENTS or PATIENTS in aval.shape[:-1]:
            raise Unsupported("a result whose last axis is not that of patients")
    patients = Register("%patients", np.dtype(np.int64))

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

    with text.count_to(text.binary("sdiv exact", patients, constant(lanes, np.int64))) as group:
        first = text.binary("mul nsw", group, constant(lanes, np.int64))
        own = [
            _view(text, next_name(x), v.aval, first, patients) if PATIENTS in v.aval.shape else Shared(lambda x=x: x)
            for v, x in zip(jaxpr.jaxpr.invars, arguments, strict=True)
        ]
        if not given:
            raise Unsupported("a program without patients")
        targets = [_view(text, f"%out{i}", aval, first, patients, streamed) for i, aval in enumerate(results)]
        destinations = {}
        for variable, target in zip(jaxpr.jaxpr.outvars, targets, strict=True):
            destinations.setdefault(variable, target)
        writer = Writer(text, destinations, shared, CONTROL, {**ARRAYS, **REDUCTIONS, **SORTING})
        values = writer.run(jaxpr.jaxpr, jaxpr.consts, own)
        for value, target in zip(values, targets, strict=True):
            _deliver(writer, value, target)
    given += [jnp.stack(together) for together in numbers.values()]
    pointers = [*names, *numbers, *(f"%out{i}" for i in range(len(results)))]
    parameters = ", ".join([*(f"ptr noalias nocapture {n}" for n in pointers), "i64 %patients"])
    # What went past the cache must be there before anybody is told.
    body = "\n  ".join([*text.slots, *text.lines, "fence seq_cst", "ret void"])
    declared = "\n".join(text.declared.values())
    function = f"define void @{name}({parameters}) #0 {{\n  {body}\n}}"
    attributes = 'attributes #0 = { nounwind "prefer-vector-width"="512" "denormal-fp-math"="preserve-sign" }'
    return "\n\n".join([function, _door(name, len(given), len(results)), declared, attributes, "!0 = !{i32 1}"]), given


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
    if isinstance(value, mem.Memory):
        if value is target:
            return
        if value.size > mem.UNROLLED:
            text = writer.text
            with text.count_to(constant(value.shape[0], np.int64)) as row:
                _deliver(writer, writer.registers(writer.view(value, 0, row)), writer.view(target, 0, row))
            return
    mem.put(target, writer.registers(value), writer.text)


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


def nothing(name: str, size: int) -> str:
    """Assembly of a program that leaves its only result as it is; on Linux it asks for huge pages.

    They spare the system most of the work of handing out fresh memory.

    Args:
        size: of the result [bytes].
    """
    if size < 2 * HUGE or sys.platform != "linux":
        return "\n".join([*_beginning(name), "  ret ptr null", "}"])
    lines = [
        *_beginning(name),
        "  %retsp = getelementptr i8, ptr %frame, i64 112",
        "  %rets = load ptr, ptr %retsp",
        "  %ret = load ptr, ptr %rets",
        "  %datap = getelementptr i8, ptr %ret, i64 24",
        "  %data = load i64, ptr %datap",
        f"  %over = add i64 %data, {HUGE - 1}",
        f"  %begin = and i64 %over, {-HUGE}",
        f"  %end = add i64 %data, {size}",
        "  %length = sub i64 %end, %begin",
        "  %first = inttoptr i64 %begin to ptr",
        f"  call i32 @madvise(ptr %first, i64 %length, i32 {MADV_HUGEPAGE})",
        "  ret ptr null",
        "}",
        "declare i32 @madvise(ptr, i64, i32)",
    ]
    return "\n".join(lines)


def _door(name: str, inputs: int, results: int) -> str:
    """XLA's handler: pointers and the number of patients (of the first argument) out of its call frame.

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
        "  %rankp = getelementptr i8, ptr %args0, i64 32",
        "  %rank = load i64, ptr %rankp",
        "  %dimsp = getelementptr i8, ptr %args0, i64 40",
        "  %dims = load ptr, ptr %dimsp",
        "  %last = sub i64 %rank, 1",
        "  %lastp = getelementptr i64, ptr %dims, i64 %last",
        "  %patients = load i64, ptr %lastp",
        f"  call void @{name}({', '.join([*pointers, 'i64 %patients'])})",
        "  ret ptr null",
        "}",
    ]
    return "\n".join(lines)


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
