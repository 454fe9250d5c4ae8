"""Glucose and insulin of a person with type 1 diabetes: meals, insulin under the skin, liver, tissues, kidney, sensor.

Stomach and gut (qsto1, qsto2, emptied, begun, swallowed, qgut; kmax for grinding too, kmin, kabs, b, d, f,
least_meal) and glucose (gp, gt; vg, k1, k2, fcns, vmx, km0, utilisation, ke1, ke2) as `_meal` says. Nothing is
secreted; insulin comes from the skin:

    egp        = max(production kp1 - kp2 gp - kp3 i2, 0)
    d isc1/dt  = pump u2ss bw/potency - (kd + ka1) isc1                  [U/min]
    d isc2/dt  = kd isc1 - ka2 isc2
    d il/dt    = m2 ip - (m1 + m30) il,          m30 = heb m1/(1 - heb)
    d ip/dt    = m1 il - (m2 + m4) ip + potency (ka1 isc1 + ka2 isc2)/bw
    d i1/dt    = ki (ip/vi - i1),                d i2/dt = ki (i1 - i2),   d ix/dt = p2u (ip/vi - ix)
    d gs/dt    = ksc (gp - gs)

glucose = gp/vg, interstitial_glucose = gs/vg (what a sensor sees), insulin = ip/vi; glucose_production,
rate_of_appearance, glucose_utilisation, glucose_excretion and insulin_appearance are egp, ra, uptake, renal loss and
what comes from the skin, each times bw; insulin_on_board = isc1 + isc2; basal_insulin is the rate of the pump.

A patient is given by glucose gb, insulin ib and production egpb at rest on the basal rate u2ss, from where one starts:

    u2ss = (m2 + m4) ib vi - m1 ilb,   ilb = m2 ib vi/(m1 + m30),   kp1 = egpb + kp2 gb vg + kp3 ib,   vm0 of `_meal`

Drugs and conditions act on any parameter; production and utilisation scale what is derived. pump scales the basal
rate: 0 is a pump that stands still, or a patient whose basal insulin is given as doses.

Routes: meal into qsto1 [mg]; insulin into isc1 [U], at once or as an infusion. Each meal begins with the event "set
emptied to 0" (`twinsim.meals` writes both).

The paper's X is ix - ib.

Differs: simglucose stops glucose for ever once gp falls below 0; here the brain takes no more than there is. As there,
and as in the source, tissues may give glucose back where a patient has no insulin at all (vm0 + vmx (ix - ib) < 0).

Source: Dalla Man, Rizza and Cobelli 2007, IEEE Trans Biomed Eng 54:1740; Kovatchev, Breton, Dalla Man and Cobelli
2009, J Diabetes Sci Technol 3:44, the simulator of 2008 (S2008); its equations and values as simglucose 0.2.11 (Xie)
has them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp

from twinsim.models.organs._meal import GLUCOSE, STOMACH, Fluxes, Gut, fluxes, gut, rest
from twinsim.models.structure import POSITIVE, Parameter, Port, Range, Route, State, Structure

_ADULTS = "median of the ten adults of S2008, vpatient_params.csv of simglucose 0.2.11"
_ALL = "the same in all patients of S2008, vpatient_params.csv of simglucose 0.2.11"
_HANDLE = "1 by definition: of the patient without drugs"
_NO_MEAL = "assumed: only keeps 0/0 away"
_FRACTION = (0.01, 0.99)


class Now(NamedTuple):
    """What rates and outputs share; insulin [pmol/min] from the skin."""

    meal: Gut
    glucose: Fluxes
    appearing: Any


class Basal(NamedTuple):
    """Insulin at rest: liver and plasma [pmol/kg], basal rate [U/min]."""

    liver: Any
    plasma: Any
    rate: Any


def basal(p: Any) -> Basal:
    """The basal rate that keeps plasma insulin at ib."""
    plasma, m30 = p.ib * p.vi, p.heb * p.m1 / (1.0 - p.heb)
    liver = p.m2 * plasma / (p.m1 + m30)
    return Basal(liver, plasma, ((p.m2 + p.m4) * plasma - p.m1 * liver) * p.bw / p.potency)


def start(p, u):
    at, insulin = rest(p), basal(p)
    isc1 = insulin.rate / (p.kd + p.ka1)
    return {
        "gp": at.gp,
        "gt": at.gt,
        "gs": at.gp,
        "il": insulin.liver,
        "ip": insulin.plasma,
        "i1": p.ib,
        "i2": p.ib,
        "ix": p.ib,
        "isc1": isc1,
        "isc2": p.kd * isc1 / p.ka2,
    }


def now(x: Any, p: Any) -> Now:
    """Fluxes at this moment."""
    meal = gut(x, p, p.kmax)
    kp1 = p.egpb + p.kp2 * p.gb * p.vg + p.kp3 * p.ib
    production = jnp.maximum(p.production * kp1 - p.kp2 * x.gp - p.kp3 * x.i2, 0.0)
    appearing = p.potency * (p.ka1 * x.isc1 + p.ka2 * x.isc2)
    return Now(meal, fluxes(x, p, production, meal.appearing, rest(p).vm0), appearing)


def rates(t, x, p, u):
    at = now(x, p)
    insulin, m30 = x.ip / p.vi, p.heb * p.m1 / (1.0 - p.heb)
    return {
        **at.meal.slopes,
        **at.glucose.slopes,
        "gs": p.ksc * (x.gp - x.gs),
        "il": p.m2 * x.ip - (p.m1 + m30) * x.il,
        "ip": p.m1 * x.il - (p.m2 + p.m4) * x.ip + at.appearing / p.bw,
        "i1": p.ki * (insulin - x.i1),
        "i2": p.ki * (x.i1 - x.i2),
        "ix": p.p2u * (insulin - x.ix),
        "isc1": p.pump * basal(p).rate - (p.kd + p.ka1) * x.isc1,
        "isc2": p.kd * x.isc1 - p.ka2 * x.isc2,
    }


def outputs(t, x, p, u):
    at = now(x, p)
    return {
        "glucose": x.gp / p.vg,
        "interstitial_glucose": x.gs / p.vg,
        "insulin": x.ip / p.vi,
        "glucose_production": at.glucose.production * p.bw,
        "rate_of_appearance": at.meal.appearing * p.bw,
        "glucose_utilisation": at.glucose.utilisation * p.bw,
        "glucose_excretion": at.glucose.renal * p.bw,
        "insulin_appearance": at.appearing,
        "insulin_on_board": x.isc1 + x.isc2,
        "basal_insulin": p.pump * basal(p).rate,
    }


def outflows(t, x, p, u):
    at = now(x, p)
    return {"glucose": (at.glucose.utilisation - at.glucose.production) * p.bw + at.meal.lost}


structure = Structure(
    name="organs/glucose_type1",
    time="min",
    parameters=(
        Parameter("bw", "kg", 86.43, "body weight", _ADULTS, (1.0, 400.0)),
        Parameter("gb", "mg/dL", 142.95, "glucose at rest on basal insulin", _ADULTS, (20.0, 600.0)),
        Parameter("ib", "pmol/L", 106.58, "insulin at rest on basal insulin", _ADULTS, (0.1, 2000.0)),
        Parameter("egpb", "mg/kg/min", 2.3584, "glucose made by the liver then", _ADULTS, (0.1, 20.0)),
        Parameter("vg", "dL/kg", 1.8713, "volume of glucose", _ADULTS, POSITIVE),
        Parameter("k1", "1/min", 0.056813, "from plasma into slow tissues", _ADULTS),
        Parameter("k2", "1/min", 0.11701, "back", _ADULTS, POSITIVE),
        Parameter("vi", "L/kg", 0.051012, "volume of insulin", _ADULTS, POSITIVE),
        Parameter("m1", "1/min", 0.16497, "insulin from liver into plasma", _ADULTS, POSITIVE),
        Parameter("m2", "1/min", 0.2934, "insulin from plasma into liver", _ADULTS),
        Parameter("m4", "1/min", 0.1174, "insulin lost outside the liver", _ADULTS),
        Parameter("heb", "1", 0.6, "hepatic extraction of insulin", _ALL, _FRACTION),
        Parameter("kmax", "1/min", 0.040885, "largest rate constant of gastric emptying, and of grinding", _ADULTS),
        Parameter("kmin", "1/min", 0.0060836, "smallest rate constant of gastric emptying", _ADULTS),
        Parameter("kabs", "1/min", 0.15515, "rate constant of absorption", _ADULTS),
        Parameter("f", "1", 0.90, "part of what is absorbed that appears in plasma", _ALL, (0.0, 1.0)),
        Parameter("b", "1", 0.78817, "part of the meal left where emptying slows down", _ADULTS, _FRACTION),
        Parameter("d", "1", 0.17801, "part of the meal left where it quickens again", _ADULTS, (0.001, 0.99)),
        Parameter("least_meal", "mg", 1.0, "below it a stomach counts as empty", _NO_MEAL, POSITIVE),
        Parameter("kp2", "1/min", 0.0038104, "liver's sensitivity to glucose", _ADULTS),
        Parameter("kp3", "mg L/kg/min/pmol", 0.0083144, "liver's sensitivity to insulin", _ADULTS),
        Parameter("ki", "1/min", 0.0090885, "rate constant of insulin's delay on the liver", _ADULTS),
        Parameter("fcns", "mg/kg/min", 1.0, "uptake by brain and red cells", _ALL),
        Parameter("vmx", "mg L/kg/min/pmol", 0.043192, "tissues' sensitivity to insulin", _ADULTS),
        Parameter("km0", "mg/kg", 245.48, "tissue glucose at half the largest uptake", _ADULTS, POSITIVE),
        Parameter("p2u", "1/min", 0.035991, "rate constant of insulin's delay on tissues", _ADULTS),
        Parameter("ke1", "1/min", 0.0005, "glomerular filtration above the threshold", _ALL),
        Parameter("ke2", "mg/kg", 339.0, "renal threshold", _ALL),
        Parameter("kd", "1/min", 0.01565, "insulin under the skin: first depot to second", _ADULTS, POSITIVE),
        Parameter("ka1", "1/min", 0.00355, "first depot to plasma", _ADULTS),
        Parameter("ka2", "1/min", 0.01625, "second depot to plasma", _ADULTS, POSITIVE),
        Parameter("ksc", "1/min", 0.0915, "plasma to interstitial glucose", _ADULTS, POSITIVE),
        Parameter("potency", "pmol/U", 6000.0, "insulin in a unit", "simglucose 0.2.11, t1dpatient.py", POSITIVE),
        Parameter("pump", "1", 1.0, "fold of the basal rate", _HANDLE),
        Parameter("production", "1", 1.0, "fold of kp1, what the liver can make", _HANDLE),
        Parameter("utilisation", "1", 1.0, "fold of vm0, what tissues take up without more insulin", _HANDLE),
    ),
    states=(
        *STOMACH,
        *GLUCOSE,
        State("gs", "mg/kg", "glucose under the skin; a reading, not an amount of its own"),
        State("il", "pmol/kg", "insulin in the liver"),
        State("ip", "pmol/kg", "insulin in plasma"),
        State("i1", "pmol/L", "insulin as the liver feels it, halfway"),
        State("i2", "pmol/L", "insulin as the liver feels it"),
        State("ix", "pmol/L", "insulin as tissues feel it"),
        State("isc1", "U", "insulin under the skin, first depot"),
        State("isc2", "U", "insulin under the skin, second depot"),
    ),
    routes=(Route("meal", to="qsto1"), Route("insulin", to="isc1")),
    gives=(
        Port("glucose", "mg/dL", "concentration", "glucose in plasma",
             normal=Range(70.0, 180.0, "time in range; Battelino et al. 2019, Diabetes Care 42:1593")),
        Port("interstitial_glucose", "mg/dL", "concentration", "glucose under the skin",
             normal=Range(70.0, 180.0, "time in range; Battelino et al. 2019, Diabetes Care 42:1593")),
        Port("insulin", "pmol/L", "concentration", "insulin in plasma"),
        Port("glucose_production", "mg/min", "flow", "glucose made by liver and kidney"),
        Port("rate_of_appearance", "mg/min", "flow", "glucose that appears from the gut"),
        Port("glucose_utilisation", "mg/min", "flow", "glucose that brain and tissues take up"),
        Port("glucose_excretion", "mg/min", "flow", "glucose lost in urine", quantity="glucose"),
        Port("insulin_appearance", "pmol/min", "flow", "insulin that reaches plasma from the skin"),
        Port("insulin_on_board", "U", "amount", "insulin still under the skin"),
        Port("basal_insulin", "U/min", "flow", "insulin that the pump gives as basal rate"),
    ),
    rates=rates,
    outputs=outputs,
    outflows=outflows,
    start=start,
    source="Dalla Man 2007, IEEE TBME 54:1740; Kovatchev 2009, J Diabetes Sci Technol 3:44; simglucose 0.2.11",
)  # fmt: skip
