"""Rows of this package: the block program every simulation runs, on parameters that are given."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from benchmarks import lorenz_rows
from benchmarks.measure import Request, Row, loosest_tolerance, median_of_bursts, median_run, refused
from benchmarks.problem import Ours, Patients, Problem, count
from benchmarks.twinsim_block import block_of

TIERS = ("closed", "linear", "explicit", "stiff")
BURST_S = 0.05  # of calls on an accelerator
ADAPTIVE = ("explicit", "stiff", "gradient")


def with_status(solve: Callable) -> Callable[[dict, dict], dict]:
    """The block's function with its status among the outputs."""

    def block(own: dict, shared: dict) -> dict:
        outputs, status = solve(own, shared)
        return {**outputs, "status": status}

    return block


def solver_of(
    problem: Problem, ours: Ours, rtol: float | None, note: Callable[[str], None] = lambda reason: None
) -> Callable[..., dict]:
    """The compiled program: what `placed` returns, and old results that may be written over, -> outputs by name
    (time, patient), which may still be computed when they are returned.

    Args:
        rtol: of the adaptive tiers.
        note: told why XLA goes over the blocks.
    """
    from kernels.batch import OverBlocks, all_devices

    if ours.name == "fixed":
        block, shared = lorenz_rows.fixed_block(problem, ours.precision), {}
    elif ours.name == "gradient":
        block, shared = lorenz_rows.gradient_block(problem, ours.precision, rtol)
    elif ours.name not in TIERS:
        raise ValueError(f"{problem.name} has no row {ours.name!r}")
    else:
        solve, shared = block_of(problem, ours.name, ours.precision, rtol)
        block = with_status(solve)

    program = OverBlocks(block, all_devices(), note=note)
    return lambda own, into=None: program(own, shared, into)


def placed(patients: Patients) -> dict:
    """Parameters on the devices, float64, the last patient repeated up to whole blocks."""
    from kernels.batch import all_devices, rounded, spread

    size = count(patients)
    rows = np.minimum(np.arange(rounded(size, all_devices())), size - 1)
    return {name: spread(values[rows], all_devices()) for name, values in patients.items()}


def values_of(problem: Problem, outputs: dict, size: int) -> np.ndarray:
    """Outputs of the first patients as one array (output, time, patient)."""
    found = np.stack([np.asarray(outputs[name][..., :size]) for name in problem.outputs])
    return found.reshape(len(problem.outputs), problem.times.size, size)


def draws_row(request: Request) -> Row:
    """Random numbers of `kernels.random` for every patient: eight float32 or float64 normals."""
    import jax
    import jax.numpy as jnp

    from benchmarks.problems.random_draws import CHECKED, COUNT, distance
    from kernels import random
    from kernels.batch import OverBlocks, all_devices, rounded, spread

    def block(own: dict, shared: dict) -> dict:
        if request.precision == "float32":
            return {"draws": random.normals(request.seed, "benchmark", COUNT, own["patient"])}
        keys = random.key(request.seed, "benchmark", draw=jnp.arange(COUNT, dtype=jnp.uint32)[:, None])
        return {"draws": random.normal(keys, own["patient"][None, :])}

    ids = spread(np.arange(rounded(request.size, all_devices())), all_devices())
    program = OverBlocks(block, all_devices())
    start = time.perf_counter()
    draws = jax.block_until_ready(program({"patient": ids}, {}))["draws"]
    first_s = time.perf_counter() - start
    error = distance(np.asarray(draws[:, : min(request.size, CHECKED)]))
    del draws
    run_s = median_run(lambda: jax.block_until_ready(program({"patient": ids}, {})), request.repeats)
    return request.row("twinsim draws", device(), compile_s=first_s - run_s, run_s=run_s, error=error)


def device() -> str:
    """Where this package runs, e.g. "cpu x2"."""
    import jax

    return f"{jax.default_backend()} x{jax.device_count()}"


def solved_row(ours: Ours, request: Request) -> Row:
    """One row with equations: finds the tolerance where the tier has one, compiles, times, checks."""
    import jax

    from kernels.status import NAMES

    problem, checked = request.problem, request.checked

    def error_of(outputs: dict) -> float:
        return problem.error(values_of(problem, outputs, count(checked)), request.expected)

    codes: set[int] = set()

    def error_at(rtol: float | None) -> float:
        outputs = solver_of(problem, ours, rtol)(placed(checked))
        codes.clear()
        codes.update(np.unique(np.asarray(outputs.get("status", 0))).tolist())
        return error_of(outputs)

    rtol = request.rtol
    if ours.name in ADAPTIVE and rtol is None:
        try:
            rtol = loosest_tolerance(error_at, problem.tolerated(ours.precision), ours.precision)
        except ValueError as failure:
            raise ValueError(f"{failure} ({', '.join(NAMES[code] for code in sorted(codes))})") from None
    own = placed(request.patients)
    start = time.perf_counter()
    reasons: list[str] = []
    run = solver_of(problem, ours, rtol, reasons.append)
    kept = jax.block_until_ready(run(own))
    first_s = time.perf_counter() - start
    error = error_of(kept)

    def again(count: int) -> None:
        nonlocal kept
        for _ in range(count):
            kept = run(own, kept)
        jax.block_until_ready(kept)

    run_s = median_of_bursts(again, request.repeats, 0.0 if jax.default_backend() == "cpu" else BURST_S)
    del kept
    fresh_s = median_run(lambda: jax.block_until_ready(run(own)), request.repeats)
    note = f"result memory reused ({request.size / fresh_s:,.0f} into fresh memory)"
    note = "; ".join([note, *(f"by XLA: {reason}" for reason in dict.fromkeys(reasons))])
    note = note if rtol is None else f"rtol {rtol:.1e}; {note}"
    return request.row(f"twinsim {ours.name}", device(), compile_s=first_s - run_s, run_s=run_s, error=error, note=note)


def row(ours: Ours, request: Request) -> Row:
    """One row; what this package does not offer, or cannot do, is a note."""
    from twinsim.errors import TwinsimError, UsageError

    request = replace(request, precision=ours.precision)
    try:
        return draws_row(request) if ours.name == "draws" else solved_row(ours, request)
    except UsageError as refusal:
        note = f"not available: {str(refusal).splitlines()[0]}"
    except (TwinsimError, ValueError, ArithmeticError, TypeError, RuntimeError) as failure:
        note = refused(failure)
    return request.row(f"twinsim {ours.name}", device(), note=note)
