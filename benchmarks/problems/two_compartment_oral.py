"""Two-compartment oral pharmacokinetics: the job every row of `cohort_pk` does.

    d depot/dt      = -ka depot
    d central/dt    =  ka depot - (cl/v1 + q/v1) central + q/v2 peripheral
    d peripheral/dt =  q/v1 central - q/v2 peripheral
    concentration   =  central / v1

Three doses of 100 mg go into the depot at 0, 24 and 48 h; the concentration is wanted at 100 uniform times up to 72 h,
as float32. Every patient has its own log-normal parameters. The dose times are not on the output grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DOSE = 100.0  # mg
DOSE_TIMES = (0.0, 24.0, 48.0)  # h
TIMES = 0.72 * np.arange(1, 101)  # h (time,)
# Values chosen for the benchmark, of the order seen for oral drugs; they describe no particular drug.
TYPICAL = {"cl": 5.0, "v1": 50.0, "q": 8.0, "v2": 80.0, "ka": 1.2}  # L/h, L, L/h, L, 1/h
OMEGA_SD = 0.3  # of every parameter's logarithm
SAMPLE_SIZE = 512  # patients whose curves are compared with the reference
ALLOWED_ERROR = 1e-4  # of the patient's own Cmax
INTERVALS = len(DOSE_TIMES)


@dataclass(frozen=True)
class Problem:
    """Parameters of `size` patients.

    Args:
        parameters: cl [L/h], v1 [L], q [L/h], v2 [L], ka [1/h], float64 (5, patient)
        seed: the seed they were drawn with
    """

    parameters: np.ndarray
    seed: int = 0

    @property
    def size(self) -> int:
        """How many patients."""
        return self.parameters.shape[1]

    def head(self, size: int) -> Problem:
        """The first `size` patients, as a problem of its own."""
        return Problem(np.ascontiguousarray(self.parameters[:, :size]), self.seed)

    def rates(self) -> np.ndarray:
        """Rate constants ka, k10, k12, k21 [1/h] and v1 [L], float64 (5, patient)."""
        cl, v1, q, v2, ka = self.parameters
        return np.stack([ka, cl / v1, q / v1, q / v2, v1])


def make_problem(size: int, seed: int = 0) -> Problem:
    """Draws the patients; the first ones are the same at every size.

    >>> bool((make_problem(3).parameters == make_problem(9).parameters[:, :3]).all())
    True
    """
    normals = np.random.default_rng(seed).standard_normal((size, len(TYPICAL)))
    typical = np.array(list(TYPICAL.values()))
    return Problem(np.ascontiguousarray((typical * np.exp(OMEGA_SD * normals)).T), seed)


def reference(problem: Problem) -> np.ndarray:
    """Concentrations by SciPy's matrix exponential in float64, carried from stop to stop.

    x(t + h) = expm(A h) x(t);  a dose adds to the depot

    Returns:
        concentration [mg/L], float64 (time, patient)
    """
    from scipy.linalg import expm

    ka, k10, k12, k21, v1 = problem.rates()
    matrix = np.zeros((problem.size, 3, 3))
    matrix[:, 0, 0] = -ka
    matrix[:, 1, 0] = ka
    matrix[:, 1, 1] = -(k10 + k12)
    matrix[:, 1, 2] = k21
    matrix[:, 2, 1] = k12
    matrix[:, 2, 2] = -k21

    propagators: dict[float, np.ndarray] = {}
    amounts = np.zeros((problem.size, 3, 1))
    concentration = np.empty((TIMES.size, problem.size))
    now = 0.0
    # A dose at an output's own time would count after the output; no time of this problem is shared.
    for stop in sorted({*DOSE_TIMES, *TIMES.tolist()}):
        span = round(stop - now, 9)
        if span > 0:
            if span not in propagators:
                propagators[span] = expm(matrix * span)
            amounts = propagators[span] @ amounts
        if stop in DOSE_TIMES:
            amounts[:, 0] += DOSE
        else:
            concentration[np.searchsorted(TIMES, stop)] = amounts[:, 1, 0] / v1
        now = stop
    return concentration


def solve_ivp_reference(problem: Problem) -> np.ndarray:
    """The same by SciPy's DOP853 at rtol 1e-10, restarted at the doses: slow, checks `reference`.

    Returns:
        concentration [mg/L], float64 (time, patient)
    """
    from scipy.integrate import solve_ivp

    edges = (*DOSE_TIMES, TIMES[-1])
    concentration = np.empty((TIMES.size, problem.size))
    for patient, (ka, k10, k12, k21, v1) in enumerate(problem.rates().T):
        matrix = np.array([[-ka, 0.0, 0.0], [ka, -(k10 + k12), k21], [0.0, k12, -k21]])
        amounts = np.zeros(3)
        for start, end in zip(edges[:-1], edges[1:], strict=True):
            amounts[0] += DOSE
            wanted = (start < TIMES) & (end >= TIMES)
            at = np.unique(np.append(TIMES[wanted], end))
            solution = solve_ivp(
                lambda _, x, matrix=matrix: matrix @ x, (start, end), amounts, "DOP853", at, rtol=1e-10, atol=1e-12
            )
            concentration[wanted, patient] = solution.y[1, : wanted.sum()] / v1
            amounts = solution.y[:, -1].copy()
    return concentration


def achieved_error(concentration: np.ndarray, expected: np.ndarray) -> float:
    """Largest error of any output as a fraction of the patient's own Cmax.

    Args:
        concentration: what a solver gave [mg/L] (time, patient)
        expected: `reference` of the same patients [mg/L] (time, patient)
    """
    if not np.isfinite(concentration).all():
        return float("inf")
    scaled = np.abs(concentration.astype(np.float64) - expected) / expected.max(axis=0, keepdims=True)
    return float(scaled.max())


def sample(problem: Problem) -> Problem:
    """The patients whose curves are checked: the first 512, drawn like all others."""
    return problem.head(min(SAMPLE_SIZE, problem.size))
