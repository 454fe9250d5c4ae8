"""What both glucose organs share: a meal on its way through stomach and gut, glucose in plasma and tissue.

    stomach       = qsto1 + qsto2                                   solid and ground [mg]
    full          = stomach / meal,   meal = stomach + emptied + begun - swallowed,   at least least_meal
    kempt         = kmin + (kmax - kmin)/2 (tanh(2.5 (full - b)/(1 - b)) - tanh(2.5 (full - d)/d) + 2)
    d qsto1/dt    = -kgri qsto1
    d qsto2/dt    =  kgri qsto1 - kempt qsto2
    d emptied/dt  =  kempt qsto2
    d qgut/dt     =  kempt qsto2 - kabs qgut
    ra            =  f kabs qgut / bw                               [mg/kg/min]

    begun, swallowed                                                 counters that nothing changes but events

The papers write kempt for one meal D, with 5/(2 D (1 - b)) (stomach - b D); simulators take for D what the stomach held
when eating began and what has been eaten since. That is stomach + emptied, if emptied is set to 0 when a meal begins.
simglucose counts a minute's food as that minute begins: then begun holds it, and swallowed what has gone down.

    d gp/dt = egp + ra - fcns - renal - k1 gp + k2 gt,              renal = max(ke1 (gp - ke2), 0)
    d gt/dt = k1 gp - k2 gt - (utilisation vm0 + vmx (ix - ib)) gt/(km0 + gt)

Where gp reaches 0 the brain takes no more than there is. At rest gp = gb vg, and

    gt = (fcns + renal - egpb + k1 gp)/k2,   vm0 = (egpb - fcns - renal) (km0 + gt)/gt

Source: Dalla Man, Camilleri and Cobelli 2006, IEEE Trans Biomed Eng 53:2472, the gut; Dalla Man, Rizza and Cobelli
2007, IEEE Trans Biomed Eng 54:1740, the rest.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp

from twinsim.models.structure import State

STOMACH = (
    State("qsto1", "mg", "glucose in the stomach, solid", quantity="glucose"),
    State("qsto2", "mg", "glucose in the stomach, ground", quantity="glucose"),
    State("emptied", "mg", "glucose that left the stomach since the last meal began; a meal sets it to 0"),
    State("begun", "mg", "food of this meal that counted before it was swallowed; a meal sets it to 0"),
    State("swallowed", "mg", "as much of it as has been swallowed; a meal sets it to 0"),
    State("qgut", "mg", "glucose in the gut", quantity="glucose"),
)
GLUCOSE = (
    State("gp", "mg/kg", "glucose in plasma and what is in balance with it", quantity="glucose", weight="bw"),
    State("gt", "mg/kg", "glucose in tissues that are slower", quantity="glucose", weight="bw"),
)


class Gut(NamedTuple):
    """Slopes of the states STOMACH, what appears in plasma [mg/kg/min], what is never absorbed [mg/min]."""

    slopes: dict[str, Any]
    appearing: Any
    lost: Any


def gut(x: Any, p: Any, kgri: Any) -> Gut:
    """A meal on its way.

    Args:
        kgri: rate constant of grinding [1/min].
    """
    stomach = x.qsto1 + x.qsto2
    full = stomach / jnp.maximum(stomach + x.emptied + x.begun - x.swallowed, p.least_meal)
    turns = jnp.tanh(2.5 * (full - p.b) / (1.0 - p.b)) - jnp.tanh(2.5 * (full - p.d) / p.d)
    kempt = p.kmin + 0.5 * (p.kmax - p.kmin) * (turns + 2.0)
    ground, leaving, absorbed = kgri * x.qsto1, kempt * x.qsto2, p.kabs * x.qgut
    slopes = {"qsto1": -ground, "qsto2": ground - leaving, "emptied": leaving, "qgut": leaving - absorbed}
    counters = {"begun": 0.0 * leaving, "swallowed": 0.0 * leaving}
    return Gut({**slopes, **counters}, p.f * absorbed / p.bw, (1.0 - p.f) * absorbed)


class Rest(NamedTuple):
    """Glucose at rest: plasma and tissue [mg/kg], and the uptake at saturation that keeps them so [mg/kg/min]."""

    gp: Any
    gt: Any
    vm0: Any


def rest(p: Any) -> Rest:
    """Closed form of the state that a patient of basal glucose gb and production egpb stays in."""
    gp = p.gb * p.vg
    renal = jnp.maximum(p.ke1 * (gp - p.ke2), 0.0)
    gt = (p.fcns + renal - p.egpb + p.k1 * gp) / p.k2
    return Rest(gp, gt, (p.egpb - p.fcns - renal) * (p.km0 + gt) / gt)


class Fluxes(NamedTuple):
    """Slopes of the states GLUCOSE and what flows, all [mg/kg/min]."""

    slopes: dict[str, Any]
    production: Any
    utilisation: Any
    renal: Any


def fluxes(x: Any, p: Any, production: Any, appearing: Any, vm0: Any) -> Fluxes:
    """Glucose in plasma and tissue.

    Args:
        production: endogenous [mg/kg/min].
        appearing: from the gut [mg/kg/min].
        vm0: uptake at saturation and basal insulin [mg/kg/min].
    """
    renal = jnp.maximum(p.ke1 * (x.gp - p.ke2), 0.0)
    tissue = (p.utilisation * vm0 + p.vmx * (x.ix - p.ib)) * x.gt / (p.km0 + x.gt)
    free = production + appearing - renal - p.k1 * x.gp + p.k2 * x.gt
    brain = jnp.where(x.gp > 0.0, p.fcns, jnp.minimum(p.fcns, jnp.maximum(free, 0.0)))
    slopes = {"gp": free - brain, "gt": p.k1 * x.gp - p.k2 * x.gt - tissue}
    return Fluxes(slopes, production, brain + tissue, renal)
