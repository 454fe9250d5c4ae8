"""What a solver can know from the equations themselves: linearity, and whether they are a star of compartments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import jax
import jax.numpy as jnp

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
    used, _ = _dependence(structure)
    return used


@lru_cache(maxsize=256)
def is_linear(structure: Structure) -> bool:
    """True if the derivatives are a linear form of the states, with coefficients of parameters alone.

    >>> from twinsim.models.pk.two_compartment_oral import structure
    >>> is_linear(structure)
    True
    """
    if structure.needs or not structure.states:
        return False
    _, constant_jacobian = _dependence(structure)
    return constant_jacobian and _is_homogeneous(structure)


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


def _arguments(structure: Structure) -> tuple[list, list, list]:
    scalar = jnp.float64(1.0)
    return (
        [scalar] * len(structure.states),
        [jnp.float64(parameter.default) for parameter in structure.parameters],
        [scalar] * len(structure.needs),
    )


def _derivative(structure: Structure, t, x: Iterable, p: Iterable, u: Iterable) -> list:
    result = structure.derivative(
        t,
        dict(zip(structure.state_names, x, strict=True)),
        dict(zip(structure.parameter_names, p, strict=True)),
        dict(zip(structure.need_names, u, strict=True)),
    )
    return [jnp.asarray(result[name], jnp.float64) for name in structure.state_names]


def _dependence(structure: Structure) -> tuple[frozenset[tuple[int, int]], bool]:
    """The Jacobian's pattern, and whether its entries depend on neither states nor time nor inputs.

    The tangent program of the equations is walked: an entry (i, j) is there if the tangent of x_j reaches derivative i;
    the Jacobian is constant if no state, time or input reaches any tangent.
    """
    x, p, u = _arguments(structure)
    size = len(x)

    def tangent(t, x, u, p, dx):
        return jax.jvp(lambda x: _derivative(structure, t, x, p, u), (x,), (dx,))[1]

    jaxpr = jax.make_jaxpr(tangent)(jnp.float64(0.0), x, u, p, x).jaxpr
    count = 1 + size + len(u)
    first_tangent = count + len(p)
    labels = {variable: {i} for i, variable in enumerate(jaxpr.invars)}
    reached = _flow(jaxpr, labels)
    pattern, constant = set(), True
    for i, out in enumerate(jaxpr.outvars):
        sources = reached.get(out, set()) if not hasattr(out, "val") else set()
        pattern |= {(i, s - first_tangent) for s in sources if s >= first_tangent}
        constant = constant and not any(s < count for s in sources)
    return frozenset(pattern), constant


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


def _is_homogeneous(structure: Structure) -> bool:
    """No input that is there without any state: the derivative at zero is zero, at several parameter values."""
    with jax.ensure_compile_time_eval():  # may be asked while a program is being traced
        x, p, u = _arguments(structure)
        zero = [jnp.float64(0.0)] * len(x)
        for factor in (1.0, 0.7, 1.9):
            # zero times a parameter would hide a constant, so each is moved away from its default
            moved = [value * factor + 0.1 * factor for value in p]
            if any(float(value) != 0.0 for value in _derivative(structure, jnp.float64(1.0), zero, moved, u)):
                return False
    return True
