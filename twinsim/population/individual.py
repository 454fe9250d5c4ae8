"""Individual parameters from typical values, covariates and random effects: element-wise arithmetic, nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
from jax import Array

from twinsim.errors import UsageError
from twinsim.population.model_file import ModelParameter, Parts
from twinsim.population.variability import centre, vary


def individual_parameters(
    parts: Parts, x: Mapping[str, Array], effects: Mapping[str, Array], values: Mapping[str, Any], shapes: Sequence[Any]
) -> dict[str, Array]:
    """The structure's parameters of patients.

    parameter = vary(relations(typical, x), effect)

    Args:
        parts: the model.
        x: covariates in the model's units, (..., patient) each.
        effects: parameter -> eta, (..., patient) each.
        values: numbers by theta name.
        shapes: further shapes the result must have room for.

    Returns:
        Parameter -> value in the structure's unit, all of the shape that x, effects and shapes have together.
    """
    arrays = [*x.values(), *effects.values()]
    shape = jnp.broadcast_shapes(*(item.shape for item in arrays), *shapes)
    single = bool(arrays) and all(item.dtype == jnp.float32 for item in arrays)
    dtype = jnp.float32 if single else jnp.float64
    x = {name: jnp.broadcast_to(item.astype(dtype), shape) for name, item in x.items()}
    thetas = {name: jnp.asarray(value, dtype) for name, value in values.items()}
    distributions = distributions_of(parts)
    result = {}
    for parameter in parts.parameters:
        p = _typical(parameter, x, thetas)
        if parameter.name in effects:
            eta = jnp.broadcast_to(effects[parameter.name].astype(dtype), shape)
            p = vary(distributions[parameter.name], p, eta, parameter.limits)
        result[parameter.name] = jnp.broadcast_to(p, shape)
    if parts.parameterisation is not None:
        result = parts.parameterisation.apply(result)
    return {name: result[name] for name in parts.structure.parameter_names}


def _typical(parameter: ModelParameter, x: Mapping[str, Array], thetas: Mapping[str, Any]) -> Any:
    """A parameter of patients without random effects."""
    p = thetas[parameter.typical.name]
    for relation in parameter.relations:
        p = relation.apply(p, x, thetas)
    return p


def centres(parts: Parts, x: Mapping[str, Array], values: Mapping[str, Any], shape: tuple[int, ...]) -> Array:
    """Where patients' parameters lie on the scales on which effects between patients add to them (eta, *shape).

    Args: as of `individual_parameters`.
    """
    parameters = {parameter.name: parameter for parameter in parts.parameters}
    rows = []
    for name, distribution in zip(parts.between_patients.names, parts.between_patients.distributions, strict=True):
        typical = _typical(parameters[name], x, values)
        rows.append(jnp.broadcast_to(centre(distribution, typical, parameters[name].limits), shape))
    return jnp.stack(rows) if rows else jnp.zeros((0, *shape))


def constant_parameters(parts: Parts, values: Mapping[str, Any]) -> dict[str, Array]:
    """Parameters that are the same for every patient, as no covariate and no random effect enters them: () each.

    Args:
        values: numbers by theta name.
    """
    if parts.parameterisation is not None:
        names = frozenset(parts.defaulted)
    else:
        varied = {*parts.between_patients.names, *parts.between_occasions.names}
        names = frozenset(item.name for item in parts.parameters if not item.relations and item.name not in varied)
    typical = {item.name: item.typical.name for item in parts.parameters if item.name in names}
    return {name: jnp.asarray(values[theta], jnp.float64) for name, theta in typical.items()}


def distributions_of(parts: Parts) -> dict[str, str]:
    """Parameter -> distribution of its random effects."""
    levels = (parts.between_patients, parts.between_occasions)
    return {n: d for level in levels for n, d in zip(level.names, level.distributions, strict=True)}


def rows(etas: Any, names: tuple[str, ...], what: str, model: str) -> dict[str, Array]:
    """Random effects by parameter from an array whose first axis is the effect.

    Raises:
        UsageError: the array has another number of effects than the model.
    """
    if etas is None:
        return {}
    array = jnp.asarray(etas)
    if not array.ndim or array.shape[0] != len(names):
        why = f"the model has {len(names)}: {', '.join(names) or 'none'}"
        raise UsageError(f"{what} have shape {array.shape}", where=model, why=why, do="give (eta, patient)")
    return {name: array[i] for i, name in enumerate(names)}
