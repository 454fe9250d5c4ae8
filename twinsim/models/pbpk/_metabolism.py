"""Enzymes and what they do to substances, in the liver and in the gut wall. c is unbound, at that site.

    pathway      clint e c / (1 + sum of i/ki + c/km)        km where saturable, i of the substances that inhibit; there
                                                             km takes the place of a substance's own ki
    enzyme       d e/dt = kdeg (1 + sum of emax i/(ec50 + i)) - (kdeg + sum of kinact i/(kapp + i)) e,   e = 1 at first
    bile         clint_bile c
    in the wall  i = fu_gut enterocytes/v_enterocytes + fu arterial/(v_arterial bp): enzymes feel what arteries bring,
                 though nothing of that is taken there

    well stirred     c = fu a / (v kp), the liver's own
    parallel tube    that times (exp(x) - 1)/x, the log mean of both ends,   x = fu sum of clint / (bp q)

with clint as inhibited and induced, and q the blood that leaves the liver. At rest a tube keeps exp(-x) of what enters.

Source: Pang and Rowland 1977, J Pharmacokinet Biopharm 5:625, both livers; FDA 2020, In vitro drug interaction studies,
guidance for industry, the interactions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp

from twinsim.models.pbpk._body import Body, Declared, total
from twinsim.models.pbpk._circulation import liver_flow, unbound
from twinsim.models.pbpk._substance import SITES, Pathway, Substance
from twinsim.models.structure import POSITIVE, Parameter, State

_ASAUMI = "Asaumi et al. 2018, doi:10.1002/psp4.12275, CYP3A4, as carried by public models"
_KDEG = {"liver": 0.0158, "gut": 0.0288}  # Asaumi et al. 2018, as above


class Activity(NamedTuple):
    """Of an enzyme at a site: its amount relative to rest, and i/ki of each substance that inhibits it, by name."""

    amount: Any = 1.0
    held: tuple[tuple[str, Any], ...] = ()


def declared(body: Body, substance: Substance) -> Declared:
    """Intrinsic clearances, metabolites, effects on enzymes, and what was metabolised."""
    found = Declared()
    for pathway in substance.pathways:
        found.own += _of_pathway(pathway)
    if body.makes(substance):
        found.own.append(Parameter("molar_mass", "g/mol", 300.0, "molar mass", "assumed", POSITIVE))
    for enzyme in substance.enzymes:
        found.own += _of_interaction(substance, enzyme)
    if substance.bile is not None:
        bile = "clearance of unbound drug in the liver into bile"
        found.own.append(Parameter("clint_bile", "L/h", 5.0, bile, "assumed"))
    for site in SITES:
        if substance.at(site):
            found.states.append(State(f"metabolised_{site}", "mg", f"amount metabolised in the {_words(site)}"))
    return found


def _words(site: str) -> str:
    return "gut wall" if site == "gut" else site


def _of_pathway(pathway: Pathway) -> list[Parameter]:
    name, found = pathway.name, []
    if "liver" in pathway.sites:
        clint = f"intrinsic clearance of unbound drug by {name}, whole liver"
        found.append(Parameter(f"clint_{name}", "L/h", 50.0, clint, "assumed"))
    if "gut" in pathway.sites:
        clint = f"intrinsic clearance of unbound drug by {name}, whole gut wall"
        found.append(Parameter(f"clint_gut_{name}", "L/h", 1.0, clint, "assumed"))
    if pathway.saturable:
        km = f"unbound concentration of half the largest rate of {name}"
        found.append(Parameter(f"km_{name}", "mg/L", 1.0, km, "assumed", POSITIVE))
    if pathway.makes is not None:
        share = f"fraction of the moles of {name} that are {pathway.makes}"
        found.append(Parameter(f"formed_{name}", "1", 1.0, share, "assumed", (0.0, 1.0)))
    return found


def _of_interaction(substance: Substance, enzyme: str) -> list[Parameter]:
    found, half = [], "unbound concentration of half that"
    if enzyme in substance.inhibits:
        ki = f"unbound concentration that halves the activity of {enzyme}"
        found.append(Parameter(f"ki_{enzyme}", "mg/L", 1.0, ki, "assumed", POSITIVE))
    if enzyme in substance.induces:
        emax = f"largest increase of the synthesis of {enzyme}, as a multiple of it"
        found.append(Parameter(f"emax_{enzyme}", "1", 4.57, emax, f"{_ASAUMI}, by rifampicin"))
        found.append(Parameter(f"ec50_{enzyme}", "mg/L", 0.0526, half, f"{_ASAUMI}, by rifampicin", POSITIVE))
    if enzyme in substance.inactivates:
        found.append(Parameter(f"kinact_{enzyme}", "1/h", 1.0, f"fastest inactivation of {enzyme}", "assumed"))
        found.append(Parameter(f"kapp_{enzyme}", "mg/L", 1.0, half, "assumed", POSITIVE))
    return found


def turned_over(body: Body) -> list[tuple[str, str]]:
    """Enzymes with their sites whose amounts change, in order."""
    moved = dict.fromkeys(
        enzyme for substance in body.substances for enzyme in (*substance.induces, *substance.inactivates)
    )
    return [(enzyme, site) for enzyme in moved for site in SITES if body.is_at(enzyme, site)]


def declared_enzymes(body: Body) -> Declared:
    """Turnover of the enzymes whose amounts change; these states belong to no substance."""
    found = Declared()
    for enzyme, site in turned_over(body):
        where = f"{enzyme} in the {_words(site)}"
        kdeg = f"rate constant of degradation of {where}"
        found.shared.append(Parameter(f"kdeg_{enzyme}_{site}", "1/h", _KDEG[site], kdeg, _ASAUMI))
        found.states.append(State(f"enzyme_{enzyme}_{site}", "1", f"amount of {where}, relative to that at rest"))
    return found


def concentrations(body: Body, x: Mapping[str, Any], p: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    """Unbound concentration [mg/L] at which every substance acts on the enzymes of every site: (substance, site)."""
    found = {}
    for substance in body.substances:
        own_x, own_p = x[substance.name], p[substance.name]
        found[substance.name, "liver"] = unbound(body, "liver", own_x, own_p)
        found[substance.name, "gut"] = own_p.fu * own_x.arterial / (own_p.v_arterial * own_p.bp)
        if substance.gut_wall == "enterocytes":
            found[substance.name, "gut"] += own_p.fu_gut * own_x.enterocytes / own_p.v_enterocytes
    return found


def activities(
    body: Body, x: Any, p: Mapping[str, Any], free: Mapping[tuple[str, str], Any]
) -> dict[tuple[str, str], Activity]:
    """Activity of every enzyme at every site: (enzyme, site)."""
    found, moving = {}, turned_over(body)
    for enzyme in body.enzymes:
        for site in SITES:
            held = tuple(
                (other.name, free[other.name, site] / getattr(p[other.name], f"ki_{enzyme}"))
                for other in body.substances
                if enzyme in other.inhibits
            )
            amount = getattr(x, f"enzyme_{enzyme}_{site}") if (enzyme, site) in moving else 1.0
            found[enzyme, site] = Activity(amount, held)
    return found


def turnover(body: Body, x: Any, p: Mapping[str, Any], free: Mapping[tuple[str, str], Any]) -> dict[str, Any]:
    """Slopes of the enzymes' amounts."""
    found = {}
    for enzyme, site in turned_over(body):
        kdeg = getattr(p[body.substances[0].name], f"kdeg_{enzyme}_{site}")
        made, lost = [1.0], [kdeg]
        for other in body.substances:
            own, i = p[other.name], free[other.name, site]
            if enzyme in other.induces:
                made.append(getattr(own, f"emax_{enzyme}") * i / (getattr(own, f"ec50_{enzyme}") + i))
            if enzyme in other.inactivates:
                lost.append(getattr(own, f"kinact_{enzyme}") * i / (getattr(own, f"kapp_{enzyme}") + i))
        state = f"enzyme_{enzyme}_{site}"
        found[state] = kdeg * total(made) - total(lost) * getattr(x, state)
    return found


