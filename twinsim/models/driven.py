"""A parameter of a structure made a need: what another part gives takes the place of a constant.

This is how a drug or a disease acts on an organ in the course of time, and how the flows of one organ become those of
another: no organ is edited for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from twinsim.errors import ModelError
from twinsim.models.structure import Port, Structure


def driven(structure: Structure, parameters: Iterable[str] | Mapping[str, str]) -> Structure:
    """The structure with these parameters as needs of the same name.

    >>> from twinsim.models.registry import structure
    >>> driven(structure("organs/marrow"), ["mtt"]).need_names
    ('concentration', 'mtt')

    Args:
        parameters: names, or name -> kind of the need, otherwise "effect"; each need has the parameter's default.

    Raises:
        ModelError: there is no such parameter, or a route reads it: doses are given before anything else is known.
    """
    names = tuple(dict.fromkeys(parameters))
    read = {getattr(route, role): route.name for route in structure.routes for role in ("lag", "f", "rate", "duration")}
    for name in names:
        if name in read:
            raise ModelError(
                f"{name} modifies doses by {read[name]}, and cannot change while the patient lives",
                where=structure.name,
                do="drive another parameter",
            )
    kinds = parameters if isinstance(parameters, Mapping) else {}
    needs = tuple(_need(structure, name, kinds.get(name, "effect")) for name in names)

    def seen(part: Callable[..., Any] | None) -> Any:
        if part is None:
            return None
        return lambda *given: part(*given[:-2], _Driven(given[-2], given[-1], names), given[-1])

    return replace(
        structure,
        parameters=tuple(item for item in structure.parameters if item.name not in names),
        needs=(*structure.needs, *needs),
        rates=seen(structure.rates),
        outputs=seen(structure.outputs),
        start=seen(structure.start),
        outflows=seen(structure.outflows),
    )


def _need(structure: Structure, name: str, kind: str) -> Port:
    item = structure.parameter(name)
    return Port(name, item.unit, kind, item.meaning, default=item.default, valid=item.valid)


class _Driven:
    """Parameters as the structure knows them: its constants, and what drives the others, asked for when it is read."""

    __slots__ = ("_names", "_p", "_u")

    def __init__(self, p: Any, u: Any, names: tuple[str, ...]) -> None:
        self._p, self._u, self._names = p, u, names

    def __getattr__(self, name: str) -> Any:
        return getattr(self._u if name in self._names else self._p, name)
