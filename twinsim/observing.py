"""Derivatives and outputs of a structure while it is solved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
from jax import Array

from twinsim.errors import UsageError
from twinsim.models import analysis
from twinsim.models.structure import Structure
from twinsim.segments import Law

Observe = Callable[[Array, tuple, Mapping[str, Array]], dict[str, Array]]


def inputs_of(structure: Structure, dtype: Any) -> dict[str, Array]:
    """What a structure takes from outside: its defaults.

    Raises:
        UsageError: there is none.
    """
    missing = [port.name for port in structure.needs if port.default is None]
    if missing:
        raise UsageError(
            f"{structure.name} needs {', '.join(missing)} from outside",
            do="couple it to a structure that gives it (twinsim.couple), or bind it to a constant (twinsim.bind)",
        )
    return {port.name: jnp.asarray(port.default, dtype) for port in structure.needs}


def derivative_of(structure: Structure, law: Law | None, dtype: Any) -> Callable[[Array, tuple, Mapping], tuple]:
    """(t, states, parameters) -> derivatives, as the kernels want them."""
    names, states = structure.parameter_names, structure.state_names

    def rates_of(t: Array, x: tuple, p: Mapping[str, Array]) -> tuple:
        p = p if law is None else law(t, {name: value.astype(dtype) for name, value in p.items()})
        cast = {name: p[name].astype(dtype) for name in names}
        result = structure.derivative(t, dict(zip(states, x, strict=True)), cast, inputs_of(structure, dtype))
        return tuple(jnp.broadcast_to(jnp.asarray(result[name], dtype), x[0].shape) for name in states)

    return rates_of


def observer(structure: Structure, outputs: Sequence[str], dtype: Any, law: Law | None = None) -> Observe:
    """(time, states, parameters) -> outputs by name, (patient) each."""

    def observe(time: Array, x: tuple, p: Mapping[str, Array]) -> dict[str, Array]:
        cast = {name: value.astype(dtype) for name, value in p.items()}
        cast = cast if law is None else law(time.astype(dtype), cast)
        named = dict(zip(structure.state_names, x, strict=True))
        seen = structure.observe(time.astype(dtype), named, cast, inputs_of(structure, dtype))
        return {name: jnp.broadcast_to(jnp.asarray(seen[name], dtype), x[0].shape) for name in outputs}

    return observe


def weighing_observer(
    structure: Structure, outputs: Sequence[str], dtype: Any, parameters: Mapping[str, Array]
) -> Observe:
    """The same for parameters that never change: outputs that are linear in the states by weights, prepared once.

        y = sum_j w_j x_j,   w_j = y(x_j = 1, all others 0) in float64

    A division by a volume at every output would take as long as the exponentials of a closed form.
    """
    linear = {name: states for name, states in analysis.linear_outputs(structure).items() if name in outputs}
    shape = jnp.broadcast_shapes((1,), *(value.shape for value in parameters.values()))
    zero, one = jnp.zeros(shape), jnp.ones(shape)
    exact = observer(structure, tuple(linear), jnp.float64)

    def weights(j: int) -> dict[str, Array]:
        return exact(zero, tuple(one if i == j else zero for i in range(len(structure.states))), parameters)

    columns = {j: weights(j) for j in sorted({j for states in linear.values() for j in states})}
    rest = observer(structure, [name for name in outputs if name not in linear], dtype)

    def observe(time: Array, x: tuple, p: Mapping[str, Array]) -> dict[str, Array]:
        seen = rest(time, x, p)
        for name, states in linear.items():
            terms = [columns[j][name].astype(dtype) * x[j] for j in states]
            seen[name] = sum(terms[1:], terms[0])
        return {name: seen[name] for name in outputs}

    return observe
