"""Numba: the best loops we could write, compiled for this processor, on all its cores.

`python -m benchmarks.peers.numba_peer --variant tsit5 --size 1000000` prints one row as JSON.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.measure import ATOL_PER_RTOL, INSTALL, Row, loosest_tolerance, median_run, peer_main
from benchmarks.problems.two_compartment_oral import (
    ALLOWED_ERROR,
    DOSE_TIMES,
    TIMES,
    Problem,
    achieved_error,
    make_problem,
    reference,
    sample,
)


def prefer_widest_vectors() -> None:
    """Lets LLVM use 512-bit registers where the processor has them; must come before Numba is imported."""
    if platform.machine() not in ("x86_64", "AMD64") or "NUMBA_CPU_FEATURES" in os.environ:
        return
    from llvmlite import binding

    os.environ["NUMBA_CPU_NAME"] = binding.get_host_cpu_name()
    os.environ["NUMBA_CPU_FEATURES"] = binding.get_host_cpu_features().flatten() + ",-prefer-256-bit"


def first_outputs() -> np.ndarray:
    """Index of the first output after each dose, and the number of outputs at the end, int64 (dose + 1,)."""
    return np.append(np.searchsorted(TIMES, DOSE_TIMES, side="right"), TIMES.size)


def closed(problem: Problem, out: np.ndarray) -> None:
    """Closed form at any times into out (time, patient) [mg/L], float32."""
    from benchmarks.peers.numba_closed import curves

    curves(problem.parameters, TIMES, np.array(DOSE_TIMES), first_outputs(), out)


def closed_uniform(problem: Problem, out: np.ndarray) -> None:
    """Closed form on the uniform grid into out (time, patient) [mg/L], float32."""
    from benchmarks.peers.numba_closed import uniform_curves

    uniform_curves(problem.parameters, TIMES, np.array(DOSE_TIMES), first_outputs(), out)


def tsit5(problem: Problem, out: np.ndarray, rtol: float) -> None:
    """Adaptive Tsit5 into out (time, patient) [mg/L], float32."""
    from benchmarks.peers.numba_tsit5 import curves

    stops = sorted([(time, -1) for time in DOSE_TIMES] + [(time, index) for index, time in enumerate(TIMES)])
    spans = np.diff([0.0, *(time for time, _ in stops)]).astype(np.float32)
    outputs = np.array([index for _, index in stops])
    curves(problem.parameters, spans, outputs, np.float32(rtol), np.float32(ATOL_PER_RTOL * rtol), out)


def empty(problem: Problem) -> np.ndarray:
    """Memory for the result, float32 (time, patient)."""
    return np.empty((TIMES.size, problem.size), np.float32)


def timed(name: str, size: int, seed: int, repeats: int, fill: Callable, tuned: bool) -> Row:
    """One row: compiles, finds the tolerance where the method has one, times, checks."""
    try:
        prefer_widest_vectors()
        import numba
        import scipy  # noqa: F401  (the reference needs it)
    except ImportError:
        return Row(name, "cpu", "float32", size, note=INSTALL)
    problem = make_problem(size, seed)
    checked = sample(problem)
    expected = reference(checked)
    start = time.perf_counter()
    fill(checked, empty(checked), *([1e-3] if tuned else []))
    compile_s = time.perf_counter() - start

    settings = []
    if tuned:

        def error_at(rtol: float) -> float:
            out = empty(checked)
            fill(checked, out, rtol)
            return achieved_error(out, expected)

        settings = [loosest_tolerance(error_at, ALLOWED_ERROR)]
    out = empty(problem)
    run_s = median_run(lambda: fill(problem, out, *settings), repeats)
    fresh_s = median_run(lambda: fill(problem, empty(problem), *settings), repeats)
    note = f"result memory reused ({size / fresh_s:,.0f} into fresh memory)"
    if tuned:
        note = f"rtol {settings[0]:.1e}, atol {ATOL_PER_RTOL * settings[0]:.1e} mg; {note}"
    error = achieved_error(out[:, : checked.size], expected)
    return Row(name, f"cpu x{numba.get_num_threads()}", "float32", size, compile_s, run_s, size / run_s, error, note)


VARIANTS = {
    "closed": partial(timed, "numba closed", fill=closed, tuned=False),
    "closed_uniform": partial(timed, "numba closed uniform", fill=closed_uniform, tuned=False),
    "tsit5": partial(timed, "numba tsit5", fill=tsit5, tuned=True),
}

if __name__ == "__main__":
    peer_main(VARIANTS)
