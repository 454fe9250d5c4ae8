"""One-compartment oral pharmacokinetics: 28 daily doses, outputs every hour to 672 h.

    d depot/dt   = -ka depot
    d central/dt =  ka depot - cl/v central
    concentration = central / v

Typical values are those of mrgsolve's built-in model pk1cmt (CL = 1, V = 20, KA1 = 1); issue 372 of mrgsolve times this
job. Every patient has its own log-normal parameters.
"""

import numpy as np

from benchmarks.problem import Dose, Ours, Peer, Problem, log_normal
from benchmarks.reference import by_expm

TYPICAL = {"cl": 1.0, "v": 20.0, "ka": 1.0}  # L/h, L, 1/h


def rates(t, x, p, u):
    absorbed = p.ka * x.depot
    return {"depot": -absorbed, "central": absorbed - p.cl / p.v * x.central}


def observe(t, x, p, u):
    return {"concentration": x.central / p.v}


def structure():
    """The library's structure of the same equations."""
    import twinsim

    return twinsim.structure("pk/one_compartment_oral")


problem = Problem(
    name="one_compartment_28_days",
    title="one-compartment oral, 28 daily doses, 672 hourly outputs",
    size=50_000,
    ours=(Ours("closed"), Ours("linear"), Ours("explicit")),
    peers=(
        Peer("diffrax", "tsit5", size=10_000),
        Peer("numba", "tsit5"),
        Peer("numba", "tsit5_lanes"),
        Peer("scipy", "lsoda", size=64),
        Peer("mrgsolve", "ode", size=2_000),
    ),
    allowed=1e-4,
    error_is="largest error of any output as a fraction of the patient's Cmax",
    states=("depot", "central"),
    outputs=("concentration",),
    rates=rates,
    observe=observe,
    structure=structure,
    sample=log_normal(TYPICAL, 0.3),
    times=np.arange(1.0, 673.0),
    reference=by_expm,
    doses=tuple(Dose(24.0 * day, 100.0, "depot") for day in range(28)),
    scale=100.0,
    first_step=0.3,
    checked=128,
)
