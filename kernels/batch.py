"""Patients in blocks that fit the cache, blocks shared out over the devices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from kernels.lanes import Unsupported, Whole, room

BLOCK = 256  # patients; fixed, so that a patient's numbers do not depend on who stands beside it
PATIENT = "patient"


def blocks_at_once(patients: int, block: int = BLOCK) -> int:
    """Blocks that XLA computes together: one, which fits the cache of a core, or all of them, which fill a GPU."""
    return 1 if jax.default_backend() == "cpu" else patients // block


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
        add: (totals, patient arrays of some blocks, their results) -> new totals, and what is made of these blocks by
            themselves: arrays by name.
        keep: results by name -> those that are handed out.
    """

    start: Callable[[Any], Any]
    add: Callable[[Any, Any, Any], tuple[Any, dict[str, Any]]]
    keep: Callable[[Any], Any]


NOTHING = Fold(start=lambda shapes: (), add=lambda total, own, results: (total, {}), keep=lambda results: results)


class OverBlocks:
    """A compiled function of many patients from one of a block of them.

    Where `kernels.lanes` can compile the whole function, it goes over all patients of a device by itself; elsewhere
    XLA does, block by block.

    Called with (patient arrays, shared arrays) it gives what the function gives, for any multiple of block * devices
    patients. With a fold it gives two things: what is kept of and made of all blocks, and the totals of every device
    along a new first axis. A third argument, what an earlier call has kept of as many patients, is written over, which
    saves the system handing out fresh memory.

    Args:
        function: (patient arrays, shared arrays) -> arrays by name; the patient axis is last in the first argument and
            in all results, and of any length.
        mesh: the devices; each has its own loops, so that none waits for another.
        fold: what is added up over blocks.
        vectors: see `kernels.lanes.host.width`.
        note: told why XLA goes over the blocks.
    """

    def __init__(
        self,
        function: Callable[..., dict[str, Any]],
        mesh: Mesh,
        *,
        block: int = BLOCK,
        fold: Fold = NOTHING,
        vectors: int = 2,
        note: Callable[[str], None] = lambda reason: None,
    ) -> None:
        self.function = Whole(function, vectors)
        self.mesh, self.block, self.fold, self.note = mesh, block, fold, note
        self._everyone, self._fresh = jax.jit(self._on_devices, donate_argnums=2), jax.jit(self._rooms)

    def __call__(self, own: Any, shared: Any, into: Any = None) -> Any:
        found = self._everyone(own, shared, self._fresh(own, shared) if into is None else into)
        return found[0] if self.fold is NOTHING else found

    def shapes(self, own: Any, shared: Any) -> Any:
        """Shapes of the function's results."""
        return self.function.shapes(own, shared, _patients(own))

    def _begin(self, own: Any, shared: Any) -> Any:
        """Totals of no blocks."""
        return self.fold.start(self.function.shapes(own, shared, self.block))

    def _kept(self, own: Any, shared: Any) -> Any:
        """Shapes of what is kept of a device's patients, and of what is made of them."""
        patients, fold = _patients(own) // self.mesh.size, self.fold
        results = self.function.shapes(own, shared, patients)
        if fold is NOTHING:
            return results
        part = self._part(patients)
        first = jax.tree.map(lambda x: jax.ShapeDtypeStruct((*x.shape[:-1], part), x.dtype), own)
        total = jax.eval_shape(lambda: self._begin(own, shared))
        made = jax.eval_shape(fold.add, total, first, self.function.shapes(own, shared, part))[1]

        def of_all(x: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
            return jax.ShapeDtypeStruct((*x.shape[:-1], x.shape[-1] * (patients // part)), x.dtype)

        return fold.keep(results) | {name: of_all(x) for name, x in made.items()}

    def _rooms(self, own: Any, shared: Any) -> Any:
        """New arrays for what is kept."""
        shapes = self._kept(own, shared)
        here = lambda: jax.tree.map(lambda x: room(x.shape, x.dtype), shapes)  # noqa: E731
        specs = jax.tree.map(_last_axis, shapes)
        return jax.shard_map(here, mesh=self.mesh, in_specs=(), out_specs=specs, check_vma=False)()

    def _on_devices(self, own: Any, shared: Any, into: Any) -> Any:
        wanted = jax.tree.map(lambda x: (*x.shape[:-1], x.shape[-1] * self.mesh.size), self._kept(own, shared))
        if jax.tree.map(lambda x: x.shape, into) != wanted:
            raise ValueError("what is to be written over is not what as many patients leave")
        kept, total = jax.tree.map(_last_axis, into), jax.eval_shape(lambda: self._begin(own, shared))
        return jax.shard_map(
            self._on_device,
            mesh=self.mesh,
            in_specs=(jax.tree.map(_last_axis, own), jax.tree.map(lambda _: PartitionSpec(), shared), kept),
            out_specs=(kept, jax.tree.map(lambda _: PartitionSpec(PATIENT), total)),
            check_vma=False,
        )(own, shared, into)

    def _on_device(self, own: Any, shared: Any, into: Any) -> Any:
        try:
            whole, total = self._by_lanes(own, shared, into)
        except Unsupported as problem:
            self.note(str(problem))
            whole, total = self._by_xla(own, shared, into)
        return whole, jax.tree.map(lambda x: x[None], total)

    def _by_lanes(self, own: Any, shared: Any, into: Any) -> tuple[Any, Any]:
        """Everyone at once, then the blocks' totals."""
        if self.fold is NOTHING:
            return self.function.written_over(own, shared, into), ()
        names = self.function.shapes(own, shared, self.block)
        results = self.function.written_over(own, shared, {name: into.get(name) for name in names})

        def one(i: Any, carried: Any) -> Any:
            made, total = carried
            total, new = self.fold.add(total, self._part_of(own, i), self._part_of(results, i))
            return _written(made, new, i), total

        made = {name: array for name, array in into.items() if name not in names}
        made, total = self._over_parts(own, one, (made, self._begin(own, shared)))
        return self.fold.keep(results) | made, total

    def _by_xla(self, own: Any, shared: Any, into: Any) -> tuple[Any, Any]:
        """Part by part, each added up while its results are in the cache."""

        def one(i: Any, carried: Any) -> Any:
            whole, total = carried
            mine = self._part_of(own, i)
            results = self.function(mine, shared)
            total, made = self.fold.add(total, mine, results)
            return _written(whole, self.fold.keep(results) | made, i), total

        return self._over_parts(own, one, (into, self._begin(own, shared)))

    def _over_parts(self, own: Any, one: Callable[[Any, Any], Any], carried: Any) -> Any:
        return lax.fori_loop(0, _patients(own) // self._part(_patients(own)), one, carried)

    def _part(self, patients: int) -> int:
        """Patients of a device, out of so many, that XLA computes together."""
        return self.block * blocks_at_once(patients, self.block)

    def _part_of(self, arrays: Any, i: Any) -> Any:
        size = self._part(_patients(arrays))
        return jax.tree.map(lambda x: lax.dynamic_slice_in_dim(x, i * size, size, x.ndim - 1), arrays)


def _written(whole: Any, part: Any, i: Any) -> Any:
    """Put where it belongs at once: stacking parts and moving the axis would copy everything twice."""
    update = lax.dynamic_update_slice_in_dim
    return jax.tree.map(lambda all, x: update(all, x, i * x.shape[-1], x.ndim - 1), whole, part)


def _patients(own: Any) -> int:
    return jax.tree.leaves(own)[0].shape[-1]


def _last_axis(x: Any) -> PartitionSpec:
    return PartitionSpec(*([None] * (x.ndim - 1)), PATIENT)


def on_devices(
    function: Callable[[Any, Any], dict[str, Any]], ranks: Mapping[str, int], mesh: Mesh
) -> Callable[[Any, Any], dict[str, Any]]:
    """(own, shared) -> results, every device for its own patients; no device waits for another.

    Args:
        function: of arrays whose last axis is that of patients, and of arrays that are the same for all.
        ranks: of its results, by name; their last axis is that of patients.
    """
    out = {name: PartitionSpec(*[None] * (rank - 1), PATIENT) for name, rank in ranks.items()}

    def called(own: Any, shared: Any) -> dict[str, Any]:
        specs = (jax.tree.map(_last_axis, own), jax.tree.map(lambda _: PartitionSpec(), shared))
        return jax.shard_map(function, mesh=mesh, in_specs=specs, out_specs=out, check_vma=False)(own, shared)

    return called


def spread(array: Any, mesh: Mesh) -> Any:
    """An array whose last axis is shared out over the devices."""
    return jax.device_put(array, NamedSharding(mesh, _last_axis(array)))
