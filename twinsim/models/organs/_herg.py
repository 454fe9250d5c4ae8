"""The hERG channel of IKr, and a drug that binds to it and may be trapped in it.

    C1 <-> C2 <-> O          each arrow a exp(b v) q^((37 - 20) / 10)
     |      |     |
    IC1 <-> IC2 <-> IO

    IO <-> IObound, O <-> Obound     on: kmax ku c^n / (c^n + halfmax),  off: ku, for IO times O -> IO over IO -> O
    Obound <-> Cbound <-> IObound    kt into Cbound,  kt / (1 + exp(-(v - vhalf) / 6.789 mV)) out of it

Source: Li et al. 2017, Circ Arrhythm Electrophysiol 10:e004628, model and numbers as in myokit/models,
c/ohara-cipa-v1-2017.mmt (BSD), where the temperature is 37 degC.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

# from, to: a [1/ms], b [1/mV], q
RATES = {
    ("c1", "c2"): (0.0264, 4.631e-5, 4.843),
    ("c2", "c1"): (4.986e-6, -0.004226, 4.23),
    ("ic1", "ic2"): (0.0007868, 1.535e-8, 4.942),
    ("ic2", "ic1"): (5.455e-6, -0.1688, 4.156),
    ("c2", "o"): (0.005509, 7.771e-9, 4.22),
    ("o", "c2"): (0.001416, -0.02877, 1.459),
    ("ic2", "io"): (0.001214, 0.008516, 4.962),
    ("io", "ic2"): (1.854e-5, -0.04641, 3.769),
    ("c1", "ic1"): (0.4492, 0.008595, 5.0),
    ("ic1", "c1"): (0.01241, 0.1725, 5.568),
    ("c2", "ic2"): (0.3181, 3.613e-8, 4.663),
    ("ic2", "c2"): (0.3226, -6.575e-4, 5.0),
    ("o", "io"): (0.149, 0.004668, 2.412),
    ("io", "o"): (0.008978, -0.02215, 5.682),
}
_WARM = (37.0 - 20.0) / 10.0
_NONE = 1e-35  # of a drug, so that its logarithm is a number
FREE = ("c1", "c2", "o", "ic1", "ic2", "io")
FORWARD = tuple(RATES)[::2]


def share(ratio: Any, hill: Any) -> Any:
    """ratio^hill, also of nothing."""
    return jnp.exp(hill * jnp.log(jnp.maximum(ratio, _NONE)))


def herg(x: Any, v: Any, p: Any, u: Any) -> dict[str, Any]:
    """d state/dt of the channel and the drug in it [1/ms]; v over `gate_voltage`."""
    rate = {path: a * q**_WARM * jnp.exp(b * v) for path, (a, b, q) in RATES.items()}
    flow = {path: getattr(x, f"ikr_{path[0]}") * value for path, value in rate.items()}
    net = {(a, b): p.gating_speed * (flow[a, b] - flow[b, a]) for a, b in FORWARD}
    activates, opens = net["c1", "c2"], net["c2", "o"]
    ic_activates, ic_opens = net["ic1", "ic2"], net["ic2", "io"]
    c1, c2, o = net["c1", "ic1"], net["c2", "ic2"], net["o", "io"]  # inactivate
    c = share(u.concentration / p.drug_unit, p.herg_n)
    binds = p.herg_kmax * p.herg_ku * c / (c + p.herg_halfmax)
    frees = p.herg_kt / (1.0 + jnp.exp(-(v - p.herg_vhalf / p.gate_voltage) / 6.789))
    inactivated = binds * x.ikr_io - p.herg_ku * rate["o", "io"] / rate["io", "o"] * x.ikr_iobound
    opened = binds * x.ikr_o - p.herg_ku * x.ikr_obound
    from_io, from_o = frees * x.ikr_cbound - p.herg_kt * x.ikr_iobound, frees * x.ikr_cbound - p.herg_kt * x.ikr_obound
    change = {
        "c1": -activates - c1, "c2": activates - opens - c2, "o": opens - o - opened,
        "ic1": c1 - ic_activates, "ic2": c2 + ic_activates - ic_opens, "io": o + ic_opens - inactivated,
        "iobound": inactivated + from_io, "obound": opened + from_o, "cbound": -from_io - from_o,
    }  # fmt: skip
    return {f"ikr_{name}": value for name, value in change.items()}
