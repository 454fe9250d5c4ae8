"""A man of 16 well-stirred organs: flows and volumes of the reference adult, saturable clearance in the liver.

    organ i:   d a_i/dt = q_i (arterial - out_i)                          out_i = a_i / (v_i kp_i)
    liver:     d a/dt   = q_artery arterial + sum over portal organs of q_i out_i - q_liver out
                          - vmax fu out / (km + fu out)
    lung:      d a/dt   = co (venous - out)
    blood:     d venous amount/dt = sum over the others of q_i out_i + q_liver out_liver - co venous
               d arterial amount/dt = co (out_lung - arterial)
    lumen:     d a/dt   = -ka a, into the wall of the small intestine

Stomach, intestines, pancreas and spleen are the portal organs. 100 mg go into the lumen at 0; the venous concentration
is wanted at 100 times up to 24 h. The fastest organ (lung) turns over in seconds, the slowest (fat) in a day: stiff.

Source: ICRP Publication 89, 2002, Ann ICRP 32(3-4), reference adult male, 73 kg: masses of table 2.8, at 1 kg/L; blood
flows in percent of the cardiac output of 6.5 L/min of table 2.40. "rest" is what remains of mass and flow. Partition
coefficients, drug, and the split of blood into one third arterial and two thirds venous are assumed.
"""

import numpy as np

from benchmarks.problem import Dose, Ours, Patients, Peer, Problem, log_normal
from benchmarks.reference import by_scipy

MASSES = "ICRP 89, 2002, table 2.8"
FLOWS = "ICRP 89, 2002, table 2.40"
# organ: volume [L], percent of cardiac output, partition coefficient (assumed); the liver's flow is its artery's.
ORGANS = {
    "adipose": (18.2, 5.0, 5.0),
    "bone": (10.5, 5.0, 1.0),
    "brain": (1.45, 12.0, 1.5),
    "heart": (0.33, 4.0, 2.0),
    "kidney": (0.31, 19.0, 3.0),
    "muscle": (29.0, 17.0, 2.0),
    "skin": (3.3, 5.0, 1.5),
    "gonads": (0.035, 0.05, 1.5),
    "rest": (0.515, 7.45, 1.5),
    "stomach": (0.15, 1.0, 2.0),
    "small_intestine": (0.65, 10.0, 2.0),
    "large_intestine": (0.37, 4.0, 2.0),
    "pancreas": (0.14, 1.0, 2.5),
    "spleen": (0.15, 3.0, 2.0),
    "liver": (1.8, 6.5, 4.0),
    "lung": (0.5, 100.0, 1.5),
}
PORTAL = ("stomach", "small_intestine", "large_intestine", "pancreas", "spleen")
SYSTEMIC = tuple(name for name in ORGANS if name not in (*PORTAL, "liver", "lung"))
STATES = ("lumen", *ORGANS, "venous", "arterial")
# cardiac output [L/h], largest rate of clearance [mg/h], its Km [mg/L], absorption [1/h], partition coefficients
TYPICAL = {"co": 390.0, "vmax": 60.0, "km": 2.0, "ka": 1.0, "kp_adipose": 5.0, "kp_muscle": 2.0, "kp_liver": 4.0}
FIXED = {
    "fu": 0.5,
    "v_venous": 5.3 * 2 / 3,
    "v_arterial": 5.3 / 3,
    **{f"v_{name}": volume for name, (volume, _, _) in ORGANS.items()},
    **{f"share_{name}": percent / 100 for name, (_, percent, _) in ORGANS.items() if name != "lung"},
    **{f"kp_{name}": kp for name, (_, _, kp) in ORGANS.items() if f"kp_{name}" not in TYPICAL},
}


