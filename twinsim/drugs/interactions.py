"""What a drug does to enzymes and transporters.

    reversible        activity / (1 + c / ki)
    mechanism_based   enzyme lost at the rate kinact c / (ki + c)
    induction         synthesis (1 + emax c / (ec50 + c))

c is the unbound concentration. Source: FDA 2020, In vitro drug interaction studies, guidance for industry.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from twinsim.drugs.citations import Citations
from twinsim.drugs.enzymes import ENZYMES, TRANSPORTERS
from twinsim.population.fields import Fields, Number

# kind -> its numbers with unit and meaning
KINDS: dict[str, dict[str, tuple[str, str]]] = {
    "reversible": {"ki": ("umol/L", "unbound concentration that halves the activity")},
    "mechanism_based": {
        "kinact": ("1/h", "fastest rate of loss of the enzyme"),
        "ki": ("umol/L", "unbound concentration of half that rate"),
    },
    "induction": {
        "emax": ("1", "largest increase of synthesis, as a multiple of it"),
        "ec50": ("umol/L", "unbound concentration of half that increase"),
    },
}


@dataclass(frozen=True)
class Interaction:
    """An effect on one enzyme or transporter; its numbers are those of its kind in `KINDS`."""

    kind: str
    target: str
    values: dict[str, Number]

    def numbers(self) -> list[Number]:
        return list(self.values.values())


def read_interactions(fields: Fields, sources: Citations) -> tuple[Interaction, ...]:
    """The interactions of a file."""
    return tuple(each for entry in fields.items("interactions") if (each := _read(entry, sources)))


def _read(entry: Fields, sources: Citations) -> Interaction | None:
    kind, target = entry.choice("kind", KINDS), entry.choice("target", (*ENZYMES, *TRANSPORTERS))
    source = sources.of(entry)
    values = {}
    for key, (unit, meaning) in KINDS.get(kind, {}).items():
        name, least = f"interactions.{kind}.{target}.{key}", 0.0 if key in ("emax", "kinact") else 1e-9
        values[key] = sources.number(entry, name, unit, meaning, key=key, source=source, bounds=(least, math.inf))
    if kind is not None:
        entry.done()
    sound = {key: number for key, number in values.items() if number is not None}
    return Interaction(kind, target, sound) if kind and target and len(sound) == len(values) else None
