"""Loops, branches and memory by LLVM's PTX, run on this processor."""

import math

import numpy as np
import pytest

from tests.kernels.lanes.nvptx import WAYS, compute, elementwise, same_bits, to_ptx
from tests.kernels.lanes.ptx_on_host import counted, launch

rng = np.random.default_rng(12)
N = 77
ways = pytest.mark.parametrize(("pointer", "level"), WAYS)


@ways
def test_loops_of_different_lengths(pointer, level):
    """Steps of Collatz until 1."""
    start = np.arange(1, N + 1, dtype=np.int64)
    body = """
  br label %loop
loop:
  %n0 = phi i64 [ %x0, %work ], [ %n1, %next ]
  %steps = phi i32 [ 0, %work ], [ %more, %next ]
  %done = icmp eq i64 %n0, 1
  br i1 %done, label %out1, label %next
next:
  %odd = trunc i64 %n0 to i1
  %half = lshr i64 %n0, 1
  %triple = mul i64 %n0, 3
  %up = add i64 %triple, 1
  %n1 = select i1 %odd, i64 %up, i64 %half
  %more = add i32 %steps, 1
  br label %loop
out1:
  %result = add i32 %steps, 0"""
    expected = []
    for n in start.tolist():
        expected.append(0)
        while n != 1:
            n = 3 * n + 1 if n % 2 else n // 2
            expected[-1] += 1
    same_bits(compute(body, [start], np.int32, pointer, level), np.array(expected, np.int32))


@ways
def test_local_arrays(pointer, level):
    a, place = rng.normal(size=N), rng.integers(0, 8, N, np.int32)
    body = ["%stack = alloca [8 x double]"]
    for k in range(8):
        body += [f"%s{k} = fmul double %x0, {k + 1}.0", f"%e{k} = getelementptr double, ptr %stack, i32 {k}"]
        body += [f"store double %s{k}, ptr %e{k}"]
    body += ["%e = getelementptr double, ptr %stack, i32 %x1", "%result = load double, ptr %e"]
    same_bits(compute("\n  ".join(body), [a, place], np.float64, pointer, level), a * (place + 1))


@ways
@pytest.mark.parametrize("space", [" addrspace(4)", " addrspace(1)"])
def test_tables(pointer, level, space):
    table, place = rng.normal(size=7), rng.integers(0, 7, N, np.int32)
    numbers = ", ".join(f"double {float(v)!r}" if "e" not in repr(float(v)) else f"double {v:.17e}" for v in table)
    before = f"@table = internal{space} constant [7 x double] [{numbers}]"
    body = f"%p = getelementptr double, ptr{space} @table, i32 %x0\n  %result = load double, ptr{space} %p"
    same_bits(compute(body, [place], np.float64, pointer, level, before), table[place])


@ways
def test_switch(pointer, level):
    which = rng.integers(-2, 12, N, np.int32)
    divide, root, square = (
        "%r{0} = fdiv double %d, {1}.0",
        "%r{0} = call double @llvm.sqrt.f64(double %d)",
        ("%s{0} = fmul double %d, %d\n  %r{0} = fdiv double {1}.0, %s{0}"),
    )
    blocks = "\n".join(
        f"case{k}:\n  {(divide, root, square)[k % 3].format(k, k + 5)}\n  br label %join" for k in range(9)
    )
    cases = " ".join(f"i32 {k}, label %case{k}" for k in range(9))
    body = f"""
  %d = sitofp i32 %x1 to double
  switch i32 %x0, label %join [{cases}]
{blocks}
join:
  %result = phi double [ -1.0, %work ], {", ".join(f"[ %r{k}, %case{k} ]" for k in range(9))}"""
    numbers = rng.integers(1, 50, N, np.int32)
    operations = [lambda d, c: d / c, lambda d, c: math.sqrt(d), lambda d, c: c / (d * d)]
    pairs = zip(which.tolist(), numbers.tolist(), strict=True)
    expected = [operations[w % 3](d, w + 5) if 0 <= w < 9 else -1.0 for w, d in pairs]
    same_bits(compute(body, [which, numbers], np.float64, pointer, level), np.array(expected))
    assert "brx.idx" in to_ptx(elementwise(body, ["i32", "i32"], "double", pointer), level)


