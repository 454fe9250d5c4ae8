"""Glucose and insulin of a person whose pancreas works: meals, liver, tissues, kidney and beta cells.

Stomach and gut (qsto1, qsto2, emptied, begun, swallowed, qgut; kgri, kmax, kmin, kabs, b, d, f, least_meal) and glucose
(gp, gt; vg, k1, k2, fcns, vmx, km0, utilisation, ke1, ke2) as `_meal` says. Insulin in liver and plasma, its delayed
action, secretion:

    egp        = max(production kp1 - kp2 gp - kp3 i2 - kp4 ipo, 0)
    d il/dt    = s - (m1 + m3) il + m2 ip,     m3 = he m1/(1 - he),   he = max(m6 - m5 s, 0)
    d ip/dt    = m1 il - (m2 + m4) ip + insulin_appearance/bw
    d i1/dt    = ki (ip/vi - i1),              d i2/dt = ki (i1 - i2),    d ix/dt = p2u (ip/vi - ix)
    s          = gamma ipo
    d ipo/dt   = secretion (provision + k max(d glucose/dt, 0)) - s
    d provision/dt = alpha (max(sb + beta (glucose - gb), 0) - provision)

glucose = gp/vg, insulin = ip/vi; glucose_production, rate_of_appearance, glucose_utilisation and glucose_excretion are
egp, ra, uptake and renal loss, insulin_secretion is s, each times bw.

A person is given by what is measured after a night without food: glucose gb, insulin ib, production egpb, and hepatic
extraction heb. That is a state of rest, from which one starts, if (the paper's own conditions)

    m3b = heb m1/(1 - heb),   ilb = (m2 + m4) ib vi/m1,   sb = (m1 + m3b) ilb - m2 ib vi,   m6 = heb + m5 sb
    kp1 = egpb + kp2 gb vg + kp3 ib + kp4 sb/gamma,    vm0 of `_meal`

The defaults of gb, ib and egpb are those that the paper's table of kp1, vm0, m6 and others implies, so that these come
out as printed. Drugs and conditions act on any parameter; production, utilisation and secretion scale what is derived.

Needs: insulin_appearance, from injections or a pump; 0 alone. Routes: meal into qsto1. `twinsim.meals` writes meals,
with the events by which the stomach counts from the beginning of each.

The paper's X and Y are ix - ib and provision - sb.

Differs: he does not fall below 0; a meal after another counts what the stomach still holds; at rest above the renal
threshold, what is lost there counts.

Source: Dalla Man, Rizza and Cobelli 2007, IEEE Trans Biomed Eng 54:1740, equations 1 to 27 and table 1.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp

from twinsim.models.organs._meal import GLUCOSE, STOMACH, Fluxes, Gut, fluxes, gut, rest
from twinsim.models.structure import POSITIVE, Parameter, Port, Range, Route, State, Structure

_TABLE = "Dalla Man 2007, IEEE TBME 54:1740, table 1, normal value"
_IMPLIED = f"implied by {_TABLE}s"
_HANDLE = "1 by definition: of the patient without drugs"
_NO_MEAL = "assumed: only keeps 0/0 away"
_FRACTION = (0.01, 0.99)


class Now(NamedTuple):
    """What rates and outputs share."""

    meal: Gut
    glucose: Fluxes
    secreted: Any
    extraction: Any
    sb: Any


def basal_secretion(p: Any) -> tuple[Any, Any]:
    """Insulin of the liver [pmol/kg] and secretion [pmol/kg/min] that keep plasma at ib."""
    plasma, m3 = p.ib * p.vi, p.heb * p.m1 / (1.0 - p.heb)
    liver = (p.m2 + p.m4) * plasma / p.m1
    return liver, (p.m1 + m3) * liver - p.m2 * plasma


def derived(p: Any) -> dict[str, Any]:
    """What follows from a person at rest, by the paper's names: sb, m6, kp1, vm0."""
    _, sb = basal_secretion(p)
    kp1 = p.egpb + p.kp2 * p.gb * p.vg + p.kp3 * p.ib + p.kp4 * sb / p.gamma
    return {"sb": sb, "m6": p.heb + p.m5 * sb, "kp1": kp1, "vm0": rest(p).vm0}


