"""POLLU, air pollution: 20 species, 25 reactions, rates over fifteen decades, to 60 min.

Concentrations in ppm; reaction r_i has the constant k_i [1/min, per ppm where two species meet]. Every constant varies
log-normally by 5 % from patient to patient. Start: y2 = 0.2, y4 = 0.04, y7 = 0.1, y8 = 0.3, y9 = 0.01, y17 = 0.007.

Source: Verwer 1994, SIAM J Sci Comput 15:1243, table 1; Mazzia and Magherini 2008, Test Set for Initial Value Problem
Solvers, release 2.4, problem POLLU (constants, and the end point in `END`).
"""

import numpy as np

from benchmarks.problem import Ours, Patients, Peer, Problem, log_normal
from benchmarks.reference import by_scipy

# fmt: off
RATE_CONSTANTS = (
    0.35, 26.6, 1.23e4, 8.6e-4, 8.2e-4, 1.5e4, 1.3e-4, 2.4e4, 1.65e4, 9e3, 0.022, 1.2e4, 1.88, 1.63e4, 4.8e6, 3.5e-4,
    0.0175, 1e8, 4.44e11, 1240.0, 2.1, 5.78, 0.0474, 1780.0, 3.12,
)
# Test Set for IVP Solvers, POLLU, reference solution at 60 min.
END = (
    0.5646255480022769e-01, 0.1342484130422339e+00, 0.4139734331099427e-08, 0.5523140207484359e-02,
    0.2018977262302196e-06, 0.1464541863493966e-06, 0.7784249118997964e-01, 0.3245075353396018e+00,
    0.7494013383880406e-02, 0.1622293157301561e-07, 0.1135863833257075e-07, 0.2230505975721359e-02,
    0.2087162882798630e-03, 0.1396921016840158e-04, 0.8964884856898295e-02, 0.4352846369330103e-17,
    0.6899219696263405e-02, 0.1007803037365946e-03, 0.1772146513969984e-05, 0.5682943292316392e-04,
)
# fmt: on
TYPICAL = {f"k{i}": value for i, value in enumerate(RATE_CONSTANTS, 1)}
BEGIN = {"y2": 0.2, "y4": 0.04, "y7": 0.1, "y8": 0.3, "y9": 0.01, "y17": 0.007}
STATES = tuple(f"y{i}" for i in range(1, 21))
OUTPUTS = tuple(f"{name}_end" for name in STATES)


def reactions(x, p):
    """Rates r_1 .. r_25."""
    return (
        p.k1 * x.y1,
        p.k2 * x.y2 * x.y4,
        p.k3 * x.y5 * x.y2,
        p.k4 * x.y7,
        p.k5 * x.y7,
        p.k6 * x.y7 * x.y6,
        p.k7 * x.y9,
        p.k8 * x.y9 * x.y6,
        p.k9 * x.y11 * x.y2,
        p.k10 * x.y11 * x.y1,
        p.k11 * x.y13,
        p.k12 * x.y10 * x.y2,
        p.k13 * x.y14,
        p.k14 * x.y1 * x.y6,
        p.k15 * x.y3,
        p.k16 * x.y4,
        p.k17 * x.y4,
        p.k18 * x.y16,
        p.k19 * x.y16,
        p.k20 * x.y17 * x.y6,
        p.k21 * x.y19,
        p.k22 * x.y19,
        p.k23 * x.y1 * x.y4,
        p.k24 * x.y19 * x.y1,
        p.k25 * x.y20,
    )


def rates(t, x, p, u):
    r = (0.0, *reactions(x, p))  # counted from 1, as in the source
    return {
        "y1": r[2] + r[3] + r[9] + r[11] + r[12] + r[22] + r[25] - r[1] - r[10] - r[14] - r[23] - r[24],
        "y2": r[1] + r[21] - r[2] - r[3] - r[9] - r[12],
        "y3": r[1] + r[17] + r[19] + r[22] - r[15],
        "y4": r[15] - r[2] - r[16] - r[17] - r[23],
        "y5": r[4] + r[4] + r[6] + r[7] + r[13] + r[20] - r[3],
        "y6": r[3] + r[18] + r[18] - r[6] - r[8] - r[14] - r[20],
        "y7": r[13] - r[4] - r[5] - r[6],
        "y8": r[4] + r[5] + r[6] + r[7],
        "y9": -r[7] - r[8],
        "y10": r[7] + r[9] - r[12],
        "y11": r[8] + r[11] - r[9] - r[10],
        "y12": r[9],
        "y13": r[10] - r[11],
        "y14": r[12] - r[13],
        "y15": r[14],
        "y16": r[16] - r[18] - r[19],
        "y17": -r[20],
        "y18": r[20],
        "y19": r[23] + r[25] - r[21] - r[22] - r[24],
        "y20": r[24] - r[25],
    }


def observe(t, x, p, u):
    return {f"{name}_end": getattr(x, name) for name in STATES}


def start(p, u):
    return dict(BEGIN)


def structure():
    """The equations as a twinsim structure; concentrations in ppm are pure numbers."""
    from twinsim.models.structure import Parameter, Port, State, Structure

    source = "Verwer 1994, table 1; Test Set for IVP Solvers, POLLU"
    return Structure(
        name="benchmarks/pollu",
        parameters=tuple(Parameter(name, "1/min", value, "rate constant", source) for name, value in TYPICAL.items()),
        states=tuple(State(name, "1", "species") for name in STATES),
        gives=tuple(Port(name, "1", "fraction", "species") for name in OUTPUTS),
        rates=rates,
        outputs=observe,
        start=start,
        time="min",
        source=source,
    )


def reference(problem: Problem, patients: Patients) -> np.ndarray:
    """SciPy's Radau."""
    return by_scipy(problem, patients, "Radau", rtol=1e-8)


problem = Problem(
    name="pollu",
    title="POLLU, final state at 60 min",
    size=50_000,
    ours=(Ours("stiff"), Ours("stiff", "float64")),
    peers=(
        Peer("diffrax", "kvaerno5", size=4_096, tier="stiff"),
        Peer("diffrax", "kvaerno5", "float64", size=4_096, tier="stiff"),
        Peer("scipy", "lsoda", "float64", size=512, tier="stiff"),
        Peer("mrgsolve", "ode", "float64", size=2_000, tier="stiff"),
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
    times=np.array([60.0]),
    reference=reference,
    # Order of magnitude of each species at the end: the published end point.
    scale=END,
    first_step=1e-7,
    checked=32,
)
