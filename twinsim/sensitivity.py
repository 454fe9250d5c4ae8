"""Derivatives of trajectories with respect to patients' own numbers.

Each patient's outputs depend on its own numbers only, so that all first derivatives are one forward tangent per
number, whatever the count of patients; and the chain rule to what the numbers come from (typical values, covariates,
random effects) is ordinary differentiation, forward or backward:

    tangents      outputs and slopes = d output / d number, all directions in one program, the outputs solved once
    reversible    a function whose rule is  d output = sum of slopes * d number:  reverse mode transposes the sum

Step control is frozen: slopes are the derivatives of the numbers computed. Beyond some thirty numbers per patient
`Problem.room` (see `twinsim.solve`) is cheaper: recorded steps, replayed backward.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from twinsim.errors import UsageError, nearest

Numbers = Mapping[str, Array]


def tangents(function: Callable[[Numbers], Any], own: Numbers, wanted: Sequence[str]) -> tuple[Any, Any]:
    """A function's results, and how they change with some of the numbers.

    Args:
        function: numbers by name (row, patient | 1) -> arrays (..., patient), of each patient by itself.
        wanted: names; each of their rows is one direction, in this order.

    Returns:
        results; slopes (direction, ..., patient) of those that are real numbers, None of the others.

    Raises:
        UsageError: a name that is not among the numbers.

    >>> values, slopes = tangents(lambda own: own["a"][0] ** 2, {"a": jnp.asarray([[3.0, 4.0]])}, ["a"])
    >>> slopes.tolist()
    [[6.0, 8.0]]
    """
    for name in wanted:
        if name not in own:
            raise UsageError(f"there is no number {name!r}", where="sensitivities", do=nearest(name, own))
    moving = {name: own[name] for name in wanted}
    if not moving:
        return function(own), None
    size = sum(value.shape[0] for value in moving.values())
    unit, first = {}, 0
    for name, value in moving.items():
        rows = np.eye(size)[:, first : first + value.shape[0], None]
        unit[name] = jnp.broadcast_to(jnp.asarray(rows, value.dtype), (size, *value.shape))
        first += value.shape[0]

    def along(direction: Numbers) -> tuple[Any, Any]:
        values, slopes = jax.jvp(lambda moved: function({**own, **moved}), (moving,), (direction,))
        return values, jax.tree.map(lambda v, s: s if jnp.issubdtype(v.dtype, np.floating) else None, values, slopes)

    values, slopes = jax.vmap(along)(unit)
    return jax.tree.map(lambda x: x[0], values), slopes


def reversible(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, differentiable forward and backward by one set of forward tangents.

    Args:
        function: see `tangents`; whatever else is computed in the same program are further arguments, which are not
            differentiated.

    >>> square = reversible(lambda own: own["a"][0] ** 2)
    >>> jax.grad(lambda a: square({"a": a}).sum())(jnp.asarray([[3.0, 4.0]])).tolist()
    [[6.0, 8.0]]
    """

    @jax.custom_jvp
    def same(own: Numbers, fixed: tuple) -> Any:
        return function(own, *fixed)

    def pushed(primals: tuple, along: tuple) -> tuple[Any, Any]:
        (own, fixed), (directions, _) = primals, along
        moving = [name for name, d in directions.items() if not isinstance(d, jax.custom_derivatives.SymbolicZero)]
        values, slopes = tangents(lambda own: function(own, *fixed), own, moving)
        rows = [directions[name][row] for name in moving for row in range(own[name].shape[0])]

        def total(value: Array, slope: Array | None) -> Any:
            if slope is None:
                return np.zeros(value.shape, jax.dtypes.float0)
            along = [row.astype(value.dtype).reshape(*[1] * (value.ndim - 1), -1) for row in rows]
            terms = [slope[i] * change for i, change in enumerate(along)]
            return sum(terms[1:], terms[0])

        return values, jax.tree.map(total, values, slopes)

    same.defjvp(pushed, symbolic_zeros=True)
    return lambda own, *fixed: same(own, jax.tree.map(lax.stop_gradient, fixed))


def trajectories_and_tangents(
    solve: Callable[[Numbers], tuple[Any, ...]], parameters: Numbers, wanted: Sequence[str]
) -> tuple[Mapping[str, Array], Mapping[str, Array], Array]:
    """Outputs of a block of patients, and their derivatives.

    Args:
        solve: `twinsim.solve.solve_block` of everything but the parameters.
        parameters: individual ones by name (segment, patient | 1).
        wanted: names of those that outputs are differentiated by.

    Returns:
        outputs by name (time, patient), slopes by output (parameter, time, patient), status (patient); a patient that
        failed has NaN in both.
    """

    def outputs_of(own: Numbers) -> tuple[Mapping[str, Array], Array]:
        outputs, _, status, *_ = solve(own)
        return outputs, status

    (outputs, status), (slopes, _) = tangents(outputs_of, parameters, wanted)
    failed = (status != 0)[None, None, :]
    return outputs, {name: jnp.where(failed, jnp.nan, value) for name, value in slopes.items()}, status
