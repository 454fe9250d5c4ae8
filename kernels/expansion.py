"""Taylor expansions of a function of every patient's own numbers, from forward tangents.

    f(w + d) = f + sum_i f_i d_i + 1/2 sum_ij f_ij d_i d_j + 1/6 sum_ijk f_ijk d_i d_j d_k

The polynomial has the function's derivatives at the point of expansion, so that whatever is computed from the function
there can be differentiated as often as the expansion is long, forward or backward, without solving anything again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array


class Expansion(NamedTuple):
    """Values and derivatives at a point.

    Attributes:
        at: the numbers (number, patient).
        values: of the function (..., patient).
        derivatives: first, second, ... (number, ..., patient), (number, number, ..., patient), ...
    """

    at: Array
    values: Array
    derivatives: tuple[Array, ...]

    def __call__(self, numbers: Array) -> Array:
        """The polynomial at numbers (number, patient)."""
        step, factor, result = numbers - self.at, 1.0, self.values
        for order, array in enumerate(self.derivatives, start=1):
            factor /= order
            for _ in range(order):
                along = step.reshape(step.shape[0], *[1] * (array.ndim - 2), step.shape[1])
                array = jnp.sum(array * along, axis=0)
            result = result + factor * array
        return result


def expand(function: Callable[[Array], tuple[Array, Any]], at: Array, order: int) -> tuple[Expansion, Any]:
    """Expand a function of every patient's numbers.

    Args:
        function: numbers (number, patient) -> values (..., patient) of each patient by itself, and whatever else.
        at: where to.
        order: the highest derivatives.

    Returns:
        the expansion, and what else the function gives.

    >>> square = lambda w: ((w[0] * w[1])[None], None)
    >>> expansion, _ = expand(square, jnp.asarray([[2.0], [3.0]]), 2)
    >>> expansion(jnp.asarray([[4.0], [5.0]])).tolist()
    [[20.0]]
    """
    if not at.shape[0]:
        values, more = function(at)
        return Expansion(at, values, ()), more
    directions = jnp.broadcast_to(jnp.eye(at.shape[0], dtype=at.dtype)[:, :, None], (at.shape[0], *at.shape))

    def differentiated(known: Callable[[Array], tuple]) -> Callable[[Array], tuple]:
        def further(w: Array) -> tuple:
            def along(direction: Array) -> tuple:
                values, slopes, more = jax.jvp(known, (w,), (direction,), has_aux=True)
                return values, slopes[-1], more

            values, new, more = jax.vmap(along)(directions)
            first = lambda tree: jax.tree.map(lambda x: x[0], tree)  # noqa: E731  (all directions have the same)
            return (*first(values), new), first(more)

        return further

    def plain(w: Array) -> tuple:
        values, more = function(w)
        return (values,), more

    known = plain
    for _ in range(order):
        known = differentiated(known)
    (values, *derivatives), more = known(at)
    return Expansion(at, values, tuple(derivatives)), more
