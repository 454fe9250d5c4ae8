"""Structures joined into one: what one gives, another needs.

    whole = couple("pkpd/mine", {"pk": structure("pk/one_compartment_oral"), "pd": structure("pd/turnover_pca")})

A need is fed by the output of the same name in another part, or by what `connect` says. Units are checked and
converted once, by a constant factor. What nobody gives stays a need of the whole, one for all parts that need that
name. Names stay as they are; `rename` tells apart what two parts call the same.

A part may act on itself by way of others through its states: that is feedback, and its rates simply use the outputs of
now. Outputs that need each other at one instant are an algebraic loop, and refused, unless `solve` says from where to
search for a need that closes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from twinsim import units
from twinsim.errors import ModelError, UnitError, nearest
from twinsim.models.balance import quantity_units
from twinsim.models.dimensions import check_dimensions
from twinsim.models.quantities import unit_per
from twinsim.models.structure import Parameter, Port, Structure
from twinsim.models.wiring import Part, Wire, Wiring, held_ranges


def couple(
    name: str,
    parts: Mapping[str, Structure],
    connect: Mapping[str, str] | None = None,
    rename: Mapping[str, str] | None = None,
    close: Mapping[str, float | Parameter] | None = None,
    time: str | None = None,
    solve: Mapping[str, float | Parameter] | None = None,
) -> Structure:
    """One structure out of several.

    >>> from twinsim.models.registry import structure
    >>> pk, pd = structure("pk/one_compartment_iv"), structure("pd/inhibition_of_loss")
    >>> both = couple("mine", {"pk": pk, "pd": pd})
    >>> both.state_names, both.output_names, both.need_names
    (('central', 'response'), ('concentration', 'response'), ())

    Args:
        name: of the result.
        parts: structures by a label of your own, in the order their states are numbered.
        connect: "part.need": "part.output", where names differ or two parts give the same.
        rename: "part.name": new name, for parameters, states, routes, needs, outputs and quantities of that part alike.
        close: "part.need": a number or a Parameter that feeds it.
        time: unit of the result's time; by default that of the first part.
        solve: "part.need": where the search begins, a number or a Parameter, for needs that close an algebraic loop;
            one need of each loop is enough. A number becomes a parameter of the need's name and "_guess".

    Raises:
        ModelError: names that clash, connections that are unknown, ambiguous, of different kinds or in a loop.
        UnitError: two ends whose units do not fit, or equations that fail the dimension check.
    """
    _check_parts(name, parts)
    time = time or next(iter(parts.values())).time
    members = _members(name, parts, rename or {}, time)
    wires, constants = _wires(name, parts, connect or {}, close or {})
    guesses = _guesses(name, parts, wires, solve or {})
    constants = (*constants, *guesses.values())
    needs = _open_needs(name, members, wires)
    renamed = {group: _collect(name, members, group) for group in ("parameters", "states", "gives", "routes")}
    for constant in constants:
        if constant.name in {parameter.name for parameter in renamed["parameters"]}:
            raise ModelError(
                f"the closed or solved need {constant.name!r} has the name of a parameter",
                where=name,
                do="give it as a Parameter of another name",
            )
    wiring = Wiring(name, members, wires, {end: item.name for end, item in guesses.items()})
    inside = {(wire.giver, wire.name) for end, wire in wires.items() if wiring.is_inside(*end)}
    held = held_ranges(members, wires)
    gives = [
        replace(
            port,
            quantity=None if (label, own.name) in inside else port.quantity,
            valid=held.get((label, own.name), port.valid),
        )
        for label, part in members.items()
        for own, port in zip(part.structure.gives, part.items("gives"), strict=True)
    ]
    whole = Structure(
        name=name,
        parameters=(*renamed["parameters"], *constants),
        states=renamed["states"],
        gives=tuple(gives),
        routes=renamed["routes"],
        needs=needs,
        rates=wiring.rates,
        outputs=wiring.outputs,
        start=wiring.start if any(part.start for part in parts.values()) else None,
        time=time,
        source="; ".join(dict.fromkeys(part.source for part in parts.values())),
        parts=tuple(part.name for part in parts.values()),
        outflows=wiring.outflows if wiring.held else None,
    )
    check_dimensions(whole)
    return whole


def bind(structure: Structure, needs: Mapping[str, float | Parameter]) -> Structure:
    """The structure with needs fed by constants: a number becomes a parameter of the need's name and unit.

    >>> from twinsim.models.registry import structure
    >>> alone = bind(structure("pd/effect_compartment"), {"concentration": 2.0})
    >>> alone.need_names, alone.parameter("concentration").default
    ((), 2.0)

    Raises:
        ModelError: the structure has no such need.
        UnitError: a Parameter whose unit does not fit.
    """
    bound = couple(structure.name, {"it": structure}, close={f"it.{need}": value for need, value in needs.items()})
    return replace(bound, parts=structure.parts, source=structure.source)


def _check_parts(name: str, parts: Mapping[str, Structure]) -> None:
    if not isinstance(parts, Mapping):
        do = 'write {"heart": ..., "kidney": ...}: each part once, under a label of its own'
        raise ModelError(f"parts are {type(parts).__name__}, not a mapping", where=name, do=do)
    if not parts:
        raise ModelError("there is nothing to couple", where=name)
    for label, part in parts.items():
        if not label or "." in label:
            raise ModelError(f"{label!r} cannot label a part", where=name, do="use a word without a dot")
        check_dimensions(part)  # here, so that a fault is told of the part that has it


def _members(name: str, parts: Mapping[str, Structure], rename: Mapping[str, str], time: str) -> dict[str, Part]:
    """Each part with its names in the whole and its clock."""
    known = {
        f"{label}.{item.name}"
        for label, part in parts.items()
        for item in (*part.parameters, *part.states, *part.gives, *part.routes, *part.needs)
    } | {f"{label}.{quantity}" for label, part in parts.items() for quantity in quantity_units(part)}
    for key in rename:
        if key not in known:
            raise ModelError(f"no {key!r} to rename", where=name, do=nearest(key, known))
    members = {}
    for label, part in parts.items():
        names = {key.partition(".")[2]: new for key, new in rename.items() if key.partition(".")[0] == label}
        try:
            clock = units.factor(time, part.time)
        except UnitError as error:
            raise UnitError(error.what, where=f"{name}, time of {label}", why=error.why, do=error.do) from None
        # what a route reads is in the time of the whole; the part's own equations may use it too
        timed = {} if clock == 1.0 else _timed(part, time)
        members[label] = Part(label, part, names, clock, timed)
    return members


def _timed(part: Structure, time: str) -> dict[str, tuple[Parameter, float]]:
    """Parameters of routes declared anew in another time unit, with the factor back to the part's own unit."""
    states = {state.name: state.unit for state in part.states}
    table = {}
    for route in part.routes:
        for parameter, unit in (
            (route.lag, time), (route.duration, time), (route.rate, unit_per(states[route.to], time))
        ):  # fmt: skip
            if parameter is not None:
                table[parameter] = _in_unit(part.parameter(parameter), unit)
    return table


