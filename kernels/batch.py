"""Patients in blocks that fit the cache, blocks shared out over the devices."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

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


def over_blocks(function: Callable[..., Any], mesh: Mesh, *, block: int = BLOCK) -> Callable[..., Any]:
    """A compiled function of many patients from one of a block of them.

    Args:
        function: (patient arrays, shared arrays) -> arrays; both pytrees; the patient axis is last in the first
            argument and in all results.
        mesh: the devices; each has its own loops, so that none waits for another.

    Returns:
        the function of any multiple of block * devices patients.
    """

    def on_device(own: Any, shared: Any, shapes: Any) -> Any:
        def part(i: Any) -> Any:
            mine = jax.tree.map(lambda x: lax.dynamic_slice_in_dim(x, i * block, block, x.ndim - 1), own)
            return function(mine, shared)

        patients = jax.tree.leaves(own)[0].shape[-1]
        whole = jax.tree.map(lambda x: lax.empty((*x.shape[:-1], patients), x.dtype), shapes)

        def one(i: Any, whole: Any) -> Any:
            # Written where they belong at once: stacking blocks and moving the axis would copy everything twice.
            return jax.tree.map(
                lambda all, new: lax.dynamic_update_slice_in_dim(all, new, i * block, all.ndim - 1), whole, part(i)
            )

        return lax.fori_loop(0, patients // block, one, whole)

    def last_axis(x: Any) -> PartitionSpec:
        return PartitionSpec(*([None] * (x.ndim - 1)), PATIENT)

    @jax.jit
    def whole(own: Any, shared: Any) -> Any:
        first = jax.tree.map(lambda x: x[..., :block], own)
        shapes = jax.eval_shape(function, first, shared)
        return jax.shard_map(
            lambda own, shared: on_device(own, shared, shapes),
            mesh=mesh,
            in_specs=(jax.tree.map(last_axis, own), jax.tree.map(lambda _: PartitionSpec(), shared)),
            out_specs=jax.tree.map(last_axis, shapes),
            check_vma=False,
        )(own, shared)

    return whole


def spread(array: Any, mesh: Mesh) -> Any:
    """An array whose last axis is shared out over the devices."""
    specification = PartitionSpec(*([None] * (np.ndim(array) - 1)), PATIENT)
    return jax.device_put(array, NamedSharding(mesh, specification))
