"""The parts of a body in one structure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from twinsim.models.pbpk import _circulation, _gut, _kidney, _metabolism
from twinsim.models.pbpk._body import Body, Declared, Own, total
from twinsim.models.pbpk._organs import TISSUES
from twinsim.models.pbpk._substance import Substance, several
from twinsim.models.structure import Parameter, Port, Route, Structure

SOURCE = "Jones and Rowland-Yeo 2013, CPT Pharmacometrics Syst Pharmacol 2:e63; Pang and Rowland 1977"


def pbpk(
    name: str,
    substances: Sequence[str | Substance] = ("drug",),
    *,
    tissues: Sequence[str] = TISSUES,
    permeability_limited: Sequence[str] = (),
    liver: str = "well_stirred",
) -> Structure:
    """A whole body that carries one or several substances through the same organs.

    >>> body = pbpk("mine", permeability_limited=("muscle",))
    >>> body.output_names[:3]
    ('concentration', 'concentration_adipose', 'concentration_bone')
    >>> pbpk("mine", ("parent", "metabolite")).output_names[:2]
    ('concentration_parent', 'concentration_adipose_parent')

    Args:
        name: of the structure.
        substances: names, for what is metabolised, filtered and swallowed in the plainest way, or `Substance`s. With
            several, the names of all that is not common to them end in _<substance>.
        tissues: which there are; liver and lung at least. What is left out is not in the body.
        permeability_limited: those of them whose membranes limit uptake.
        liver: "well_stirred" or "parallel_tube".

    Raises:
        ModelError: choices that are unknown or contradict each other.
    """
    listed = several(substances, f"{name}, substances")
    known = tuple(each if isinstance(each, Substance) else Substance(each) for each in listed)
    limited = several(permeability_limited, f"{name}, permeability_limited")
    body = Body(name, known, several(tissues, f"{name}, tissues"), limited, liver)
    equations = _Equations(body)
    enzymes = _metabolism.declared_enzymes(body)
    shared: dict[str, Parameter] = {}
    own: list[Parameter] = []
    for substance in known:
        found = equations.declared[substance.name]
        shared |= {item.name: item for item in found.shared}
        own += _suffixed(found.own, body.suffix(substance))
    shared |= {item.name: item for item in enzymes.shared}
    # All of a substance's states hold it, what has left the body too: nothing leaves, and only metabolites are made.
    states = [
        replace(item, quantity=substance.name)
        for substance in known
        for item in _suffixed(equations.declared[substance.name].states, body.suffix(substance))
    ]
    return Structure(
        name=name,
        parameters=(*shared.values(), *own),
        states=(*states, *enzymes.states),
        routes=tuple(route for substance in known for route in _routes(body, substance)),
        gives=tuple(_gives(body)),
        rates=equations.rates,
        outputs=equations.outputs,
        start=equations.start if enzymes.states else None,
        outflows=equations.outflows if any(map(body.is_made, known)) else None,
        source=SOURCE,
    )


def _declared(body: Body, substance: Substance) -> Declared:
    """All of a substance, states in the order of its way through the body."""
    parts = (
        _gut.declared(substance),
        _circulation.declared(body),
        _metabolism.declared(body, substance),
        _kidney.declared(substance),
    )
    whole = Declared()
    for part in parts:
        whole.shared += part.shared
        whole.own += part.own
        whole.states += part.states
    return whole


def _suffixed(items: Sequence[Any], suffix: str) -> list[Any]:
    return [replace(item, name=item.name + suffix) for item in items]


def _routes(body: Body, substance: Substance) -> list[Route]:
    end = body.suffix(substance)
    routes = [Route(f"iv{end}", to=f"venous{end}")]
    if substance.absorption is not None:
        routes.insert(0, Route(f"oral{end}", to=_gut.first(substance) + end, lag=f"lag{end}"))
    return routes


def _gives(body: Body) -> list[Port]:
    found = []
    for substance in body.substances:
        end, kind = body.suffix(substance), "concentration"
        found.append(Port(f"concentration{end}", "mg/L", kind, f"concentration of {substance.name} in venous plasma"))
        for tissue in body.tissues:
            meaning = f"concentration of {substance.name} in {tissue}"
            found.append(Port(f"concentration_{tissue}{end}", "mg/L", kind, meaning))
        if substance.renal:
            found.append(Port(f"urine{end}", "mg", "amount", f"amount of {substance.name} excreted in urine"))
    for item in _metabolism.declared_enzymes(body).states:
        found.append(Port(item.name, item.unit, "fraction", item.meaning))
    return found


class _Now(NamedTuple):
    """What a body is at, by substance: its values, unbound concentrations, slopes of the gut [mg/h], what its wall
    lets pass, and what each pathway takes of it by (substance, site)."""

    x: Mapping[str, Any]
    p: Mapping[str, Any]
    free: Mapping[tuple[str, str], Any]
    gut: Mapping[str, dict[str, Any]]
    portal: Mapping[str, Any]
    taken: Mapping[tuple[str, str], Mapping[str, Any]]


class _Equations:
    """The three functions of a body."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self.declared = {substance.name: _declared(body, substance) for substance in body.substances}

    def own(self, values: Any) -> dict[str, Own]:
        """Values as each substance names them."""
        found = {}
        for substance in self.body.substances:
            declared = self.declared[substance.name]
            names = frozenset(item.name for item in (*declared.own, *declared.states))
            found[substance.name] = Own(values, names, self.body.suffix(substance))
        return found

    def start(self, p: Any, u: Any) -> dict[str, Any]:
        return {item.name: 1.0 for item in _metabolism.declared_enzymes(self.body).states}

    def rates(self, t: Any, x: Any, p: Any, u: Any) -> dict[str, Any]:
        body, now = self.body, self._now(x, p)
        formed = _metabolism.formed(body, now.taken, now.p)
        result = _metabolism.turnover(body, x, now.p, now.free)
        for substance in body.substances:
            name, end = substance.name, body.suffix(substance)
            portal = now.portal[name] + formed.get((name, "gut"), 0.0)
            found = self._substance(substance, now.x[name], now.p[name], portal, now.taken, now.gut[name])
            found["liver"] = found["liver"] + formed.get((name, "liver"), 0.0)
            states = {item.name for item in self.declared[name].states}
            result |= {state + end: value for state, value in found.items() if state in states}
        return result

    def outflows(self, t: Any, x: Any, p: Any, u: Any) -> dict[str, Any]:
        """What is made of each metabolite, with a minus [mg/h]; its parent counts as metabolised."""
        now, found = self._now(x, p), {}
        for (name, _), made in _metabolism.formed(self.body, now.taken, now.p).items():
            found[name] = found.get(name, 0.0) - made
        return found

    def _now(self, x: Any, p: Any) -> _Now:
        body, own_x, own_p = self.body, self.own(x), self.own(p)
        free = _metabolism.concentrations(body, own_x, own_p)
        active = _metabolism.activities(body, x, own_p, free)
        gut: dict[str, dict[str, Any]] = {}
        portal: dict[str, Any] = {}
        taken: dict[tuple[str, str], Mapping[str, Any]] = {}
        for substance in body.substances:
            name, xs, ps = substance.name, own_x[substance.name], own_p[substance.name]
            taken[name, "liver"], bile = _metabolism.in_liver(body, substance, xs, ps, active)
            passage = _gut.passage(substance, xs, ps, bile)
            in_wall, taken[name, "gut"], portal[name] = _gut.wall(substance, xs, ps, passage.absorbed, active)
            gut[name] = {**passage.slopes, **in_wall, "bile": bile, "faeces": passage.lost}
        return _Now(own_x, own_p, free, gut, portal, taken)

    def _substance(
        self, substance: Substance, x: Any, p: Any, portal: Any, taken: Mapping, gut: dict[str, Any]
    ) -> dict[str, Any]:
        """Slopes of one substance, without what others become in its liver."""
        filtered, secreted, urine = _kidney.excretion(self.body, substance, x, p)
        found = {**gut, **_circulation.slopes(self.body, x, p, portal, filtered)}
        if substance.renal:
            found["kidney"] = found["kidney"] - secreted
        metabolised = {site: total(taken[substance.name, site].values()) for site in ("liver", "gut")}
        found["liver"] = found["liver"] - (metabolised["liver"] + gut["bile"])
        found |= {f"metabolised_{site}": value for site, value in metabolised.items()}
        return {**found, "urine": urine}

    def outputs(self, t: Any, x: Any, p: Any, u: Any) -> dict[str, Any]:
        body, found = self.body, {}
        own_x, own_p = self.own(x), self.own(p)
        for substance in body.substances:
            xs, ps, end = own_x[substance.name], own_p[substance.name], body.suffix(substance)
            found[f"concentration{end}"] = xs.venous / (ps.v_venous * ps.bp)
            for tissue in body.tissues:
                found[f"concentration_{tissue}{end}"] = _circulation.content(body, tissue, xs, ps)
            if substance.renal:
                found[f"urine{end}"] = xs.urine
        return found | {item.name: getattr(x, item.name) for item in _metabolism.declared_enzymes(body).states}
