"""From the mouth to the portal vein. Amounts in mg.

    first order    d lumen/dt       = -ka lumen;   fa of it is absorbed, the rest ends in faeces
                   d solid/dt       = -kdiss solid,   what dissolves comes into the lumen
    transit        d stomach/dt     = -gastric_emptying stomach
                   d intestine1/dt  =  gastric_emptying stomach - (kt + ka) intestine1,   kt = 7/transit_time
                   d intestine2/dt  =  kt intestine1 - (kt + ka) intestine2,   and so on to intestine7
                   d colon/dt       =  kt intestine7 - (1/colon_time + colon_absorption ka) colon
                   ka               =  2 peff / radius
    a solid        moves with the fluid and dissolves:  kdiss solid (1 - dissolved/(fluid solubility)),  or kdiss solid
    qgut           fg = qgut / (qgut + fu_gut sum of clint_gut) passes,  qgut = q_villi clperm / (q_villi + clperm)
    enterocytes    d enterocytes/dt = absorbed - (qgut + fu_gut sum of clint_gut) enterocytes/v_enterocytes
    gallbladder    d gallbladder/dt = bile - bile_emptying gallbladder,  into lumen or intestine1

Without absorption by stomach and colon the fraction absorbed of a solution is 1 - (1 + ka/kt)^-7. Enterocytes hold what
is absorbed, not what arteries bring.

Source: Yu and Amidon 1999, Int J Pharm 186:119, transit; Yang et al. 2007, Curr Drug Metab 8:676, qgut; Noyes and
Whitney 1897, J Am Chem Soc 19:930, solids.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from twinsim.models.pbpk._body import Declared, total
from twinsim.models.pbpk._metabolism import clearances
from twinsim.models.pbpk._substance import Substance
from twinsim.models.structure import POSITIVE, Parameter, State

COMPARTMENTS = 7
INTESTINE = tuple(f"intestine{i}" for i in range(1, COMPARTMENTS + 1))
TRANSIT = ("stomach", *INTESTINE, "colon")
_YU = "Yu and Amidon 1999, Int J Pharm 186:119"
_YANG = "Yang et al. 2007, as carried by public models"


class Passage(NamedTuple):
    """What a gut does now: slopes of its states, what enters the wall, what leaves as faeces [mg/h]."""

    slopes: dict[str, Any]
    absorbed: Any
    lost: Any


def first(substance: Substance) -> str:
    """The state that a swallowed dose goes to."""
    if substance.absorption == "first_order":
        return "lumen" if substance.dissolution is None else "solid"
    return "stomach" if substance.dissolution is None else "solid_stomach"


def declared(substance: Substance) -> Declared:
    """Parameters and states of absorption, gut wall, bile and faeces."""
    found = Declared()
    if substance.absorption == "first_order":
        found.own += [
            Parameter("ka", "1/h", 1.0, "absorption rate constant", "assumed"),
            Parameter("fa", "1", 1.0, "fraction absorbed", "assumed", (0.0, 1.0)),
        ]
        if substance.dissolution is not None:
            kdiss = "rate constant at which a tablet becomes a solution in the gut"
            found.own.append(Parameter("kdiss", "1/h", 2.0, kdiss, "assumed"))
            found.states.append(State("solid", "mg", "amount undissolved in the gut"))
        found.states.append(State("lumen", "mg", "amount in the gut"))
    elif substance.absorption == "transit":
        _declare_transit(substance, found)
    if substance.absorption is not None:
        found.own.append(Parameter("lag", "h", 0.0, "absorption lag", "assumed"))
    if substance.gut_wall is not None:
        found.shared.append(Parameter("q_villi", "L/h", 18.0, "blood flow of villi", _YANG, POSITIVE))
        found.own += [
            Parameter("clperm", "L/h", 10.0, "permeability times surface of the gut wall", "assumed", POSITIVE),
            Parameter("fu_gut", "1", 1.0, "unbound fraction in enterocytes", "assumed", (1e-9, 1.0)),
        ]
    if substance.gut_wall == "enterocytes":
        found.shared.append(Parameter("v_enterocytes", "L", 0.1, "volume of enterocytes", "assumed", POSITIVE))
        found.states.append(State("enterocytes", "mg", "amount in enterocytes"))
    if substance.bile == "enterohepatic":
        emptying = "rate constant of emptying of the gallbladder"
        found.shared.append(Parameter("bile_emptying", "1/h", 0.5, emptying, "assumed"))
        found.states.append(State("gallbladder", "mg", "amount in bile"))
    if substance.absorption is not None or substance.bile is not None:
        found.states.append(State("faeces", "mg", "amount in faeces"))
    return found


def _declare_transit(substance: Substance, found: Declared) -> None:
    peff = "effective permeability of the small intestine"
    colon = "absorption rate constant of the colon over that of the small intestine"
    found.own += [
        Parameter("peff", "cm/s", 1e-4, peff, "assumed"),
        Parameter("colon_absorption", "1", 0.0, colon, "assumed"),
    ]
    found.shared += [
        Parameter("gastric_emptying", "1/h", 4.0, "rate constant of emptying of the stomach", f"{_YU}: 0.25 h"),
        Parameter("transit_time", "h", 3.32, "mean transit time of the small intestine", _YU, POSITIVE),
        Parameter("radius", "cm", 1.75, "radius of the small intestine", _YU, POSITIVE),
        Parameter("colon_time", "h", 24.0, "mean transit time of the colon", "assumed", POSITIVE),
    ]
    for place in TRANSIT:
        found.states.append(State(place, "mg", f"amount dissolved in {_words(place)}"))
    if substance.dissolution is None:
        return
    found.own.append(Parameter("kdiss", "1/h", 2.0, "rate constant of dissolution in much fluid", "assumed"))
    found.states += [State(f"solid_{place}", "mg", f"amount undissolved in {_words(place)}") for place in TRANSIT]
    if substance.dissolution == "noyes_whitney":
        found.own.append(Parameter("solubility", "mg/L", 100.0, "solubility in the gut", "assumed", POSITIVE))
        for place, fluid in (("stomach", 0.25), ("intestine", 0.1), ("colon", 0.1)):
            words = f"fluid in {'all the small intestine' if place == 'intestine' else f'the {place}'}"
            found.shared.append(Parameter(f"fluid_{place}", "L", fluid, words, "assumed", POSITIVE))


def _words(place: str) -> str:
    number = place.removeprefix("intestine")
    return f"the small intestine, part {number}" if number != place else f"the {place}"


def passage(substance: Substance, x: Any, p: Any, bile: Any) -> Passage:
    """Lumen, absorption into the wall, and bile that comes back.

    Args:
        bile: what the liver gives to bile [mg/h].
    """
    returned = lost = 0.0
    slopes = {}
    if substance.bile == "enterohepatic":
        returned = p.bile_emptying * x.gallbladder
        slopes["gallbladder"] = bile - returned
    elif substance.bile == "faeces":
        lost = bile
    if substance.absorption is None:
        return Passage(slopes, 0.0, lost)
    if substance.absorption == "first_order":
        gone = p.ka * x.lumen
        absorbed = p.fa * gone
        if substance.dissolution is not None:
            dissolving = p.kdiss * x.solid
            slopes["solid"], returned = -dissolving, returned + dissolving
        return Passage({**slopes, "lumen": returned - gone}, absorbed, lost + (gone - absorbed))
    moved = _transit(substance, x, p, returned)
    return Passage({**slopes, **moved.slopes}, moved.absorbed, lost + moved.lost)


def _transit(substance: Substance, x: Any, p: Any, returned: Any) -> Passage:
    ka = 2.0 * p.peff * 3600.0 / p.radius  # 3600 s/h
    leaving = {"stomach": p.gastric_emptying}
    leaving |= dict.fromkeys(INTESTINE, COMPARTMENTS / p.transit_time)
    leaving |= {"colon": 1.0 / p.colon_time}
    taking = dict.fromkeys(INTESTINE, ka) | {"colon": p.colon_absorption * ka}
    absorbed = {place: taking[place] * getattr(x, place) for place in taking}
    slopes, carried = _carried(x, leaving, "")
    for place, amount in absorbed.items():
        slopes[place] = slopes[place] - amount
    slopes[INTESTINE[0]] = slopes[INTESTINE[0]] + returned
    if substance.dissolution is not None:
        solids, undissolved = _carried(x, leaving, "solid_")
        carried = carried + undissolved
        for place in TRANSIT:
            dissolving = p.kdiss * getattr(x, f"solid_{place}")
            if substance.dissolution == "noyes_whitney":
                dissolving = dissolving * (1.0 - getattr(x, place) / (_fluid(place, p) * p.solubility))
            solids[f"solid_{place}"] = solids[f"solid_{place}"] - dissolving
            slopes[place] = slopes[place] + dissolving
        slopes = slopes | solids
    return Passage(slopes, total(absorbed.values()), carried)


def _fluid(place: str, p: Any) -> Any:
    return p.fluid_intestine / COMPARTMENTS if place in INTESTINE else getattr(p, f"fluid_{place}")


def _carried(x: Any, leaving: Mapping[str, Any], prefix: str) -> tuple[dict[str, Any], Any]:
    """Slopes of what the fluid carries along from place to place, and what leaves at the end."""
    slopes, before = {}, None
    for place, rate in leaving.items():
        after = rate * getattr(x, prefix + place)
        slopes[prefix + place] = -after if before is None else before - after
        before = after
    return slopes, before


def wall(substance: Substance, x: Any, p: Any, absorbed: Any, active: Any) -> tuple[dict[str, Any], dict, Any]:
    """Slopes of the wall, what each of its pathways takes, and what reaches portal blood [mg/h]."""
    if substance.gut_wall is None:
        return {}, {}, absorbed
    qgut = p.q_villi * p.clperm / (p.q_villi + p.clperm)
    if substance.gut_wall == "qgut":
        clearing = {name: p.fu_gut * each for name, each in clearances(substance, "gut", 0.0, p, active).items()}
        concentration = absorbed / total([qgut, *clearing.values()])
        return {}, {name: each * concentration for name, each in clearing.items()}, qgut * concentration
    concentration = x.enterocytes / p.v_enterocytes
    free = p.fu_gut * concentration
    taken = {name: each * free for name, each in clearances(substance, "gut", free, p, active).items()}
    passed = qgut * concentration
    return {"enterocytes": absorbed - total([passed, *taken.values()])}, taken, passed