def start(p, u):
    liver, sb = basal_secretion(p)
    at = rest(p)
    return {
        "gp": at.gp,
        "gt": at.gt,
        "il": liver,
        "ip": p.ib * p.vi,
        "i1": p.ib,
        "i2": p.ib,
        "ix": p.ib,
        "ipo": sb / p.gamma,
        "provision": sb,
    }


def now(x: Any, p: Any) -> Now:
    """Fluxes at this moment."""
    own = derived(p)
    meal = gut(x, p, p.kgri)
    production = p.production * own["kp1"] - p.kp2 * x.gp - p.kp3 * x.i2 - p.kp4 * x.ipo
    glucose = fluxes(x, p, jnp.maximum(production, 0.0), meal.appearing, own["vm0"])
    secreted = p.gamma * x.ipo
    extraction = jnp.maximum(own["m6"] - p.m5 * secreted, 0.0)
    return Now(meal, glucose, secreted, extraction, own["sb"])


def rates(t, x, p, u):
    at = now(x, p)
    insulin, m3 = x.ip / p.vi, at.extraction * p.m1 / (1.0 - at.extraction)
    rising = jnp.maximum(at.glucose.slopes["gp"] / p.vg, 0.0)
    return {
        **at.meal.slopes,
        **at.glucose.slopes,
        "il": at.secreted - (p.m1 + m3) * x.il + p.m2 * x.ip,
        "ip": p.m1 * x.il - (p.m2 + p.m4) * x.ip + u.insulin_appearance / p.bw,
        "i1": p.ki * (insulin - x.i1),
        "i2": p.ki * (x.i1 - x.i2),
        "ix": p.p2u * (insulin - x.ix),
        "ipo": p.secretion * (x.provision + p.k * rising) - at.secreted,
        "provision": p.alpha * (jnp.maximum(at.sb + p.beta * (x.gp / p.vg - p.gb), 0.0) - x.provision),
    }


def outputs(t, x, p, u):
    at = now(x, p)
    return {
        "glucose": x.gp / p.vg,
        "insulin": x.ip / p.vi,
        "glucose_production": at.glucose.production * p.bw,
        "rate_of_appearance": at.meal.appearing * p.bw,
        "glucose_utilisation": at.glucose.utilisation * p.bw,
        "glucose_excretion": at.glucose.renal * p.bw,
        "insulin_secretion": at.secreted * p.bw,
    }


def outflows(t, x, p, u):
    at = now(x, p)
    return {"glucose": (at.glucose.utilisation - at.glucose.production) * p.bw + at.meal.lost}


