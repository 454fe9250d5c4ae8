"""What each planned dose means for each patient: when it arrives, how much, at what rate, for how long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from twinsim.errors import UsageError
from twinsim.events import MODELLED_DURATION, MODELLED_RATE, PER, RATE
from twinsim.models.structure import Route, Structure
from twinsim.plan import Layout

Parameters = Callable[[Array], Mapping[str, Array]]


class Doses(NamedTuple):
    """What each planned dose means for each patient, arrays (row, patient | 1).

    Attributes:
        start: when it arrives [h].
        lag: [h].
        amount: that arrives; 0 for an infusion with a rate only.
        infused: True for infusions.
        rate, duration: of the infusion.
    """

    start: Array
    lag: Array
    amount: Array
    infused: Array
    rate: Array
    duration: Array


def _per_route(
    layout: Layout, plan: Mapping[str, Array], value: Callable[[Route], Array | float], default: float
) -> Array | float:
    """The value of each row's own route, (row, patient | 1); the default where nothing is given by any."""
    values = [value(route) for route in layout.routes] or [default]
    result = values[0]
    for number, other in enumerate(values[1:], 1):
        result = jnp.where(plan["target"] == number, other, result)
    return result


def planned_doses(
    layout: Layout, plan: Mapping[str, Array], parameters: Parameters, covariates: Mapping[str, Array]
) -> Doses:
    p = parameters(plan["segment"])

    def named(attribute: str, default: float) -> Array | float:
        def value(route: Route) -> Array | float:
            name = getattr(route, attribute)
            return default if name is None else p[name]

        return _per_route(layout, plan, value, default)

    size = _sizes(layout, plan, covariates)
    given = plan["value"] * size
    lag, bioavailable = named("lag", 0.0), named("f", 1.0)
    amount = given * bioavailable
    modelled = {"rate": MODELLED_RATE, "duration": MODELLED_DURATION}
    by_route = _per_route(layout, plan, lambda route: modelled.get(route.infusion or "", 0.0), 0.0)
    has_rate, has_duration = ~jnp.isnan(plan["rate"]), ~jnp.isnan(plan["duration"])
    own_rate = jnp.where(plan["rate"] > 0.0, plan["rate"] * size, plan["rate"])
    code = jnp.where(has_rate, own_rate, jnp.where(has_duration, 0.0, by_route))
    infused = has_rate | has_duration | (code < 0.0)
    rate = jnp.where(code == MODELLED_RATE, named("rate", jnp.nan), code)
    duration = jnp.where(code == MODELLED_DURATION, named("duration", jnp.nan), plan["duration"])
    timed = has_duration | (code == MODELLED_DURATION)
    safe_duration = jnp.where(timed, duration, 1.0)
    rate = jnp.where(timed, amount / safe_duration, rate)
    safe_rate = jnp.where(infused & ~timed, rate, 1.0)
    duration = jnp.where(timed, duration, amount / safe_rate)
    return Doses(
        start=plan["time"] + lag,
        lag=jnp.broadcast_to(jnp.asarray(lag), jnp.broadcast_shapes(jnp.shape(lag), plan["time"].shape)),
        amount=amount,
        infused=infused & (plan["kind"] <= RATE),
        rate=jnp.where(infused, rate, 0.0),
        duration=jnp.where(infused, duration, 0.0),
    )


def _sizes(layout: Layout, plan: Mapping[str, Array], covariates: Mapping[str, Array]) -> Array:
    """What amounts and rates are multiplied by (row, patient | 1): weight where they are per kg, bsa where per m2."""
    size = jnp.ones_like(plan["value"])
    for unit, covariate, rows in (("kg", "weight", layout.per_kg), ("m2", "bsa", layout.per_m2)):
        if not rows:
            continue
        if covariate not in covariates:
            wanted = "weight" if unit == "kg" else "bsa, or weight and height"
            raise UsageError(
                f"a dose per {unit} needs the patients' {covariate}, and there is none",
                where="regimen.per",
                do=f"give the cohort its {wanted}, or leave per out",
            )
        size = jnp.where(plan["per"] == PER.index(unit), covariates[covariate][None, :], size)
    return size


def state_index(structure: Structure, layout: Layout, plan: Mapping[str, Array], row: Any) -> Array:
    """Index of the state a row's target is, (patient | 1); of several rows (row, patient | 1)."""
    indices = [structure.state_names.index(route.to) for route in layout.routes]
    result = jnp.full(plan["target"][row].shape, indices[0], jnp.int32)
    for number, index in enumerate(indices):
        result = jnp.where(plan["target"][row] == number, index, result).astype(jnp.int32)
    return result
