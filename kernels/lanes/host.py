"""Lanes of this processor: LLVM assembly compiled for it, and told to XLA."""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from threading import Lock
from typing import Any, Protocol

import jax

from kernels.lanes.door import module_of, nothing

try:
    import llvmlite.binding as llvm
except ImportError:  # the XLA way does everything, only slower
    llvm = None

_LOCK = Lock()
_LOADED: list[Any] = []  # what is compiled must outlive every program that calls it


def missing() -> str:
    """Why lanes cannot be used here; empty if they can."""
    return "" if llvm is not None else "llvmlite is not installed (pip install llvmlite)"


@cache
def width(size: int = 4, vectors: int = 2) -> int:
    """Patients per group: two vectors, so that one computes while the other waits for its operands.

    Two were 1.3 times as fast as one, and four no faster than two (tier explicit, two compartments, AVX-512). With
    tangents one is best: four directions of Lorenz trajectories in float64 took 1.4 times as long with two, 1.9 times
    with four.

    Args:
        size: bytes of the numbers most of the work is done in.
    """
    assert llvm is not None
    features = llvm.get_host_cpu_features()
    bits = 512 if features.get("avx512f") else 256 if features.get("avx2") else 128
    return vectors * bits // (8 * size)


def _features() -> str:
    assert llvm is not None
    return llvm.get_host_cpu_features().flatten()


@lru_cache(maxsize=1)
def _machine() -> Any:
    assert llvm is not None
    # Putting neighbouring stores together takes time with the square of a block's length, and finds nothing here: of a
    # whole patient of 95 states 29 of 49 s, for the same code to the byte.
    llvm.set_option("", "-combiner-store-merging=0")
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(
        # Position-independent and small: constants are then one instruction away.
        cpu=llvm.get_host_cpu_name(), features=_features(), opt=3, reloc="pic", codemodel="small", jit=True
    )  # fmt: skip


@lru_cache(maxsize=1)
def _linker() -> Any:
    """JITLink keeps an object's code and constants together, as relative addresses need it."""
    assert llvm is not None
    return llvm.create_lljit_compiler(_machine(), use_jit_link=True)


class Objects(Protocol):
    """Machine code kept from run to run."""

    def read(self, name: str) -> bytes | None:
        """What was written under a name, whole; None if there is nothing."""
        ...

    def write(self, name: str, code: bytes) -> None:
        """Keep it; may do nothing."""
        ...


_KEPT: list[Objects] = []


def keep_in(objects: Objects) -> None:
    """Keep machine code there from now on."""
    _KEPT[:] = [objects]


def kept(name: str, make: Callable[[], bytes]) -> bytes:
    """Code made in an earlier run, or now."""
    found = _KEPT[0].read(name) if _KEPT else None
    if found is not None:
        return found
    code = make()
    if _KEPT:
        _KEPT[0].write(name, code)
    return code


def machine_code(assembly: str) -> bytes:
    """An object file for this processor, made or found."""
    assert llvm is not None
    machine = _machine()
    made_by = f"{llvm.llvm_version_info} {machine.triple} {llvm.get_host_cpu_name()} {_features()}"
    return kept(
        hashlib.sha256(f"{made_by}\n{assembly}".encode()).hexdigest(),
        lambda: machine.emit_object(optimised(assembly, machine)),
    )


def optimised(assembly: str, machine: Any) -> Any:
    """A module as a machine is to emit it."""
    assert llvm is not None
    module = llvm.parse_assembly(assembly)
    module.triple, module.data_layout = machine.triple, str(machine.target_data)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = False
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return module


def named(assembly: str) -> tuple[str, str]:
    """A name for the function `program` of a module, by which no other is called, and the module with it."""
    name = "lanes_" + hashlib.sha256(assembly.encode()).hexdigest()[:24]
    return name, assembly.replace("@program", f"@{name}")


def aliases(given: Sequence[Any], over: Sequence[Any]) -> dict[int, int]:
    """Which operand is written over by which result, where what is written over stands behind the arguments."""
    results = [i for i, x in enumerate(over) if x is not None]
    return {len(given) + k: i for k, i in enumerate(results)}


def register(assembly: str) -> str:
    """Compile a module and register its door with XLA; the name to call it by."""
    name, assembly = named(assembly)
    with _LOCK:  # JAX may trace in several threads, and XLA takes a name once
        _register(assembly, name)
    return name


@cache
def _register(assembly: str, name: str) -> None:
    assert llvm is not None
    # Symbols beside the code that the program may need (memset, memcpy) are those of this process.
    library = llvm.JITLibraryBuilder().add_object_img(machine_code(assembly)).add_current_process()
    loaded = library.export_symbol(f"{name}_door").link(_linker(), name)
    _LOADED.append(loaded)
    door = loaded[f"{name}_door"]
    capsule = ctypes.pythonapi.PyCapsule_New
    capsule.restype, capsule.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    jax.ffi.register_ffi_target(name, capsule(door, None, None), platform="cpu")


def call(
    jaxpr: Any, group: int, arguments: Sequence[Any], results: Sequence[Any], streamed: bool, over: Sequence[Any]
) -> list[Any]:
    """The results of a program for a whole number of groups of patients.

    Args:
        jaxpr, arguments, streamed: see `kernels.lanes.function.written`.
        results: their shapes.
        over: for each result an array that is written over, or None.

    Raises:
        Unsupported: with what.
    """
    assembly, given = module_of(jaxpr, "program", group, arguments, streamed)
    called = jax.ffi.ffi_call(register(assembly), results, input_output_aliases=aliases(given, over))
    # The program never looks at what is written over.
    return list(called(*given, *(x for x in over if x is not None)))


def room(shape: jax.ShapeDtypeStruct) -> jax.Array:
    """An array with anything in it; XLA's own `empty` is filled with zeros on CPUs."""
    return jax.ffi.ffi_call(register(nothing("program", shape.size * shape.dtype.itemsize)), shape)()
