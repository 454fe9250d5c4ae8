"""Blood and tissues: where a substance goes. Amounts a in mg, blood flows q and clearances in L/h.

    perfusion limited      d a/dt       = inflow - q out,             out = bp a / (v kp)
    permeability limited   d a_blood/dt = inflow - q out - crossing,  out = a_blood / (vascular v)
                           d a/dt       = crossing
                           crossing     = ps fu (out/bp - a / ((1 - vascular) v kp))

    inflow  q arterial;  liver: q arterial + (1 - portal_shunt) portal
    portal  sum over portal tissues of q out, and what comes out of the gut wall
    lung    inflow co venous, co = sum over the other tissues of q

kp is tissue to plasma, bp blood to plasma, and everything in blood is whole blood. A permeability-limited tissue of a
large ps is a perfusion-limited one whose kp is (1 - vascular) kp + vascular bp.
"""

from __future__ import annotations

from typing import Any

from twinsim.models.pbpk._body import Body, Declared, total
from twinsim.models.pbpk._organs import ARTERIAL, ICRP, MCNALLY, ORGANS, VENOUS
from twinsim.models.structure import POSITIVE, Parameter, State


def declared(body: Body) -> Declared:
    """Volumes and flows; partition, binding and permeability of a substance; its amounts in tissues and blood."""
    found = Declared()
    for tissue in body.tissues:
        organ = ORGANS[tissue]
        found.shared.append(Parameter(f"v_{tissue}", "L", organ.volume, f"volume of {tissue}", organ.source, POSITIVE))
        kp = f"concentration in {tissue} over that in plasma"
        found.own.append(Parameter(f"kp_{tissue}", "1", 1.0, kp, "assumed", POSITIVE))
        found.states.append(State(tissue, "mg", f"amount in {tissue}"))
        if tissue in body.permeability_limited:
            blood = f"fraction of {tissue} that is blood"
            found.shared.append(Parameter(f"vascular_{tissue}", "1", 0.05, blood, "assumed", (1e-9, 1.0 - 1e-9)))
            ps = f"permeability times surface of {tissue}, for unbound drug"
            found.own.append(Parameter(f"ps_{tissue}", "L/h", 10.0, ps, "assumed"))
            found.states.append(State(f"{tissue}_blood", "mg", f"amount in the blood of {tissue}"))
    for tissue in body.supplied:
        flow = f"blood that arteries bring to {tissue}"
        source = "assumed: what remains of 390 L/h" if tissue == "rest" else MCNALLY
        found.shared.append(Parameter(f"q_{tissue}", "L/h", ORGANS[tissue].flow, flow, source, POSITIVE))
    found.shared += [
        Parameter("v_arterial", "L", ARTERIAL, "volume of arterial blood", f"{ICRP}, table 2.13", POSITIVE),
        Parameter("v_venous", "L", VENOUS, "volume of venous blood", f"{ICRP}, table 2.13", POSITIVE),
    ]
    if body.portal:
        shunt = "fraction of portal blood that passes the liver by"
        found.shared.append(Parameter("portal_shunt", "1", 0.0, shunt, "assumed: none in health", (0.0, 1.0)))
    found.own += [
        Parameter("bp", "1", 1.0, "concentration in blood over that in plasma", "assumed", POSITIVE),
        Parameter("fu", "1", 0.2, "unbound fraction in plasma", "assumed", (1e-9, 1.0)),
    ]
    found.states += [
        State("arterial", "mg", "amount in arterial blood"),
        State("venous", "mg", "amount in venous blood"),
    ]
    return found


def outflow(body: Body, tissue: str, x: Any, p: Any) -> Any:
    """Concentration in the blood that leaves a tissue [mg/L]."""
    volume = getattr(p, f"v_{tissue}")
    if tissue in body.permeability_limited:
        return getattr(x, f"{tissue}_blood") / (getattr(p, f"vascular_{tissue}") * volume)
    return p.bp * getattr(x, tissue) / (volume * getattr(p, f"kp_{tissue}"))


def unbound(body: Body, tissue: str, x: Any, p: Any) -> Any:
    """Unbound concentration in a tissue [mg/L]."""
    volume = getattr(p, f"v_{tissue}")
    if tissue in body.permeability_limited:
        volume = (1.0 - getattr(p, f"vascular_{tissue}")) * volume
    return p.fu * getattr(x, tissue) / (volume * getattr(p, f"kp_{tissue}"))


def content(body: Body, tissue: str, x: Any, p: Any) -> Any:
    """Concentration in a tissue with its blood [mg/L]."""
    amount = getattr(x, tissue)
    if tissue in body.permeability_limited:
        amount = amount + getattr(x, f"{tissue}_blood")
    return amount / getattr(p, f"v_{tissue}")


def _exchange(body: Body, tissue: str, inflow: Any, flow: Any, x: Any, p: Any) -> dict[str, Any]:
    """Slopes of a tissue that gets `inflow` [mg/h] and gives its blood away at `flow` [L/h]."""
    out = outflow(body, tissue, x, p)
    if tissue not in body.permeability_limited:
        return {tissue: inflow - flow * out}
    crossing = getattr(p, f"ps_{tissue}") * (p.fu * out / p.bp - unbound(body, tissue, x, p))
    return {f"{tissue}_blood": inflow - flow * out - crossing, tissue: crossing}


def liver_flow(body: Body, p: Any) -> Any:
    """Blood that leaves the liver [L/h]."""
    if not body.portal:
        return p.q_liver
    return p.q_liver + (1.0 - p.portal_shunt) * total(getattr(p, f"q_{tissue}") for tissue in body.portal)


def slopes(body: Body, x: Any, p: Any, absorbed: Any, filtered: Any) -> dict[str, Any]:
    """Slopes of all tissues and of both bloods.

    Args:
        absorbed: what comes out of the gut wall into portal blood [mg/h].
        filtered: what the kidney takes out of its arterial blood [mg/h].
    """
    arterial, venous = x.arterial / p.v_arterial, x.venous / p.v_venous
    flow = {tissue: getattr(p, f"q_{tissue}") for tissue in body.supplied}
    output = total(flow.values())
    out = {tissue: outflow(body, tissue, x, p) for tissue in body.tissues}
    through = liver_flow(body, p)
    to_liver, returned = flow["liver"] * arterial + absorbed, through * out["liver"]
    if body.portal:
        portal = total([*(flow[tissue] * out[tissue] for tissue in body.portal), absorbed])
        shunted = p.portal_shunt * portal
        to_liver, returned = flow["liver"] * arterial + (portal - shunted), returned + shunted
    result = {}
    for tissue in (*body.systemic, *body.portal):
        inflow = flow[tissue] * arterial
        inflow = inflow - filtered if tissue == "kidney" else inflow
        result |= _exchange(body, tissue, inflow, flow[tissue], x, p)
    result |= _exchange(body, "liver", to_liver, through, x, p)
    result |= _exchange(body, "lung", output * venous, output, x, p)
    returned = total([*(flow[tissue] * out[tissue] for tissue in body.systemic), returned])
    return {**result, "arterial": output * (out["lung"] - arterial), "venous": returned - output * venous}
