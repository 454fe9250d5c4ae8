"""JAX's own random numbers: `jax.random.normal`, with one key for all or a key folded for each patient.

`python -m benchmarks.peers.jax_peer --problem random_draws --variant normal_folded` prints one row as JSON.
"""

from __future__ import annotations

import os
import time

import numpy as np

from benchmarks.measure import Request, Row, median_run, peer_main
from benchmarks.problems.random_draws import CHECKED, COUNT, distance


def row(request: Request) -> Row:
    """One row: every device draws for its share of the patients."""
    import jax
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    jax.config.update("jax_num_cpu_devices", os.cpu_count())
    jax.config.update("jax_enable_x64", request.precision == "float64")
    dtype, key = np.dtype(request.precision), jax.random.key(request.seed)
    mesh = Mesh(np.array(jax.devices()), ("patient",))
    size = -(-request.size // mesh.size) * mesh.size

    def folded(ids: jax.Array) -> jax.Array:
        return jax.vmap(lambda one: jax.random.normal(jax.random.fold_in(key, one), (COUNT,), dtype))(ids)

    def together(ids: jax.Array) -> jax.Array:
        return jax.random.normal(jax.random.fold_in(key, ids[0]), (*ids.shape, COUNT), dtype)

    spread = PartitionSpec("patient")
    draw = {"normal": together, "normal_folded": folded}[request.variant]
    program = jax.jit(jax.shard_map(draw, mesh=mesh, in_specs=spread, out_specs=spread, check_vma=False))
    ids = jax.device_put(np.arange(size, dtype=np.uint32), NamedSharding(mesh, spread))
    start = time.perf_counter()
    draws = program(ids).block_until_ready()
    first_s = time.perf_counter() - start
    error = distance(np.asarray(draws[: min(request.size, CHECKED)]))
    run_s = median_run(lambda: program(ids).block_until_ready(), request.repeats)
    own = "a key per patient" if request.variant == "normal_folded" else "one key per device: draws depend on the size"
    device = f"{jax.default_backend()} x{jax.device_count()}"
    name = f"jax {request.variant}"
    return request.row(name, device, compile_s=first_s - run_s, run_s=run_s, error=error, note=own)


if __name__ == "__main__":
    peer_main("jax", row)
