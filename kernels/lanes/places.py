"""Where arrays of a program that is being written belong in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jax.extend import core

from kernels.lanes.memory import Memory


def replaced_in_place(jaxpr: Any, outputs: Mapping[Any, Memory]) -> dict[Any, Memory]:
    """Where arrays belong that become results by `jnp.where(failed, other, array)` alone: where the results do."""
    made = _made(jaxpr)
    found = {}
    for variable, place in outputs.items():
        atom = _kept_by_where(made.get(variable), variable)
        if atom in made and _reads(jaxpr, atom) == 1 and _is_last_of(made[atom], atom):
            found[atom] = place
    return found


def _made(jaxpr: Any) -> dict[Any, Any]:
    """The equation that makes each variable."""
    return {variable: equation for equation in jaxpr.eqns for variable in equation.outvars}


def _reads(jaxpr: Any, variable: Any) -> int:
    """How often a variable is read, being handed out included."""
    return sum(atom is variable for equation in jaxpr.eqns for atom in equation.invars) + sum(
        atom is variable for atom in jaxpr.outvars
    )


def _kept_by_where(equation: Any, variable: Any) -> Any:
    """The array that a result is where the condition is false; None where the result is not chosen so.

    In a program that is called, too, the array is read nowhere else.
    """
    if equation is None:
        return None
    if equation.primitive.name == "select_n":
        kept = equation.invars[1]
        if len(equation.invars) != 3 or isinstance(kept, core.Literal):
            return None
        return kept if kept.aval.shape == variable.aval.shape else None
    inner = inner_program(equation)
    if inner is None:
        return None
    own = inner.jaxpr.outvars[equation.outvars.index(variable)]
    kept = None if isinstance(own, core.Literal) else _kept_by_where(_made(inner.jaxpr).get(own), own)
    if kept is None or kept not in inner.jaxpr.invars or _reads(inner.jaxpr, kept) != 1:
        return None
    outer = equation.invars[inner.jaxpr.invars.index(kept)]
    return None if isinstance(outer, core.Literal) else outer


def _is_last_of(equation: Any, variable: Any) -> bool:
    """Whether the program that makes a variable, if one does, hands it out and has no other use for it."""
    inner = inner_program(equation)
    if inner is None:
        return True
    own, made = inner.jaxpr.outvars[equation.outvars.index(variable)], _made(inner.jaxpr)
    return own in made and _reads(inner.jaxpr, own) == 1 and _is_last_of(made[own], own)


def inner_program(equation: Any) -> Any:
    """The program of an equation that only calls another one."""
    if equation.primitive.name in ("while", "scan", "cond"):
        return None
    for key in ("jaxpr", "call_jaxpr", "fun_jaxpr"):
        if key in equation.params:
            inner = equation.params[key]
            return inner if hasattr(inner, "consts") else core.ClosedJaxpr(inner, ())
    return None
