"""Adults of a general population: sex, age, height, weight, serum creatinine, haematocrit and albumin, drawn jointly.

1. A stratum (sex and age band) by its share of the population; age uniform over the band (assumed).
2. Four correlated normal scores z within the stratum, z = L e with L the rows of a Cholesky factor.
3. height = mean + sd z;  haematocrit = mean + sd z;  weight = exp q(z);  creatinine = exp q(z), with q monotone:

    q(z) = median + (right + left)/2 z + (right - left)/2 (sqrt(1 + z^2) - 1)
           + right (high_tail - 1) t(z) - left (low_tail - 1) t(-z)
    t(z) = h(z - 1.7) - h(z - 3.2),  h(v) = 0.15 ln(1 + exp(v / 0.15)), a smooth max(v, 0)

   `left` and `right` are the slopes far below and above the median, `low_tail` and `high_tail` multiply them between
   1.7 and 3.2 SD. A lognormal misses the survey's 5 and 95 % points by up to 9 %: weight is skewed even on the log
   scale, and few people with failing kidneys make most of the variance of log creatinine.
4. albumin = mean + sd e, independent of the rest within an age band (assumed).

Nothing is truncated. In ten million adults the scores stay within about +-5.2: weight within 20-500 kg,
creatinine below 10 mg/dL, haematocrit within 20-66 %.

The oldest band is 70-86 y although the survey records every age above 80 as 80: the band's figures are those of all
people of 70 and above, and 86 as its end is assumed.

Source: NHANES 2007-2012 examination files with examination weights, CDC/NCHS; table in
data/adults_nhanes_2007_2012.csv, coefficients by data/fit_adults.py. Albumin: see ALBUMIN_INTERVALS.
"""

from __future__ import annotations

import csv
from functools import lru_cache
from importlib import resources
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import ndtri

from kernels import random
from twinsim.population.lines import between

SCORES = ("height", "weight", "creatinine", "haematocrit")
NAMES = ("sex", "age", "height", "weight", "creatinine", "haematocrit", "albumin")

# age from [y], lower and upper reference limit of plasma albumin [g/L]; the project recommends one interval for men
# and women. Read as the 2.5 and 97.5 % points of a normal distribution (assumed), of healthy people.
# Source: Rustad, Felding, Franzson, et al. 2004, The Nordic Reference Interval Project 2000: recommended reference
# intervals for 25 common biochemical properties, Scand J Clin Lab Invest 64:271-284, doi:10.1080/00365510410006324.
ALBUMIN_INTERVALS = ((18.0, 36.0, 48.0), (40.0, 36.0, 45.0), (70.0, 34.0, 45.0))
# 97.5 % point of the standard normal distribution
_LIMIT_SCORE = 1.959963984540054

TAIL_FROM, TAIL_TO, TAIL_WIDTH = 1.7, 3.2, 0.15


def survey() -> list[dict[str, Any]]:
    """The survey table, a mapping per sex and age band; numbers as float, sex as text."""
    return _read("adults_nhanes_2007_2012.csv")


def sample(seed: Any, patient: Array) -> dict[str, Array]:
    """Covariates of the patients with these ids; pure, element-wise and traceable.

    Args:
        seed: the user's integer, Python int or integer array.
        patient: ids, int64 (patient,).

    Returns:
        name -> float64 (patient,): sex (0 male, 1 female), age [y], height [cm], weight [kg], creatinine [mg/dL],
        haematocrit [%], albumin [g/L].
    """
    patient = jnp.asarray(patient)
    shares, columns = _table()
    draws = ("stratum", "age", *SCORES, "albumin")
    streams = random.stream_ids(f"population.adults.{name}" for name in draws)
    chance = random.uniform(random.key(seed, streams), patient[None])
    position, place, z = chance[0], chance[1], ndtri(chance[2:])
    stratum = sum((position >= edge).astype(jnp.int32) for edge in np.cumsum(shares)[:-1])
    row = {name: jnp.take(jnp.asarray(column), stratum, mode="clip") for name, column in columns.items()}
    age = row["age_from"] + (row["age_to"] - row["age_from"]) * place

    body = person(row, {name: z[i] for i, name in enumerate(SCORES)})
    return {
        "sex": row["female"],
        "age": age,
        **body,
        "albumin": albumin(age, z[-1]),
    }


