"""Numba: the best loops we could write, compiled for this processor, on all its cores.

`python -m benchmarks.peers.numba_peer --problem robertson --variant tsit5` prints one row as JSON.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from benchmarks.measure import Request, Row, loosest_tolerance, median_run, peer_main
from benchmarks.problem import ATOL_PER_RTOL, Patients, Problem, count

LANES = 128  # patients to a block: the rows of a few states stay in the first-level cache
WIDE_LANES = 32  # of systems with many states
Fill = Callable[[np.ndarray, float], None]  # (results (output, time, patient), rtol)


def prefer_widest_vectors() -> None:
    """Lets LLVM use 512-bit registers where the processor has them; must come before Numba is imported."""
    if platform.machine() not in ("x86_64", "AMD64") or "NUMBA_CPU_FEATURES" in os.environ:
        return
    from llvmlite import binding

    os.environ["NUMBA_CPU_NAME"] = binding.get_host_cpu_name()
    os.environ["NUMBA_CPU_FEATURES"] = binding.get_host_cpu_features().flatten() + ",-prefer-256-bit"


@lru_cache
def compiled(name: str, precision: str, lanes: int, fixed: bool) -> Callable:
    """The loop for one problem."""
    from benchmarks.peers.numba_source import Source
    from benchmarks.problems import PROBLEMS

    problem: Any = PROBLEMS[name]
    made: dict[str, Any] = {}
    exec(Source(problem, precision, lanes, fixed).text(), made)
    return made["curves"]


def stops_of(problem: Problem, precision: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Time from each stop to the one before (stop), its output or -1 (stop), amounts given (stop, state)."""
    found = [(float(time), index, {}) for index, time in enumerate(problem.times)]
    found += [(segment.start, -1, segment.doses) for segment in problem.segments() if segment.doses]
    # At one time the output counts before the dose, as everywhere here.
    found.sort(key=lambda stop: (stop[0], stop[1] < 0))
    spans = np.diff([0.0, *(time for time, _, _ in found)]).astype(precision)
    amounts = [[given.get(name, 0.0) for name in problem.states] for _, _, given in found]
    return spans, np.array([index for _, index, _ in found]), np.array(amounts, precision)


def filler(problem: Problem, patients: Patients, variant: str, precision: str) -> Fill:
    """The variant as a function that fills the results.

    Raises:
        ValueError: no such variant.
    """
    parameters = np.stack(list(patients.values()))
    if variant in ("closed", "closed_uniform"):
        return closed_form(problem, parameters, variant)
    kinds = {"tsit5": False, "tsit5_lanes": False, "fixed": True, "fixed_lanes": True}
    if variant not in kinds:
        raise ValueError(f"{problem.name} has no variant {variant!r}")
    many = LANES if len(problem.states) <= 4 else WIDE_LANES
    loop = compiled(problem.name, precision, many if variant.endswith("lanes") else 1, kinds[variant])
    spans, outputs, amounts = stops_of(problem, precision)
    number = np.dtype(precision).type

    def fill(out: np.ndarray, rtol: float) -> None:
        loop(parameters, spans, outputs, amounts, number(rtol), problem.steps, out)

    return fill


def closed_form(problem: Problem, parameters: np.ndarray, variant: str) -> Fill:
    """The closed forms of the two-compartment problem, at any times or on its uniform grid."""
    from benchmarks.peers import numba_closed

    curves = numba_closed.curves if variant == "closed" else numba_closed.uniform_curves
    doses = np.array([dose.time for dose in problem.doses])
    first = np.append(np.searchsorted(problem.times, doses, side="right"), problem.times.size)

    def fill(out: np.ndarray, rtol: float) -> None:
        curves(parameters, problem.times, doses, first, out[0])

    return fill


def empty(problem: Problem, size: int, precision: str) -> np.ndarray:
    """Memory for the result (output, time, patient)."""
    return np.empty((len(problem.outputs), problem.times.size, size), precision)


def row(request: Request) -> Row:
    """One row: compiles, finds the tolerance where the method has one, times, checks."""
    prefer_widest_vectors()
    import numba

    problem, precision = request.problem, request.precision
    few = filler(problem, request.checked, request.variant, precision)
    out = empty(problem, count(request.checked), precision)
    start = time.perf_counter()
    few(out, 1e-3)
    compile_s = time.perf_counter() - start

    def error_at(rtol: float) -> float:
        few(out, rtol)
        return problem.error(out, request.expected)

    rtol = 0.0
    if request.variant.startswith("tsit5"):
        rtol = loosest_tolerance(error_at, problem.tolerated(precision), precision)
    fill = filler(problem, request.patients, request.variant, precision)
    whole = empty(problem, request.size, precision)
    run_s = median_run(lambda: fill(whole, rtol), request.repeats)
    fresh_s = median_run(lambda: fill(empty(problem, request.size, precision), rtol), request.repeats)
    note = f"result memory reused ({request.size / fresh_s:,.0f} into fresh memory)"
    if rtol:
        note = f"rtol {rtol:.1e}, atol {ATOL_PER_RTOL:g} of that; {note}"
    error = problem.error(whole[..., : count(request.checked)], request.expected)
    device = f"cpu x{numba.get_num_threads()}"
    return request.row(f"numba {request.variant}", device, compile_s=compile_s, run_s=run_s, error=error, note=note)


if __name__ == "__main__":
    peer_main("numba", row)
