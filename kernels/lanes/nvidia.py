"""Lanes of an NVIDIA GPU: one thread for each patient, compiled to PTX, which XLA takes as it is.

XLA:GPU runs a kernel in PTX that stands in the program itself (custom call `__gpu$xla.gpu.ptx`): its arguments are the
addresses of the operands, then of the results. LLVM writes PTX as it writes code for this processor, so that a thread
runs the text of one lane, and neither CUDA's compiler nor a library of ours is needed.

    thread i of a grid of blocks of `BLOCK`:   patient i, if there is one

Rows of arrays have their patients side by side, so that the threads of a warp read and write next to each other.

Source: xla/service/gpu/kernel_call.h and ptx_kernel_test.cc (attributes of the call, order of the addresses).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from kernels.lanes import host
from kernels.lanes.function import traced, written
from kernels.lanes.host import aliases, kept, llvm, named, optimised
from kernels.lanes.text import Text, constant

TARGET = "__gpu$xla.gpu.ptx"
TRIPLE = "nvptx64-nvidia-cuda"
BLOCK = 128  # threads
# Bytes of arrays a thread may have beside its registers: all threads of a GPU have theirs at once (H200: 270,336).
STACK = 16 * 1024
INDEX = "@llvm.nvvm.read.ptx.sreg"


def missing() -> str:
    """Why kernels of our own cannot be used here; empty if they can."""
    return host.missing() or _trouble()


def probe(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Square roots by Heron's rule, each patient in its own number of rounds, and exponentials in float32."""
    enough = 8.0 * float(jnp.finfo(x.dtype).eps)

    def rough(y: jax.Array) -> jax.Array:
        return jnp.abs(y * y - x) > enough * x

    root = lax.while_loop(
        lambda y: jnp.any(rough(y)), lambda y: jnp.where(rough(y), 0.5 * (y + x / y), y), jnp.ones_like(x)
    )
    return root, jnp.exp(-x.astype(jnp.float32))


@cache
def _trouble() -> str:
    """What goes wrong with a small kernel, asked once; XLA's custom call is not among what it promises to keep."""
    device = jax.local_devices()[0]
    if "cuda" not in device.client.platform_version:
        return f"kernels of our own are for NVIDIA GPUs, and this is a {device.device_kind}"
    try:
        x = np.linspace(0.5, 80.0, 2 * BLOCK + 44, dtype=jax.dtypes.canonicalize_dtype(float))
        # Traced outside: constants would be made at once there, for the marked number of patients.
        jaxpr, shapes = traced(probe, [x], [True])
        results = [jax.ShapeDtypeStruct(x.shape, s.dtype) for s in jax.tree.leaves(shapes)]
        with jax.ensure_compile_time_eval():
            found = [np.asarray(f) for f in call(jaxpr, 1, [jnp.asarray(x)], results, False, [None, None])]
        wrong = sum(np.abs(f / e - 1.0).max() for f, e in zip(found, (np.sqrt(x), np.exp(-x)), strict=True))
    except Exception as problem:  # whatever it is, XLA can do the work
        reason = f"{type(problem).__name__}: {problem}".splitlines()[0]
        return f"kernels of our own do not run on this {device.device_kind}: {reason}"
    # Not a number is no good either.
    return "" if wrong < 1e-4 else f"kernels of our own give wrong numbers on this {device.device_kind}"


def width(size: int = 4, vectors: int = 2) -> int:
    """Patients of a thread."""
    del size, vectors
    return 1


def kernel_of(jaxpr: Any, arguments: Sequence[Any], patients: int, unread: int = 0) -> tuple[str, list[Any]]:
    """Assembly of a program as the kernel `program`, and the arrays it is to be called with.

    Args:
        jaxpr, arguments: see `kernels.lanes.function.written`.
        unread: operands between these arrays and the results that the kernel never looks at.

    Raises:
        Unsupported: with what.
    """
    text = Text(1, stack=STACK, burst=0)
    block, thread = (
        text.cast("zext", text.make(f"call i32 {INDEX}.{which}.x()", np.int32, False), np.int64)
        for which in ("ctaid", "tid")
    )
    first = text.binary("add nuw nsw", text.binary("mul nuw nsw", block, constant(BLOCK, np.int64)), thread)
    there = text.binary("icmp slt", first, constant(patients, np.int64), bool)
    text.line(f"br i1 {there.text}, label %patient, label %nobody")
    text.line("patient:")
    made = written(text, jaxpr, arguments, first, constant(patients, np.int64))
    text.label("nobody")
    pointers = [
        *(f"ptr noalias nocapture readonly {n}" for n in made.inputs),
        *(f"ptr %over{i}" for i in range(unread)),
        *(f"ptr noalias nocapture {n}" for n in made.outputs),
    ]
    body = "\n  ".join([*text.slots, *text.lines, "ret void"])
    special = [f"declare i32 {INDEX}.{which}.x()" for which in ("ctaid", "tid")]
    kernel = f"define ptx_kernel void @program({', '.join(pointers)}) #0 {{\n  {body}\n}}"
    attributes = 'attributes #0 = { nounwind "denormal-fp-math"="preserve-sign" }'
    # Without the size of a block ptxas would leave each thread 64 registers; as metadata every LLVM understands it.
    size = f'!nvvm.annotations = !{{!0}}\n!0 = !{{ptr @program, !"maxntidx", i32 {BLOCK}}}'
    return "\n\n".join([kernel, *special, *text.declared.values(), attributes, size]), made.given


@lru_cache(maxsize=8)
def _machine(processor: str) -> Any:
    assert llvm is not None
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    return llvm.Target.from_triple(TRIPLE).create_target_machine(cpu=processor, opt=3)


@lru_cache(maxsize=128)
def ptx_of(assembly: str, processor: str) -> str:
    """A module in PTX, made or found.

    Args:
        processor: e.g. "sm_90".
    """
    assert llvm is not None
    name = hashlib.sha256(f"{llvm.llvm_version_info} {processor}\n{assembly}".encode()).hexdigest()
    machine = _machine(processor)
    return kept(name, lambda: machine.emit_assembly(optimised(assembly, machine)).encode()).decode()


def processor_of(device: Any) -> str:
    """LLVM's name of a GPU's architecture."""
    return "sm_" + device.compute_capability.replace(".", "")


def call(
    jaxpr: Any, group: int, arguments: Sequence[Any], results: Sequence[Any], streamed: bool, over: Sequence[Any]
) -> list[Any]:
    """The results of a program for any number of patients; see `kernels.lanes.host.call`."""
    del group, streamed
    patients = results[0].shape[-1]
    old = [x for x in over if x is not None]
    assembly, given = kernel_of(jaxpr, arguments, patients, unread=len(old))
    name, assembly = named(assembly)
    ptx = ptx_of(assembly, processor_of(jax.local_devices()[0]))
    called = jax.ffi.ffi_call(TARGET, results, input_output_aliases=aliases(given, over))
    one = np.int32(1)
    return list(
        called(
            *given,
            *old,
            name=name,
            kernel_type="ptx",
            kernel_data=ptx,
            grid_x=np.int32(-(-patients // BLOCK)),
            grid_y=one,
            grid_z=one,
            block_x=np.int32(BLOCK),
            block_y=one,
            block_z=one,
            shared_mem_bytes=np.int32(0),
        )
    )
