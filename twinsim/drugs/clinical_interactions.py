"""What studies found when one drug was taken with another, and how near a simulation of that should come."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

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
    return tuple(each for entry in entries if (each := _read(entry, sources)) is not None)


def _read(entry: Fields, sources: Citations) -> ClinicalInteraction | None:
    victim, route, source = entry.text("victim"), entry.choice("route", ROUTES), sources.of(entry)
    regimen, ratios = {}, {}

    def take(key: str, unit: str, meaning: str, bounds: tuple[float, float]) -> Any:
        name = f"{entry.path}.{key}"
        return sources.number(entry, name, unit, meaning, key=key, source=source, bounds=bounds)

    for key, (unit, meaning, bounds) in _REGIMEN.items():
        regimen[key] = take(key, unit, meaning, bounds)
    for key in RATIOS:
        if entry.has(key):
            ratios[key] = take(key, "1", f"{key} of {victim} with the drug over without", _POSITIVE)
    if not ratios:
        entry.fault("auc", "is missing, and so is cmax", "give the ratio of one of them")
    entry.done()
    sound = victim and route and None not in (*regimen.values(), *ratios.values())
    return ClinicalInteraction(victim, route, regimen, ratios, source) if sound and ratios else None
