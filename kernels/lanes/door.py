"""A program as a function for this processor: a loop over groups of lanes, and the door through which XLA calls it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from kernels.lanes.function import written
from kernels.lanes.text import Register, Text, constant

HUGE, MADV_HUGEPAGE = 2 * 2**20, 14  # bytes of a huge page; advice of Linux's madvise


def module_of(
    jaxpr: Any, name: str, lanes: int, arguments: Sequence[Any], streamed: bool = False
) -> tuple[str, list[Any]]:
    """Assembly of a program, and the arrays it is to be called with.

    The function `name`(pointers of arrays and results..., patients) runs groups of lanes one after the other.

    Args:
        lanes: patients in a group; the number of patients must be a multiple of it.
        jaxpr, arguments, streamed: see `kernels.lanes.function.written`.

    Raises:
        Unsupported: with what.
    """
    text, patients = Text(lanes), Register("%patients", np.dtype(np.int64))
    with text.count_to(text.binary("sdiv exact", patients, constant(lanes, np.int64))) as group:
        first = text.binary("mul nsw", group, constant(lanes, np.int64))
        made = written(text, jaxpr, arguments, first, patients, streamed)
    pointers = [f"ptr noalias nocapture {name}" for name in (*made.inputs, *made.outputs)]
    # What went past the cache must be there before anybody is told.
    body = "\n  ".join([*text.slots, *text.lines, "fence seq_cst", "ret void"])
    declared = "\n".join(text.declared.values())
    function = f"define void @{name}({', '.join([*pointers, 'i64 %patients'])}) #0 {{\n  {body}\n}}"
    attributes = 'attributes #0 = { nounwind "prefer-vector-width"="512" "denormal-fp-math"="preserve-sign" }'
    door = _door(name, len(made.inputs), len(made.outputs))
    return "\n\n".join([function, door, declared, attributes, "!0 = !{i32 1}"]), made.given


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
