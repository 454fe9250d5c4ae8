"""The Jacobian of straight-line equations in one pass: each operation once, its slope carried on to all that it moves.

    y = f(a, b):    dy/dx_j = df/da da/dx_j + df/db db/dx_j     for those j that a or b depends on

A tangent per column (`jax.jvp`) would go through the equations once for every group of columns, and leave the compiler
to find out that it was told the same things again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

# column -> tangent; None is a tangent of one, which nothing need be multiplied with
Tangents = Mapping[int, Array | None]

_CALLS = ("jaxpr", "call_jaxpr", "fun_jaxpr")
_STRAIGHT = ("jit", "pjit", "closed_call", "custom_jvp_call", "custom_vjp_call", "remat", "checkpoint", "core_call")
_MOVED = ("convert_element_type", "broadcast_in_dim", "reshape", "squeeze", "copy", "copy_p", "expand_dims")


def values_and_jacobian(
    function: Callable[..., Sequence[Array]], at: Sequence[Array]
) -> tuple[list[Array], list[dict[int, Array]]]:
    """What a function of scalars (or of arrays, element by element) gives, and the row of its Jacobian for each result.

    Columns on which a result does not depend are not there.

    >>> values, rows = values_and_jacobian(lambda x, y: (x * y, 3.0 * y), (jnp.float32(2.0), jnp.float32(5.0)))
    >>> [{j: float(value) for j, value in row.items()} for row in rows]
    [{0: 5.0, 1: 2.0}, {1: 3.0}]
    """
    closed = jax.make_jaxpr(lambda *x: tuple(function(*x)))(*at)
    found, tangents = _run(closed.jaxpr, closed.consts, list(at), [{j: None} for j in range(len(at))])
    rows = [
        {j: jnp.ones_like(value) if own is None else own for j, own in row.items()}
        for value, row in zip(found, tangents, strict=True)
    ]
    return found, rows


def _run(
    jaxpr: Jaxpr, consts: Sequence[Any], given: Sequence[Any], tangents: Sequence[Tangents]
) -> tuple[list[Any], list[Tangents]]:
    """Results of equations and their tangents."""
    value: dict[Any, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
    value.update(zip(jaxpr.invars, given, strict=True))
    moved: dict[Any, Tangents] = dict(zip(jaxpr.invars, tangents, strict=True))

    def read(atom: Any) -> tuple[Any, Tangents]:
        return (atom.val, {}) if isinstance(atom, Literal) else (value[atom], moved.get(atom, {}))

    for equation in jaxpr.eqns:
        known = [read(atom) for atom in equation.invars]
        own, through = [each for each, _ in known], [each for _, each in known]
        results, carried = _equation(equation, own, through)
        for variable, result, tangent in zip(equation.outvars, results, carried, strict=True):
            value[variable] = result
            if tangent:
                moved[variable] = tangent
    ends = [read(atom) for atom in jaxpr.outvars]
    return [end for end, _ in ends], [tangent for _, tangent in ends]


def _equation(equation: Any, own: list[Any], through: list[Tangents]) -> tuple[list[Any], Sequence[Tangents]]:
    name, parameters = equation.primitive.name, equation.params
    inner = next((parameters[key] for key in _CALLS if key in parameters), None)
    if name in _STRAIGHT and inner is not None:
        closed = inner if isinstance(inner, ClosedJaxpr) else ClosedJaxpr(inner, ())
        return _run(closed.jaxpr, closed.consts, own, through)
    bound = equation.primitive.bind(*own, **parameters)
    results = list(bound) if equation.primitive.multiple_results else [bound]
    if not any(through):
        return results, [{} for _ in results]
    if len(results) == 1 and not equation.primitive.multiple_results:
        return results, [_single(equation, own, through, results[0])]
    return results, _any(equation, own, through, results)


def _single(equation: Any, own: list[Any], through: list[Tangents], result: Any) -> Tangents:
    """Tangents of an operation with one result."""
    name, parameters = equation.primitive.name, equation.params
    if not jnp.issubdtype(result.dtype, jnp.floating):
        return {}
    if name in ("add", "add_any"):
        return _sum(through[0], through[1], result)
    if name == "sub":
        return _sum(through[0], {j: -_whole(t, own[1]) for j, t in through[1].items()}, result)
    if name == "neg":
        return {j: -_whole(t, own[0]) for j, t in through[0].items()}
    if name == "mul":
        return _sum(_scaled(through[0], own[1]), _scaled(through[1], own[0]), result)
    if name == "select_n":
        return _selected(own, through)
    if name in _MOVED:
        return {j: equation.primitive.bind(_whole(t, own[0]), **parameters) for j, t in through[0].items()}
    total: Tangents = {}
    for place, tangents in enumerate(through):
        if tangents:
            total = _sum(total, _scaled(tangents, _slope(equation, own, place)), result)
    return total


def _slope(equation: Any, own: list[Any], place: int) -> Array:
    """Of an operation by one of its operands."""

    def of_one(x: Any) -> Any:
        return equation.primitive.bind(*own[:place], x, *own[place + 1 :], **equation.params)

    return jax.jvp(of_one, (own[place],), (jnp.ones_like(own[place]),))[1]


def _any(equation: Any, own: list[Any], through: list[Tangents], results: list[Any]) -> Sequence[Tangents]:
    """Tangents of whatever else there is, a loop say: column by column."""
    places = [place for place, tangents in enumerate(through) if tangents]

    def of_moved(*x: Any) -> list[Any]:
        operands = list(own)
        for place, value in zip(places, x, strict=True):
            operands[place] = value
        return equation.primitive.bind(*operands, **equation.params)

    found: list[dict[int, Array | None]] = [{} for _ in results]
    for j in sorted({j for tangents in through for j in tangents}):
        along = [_whole(through[place][j], own[place]) if j in through[place] else jnp.zeros_like(own[place])
                 for place in places]  # fmt: skip
        _, slopes = jax.jvp(of_moved, tuple(own[place] for place in places), tuple(along))
        for row, result, slope in zip(found, results, slopes, strict=True):
            if jnp.issubdtype(result.dtype, jnp.floating):
                row[j] = slope
    return found


def _whole(tangent: Array | None, of: Any) -> Any:
    return jnp.ones_like(of) if tangent is None else tangent


def _scaled(tangents: Tangents, slope: Any) -> Tangents:
    return {j: slope if tangent is None else slope * tangent for j, tangent in tangents.items()}


def _sum(first: Tangents, second: Tangents, result: Any) -> Tangents:
    total = dict(first)
    for j, tangent in second.items():
        total[j] = _whole(total[j], result) + _whole(tangent, result) if j in total else tangent
    return total


def _selected(own: list[Any], through: list[Tangents]) -> Tangents:
    """Of select_n: the tangent of the case that was chosen, zero where that does not depend on the column."""
    found = {}
    for j in sorted({j for tangents in through[1:] for j in tangents}):
        cases = [_whole(tangents[j], case) if j in tangents else jnp.zeros_like(case)
                 for case, tangents in zip(own[1:], through[1:], strict=True)]  # fmt: skip
        # the slope of 2 x is one number for all patients
        found[j] = lax.select_n(own[0], *jnp.broadcast_arrays(*cases))
    return found
