"""What tissues are made of, as far as it decides where a drug goes: water, lipids, phospholipids, binding proteins.

The numbers and where each comes from are in data/rodgers_rowland.csv and data/poulin_theil.csv.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from twinsim.errors import UsageError, nearest

_FOLDER = Path(__file__).parent / "data"
# Rodgers, Leahy and Rowland 2005, J Pharm Sci 94:1259, p. 1263
_PH_CELL, _PH_PLASMA, _PH_RED_CELL = 7.0, 7.4, 7.22


@dataclass(frozen=True)
class Part:
    """A tissue, plasma or red cells; fractions of its volume.

    Attributes:
        oily: its neutral lipids are like vegetable oil, not like octanol.
        water: all of its water.
        extracellular_water: the part of the water outside cells.
        neutral_lipids, neutral_phospholipids: as in the sources.
        acidic_phospholipids: [mg/g].
        albumin, lipoprotein: concentration over that in plasma.
        source: author, year, journal.
    """

    oily: bool
    water: float
    extracellular_water: float
    neutral_lipids: float
    neutral_phospholipids: float
    acidic_phospholipids: float
    albumin: float
    lipoprotein: float
    source: str

    @property
    def cell_water(self) -> float:
        return self.water - self.extracellular_water


@dataclass(frozen=True)
class Composition:
    """Tissues by name, with plasma and red cells beside them.

    Attributes:
        name: of the table.
        tissues: name -> its composition.
        plasma, red_cells: theirs; no red cells where the method needs none.
        ph_cell, ph_plasma, ph_red_cell: of the water in tissue cells, of plasma and between cells, in red cells.
    """

    name: str
    tissues: Mapping[str, Part]
    plasma: Part
    red_cells: Part | None
    ph_cell: float = _PH_CELL
    ph_plasma: float = _PH_PLASMA
    ph_red_cell: float = _PH_RED_CELL


# name -> file and the species whose rows stand before the rat's
_TABLES = {
    "rodgers_rowland": ("rodgers_rowland.csv", "human"),
    "rodgers_rowland_rat": ("rodgers_rowland.csv", "rat"),
    "poulin_theil": ("poulin_theil.csv", "human"),
}


@lru_cache(maxsize=len(_TABLES))
def composition(name: str = "rodgers_rowland") -> Composition:
    """A table of tissue composition.

    rodgers_rowland: tissues of the rat, red cells and plasma of people; rodgers_rowland_rat: all of the rat;
    poulin_theil: all human, total phospholipids under neutral ones, no split of water and no proteins.

    >>> table = composition()
    >>> len(table.tissues), table.tissues["adipose"].neutral_lipids
    (13, 0.853)

    Raises:
        UsageError: there is no such table.
    """
    if name not in _TABLES:
        raise UsageError(f"there is no table of composition {name!r}", do=nearest(str(name), _TABLES))
    file, species = _TABLES[name]
    text = (_FOLDER / file).read_text(encoding="utf-8")
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    # Rows of the species wanted come later and take the place of the rat's.
    rows.sort(key=lambda row: row.get("species", species) == species)
    parts = {row["tissue"]: _part(row) for row in rows if row.get("species", species) in ("rat", species)}
    plasma, red_cells = parts.pop("plasma"), parts.pop("red_cells", None)
    return Composition(name, parts, plasma, red_cells)


def _part(row: dict[str, str]) -> Part:
    number = {key: float(row.get(key) or 0.0) for key in row if key not in ("species", "tissue", "solvent", "source")}
    return Part(
        oily=row["solvent"] == "oil",
        water=number["water"],
        extracellular_water=number.get("extracellular_water", 0.0),
        neutral_lipids=number["neutral_lipids"],
        neutral_phospholipids=number.get("neutral_phospholipids", number.get("phospholipids", 0.0)),
        acidic_phospholipids=number.get("acidic_phospholipids", 0.0),
        albumin=number.get("albumin", 0.0),
        lipoprotein=number.get("lipoprotein", 0.0),
        source=row["source"],
    )
