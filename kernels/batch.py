"""Patients in blocks that fit the cache, blocks shared out over the devices."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from kernels.lanes import room

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
    """Totals over blocks, made while each block's results are in the cache.

    Attributes:
        start: shapes of a block's results -> totals of no blocks.
        add: (totals, the block's patient arrays, its results) -> new totals, and what is kept of the results: arrays
            whose last axis is the patients', or has one place for the block.
    """

    start: Callable[[Any], Any]
    add: Callable[[Any, Any, Any], tuple[Any, Any]]


NOTHING = Fold(lambda shapes: (), lambda total, own, results: (total, results))


def over_blocks(
    function: Callable[..., Any], mesh: Mesh, *, block: int = BLOCK, fold: Fold = NOTHING
) -> Callable[..., Any]:
    """A compiled function of many patients from one of a block of them.

    Args:
        function: (patient arrays, shared arrays) -> arrays; both pytrees; the patient axis is last in the first
            argument and in all results.
        mesh: the devices; each has its own loops, so that none waits for another.
        fold: what is added up over blocks.

    Returns:
        the function of any multiple of block * devices patients. With a fold it gives two things: what is kept of all
        blocks, and the totals of every device along a new first axis. A third argument, what an earlier call has kept
        of as many patients, is written over, which saves the system handing out fresh memory.
    """
    # Traced once, however often its shapes are asked for.
    function = jax.jit(function)

    def kept_shapes(own: Any, shared: Any, total: Any) -> Any:
        """Shapes of what is kept of a block."""
        first = jax.tree.map(lambda x: jax.ShapeDtypeStruct((*x.shape[:-1], block), x.dtype), own)
        return jax.eval_shape(lambda o, s, t: fold.add(t, o, function(o, s))[1], first, shared, total)

    def totals(own: Any, shared: Any) -> Any:
        first = jax.tree.map(lambda x: jax.ShapeDtypeStruct((*x.shape[:-1], block), x.dtype), own)
        shapes = jax.eval_shape(function, first, shared)
        return jax.eval_shape(lambda: fold.start(shapes)), shapes

    def on_device(own: Any, shared: Any, whole: Any) -> Any:
        def part(i: Any, total: Any) -> Any:
            mine = jax.tree.map(lambda x: lax.dynamic_slice_in_dim(x, i * block, block, x.ndim - 1), own)
            return fold.add(total, mine, function(mine, shared))

        def one(i: Any, carried: Any) -> Any:
            whole, total = carried
            total, kept = part(i, total)
            # Written where they belong at once: stacking blocks and moving the axis would copy everything twice.
            update = lax.dynamic_update_slice_in_dim
            return jax.tree.map(lambda all, x: update(all, x, i * x.shape[-1], x.ndim - 1), whole, kept), total

        begin = fold.start(totals(own, shared)[1])
        blocks = jax.tree.leaves(own)[0].shape[-1] // block
        whole, total = lax.fori_loop(0, blocks, one, (whole, begin))
        return whole, jax.tree.map(lambda x: x[None], total)

    def last_axis(x: Any) -> PartitionSpec:
        return PartitionSpec(*([None] * (x.ndim - 1)), PATIENT)

    @partial(jax.jit, donate_argnums=2)
    def all_blocks(own: Any, shared: Any, into: Any) -> Any:
        total, _ = totals(own, shared)
        kept = jax.tree.map(last_axis, into)
        return jax.shard_map(
            on_device,
            mesh=mesh,
            in_specs=(jax.tree.map(last_axis, own), jax.tree.map(lambda _: PartitionSpec(), shared), kept),
            out_specs=(kept, jax.tree.map(lambda _: PartitionSpec(PATIENT), total)),
            check_vma=False,
        )(own, shared, into)

    @jax.jit
    def fresh(own: Any, shared: Any) -> Any:
        """New arrays for what is kept."""
        shapes = kept_shapes(own, shared, totals(own, shared)[0])
        blocks = jax.tree.leaves(own)[0].shape[-1] // block // mesh.size

        def here() -> Any:
            return jax.tree.map(lambda x: room((*x.shape[:-1], blocks * x.shape[-1]), x.dtype), shapes)

        specs = jax.tree.map(last_axis, shapes)
        return jax.shard_map(here, mesh=mesh, in_specs=(), out_specs=specs, check_vma=False)()

    def call(own: Any, shared: Any, into: Any = None) -> Any:
        found = all_blocks(own, shared, fresh(own, shared) if into is None else into)
        return found[0] if fold is NOTHING else found

    return call


def spread(array: Any, mesh: Mesh) -> Any:
    """An array whose last axis is shared out over the devices."""
    specification = PartitionSpec(*([None] * (np.ndim(array) - 1)), PATIENT)
    return jax.device_put(array, NamedSharding(mesh, specification))
