"""Drugs swallowed by adults with organs of their own: `twinsim.whole_body_model`, 50 outputs of plasma over a day.

    tissue:   d a/dt = q (arterial - out),  out = bp a / (v kp);  the lung takes the cardiac output of venous blood
    lumen:    d a/dt = -ka a,  fa of it into the gut wall, which lets qgut / (qgut + fu_gut sum of clint_gut) pass
    portal:   what passes the wall, and sum over gut, pancreas and spleen of q out; portal_shunt of it misses the liver
    liver:    d a/dt = q arterial + (1 - portal_shunt) portal - q_liver_out out - sum of clint c / (1 + c/km)
              c = fu a / (v kp);  1 where the file has no km
    kidney:   gives filtered_fraction gfr fu arterial/bp away

Midazolam saturates its enzymes, and no Jacobian is constant; theophylline does not, and every patient's is. The fastest
organ turns over in seconds, the slowest in a day: stiff. The structure also collects urine, faeces and what is
metabolised; the peers need not.

Source: docs/decisions/0011-pbpk.md; parameters of each drug and adult are this package's, written to a file for peers.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from typing import Any

import numpy as np

from benchmarks.problem import Dose, Ours, Patients, Peer, Problem
from benchmarks.reference import by_expm, by_scipy

PORTAL = ("gut", "pancreas", "spleen")
SYSTEMIC = ("adipose", "bone", "brain", "gonads", "heart", "kidney", "muscle", "rest", "skin")
TISSUES = (
    "adipose", "bone", "brain", "gonads", "gut", "heart", "kidney", "liver", "lung", "muscle", "pancreas", "rest",
    "skin", "spleen",
)  # fmt: skip
SUPPLIED = tuple(name for name in TISSUES if name != "lung")
STATES = ("lumen", *TISSUES, "arterial", "venous")
SHARED = (
    *(f"v_{name}" for name in (*TISSUES, "arterial", "venous")),
    *(f"q_{name}" for name in SUPPLIED),
    *(f"kp_{name}" for name in TISSUES),
    "portal_shunt", "gfr", "bp", "fu", "ka", "fa", "filtered_fraction",
)  # fmt: skip
SIZE, CHECKED = 100_000, 32
TIMES = 0.48 * np.arange(1, 51)


def total(terms: Iterable[Any]) -> Any:
    return reduce(operator.add, terms)


def equations(ways: Mapping[str, bool], walls: tuple[str, ...]) -> Callable[..., dict]:
    """The rates of a drug.

    Args:
        ways: pathways of the liver, and whether each saturates.
        walls: pathways of the gut wall.
    """

    def rates(t: Any, x: Any, p: Any, u: Any) -> dict:
        def get(kind: str, name: str) -> Any:
            return getattr(p, f"{kind}_{name}")

        held = {name: getattr(x, name) / (get("v", name) * get("kp", name)) for name in TISSUES}
        out = {name: p.bp * held[name] for name in TISSUES}
        arterial, venous = x.arterial / p.v_arterial, x.venous / p.v_venous
        co = total(get("q", name) for name in SUPPLIED)
        absorbed = p.fa * (p.ka * x.lumen)
        if walls:
            qgut = p.q_villi * p.clperm / (p.q_villi + p.clperm)
            absorbed = absorbed * (qgut / (qgut + p.fu_gut * total(get("clint_gut", name) for name in walls)))
        portal = total([*(get("q", name) * out[name] for name in PORTAL), absorbed])
        shunted = p.portal_shunt * portal
        through = p.q_liver + (1.0 - p.portal_shunt) * total(get("q", name) for name in PORTAL)
        free = p.fu * held["liver"]
        taken = [get("clint", n) * free / (1.0 + free / get("km", n)) for n, full in ways.items() if full]
        taken += [get("clint", n) * free for n, full in ways.items() if not full]
        slope = {name: get("q", name) * (arterial - out[name]) for name in (*SYSTEMIC, *PORTAL)}
        slope["kidney"] = slope["kidney"] - p.filtered_fraction * p.gfr * p.fu * arterial / p.bp
        back = total(get("q", name) * out[name] for name in SYSTEMIC)
        return {
            **slope,
            "lumen": -p.ka * x.lumen,
            "liver": p.q_liver * arterial + (portal - shunted) - through * out["liver"] - total(taken),
            "lung": co * (venous - out["lung"]),
            "arterial": co * (out["lung"] - arterial),
            "venous": back + through * out["liver"] + shunted - co * venous,
        }

    return rates


def observe(t: Any, x: Any, p: Any, u: Any) -> dict:
    return {"concentration": x.venous / (p.v_venous * p.bp)}


def sampler(drug: str, names: tuple[str, ...]) -> Callable[[int, int], Patients]:
    """Parameters of the adults of `adults_anatomy` under a drug: imports twinsim, as peers may not."""

    def sample(size: int, seed: int) -> Patients:
        import twinsim

        people = twinsim.sample_cohort(size, "adults_anatomy", seed=seed)
        found = twinsim.whole_body_model(drug).individual(people.covariates)
        return {name: np.array(np.broadcast_to(np.asarray(found[name], np.float64), (size,))) for name in names}

    return sample


def structure_of(drug: str) -> Callable[[], Any]:
    """The structure of a drug, when it is asked for."""

    def structure() -> Any:
        import twinsim

        return twinsim.whole_body_model(drug).structure

    return structure


def cohort_of(drug: str, dose: float, ways: Mapping[str, bool], walls: tuple[str, ...] = ()) -> Problem:
    """The problem of a drug.

    Args:
        dose: swallowed at 0 [mg].
    """
    is_linear = not any(ways.values())
    wall = ("q_villi", "clperm", "fu_gut", *(f"clint_gut_{name}" for name in walls)) if walls else ()
    names = (*SHARED, *wall, *(f"clint_{n}" for n in ways), *(f"km_{name}" for name, full in ways.items() if full))

    def reference(problem: Problem, patients: Patients) -> np.ndarray:
        """The matrix exponential, or SciPy's Radau."""
        return by_expm(problem, patients) if is_linear else by_scipy(problem, patients, "Radau", rtol=1e-9)

    return Problem(
        name=f"pbpk_{drug}",
        title=f"{dose:g} mg of {drug} by mouth in adults with organs of their own, 14 tissues, 50 outputs to 24 h",
        size=SIZE,
        ours=(Ours("stiff"), *([Ours("linear")] if is_linear else []), Ours("explicit"), Ours("stiff", "float64")),
        peers=(
            # in float32 neither reaches 1e-4 at any tolerance
            Peer("diffrax", "kvaerno5", "float64", size=1_024, tier="stiff"),
            Peer("diffrax", "kvaerno3", "float64", size=1_024, tier="stiff"),
            Peer("diffrax", "tsit5", size=2_048),
            Peer("scipy", "lsoda", "float64", size=256, tier="stiff"),
            Peer("scipy", "bdf", "float64", size=32, tier="stiff"),
        ),
        allowed=1e-4,
        error_is="largest error of any output as a fraction of the patient's Cmax",
        states=STATES,
        outputs=("concentration",),
        rates=equations(ways, walls),
        observe=observe,
        structure=structure_of(drug),
        sample=sampler(drug, names),
        sampled=names,
        times=TIMES,
        reference=reference,
        doses=(Dose(0.0, dose, "lumen"),),
        # of the dose: nearly all of it at most, a tenth, a hundredth
        scale=tuple(
            {"lumen": dose, "adipose": dose / 10, "muscle": dose / 10}.get(name, dose / 100) for name in STATES
        ),
        first_step=1e-4,
        checked=CHECKED,
    )


midazolam = cohort_of("midazolam", 5.0, {"hydroxylation": True, "glucuronidation": True}, ("wall_cyp3a4",))
theophylline = cohort_of("theophylline", 300.0, {"demethylation": False, "hydroxylation": False, "oxidation": False})
