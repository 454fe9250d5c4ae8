"""What drugs do in a patient: each acts on named parameters of organs by its concentration in plasma.

NAME now = NAME (1 + largest c/(half + c)) ...      over all effects on that parameter
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from twinsim.errors import DataError, UsageError, nearest
from twinsim.models.structure import POSITIVE, Parameter, Port, Structure
from twinsim.patient.coupled import ORGANS, organ
from twinsim.patient.read import fields_of
from twinsim.quantity import quantity
from twinsim.yaml import read_yaml

_KEYS = ("organ", "parameter", "largest", "half", "source")


@dataclass(frozen=True)
class Effect:
    """One effect of one drug.

    Attributes:
        organ, parameter: what changes, of which organ.
        largest: relative change at high concentrations, above -1.
        half: concentration in plasma of half of it [mg/L].
        source: of both numbers.
        drug: whose concentration it is.
    """

    organ: str
    parameter: str
    largest: float
    half: float
    source: str
    drug: str = ""


@lru_cache(maxsize=1)
def known_effects() -> Mapping[str, tuple[Effect, ...]]:
    """Effects of the library's drugs, by drug."""
    document = read_yaml(Path(__file__).parent / "data" / "effects.yaml")
    return {drug: tuple(effect_of(row, drug) for row in rows) for drug, rows in document.items()}


def effect_of(row: Mapping[str, Any], drug: str) -> Effect:
    """An effect from a row of a table.

    >>> effect_of({"organ": "circulation", "parameter": "resting_heart_rate", "largest": -0.2, "half": "15 ug/L",
    ...            "source": "assumed"}, "mine").half
    0.015

    Raises:
        UsageError: no such organ or parameter.
        DataError: a key that is missing or unknown, a number that makes no sense.
    """
    given = fields_of(row, _KEYS, where=f"effect of {drug}")
    named = organ(str(given["organ"]))
    if given["parameter"] not in named.parameter_names:
        do = nearest(str(given["parameter"]), named.parameter_names)
        raise UsageError(f"{given['organ']} has no parameter {given['parameter']!r}", where=f"effect of {drug}", do=do)
    half, largest = quantity(given["half"], "mg/L"), float(given["largest"])
    if not half > 0.0 or not largest > -1.0:
        what = f"largest = {largest:g}, half = {half:g} mg/L on {given['parameter']}"
        raise DataError(what, where=f"effect of {drug}", do="half must be above 0, largest above -1")
    return Effect(str(given["organ"]), str(given["parameter"]), largest, half, str(given["source"]), drug)


def acting(effects: Sequence[Effect]) -> Structure:
    """The part that turns concentrations into parameters: needs concentration_DRUG, gives PARAMETER_now.

    Its own parameters are those without the drugs, under their own names, and what each effect is like.
    """
    targets = {effect.parameter: organ(effect.organ).parameter(effect.parameter) for effect in effects}
    drugs = tuple(dict.fromkeys(effect.drug for effect in effects))
    numbers = [item for effect in effects for item in _numbers(effect)]

    def outputs(t: Any, x: Any, p: Any, u: Any) -> dict[str, Any]:
        found = {name: getattr(p, name) for name in targets}
        for effect in effects:
            c, end = getattr(u, f"concentration_{effect.drug}"), f"{effect.parameter}_{effect.drug}"
            share = c / (getattr(p, f"half_{end}") + c)
            found[effect.parameter] = found[effect.parameter] * (1.0 + getattr(p, f"largest_{end}") * share)
        return {f"{name}_now": value for name, value in found.items()}

    return Structure(
        name="patient/effects",
        parameters=(*(replace(item, valid=None) for item in targets.values()), *numbers),
        states=(),
        needs=tuple(
            Port(f"concentration_{drug}", "mg/L", "concentration", f"{drug} in plasma", default=0.0) for drug in drugs
        ),
        gives=tuple(
            Port(f"{name}_now", item.unit, "effect", f"{item.meaning}, under drugs") for name, item in targets.items()
        ),
        rates=lambda t, x, p, u: {},
        outputs=outputs,
        source="; ".join(dict.fromkeys(effect.source for effect in effects)),
        time="min",
    )


def _numbers(effect: Effect) -> tuple[Parameter, Parameter]:
    end = f"{effect.parameter}_{effect.drug}"
    what = f"of {effect.drug} on {effect.parameter}"
    return (
        Parameter(f"largest_{end}", "1", effect.largest, f"largest relative effect {what}", effect.source, (-1.0, 1e3)),
        Parameter(
            f"half_{end}", "mg/L", effect.half, f"concentration of half the effect {what}", effect.source, POSITIVE
        ),
    )


def by_organ(effects: Sequence[Effect]) -> dict[str, tuple[str, ...]]:
    """Which parameters of which organs are driven."""
    return {
        label: tuple(dict.fromkeys(effect.parameter for effect in effects if effect.organ == label))
        for label in ORGANS
        if any(effect.organ == label for effect in effects)
    }
