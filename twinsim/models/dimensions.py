"""Dimensional analysis of a structure's equations, operation by operation, before anything runs.

The functions are traced once with a scalar for each name; the trace is walked with the unit of every value.
Sums, comparisons and choices need one unit; exp, log and powers need pure numbers; `rates` must come out in the
state's unit per the structure's time, `start` in the state's unit, `outputs` in the output's, `outflows` in the
quantity's per time. Sizes count as well as dimensions: mg/mL where mg/L is declared is refused.

A bare number in the equations is a pure number or, where only that fits, a conversion: `0.06 * x` may turn mL/min
into L/h. A pure number is added only to pure numbers; an amount in the equations belongs into a parameter, which has
a unit. An operation that is not in the table fits anything and is reported.
"""

from __future__ import annotations

import linecache
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from twinsim import units
from twinsim.errors import ModelError, UnitError
from twinsim.models.balance import declared_outflows, quantity_units
from twinsim.models.quantities import ANY, RULES, Misfit, Quantity, constant, meet, of_unit, power, unit_per
from twinsim.models.structure import Structure

_INNER = ("jaxpr", "call_jaxpr", "fun_jaxpr")
_OUR_FRAMES = {str(Path(__file__)), str(Path(__file__).with_name("structure.py"))}


@dataclass(frozen=True)
class Report:
    """What a check saw: how many operations, and the names of those it could not judge."""

    operations: int
    unknown: tuple[str, ...]


@lru_cache(maxsize=256)
def check_dimensions(structure: Structure) -> Report:
    """Check that every equation of a structure comes out in the unit it is declared in.

    It takes one to three milliseconds, so that every structure is checked when it is loaded, coupled or registered.

    >>> from twinsim.models.pk.one_compartment_oral import structure
    >>> check_dimensions(structure)
    Report(operations=6, unknown=())

    Raises:
        UnitError: the equation, the operation, the line of code and both units.
        ModelError: equations that branch in Python or give something other than scalars.
    """
    inputs = _inputs(structure)
    _check_routes(structure)
    targets = _targets(structure)
    closed, labels = _trace(structure, len(inputs), targets)
    walk = _Walk(structure, [unit for unit, _ in inputs.values()] + [unit for unit, _ in targets.values()])
    results = walk.top(closed, [quantity for _, quantity in inputs.values()], labels)
    for label, result in zip(labels, results, strict=True):
        unit, wanted = targets[label]
        try:
            meet("", [wanted, result])
        except Misfit:
            raise UnitError(
                f"{label} comes out in {walk.name(result)}, not in {unit}",
                where=structure.name,
                do="correct the equation or the declared unit",
            ) from None
    return Report(walk.operations, tuple(sorted(walk.unknown)))


def _declared(structure: Structure, item: str, unit: str, per: str = "1") -> tuple[str, Quantity]:
    try:
        return unit_per(unit, per), of_unit(unit, per)
    except UnitError as error:
        raise UnitError(error.what, where=f"{structure.name}, {item}", why=error.why, do=error.do) from None


def _inputs(structure: Structure) -> dict[tuple[str, str], tuple[str, Quantity]]:
    """Unit and quantity of everything the equations may use, in the order they are traced."""
    table = {("t", "t"): _declared(structure, "time", structure.time)}
    for group, items in (("x", structure.states), ("p", structure.parameters), ("u", structure.needs)):
        table |= {(group, item.name): _declared(structure, item.name, item.unit) for item in items}
    return table


def _targets(structure: Structure) -> dict[str, tuple[str, Quantity]]:
    table = {}
    for item in structure.states:
        table[f"d {item.name}/dt"] = _declared(structure, item.name, item.unit, structure.time)
    for item in structure.gives:
        table[f"output {item.name}"] = _declared(structure, item.name, item.unit)
    for item in structure.states:
        table[f"start of {item.name}"] = _declared(structure, item.name, item.unit)
    for name, unit in quantity_units(structure).items():
        table[f"outflow of {name}"] = _declared(structure, name, unit, structure.time)
    return table


