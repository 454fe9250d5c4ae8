"""Reference solutions in float64 by SciPy, for the problems that have nothing more exact."""

from __future__ import annotations

import numpy as np

from benchmarks.equations import Names, python_rates
from benchmarks.problem import Patients, Problem, count


def by_scipy(
    problem: Problem, patients: Patients, method: str, *, rtol: float = 1e-11, atol: float = 1e-3
) -> np.ndarray:
    """Outputs by `solve_ivp`, from dose to dose.

    Args:
        method: DOP853, Radau, ...
        atol: as a fraction of rtol on each state's scale.

    Returns:
        outputs, float64 (output, time, patient)
    """
    from scipy.integrate import solve_ivp

    prepare, rates = python_rates(problem)
    out = np.empty((len(problem.outputs), problem.times.size, count(patients)))
    segments = problem.segments()
    for patient, row in enumerate(zip(*patients.values(), strict=True)):
        p = Names({**problem.fixed, **dict(zip(patients, map(float, row), strict=True))})
        constants = prepare(tuple(map(float, row)))
        begin = problem.start(p, None)
        x = np.array([float(begin.get(name, 0.0)) for name in problem.states])
        for segment in segments:
            x = x + np.array([segment.doses.get(name, 0.0) for name in problem.states])
            at = np.unique(np.append(problem.times[segment.outputs], segment.stop))
            solution = solve_ivp(
                lambda _, x, constants=constants: rates(x.tolist(), constants),
                (segment.start, segment.stop),
                x,
                method,
                at,
                rtol=rtol,
                atol=atol * rtol * problem.scales,
            )
            if not solution.success:
                raise ArithmeticError(f"the reference of {problem.name} failed: {solution.message}")
            seen = problem.observe(0.0, Names(dict(zip(problem.states, solution.y, strict=True))), p, None)
            for i, name in enumerate(problem.outputs):
                out[i, segment.outputs, patient] = seen[name][: segment.outputs.size]
            x = solution.y[:, -1]
    return out


def by_expm(problem: Problem, patients: Patients) -> np.ndarray:
    """Outputs of a linear problem by SciPy's matrix exponential, carried from stop to stop.

    x(t + h) = expm(A h) x(t);  a dose adds to its state; A from the rates at unit vectors

    Returns:
        outputs, float64 (output, time, patient)
    """
    from scipy.linalg import expm

    size, states = count(patients), len(problem.states)
    p = Names({**problem.fixed, **patients})
    matrix = np.zeros((size, states, states))
    for j, name in enumerate(problem.states):
        unit = Names({other: float(other == name) for other in problem.states})
        slope = problem.rates(0.0, unit, p, None)
        for i, row in enumerate(problem.states):
            matrix[:, i, j] = slope[row]
    propagators: dict[float, np.ndarray] = {}
    x = np.zeros((size, states, 1))
    out = np.empty((len(problem.outputs), problem.times.size, size))
    for segment in problem.segments():
        now = segment.start
        for name, amount in segment.doses.items():
            x[:, problem.states.index(name)] += amount
        for stop, index in [*((problem.times[k], k) for k in segment.outputs), (segment.stop, None)]:
            span = round(float(stop) - now, 9)
            if span > 0 and span not in propagators:
                propagators[span] = expm(matrix * span)
            x = propagators[span] @ x if span > 0 else x
            now = float(stop)
            if index is not None:
                seen = problem.observe(0.0, Names(dict(zip(problem.states, x[:, :, 0].T, strict=True))), p, None)
                for i, name in enumerate(problem.outputs):
                    out[i, index] = seen[name]
    return out