def clearances(substance: Substance, site: str, free: Any, p: Any, active: Mapping[Any, Activity]) -> dict[str, Any]:
    """Clearance of unbound substance by each pathway of a site now [L/h]."""
    found = {}
    for pathway in substance.at(site):
        activity = active.get((pathway.enzyme, site), Activity())
        clint = getattr(p, f"clint_gut_{pathway.name}" if site == "gut" else f"clint_{pathway.name}")
        held = [ratio for name, ratio in activity.held if not (pathway.saturable and name == substance.name)]
        if pathway.saturable:
            held.append(free / getattr(p, f"km_{pathway.name}"))
        found[pathway.name] = clint * activity.amount / total([1.0, *held])
    return found


def in_liver(
    body: Body, substance: Substance, x: Any, p: Any, active: Mapping[Any, Activity]
) -> tuple[dict[str, Any], Any]:
    """What each pathway of the liver takes, and what goes to bile [mg/h]."""
    free = unbound(body, "liver", x, p)
    found = clearances(substance, "liver", free, p, active)
    to_bile = [] if substance.bile is None else [p.clint_bile]
    if body.liver == "parallel_tube" and (found or to_bile):
        free = free * _log_mean(p.fu * total([*found.values(), *to_bile]) / (p.bp * liver_flow(body, p)))
    return {name: each * free for name, each in found.items()}, total(each * free for each in to_bile)


def _log_mean(x: Any) -> Any:
    """(exp(x) - 1)/x, 1 at 0: the log mean of a tube's ends over what leaves it."""
    safe = jnp.where(x > 0.0, x, 1.0)
    return jnp.where(x > 0.0, jnp.expm1(safe) / safe, 1.0)


def formed(body: Body, taken: Mapping[tuple[str, str], Mapping[str, Any]], p: Mapping[str, Any]) -> dict[Any, Any]:
    """What arrives of each substance from the pathways of others [mg/h]: (substance, site), where there is anything.

    Args:
        taken: what each pathway takes [mg/h], by (substance, site).
    """
    found: dict[tuple[str, str], list] = {}
    for parent in body.substances:
        for site in SITES:
            for pathway in parent.at(site):
                if pathway.makes is None:
                    continue
                ratio = p[pathway.makes].molar_mass / p[parent.name].molar_mass
                share = getattr(p[parent.name], f"formed_{pathway.name}") * ratio
                found.setdefault((pathway.makes, site), []).append(share * taken[parent.name, site][pathway.name])
    return {key: total(terms) for key, terms in found.items()}
