"""Rows of this package: the block program every simulation runs, on parameters that are given."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.measure import Row, loosest_tolerance, median_run
from benchmarks.problems.two_compartment_oral import (
    ALLOWED_ERROR,
    DOSE,
    DOSE_TIMES,
    TIMES,
    Problem,
    achieved_error,
    reference,
    sample,
)

NAMES = ("cl", "v1", "q", "v2", "ka")  # rows of Problem.parameters


def solver_of(tier: str, rtol: float | None) -> Callable[[dict], Any]:
    """The compiled program: what `placed` returns -> concentration (time, patient).

    Args:
        rtol: of tier explicit.
    """
    import jax
    import jax.numpy as jnp

    import twinsim
    from kernels.batch import BLOCK, all_devices, over_blocks
    from twinsim.plan import plan_events
    from twinsim.solve import Problem as Solved
    from twinsim.solve import choose_solver, solve_block

    structure = twinsim.structure("pk/two_compartment_oral")
    doses = twinsim.regimen(DOSE, interval=DOSE_TIMES[1] - DOSE_TIMES[0], count=len(DOSE_TIMES))
    plan = plan_events(doses, structure)
    solved = Solved(structure, choose_solver(structure, tier, rtol=rtol), plan.layout, ("concentration",), uniform=True)
    arrays = {name: jnp.asarray(values) for name, values in plan.arrays.items()}
    arrays["segment"] = jnp.zeros(arrays["time"].shape, jnp.int32)
    shared = {
        "plan": arrays,
        "times": jnp.asarray(TIMES)[:, None],
        "order": jnp.full((TIMES.size, 1), jnp.inf),
        "others": {p.name: jnp.full((1, 1), p.default) for p in structure.parameters if p.name not in NAMES},
    }

    def block(own: dict, shared: dict) -> Any:
        parameters = {**{name: value[None] for name, value in own.items()}, **shared["others"]}
        outputs, _, status = solve_block(
            solved, shared["plan"], parameters, {}, shared["times"], shared["order"], BLOCK
        )
        return {"concentration": outputs["concentration"], "status": status}

    program = over_blocks(block, all_devices())
    return lambda own: jax.block_until_ready(program(own, shared))["concentration"]


def placed(problem: Problem) -> dict:
    """Parameters on the devices, float64, the last patient repeated up to whole blocks."""
    from kernels.batch import all_devices, rounded, spread

    rows = np.minimum(np.arange(rounded(problem.size, all_devices())), problem.size - 1)
    return {name: spread(values[rows], all_devices()) for name, values in zip(NAMES, problem.parameters, strict=True)}


def row(tier: str, repeats: int, problem: Problem) -> Row:
    """One row: finds the tolerance where the tier has one, compiles, times, checks."""
    import jax

    checked = sample(problem)
    expected = reference(checked)

    def error_at(rtol: float | None) -> float:
        curves = np.asarray(solver_of(tier, rtol)(placed(checked)))[:, : checked.size]
        return achieved_error(curves, expected)

    rtol = loosest_tolerance(error_at, ALLOWED_ERROR) if tier == "explicit" else None
    own = placed(problem)
    start = time.perf_counter()
    run = solver_of(tier, rtol)
    curves = run(own)
    first_s = time.perf_counter() - start
    error = achieved_error(np.asarray(curves[:, : checked.size]), expected)
    del curves
    run_s = median_run(lambda: run(own), repeats)
    note = "into fresh memory" if rtol is None else f"rtol {rtol:.1e}; into fresh memory"
    device = f"{jax.default_backend()} x{jax.device_count()}"
    return Row(
        f"twinsim {tier}", device, "float32", problem.size, first_s - run_s, run_s, problem.size / run_s, error, note
    )
