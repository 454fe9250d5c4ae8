"""Whether traced equations are straight lines in the states, proven step by step and not by trying points.

Every intermediate value is a form  sum_j c_j x_j + c_0  or it is given up: a product with two factors that depend on
states, a maximum, a comparison, a power. Trying points would miss `where(x > 100, 1, 0)`, whose tangent is always 0.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import numpy as np


class Form(NamedTuple):
    """What is known of a value that is affine in the states.

    Attributes:
        states: indices of those it may depend on.
        still: it may differ from 0 where all states are 0.
        timed: it may depend on time.
    """

    states: frozenset[int] = frozenset()
    still: bool = False
    timed: bool = False


ZERO, CONSTANT, TIME = Form(), Form(still=True), Form(still=True, timed=True)
_SAME = {"neg", "copy", "broadcast_in_dim", "reshape", "squeeze", "convert_element_type"}
_SUM = {"add", "sub", "add_any"}
_INNER = ("jaxpr", "call_jaxpr")


def forms(jaxpr: Any, arguments: list[Form]) -> list[Form | None]:
    """The form of each result of a closed jaxpr; None for what is not proven to be affine."""
    known: dict[Any, Form | None] = dict(zip(jaxpr.jaxpr.invars, arguments, strict=True))
    known |= {variable: _of_number(value) for variable, value in zip(jaxpr.jaxpr.constvars, jaxpr.consts, strict=True)}

    def form(variable: Any) -> Form | None:
        return _of_number(variable.val) if hasattr(variable, "val") else known[variable]

    for equation in jaxpr.jaxpr.eqns:
        results = _results(equation, [form(variable) for variable in equation.invars])
        known |= dict(zip(equation.outvars, results, strict=True))
    return [form(variable) for variable in jaxpr.jaxpr.outvars]


def _of_number(value: Any) -> Form:
    return CONSTANT if np.any(np.asarray(value) != 0) else ZERO


def _results(equation: Any, operands: list[Form | None]) -> list[Form | None]:
    inner = next((equation.params[name] for name in _INNER if name in equation.params), None)
    if inner is not None and hasattr(inner, "consts") and len(inner.jaxpr.invars) == len(operands):
        if all(operand is not None for operand in operands) and equation.primitive.name not in ("while", "scan"):
            return forms(inner, [operand for operand in operands if operand is not None])
    one = _result(equation, operands)
    return [one] * len(equation.outvars)


def _result(equation: Any, operands: list[Form | None]) -> Form | None:
    """The form of an equation's result; what is not listed here must not depend on states."""
    some = [operand for operand in operands if operand is not None]
    if len(some) < len(operands):
        return None
    name = equation.primitive.name
    timed = any(operand.timed for operand in some)
    moving = [operand for operand in some if operand.states]
    if name in _SUM or (name == "select_n" and not some[0].states):
        terms = some[1:] if name == "select_n" else some
        together = frozenset[int]().union(*(term.states for term in terms))
        return Form(together, any(term.still for term in terms), timed)
    if name in ("mul", "div") and len(moving) <= 1 and not (name == "div" and some[1].states):
        factors = some if name == "mul" else some[:1]
        if ZERO in factors:
            return ZERO
        still = all(factor.still for factor in factors)
        return Form(moving[0].states if moving else frozenset(), still, timed)
    if not moving:
        return some[0] if name in _SAME else Form(still=True, timed=timed)
    is_float = all(np.issubdtype(out.aval.dtype, np.floating) for out in equation.outvars)
    identity = name in _SAME or (name == "integer_pow" and equation.params["y"] == 1)
    return some[0] if identity and is_float else None


def traced_forms(function: Any, arguments: list[Form]) -> list[Form | None]:
    """The forms of a function's results; its arguments are float64 scalars.

    >>> traced_forms(lambda x, k: [-k * x, x * x], [Form(frozenset({0})), CONSTANT])
    [Form(states=frozenset({0}), still=False, timed=False), None]
    """
    scalars = [jax.ShapeDtypeStruct((), np.float64)] * len(arguments)
    return forms(jax.make_jaxpr(function)(*scalars), arguments)