def test_neighbours_are_loaded_at_once():
    x = rng.normal(size=(N, 4)).astype(np.float32)
    out = np.zeros_like(x)
    assembly = """
declare i32 @llvm.nvvm.read.ptx.sreg.tid.x()
define ptx_kernel void @k(ptr addrspace(1) noalias align 16 %x, ptr addrspace(1) noalias align 16 %y) {
  %i = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %p = getelementptr <4 x float>, ptr addrspace(1) %x, i32 %i
  %v = load <4 x float>, ptr addrspace(1) %p, align 16
  %w = fadd <4 x float> %v, %v
  %r = shufflevector <4 x float> %w, <4 x float> %w, <4 x i32> <i32 3, i32 2, i32 1, i32 0>
  %q = getelementptr <4 x float>, ptr addrspace(1) %y, i32 %i
  store <4 x float> %r, ptr addrspace(1) %q, align 16
  ret void
}"""
    ptx = to_ptx(assembly)
    assert ".v4." in ptx
    launch(ptx, "k", [x, out], grid=1, block=N)
    same_bits(out, 2 * x[:, ::-1])


@pytest.mark.parametrize(("dtype", "operation", "kind"), [(np.int32, "add", "i32"), (np.float32, "fadd", "float")])
def test_atomic_sums(dtype, operation, kind):
    bins, total = np.zeros(4, dtype), np.zeros(1, dtype)
    assembly = f"""
declare i32 @llvm.nvvm.read.ptx.sreg.tid.x()
define ptx_kernel void @k(ptr addrspace(1) %bins, ptr addrspace(1) %total) {{
  %i = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %b = and i32 %i, 3
  %p = getelementptr {kind}, ptr addrspace(1) %bins, i32 %b
  {"%w = add i32 %i, 0" if kind == "i32" else "%w = uitofp i32 %i to float"}
  %old = atomicrmw {operation} ptr addrspace(1) %p, {kind} %w monotonic
  %all = atomicrmw {operation} ptr addrspace(1) %total, {kind} %w monotonic
  ret void
}}"""
    ptx = to_ptx(assembly)
    assert "atom.global.add" in ptx or "red." in ptx or "atom.relaxed" in ptx
    launch(ptx, "k", [bins, total], grid=1, block=40)
    same_bits(bins, np.array([sum(range(k, 40, 4)) for k in range(4)], dtype))
    same_bits(total, np.array([sum(range(40))], dtype))


def test_instructions_are_counted():
    """Each round of a loop costs the same, and threads outside only find out that they are."""
    body = """
  br label %loop
loop:
  %k = phi i32 [ 0, %work ], [ %k1, %loop ]
  %f = phi float [ 1.0, %work ], [ %f1, %loop ]
  %g = fmul float %f, %f
  %f1 = fadd float %g, -1.5
  %k1 = add i32 %k, 1
  %more = icmp slt i32 %k1, %x0
  br i1 %more, label %loop, label %end1
end1:
  %result = fadd float %f1, 0.0"""
    rounds = np.arange(1, 41, dtype=np.int32) * 16
    ptx = to_ptx(elementwise(body, ["i32"], "float"))
    arrays = [rounds, np.zeros(40, np.float32), np.array([40], np.int32)]
    counts = counted(ptx, "k", arrays, grid=2, block=32)
    assert counts.dtype == np.int64 and counts.shape == (64,)
    steps = np.diff(counts[:40])
    assert (steps == steps[0]).all() and 16 * 2 <= steps[0] <= 16 * 6
    assert (counts[40:] == counts[63]).all() and counts[63] < 15
