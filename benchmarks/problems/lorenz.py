"""Lorenz ensembles, as in the papers that time solvers on GPUs: x, y, z at t = 1 for many rho.

    dx/dt = sigma (y - x)        dy/dt = x (rho - z) - y        dz/dt = x y - beta z

sigma = 10, beta = 8/3, rho uniform in 0..21, start (1, 0, 0). With these rho trajectories end at fixed points, so that
an error does not grow without bounds.

Source: Lorenz 1963, J Atmos Sci 20:130, equations 25-27; the ensemble of Utkarsh et al. 2024, Comput Methods Appl Mech
Eng 419:116591, doi:10.1016/j.cma.2023.116591 (1000 steps of 1e-3, or adaptive).
"""

from dataclasses import replace

import numpy as np

from benchmarks.problem import Ours, Patients, Peer, Problem
from benchmarks.reference import by_scipy

FIXED = {"sigma": 10.0, "beta": 8 / 3, "x0": 1.0, "y0": 0.0, "z0": 0.0}
WITH = ("x0", "y0", "z0", "rho")  # what gradients are taken with respect to


def rates(t, x, p, u):
    return {
        "x": p.sigma * (x.y - x.x),
        "y": x.x * (p.rho - x.z) - x.y,
        "z": x.x * x.y - p.beta * x.z,
    }


def observe(t, x, p, u):
    return {"x_end": x.x, "y_end": x.y, "z_end": x.z}


def start(p, u):
    return {"x": p.x0, "y": p.y0, "z": p.z0}


def structure():
    """The equations as a twinsim structure; pure numbers, time in seconds by name only."""
    from twinsim.models.structure import Parameter, Port, State, Structure

    source = "Lorenz 1963, equations 25-27"
    free = (-float("inf"), float("inf"))
    return Structure(
        name="benchmarks/lorenz",
        parameters=(
            Parameter("sigma", "1", FIXED["sigma"], "Prandtl number", source),
            Parameter("beta", "1", FIXED["beta"], "shape of the convection cell", source),
            Parameter("rho", "1", 10.0, "Rayleigh number over its critical value", "assumed"),
            *(Parameter(name, "1", FIXED[name], "where it starts", "assumed", free) for name in WITH[:3]),
        ),
        states=tuple(State(name, "1", "coordinate") for name in ("x", "y", "z")),
        gives=tuple(Port(name, "1", "fraction", "coordinate") for name in ("x_end", "y_end", "z_end")),
        rates=rates,
        outputs=observe,
        start=start,
        time="s",
        source=source,
    )


def sample(size: int, seed: int) -> Patients:
    """rho of each trajectory."""
    return {"rho": 21.0 * np.random.default_rng(seed).random(size)}


def reference(problem: Problem, patients: Patients) -> np.ndarray:
    """SciPy's DOP853."""
    return by_scipy(problem, patients, "DOP853", rtol=1e-13)


adaptive = Problem(
    name="lorenz_adaptive",
    title="Lorenz ensemble, adaptive steps, final state",
    size=524_288,
    ours=(Ours("explicit"), Ours("explicit", "float64")),
    peers=(
        Peer("diffrax", "tsit5"),
        Peer("diffrax", "tsit5", "float64", size=131_072),
        Peer("numba", "tsit5"),
        Peer("numba", "tsit5_lanes"),
        Peer("numba", "tsit5", "float64"),
        Peer("numba", "tsit5_lanes", "float64"),
        Peer("scipy", "lsoda", "float64", size=2_048),
        Peer("mrgsolve", "ode", "float64", size=10_000),
    ),
    allowed=1e-4,
    error_is="largest error of a coordinate as a fraction of the trajectory's largest; float64 to 1e-6",
    counted="trajectories",
    states=("x", "y", "z"),
    outputs=("x_end", "y_end", "z_end"),
    rates=rates,
    observe=observe,
    start=start,
    structure=structure,
    sample=sample,
    fixed=FIXED,
    times=np.array([1.0]),
    reference=reference,
    scale=10.0,
    first_step=0.01,
    per="patient",
    checked=256,
    allowed_float64=1e-6,
)

fixed = replace(
    adaptive,
    name="lorenz_fixed",
    title="Lorenz ensemble, 1000 fixed steps of Tsit5, final state",
    size=131_072,
    ours=(Ours("fixed"), Ours("fixed", "float64")),
    peers=(
        Peer("diffrax", "tsit5_fixed", size=16_384),
        Peer("diffrax", "tsit5_fixed", "float64", size=16_384),
        Peer("numba", "fixed", size=32_768),
        Peer("numba", "fixed_lanes"),
        Peer("numba", "fixed", "float64", size=32_768),
        Peer("numba", "fixed_lanes", "float64"),
    ),
    error_is="largest error of a coordinate as a fraction of the trajectory's largest",
    steps=1000,
)


def gradient_reference(problem: Problem, patients: Patients) -> np.ndarray:
    """d (x + y + z)/d (x0, y0, z0, rho) at t = 1 by the variational equations, with SciPy's DOP853.

    dS/dt = J S + df/dtheta,  S(0) = d start/d theta;  J the Jacobian of the rates

    Returns:
        derivatives, float64 (parameter, 1, patient)
    """
    from scipy.integrate import solve_ivp

    sigma, beta = FIXED["sigma"], FIXED["beta"]

    def slope(_, state, rho):
        x, y, z = state[:3]
        jacobian = np.array([[-sigma, sigma, 0.0], [rho - z, -1.0, -x], [y, x, -beta]])
        growth = jacobian @ state[3:].reshape(3, 4)
        growth[1, 3] += x
        return np.concatenate([[sigma * (y - x), x * (rho - z) - y, x * y - beta * z], growth.ravel()])

    begin = np.concatenate([[1.0, 0.0, 0.0], np.eye(3, 4).ravel()])
    columns = []
    for rho in patients["rho"]:
        end = solve_ivp(slope, (0.0, 1.0), begin, "DOP853", args=(rho,), rtol=1e-12, atol=1e-12).y[:, -1]
        columns.append(end[3:].reshape(3, 4).sum(axis=0))
    return np.array(columns).T[:, None, :]


gradients = replace(
    adaptive,
    name="lorenz_gradients",
    title="gradients of Lorenz trajectories: d (x + y + z)/d (x0, y0, z0, rho) at t = 1",
    size=32_768,
    ours=(Ours("gradient", "float64"),),
    peers=(Peer("diffrax", "gradient", "float64"), Peer("diffrax", "gradient_forward", "float64")),
    allowed=1e-6,
    error_is="largest error of a derivative as a fraction of the trajectory's largest",
    outputs=WITH,
    reference=gradient_reference,
)
