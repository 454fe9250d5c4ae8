"""States of a structure held at a number: what another part is to look after, or what shall not change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from twinsim.errors import ModelError, nearest
from twinsim.models.structure import Structure
from twinsim.models.values import Values


def held(structure: Structure, states: Mapping[str, float], name: str | None = None) -> Structure:
    """The structure without these states and the routes into them.

    >>> from twinsim.models.registry import structure
    >>> held(structure("pk/two_compartment_oral"), {"depot": 0.0}).state_names
    ('central', 'peripheral')

    Args:
        states: names and what each is held at, in its unit.
        name: of the result; None: the structure's.

    Raises:
        ModelError: there is no such state.
    """
    for each in states:
        if each not in structure.state_names:
            raise ModelError(f"no state {each!r}", where=structure.name, do=nearest(each, structure.state_names))
    kept = tuple(item for item in structure.states if item.name not in states)

    def whole(x: Any) -> Values:
        return Values({**{item.name: getattr(x, item.name) for item in kept}, **states}, f"states of {structure.name}")

    def left(found: Mapping[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in found.items() if key not in states}

    start, outflows = structure.start, structure.outflows
    return replace(
        structure,
        name=name or structure.name,
        states=kept,
        routes=tuple(route for route in structure.routes if route.to not in states),
        rates=lambda t, x, p, u: left(structure.rates(t, whole(x), p, u)),
        outputs=lambda t, x, p, u: structure.outputs(t, whole(x), p, u),
        start=None if start is None else lambda p, u: left(start(p, u)),
        outflows=None if outflows is None else lambda t, x, p, u: outflows(t, whole(x), p, u),
    )