def _check_routes(structure: Structure) -> None:
    """Lag, bioavailability, rate and duration modify doses as they are: no conversion stands between."""
    states = {state.name: state.unit for state in structure.states}
    for route in structure.routes:
        for role, unit, per in (
            ("lag", structure.time, "1"),
            ("duration", structure.time, "1"),
            ("f", "1", "1"),
            ("rate", states[route.to], structure.time),
        ):
            name = getattr(route, role)
            if name is None:
                continue
            text, wanted = _declared(structure, f"route {route.name}", unit, per)
            parameter = structure.parameter(name)
            try:
                meet("", [of_unit(parameter.unit), wanted])
            except Misfit:
                raise UnitError(
                    f"the {role} of a dose must be in {text}, {name} is in {parameter.unit}",
                    where=f"{structure.name}, route {route.name}",
                    do=f"declare {name} in {text}",
                ) from None


def _trace(structure: Structure, count: int, targets: Mapping[str, Any]) -> tuple[Any, list[str]]:
    """The jaxpr of all functions and the label of each of its results."""
    names = (structure.state_names, structure.parameter_names, structure.need_names)

    def equations(*scalars: Any) -> list[Any]:
        left = iter(scalars)
        t = next(left)
        x, p, u = ({name: next(left) for name in group} for group in names)
        results = [
            *structure.derivative(t, x, p, u).values(),
            *structure.observe(t, x, p, u).values(),
            *structure.initial(p, u).values(),
            *declared_outflows(structure, t, x, p, u).values(),
        ]
        for label, result in zip(targets, results, strict=True):
            if jnp.shape(result) != ():
                raise ModelError(f"{label} has the shape {jnp.shape(result)}", where=structure.name, do="give a scalar")
        return results

    scalar = jax.ShapeDtypeStruct((), jnp.result_type(float))
    try:
        return jax.make_jaxpr(equations)(*[scalar] * count), list(targets)
    except jax.errors.ConcretizationTypeError as error:
        raise ModelError(
            "an equation makes a Python decision about a number that is not known yet",
            where=structure.name,
            why=str(error).splitlines()[0],
            do="write jnp.where(condition, a, b) instead of if, and jnp.maximum instead of max",
        ) from error


