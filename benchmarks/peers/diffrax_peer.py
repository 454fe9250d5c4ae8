"""Diffrax: `vmap` of three chained solves (one per dose interval) in chunks, on every device of one process.

What else was tried, and how fast it was, stands in benchmarks/README.md.

`python -m benchmarks.peers.diffrax_peer --size 20000` prints one row as JSON.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import cast

import numpy as np

from benchmarks.measure import ATOL_PER_RTOL, INSTALL, Row, loosest_tolerance, median_run, peer_main
from benchmarks.problems.two_compartment_oral import (
    ALLOWED_ERROR,
    DOSE,
    DOSE_TIMES,
    TIMES,
    Problem,
    achieved_error,
    make_problem,
    reference,
    sample,
)

NAME = "diffrax vmap"
CPU_CHUNK = 512  # patients stepping together: enough to fill vectors, few enough to stay in the L2 cache
ACCELERATOR_CHUNK = 131_072
FIRST_STEP = 0.3  # h
MAX_STEPS = 4096


def one_patient():
    """Function (parameters (5,), rtol) -> concentration [mg/L] (time,), for one patient."""
    import diffrax
    import jax
    import jax.numpy as jnp

    edges = (*DOSE_TIMES, float(TIMES[-1]))

    def field(_, amounts, rates):
        depot, central, peripheral = amounts
        ka, k10, k12, k21 = rates
        absorbed, out, back = ka * depot, k12 * central, k21 * peripheral
        return -absorbed, absorbed - k10 * central - out + back, out - back

    def solve(parameters, rtol):
        cl, v1, q, v2, ka = parameters
        rates = (ka, cl / v1, q / v1, q / v2)
        amounts = tuple(jnp.zeros((), parameters.dtype) for _ in range(3))
        pieces = []
        for start, end in zip(edges[:-1], edges[1:], strict=True):
            wanted = jnp.asarray(TIMES[(start < TIMES) & (end >= TIMES)] - start, parameters.dtype)
            solution = diffrax.diffeqsolve(
                diffrax.ODETerm(field),
                diffrax.Tsit5(),
                parameters.dtype.type(0),
                parameters.dtype.type(end - start),
                parameters.dtype.type(FIRST_STEP),
                (amounts[0] + DOSE, amounts[1], amounts[2]),
                rates,
                saveat=diffrax.SaveAt(
                    subs=[
                        diffrax.SubSaveAt(ts=wanted, fn=lambda _, amounts, __: amounts[1]),
                        diffrax.SubSaveAt(t1=True),
                    ]
                ),
                stepsize_controller=diffrax.PIDController(rtol=rtol, atol=ATOL_PER_RTOL * rtol),
                adjoint=diffrax.ForwardMode(),
                max_steps=MAX_STEPS,
                throw=False,
            )
            central, final = cast(tuple, solution.ys)  # one entry per SubSaveAt
            pieces.append(central)
            amounts = jax.tree.map(lambda value: value[0], final)
        return jnp.concatenate(pieces) / v1

    return solve


def compiled(size: int, chunk: int) -> tuple[Callable, Callable]:
    """Functions (place parameters on the devices, solve them): every device works through its own chunks."""
    import jax
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    mesh = Mesh(np.array(jax.devices()), ("patient",))
    by_patient, everywhere = PartitionSpec(None, "patient"), PartitionSpec()
    share = -(-size // mesh.size)
    chunk = min(chunk, share)
    chunks = -(-share // chunk)

    def place(problem: Problem):
        padding = mesh.size * chunks * chunk - problem.size
        parameters = np.pad(problem.parameters.astype(np.float32), ((0, 0), (0, padding)), mode="edge")
        return jax.device_put(parameters, NamedSharding(mesh, by_patient))

    batch = jax.vmap(one_patient(), in_axes=(1, None))

    def local(parameters, rtol):
        blocks = parameters.reshape(5, chunks, chunk).swapaxes(0, 1)
        return jax.lax.map(lambda block: batch(block, rtol), blocks).reshape(chunks * chunk, TIMES.size)

    sharded = jax.shard_map(
        local, mesh=mesh, in_specs=(by_patient, everywhere), out_specs=PartitionSpec("patient"), check_vma=False
    )
    return place, jax.jit(sharded)


def vmap_row(size: int, seed: int, repeats: int) -> Row:
    """One row: finds the tolerance, compiles, times, checks."""
    os.environ["EQX_ON_ERROR"] = "nan"  # as diffrax's own FAQ advises for speed
    try:
        import diffrax  # noqa: F401
        import jax
        import scipy  # noqa: F401  (the reference needs it)
    except ImportError:
        return Row(NAME, "cpu", "float32", size, note=INSTALL)
    jax.config.update("jax_num_cpu_devices", os.cpu_count())
    backend = jax.default_backend()
    chunk = CPU_CHUNK if backend == "cpu" else ACCELERATOR_CHUNK
    problem = make_problem(size, seed)
    checked = sample(problem)
    expected = reference(checked)
    place, solve = compiled(checked.size, chunk)

    def error_at(rtol: float) -> float:
        curves = np.asarray(solve(place(checked), np.float32(rtol)))[: checked.size]
        return achieved_error(curves.T, expected)

    rtol = loosest_tolerance(error_at, ALLOWED_ERROR)
    place, solve = compiled(size, chunk)
    parameters = place(problem)
    start = time.perf_counter()
    ready = solve.lower(parameters, np.float32(rtol)).compile()
    compile_s = time.perf_counter() - start
    run_s = median_run(lambda: ready(parameters, np.float32(rtol)).block_until_ready(), repeats)
    curves = np.asarray(ready(parameters, np.float32(rtol))[: checked.size])
    error = achieved_error(curves.T, expected)
    note = f"rtol {rtol:.1e}, atol {ATOL_PER_RTOL * rtol:.1e} mg; chunks of {chunk}"
    device = f"{backend} x{jax.device_count()}"
    return Row(NAME, device, "float32", size, compile_s, run_s, size / run_s, error, note)


if __name__ == "__main__":
    peer_main({"vmap": vmap_row})
