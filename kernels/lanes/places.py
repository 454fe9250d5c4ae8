"""Where arrays of a program that is being written belong in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jax.extend import core

from kernels.lanes.memory import Memory


def replaced_in_place(jaxpr: Any, outputs: Mapping[Any, Memory]) -> dict[Any, Memory]:
    """Where arrays belong that become results by nothing but `jnp.where`: where the results do."""
    made = {variable: equation for equation in jaxpr.eqns for variable in equation.outvars}
    read = [atom for equation in jaxpr.eqns for atom in equation.invars] + list(jaxpr.outvars)
    found = {}
    for variable, place in outputs.items():
        for atom in _kept_by_where(made.get(variable), variable):
            if not isinstance(atom, core.Literal) and atom in made and read.count(atom) == 1:
                found[atom] = place
    return found


def _kept_by_where(equation: Any, variable: Any) -> list[Any]:
    """What a result's elements may be, of the same shape, where they are chosen."""
    if equation is None:
        return []
    if equation.primitive.name == "select_n":
        return [atom for atom in equation.invars[1:] if atom.aval.shape == variable.aval.shape]
    inner = inner_program(equation)
    if inner is None:
        return []
    own = inner.jaxpr.outvars[equation.outvars.index(variable)]
    made = {v: e for e in inner.jaxpr.eqns for v in e.outvars}
    chosen = _kept_by_where(made.get(own) if not isinstance(own, core.Literal) else None, own)
    return [outer for v, outer in zip(inner.jaxpr.invars, equation.invars, strict=True) if v in chosen]


def inner_program(equation: Any) -> Any:
    """The program of an equation that only calls another one."""
    if equation.primitive.name in ("while", "scan", "cond"):
        return None
    for key in ("jaxpr", "call_jaxpr", "fun_jaxpr"):
        if key in equation.params:
            inner = equation.params[key]
            return inner if hasattr(inner, "consts") else core.ClosedJaxpr(inner, ())
    return None
