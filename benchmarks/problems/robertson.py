"""Robertson's reaction: three species, rates over nine decades, from 0 to 1e5.

    dy1/dt = -k1 y1 + k3 y2 y3        dy2/dt = k1 y1 - k3 y2 y3 - k2 y2^2        dy3/dt = k2 y2^2

k1 = 0.04, k2 = 3e7, k3 = 1e4, each varied log-normally by 20 % from patient to patient; start (1, 0, 0).

Source: Robertson 1966, in Walsh, Numerical Analysis: An Introduction, Academic Press, p 178; Mazzia and Magherini 2008,
Test Set for Initial Value Problem Solvers, release 2.4, problem ROBER.
"""

import numpy as np

from benchmarks.problem import Ours, Patients, Peer, Problem, log_normal
from benchmarks.reference import by_scipy

TYPICAL = {"k1": 0.04, "k2": 3e7, "k3": 1e4}


def rates(t, x, p, u):
    first, second, third = p.k1 * x.y1, p.k2 * x.y2**2, p.k3 * x.y2 * x.y3
    return {"y1": third - first, "y2": first - third - second, "y3": second}


def observe(t, x, p, u):
    return {"a": x.y1, "b": x.y2, "c": x.y3}


def start(p, u):
    return {"y1": 1.0}


def structure():
    """The equations as a twinsim structure; the species are fractions."""
    from twinsim.models.structure import Parameter, Port, State, Structure

    source = "Robertson 1966; Test Set for IVP Solvers, ROBER"
    return Structure(
        name="benchmarks/robertson",
        parameters=tuple(Parameter(name, "1/s", value, "rate constant", source) for name, value in TYPICAL.items()),
        states=tuple(State(name, "1", "species") for name in ("y1", "y2", "y3")),
        gives=tuple(Port(name, "1", "fraction", "species") for name in ("a", "b", "c")),
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
    name="robertson",
    title="Robertson, final state at 1e5",
    size=100_000,
    ours=(Ours("stiff"), Ours("stiff", "float64")),
    peers=(
        Peer("diffrax", "kvaerno5", size=20_000, tier="stiff"),
        Peer("diffrax", "kvaerno3", size=20_000, tier="stiff"),
        Peer("diffrax", "kvaerno5", "float64", size=20_000, tier="stiff"),
        Peer("diffrax", "kvaerno3", "float64", size=20_000, tier="stiff"),
        Peer("scipy", "lsoda", "float64", size=2_048, tier="stiff"),
        Peer("scipy", "radau", "float64", size=64, tier="stiff"),
        Peer("mrgsolve", "ode", "float64", size=10_000, tier="stiff"),
    ),
    allowed=1e-3,
    error_is="largest error of a species as a fraction of that species",
    counted="trajectories",
    states=("y1", "y2", "y3"),
    outputs=("a", "b", "c"),
    rates=rates,
    observe=observe,
    start=start,
    structure=structure,
    sample=log_normal(TYPICAL, 0.2),
    times=np.array([1e5]),
    reference=reference,
    scale=(1.0, 3e-5, 1.0),
    first_step=1e-4,
    checked=32,
)
