"""Patients who leave the range in which a model was held against people: flagged, port by port, and simulated still.

An output is looked at at the output times, whether it was asked for or not; a parameter (a need that was closed, a
recorded trace) at the beginning and wherever it changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from twinsim.models.structure import Parameter, Port, Range, Structure
from twinsim.store.variable import Variable

GROUP = "flags"
WITHIN, BELOW, ABOVE, BOTH = 0, 1, 2, 3
MEANINGS = {WITHIN: "within", BELOW: "below", ABOVE: "above", BOTH: "below_and_above"}
# of a patient who failed: nobody knows
UNKNOWN = -1


def ranged(structure: Structure) -> dict[str, Port | Parameter]:
    """Outputs and parameters that have a range, by name."""
    items: Iterable[Port | Parameter] = (*structure.parameters, *structure.gives)
    return {item.name: item for item in items if item.valid is not None}


def with_ranged(structure: Structure, outputs: tuple[str, ...]) -> tuple[str, ...]:
    """These outputs, and those behind them that have a range.

    Raises:
        ModelError: there is no such output.
    """
    for name in outputs:
        structure.output(name)
    more = (name for name in ranged(structure) if name in structure.output_names)
    return tuple(dict.fromkeys((*outputs, *more)))


def outside(values: Array, valid: Range) -> Array:
    """Flags of patients by all their values (..., patient); NaN is nowhere.

    >>> [int(flag) for flag in outside(jnp.asarray([[60.0, 70.0, 60.0], [90.0, 80.0, 140.0]]), Range(65, 120, "x"))]
    [1, 0, 3]
    """
    along = tuple(range(values.ndim - 1))
    below, above = (values < valid.low).any(along), (values > valid.high).any(along)
    return jnp.where(below, BELOW, WITHIN) + jnp.where(above, ABOVE, WITHIN)


def flags_of(structure: Structure, known: Mapping[str, Array], failed: Array) -> dict[str, Array]:
    """flags/<name> (patient) of all that has a range.

    Args:
        known: outputs (time, patient) and parameters ([segment,] patient) by name.
        failed: patients (patient) whose numbers cannot be used.
    """
    found = {}
    for name, item in ranged(structure).items():
        assert item.valid is not None
        flag = outside(jnp.asarray(known[name]), item.valid)
        found[f"{GROUP}/{name}"] = jnp.where(failed, UNKNOWN, flag).astype(jnp.int8)
    return found


def flag_variables(structure: Structure, dims: tuple[str, ...]) -> list[Variable]:
    """How flags stand in a results file."""
    found = []
    for name, item in ranged(structure).items():
        assert item.valid is not None
        valid = item.valid
        unit = "" if item.unit == "1" else f" {item.unit}"
        meaning = f"{item.meaning}: whether it left {valid.low:g} to {valid.high:g}{unit}"
        attributes = {
            "flag_values": np.array(list(MEANINGS), np.int8),
            "flag_meanings": " ".join(MEANINGS.values()),
            "source": valid.source,
        }
        found.append(Variable(name, dims, np.int8, "1", meaning, attributes, GROUP))
    return found


def tally_flags(chunk: Mapping[str, Any], count: int, totals: Counter[str]) -> None:
    """Add the patients of a chunk who left a range, in any scenario, by the name of what left it."""
    for key, flags in chunk.items():
        group, _, name = key.partition("/")
        if group == GROUP and (gone := int((np.asarray(flags).reshape(-1, count) > 0).any(axis=0).sum())):
            totals[name] += gone
