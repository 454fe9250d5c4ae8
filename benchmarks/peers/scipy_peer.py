"""SciPy: LSODA through `odeint`, one patient after the other, on a few hundred of them.

`python -m benchmarks.peers.scipy_peer` prints one row as JSON.
"""

from __future__ import annotations

import numpy as np

from benchmarks.measure import ATOL_PER_RTOL, INSTALL, Row, loosest_tolerance, median_run, peer_main
from benchmarks.problems.two_compartment_oral import (
    ALLOWED_ERROR,
    DOSE,
    DOSE_TIMES,
    SAMPLE_SIZE,
    TIMES,
    Problem,
    achieved_error,
    make_problem,
    reference,
)

NAME = "scipy odeint"


def flow(amounts, _, ka, k10, k12, k21):
    """d depot/dt, d central/dt, d peripheral/dt [mg/h]."""
    depot, central, peripheral = amounts.tolist()
    absorbed, out, back = ka * depot, k12 * central, k21 * peripheral
    return -absorbed, absorbed - k10 * central - out + back, out - back


def curves(problem: Problem, rtol: float) -> np.ndarray:
    """Concentrations [mg/L], float32 (time, patient)."""
    from scipy.integrate import odeint

    edges = (*DOSE_TIMES, TIMES[-1])
    grids = []
    for start, end in zip(edges[:-1], edges[1:], strict=True):
        wanted = (start < TIMES) & (end >= TIMES)
        grids.append((wanted, np.unique(np.concatenate([[start], TIMES[wanted], [end]]))))
    out = np.empty((TIMES.size, problem.size), np.float32)
    for patient, (*rates, v1) in enumerate(problem.rates().T.tolist()):
        amounts = np.zeros(3)
        for wanted, grid in grids:
            amounts[0] += DOSE
            solution = odeint(flow, amounts, grid, tuple(rates), rtol=rtol, atol=ATOL_PER_RTOL * rtol)
            out[wanted, patient] = solution[1 : wanted.sum() + 1, 1] / v1
            amounts = solution[-1].copy()
    return out


def odeint_row(size: int, seed: int, repeats: int) -> Row:
    """One row, measured on at most 512 patients whatever the size of the others."""
    try:
        import scipy  # noqa: F401
    except ImportError:
        return Row(NAME, "cpu", "float32", size, note=INSTALL)
    problem = make_problem(min(size, SAMPLE_SIZE), seed)
    expected = reference(problem)
    rtol = loosest_tolerance(lambda rtol: achieved_error(curves(problem, rtol), expected), ALLOWED_ERROR)
    run_s = median_run(lambda: curves(problem, rtol), repeats)
    error = achieved_error(curves(problem, rtol), expected)
    tolerance = f"rtol {rtol:.1e}, atol {ATOL_PER_RTOL * rtol:.1e} mg"
    note = f"{tolerance}, float64 inside; one core, measured on {problem.size} patients"
    return Row(NAME, "cpu x1", "float32", problem.size, None, run_s, problem.size / run_s, error, note)


if __name__ == "__main__":
    peer_main({"odeint": odeint_row})