def person(row: dict[str, Array], e: dict[str, Array]) -> dict[str, Array]:
    """Height, weight, creatinine and haematocrit from four independent normal scores.

    Args:
        row: coefficients by name, (patient,) each, of a stratum or `between_bands`.
        e: normal scores by the names of SCORES, (patient,) each.

    Returns:
        height [cm], weight [kg], creatinine [mg/dL], haematocrit [%], (patient,) each.
    """
    z_weight = row["weight_on_height"] * e["height"] + row["weight_own"] * e["weight"]
    z_creatinine = (
        row["creatinine_on_height"] * e["height"]
        + row["creatinine_on_weight"] * e["weight"]
        + row["creatinine_own"] * e["creatinine"]
    )
    z_haematocrit = (
        row["haematocrit_on_height"] * e["height"]
        + row["haematocrit_on_weight"] * e["weight"]
        + row["haematocrit_on_creatinine"] * e["creatinine"]
        + row["haematocrit_own"] * e["haematocrit"]
    )
    return {
        "height": row["height_mean_cm"] + row["height_sd_cm"] * e["height"],
        "weight": jnp.exp(log_quantile(z_weight, row, "weight")),
        "creatinine": jnp.exp(log_quantile(z_creatinine, row, "creatinine")),
        "haematocrit": row["haematocrit_mean_pct"] + row["haematocrit_sd_pct"] * z_haematocrit,
    }


def between_bands(sex: Array, age: Array) -> dict[str, Array]:
    """Coefficients that follow age on straight lines between the middles of the bands, and are constant beyond them.

    Args:
        sex: 0 male, 1 female (patient,).
        age: [y] (patient,).

    Returns:
        name -> (patient,).
    """
    _, columns = _table()
    is_female = columns["female"] > 0.5
    middle = 0.5 * (columns["age_from"] + columns["age_to"])

    names = [name for name in columns if name not in ("female", "age_from", "age_to")]
    stacked = np.array([columns[name][chosen] for chosen in (~is_female, is_female) for name in names])
    found = between(age, middle[is_female], stacked)
    return {name: jnp.where(sex > 0.5, found[len(names) + i], found[i]) for i, name in enumerate(names)}


def log_quantile(z: Array, row: dict[str, Array], name: str) -> Array:
    """The log of weight or creatinine at a normal score: q(z) of the module's docstring.

    Args:
        z: normal score (patient,).
        row: coefficients by name, (patient,) each.
        name: weight or creatinine.

    Returns:
        ln weight [kg] or ln creatinine [mg/dL] (patient,).
    """
    left, right = row[f"{name}_left"], row[f"{name}_right"]
    inner = row[f"{name}_median"] + 0.5 * (right + left) * z + 0.5 * (right - left) * (jnp.sqrt(1.0 + z * z) - 1.0)
    high = _hinge(z - TAIL_FROM) - _hinge(z - TAIL_TO)
    low = _hinge(-z - TAIL_FROM) - _hinge(-z - TAIL_TO)
    return inner + right * (row[f"{name}_high_tail"] - 1.0) * high - left * (row[f"{name}_low_tail"] - 1.0) * low


def _hinge(v: Array) -> Array:
    return TAIL_WIDTH * jnp.logaddexp(v / TAIL_WIDTH, jnp.zeros_like(v))


def albumin(age: Array, score: Array) -> Array:
    """Plasma albumin [g/L] at an age [y] and a normal score, by ALBUMIN_INTERVALS."""
    mean, sd = jnp.zeros_like(age), jnp.zeros_like(age)
    for age_from, low, high in ALBUMIN_INTERVALS:
        mean = jnp.where(age >= age_from, 0.5 * (low + high), mean)
        sd = jnp.where(age >= age_from, 0.5 * (high - low) / _LIMIT_SCORE, sd)
    return mean + sd * score


@lru_cache(maxsize=1)
def _table() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Population shares (stratum,) and the columns `sample` needs, (stratum,) each."""
    fitted, printed = _read("adults_fit.csv"), survey()
    columns = {name: np.array([row[name] for row in fitted]) for name in fitted[0] if name != "sex"}
    columns |= {
        f"{name}_{unit}": np.array([row[f"{name}_{unit}"] for row in printed])
        for name in ("height", "haematocrit")
        for unit in (("mean_cm", "sd_cm") if name == "height" else ("mean_pct", "sd_pct"))
    }
    columns["female"] = np.array([float(row["sex"] == "female") for row in printed])
    shares = np.array([row["population_share"] for row in printed])
    return shares / shares.sum(), columns


def _read(name: str) -> list[dict[str, Any]]:
    text = (resources.files("twinsim.population") / "data" / name).read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return [{key: value if key == "sex" else float(value) for key, value in row.items()} for row in rows]