class _Walk:
    """One walk over a trace; it counts operations and collects those without a rule."""

    def __init__(self, structure: Structure, declared: list[str]) -> None:
        self.structure = structure
        self.declared = list(dict.fromkeys(declared))
        self.operations = 0
        self.unknown: set[str] = set()

    def top(self, closed: Any, inputs: list[Quantity], labels: list[str]) -> list[Quantity]:
        """Quantities of the results; a misfit becomes an error that names equation, line and units."""
        known = dict(zip(closed.jaxpr.constvars, map(constant, closed.consts), strict=True))
        known |= zip(closed.jaxpr.invars, inputs, strict=True)
        for at, equation in enumerate(closed.jaxpr.eqns):
            try:
                known |= self.step(equation, known)
            except Misfit as misfit:
                raise self.error(misfit, closed.jaxpr, at, labels) from None
        return [_read(var, known) for var in closed.jaxpr.outvars]

    def inner(self, jaxpr: Any, inputs: list[Quantity]) -> list[Quantity]:
        consts = getattr(jaxpr, "consts", ())
        jaxpr = getattr(jaxpr, "jaxpr", jaxpr)
        known = dict(zip(jaxpr.constvars, map(constant, consts), strict=True))
        known |= zip(jaxpr.invars, inputs, strict=True)
        for equation in jaxpr.eqns:
            known |= self.step(equation, known)
        return [_read(var, known) for var in jaxpr.outvars]

    def step(self, equation: Any, known: Mapping[Any, Quantity]) -> Iterator[tuple[Any, Quantity]]:
        """The quantities of one operation's results."""
        name, params = equation.primitive.name, equation.params
        operands = [_read(var, known) for var in equation.invars]
        inner = next((params[key] for key in _INNER if key in params), None)
        if inner is not None and name not in ("scan", "while"):
            results = self.inner(inner, operands)
        elif name == "cond":
            ways = [self.inner(branch, operands[1:]) for branch in params["branches"]]
            results = [meet("choose between {} and {}", cases) for cases in zip(*ways, strict=True)]
        else:
            self.operations += 1
            results = self.elementary(name, params, operands, len(equation.outvars))
        return zip(equation.outvars, results, strict=True)

    def elementary(self, name: str, params: Mapping[str, Any], operands: list[Quantity], count: int) -> list[Quantity]:
        if name == "integer_pow":
            return [power(operands[0], Fraction(params["y"]))]
        if name in RULES and count == 1:
            return [RULES[name](*operands)]
        self.unknown.add(name)
        return [ANY] * count

    def name(self, quantity: Quantity) -> str:
        """A quantity in a unit that the structure declares, where one fits, else in base units."""
        if quantity.dimension is None:
            return "any unit"
        if not quantity.dimension and (quantity.scales is None or 0.0 in quantity.scales):
            return "a pure number"
        if quantity.scales is None:
            return f"a multiple of {self.spelled(quantity.dimension)}"
        log = max(quantity.scales)  # the reading in which bare numbers above one are pure
        same = [text for text in self.declared if of_unit(text).dimension == quantity.dimension]
        for text in (*same, self.spelled(quantity.dimension)):
            if abs(math.log(units.parse(text).factor) - log) < 1e-7:
                return text
        text = [*same, self.spelled(quantity.dimension)][0]
        return f"{math.exp(log) / units.parse(text).factor:.6g} {text}"

    def spelled(self, dimension: units.Dimension) -> str:
        """A unit of that dimension from mg, L, mmol and the structure's time."""
        symbols = {"mass": "mg", "amount": "mmol", "time": self.structure.time, "current": "A", "activity": "IU"}
        over, under = [], []
        for key, size in dimension:
            symbol = symbols.get(key, "K" if key == "temperature" else "degC")
            if key == "length":
                symbol, size = ("L", size / 3) if size % 3 == 0 else ("m", size)
            (over if size > 0 else under).append(symbol if abs(size) == 1 else f"{symbol}^{float(abs(size)):g}")
        below = f"/({' '.join(under)})" if len(under) > 1 else "/".join(["", *under])
        return (" ".join(over) or "1") + below

    def error(self, misfit: Misfit, jaxpr: Any, at: int, labels: list[str]) -> UnitError:
        ends = [self.name(end) for end in (misfit.first, misfit.second) if end is not None]
        same = misfit.second is not None and misfit.first.dimension == misfit.second.dimension
        return UnitError(
            f"cannot {misfit.doing.format(*ends)}",
            where=", ".join(
                [self.structure.name, " and ".join(_touched(jaxpr, at, labels)), *_line_of(jaxpr.eqns[at])]
            ),
            why="the dimension is the same, the size is not" if same else "",
            do="convert one of them" if same else "a bare number has no unit: declare it as a parameter that has one"
            if "a pure number" in ends else "correct the equation or a declared unit",
        )  # fmt: skip


def _read(var: Any, known: Mapping[Any, Quantity]) -> Quantity:
    return constant(var.val) if hasattr(var, "val") else known[var]


def _touched(jaxpr: Any, at: int, labels: list[str]) -> list[str]:
    """The equations that the operation feeds."""
    reached = set(jaxpr.eqns[at].outvars)
    for equation in jaxpr.eqns[at + 1 :]:
        if any(not hasattr(var, "val") and var in reached for var in equation.invars):
            reached |= set(equation.outvars)
    used = zip(labels, jaxpr.outvars, strict=True)
    return [label for label, var in used if not hasattr(var, "val") and var in reached][:3] or ["an unused value"]


def _line_of(equation: Any) -> list[str]:
    """File, line and text of the operation, where the tracer kept them."""
    traceback = getattr(equation.source_info, "traceback", None)
    for frame in getattr(traceback, "frames", ()):
        file = frame.file_name
        if file in _OUR_FRAMES or "/jax/" in file.replace("\\", "/") or not Path(file).exists():
            continue
        line = linecache.getline(file, frame.line_num).strip()
        return [f"{Path(file).name} line {frame.line_num}: {line if len(line) < 100 else line[:96] + ' ...'}"]
    return []
