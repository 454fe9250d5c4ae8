"""SciPy: LSODA through `odeint`, Radau or BDF through `solve_ivp`; one patient after the other, on one core.

The rates are compiled by Numba where there are many.

`python -m benchmarks.peers.scipy_peer --problem hires --variant lsoda` prints one row as JSON.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from benchmarks.equations import Names, python_rates
from benchmarks.measure import Request, Row, loosest_tolerance, median_run, peer_main
from benchmarks.problem import ATOL_PER_RTOL, Patients, Problem, count
from benchmarks.problems import PROBLEMS

MOST_STEPS = 1_000_000
COMPILE_FROM = 6  # states
METHODS = {"radau": "Radau", "bdf": "BDF"}


@lru_cache
def rates_of(name: str) -> tuple:
    """Functions (parameters -> constants) and (states, time, constants) -> slopes, for odeint; and whether compiled."""
    problem: Any = PROBLEMS[name]
    prepare, rates = python_rates(problem)
    try:
        import numba
    except ImportError:
        numba = None
    # Handing arguments over costs a compiled function some microseconds: few equations are as fast in Python.
    if numba is None or len(problem.states) < COMPILE_FROM:
        return prepare, lambda x, _, *constants: rates(x.tolist(), constants), False
    unpacked = ", ".join(f"x[{i}]" for i in range(len(problem.states)))
    made: dict[str, Any] = {"rates": numba.njit(rates), "np": np}
    exec(f"def flow(x, t, *constants):\n    return np.array(rates(({unpacked},), constants))", made)
    return prepare, numba.njit(made["flow"]), True


def curves(problem: Problem, patients: Patients, rtol: float, variant: str = "lsoda") -> np.ndarray:
    """Outputs, float64 (output, time, patient)."""
    from scipy.integrate import odeint, solve_ivp

    prepare, flow, _ = rates_of(problem.name)
    atol = ATOL_PER_RTOL * rtol * problem.scales
    grids = []
    for segment in problem.segments():
        grid = np.unique(np.concatenate([[segment.start], problem.times[segment.outputs], [segment.stop]]))
        given = np.array([segment.doses.get(name, 0.0) for name in problem.states])
        grids.append((segment.outputs, grid, given))
    out = np.empty((len(problem.outputs), problem.times.size, count(patients)))
    for patient, row in enumerate(np.stack(list(patients.values()), axis=1).tolist()):
        p = Names({**problem.fixed, **dict(zip(patients, row, strict=True))})
        constants = tuple(map(float, prepare(tuple(row))))
        begin = problem.start(p, None)
        x = np.array([float(begin.get(name, 0.0)) for name in problem.states])
        for wanted, grid, given in grids:
            if variant == "lsoda":
                solution = odeint(flow, x + given, grid, constants, rtol=rtol, atol=atol, mxstep=MOST_STEPS).T
            else:
                ends = (grid[0], grid[-1])
                turned = lambda t, x, *constants: flow(x, t, *constants)  # noqa: E731
                found = solve_ivp(turned, ends, x + given, METHODS[variant], grid, args=constants, rtol=rtol, atol=atol)
                solution = found.y
            seen = problem.observe(0.0, Names(dict(zip(problem.states, solution, strict=True))), p, None)
            for i, name in enumerate(problem.outputs):
                out[i, wanted, patient] = seen[name][1 : len(wanted) + 1]
            x = solution[:, -1]
    return out


def row(request: Request) -> Row:
    """One row; float64 inside, whatever the precision of the result."""
    import scipy  # noqa: F401  (its absence is a note)

    problem, checked, variant = request.problem, request.checked, request.variant
    if variant not in ("lsoda", *METHODS):
        raise ValueError(f"scipy has no variant {variant!r} here")

    def error_at(rtol: float) -> float:
        return problem.error(curves(problem, checked, rtol, variant), request.expected)

    rtol = loosest_tolerance(error_at, problem.tolerated(request.precision), "float64")
    error = error_at(rtol)
    run_s = median_run(lambda: curves(problem, request.patients, rtol, variant), request.repeats)
    inside = "compiled by Numba" if rates_of(problem.name)[2] else "in Python"
    note = f"rtol {rtol:.1e}, atol {ATOL_PER_RTOL:g} of that; float64 inside, rates {inside}, one core"
    return request.row(f"scipy {variant}", "cpu x1", run_s=run_s, error=error, note=note)


if __name__ == "__main__":
    peer_main("scipy", row)
