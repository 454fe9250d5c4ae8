"""From ids to people, inside a compiled program: covariates, individual parameters, and how these change in time.

Arrays of patients, `own`: "id", "counted" (not only there to fill a block up), "covariates" by name; and where they
differ between patients "segments", "plan", "last_dose" (patient) and "times" (time, patient). What is the same for
everyone, `shared`: "seed", "thetas", "parameters", "covariates" (numbers in place of the patients' own), "segments",
"plan", "last_dose", "times" (time).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jax import Array

from twinsim.population.derived import derive
from twinsim.population.individual import constant_parameters
from twinsim.population.model import PopulationModel
from twinsim.segments import Individual, moving_fields

PER_COVARIATE = {1: "weight", 2: "bsa"}  # index into twinsim.events.PER -> what the amount is multiplied by


def of_both(own: Mapping[str, Any], shared: Mapping[str, Any], name: str) -> Any:
    """The patients' own arrays if they differ, else those of everyone; None if there are none."""
    return own.get(name, shared.get(name))


def individual_of(model: PopulationModel, shared: Mapping[str, Any]) -> Individual:
    """(covariates, etas, occasion etas) -> parameters, with the numbers that take the place of the patients' own."""

    def individual(x: Mapping[str, Any], etas: Any, occasion_etas: Any) -> dict[str, Array]:
        known = model.individual(derive(x), etas=etas, thetas=shared["thetas"] or None, occasion_etas=occasion_etas)
        given = shared["parameters"]
        return {
            name: jnp.broadcast_to(given[name].astype(value.dtype), value.shape) if name in given else value
            for name, value in known.items()
        }

    return individual


def same_for_all(model: PopulationModel, shared: Mapping[str, Any]) -> dict[str, Array]:
    """Parameters that every patient shares, () each, while nothing changes them."""
    values = {name: number.value for name, number in model.numbers.items()}
    return {**constant_parameters(model.parts, {**values, **shared["thetas"]}), **shared["parameters"]}


def typical_of(model: PopulationModel) -> dict[str, float]:
    """The structure's parameters of the typical patient; none where the publication describes no such patient."""
    typical = model.typical_covariates
    if len(typical) < len(model.covariates):
        return {}
    found = model.individual({name: jnp.asarray([value]) for name, value in typical.items()})
    return {name: float(value.ravel()[0]) for name, value in found.items()}


def constant_people(
    individual: Individual, covariates: Mapping[str, Array], ids: Array, etas: Any, drawn: Any
) -> dict[str, dict[str, Array]]:
    """People whose parameters never change: "covariates" and "parameters", name -> (patient).

    Args:
        etas: (eta, patient) or None; drawn: (eta, occasion, patient) or None, of which the first occasion counts.
    """
    known = derive(covariates)
    parameters = individual(known, etas, None if drawn is None else drawn[:, 0])
    return {
        "covariates": known,
        "parameters": {name: jnp.broadcast_to(value, ids.shape) for name, value in parameters.items()},
    }


def people_in_segments(
    individual: Individual,
    covariates: Mapping[str, Array],
    ids: Array,
    etas: Any,
    drawn: Any,
    segments: Mapping[str, Any],
    fixed: Mapping[str, Any],
    doses: int,
    occasions: int,
) -> dict[str, dict[str, Array]]:
    """People whose covariates change, or who have occasions.

    Args:
        covariates: those that do not change (patient).
        etas: (eta, patient) or None; drawn: (eta, occasion, patient) or None.
        segments: arrays of `twinsim.segments.Segments`.
        fixed: covariates that are the same number for everyone, whatever the segments say.
        doses, occasions: their numbers; they have segments of their own at the end, see `twinsim.segments`.

    Returns:
        "covariates" at the beginning (patient); "parameters" at the beginning of each occasion (occasion, patient);
        "fields" (segment, patient), what `solve_block` takes as parameters; "at_doses", weight and body surface area
        at each dose (row, patient).
    """
    shape = (segments["anchor"].shape[0], *ids.shape)
    x = {name: jnp.broadcast_to(value[None, :], shape) for name, value in covariates.items()}
    x |= {name: jnp.broadcast_to(value, shape) for name, value in segments["values"].items() if name not in fixed}
    slopes = {name: value for name, value in segments["slopes"].items() if name not in fixed}
    occasion = None
    if drawn is not None:
        occasion = jnp.take_along_axis(drawn, jnp.broadcast_to(segments["occasion"], shape)[None], axis=1)
    each = _for_each(etas, shape)
    if slopes:
        fields = moving_fields(x, slopes, segments["anchor"], each, occasion)
    else:
        fields = individual(x, each, occasion)
    begin = {name: value[-occasions:] for name, value in x.items()}
    parameters = individual(begin, _for_each(etas, (occasions, *ids.shape)), drawn)
    parameters = {name: jnp.broadcast_to(value, (occasions, *ids.shape)) for name, value in parameters.items()}
    known = derive({name: value[-occasions - doses : -occasions] for name, value in x.items()})
    return {
        "covariates": derive({name: value[0] for name, value in begin.items()}),
        "parameters": parameters,
        "fields": {name: jnp.broadcast_to(value, shape) for name, value in fields.items()},
        "at_doses": {name: known[name] for name in PER_COVARIATE.values() if name in known},
    }


def _for_each(etas: Any, shape: tuple[int, ...]) -> Any:
    """Effects (eta, patient) as (eta, row, patient)."""
    return None if etas is None else jnp.broadcast_to(etas[:, None, :], (etas.shape[0], *shape))


def amounts(plan: Mapping[str, Array], at_doses: Mapping[str, Array]) -> dict[str, Array]:
    """The plan with amounts and rates per kg or m2 multiplied by what each patient has at the time of the dose.

    Args:
        at_doses: weight and bsa, (row, patient).
    """
    value, rate, per = plan["value"], plan["rate"], plan["per"]
    for number, name in PER_COVARIATE.items():
        if name in at_doses:
            value = jnp.where(per == number, value * at_doses[name], value)
            rate = jnp.where((per == number) & (rate > 0.0), rate * at_doses[name], rate)
            per = jnp.where(per == number, 0.0, per)
    return {**plan, "value": value, "rate": rate, "per": per}