def rates(t, x, p, u):
    def get(kind, name):
        return getattr(p, f"{kind}_{name}")

    out = {name: getattr(x, name) / (get("v", name) * get("kp", name)) for name in ORGANS}
    flow = {name: p.co * get("share", name) for name in ORGANS if name != "lung"}
    arterial, venous = x.arterial / p.v_arterial, x.venous / p.v_venous
    slope = {name: flow[name] * (arterial - out[name]) for name in (*SYSTEMIC, *PORTAL)}
    absorbed = p.ka * x.lumen
    slope["small_intestine"] = slope["small_intestine"] + absorbed
    portal = sum((flow[name] * out[name] for name in PORTAL[1:]), flow[PORTAL[0]] * out[PORTAL[0]])
    liver_flow = p.co * sum((get("share", name) for name in PORTAL[1:]), p.share_liver + get("share", PORTAL[0]))
    free = p.fu * out["liver"]
    cleared = p.vmax * free / (p.km + free)
    back = sum((flow[name] * out[name] for name in SYSTEMIC[1:]), flow[SYSTEMIC[0]] * out[SYSTEMIC[0]])
    return {
        **slope,
        "lumen": -absorbed,
        "liver": flow["liver"] * arterial + portal - liver_flow * out["liver"] - cleared,
        "lung": p.co * (venous - out["lung"]),
        "venous": back + liver_flow * out["liver"] - p.co * venous,
        "arterial": p.co * (out["lung"] - arterial),
    }


def observe(t, x, p, u):
    return {"concentration": x.venous / p.v_venous}


def structure():
    """The equations as a twinsim structure."""
    from twinsim.models.structure import POSITIVE, Parameter, Port, State, Structure

    shares = [name for name in ORGANS if name != "lung"]
    kps = {name: (FIXED | TYPICAL)[f"kp_{name}"] for name in ORGANS}
    bloods = ("venous", "arterial")
    return Structure(
        name="benchmarks/pbpk16",
        parameters=(
            Parameter("co", "L/h", TYPICAL["co"], "cardiac output", f"{FLOWS}: 6.5 L/min"),
            Parameter("vmax", "mg/h", TYPICAL["vmax"], "largest rate of hepatic clearance", "assumed"),
            Parameter("km", "mg/L", TYPICAL["km"], "unbound concentration at half of it", "assumed", POSITIVE),
            Parameter("ka", "1/h", TYPICAL["ka"], "absorption rate constant", "assumed"),
            Parameter("fu", "1", FIXED["fu"], "fraction unbound", "assumed"),
            *(Parameter(f"v_{o}", "L", ORGANS[o][0], f"volume of {o}", MASSES, POSITIVE) for o in ORGANS),
            *(Parameter(f"v_{b}", "L", FIXED[f"v_{b}"], f"volume of {b} blood", "assumed", POSITIVE) for b in bloods),
            *(Parameter(f"share_{o}", "1", FIXED[f"share_{o}"], f"share of flow of {o}", FLOWS) for o in shares),
            *(Parameter(f"kp_{o}", "1", kps[o], f"partition coefficient of {o}", "assumed", POSITIVE) for o in ORGANS),
        ),
        states=tuple(State(name, "mg", f"amount in {name.replace('_', ' ')}") for name in STATES),
        gives=(Port("concentration", "mg/L", "concentration", "venous concentration"),),
        rates=rates,
        outputs=observe,
        source=f"{MASSES} and {FLOWS}",
    )


def reference(problem: Problem, patients: Patients) -> np.ndarray:
    """SciPy's Radau."""
    return by_scipy(problem, patients, "Radau", rtol=1e-9)


problem = Problem(
    name="pbpk16",
    title="16-organ perfusion-limited PBPK, oral dose, 100 outputs to 24 h",
    size=20_000,
    ours=(Ours("stiff"), Ours("explicit")),
    peers=(
        Peer("diffrax", "kvaerno5", size=2_048, tier="stiff"),
        Peer("diffrax", "kvaerno5", "float64", size=1_024, tier="stiff"),
        Peer("numba", "tsit5", size=1_024),
        Peer("numba", "tsit5_lanes", size=4_096),
        Peer("scipy", "lsoda", "float64", size=256, tier="stiff"),
        Peer("mrgsolve", "ode", "float64", size=1_000, tier="stiff"),
    ),
    allowed=1e-4,
    error_is="largest error of any output as a fraction of the patient's Cmax",
    states=STATES,
    outputs=("concentration",),
    rates=rates,
    observe=observe,
    structure=structure,
    sample=log_normal(TYPICAL, {**dict.fromkeys(TYPICAL, 0.3), "co": 0.15}),
    fixed=FIXED,
    times=0.24 * np.arange(1, 101),
    reference=reference,
    doses=(Dose(0.0, 100.0, "lumen"),),
    scale=tuple(100.0 if name == "lumen" else 10.0 if name in ("adipose", "muscle") else 1.0 for name in STATES),
    first_step=1e-4,
    checked=32,
)
