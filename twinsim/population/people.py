"""People of all ages: children by growth charts, adults by the survey of `adults`, joined without a step.

1. Age: 24 % of people are below 18 years and 76 % in the survey's bands, uniform within each. Bands of adults as in
   `adults`, the last one from 70 to 90 years (assumed; the survey records everybody above 80 as 80).
2. Sex: girls are 48.8 % below 18; above, women by the survey's shares of the band.
3. Five normal scores, one for each of height, weight, creatinine, haematocrit and albumin, serve a person's values as a
   child and as an adult alike:

       value = child(age, scores) + s (adult(age, scores) - child(age, scores)),  s = 3 u^2 - 2 u^3,  u = (age - 16) / 4

   within 0 and 1; on the log scale for weight and creatinine. Up to 16 years people are CDC's children (`growth`,
   `blood`), from 20 on the survey's adults, whose coefficients follow age on straight lines between the middles of the
   bands (`adults.between_bands`), so that nothing jumps at the end of a band.
4. Alpha-1-acid glycoprotein by age, lognormal.

CDC's charts describe children of 1963 to 1994 and the survey adults of 2007 to 2012, who are heavier: a median man of
24 years weighs 9 kg more than the chart's of 20. The join lays that between 16 and 20 years. Children of today are
heavier than these.

Source: as of `growth`, `blood` and `adults`. Share below 18: United States census 2010, 24.0 % (from memory: assumed);
girls: 1.05 boys for each girl (assumed). Join: assumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import ndtri

from kernels import random
from twinsim.errors import UsageError
from twinsim.population import adults, blood, growth
from twinsim.population.lines import between

NAMES = (*adults.NAMES, "aag")
UNITS = {
    "sex": "1",
    "age": "y",
    "height": "cm",
    "weight": "kg",
    "creatinine": "mg/dL",
    "haematocrit": "%",
    "albumin": "g/L",
    "aag": "g/L",
}
OLDEST, ADULT_FROM = 90.0, 18.0
CHILDREN, GIRLS = 0.24, 0.488
JOIN_FROM, JOIN_TO = 16.0, 20.0


@dataclass(frozen=True)
class People:
    """People of both sexes between two ages; a `Source`.

    >>> from twinsim.population import sample_cohort
    >>> cohort = sample_cohort(1000, People(2.0, 12.0), seed=1)
    >>> bool(cohort.covariates["age"].max() < 12.0), round(float(cohort.covariates["height"].mean()))
    (True, 121)

    Attributes:
        age_from, age_to: [y] within 0 and 90.

    Raises:
        UsageError: ages that are none, or in the wrong order.
    """

    age_from: float = 0.0
    age_to: float = OLDEST
    names: tuple[str, ...] = NAMES
    units: Mapping[str, str] = field(default_factory=lambda: dict(UNITS), hash=False)

    def __post_init__(self) -> None:
        if not 0.0 <= self.age_from < self.age_to <= OLDEST:
            what = f"people from {self.age_from:g} to {self.age_to:g} years cannot be drawn"
            raise UsageError(what, where="People", do=f"give ages within 0 and {OLDEST:g}, the younger one first")

    def sample(self, seed: Any, patient: Array) -> dict[str, Array]:
        """As `Source.sample`: sex, age [y], height [cm], weight [kg], creatinine [mg/dL], haematocrit [%],
        albumin and aag [g/L], float64 (patient,) each."""
        patient = jnp.asarray(patient)
        names = (*adults.SCORES, "albumin", "aag")
        streams = random.stream_ids(f"population.people.{name}" for name in ("age", "sex", *names))
        chance = random.uniform(random.key(seed, streams), patient[None])
        age = _age(chance[0], self.age_from, self.age_to)
        sex = (chance[1] < _women(age)).astype(jnp.float64)
        z = ndtri(chance[2:])
        return at(sex, age, {name: z[i] for i, name in enumerate(names)})


def at(sex: Array, age: Array, e: Mapping[str, Array]) -> dict[str, Array]:
    """A person's covariates.

    Args:
        sex: 0 male, 1 female (patient,).
        age: [y] (patient,).
        e: independent normal scores of height, weight, creatinine, haematocrit, albumin and aag, (patient,) each.

    Returns:
        As `People.sample`.
    """
    grown = adults.person(adults.between_bands(sex, age), dict(e))
    grown["albumin"] = adults.albumin(jnp.maximum(age, ADULT_FROM), e["albumin"])
    child = _child(sex, age, e)
    u = jnp.clip((age - JOIN_FROM) / (JOIN_TO - JOIN_FROM), 0.0, 1.0)
    s = u * u * (3.0 - 2.0 * u)
    joined = {}
    for name, first in child.items():
        if name in ("weight", "creatinine"):
            joined[name] = jnp.exp((1.0 - s) * jnp.log(first) + s * jnp.log(grown[name]))
        else:
            joined[name] = (1.0 - s) * first + s * grown[name]
    return {"sex": sex, "age": age, **joined, "aag": blood.glycoprotein(age, e["aag"])}


def _child(sex: Array, age: Array, e: Mapping[str, Array]) -> dict[str, Array]:
    rho = growth.correlation(sex, age)
    z_weight = rho * e["height"] + jnp.sqrt(1.0 - rho * rho) * e["weight"]
    return {
        "height": growth.measure("height", sex, age, e["height"]),
        "weight": growth.measure("weight", sex, age, z_weight),
        "creatinine": blood.creatinine_of_children(sex, age, e["creatinine"]),
        "haematocrit": blood.haematocrit_of_children(sex, age, e["haematocrit"]),
        "albumin": blood.albumin_of_children(age, e["albumin"]),
    }


def _bands() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ends of the bands [y] (band + 1,), shares of people up to each (band + 1,), women in each (band,)."""
    rows = adults.survey()
    starts = sorted({row["age_from"] for row in rows})
    shares = np.array([sum(row["population_share"] for row in rows if row["age_from"] == start) for start in starts])
    female = [row["population_share"] for row in rows if row["sex"] == "female"]
    ends = np.array([0.0, *starts, OLDEST])
    up_to = np.cumsum([0.0, CHILDREN, *(shares / shares.sum() * (1.0 - CHILDREN))])
    return ends, up_to / up_to[-1], np.array([GIRLS, *(np.array(female) / shares)])


def _age(position: Array, age_from: float, age_to: float) -> Array:
    ends, up_to, _ = _bands()
    low, high = np.interp([age_from, age_to], ends, up_to)
    return jnp.clip(between(low + position * (high - low), up_to, ends), age_from, age_to)


def _women(age: Array) -> Array:
    ends, _, women = _bands()
    share = jnp.full_like(age, women[0])
    for start, value in zip(ends[1:-1], women[1:], strict=True):
        share = jnp.where(age >= start, value, share)
    return share
