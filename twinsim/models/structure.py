"""A structure: the equations of one patient in named scalars, and everything a reader must know about their names."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from twinsim.errors import ModelError, nearest
from twinsim.models.ranges import Range
from twinsim.models.values import Values

KINDS = ("concentration", "amount", "flow", "pressure", "effect", "fraction")

# bounds of what is divided by: a volume or Km of zero is refused, not turned into an infinity
POSITIVE = (1e-9, math.inf)


@dataclass(frozen=True)
class Parameter:
    """A named number of one patient.

    Args:
        name: as in the literature, lower case.
        unit: e.g. "L/h".
        default: a typical value [unit].
        meaning: what it is, in words.
        source: where the default comes from; "assumed" where nobody published it.
        bounds: smallest and largest sensible value [unit]; outside them a patient gets the status bad_parameter.
        valid: where the model was held against people; a patient beyond is flagged, not refused.
    """

    name: str
    unit: str
    default: float
    meaning: str
    source: str
    bounds: tuple[float, float] = (0.0, math.inf)
    valid: Range | None = None


@dataclass(frozen=True)
class State:
    """A state variable; the n-th declared state is NONMEM's compartment n.

    Args:
        quantity: the extensive quantity it holds ("drug", "water", "sodium"), whose balance `twinsim.models.balance`
            checks; None: none.
        weight: what it is multiplied by to be an amount of that quantity: a number, or the name of a parameter (the
            volume of a concentration).
    """

    name: str
    unit: str
    meaning: str
    quantity: str | None = None
    weight: float | str = 1.0


@dataclass(frozen=True)
class Port:
    """Something that crosses a structure's border: an input it needs or an output it gives.

    Args:
        kind: one of KINDS; a need is matched only by a gift of the same kind and a unit that fits.
        default: for a need, the constant used when the structure runs alone [unit]; None: it must be bound.
        quantity: of a flow, the extensive quantity that it carries in (a need) or out (a gift); None: it only tells.
        normal: of an output, the reference range of healthy adults; None: not a clinical one.
        valid: where the model was held against people; a patient beyond is flagged, not refused.
    """

    name: str
    unit: str
    kind: str
    meaning: str
    default: float | None = None
    quantity: str | None = None
    normal: Range | None = None
    valid: Range | None = None


@dataclass(frozen=True)
class Route:
    """A way into a state, with the parameters that modify a dose given that way.

    Args:
        name: e.g. "oral", "iv".
        to: the state that receives the dose.
        lag, f: names of the parameters that are the dose's lag time and bioavailability; None: 0 and 1.
        rate, duration: names of the parameters used for RATE=-1 and RATE=-2.
        infusion: "rate" or "duration" if a dose without RATE is an infusion of that modelled rate or duration.
    """

    name: str
    to: str
    lag: str | None = None
    f: str | None = None
    rate: str | None = None
    duration: str | None = None
    infusion: str | None = None


Rates = Callable[[Any, Any, Any, Any], Mapping[str, Any]]


@dataclass(frozen=True)
class Structure:
    """Equations for one patient: names, units, sources, and three functions of scalars.

    Args:
        name: where it is found, e.g. "pk/two_compartment_oral".
        parameters, states: in order; the n-th state is compartment n.
        routes: ways to give a dose; a state without one takes doses plainly (no lag, all of it arrives).
        needs: inputs from outside.
        gives: what `outputs` computes.
        rates: (t, x, p, u) -> {state: d state/dt}, in state unit per `time`.
        outputs: (t, x, p, u) -> {output: value}.
        start: (p, u) -> {state: value at the beginning}; states left out begin at 0.
        time: unit of t.
        outflows: (t, x, p, u) -> {quantity: what leaves by no port, less what is made}, in its unit per `time`.
        source: the publication the equations follow.

    `p`, `x`, `u` carry parameters, states and inputs by attribute; only element-wise jax.numpy inside.

    Raises:
        ModelError: names that are missing, doubled or unknown.
    """

    name: str
    parameters: tuple[Parameter, ...]
    states: tuple[State, ...]
    gives: tuple[Port, ...]
    rates: Rates
    outputs: Rates
    source: str
    routes: tuple[Route, ...] = ()
    needs: tuple[Port, ...] = ()
    start: Callable[[Any, Any], Mapping[str, Any]] | None = None
    time: str = "h"
    parts: tuple[str, ...] = field(default=(), compare=False)
    outflows: Rates | None = None

    def __post_init__(self) -> None:
        for label, items in (
            ("parameter", self.parameters),
            ("state", self.states),
            ("output", self.gives),
            ("need", self.needs),
            ("route", self.routes),
        ):
            names = [item.name for item in items]
            doubled = sorted({name for name in names if names.count(name) > 1})
            if doubled:
                raise ModelError(f"{label} named twice: {', '.join(doubled)}", where=self.name, do="rename one of them")
        for port in (*self.needs, *self.gives):
            if port.kind not in KINDS:
                raise ModelError(
                    f"unknown kind {port.kind!r}", where=f"{self.name}.{port.name}", do=nearest(port.kind, KINDS)
                )
        for route in self.routes:
            self._check_route(route)

    def _check_route(self, route: Route) -> None:
        where = f"{self.name}, route {route.name}"
        if route.to not in self.state_names:
            raise ModelError(f"no state {route.to!r}", where=where, do=nearest(route.to, self.state_names))
        for parameter in (route.lag, route.f, route.rate, route.duration):
            if parameter is not None and parameter not in self.parameter_names:
                raise ModelError(
                    f"no parameter {parameter!r}", where=where, do=nearest(parameter, self.parameter_names)
                )
        if route.infusion not in (None, "rate", "duration") or (
            route.infusion is not None and getattr(route, route.infusion) is None
        ):
            raise ModelError("infusion must name a declared rate or duration", where=where)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        return tuple(item.name for item in self.parameters)

    @property
    def state_names(self) -> tuple[str, ...]:
        return tuple(item.name for item in self.states)

    @property
    def output_names(self) -> tuple[str, ...]:
        return tuple(item.name for item in self.gives)

    @property
    def need_names(self) -> tuple[str, ...]:
        return tuple(item.name for item in self.needs)

    def parameter(self, name: str) -> Parameter:
        """The declaration of a parameter by name."""
        return self._find(name, self.parameters, "parameter")

    def output(self, name: str) -> Port:
        """The declaration of an output by name."""
        return self._find(name, self.gives, "output")

    def route(self, name: str) -> Route:
        """The route of that name, or a plain one into the state of that name.

        Raises:
            ModelError: neither a route nor a state is called so.
        """
        for route in self.routes:
            if route.name == name:
                return route
        if name in self.state_names:
            return Route(name, to=name)
        raise ModelError(
            f"no route or state {name!r} to give a dose to",
            where=self.name,
            do=nearest(name, [*(route.name for route in self.routes), *self.state_names]),
        )

    def compartment(self, number: int) -> Route:
        """The route a dose with CMT=number takes: the first declared into that state, else a plain one.

        Raises:
            ModelError: there is no such compartment.
        """
        if not 1 <= number <= len(self.states):
            listing = ", ".join(f"{i} {state.name}" for i, state in enumerate(self.states, 1))
            raise ModelError(f"no compartment {number}", where=self.name, do=f"choose one of {listing}")
        name = self.state_names[number - 1]
        return next((route for route in self.routes if route.to == name), Route(name, to=name))

    def _find(self, name: str, items: tuple, label: str) -> Any:
        for item in items:
            if item.name == name:
                return item
        raise ModelError(f"no {label} {name!r}", where=self.name, do=nearest(name, [item.name for item in items]))

    def initial(self, p: Mapping[str, Any], u: Mapping[str, Any]) -> dict[str, Any]:
        """States at the beginning, zero where `start` says nothing."""
        given = {} if self.start is None else dict(self.start(self._p(p), self._u(u)))
        self._refuse_strangers(given, self.state_names, "start")
        return {name: given.get(name, 0.0) for name in self.state_names}

    def derivative(self, t: Any, x: Mapping[str, Any], p: Mapping[str, Any], u: Mapping[str, Any]) -> dict[str, Any]:
        """d state/dt by state name, every state present."""
        result = dict(self.rates(t, Values(x, f"states of {self.name}"), self._p(p), self._u(u)))
        self._refuse_strangers(result, self.state_names, "rates")
        self._refuse_gaps(result, self.state_names, "rates")
        return {name: result[name] for name in self.state_names}

    def observe(self, t: Any, x: Mapping[str, Any], p: Mapping[str, Any], u: Mapping[str, Any]) -> dict[str, Any]:
        """Outputs by name."""
        result = dict(self.outputs(t, Values(x, f"states of {self.name}"), self._p(p), self._u(u)))
        self._refuse_strangers(result, self.output_names, "outputs")
        self._refuse_gaps(result, self.output_names, "outputs")
        return {name: result[name] for name in self.output_names}

    def outflow(self, t: Any, x: Mapping[str, Any], p: Mapping[str, Any], u: Mapping[str, Any]) -> dict[str, Any]:
        """What leaves by no port, by quantity, where `outflows` says so."""
        if self.outflows is None:
            return {}
        return dict(self.outflows(t, Values(x, f"states of {self.name}"), self._p(p), self._u(u)))

    def _p(self, p: Mapping[str, Any]) -> Values:
        return Values(p, f"parameters of {self.name}")

    def _u(self, u: Mapping[str, Any]) -> Values:
        return Values(u, f"needs of {self.name}")

    def _refuse_strangers(self, result: Mapping[str, Any], known: tuple[str, ...], function: str) -> None:
        strangers = [name for name in result if name not in known]
        if strangers:
            raise ModelError(
                f"{function} gives {', '.join(strangers)}, which is not declared",
                where=self.name,
                do=nearest(strangers[0], known),
            )

    def _refuse_gaps(self, result: Mapping[str, Any], wanted: tuple[str, ...], function: str) -> None:
        missing = [name for name in wanted if name not in result]
        if missing:
            raise ModelError(f"{function} gives nothing for {', '.join(missing)}", where=self.name)
