"""Patients in blocks that fit the cache, blocks shared out over the devices."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from kernels.lanes import Unsupported, room, shapes_of, written_over

BLOCK = 256  # patients; fixed, so that a patient's numbers do not depend on who stands beside it
PATIENT = "patient"


@lru_cache(maxsize=1)
def all_devices() -> Mesh:
    """Every device of the default backend in one row."""
    return Mesh(np.asarray(jax.devices()), (PATIENT,))


def rounded(count: int, mesh: Mesh, block: int = BLOCK) -> int:
    """The number of patients, rounded up to whole blocks on every device.

    >>> rounded(1, Mesh(np.asarray(jax.devices()[:1]), (PATIENT,)))
    256
    """
    unit = block * mesh.size
    return -(-count // unit) * unit


class Fold(NamedTuple):
    """Totals over blocks.

    Attributes:
        start: shapes of a block's results -> totals of no blocks.
        add: (totals, the block's patient arrays, its results) -> new totals, and what is made of this block by itself:
            arrays by name with one place for the block on their last axis.
        keep: results by name -> those that are handed out.
    """

    start: Callable[[Any], Any]
    add: Callable[[Any, Any, Any], tuple[Any, dict[str, Any]]]
    keep: Callable[[Any], Any]


NOTHING = Fold(start=lambda shapes: (), add=lambda total, own, results: (total, {}), keep=lambda results: results)


def over_blocks(
    function: Callable[..., dict[str, Any]],
    mesh: Mesh,
    *,
    block: int = BLOCK,
    fold: Fold = NOTHING,
    note: Callable[[str], None] = lambda reason: None,
) -> Callable[..., Any]:
    """A compiled function of many patients from one of a block of them.

    Where `kernels.lanes` can compile the whole function, it goes over all patients of a device by itself; elsewhere
    XLA does, block by block.

    Args:
        function: (patient arrays, shared arrays) -> arrays by name; the patient axis is last in the first argument and
            in all results, and of any length.
        mesh: the devices; each has its own loops, so that none waits for another.
        fold: what is added up over blocks.
        note: told why XLA goes over the blocks.

    Returns:
        the function of any multiple of block * devices patients. With a fold it gives two things: what is kept of and
        made of all blocks, and the totals of every device along a new first axis. A third argument, what an earlier
        call has kept of as many patients, is written over, which saves the system handing out fresh memory.
    """
    # Traced once, however often its shapes are asked for.
    function = jax.jit(function)

    def begin(own: Any, shared: Any) -> Any:
        """Totals of no blocks."""
        return fold.start(shapes_of(function, own, shared, block))

    def kept_shapes(own: Any, shared: Any) -> dict[str, jax.ShapeDtypeStruct]:
        """What is kept of a device's patients, and what is made of them."""
        patients = _patients(own) // mesh.size
        first = jax.tree.map(lambda x: jax.ShapeDtypeStruct((*x.shape[:-1], block), x.dtype), own)
        if fold is NOTHING:
            return shapes_of(function, own, shared, patients)
        total = jax.eval_shape(lambda: begin(own, shared))
        made = jax.eval_shape(fold.add, total, first, shapes_of(function, own, shared, block))[1]
        made = {k: jax.ShapeDtypeStruct((*x.shape[:-1], patients // block), x.dtype) for k, x in made.items()}
        return {**fold.keep(shapes_of(function, own, shared, patients)), **made}

    def block_of(arrays: Any, i: Any) -> Any:
        return jax.tree.map(lambda x: lax.dynamic_slice_in_dim(x, i * block, block, x.ndim - 1), arrays)

    def written(whole: Any, part: Any, i: Any) -> Any:
        """Put where it belongs at once: stacking blocks and moving the axis would copy everything twice."""
        update = lax.dynamic_update_slice_in_dim
        return jax.tree.map(lambda all, x: update(all, x, i * x.shape[-1], x.ndim - 1), whole, part)

    def by_lanes(own: Any, shared: Any, into: dict[str, Any]) -> tuple[dict[str, Any], Any]:
        """Everyone at once, then the blocks' totals."""
        if fold is NOTHING:
            return written_over(function, own, shared, into), ()
        names = shapes_of(function, own, shared, block)
        results = written_over(function, own, shared, {name: into.get(name) for name in names})

        def one(i: Any, carried: Any) -> Any:
            made, total = carried
            total, new = fold.add(total, block_of(own, i), block_of(results, i))
            return written(made, new, i), total

        made = {name: array for name, array in into.items() if name not in names}
        made, total = lax.fori_loop(0, _patients(own) // block, one, (made, begin(own, shared)))
        return {**fold.keep(results), **made}, total

    def by_xla(own: Any, shared: Any, into: dict[str, Any]) -> tuple[dict[str, Any], Any]:
        """Block by block, each added up while its results are in the cache."""

        def one(i: Any, carried: Any) -> Any:
            whole, total = carried
            mine = block_of(own, i)
            results = function(mine, shared)
            total, made = fold.add(total, mine, results)
            return written(whole, fold.keep(results) | made, i), total

        return lax.fori_loop(0, _patients(own) // block, one, (into, begin(own, shared)))

    def on_device(own: Any, shared: Any, into: dict[str, Any]) -> Any:
        try:
            whole, total = by_lanes(own, shared, into)
        except Unsupported as problem:
            note(str(problem))
            whole, total = by_xla(own, shared, into)
        return whole, jax.tree.map(lambda x: x[None], total)

    def last_axis(x: Any) -> PartitionSpec:
        return PartitionSpec(*([None] * (x.ndim - 1)), PATIENT)

    @partial(jax.jit, donate_argnums=2)
    def everyone(own: Any, shared: Any, into: dict[str, Any]) -> Any:
        kept, total = jax.tree.map(last_axis, into), jax.eval_shape(lambda: begin(own, shared))
        return jax.shard_map(
            on_device,
            mesh=mesh,
            in_specs=(jax.tree.map(last_axis, own), jax.tree.map(lambda _: PartitionSpec(), shared), kept),
            out_specs=(kept, jax.tree.map(lambda _: PartitionSpec(PATIENT), total)),
            check_vma=False,
        )(own, shared, into)

    @jax.jit
    def fresh(own: Any, shared: Any) -> dict[str, Any]:
        """New arrays for what is kept."""
        shapes = kept_shapes(own, shared)
        here = lambda: jax.tree.map(lambda x: room(x.shape, x.dtype), shapes)  # noqa: E731
        specs = jax.tree.map(last_axis, shapes)
        return jax.shard_map(here, mesh=mesh, in_specs=(), out_specs=specs, check_vma=False)()

    def call(own: Any, shared: Any, into: Any = None) -> Any:
        found = everyone(own, shared, fresh(own, shared) if into is None else into)
        return found[0] if fold is NOTHING else found

    return call


def _patients(own: Any) -> int:
    return jax.tree.leaves(own)[0].shape[-1]


def spread(array: Any, mesh: Mesh) -> Any:
    """An array whose last axis is shared out over the devices."""
    specification = PartitionSpec(*([None] * (np.ndim(array) - 1)), PATIENT)
    return jax.device_put(array, NamedSharding(mesh, specification))
