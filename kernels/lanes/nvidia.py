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
from functools import lru_cache
from typing import Any

import jax
import numpy as np
from jax import lax

from kernels.lanes.function import written
from kernels.lanes.host import kept, llvm, missing
from kernels.lanes.text import Text, constant

__all__ = ["call", "kernel_of", "missing", "ptx_of", "room", "width"]

TARGET = "__gpu$xla.gpu.ptx"
TRIPLE = "nvptx64-nvidia-cuda"
BLOCK = 128  # threads
# Bytes of arrays a thread may have beside its registers: all threads of a GPU have theirs at once (H200: 270,336).
STACK = 16 * 1024
INDEX = "i32 @llvm.nvvm.read.ptx.sreg"


def width(size: int = 4, vectors: int = 2) -> int:
    """Patients of a thread."""
    del size, vectors
    return 1


def kernel_of(jaxpr: Any, name: str, arguments: Sequence[Any], patients: int, unread: int = 0) -> tuple[str, list[Any]]:
    """Assembly of a program as a kernel, and the arrays it is to be called with.

    Args:
        jaxpr, arguments: see `kernels.lanes.function.written`.
        unread: operands between these arrays and the results that the kernel never looks at.

    Raises:
        Unsupported: with what.
    """
    text = Text(1, stack=STACK, burst=0)
    block, thread = (
        text.cast("zext", text.make(f"call {INDEX}.{which}.x()", np.int32, False), np.int64)
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
    special = [f"declare {INDEX}.{which}.x()" for which in ("ctaid", "tid")]
    kernel = f"define ptx_kernel void @{name}({', '.join(pointers)}) #0 {{\n  {body}\n}}"
    attributes = f'attributes #0 = {{ nounwind "nvvm.maxntid"="{BLOCK}" "denormal-fp-math"="preserve-sign" }}'
    return "\n\n".join([kernel, *special, *text.declared.values(), attributes]), made.given


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
    return kept(name, lambda: _compiled(assembly, _machine(processor)).encode()).decode()


def _compiled(assembly: str, machine: Any) -> str:
    assert llvm is not None
    module = llvm.parse_assembly(assembly)
    module.triple, module.data_layout = TRIPLE, str(machine.target_data)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = False
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return machine.emit_assembly(module)


def processor_of(device: Any) -> str:
    """LLVM's name of a GPU's architecture."""
    return "sm_" + device.compute_capability.replace(".", "")


def call(
    jaxpr: Any, group: int, arguments: Sequence[Any], results: Sequence[Any], streamed: bool, over: Sequence[Any]
) -> list[Any]:
    """The results of a program for any number of patients; see `kernels.lanes.host.call`."""
    del group, streamed
    patients = results[0].shape[-1]
    old = [(i, x) for i, x in enumerate(over) if x is not None]
    assembly, given = kernel_of(jaxpr, "program", arguments, patients, unread=len(old))
    name = "lanes_" + hashlib.sha256(assembly.encode()).hexdigest()[:24]
    ptx = ptx_of(assembly.replace("@program(", f"@{name}("), processor_of(jax.devices()[0]))
    called = jax.ffi.ffi_call(TARGET, results, input_output_aliases={len(given) + k: i for k, (i, _) in enumerate(old)})
    one = np.int32(1)
    return list(
        called(
            *given,
            *(x for _, x in old),
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


def room(shape: jax.ShapeDtypeStruct) -> jax.Array:
    """An array with anything in it."""
    return lax.empty(shape.shape, shape.dtype)
