"""Two-compartment oral pharmacokinetics: three doses, 100 outputs.

    d depot/dt      = -ka depot
    d central/dt    =  ka depot - (cl + q)/v1 central + q/v2 peripheral
    d peripheral/dt =  q/v1 central - q/v2 peripheral
    concentration   =  central / v1

100 mg go into the depot at 0, 24 and 48 h; the concentration is wanted at 100 uniform times up to 72 h. Every patient
has its own log-normal parameters. The dose times are not on the output grid. Values are chosen for the benchmark, of
the order seen for oral drugs; they describe no particular drug.
"""

import numpy as np

from benchmarks.problem import Dose, Ours, Peer, Problem, log_normal
from benchmarks.reference import by_expm

TYPICAL = {"cl": 5.0, "v1": 50.0, "q": 8.0, "v2": 80.0, "ka": 1.2}  # L/h, L, L/h, L, 1/h


def rates(t, x, p, u):
    absorbed = p.ka * x.depot
    exchanged = p.q / p.v1 * x.central - p.q / p.v2 * x.peripheral
    return {"depot": -absorbed, "central": absorbed - p.cl / p.v1 * x.central - exchanged, "peripheral": exchanged}


def observe(t, x, p, u):
    return {"concentration": x.central / p.v1}


def structure():
    """The library's structure of the same equations."""
    import twinsim

    return twinsim.structure("pk/two_compartment_oral")


problem = Problem(
    name="two_compartment_oral",
    title="two-compartment oral, 3 doses, 100 outputs to 72 h",
    size=100_000,
    ours=(Ours("closed"), Ours("linear"), Ours("explicit"), Ours("stiff")),
    peers=(
        Peer("diffrax", "tsit5"),
        Peer("numba", "closed", tier="closed"),
        Peer("numba", "closed_uniform", tier="closed"),
        Peer("numba", "tsit5"),
        Peer("numba", "tsit5_lanes"),
        Peer("scipy", "lsoda", size=512),
        Peer("mrgsolve", "ode", size=10_000),
    ),
    allowed=1e-4,
    error_is="largest error of any output as a fraction of the patient's Cmax",
    states=("depot", "central", "peripheral"),
    outputs=("concentration",),
    rates=rates,
    observe=observe,
    structure=structure,
    sample=log_normal(TYPICAL, 0.3),
    times=0.72 * np.arange(1, 101),
    reference=by_expm,
    doses=tuple(Dose(time, 100.0, "depot") for time in (0.0, 24.0, 48.0)),
    scale=100.0,
    first_step=0.3,
)
