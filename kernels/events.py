"""Events of a block of patients: the next one of each, and what it does to states and input rates."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

States = tuple[Array, ...]


class Events(NamedTuple):
    """Sorted events; padding has time inf.

    Attributes:
        time: when, counted as the outputs are, float64 (event, patient | 1).
        target: state it acts on, -1 for none, int32 (event, patient | 1).
        scale, add: x[target] becomes x[target] * scale + add (event, patient | 1).
        rate: added to the constant input rate of the target (event, patient | 1).
        reset: all states and input rates become 0 before anything else, bool (event, patient | 1).
        load: row of `loads` that is added to the states, -1 for none, int32 (event, patient | 1).
        segment: parameter segment from here on, int32 (event, patient | 1).
    """

    time: Array
    target: Array
    scale: Array
    add: Array
    rate: Array
    reset: Array
    load: Array
    segment: Array


def fetch(rows: Any, index: Array) -> Any:
    """Each patient's row of that index, of arrays (row, patient | 1); beyond the last one, the last."""

    def column(values: Array) -> Array:
        row = jnp.minimum(index, values.shape[0] - 1)
        if values.shape[1] == 1 and row.shape[0] == 1:
            return lax.dynamic_index_in_dim(values, row[0], 0, keepdims=False)
        wide = jnp.broadcast_to(values, (values.shape[0], row.shape[0]))
        return jax.vmap(_entry, in_axes=(1, 0))(wide, row)

    return jax.tree.map(column, rows)


def _entry(column: Array, row: Array) -> Array:
    return lax.dynamic_index_in_dim(column, row, 0, keepdims=False)


def jump(event: Events, loads: Array, due: Array, states: States, rates: States) -> tuple[States, States]:
    """States and input rates after the event, where it is due."""
    wiped = due & event.reset
    new_states, new_rates = [], []
    for i, (x, r) in enumerate(zip(states, rates, strict=True)):
        hit = due & (event.target == i)
        x = jnp.where(wiped, 0.0, x)
        r = jnp.where(wiped, 0.0, r)
        x = jnp.where(hit, x * event.scale.astype(x.dtype) + event.add.astype(x.dtype), x)
        r = jnp.where(hit, r + event.rate.astype(r.dtype), r)
        for k in range(loads.shape[0]):
            x = jnp.where(due & (event.load == k), x + loads[k, i].astype(x.dtype), x)
        new_states.append(x)
        new_rates.append(r)
    return tuple(new_states), tuple(new_rates)
