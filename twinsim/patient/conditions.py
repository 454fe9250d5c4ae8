"""Conditions of a patient as data: what each does to named parameters, by severity, and how many people have it.

parameter times 1 + severity (times - 1),  or plus severity plus;   severity from 0, none, to 1
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import jax.numpy as jnp
from jax import Array

from kernels.random import key, uniform
from twinsim.errors import DataError, UsageError, nearest
from twinsim.patient.read import fields_of
from twinsim.yaml import read_yaml

# of those who have a condition: from mild to as severe as it gets, all alike (assumed)
MILDEST = 0.2


@dataclass(frozen=True)
class Act:
    """What a condition does to one parameter at severity 1: `times` it, or `plus` a number with its unit."""

    parameter: str
    source: str
    times: float | None = None
    plus: str | None = None


@dataclass(frozen=True)
class Prevalence:
    """Share of men and women who have it, in the ages between these limits [y]."""

    ages: tuple[float, ...]
    men: tuple[float, ...]
    women: tuple[float, ...]
    source: str

    def of(self, age: Array, is_man: Array) -> Array:
        """Share among people of this age and sex (patient,)."""
        group = jnp.sum(age[None, :] >= jnp.asarray(self.ages, jnp.float64)[:, None], axis=0)
        return jnp.where(is_man, jnp.asarray(self.men, jnp.float64)[group], jnp.asarray(self.women, jnp.float64)[group])


@dataclass(frozen=True)
class Condition:
    """A condition; `prevalence` is None where nobody has it for long."""

    name: str
    title: str
    at_one: str
    acts: tuple[Act, ...]
    prevalence: Prevalence | None = None


@lru_cache(maxsize=1)
def known_conditions() -> Mapping[str, Condition]:
    """All conditions, by name.

    >>> sorted(known_conditions())[:3]
    ['anaemia', 'chronic_kidney_disease', 'cirrhosis']
    """
    document = read_yaml(Path(__file__).parent / "data" / "conditions.yaml")
    return {name: _condition(name, entry) for name, entry in document.items()}


def condition(name: str) -> Condition:
    """One of them.

    Raises:
        UsageError: there is no such condition; near ones are given.
    """
    found = known_conditions()
    if name not in found:
        raise UsageError(f"unknown condition {name!r}", where="conditions", do=nearest(name, found))
    return found[name]


def drawn_severity(item: Condition, seed: Any, patient: Array, age: Array, is_man: Array) -> Array:
    """Severity of those who have it by prevalence, evenly from MILDEST to 1, and 0 of others (patient,).

    Args:
        seed, patient: whose draws; the same patient always draws the same, whatever else is drawn.
        age: [y] (patient,).
    """
    if item.prevalence is None:
        return jnp.zeros_like(age)
    has = uniform(key(seed, f"condition:{item.name}"), patient) < item.prevalence.of(age, is_man)
    how = uniform(key(seed, f"severity:{item.name}"), patient)
    return jnp.where(has, MILDEST + (1.0 - MILDEST) * how, 0.0)


def relations_of(names: Iterable[str], parameters: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
    """Parameter -> relations of a model file by which conditions act on it.

    Args:
        names: of conditions.
        parameters: name -> unit of all that there are; an act on another one has nothing to act on. clint stands for
            all that a liver clears by.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for name in names:
        for act in condition(name).acts:
            for parameter in _meant(act.parameter, parameters):
                found.setdefault(parameter, []).append(_relation(name, act))
    return found


def _meant(name: str, parameters: Mapping[str, str]) -> list[str]:
    if name == "clint":
        return [each for each in parameters if each.startswith("clint_") and not each.startswith("clint_wall")]
    return [name] if name in parameters else []


def _relation(name: str, act: Act) -> dict[str, Any]:
    if act.times is not None:
        return {
            "linear": {"covariate": name, "reference": 0, "slope": act.times - 1.0, "fixed": True, "source": act.source}
        }
    term = {"covariate": name, "reference": 0, "coefficient": act.plus, "fixed": True, "source": act.source}
    return {"additive": {"terms": [term]}}


def _condition(name: str, entry: Any) -> Condition:
    where = f"condition {name}"
    given = fields_of(entry, ("title", "at_one", "acts"), where, optional=("prevalence",))
    acts = []
    for row in given["acts"]:
        fields = fields_of(row, ("parameter", "source"), where, optional=("times", "plus"))
        if ("times" in fields) == ("plus" in fields):
            raise DataError(f"{fields['parameter']} has neither or both of times and plus", where=where, do="give one")
        acts.append(Act(**fields))
    prevalence = None
    if "prevalence" in given:
        table = fields_of(given["prevalence"], ("ages", "men", "women", "source"), where)
        prevalence = Prevalence(tuple(table["ages"]), tuple(table["men"]), tuple(table["women"]), table["source"])
        if not len(prevalence.men) == len(prevalence.women) == len(prevalence.ages) + 1:
            raise DataError(
                "prevalences do not fit their ages", where=where, do="give one more than ages, for each sex"
            )
    return Condition(name, given["title"], given["at_one"], tuple(acts), prevalence)
