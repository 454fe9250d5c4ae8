"""Lanes: a program of many patients as SIMD code of our own, or as threads of a GPU.

XLA turns a step of an integrator into some two dozen loops over a block of patients, each reading and writing memory.
`lanes` compiles the same JAX program the other way round: for a few patients at a time, one per SIMD lane, the whole
trajectory is one function whose values stay in registers. The program is traced once (`function`), written as LLVM
assembly (`program`, with `elementwise`, `elementary`, `arrays` and `control` for the primitives), compiled by llvmlite
(`host`), and called by XLA as a custom call. On an NVIDIA GPU the same text, one lane wide, is a thread (`nvidia`).

What a program may do: element-wise operations; loops whose question is reduced by `jnp.any` or `jnp.all` over patients
and whose bodies choose by `jnp.where`; rows of arrays by index. Every argument and result has its patient axis last,
or an axis of length 1 there for what is the same for everyone. Anything else runs as XLA compiles it, with a note.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from kernels.lanes import host, nvidia
from kernels.lanes.axis import PATIENTS
from kernels.lanes.function import length, traced
from kernels.lanes.text import Unsupported

__all__ = ["Unsupported", "Whole", "lanes", "leave_to_xla", "room"]

Note = Callable[[str], None]
# Equations from where on one vector is enough: there is always something else to compute while it waits. Of a whole
# patient of 76 states (96,000 equations, float64, AVX-512) LLVM took 7 s in place of 16 s, patients 0.8 of the time; of
# the kidney (20,000) 1.4 s in place of 2.4 s, but patients an eighth more. In between nothing was measured.
LONG = 30_000
_OFF: list[str] = []


def lanes(function: Callable[..., Any], patients: int, note: Note = lambda reason: None) -> Callable[..., Any]:
    """The same function, compiled to lanes where that is possible.

    Derivatives are forward: the tangent program is compiled to lanes as well, all directions of a `vmap` together.

    Args:
        function: of pytrees of arrays whose last axis is `patients` or 1, to such a pytree of (..., patients).
        patients: how many; 1 is left to XLA, which cannot be told from an axis that is the same for everyone.
        note: told why XLA does it after all.

    >>> import jax.numpy as jnp
    >>> double = lanes(lambda x, y: {"sum": x + 2.0 * y}, patients=64)
    >>> float(double(jnp.ones(64), jnp.ones(1))["sum"][5])
    3.0
    """

    def called(*arguments: Any) -> Any:
        if patients == PATIENTS:  # a part of a program that is being compiled to lanes
            return function(*arguments)
        leaves, tree = jax.tree.flatten(arguments)

        def of_leaves(*leaves: Any) -> Any:
            return function(*jax.tree.unflatten(tree, leaves))

        return _differentiable(of_leaves, patients, note)(*leaves)

    return called


def room(shape: tuple[int, ...], dtype: Any) -> jax.Array:
    """An array with anything in it, to be written over; XLA's own `empty` is filled with zeros on CPUs."""
    if missing() or here() is not host:
        return lax.empty(shape, dtype)
    return host.room(jax.ShapeDtypeStruct(shape, dtype))


def here() -> Any:
    """What lanes are compiled for: `kernels.lanes.host` or `kernels.lanes.nvidia`."""
    return host if jax.default_backend() == "cpu" else nvidia


def leave_to_xla(reason: str) -> str:
    """Use no lanes from now on; with an empty reason, use them again. The reason until now."""
    before = "".join(_OFF)
    _OFF[:] = [reason] if reason else []
    return before


def missing() -> str:
    """Why lanes cannot be used here; empty if they can."""
    if _OFF:
        return _OFF[0]
    if jax.default_backend() not in ("cpu", "gpu"):
        return f"lanes are for CPUs and NVIDIA GPUs, and this is a {jax.default_backend()}"
    return here().missing()


