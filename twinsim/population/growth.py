"""Height and weight of children by age: growth charts as L, M and S.

A normal score z is a height or a weight by Cole's method,

    x(z) = M (1 + L S z)^(1/L)     |z| <= 2
    x(z) = x(2) + (z - 2) (x(2) - x(1))     z > 2, and likewise below -2

L, M and S follow age on straight lines between the rows of the table (months 0 to 240). The tails are straight lines as
in WHO's charts, but from 2 and not from 3 on, because CDC's weights have no finite value above z = 3; scores stop at
+-4 (assumed: one in 16,000). A child's score of weight is correlated with its score of height so that the body mass
index spreads as CDC's own chart of it does, on the log scale:

    var(ln bmi) = var(ln weight) + 4 var(ln height) - 4 rho sd(ln weight) sd(ln height)

each SD from the 5 and 95 % points. Below 2 years, where there is no such chart, rho is that at 2 years (assumed).

Source: CDC growth charts 2000, data/growth_cdc_2000.csv; Cole and Green 1992, Stat Med 11:1305,
doi:10.1002/sim.4780111005; tails: WHO Multicentre Growth Reference Study Group 2006, WHO child growth standards.
"""

from __future__ import annotations

import csv
from functools import lru_cache
from importlib import resources

import jax.numpy as jnp
import numpy as np
from jax import Array

from twinsim.population.lines import between

AGE_TO = 20.0
# 95 % point of the standard normal distribution
_POINT = 1.6448536269514722
_LIMIT, _STRAIGHT_FROM = 4.0, 2.0
MEASURES = ("height", "weight")


def measure(name: str, sex: Array, age: Array, z: Array) -> Array:
    """Height or weight at a normal score.

    Args:
        name: height or weight.
        sex: 0 male, 1 female (patient,).
        age: [y], that of 20 years above it (patient,).
        z: normal score (patient,).

    Returns:
        Height [cm] or weight [kg] (patient,).
    """
    power, middle, spread = _at(sex, age, *(f"{name}_{part}" for part in "lms"))
    z = jnp.clip(z, -_LIMIT, _LIMIT)
    side = jnp.where(z < 0.0, -1.0, 1.0)

    def inner(score: Array) -> Array:
        return middle * jnp.exp(jnp.log1p(power * spread * score) / power)

    near, knee, edge = inner(jnp.clip(z, -2.0, 2.0)), inner(side * 1.0), inner(side * _STRAIGHT_FROM)
    far = edge + (jnp.abs(z) - _STRAIGHT_FROM) * (edge - knee)
    return jnp.where(jnp.abs(z) <= _STRAIGHT_FROM, near, far)


def median(name: str, sex: Array, age: Array) -> Array:
    """The median height [cm] or weight [kg] of an age (patient,)."""
    return _at(sex, age, f"{name}_m")[0]


def correlation(sex: Array, age: Array) -> Array:
    """Correlation of the scores of height and weight (patient,)."""
    return _at(sex, age, "correlation")[0]


def _at(sex: Array, age: Array, *columns: str) -> list[Array]:
    table = _table()
    stacked = np.array([table[f"{word}_{column}"] for word in ("male", "female") for column in columns])
    found = between(age, table["age"], stacked)
    return [jnp.where(sex > 0.5, found[len(columns) + i], found[i]) for i in range(len(columns))]


@lru_cache(maxsize=1)
def _table() -> dict[str, np.ndarray]:
    """age [y], and the columns of the table and `correlation` by sex, (row,) each."""
    text = (resources.files("twinsim.population") / "data" / "growth_cdc_2000.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    table = {}
    for word in ("male", "female"):
        chosen = [row for row in rows if row["sex"] == word]
        columns = {name: np.array([float(row[name] or "nan") for row in chosen]) for name in rows[0] if name != "sex"}
        table["age"] = columns["age_months"] / 12.0
        columns["correlation"] = _correlations(columns)
        table |= {f"{word}_{name}": values for name, values in columns.items()}
    return table


def _correlations(columns: dict[str, np.ndarray]) -> np.ndarray:
    """rho of the module's docstring at every row (row,)."""

    def log_sd(name: str) -> np.ndarray:
        power, spread = columns[f"{name}_l"], columns[f"{name}_s"]
        high, low = (np.log1p(power * spread * z) / power for z in (_POINT, -_POINT))
        return (high - low) / (2.0 * _POINT)

    height, weight = log_sd("height"), log_sd("weight")
    bmi = np.log(columns["bmi_p95"] / columns["bmi_p05"]) / (2.0 * _POINT)
    rho = (weight**2 + 4.0 * height**2 - bmi**2) / (4.0 * height * weight)
    return np.where(np.isnan(rho), rho[~np.isnan(rho)][0], rho)
