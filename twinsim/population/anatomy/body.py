"""A person's anatomy and function from its covariates: organs, flows, filtration, enzymes, with its conditions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.scipy.special import ndtri

from kernels import random
from twinsim.errors import UsageError, nearest
from twinsim.population.anatomy import conditions, enzymes, fat, flows, kidney, masses
from twinsim.population.anatomy.catalogue import CHANGED, GIVEN, NEEDS
from twinsim.population.anatomy.organs import ORGANS, SPLANCHNIC, TISSUES, reference, table
from twinsim.population.derived import surface_area_mosteller

SCORES = (
    *(f"mass.{name}" for name in masses.DRAWN),
    *(f"flow.{name}" for name in TISSUES),
    *enzymes.ENZYMES,
    "mppgl",
    "gfr",
    "cardiac_output",
)


def anatomy(seed: Any, patient: Any, covariates: Mapping[str, Any]) -> dict[str, Array]:
    """Anatomy and function of patients; pure, element-wise and traceable.

    >>> person = {"sex": [0.0], "age": [35.0], "height": [176.0], "weight": [73.0]}
    >>> out = anatomy(0, [417], {name: jnp.array(value) for name, value in person.items()})
    >>> round(float(sum(out[f"{organ}_mass"] for organ in ORGANS)[0]), 9)
    73.0

    Args:
        seed: the user's integer, Python int or integer array.
        patient: ids, int64 (patient,).
        covariates: name -> (patient,): sex, age [y], height [cm], weight [kg]; creatinine [mg/dL], haematocrit [%],
            albumin [g/L], aag [g/L], gestational_age [wk], cirrhosis (0 to 3), ckd (0 to 5) and <organ>_mass [kg] where
            they are known.

    Returns:
        name -> float64 (patient,): every name of `catalogue.ITEMS`, and those of `catalogue.CHANGED` that were given,
        as the conditions make them. NaN where a level does not exist or given organs leave no room for others.

    Raises:
        UsageError: a covariate that it needs is missing.
    """
    absent = [name for name in NEEDS if name not in covariates]
    if absent:
        what = f"anatomy needs {', '.join(absent)}"
        raise UsageError(what, where="covariates", do=nearest(absent[0], covariates))
    patient = jnp.asarray(patient)
    x = {name: jnp.asarray(value, jnp.float64) for name, value in covariates.items()}
    none = jnp.zeros_like(x["age"])
    levels = {name: x.get(name, none) for name in ("cirrhosis", "ckd")}

    streams = random.stream_ids(f"population.anatomy.{name}" for name in (*SCORES, "ckd"))
    chance = random.uniform(random.key(seed, streams), patient[None])
    rows, position = ndtri(chance[:-1]), chance[-1]
    z = {name: rows[i] for i, name in enumerate(SCORES)}
    person = reference(x["sex"], x["age"])
    given = {name: x[f"{name}_mass"] for name in GIVEN if f"{name}_mass" in x}
    typical = masses.typical_masses(x["sex"], x["age"], x["height"], x["weight"], person, given)
    mass = masses.organ_masses(x["sex"], x["weight"], typical, _part(z, "mass"), given)
    result = {f"{name}_mass": mass[name] for name in ORGANS}
    result |= {f"{name}_volume": mass[name] / table().density[name] for name in ORGANS}
    result["lean_factor"] = mass["lean_factor"]
    result["body_fat"] = fat.body_fat(x["sex"], x["age"], x["weight"], mass)

    function, kidney_share = _filtration(x, levels, z["gfr"], position)
    output = flows.cardiac_output(x["age"], x["height"], x["weight"], person, z["cardiac_output"])
    healthy = flows.tissue_flows(x["sex"], x["age"], output, mass, _part(z, "flow"))
    result |= _flows(output, healthy, levels["cirrhosis"], kidney_share) | function
    result |= _enzymes(x["age"], levels["cirrhosis"], z)
    result["unbound_factor"] = conditions.by_level(conditions.CKD_UNBOUND, levels["ckd"])
    return result


def _part(z: Mapping[str, Array], group: str) -> dict[str, Array]:
    return {name.removeprefix(f"{group}."): value for name, value in z.items() if name.startswith(f"{group}.")}


def _filtration(
    x: Mapping[str, Array], levels: Mapping[str, Array], z: Array, position: Array
) -> tuple[dict[str, Array], Array]:
    """GFR and the covariates that conditions change; and GFR relative to that without CKD (patient,)."""
    surface = surface_area_mosteller(x["height"], x["weight"]) / 1.73
    own = kidney.filtration(x, z)
    with_ckd = conditions.gfr_in_ckd(levels["ckd"], own / surface, position) * surface
    ill = levels["ckd"] > 0.0
    factors = {
        name: conditions.cirrhosis_factor(name, levels["cirrhosis"])
        for name in ("albumin", "aag", "haematocrit", "gfr")
    }
    factors["haematocrit"] *= conditions.haematocrit_in_ckd(levels["ckd"], x["sex"], with_ckd / surface)
    result = {"gfr": with_ckd * factors["gfr"]}
    result |= {name: x[name] * factors[name] for name in CHANGED if name in x and name != "creatinine"}
    if "creatinine" in x:
        result["creatinine"] = jnp.where(ill, kidney.creatinine_at(x, with_ckd), x["creatinine"])
    return result, with_ckd / own


def _flows(output: Array, healthy: Mapping[str, Array], cirrhosis: Array, kidney_share: Array) -> dict[str, Array]:
    """Flows with conditions: liver's artery and kidney by their factors, the others share what remains of the output.

    Portal flow is its factor times the healthy one; what the gut receives beyond it passes the liver by. The kidney's
    flow falls with its filtration (assumed: a constant filtration fraction).
    """

    def factor(quantity: str) -> Array:
        return conditions.cirrhosis_factor(quantity, cirrhosis)

    total = output * factor("cardiac_output")
    own = {
        "liver": healthy["liver"] * factor("hepatic_arterial_flow"),
        "kidney": healthy["kidney"] * factor("kidney_flow") * jnp.minimum(kidney_share, 1.0),
    }
    others = [name for name in TISSUES if name not in own]
    share = (total - own["liver"] - own["kidney"]) / sum(healthy[name] for name in others)
    flow = {name: own[name] if name in own else healthy[name] * share for name in TISSUES}
    received = sum((flow[name] for name in SPLANCHNIC), start=jnp.zeros_like(output))
    portal = sum((healthy[name] for name in SPLANCHNIC), start=jnp.zeros_like(output)) * factor("portal_flow")
    portal = jnp.where(cirrhosis > 0.0, portal, received)
    result = {f"{name}_flow": value for name, value in flow.items()}
    arterial = result["liver_flow"]
    return {
        **result,
        "liver_flow": arterial + portal,
        "liver_arterial_flow": arterial,
        "liver_portal_flow": portal,
        "portal_shunt_flow": received - portal,
        "portal_shunt": (received - portal) / received,
        "cardiac_output": total,
    }


def _enzymes(age: Array, cirrhosis: Array, z: Mapping[str, Array]) -> dict[str, Array]:
    result = {
        f"{name}_abundance": enzymes.abundance(name, age, z[name]) * conditions.cirrhosis_factor(name, cirrhosis)
        for name in enzymes.ENZYMES
    }
    result["mppgl"] = enzymes.microsomal_protein(age, z["mppgl"])
    result["functional_liver"] = conditions.cirrhosis_factor("functional_liver", cirrhosis)
    return result
