"""How a swallowed drug gets into the blood: dissolution, permeation or a rate constant, losses in the gut wall."""

from __future__ import annotations

import math
from dataclasses import dataclass

from twinsim.drugs.citations import Citations
from twinsim.drugs.enzymes import ENZYMES
from twinsim.population.fields import Fields, Number

_POSITIVE, _FRACTION = (0.0, math.inf), (0.0, 1.0)


@dataclass(frozen=True)
class GutWall:
    """The fraction of absorbed drug an enzyme of the gut wall takes."""

    enzyme: str
    fraction: Number


@dataclass(frozen=True)
class Absorption:
    """Absorption from the gut; a permeability or a rate constant at least.

    Attributes:
        permeability: effective, of human jejunum [cm/s].
        ka: absorption rate constant [1/h].
        fraction_absorbed: of the dose, into the gut wall [1].
        solubility: in intestinal fluid [mg/mL].
        dissolution: rate constant [1/h].
        gut_wall: losses there.
    """

    permeability: Number | None
    ka: Number | None
    fraction_absorbed: Number | None
    solubility: Number | None
    dissolution: Number | None
    gut_wall: tuple[GutWall, ...] = ()

    def numbers(self) -> list[Number]:
        plain = (self.permeability, self.ka, self.fraction_absorbed, self.solubility, self.dissolution)
        return [number for number in plain if number is not None] + [each.fraction for each in self.gut_wall]


def read_absorption(fields: Fields, sources: Citations) -> Absorption | None:
    """The section `absorption` of a file, if there is one."""
    section = fields.section("absorption", None)
    if section is None:
        return None

    def take(key: str, unit: str, meaning: str, bounds: tuple[float, float] = _POSITIVE) -> Number | None:
        return sources.keyed(section, key, unit, meaning, required=False, bounds=bounds)

    if not section.has("permeability") and not section.has("ka"):
        section.fault("", "nothing says how fast the drug is absorbed", "add permeability or ka")
    absorption = Absorption(
        permeability=take("permeability", "cm/s", "effective permeability of human jejunum"),
        ka=take("ka", "1/h", "absorption rate constant"),
        fraction_absorbed=take("fraction_absorbed", "1", "fraction of the dose absorbed", _FRACTION),
        solubility=take("solubility", "mg/mL", "solubility in intestinal fluid"),
        dissolution=take("dissolution", "1/h", "dissolution rate constant"),
        gut_wall=tuple(each for entry in section.items("gut_wall") if (each := _gut_wall(entry, sources))),
    )
    section.done()
    return absorption


def _gut_wall(entry: Fields, sources: Citations) -> GutWall | None:
    enzyme = entry.choice("enzyme", ENZYMES)
    name, meaning = f"absorption.gut_wall.{enzyme}", "fraction taken by the gut wall"
    fraction = sources.number(entry, name, "1", meaning, bounds=_FRACTION)
    entry.done()
    return GutWall(enzyme, fraction) if enzyme and fraction else None
