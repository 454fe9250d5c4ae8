"""Glomerular filtration of people of all ages.

    child   = 121.2 (weight / 70)^0.75 pma^3.4 / (47.7^3.4 + pma^3.4) own     [mL/min], pma = 40 + weeks of age
    own     = Q(age) / creatinine from 2 years on; exp(0.145 z) below, and without a creatinine
    adult   = CKD-EPI 2021 of creatinine, times bsa / 1.73
              107.3 0.990^(age - 40) exp(0.145 z) bsa / 1.73 without a creatinine, the power from 40 years on
    gfr     = child up to 16 years, adult from 20 on, between them child^(1 - s) adult^s as in `people`

bsa is Mosteller's. The gestational age is 40 weeks if the patients have none. Creatinine below 2 years is not used: a
newborn's is its mother's. 0.145 is the spread of creatinine in `blood`.

Source: Rhodin et al. 2009, Pediatr Nephrol 24:67, doi:10.1007/s00467-008-0997-5; Q, 107.3 and 0.990: Pottel et al.
2021, EKFC, Ann Intern Med 174:183, doi:10.7326/M20-4366; Inker et al. 2021, doi:10.1056/NEJMoa2102953.
"""

from __future__ import annotations

from collections.abc import Mapping

import jax.numpy as jnp
from jax import Array

from twinsim.population.blood import CREATININE_SD, DAYS, usual_creatinine
from twinsim.population.derived import gfr_ckd_epi_2021, surface_area_mosteller
from twinsim.population.people import JOIN_FROM, JOIN_TO

TERM = 40.0  # gestational age at birth [wk]
CREATININE_FROM = 2.0  # [y]


def maturation(postmenstrual_age: Array) -> Array:
    """Share of the mature GFR (patient,) at a postmenstrual age [wk]."""
    return 1.0 / (1.0 + (47.7 / postmenstrual_age) ** 3.4)


def joined(age: Array, child: Array, adult: Array) -> Array:
    """child^(1 - s) adult^s (patient,), s from 0 at 16 to 1 at 20 years."""
    u = jnp.clip((age - JOIN_FROM) / (JOIN_TO - JOIN_FROM), 0.0, 1.0)
    s = u * u * (3.0 - 2.0 * u)
    return jnp.exp((1.0 - s) * jnp.log(child) + s * jnp.log(adult))


def filtration(x: Mapping[str, Array], z: Array) -> Array:
    """GFR [mL/min] (patient,) without chronic kidney disease.

    Args:
        x: covariates: sex, age [y], height [cm], weight [kg]; creatinine [mg/dL] and gestational_age [wk] if known,
            (patient,) each.
        z: normal score of people without a creatinine (patient,).
    """
    own = jnp.exp(CREATININE_SD * z)
    surface = surface_area_mosteller(x["height"], x["weight"]) / 1.73
    adult = 107.3 * 0.990 ** jnp.maximum(x["age"] - 40.0, 0.0) * own
    if "creatinine" in x:
        ratio = usual_creatinine(x["sex"], x["age"]) / x["creatinine"]
        own = jnp.where(x["age"] >= CREATININE_FROM, ratio, own)
        adult = gfr_ckd_epi_2021(x["sex"], x["age"], x["creatinine"])
    return joined(x["age"], typical_of_children(x) * own, adult * surface)


def typical_of_children(x: Mapping[str, Array]) -> Array:
    """GFR [mL/min] (patient,) by size and maturation."""
    weeks = x.get("gestational_age", jnp.full_like(x["age"], TERM)) + x["age"] * DAYS / 7.0
    return 121.2 * (x["weight"] / 70.0) ** 0.75 * maturation(weeks)


def creatinine_at(x: Mapping[str, Array], gfr: Array) -> Array:
    """The creatinine [mg/dL] (patient,) that `filtration` turns into this GFR [mL/min]; between 16 and 20 years nearly.

    Args:
        x: as of `filtration`.
        gfr: [mL/min] (patient,).
    """
    child = usual_creatinine(x["sex"], x["age"]) * typical_of_children(x) / gfr
    indexed = gfr * 1.73 / surface_area_mosteller(x["height"], x["weight"])
    knee = jnp.where(x["sex"] > 0.5, 0.7, 0.9)
    ratio = indexed / gfr_ckd_epi_2021(x["sex"], x["age"], knee)
    low = jnp.where(x["sex"] > 0.5, -0.241, -0.302)
    adult = knee * jnp.where(ratio < 1.0, ratio ** (-1.0 / 1.200), ratio ** (1.0 / low))
    return joined(x["age"], child, adult)
