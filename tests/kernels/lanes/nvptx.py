"""LLVM assembly to PTX, and kernels of one thread per element, for tests."""

import re
from functools import cache

import llvmlite.binding as llvm
import numpy as np

from tests.kernels.lanes.ptx_on_host import launch

LLVM = {"float32": "float", "float64": "double", "int64": "i64", "int32": "i32", "int16": "i16", "int8": "i8"}
TRIPLE = "nvptx64-nvidia-cuda"
# How a kernel takes its arrays, and how hard LLVM tries.
WAYS = [(pointer, level) for pointer in ("ptr", "ptr addrspace(1)") for level in (0, 3)]


@cache
def _machine(level):
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    return llvm.Target.from_triple(TRIPLE).create_target_machine(cpu="sm_90", opt=level)


def to_ptx(assembly, level=3):
    machine, module = _machine(level), llvm.parse_assembly(assembly)
    module.triple, module.data_layout = machine.triple, str(machine.target_data)
    module.verify()
    if level:
        builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=level))
        builder.getModulePassManager().run(module, builder)
    return machine.emit_assembly(module)


def elementwise(body, inputs, result, pointer="ptr", before=""):
    """A kernel that computes `%result` from `%0...` of one element each; threads beyond the end do nothing."""
    names = [f"x{i}" for i in range(len(inputs))]
    arrays = ", ".join(f"{pointer} noalias %{name}" for name in [*names, "out", "n"])
    loads = "\n".join(
        f"  %p{name} = getelementptr {kind}, {pointer} %{name}, i32 %i\n  %v{name} = load {kind}, {pointer} %p{name}"
        for name, kind in zip(names, inputs, strict=True)
    )
    return f"""
declare i32 @llvm.nvvm.read.ptx.sreg.tid.x()
declare i32 @llvm.nvvm.read.ptx.sreg.ntid.x()
declare i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
{before}
define ptx_kernel void @k({arrays}) {{
begin:
  %tid = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %ntid = call i32 @llvm.nvvm.read.ptx.sreg.ntid.x()
  %ctaid = call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %first = mul i32 %ctaid, %ntid
  %i = add i32 %first, %tid
  %count = load i32, {pointer} %n
  %inside = icmp ult i32 %i, %count
  br i1 %inside, label %work, label %over
work:
{loads}
{re.sub(r"%x(?=[0-9])", "%vx", body)}
  %pout = getelementptr {result}, {pointer} %out, i32 %i
  store {result} %result, {pointer} %pout
  br label %over
over:
  ret void
}}
"""


def compute(body, arrays, result, pointer="ptr", level=3, before=""):
    """The result of a body for each element, by PTX on the host."""
    kinds = [LLVM[array.dtype.name] for array in arrays]
    size = len(arrays[0])
    out = np.zeros(size + 1, result)
    out[size:] = 77
    ptx = to_ptx(elementwise(body, kinds, LLVM[np.dtype(result).name], pointer, before), level)
    launch(ptx, "k", [*arrays, out, np.array([size], np.int32)], grid=-(-size // 32) + 1, block=32)
    assert out[size] == 77  # threads beyond the end wrote nothing
    return out[:size]


def same_bits(found, expected):
    """Equal to the bit, NaNs of any bits."""
    assert found.dtype == expected.dtype
    if found.dtype.kind == "f":
        kept = ~np.isnan(expected)
        np.testing.assert_array_equal(~np.isnan(found), kept)
        whole = found.dtype.str.replace("f", "i")
        found, expected = found[kept].view(whole), expected[kept].view(whole)
    np.testing.assert_array_equal(found, expected)
