"""Friberg's myelosuppression under an oral two-compartment drug: two doses, neutrophils every 6 h over 28 days.

    d prol/dt = ktr prol (1 - slope concentration) (circ0/circ)^gamma - ktr prol            ktr = 4 / mtt
    d transit1/dt = ktr (prol - transit1), ...   d circ/dt = ktr (transit3 - circ)

Every patient has its own log-normal parameters. All five compartments start at circ0. 60 umol are given at 0 and 504 h.

Source: Friberg et al. 2002, J Clin Oncol 20:4713, doi:10.1200/JCO.2002.02.140, figure 2 and, for docetaxel and
neutrophils, table 2; the drug's pharmacokinetics are assumed, with the exposure of docetaxel at 100 mg/m2.
"""

import numpy as np

from benchmarks.problem import Dose, Ours, Patients, Peer, Problem, log_normal
from benchmarks.reference import by_scipy

# h, 10^9/L, 1, L/umol; then L/h, L, L/h, L, 1/h
SYSTEM = {"mtt": 88.7, "circ0": 5.05, "gamma": 0.161, "slope": 8.58}
DRUG = {"cl": 10.0, "v1": 30.0, "q": 5.0, "v2": 60.0, "ka": 0.8}
CELLS = ("prol", "transit1", "transit2", "transit3", "circ")


def rates(t, x, p, u):
    ktr = 4 / p.mtt
    concentration = x.central / p.v1
    absorbed = p.ka * x.depot
    exchanged = p.q * concentration - p.q / p.v2 * x.peripheral
    made = (1 - p.slope * concentration) * (p.circ0 / x.circ) ** p.gamma
    return {
        "depot": -absorbed,
        "central": absorbed - p.cl * concentration - exchanged,
        "peripheral": exchanged,
        "prol": ktr * x.prol * (made - 1),
        "transit1": ktr * (x.prol - x.transit1),
        "transit2": ktr * (x.transit1 - x.transit2),
        "transit3": ktr * (x.transit2 - x.transit3),
        "circ": ktr * (x.transit3 - x.circ),
    }


def observe(t, x, p, u):
    return {"neutrophils": x.circ}


def start(p, u):
    return {name: p.circ0 for name in CELLS}


def structure():
    """The equations as a twinsim structure."""
    from twinsim.models.structure import POSITIVE, Parameter, Port, State, Structure

    friberg = "Friberg 2002, table 2, docetaxel, neutrophils"
    return Structure(
        name="benchmarks/myelosuppression",
        parameters=(
            Parameter("mtt", "h", SYSTEM["mtt"], "mean transit time", friberg, POSITIVE),
            Parameter("circ0", "10^9/L", SYSTEM["circ0"], "neutrophils at baseline", friberg, POSITIVE),
            Parameter("gamma", "1", SYSTEM["gamma"], "feedback", friberg),
            Parameter("slope", "L/umol", SYSTEM["slope"], "effect of the drug on proliferation", friberg),
            Parameter("cl", "L/h", DRUG["cl"], "clearance", "assumed"),
            Parameter("v1", "L", DRUG["v1"], "central volume", "assumed", POSITIVE),
            Parameter("q", "L/h", DRUG["q"], "clearance between compartments", "assumed"),
            Parameter("v2", "L", DRUG["v2"], "peripheral volume", "assumed", POSITIVE),
            Parameter("ka", "1/h", DRUG["ka"], "absorption rate constant", "assumed"),
        ),
        states=(
            *(State(name, "umol", f"amount in {name}") for name in ("depot", "central", "peripheral")),
            *(State(name, "10^9/L", f"cells in {name}") for name in CELLS),
        ),
        gives=(Port("neutrophils", "10^9/L", "concentration", "circulating neutrophils"),),
        rates=rates,
        outputs=observe,
        start=start,
        source="Friberg 2002, figure 2",
    )


def reference(problem: Problem, patients: Patients) -> np.ndarray:
    """SciPy's DOP853."""
    return by_scipy(problem, patients, "DOP853", rtol=1e-11)


problem = Problem(
    name="myelosuppression",
    title="Friberg myelosuppression, 2 doses, 112 outputs over 28 days",
    size=50_000,
    ours=(Ours("explicit"), Ours("stiff")),
    peers=(
        Peer("diffrax", "tsit5", size=10_000),
        Peer("diffrax", "kvaerno5", size=2_048, tier="stiff"),
        Peer("numba", "tsit5"),
        Peer("numba", "tsit5_lanes"),
        Peer("scipy", "lsoda", "float64", size=256),
        Peer("mrgsolve", "ode", "float64", size=5_000),
    ),
    allowed=1e-4,
    error_is="largest error of any output as a fraction of the patient's largest count",
    states=("depot", "central", "peripheral", *CELLS),
    outputs=("neutrophils",),
    rates=rates,
    observe=observe,
    start=start,
    structure=structure,
    sample=log_normal({**SYSTEM, **DRUG}, 0.2),
    times=6.0 * np.arange(1, 113),
    reference=reference,
    doses=(Dose(0.0, 60.0, "depot"), Dose(504.0, 60.0, "depot")),
    scale=(60.0, 60.0, 60.0, 5.0, 5.0, 5.0, 5.0, 5.0),
    first_step=0.1,
    checked=64,
)
