"""What a solver can know from the equations themselves: linearity, and whether they are a star of compartments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import jax
import jax.numpy as jnp

from twinsim.models.linearity import CONSTANT, TIME, ZERO, Form, traced_forms
from twinsim.models.structure import Structure


@dataclass(frozen=True)
class Star:
    """Roles of states in a star of one to three compartments (indices of states)."""

    depot: int | None
    centre: int
    peripherals: tuple[int, ...]


@lru_cache(maxsize=256)
def jacobian_pattern(structure: Structure) -> frozenset[tuple[int, int]]:
    """Pairs (i, j) for which d(d x_i/dt)/d x_j is not identically zero, from the traced equations.

    >>> from twinsim.models.pk.two_compartment_oral import structure
    >>> sorted(jacobian_pattern(structure))
    [(0, 0), (1, 0), (1, 1), (1, 2), (2, 1), (2, 2)]
    """
    size, rest = len(structure.states), 1 + len(structure.needs) + len(structure.parameters)

    def tangent(*values):
        dx, x, t, u, p = (
            values[:size],
            values[size : 2 * size],
            values[2 * size],
            *_split(structure, values[2 * size + 1 :]),
        )
        return jax.jvp(lambda x: _derivative(structure, t, x, p, u), (list(x),), (list(dx),))[1]

    # An entry (i, j) is there if the tangent of x_j reaches that of derivative i.
    jaxpr = jax.make_jaxpr(tangent)(*[jax.ShapeDtypeStruct((), jnp.float64)] * (2 * size + rest)).jaxpr
    reached = _flow(jaxpr, {variable: {i} for i, variable in enumerate(jaxpr.invars)})
    outs = [set() if hasattr(out, "val") else reached.get(out, set()) for out in jaxpr.outvars]
    return frozenset((i, j) for i, sources in enumerate(outs) for j in sources if j < size)


@lru_cache(maxsize=256)
def timed_states(structure: Structure) -> tuple[str, ...]:
    """Names of the states whose derivative depends on time itself, not by way of states.

    >>> from twinsim.models.pk.two_compartment_oral import structure
    >>> timed_states(structure)
    ()
    """
    size, count = len(structure.states), len(structure.needs) + len(structure.parameters)

    def derivative(t, *values):
        return _derivative(structure, t, values[:size], *reversed(_split(structure, values[size:])))

    jaxpr = jax.make_jaxpr(derivative)(*[jax.ShapeDtypeStruct((), jnp.float64)] * (1 + size + count)).jaxpr
    reached = _flow(jaxpr, {variable: {i} for i, variable in enumerate(jaxpr.invars)})
    outs = [set() if hasattr(out, "val") else reached.get(out, set()) for out in jaxpr.outvars]
    return tuple(name for name, sources in zip(structure.state_names, outs, strict=True) if 0 in sources)


@lru_cache(maxsize=256)
def is_linear(structure: Structure) -> bool:
    """True if the derivatives are a linear form of the states, with coefficients of parameters alone.

    >>> from twinsim.models.pk.two_compartment_oral import structure
    >>> is_linear(structure)
    True
    """
    return not structure.needs and is_affine(structure) and not constant_inputs(structure)


@lru_cache(maxsize=256)
def is_affine(structure: Structure) -> bool:
    """True if the derivatives are linear in the states up to a constant, both of parameters and bound inputs alone.

    >>> from twinsim.models.pd.turnover_pca import structure
    >>> is_affine(structure)
    True
    """
    pattern = jacobian_pattern(structure)  # a state that tangents do not pass (stop_gradient) is not in it
    for i, form in enumerate(_forms(structure)):
        if form is None or form.timed or not {(i, j) for j in form.states} <= pattern:
            return False
    return bool(structure.states)


@lru_cache(maxsize=256)
def linear_outputs(structure: Structure) -> dict[str, tuple[int, ...]]:
    """Outputs that are a linear form of some states, with coefficients of parameters alone: name -> their indices.

    >>> from twinsim.models.pk.two_compartment_oral import structure
    >>> linear_outputs(structure)
    {'concentration': (1,)}
    """
    rest = [TIME, *[CONSTANT] * (len(structure.needs) + len(structure.parameters))]
    size = len(structure.states)

    def outputs(*values):
        u, p = _split(structure, values[size + 1 :])
        seen = structure.observe(
            values[size],
            dict(zip(structure.state_names, values[:size], strict=True)),
            dict(zip(structure.parameter_names, p, strict=True)),
            {port.name: value for port, value in zip(structure.needs, u, strict=True)},
        )
        return [jnp.asarray(seen[name], jnp.float64) for name in structure.output_names]

    found = traced_forms(outputs, [*(Form(frozenset({i})) for i in range(size)), *rest])
    return {
        name: tuple(sorted(form.states))
        for name, form in zip(structure.output_names, found, strict=True)
        if form is not None and form.states and not form.still and not form.timed
    }


@lru_cache(maxsize=256)
def constant_inputs(structure: Structure) -> frozenset[int]:
    """Indices of states whose derivative may differ from 0 where all states are 0.

    >>> from twinsim.models.pd.turnover_pca import structure
    >>> sorted(constant_inputs(structure))
    [0]
    """
    return frozenset(i for i, form in enumerate(_forms(structure)) if form is None or form.still)


@lru_cache(maxsize=256)
def _forms(structure: Structure) -> tuple[Form | None, ...]:
    """The form of each derivative in the states; inputs have the constant values they have when it runs alone."""
    size = len(structure.states)
    states = [Form(frozenset({i})) for i in range(size)]
    inputs = [ZERO if port.default == 0.0 else CONSTANT for port in structure.needs]

    def derivative(t, *values):
        u, p = _split(structure, values[size:])
        return _derivative(structure, t, values[:size], p, u)

    return tuple(traced_forms(derivative, [TIME, *states, *inputs, *[CONSTANT] * len(structure.parameters)]))


@lru_cache(maxsize=256)
def star(structure: Structure) -> Star | None:
    """The roles of its states, if the structure is a star: tier closed then solves it exactly."""
    if structure.start is not None or not is_linear(structure):
        return None
    size = len(structure.states)
    arrows = {(j, i) for i, j in jacobian_pattern(structure) if i != j}  # (from, to)
    for centre in range(size):
        others = [i for i in range(size) if i != centre]
        peripherals = tuple(i for i in others if {(i, centre), (centre, i)} <= arrows)
        depots = [i for i in others if (i, centre) in arrows and i not in peripherals]
        expected = {(i, centre) for i in depots} | {(i, centre) for i in peripherals}
        expected |= {(centre, i) for i in peripherals}
        if len(depots) <= 1 and len(peripherals) <= 2 and 1 + len(depots) + len(peripherals) == size:
            if arrows == expected:
                return Star(depots[0] if depots else None, centre, peripherals)
    return None


def _split(structure: Structure, values: tuple) -> tuple[tuple, tuple]:
    """Inputs and parameters, which stand one after the other."""
    return values[: len(structure.needs)], values[len(structure.needs) :]


def _derivative(structure: Structure, t, x: Iterable, p: Iterable, u: Iterable) -> list:
    result = structure.derivative(
        t,
        dict(zip(structure.state_names, x, strict=True)),
        dict(zip(structure.parameter_names, p, strict=True)),
        dict(zip(structure.need_names, u, strict=True)),
    )
    return [jnp.asarray(result[name], jnp.float64) for name in structure.state_names]


def _flow(jaxpr, labels: dict) -> dict:
    """Which inputs reach each variable; what an equation does inside does not matter."""
    for equation in jaxpr.eqns:
        sources: set[int] = set()
        for variable in equation.invars:
            if not hasattr(variable, "val"):
                sources |= labels.get(variable, set())
        for out in equation.outvars:
            labels[out] = sources
    return labels