structure = Structure(
    name="organs/glucose",
    time="min",
    parameters=(
        Parameter("bw", "kg", 78.0, "body weight", "Dalla Man 2007, as BIOMD0000000379 has it", (1.0, 400.0)),
        Parameter("gb", "mg/dL", 91.7996, "glucose after a night without food", _IMPLIED, (20.0, 600.0)),
        Parameter("ib", "pmol/L", 25.5878, "insulin after a night without food", _IMPLIED, (0.1, 2000.0)),
        Parameter("egpb", "mg/kg/min", 1.91579, "glucose made by the liver then", _IMPLIED, (0.1, 20.0)),
        Parameter("vg", "dL/kg", 1.88, "volume of glucose", _TABLE, POSITIVE),
        Parameter("k1", "1/min", 0.065, "from plasma into slow tissues", _TABLE),
        Parameter("k2", "1/min", 0.079, "back", _TABLE, POSITIVE),
        Parameter("vi", "L/kg", 0.05, "volume of insulin", _TABLE, POSITIVE),
        Parameter("m1", "1/min", 0.190, "insulin from liver into plasma", _TABLE, POSITIVE),
        Parameter("m2", "1/min", 0.484, "insulin from plasma into liver", _TABLE),
        Parameter("m4", "1/min", 0.194, "insulin lost outside the liver", _TABLE),
        Parameter("m5", "min kg/pmol", 0.0304, "fall of hepatic extraction with secretion", _TABLE),
        Parameter("heb", "1", 0.6, "hepatic extraction of insulin at rest", _TABLE, _FRACTION),
        Parameter("kmax", "1/min", 0.0558, "largest rate constant of gastric emptying", _TABLE),
        Parameter("kmin", "1/min", 0.0080, "smallest rate constant of gastric emptying", _TABLE),
        Parameter("kabs", "1/min", 0.057, "rate constant of absorption", _TABLE),
        Parameter("kgri", "1/min", 0.0558, "rate constant of grinding", _TABLE),
        Parameter("f", "1", 0.90, "part of what is absorbed that appears in plasma", _TABLE, (0.0, 1.0)),
        Parameter("b", "1", 0.82, "part of the meal left where emptying slows down", _TABLE, _FRACTION),
        Parameter("d", "1", 0.010, "part of the meal left where it quickens again", _TABLE, (0.001, 0.99)),
        Parameter("least_meal", "mg", 1.0, "below it a stomach counts as empty", _NO_MEAL, POSITIVE),
        Parameter("kp2", "1/min", 0.0021, "liver's sensitivity to glucose", _TABLE),
        Parameter("kp3", "mg L/kg/min/pmol", 0.009, "liver's sensitivity to insulin", _TABLE),
        Parameter("kp4", "mg/min/pmol", 0.0618, "liver's sensitivity to portal insulin", _TABLE),
        Parameter("ki", "1/min", 0.0079, "rate constant of insulin's delay on the liver", _TABLE),
        Parameter("fcns", "mg/kg/min", 1.0, "uptake by brain and red cells", _TABLE),
        Parameter("vmx", "mg L/kg/min/pmol", 0.047, "tissues' sensitivity to insulin", _TABLE),
        Parameter("km0", "mg/kg", 225.59, "tissue glucose at half the largest uptake", _TABLE, POSITIVE),
        Parameter("p2u", "1/min", 0.0331, "rate constant of insulin's delay on tissues", _TABLE),
        Parameter("k", "pmol dL/kg/mg", 2.30, "beta cells' response to rising glucose", _TABLE),
        Parameter("alpha", "1/min", 0.050, "rate constant of provision of new insulin", _TABLE),
        Parameter("beta", "pmol dL/kg/mg/min", 0.11, "beta cells' response to glucose", _TABLE),
        Parameter("gamma", "1/min", 0.5, "from portal vein to liver", _TABLE, POSITIVE),
        Parameter("ke1", "1/min", 0.0005, "glomerular filtration above the threshold", _TABLE),
        Parameter("ke2", "mg/kg", 339.0, "renal threshold", _TABLE),
        Parameter("production", "1", 1.0, "fold of kp1, what the liver can make", _HANDLE),
        Parameter("utilisation", "1", 1.0, "fold of vm0, what tissues take up without more insulin", _HANDLE),
        Parameter("secretion", "1", 1.0, "fold of what beta cells provide", _HANDLE),
    ),
    states=(
        *STOMACH,
        *GLUCOSE,
        State("il", "pmol/kg", "insulin in the liver"),
        State("ip", "pmol/kg", "insulin in plasma"),
        State("i1", "pmol/L", "insulin as the liver feels it, halfway"),
        State("i2", "pmol/L", "insulin as the liver feels it"),
        State("ix", "pmol/L", "insulin as tissues feel it"),
        State("ipo", "pmol/kg", "insulin in the portal vein"),
        State("provision", "pmol/kg/min", "new insulin that beta cells provide"),
    ),
    routes=(Route("meal", to="qsto1"),),
    needs=(Port("insulin_appearance", "pmol/min", "flow", "insulin that reaches plasma from outside", default=0.0),),
    gives=(
        Port("glucose", "mg/dL", "concentration", "glucose in plasma",
             normal=Range(70.0, 99.0, "fasting; American Diabetes Association, Standards of Care, from memory")),
        Port("insulin", "pmol/L", "concentration", "insulin in plasma",
             normal=Range(15.6, 149.4, "fasting; 2.6 to 24.9 mIU/L of a common immunoassay, 6 pmol/mIU, from memory")),
        Port("glucose_production", "mg/min", "flow", "glucose made by liver and kidney"),
        Port("rate_of_appearance", "mg/min", "flow", "glucose that appears from the gut"),
        Port("glucose_utilisation", "mg/min", "flow", "glucose that brain and tissues take up"),
        Port("glucose_excretion", "mg/min", "flow", "glucose lost in urine", quantity="glucose"),
        Port("insulin_secretion", "pmol/min", "flow", "insulin that beta cells secrete"),
    ),
    rates=rates,
    outputs=outputs,
    outflows=outflows,
    start=start,
    source="Dalla Man, Rizza and Cobelli 2007, IEEE Trans Biomed Eng 54:1740",
)  # fmt: skip
