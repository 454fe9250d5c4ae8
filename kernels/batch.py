"""Patients in blocks that fit the cache, blocks shared out over the devices."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

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
        blocks, and the totals of every device along a new first axis.
    """
    # Traced once, however often its shapes are asked for.
    function = jax.jit(function)

    def on_device(own: Any, shared: Any) -> Any:
        def part(i: Any, total: Any) -> Any:
            mine = jax.tree.map(lambda x: lax.dynamic_slice_in_dim(x, i * block, block, x.ndim - 1), own)
            return fold.add(total, mine, function(mine, shared))

        blocks = jax.tree.leaves(own)[0].shape[-1] // block
        first = jax.tree.map(lambda x: x[..., :block], own)
        begin = fold.start(jax.eval_shape(function, first, shared))
        shapes = jax.eval_shape(part, 0, begin)[1]
        whole = jax.tree.map(lambda x: lax.empty((*x.shape[:-1], blocks * x.shape[-1]), x.dtype), shapes)

        def one(i: Any, carried: Any) -> Any:
            whole, total = carried
            total, kept = part(i, total)
            # Written where they belong at once: stacking blocks and moving the axis would copy everything twice.
            update = lax.dynamic_update_slice_in_dim
            return jax.tree.map(lambda all, x: update(all, x, i * x.shape[-1], x.ndim - 1), whole, kept), total

        whole, total = lax.fori_loop(0, blocks, one, (whole, begin))
        return whole, jax.tree.map(lambda x: x[None], total)

    def last_axis(x: Any) -> PartitionSpec:
        return PartitionSpec(*([None] * (x.ndim - 1)), PATIENT)

    @jax.jit
    def all_blocks(own: Any, shared: Any) -> Any:
        first = jax.tree.map(lambda x: x[..., :block], own)
        shapes = jax.eval_shape(function, first, shared)
        total = jax.eval_shape(lambda: fold.start(shapes))
        kept = jax.eval_shape(lambda *x: fold.add(*x)[1], total, first, shapes)
        found = jax.shard_map(
            on_device,
            mesh=mesh,
            in_specs=(jax.tree.map(last_axis, own), jax.tree.map(lambda _: PartitionSpec(), shared)),
            out_specs=(jax.tree.map(last_axis, kept), jax.tree.map(lambda _: PartitionSpec(PATIENT), total)),
            check_vma=False,
        )(own, shared)
        return found[0] if fold is NOTHING else found

    return all_blocks


def spread(array: Any, mesh: Mesh) -> Any:
    """An array whose last axis is shared out over the devices."""
    specification = PartitionSpec(*([None] * (np.ndim(array) - 1)), PATIENT)
    return jax.device_put(array, NamedSharding(mesh, specification))
