"""HIRES, the high irradiance response of a plant: eight species, one fast reaction, to 321.8122.

    dy1 = -k1 y1 + k2 y2 + k6 y3 + oks          dy5 = -(k1 + k5) y5 + k2 (y6 + y7)
    dy2 =  k1 y1 - (k2 + k3) y2                 dy6 = -kp y6 y8 + k4 y4 + k1 y5 - k2 y6 + km y7
    dy3 = -(k6 + k1) y3 + k2 y4 + k5 y5         dy7 =  kp y6 y8 - (k2 + km + ks) y7
    dy4 =  k3 y2 + k1 y3 - (k4 + k2) y4         dy8 = -kp y6 y8 + (k2 + km + ks) y7

Every rate constant varies log-normally by 5 % from patient to patient; start y1 = 1, y8 = 0.0057, others 0.

Source: Schaefer 1975, J Theor Biol 49:53; Mazzia and Magherini 2008, Test Set for Initial Value Problem Solvers,
release 2.4, problem HIRES (constants, and the end point in `END`).
"""

import numpy as np

from benchmarks.problem import Ours, Patients, Peer, Problem, log_normal
from benchmarks.reference import by_scipy

TYPICAL = {
    "k1": 1.71,
    "k2": 0.43,
    "k3": 8.32,
    "k4": 0.69,
    "k5": 0.035,
    "k6": 8.32,
    "kp": 280.0,
    "km": 0.69,
    "ks": 0.69,
    "oks": 0.0007,
}
# Test Set for IVP Solvers, HIRES, reference solution at 321.8122.
END = (
    0.7371312573325668e-3,
    0.1442485726316185e-3,
    0.5888729740967575e-4,
    0.1175651343283149e-2,
    0.2386356198831331e-2,
    0.6238968252742796e-2,
    0.2849998395185769e-2,
    0.2850001604814231e-2,
)
STATES = tuple(f"y{i}" for i in range(1, 9))
OUTPUTS = tuple(f"{name}_end" for name in STATES)


def rates(t, x, p, u):
    fast = p.kp * x.y6 * x.y8
    lost = (p.k2 + p.km + p.ks) * x.y7
    return {
        "y1": -p.k1 * x.y1 + p.k2 * x.y2 + p.k6 * x.y3 + p.oks,
        "y2": p.k1 * x.y1 - (p.k2 + p.k3) * x.y2,
        "y3": -(p.k6 + p.k1) * x.y3 + p.k2 * x.y4 + p.k5 * x.y5,
        "y4": p.k3 * x.y2 + p.k1 * x.y3 - (p.k4 + p.k2) * x.y4,
        "y5": -(p.k1 + p.k5) * x.y5 + p.k2 * (x.y6 + x.y7),
        "y6": -fast + p.k4 * x.y4 + p.k1 * x.y5 - p.k2 * x.y6 + p.km * x.y7,
        "y7": fast - lost,
        "y8": lost - fast,
    }


def observe(t, x, p, u):
    return {f"{name}_end": getattr(x, name) for name in STATES}


def start(p, u):
    return {"y1": 1.0, "y8": 0.0057}


def structure():
    """The equations as a twinsim structure; the species are fractions."""
    from twinsim.models.structure import Parameter, Port, State, Structure

    source = "Schaefer 1975; Test Set for IVP Solvers, HIRES"
    return Structure(
        name="benchmarks/hires",
        parameters=tuple(Parameter(name, "1/s", value, "rate constant", source) for name, value in TYPICAL.items()),
        states=tuple(State(name, "1", "species") for name in STATES),
        gives=tuple(Port(name, "1", "fraction", "species") for name in OUTPUTS),
        rates=rates,
        outputs=observe,
        start=start,
        time="s",
        source=source,
    )


def reference(problem: Problem, patients: Patients) -> np.ndarray:
    """SciPy's Radau."""
    return by_scipy(problem, patients, "Radau", rtol=1e-9)


problem = Problem(
    name="hires",
    title="HIRES, final state at 321.8122",
    size=100_000,
    ours=(Ours("stiff"), Ours("stiff", "float64"), Ours("explicit")),
    peers=(
        Peer("diffrax", "kvaerno5", size=8_192, tier="stiff"),
        Peer("diffrax", "kvaerno5", "float64", size=8_192, tier="stiff"),
        Peer("numba", "tsit5", size=2_048),
        Peer("numba", "tsit5_lanes", size=16_384),
        Peer("scipy", "lsoda", "float64", size=1_024, tier="stiff"),
        Peer("mrgsolve", "ode", "float64", size=5_000, tier="stiff"),
    ),
    allowed=1e-3,
    error_is="largest error of a species as a fraction of that species",
    counted="trajectories",
    states=STATES,
    outputs=OUTPUTS,
    rates=rates,
    observe=observe,
    start=start,
    structure=structure,
    sample=log_normal(TYPICAL, 0.05),
    times=np.array([321.8122]),
    reference=reference,
    scale=(1.0, 0.2, 0.05, 0.4, 0.7, 0.7, 0.0057, 0.0057),
    first_step=1e-4,
    checked=32,
)