def _differentiable(function: Callable[..., Any], patients: int, note: Note, vectors: int = 2) -> Callable[..., Any]:
    """A function of leaves whose tangent program is compiled to lanes too.

    Args:
        vectors: see `host.width`.
    """

    @jax.custom_jvp
    def primal(*leaves: Any) -> Any:
        return _batched(function, patients, note, vectors)(*leaves)

    def pushed(primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        moving = [i for i, t in enumerate(tangents) if not _is_zero(t)]

        def both(*leaves: Any) -> tuple[Any, list[Any]]:
            still, along = leaves[: len(primals)], leaves[len(primals) :]

            def of_moving(*moved: Any) -> Any:
                own = list(still)
                for i, value in zip(moving, moved, strict=True):
                    own[i] = value
                return function(*own)

            values, slopes = jax.jvp(of_moving, tuple(still[i] for i in moving), along)
            # What is no real number has no derivative, and lanes no such thing as an array of nothing.
            return values, [s for s in jax.tree.leaves(slopes) if s.dtype != jax.dtypes.float0]

        # Tangents fill the registers by themselves.
        values, found = _differentiable(both, patients, note, 1)(*primals, *(tangents[i] for i in moving))
        slopes = iter(found)
        return values, jax.tree.map(
            lambda v: next(slopes) if jnp.issubdtype(v.dtype, np.floating) else np.zeros(v.shape, jax.dtypes.float0),
            values,
        )

    primal.defjvp(pushed, symbolic_zeros=True)
    return primal


def _is_zero(tangent: Any) -> bool:
    return isinstance(tangent, jax.custom_derivatives.SymbolicZero) or tangent.dtype == jax.dtypes.float0


def _batched(function: Callable[..., Any], patients: int, note: Note, vectors: int) -> Callable[..., Any]:
    """A function of leaves that `vmap` turns into one program with a leading axis."""

    @jax.custom_batching.custom_vmap
    def plain(*leaves: Any) -> Any:
        return _called(function, leaves, patients, note, vectors)

    @plain.def_vmap
    def together(size: int, batched: Sequence[bool], *leaves: Any) -> tuple[Any, Any]:
        axes = [0 if b else None for b in batched]
        results = _batched(jax.vmap(function, in_axes=axes, axis_size=size), patients, note, vectors)(*leaves)
        return results, jax.tree.map(lambda _: True, results)

    return plain


def _called(function: Callable[..., Any], leaves: Sequence[Any], patients: int, note: Note, vectors: int) -> Any:
    """One call by lanes, or by XLA."""
    reason = missing() or ("one patient does not fill the lanes" if patients == 1 else "")
    if not reason:
        try:
            return _by_lanes(function, leaves, patients, vectors)
        except Unsupported as problem:
            reason = f"lanes cannot do {problem}"
    note(reason)
    return function(*leaves)


def _by_lanes(function: Callable[..., Any], leaves: Sequence[Any], patients: int, vectors: int) -> Any:
    """The call itself; the last group is filled up with copies of the last patient."""
    wide = [leaf.ndim > 0 and leaf.shape[-1] == patients for leaf in leaves]
    program, shapes = traced(function, leaves, wide)
    group = _width(program, shapes, vectors)
    more = -patients % group

    def filled(leaf: Any, own: bool) -> Any:
        if not more or not own:
            return leaf
        return jnp.concatenate([leaf, jnp.broadcast_to(leaf[..., -1:], (*leaf.shape[:-1], more))], axis=-1)

    flat, tree = jax.tree.flatten(shapes)
    wanted = [_of(s, patients + more) for s in flat]
    results = here().call(program, group, [*map(filled, leaves, wide)], wanted, False, [None] * len(flat))
    return jax.tree.unflatten(tree, [result[..., :patients] if more else result for result in results])


def _width(program: Any, shapes: Any, vectors: int) -> int:
    """Patients in a group, by the shortest numbers of the results and the length of the program."""
    sizes = [s.dtype.itemsize for s in jax.tree.leaves(shapes) if jnp.issubdtype(s.dtype, np.floating)]
    return here().width(min(sizes, default=4), 1 if length(program.jaxpr) > LONG else vectors)


def _of(shape: jax.ShapeDtypeStruct, patients: int) -> jax.ShapeDtypeStruct:
    """A shape with the number of patients there are."""
    return jax.ShapeDtypeStruct((*shape.shape[:-1], patients), shape.dtype)


class Whole:
    """(own, shared) -> results of any number of patients, traced once, whatever their number and wherever it is called.

    Args:
        own: arrays whose last axis is that of patients.
        shared: arrays that are the same for all patients, of any shape.
        vectors: see `host.width`.
    """

    def __init__(self, function: Callable[[Any, Any], Any], vectors: int = 2) -> None:
        # One function of leaves for each structure of arguments: JAX remembers programs by functions.
        self.function, self.vectors, self._traced = jax.jit(function), vectors, {}

    def __call__(self, own: Any, shared: Any) -> Any:
        return self.function(own, shared)

    def traced(self, own: Any, shared: Any) -> tuple[Any, Any]:
        """The program for marked patients, and the shapes of its results."""
        leaves, tree = jax.tree.flatten((own, shared))
        wide = len(jax.tree.leaves(own))
        key = (tree, *((x.shape[:-1] if i < wide else x.shape, x.dtype) for i, x in enumerate(leaves)))
        if key not in self._traced:
            of_leaves = lambda *leaves: self.function(*jax.tree.unflatten(tree, leaves))  # noqa: E731
            self._traced[key] = traced(of_leaves, leaves, [i < wide for i in range(len(leaves))])
        return self._traced[key]

    def shapes(self, own: Any, shared: Any, patients: int) -> Any:
        """Of the results for so many patients."""
        return jax.tree.map(lambda s: _of(s, patients), self.traced(own, shared)[1])

    def written_over(self, own: Any, shared: Any, into: Any) -> Any:
        """The results by lanes, without a copy; a multiple of 64 patients, so that rows begin with a cache line.

        Args:
            into: arrays that may be written over, by the results' structure; None in place of one: a new one is made.

        Raises:
            Unsupported: XLA must do it.
        """
        leaves = jax.tree.leaves((own, shared))
        patients = leaves[0].shape[-1]
        if missing() or patients % 64:
            raise Unsupported(missing() or f"{patients} patients")
        program, shapes = self.traced(own, shared)
        flat, tree = jax.tree.flatten(shapes)
        group, wanted = _width(program, shapes, self.vectors), [_of(s, patients) for s in flat]
        return jax.tree.unflatten(tree, here().call(program, group, leaves, wanted, True, tree.flatten_up_to(into)))
