"""Runs PTX kernels on this processor, for tests: PTX becomes LLVM assembly, and that machine code.

Exact where PTX is: nothing is contracted but `fma`. Differs from a GPU in that
- threads run one after the other, so that barriers, shared memory and exchange within warps raise NotImplementedError;
- `.approx` functions are precise, and `.ftz` does not flush;
- NaNs have the bits this processor gives them;
- addresses are not checked, neither their bounds nor their alignment;
- module variables keep what a kernel wrote until it is compiled again.
"""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from tests.kernels.lanes.ptx_arithmetic import HANDLERS as ARITHMETIC
from tests.kernels.lanes.ptx_bits import HANDLERS as BITS
from tests.kernels.lanes.ptx_memory import HANDLERS as MEMORY
from tests.kernels.lanes.ptx_memory import defined
from tests.kernels.lanes.ptx_text import Instruction, Kernel, Label, parse
from tests.kernels.lanes.ptx_values import Values, plain, typed

_HANDLERS = ARITHMETIC | BITS | MEMORY
_TRAPPED = -1
_NUMBER = itertools.count()  # the linker wants each name once
_GRID = """
define void @grid(ptr %parameters, i32 %nctaid, i32 %ntid, ptr %counts) {
  %threads = mul i32 %nctaid, %ntid
  br label %next
next:
  %thread = phi i32 [ 0, %0 ], [ %following, %next ]
  %ctaid = udiv i32 %thread, %ntid
  %tid = urem i32 %thread, %ntid
  %place = getelementptr i64, ptr %counts, i32 %thread
  %count = call i64 @thread(ptr %parameters, i32 %tid, i32 %ntid, i32 %ctaid, i32 %nctaid)
  store i64 %count, ptr %place
  %following = add i32 %thread, 1
  %more = icmp ult i32 %following, %threads
  br i1 %more, label %next, label %end
end:
  ret void
}
"""


def launch(ptx: str, kernel: str, pointers: Sequence[np.ndarray], *, grid: int, block: int) -> None:
    """Runs every thread of a one-dimensional grid, one after the other; arrays are read and written in place."""
    counted(ptx, kernel, pointers, grid=grid, block=block)


def counted(ptx: str, kernel: str, pointers: Sequence[np.ndarray], *, grid: int, block: int) -> np.ndarray:
    """Runs it; the number of PTX instructions each thread executed, those whose predicate was false included.

    Raises:
        NotImplementedError: an instruction is not known, or means nothing for a single thread; its text.
        RuntimeError: a thread reached `trap`.
    """
    run, parameters = _runner(ptx, kernel)
    if len(pointers) != parameters:
        raise ValueError(f"{kernel} takes {parameters} arrays, got {len(pointers)}")
    if not all(array.flags.c_contiguous for array in pointers):
        raise ValueError("arrays must be C-contiguous: they are passed by the address of their first number")
    counts = np.zeros(grid * block, np.int64)
    if counts.size:
        addresses = (ctypes.c_void_p * max(len(pointers), 1))(*(array.ctypes.data for array in pointers))
        run(addresses, grid, block, counts.ctypes.data)
    if (counts == _TRAPPED).any():
        raise RuntimeError(f"{kernel}: trap in thread {int(np.argmax(counts == _TRAPPED))}")
    return counts


def translated(kernel: Kernel) -> str:
    """LLVM assembly whose `grid` runs the kernel."""
    values = _Function(kernel)
    for statement in kernel.body:
        if isinstance(statement, Label):
            values.begin(statement.name)
        else:
            values.instruction(statement)
    values.finish("ret")
    variables = "\n".join(defined(variable) for variable in kernel.variables)
    arguments = "ptr %parameters, i32 %tid, i32 %ntid, i32 %ctaid, i32 %nctaid"
    lines = "\n".join(_entry(kernel) + values.lines)
    helpers = "\n".join(values.helpers.values())
    return f"{variables}\n\ndefine internal i64 @thread({arguments}) {{\n{lines}\n}}\n{helpers}\n{_GRID}"


