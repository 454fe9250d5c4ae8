"""The equations of coupled parts, evaluated together: each part sees its own names, time and units.

Nothing here is left when it runs: the parts' outputs are asked for by name while the equations are traced, once, in
the order in which they need each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from twinsim import units
from twinsim.errors import ModelError
from twinsim.models.balance import quantity_units
from twinsim.models.loops import solve_loop
from twinsim.models.ranges import Range
from twinsim.models.structure import Parameter, Route, Structure
from twinsim.models.values import Values


class Wire(NamedTuple):
    """What feeds a need: an output of the part `giver`, or (None) a parameter or an outside need of the whole."""

    giver: str | None
    name: str
    factor: float
    outside: bool = False


@dataclass(frozen=True)
class Part:
    """One structure inside a coupled one.

    Args:
        names: its own names that differ in the whole.
        clock: the part's time units in one of the whole's.
        timed: parameters declared anew in the whole's time, with the factor back.
    """

    label: str
    structure: Structure
    names: Mapping[str, str]
    clock: float
    timed: Mapping[str, tuple[Parameter, float]] = field(default_factory=dict)

    def name(self, own: str) -> str:
        """A name of the part as the whole knows it."""
        return self.names.get(own, own)

    def items(self, group: str) -> tuple[Any, ...]:
        """Declarations of a group (parameters, states, gives, needs, routes) under the names of the whole."""
        if group == "routes":
            return tuple(self._route(route) for route in self.structure.routes)
        items = getattr(self.structure, group)
        if group == "parameters":
            items = [self.timed[item.name][0] if item.name in self.timed else item for item in items]
        return tuple(self._renamed(item) for item in items)

    def _renamed(self, item: Any) -> Any:
        """A declaration with the names of the whole, its quantity's and weight's too."""
        more = {}
        for key in ("quantity", "weight"):
            if isinstance(getattr(item, key, None), str):
                more[key] = self.name(getattr(item, key))
        return replace(item, name=self.name(item.name), **more)

    def _route(self, route: Route) -> Route:
        roles = {role: getattr(route, role) for role in ("name", "to", "lag", "f", "rate", "duration")}
        return replace(route, **{role: own and self.name(own) for role, own in roles.items()})

    def parameters(self, p: Any) -> Values:
        """Its own parameters out of those of the whole."""
        values = {own: getattr(p, self.name(own)) for own in self.structure.parameter_names}
        for own, (_, back) in self.timed.items():
            values[own] = values[own] if back == 1.0 else values[own] * back
        return Values(values, f"parameters of {self.label}")


class _Inputs:
    """Needs of a part, fetched when its equations ask for them."""

    __slots__ = ("_fetch",)

    def __init__(self, fetch: Callable[[str], Any]) -> None:
        self._fetch = fetch

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._fetch(name)


class Wiring:
    """The three functions of a coupled structure."""

    def __init__(
        self,
        name: str,
        parts: Mapping[str, Part],
        wires: Mapping[tuple[str, str], Wire],
        solve: Mapping[tuple[str, str], str] | None = None,
    ) -> None:
        self.name, self.parts, self.wires, self.solve = name, parts, wires, solve or {}

    def rates(self, t: Any, x: Any, p: Any, u: Any) -> dict[str, Any]:
        now = _Instant(self, t, p, u, x)
        result = {}
        for label, part in self.parts.items():
            own = part.structure.rates(now.time(part), now.states(label), now.parameters(label), now.inputs(label))
            for state, value in own.items():
                result[part.name(state)] = value if part.clock == 1.0 else value * part.clock
        return result

    def outputs(self, t: Any, x: Any, p: Any, u: Any) -> dict[str, Any]:
        now = _Instant(self, t, p, u, x)
        return {
            part.name(own): value for label, part in self.parts.items() for own, value in now.outputs(label).items()
        }

    def outflows(self, t: Any, x: Any, p: Any, u: Any) -> dict[str, Any]:
        """What leaves the parts by no port, less what needs bring in that is no flow of the whole."""
        now, result = _Instant(self, t, p, u, x), {}
        for label, part in self.parts.items():
            structure = part.structure
            leaving = {}
            if structure.outflows is not None:
                how = now.time(part), now.states(label), now.parameters(label), now.inputs(label)
                leaving = dict(structure.outflows(*how))
            held = quantity_units(structure) if structure.outflows or structure.needs else {}
            for port in structure.needs:
                if port.quantity is not None and self._is_made(label, port.name):
                    factor = units.factor(f"({port.unit}) ({structure.time})", held[port.quantity])
                    leaving[port.quantity] = leaving.get(port.quantity, 0.0) - now.fetch(label, port.name) * factor
            for name, value in leaving.items():
                whole = part.name(name)
                factor = part.clock * units.factor(held[name], self.held[whole])
                result[whole] = result.get(whole, 0.0) + (value if factor == 1.0 else value * factor)
        return result

    def is_inside(self, label: str, need: str) -> bool:
        """Whether a need takes in the quantity that leaves the part which feeds it."""
        wire, own = self.wires[label, need], self._carried(label, "needs", need)
        return wire.giver is not None and own is not None and own == self._carried(wire.giver, "gives", wire.name)

    def _is_made(self, label: str, need: str) -> bool:
        """Whether what a need brings in is fed by a constant, or leaves another part as another quantity."""
        wire = self.wires.get((label, need))
        if wire is None or wire.outside:
            return False
        return wire.giver is None or (
            not self.is_inside(label, need) and self._carried(wire.giver, "gives", wire.name) is not None
        )

    def _carried(self, label: str, group: str, own: str) -> str | None:
        part = self.parts[label]
        quantity = next(port.quantity for port in getattr(part.structure, group) if port.name == own)
        return None if quantity is None else part.name(quantity)

    @cached_property
    def held(self) -> Mapping[str, str]:
        """The unit of each quantity in the whole: that of the first part that names it."""
        found: dict[str, str] = {}
        for part in self.parts.values():
            for name, unit in quantity_units(part.structure).items():
                found.setdefault(part.name(name), unit)
        return found

    def start(self, p: Any, u: Any) -> dict[str, Any]:
        now = _Instant(self, 0.0, p, u, None)
        result = {}
        for label, part in self.parts.items():
            result |= {part.name(own): value for own, value in now.started(label).items()}
        return result


class _Instant:
    """All parts at one time; what was worked out is kept, so that each part is evaluated once.

    Args:
        x: states of the whole; None at the beginning, where the parts' own `start` gives them.
        tried: values of the needs that are solved for, while they are.
    """

    def __init__(self, wiring: Wiring, t: Any, p: Any, u: Any, x: Any, tried: Any = None) -> None:
        self.wiring, self.t, self.p, self.u, self.x, self.tried = wiring, t, p, u, x, tried
        self.kept: dict[tuple[str, str], Any] = {}
        self.open: list[str] = []

    def once(self, what: str, label: str, work: Callable[[], Any]) -> Any:
        """The result of `work`, done once; a result that needs itself is a loop."""
        if (what, label) not in self.kept:
            step = f"{label} {what}"
            if step in self.open:
                circle = [*self.open[self.open.index(step) :], step]
                raise ModelError(
                    "an algebraic loop: outputs that need each other at one instant",
                    where=self.wiring.name,
                    why=" <- ".join(circle),
                    do="break it with a state (a delay or an effect compartment), give the outputs in two parts, or "
                    "solve it from a value to begin with: solve={'part.need': value}",
                )
            self.open.append(step)
            self.kept[what, label] = work()
            self.open.pop()
        return self.kept[what, label]

    def time(self, part: Part) -> Any:
        return self.t if part.clock == 1.0 else self.t * part.clock

    def parameters(self, label: str) -> Values:
        return self.once("parameters", label, lambda: self.wiring.parts[label].parameters(self.p))

    def states(self, label: str) -> Values:
        part = self.wiring.parts[label]
        if self.x is None:
            return Values(self.started(label), f"states of {label}")
        return Values(
            {own: getattr(self.x, part.name(own)) for own in part.structure.state_names}, f"states of {label}"
        )

    def started(self, label: str) -> dict[str, Any]:
        structure = self.wiring.parts[label].structure
        blank = dict.fromkeys(structure.state_names, 0.0)
        if structure.start is None:
            return blank
        begin = structure.start
        return self.once("start", label, lambda: blank | dict(begin(self.parameters(label), self.inputs(label))))

    def outputs(self, label: str) -> Mapping[str, Any]:
        part = self.wiring.parts[label]
        return self.once(
            "outputs",
            label,
            lambda: part.structure.outputs(
                self.time(part), self.states(label), self.parameters(label), self.inputs(label)
            ),
        )

    def inputs(self, label: str) -> _Inputs:
        return _Inputs(lambda need: self.fetch(label, need))

    def fetch(self, label: str, need: str) -> Any:
        wire = self.wiring.wires.get((label, need))
        if wire is None:
            return getattr(Values({}, f"needs of {label}"), need)
        if (label, need) in self.wiring.solve:
            return (self.solved() if self.tried is None else self.tried)[label, need]
        return self.through(wire)

    def solved(self) -> Mapping[tuple[str, str], Any]:
        """The needs that close loops, so that each is what it leads to."""
        ends = tuple(self.wiring.solve)

        def led_to(tried: tuple) -> tuple:
            wiring = self.wiring
            then = _Instant(wiring, self.t, self.p, self.u, self.x, dict(zip(ends, tried, strict=True)))
            return tuple(then.through(wiring.wires[end]) for end in ends)

        begin = [getattr(self.p, name) for name in self.wiring.solve.values()]
        return self.once("solved", "loops", lambda: dict(zip(ends, solve_loop(led_to, begin), strict=True)))

    def through(self, wire: Wire) -> Any:
        """What comes through a wire."""
        if wire.giver is not None:
            value = self.outputs(wire.giver)[wire.name]
        else:
            value = getattr(self.u if wire.outside else self.p, wire.name)
        return value if wire.factor == 1.0 else value * wire.factor


def held_ranges(members: Mapping[str, Part], wires: Mapping[tuple[str, str], Wire]) -> dict[tuple[str, str], Range]:
    """Ranges of outputs that others need, by (part, output): what is in that of the giver and of all takers."""
    own = {(label, port.name): port for label, part in members.items() for port in part.structure.gives}
    needs = {(label, port.name): port for label, part in members.items() for port in part.structure.needs}
    found: dict[tuple[str, str], Range] = {}
    for end, wire in wires.items():
        valid = needs[end].valid
        if wire.giver is not None and valid is not None:
            source = (wire.giver, wire.name)
            found[source] = valid.times(1.0 / wire.factor).shared(found.get(source, own[source].valid))
    return found
