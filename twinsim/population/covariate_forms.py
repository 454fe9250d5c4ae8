"""The arithmetic of covariate relations: each kind of `covariate_effects` as a function of p.

All take (p, x, numbers, settings): the parameter so far, covariates in order, numbers by role, settings by key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp


def _power(p, x, numbers, settings):
    return p * (x[0] / settings["reference"]) ** numbers["exponent"]


def _exponential(p, x, numbers, settings):
    return p * jnp.exp(numbers["slope"] * (x[0] - settings["reference"]))


def _linear(p, x, numbers, settings):
    return p * (1.0 + numbers["slope"] * (x[0] - settings["reference"]))


def _proportional(p, x, numbers, settings):
    return p * x[0]


def _additive(p, x, numbers, settings):
    for values, reference, coefficient in zip(x, settings["references"], numbers.values(), strict=True):
        p = p + coefficient * (values - reference)
    return p


def _threshold(p, x, numbers, settings):
    inside = x[0] < settings["limit"] if settings["side"] == "below" else x[0] > settings["limit"]
    factor = numbers["factor"] if "factor" in numbers else 1.0 + numbers["change"]
    return p * jnp.where(inside, factor, 1.0)


def _categorical(p, x, numbers, settings):
    # A code that is no level of the model makes the parameter NaN: the patient gets a status, not a wrong dose.
    factor = jnp.full_like(x[0], jnp.nan)
    for level, code in settings["codes"].items():
        factor = jnp.where(x[0] == code, numbers.get(level, 1.0), factor)
    return p * factor


def _cap(p, x, numbers, settings):
    return jnp.clip(p, settings.get("at_least"), settings.get("at_most"))


def _maturation(p, x, numbers, settings):
    return p / (1.0 + (numbers["tm50"] / x[0]) ** numbers["hill"])


def _binding(p, x, numbers, settings):
    u, protein = numbers["unbound"], x[0] / settings["reference"]
    for factor in x[1:]:
        protein = protein / factor
    return p / (u + (1.0 - u) * protein)


FORMS: dict[str, Callable[..., Any]] = {
    "power": _power,
    "allometric": _power,
    "exponential": _exponential,
    "linear": _linear,
    "proportional": _proportional,
    "additive": _additive,
    "threshold": _threshold,
    "categorical": _categorical,
    "genotype": _categorical,
    "cap": _cap,
    "maturation": _maturation,
    "binding": _binding,
}
