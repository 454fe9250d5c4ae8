"""What studies found when a drug was taken with another or by the ill, and how near a simulation should come."""

from __future__ import annotations

import math
from dataclasses import dataclass

from twinsim.drugs.citations import Citations
from twinsim.drugs.clinical import ROUTES
from twinsim.population.fields import Fields, Number

_POSITIVE = (1e-12, math.inf)
# key -> unit, meaning, bounds
_REGIMEN: dict[str, tuple[str, str, tuple[float, float]]] = {
    "dose": ("mg", "dose of the victim", _POSITIVE),
    "amount": ("mg", "each dose of the drug, by mouth", _POSITIVE),
    "interval": ("h", "time between its doses", _POSITIVE),
    "count": ("1", "number of its doses", (1.0, 1e6)),
    "delay": ("h", "from its first dose to the victim's", (0.0, math.inf)),
}
RATIOS = ("auc", "cmax")
# condition -> its stages
CONDITIONS = {"ckd": (1.0, 5.0), "cirrhosis": (1.0, 3.0)}


@dataclass(frozen=True)
class ClinicalInteraction:
    """Ratios of means of a study's people: the victim with the drug over the victim without it.

    Attributes:
        victim: name of the drug whose concentrations were compared.
        route: of the victim, oral or iv.
        regimen: dose [mg], amount [mg], interval [h], count [1] and delay [h].
        ratios: auc and cmax, at least one of them.
        source: of all that.
    """

    victim: str
    route: str
    regimen: dict[str, Number]
    ratios: dict[str, Number]
    source: str

    def numbers(self) -> list[Number]:
        return [*self.regimen.values(), *self.ratios.values()]


@dataclass(frozen=True)
class ClinicalCondition:
    """Ratios of means after one dose: the ill over the healthy.

    Attributes:
        condition: ckd or cirrhosis.
        stages: the first and the last stage of chronic kidney disease, or class of Child and Pugh, that took part.
        route: oral or iv.
        ratios: auc and cmax, at least one of them.
        source: of all that.
    """

    condition: str
    stages: tuple[Number, Number]
    route: str
    ratios: dict[str, Number]
    source: str

    def numbers(self) -> list[Number]:
        return [*self.stages, *self.ratios.values()]

    def includes(self, stage: int | None) -> bool:
        """Whether people of a stage took part."""
        return stage is not None and self.stages[0].value <= stage <= self.stages[1].value


def guest_limits(ratio: float, delta: float = 1.0) -> tuple[float, float]:
    """The interval in which a simulated ratio agrees with an observed one; it narrows to `delta` where nothing happens.

    limit = (delta + 2 (R - 1)) / R,   R = ratio, or 1/ratio where it is below 1;   from ratio/limit to ratio limit

    >>> guest_limits(1.0), guest_limits(5.0), guest_limits(0.2)
    ((1.0, 1.0), (2.7777777777777777, 9.0), (0.11111111111111112, 0.36000000000000004))

    Args:
        ratio: as observed [1].
        delta: the limit at a ratio of 1 [1]; 1.25 allows for variability of the study.

    Source: Guest et al. 2011, Drug Metab Dispos 39:170, doi:10.1124/dmd.110.036103, as carried by
        Open-Systems-Pharmacology/TLF-Library (GitHub); the paper was not read.
    """
    symmetric = max(ratio, 1.0 / ratio)
    limit = (delta + 2.0 * (symmetric - 1.0)) / symmetric
    return ratio / limit, ratio * limit


def read_clinical_interactions(fields: Fields, sources: Citations) -> tuple[ClinicalInteraction, ...]:
    """The section `clinical_interactions` of a file."""
    entries = fields.items("clinical_interactions")
    return tuple(each for entry in entries if (each := _interaction(entry, sources)) is not None)


def read_clinical_conditions(fields: Fields, sources: Citations) -> tuple[ClinicalCondition, ...]:
    """The section `clinical_conditions` of a file."""
    entries = fields.items("clinical_conditions")
    return tuple(each for entry in entries if (each := _condition(entry, sources)) is not None)


def _interaction(entry: Fields, sources: Citations) -> ClinicalInteraction | None:
    victim, route, source = entry.text("victim"), entry.choice("route", ROUTES), sources.of(entry)
    regimen = {key: _taken(entry, sources, key, source, *words) for key, words in _REGIMEN.items()}
    ratios = _ratios(entry, sources, source, f"of {victim} with the drug over without")
    entry.done()
    sound = {key: number for key, number in regimen.items() if number is not None}
    if not victim or not route or not ratios or len(sound) < len(regimen):
        return None
    return ClinicalInteraction(victim, route, sound, ratios, source)


def _condition(entry: Fields, sources: Citations) -> ClinicalCondition | None:
    condition, route, source = entry.choice("condition", CONDITIONS), entry.choice("route", ROUTES), sources.of(entry)
    bounds = CONDITIONS.get(str(condition), (1.0, 5.0))
    first = _taken(entry, sources, "first_stage", source, "1", f"first stage of {condition}", bounds)
    last = _taken(entry, sources, "last_stage", source, "1", f"last stage of {condition}", bounds)
    ratios = _ratios(entry, sources, source, "of the ill over the healthy")
    entry.done()
    if not condition or not route or not ratios or first is None or last is None:
        return None
    return ClinicalCondition(condition, (first, last), route, ratios, source)


def _taken(
    entry: Fields, sources: Citations, key: str, source: str, unit: str, meaning: str, bounds: tuple[float, float]
) -> Number | None:
    return sources.number(entry, f"{entry.path}.{key}", unit, meaning, key=key, source=source, bounds=bounds)


def _ratios(entry: Fields, sources: Citations, source: str, words: str) -> dict[str, Number]:
    """Those ratios that are there; a fault where there is none."""
    there = [key for key in RATIOS if entry.has(key)]
    if not there:
        entry.fault("auc", "is missing, and so is cmax", "give the ratio of one of them")
    found = {key: _taken(entry, sources, key, source, "1", f"{key} {words}", _POSITIVE) for key in there}
    return {key: number for key, number in found.items() if number is not None}
