"""Nothing comes from nowhere: whether a structure keeps every extensive quantity that its states say they hold.

    d/dt sum_i w_i x_i  =  flows in  -  flows out  -  outflows

The states of a quantity name it, with the weight that makes an amount of each. It comes in by needs and leaves by
outputs of the kind flow that name it, and by what the structure's `outflows` declares: elimination, and production with
a minus. Inside a coupled structure a flow that one part gives and another needs is both, and cancels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from twinsim import units
from twinsim.errors import ModelError, UnitError, nearest
from twinsim.models.draws import drawn
from twinsim.models.quantities import unit_per
from twinsim.models.structure import Port, State, Structure

TOLERANCE = 1e-12  # of what flows through; rounding stays far below


class Leak(NamedTuple):
    """A quantity that is not conserved.

    Attributes:
        quantity: its name.
        states: those that hold it, or other ones, on which the leak depends.
        rate: the largest found, gained where positive [its unit per the structure's time].
        relative: the same in parts of what flows through.
    """

    quantity: str
    states: tuple[str, ...]
    rate: float
    relative: float


def leaks(structure: Structure, *, draws: int = 32, seed: int = 0, tolerance: float = TOLERANCE) -> tuple[Leak, ...]:
    """What a structure does not conserve, at random states, parameters and inputs within bounds.

    >>> from twinsim.models.pk.one_compartment_transit import structure
    >>> leaks(structure)
    ()

    Raises:
        ModelError, UnitError: quantities that are declared wrongly.
    """
    held = quantity_units(structure)
    if not held:
        return ()
    sample, names = drawn(structure, draws, 1, seed), structure.state_names

    def flows(x: jax.Array, p: Mapping[str, Any], u: Mapping[str, Any]) -> list[jax.Array]:
        return [jnp.stack(row) for row in _terms(structure, held, dict(zip(names, x, strict=True)), p, u)]

    def one(x: jax.Array, p: Mapping[str, Any], u: Mapping[str, Any]) -> tuple[jax.Array, ...]:
        """What each quantity gains from nowhere, how that changes with each state, and all that flows."""
        own, parts = flows(x, p, u), [slope * x[None] for slope in jax.jacfwd(flows)(x, p, u)]
        through = [jnp.abs(a).sum() + jnp.abs(b).sum() for a, b in zip(own, parts, strict=True)]
        return tuple(map(jnp.stack, ([a.sum() for a in own], [b.sum(axis=0) for b in parts], through)))

    gain, slope, through = (np.asarray(a) for a in jax.jit(jax.vmap(one))(sample.x[:, 0], sample.p, sample.u))
    found = []
    for k, name in enumerate(held):
        relative = np.where(gain[:, k] == 0.0, 0.0, np.abs(gain[:, k]) / np.maximum(through[:, k], 1e-300))
        worst = int(np.argmax(np.where(np.isfinite(relative), relative, np.inf)))
        if not relative[worst] <= tolerance:
            moved = np.abs(slope[:, k]).max(axis=0) > tolerance * through[:, k].max()
            states = tuple(state for state, moves in zip(names, moved, strict=True) if moves)
            found.append(Leak(name, states, float(gain[worst, k]), float(relative[worst])))
    return tuple(found)


def quantity_units(structure: Structure) -> dict[str, str]:
    """Each quantity's unit: that of the first state or flow that names it.

    Raises:
        ModelError: a weight that is no parameter, a quantity carried by something that is no flow.
        UnitError: amounts or flows of one quantity whose units have different dimensions.
    """
    found: dict[str, tuple[str, str]] = {}
    for state in structure.states:
        if state.quantity is not None:
            _fits(structure, found, state.quantity, state.name, _amount_unit(structure, state))
    for port in (*structure.needs, *structure.gives):
        if port.quantity is not None:
            if port.kind != "flow":
                raise ModelError(
                    f"{port.name} carries {port.quantity} and is of the kind {port.kind}",
                    where=structure.name,
                    do="make it a flow, or leave its quantity out",
                )
            _fits(structure, found, port.quantity, port.name, f"({port.unit}) ({structure.time})")
    return {name: unit for name, (unit, _) in found.items()}


def outflow_units(structure: Structure) -> dict[str, str]:
    """The unit of what `outflows` declares, for each quantity."""
    return {name: unit_per(unit, structure.time) for name, unit in quantity_units(structure).items()}


def declared_outflows(structure: Structure, t: Any, x: Any, p: Any, u: Any) -> dict[str, Any]:
    """What leaves by no port, by quantity; 0 where `outflows` says nothing.

    Raises:
        ModelError: a quantity that no state or flow names.
    """
    known, given = quantity_units(structure), structure.outflow(t, x, p, u)
    for name in given:
        if name not in known:
            do = nearest(name, known) if known else f'State(..., quantity="{name}")'
            raise ModelError(f"outflows gives {name}, which no state or flow names", where=structure.name, do=do)
    return {name: given.get(name, 0.0) for name in known}


def _fits(structure: Structure, found: dict[str, tuple[str, str]], quantity: str, name: str, unit: str) -> None:
    first, owner = found.setdefault(quantity, (unit, name))
    if not units.compatible(unit, first):
        raise UnitError(
            f"{name} holds {quantity} in {unit}, {owner} in {first}",
            where=structure.name,
            do="give one of them a weight that makes both the same kind of amount",
        )


def _amount_unit(structure: Structure, state: State) -> str:
    """The unit of a state times its weight."""
    if not isinstance(state.weight, str):
        return state.unit
    return f"({state.unit}) ({structure.parameter(state.weight).unit})"


def _terms(structure: Structure, held: Mapping[str, str], x: Any, p: Any, u: Any) -> list[list[Any]]:
    """Per quantity, what its states gain and all flows, in its unit per the structure's time."""
    t = jnp.zeros(())
    change, seen = structure.derivative(t, x, p, u), structure.observe(t, x, p, u)
    leaving = declared_outflows(structure, t, x, p, u)
    terms: dict[str, list[Any]] = {name: [] for name in held}
    for state in structure.states:
        if state.quantity is not None:
            weight = p[state.weight] if isinstance(state.weight, str) else state.weight
            factor = units.factor(_amount_unit(structure, state), held[state.quantity])
            terms[state.quantity].append(factor * weight * change[state.name])

    def flow(port: Port, value: Any) -> Any:
        return units.factor(f"({port.unit}) ({structure.time})", held[str(port.quantity)]) * value

    for port in structure.needs:
        if port.quantity is not None:
            terms[port.quantity].append(-flow(port, u[port.name]))
    for port in structure.gives:
        if port.quantity is not None:
            terms[port.quantity].append(flow(port, seen[port.name]))
    for name, value in leaving.items():
        terms[name].append(jnp.asarray(value, jnp.float64))
    return [[jnp.asarray(term, jnp.float64) for term in row] for row in terms.values()]