def _in_unit(parameter: Parameter, unit: str) -> tuple[Parameter, float]:
    to = units.factor(parameter.unit, unit)
    low, high = parameter.bounds
    valid = None if parameter.valid is None else parameter.valid.times(to)
    moved = replace(parameter, unit=unit, default=parameter.default * to, bounds=(low * to, high * to), valid=valid)
    return moved, units.factor(unit, parameter.unit)


def _collect(name: str, members: Mapping[str, Part], group: str) -> tuple[Any, ...]:
    """All items of a group under their names in the whole; two of one name are refused."""
    owners: dict[str, str] = {}
    items = []
    for label, part in members.items():
        for item in part.items(group):
            if item.name in owners:
                what = {"gives": "an output"}.get(group, f"a {group[:-1]}")
                raise ModelError(
                    f"{owners[item.name]} and {label} both have {what} {item.name!r}",
                    where=name,
                    do=f"give one another name: rename={{'{label}.{item.name}': '{item.name}_{label}'}}",
                )
            owners[item.name] = label
            items.append(item)
    return tuple(items)


def _wires(
    name: str, parts: Mapping[str, Structure], connect: Mapping[str, str], close: Mapping[str, float | Parameter]
) -> tuple[dict[tuple[str, str], Wire], tuple[Parameter, ...]]:
    """What feeds each need, and the parameters that closing makes."""
    needs = {f"{label}.{port.name}": port for label, part in parts.items() for port in part.needs}
    gives = {f"{label}.{port.name}": port for label, part in parts.items() for port in part.gives}
    for key in (*connect, *close):
        if key not in needs:
            raise ModelError(f"no part needs {key!r}", where=name, do=nearest(key, needs))
    for key in connect.values():
        if key not in gives:
            raise ModelError(f"no part gives {key!r}", where=name, do=nearest(key, gives))
    wires, constants = {}, {}
    for key, need in needs.items():
        label = key.partition(".")[0]
        end = (label, need.name)
        if key in close:
            if key in connect:
                raise ModelError(f"{key} is both connected and closed", where=name, do="keep one")
            constant = _as_parameter(need, close[key])
            factor = _fitting(name, key, need, constant.name, constant)
            if need.valid is not None:
                constant = replace(constant, valid=need.valid.times(1.0 / factor).shared(constant.valid))
            constants[key] = constant
            wires[end] = Wire(None, constants[key].name, factor)
            continue
        source = connect.get(key) or _provider(name, key, need, gives)
        if source is None:
            continue
        port, (giver, _, output) = gives[source], source.partition(".")
        if port.kind != need.kind:
            raise ModelError(f"{source} is of the kind {port.kind}, {key} needs the kind {need.kind}", where=name)
        wires[end] = Wire(giver, output, _fitting(name, key, need, source, port))
    return wires, tuple({parameter.name: parameter for parameter in constants.values()}.values())