def _entry(kernel: Kernel) -> list[str]:
    """Memory for registers, zero at first as the compiler may read what it never wrote; stacks are full of NaNs."""
    lines = ["  %count = alloca i64", "  store i64 0, ptr %count"]
    for name, kind in kernel.registers.items():
        stored = typed(plain(kind))
        lines += [f'  %"{name}" = alloca {stored}', f'  store {stored} 0, ptr %"{name}"']
    for array in kernel.local:
        size = array.count * int(array.kind[1:]) // 8
        lines.append(f'  %"&{array.name}" = alloca [{size} x i8], align {array.align}')
        lines.append(f'  call void @llvm.memset.p0.i64(ptr %"&{array.name}", i8 -1, i64 {size}, i1 false)')
    for place, name in enumerate(kernel.parameters):
        lines.append(f'  %"&{name}" = getelementptr i8, ptr %parameters, i64 {8 * place}')
    return lines


class _Function(Values):
    """Blocks and branches around the values."""

    def __init__(self, kernel: Kernel):
        super().__init__(kernel)
        self._open = True
        self._since = 0  # instructions not yet counted

    def begin(self, block: str) -> None:
        """The next block, which the one before runs into."""
        if self._open:
            self._count()
            self.emit(f'br label %"{block}"')
        self.lines.append(f'"{block}":')
        self._open = True

    def _count(self) -> None:
        if self._since:
            total = self.binary("add", "b64", self.new("load i64, ptr %count"), str(self._since))
            self.emit(f"store i64 {total}, ptr %count")
        self._since = 0

    def finish(self, how: str) -> None:
        """The thread ends here, if it comes here at all."""
        if self._open:
            self._count()
            self.emit(f"ret i64 {self.new('load i64, ptr %count') if how != 'trap' else _TRAPPED}")
        self._open = False

    def instruction(self, i: Instruction) -> None:
        if not self._open:  # after a jump, before a label: never reached
            self.begin(self.name("dead"))
        self._since += 1
        try:
            if i.guard:
                self._guarded(i)
            else:
                self._plain(i)
        except (KeyError, ValueError, IndexError, NotImplementedError) as error:
            raise NotImplementedError(i.text) from error

    def _guarded(self, i: Instruction) -> None:
        self._count()
        condition, do, after = self.read(i.guard, "pred"), self.name("do"), self.name("after")
        self.emit(f'br i1 {condition}, label %"{do}", label %"{after}"')
        self._open = False
        self.begin(do)
        self._plain(i)
        self.begin(after)

    def _plain(self, i: Instruction) -> None:
        if i.opcode in ("ret", "exit", "trap"):
            self.finish(i.opcode)
        elif i.opcode == "bra":
            self._count()
            self.emit(f'br label %"{i.operands[0]}"')
            self._open = False
        elif i.opcode == "brx":
            self._indexed(i)
        else:
            _HANDLERS[i.opcode](self, i)

    def _indexed(self, i: Instruction) -> None:
        """A branch by number; a number without a place to go is an error."""
        self._count()
        index, lost = self.read(i.operands[0], "u32"), self.name("lost")
        cases = " ".join(f'i32 {k}, label %"{to}"' for k, to in enumerate(self.kernel.targets[i.operands[1]]))
        self.emit(f'switch i32 {index}, label %"{lost}" [{cases}]')
        self._open = False
        self.begin(lost)
        self.finish("trap")


@cache
def _machine() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features().flatten()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features, opt=1, reloc="pic", codemodel="small", jit=True
    )


@cache
def _linker() -> Any:
    return llvm.create_lljit_compiler(_machine(), use_jit_link=True)


def compiled(assembly: str, name: str, *arguments: Any) -> Any:
    """A function of LLVM assembly that returns nothing, with the types of its arguments."""
    module = llvm.parse_assembly(assembly)
    module.triple, module.data_layout = _machine().triple, str(_machine().target_data)
    module.verify()
    builder = llvm.create_pass_builder(_machine(), llvm.create_pipeline_tuning_options(speed_level=1))
    builder.getModulePassManager().run(module, builder)
    library = llvm.JITLibraryBuilder().add_object_img(_machine().emit_object(module)).add_current_process()
    loaded = library.export_symbol(name).link(_linker(), f"ptx_{next(_NUMBER)}")
    function = ctypes.CFUNCTYPE(None, *arguments)(loaded[name])
    setattr(function, "library", loaded)  # noqa: B010 (machine code lives as long as this; ctypes does not say so)
    return function


@lru_cache(maxsize=64)
def _runner(ptx: str, kernel: str) -> tuple[Any, int]:
    """What runs a grid, and how many arrays it takes."""
    parsed = parse(ptx, kernel)
    arguments = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int32, ctypes.c_void_p
    return compiled(translated(parsed), "grid", *arguments), len(parsed.parameters)