def _guesses(
    name: str, parts: Mapping[str, Structure], wires: Mapping[tuple[str, str], Wire], solve: Mapping[str, Any]
) -> dict[tuple[str, str], Parameter]:
    """Where the search for each need that closes a loop begins."""
    fed = {f"{label}.{need}": (label, need) for (label, need), wire in wires.items() if wire.giver is not None}
    found = {}
    for key, value in solve.items():
        if key not in fed:
            raise ModelError(f"no output feeds {key!r}, so it closes no loop", where=name, do=nearest(key, fed))
        label, need = fed[key]
        port = next(port for port in parts[label].needs if port.name == need)
        found[label, need] = _as_parameter(replace(port, name=f"{need}_guess"), value)
        if _fitting(name, key, port, found[label, need].name, found[label, need]) != 1.0:
            raise UnitError(f"{key} is searched from a value in another unit", where=name, do=f"give it in {port.unit}")
    return found


def _as_parameter(need: Port, value: float | Parameter) -> Parameter:
    if isinstance(value, Parameter):
        return value
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise ModelError(f"{need.name} cannot be closed with {value!r}", do=f"give a number in {need.unit}")
    return Parameter(need.name, need.unit, float(value), need.meaning, "assumed", (-float("inf"), float("inf")))


def _provider(name: str, key: str, need: Port, gives: Mapping[str, Port]) -> str | None:
    """The one output of that name in another part."""
    own = key.partition(".")[0]
    found = [giver for giver, port in gives.items() if port.name == need.name and giver.partition(".")[0] != own]
    if len(found) > 1:
        raise ModelError(
            f"{' and '.join(found)} could both feed {key}", where=name, do=f"choose: connect={{'{key}': '{found[0]}'}}"
        )
    return found[0] if found else None


def _fitting(name: str, key: str, need: Port, giver: str, given: Port | Parameter) -> float:
    """The factor from the giver's unit to the need's."""
    try:
        return units.factor(given.unit, need.unit)
    except UnitError as error:
        raise UnitError(
            f"{giver} [{given.unit}] does not fit {key} [{need.unit}]", where=name, why=error.why, do=error.do
        ) from None


def _open_needs(name: str, members: Mapping[str, Part], wires: dict[tuple[str, str], Wire]) -> tuple[Port, ...]:
    """Needs that nobody feeds, by their names in the whole; parts that need the same share it."""
    found: dict[str, tuple[str, Port]] = {}
    for label, part in members.items():
        for need, port in zip(part.structure.needs, part.items("needs"), strict=True):
            if (label, need.name) in wires:
                continue
            first_label, first = found.setdefault(port.name, (label, port))
            factor = _fitting(name, f"{label}.{need.name}", need, f"{first_label}.{port.name}", first)
            default = None if first.default is None else first.default * factor
            if first.kind != port.kind or (default != port.default and None not in (default, port.default)):
                raise ModelError(
                    f"{first_label} and {label} both need {port.name!r}, of another kind or with another default",
                    where=name,
                    do=f"tell them apart: rename={{'{label}.{need.name}': '{port.name}_{label}'}}",
                )
            if default is None and port.default is not None:
                found[port.name] = (first_label, replace(first, default=port.default / factor))
            wires[label, need.name] = Wire(None, port.name, factor, outside=True)
    return tuple(port for _, port in found.values())
