"""A drug: properties of the molecule, binding in plasma, clearances, absorption, metabolites, interactions."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jax import Array

from twinsim.drugs import drug_path
from twinsim.drugs.absorption import Absorption
from twinsim.drugs.clearances import Clearance
from twinsim.drugs.clinical import Clinical, Reference
from twinsim.drugs.clinical_interactions import ClinicalCondition, ClinicalInteraction
from twinsim.drugs.composition import Composition
from twinsim.drugs.drug_file import Metabolite, Parts, read_parts
from twinsim.drugs.interactions import Interaction
from twinsim.drugs.partition import (
    blood_to_plasma,
    poulin_theil,
    red_cell_affinity,
    red_cells_without_binding,
    rodgers_rowland,
)
from twinsim.errors import UsageError, nearest
from twinsim.population.fields import ASSUMED, Number
from twinsim.population.sources import Sourced, numbers_of
from twinsim.yaml import read_yaml

METHODS = ("rodgers_rowland", "poulin_theil")


@dataclass(frozen=True, eq=False)
class Drug:
    """A drug; `drug` makes one.

    >>> midazolam = drug("midazolam")
    >>> midazolam.compound, midazolam.fu
    ('base', 0.031)

    Attributes:
        name: its name in the library, or the stem of its file.
        parts: what its file says, each number with unit, meaning and source.
    """

    name: str
    parts: Parts

    @property
    def title(self) -> str:
        return self.parts.title

    @property
    def molar_mass(self) -> float:
        """[g/mol]"""
        return self.parts.molar_mass.value

    @property
    def log_p(self) -> float:
        """log10 of octanol:water [1]"""
        return self.parts.log_p.value

    @property
    def log_vow(self) -> float | None:
        """log10 of vegetable oil:water [1], where the file gives it."""
        return _value(self.parts.log_vow)

    @property
    def compound(self) -> str:
        """neutral, acid, base or zwitterion"""
        return self.parts.compound

    @property
    def acid_pka(self) -> tuple[float, ...]:
        """pKa of acidic groups, lowest first [1]"""
        return tuple(number.value for number in self.parts.acids)

    @property
    def base_pka(self) -> tuple[float, ...]:
        """pKa of basic groups, highest first [1]"""
        return tuple(number.value for number in self.parts.bases)

    @property
    def fu(self) -> float:
        """Unbound fraction in the plasma of healthy adults [1]"""
        return self.parts.fu.value

    @property
    def protein(self) -> str:
        """What it is bound to in plasma: albumin, alpha1_acid_glycoprotein or lipoprotein."""
        return self.parts.protein

    @property
    def clearances(self) -> tuple[Clearance, ...]:
        return self.parts.clearances

    @property
    def absorption(self) -> Absorption | None:
        return self.parts.absorption

    @property
    def metabolites(self) -> tuple[Metabolite, ...]:
        return self.parts.metabolites

    @property
    def interactions(self) -> tuple[Interaction, ...]:
        return self.parts.interactions

    @property
    def clinical(self) -> tuple[Clinical, ...]:
        """What studies measured after single doses; no model is made from it."""
        return self.parts.clinical

    @property
    def reference(self) -> Reference | None:
        """The dose that studies used, where the file tells it."""
        return self.parts.reference

    @property
    def clinical_interactions(self) -> tuple[ClinicalInteraction, ...]:
        """What studies measured when it was taken with another drug; no model is made from it."""
        return self.parts.clinical_interactions

    @property
    def clinical_conditions(self) -> tuple[ClinicalCondition, ...]:
        """What studies measured in people with kidney or liver disease; no model is made from it."""
        return self.parts.clinical_conditions

    @property
    def red_cells(self) -> Any:
        """kpu of red cells [1]: from the blood to plasma ratio, or without one from their water and lipids."""
        ratio = self.parts.blood_to_plasma
        if ratio is not None:
            return red_cell_affinity(ratio.value, self.fu, self.parts.haematocrit)
        return red_cells_without_binding(self.log_p, acid_pka=self.acid_pka, base_pka=self.base_pka)

    def blood_to_plasma(self, haematocrit: Any, fu: Any = None) -> Any:
        """The blood to plasma ratio of patients [1].

        Args:
            haematocrit: a fraction [1], a number or (patient,).
            fu: unbound fraction in plasma [1], a number or (patient,); None: the drug's own.
        """
        return blood_to_plasma(self.red_cells, self.fu if fu is None else fu, haematocrit)

    def partition(
        self, fu: Any = None, *, method: str = "rodgers_rowland", table: Composition | None = None
    ) -> dict[str, Array]:
        """Tissue to plasma, kp [1], of every tissue.

        >>> kp = drug("midazolam").partition()
        >>> round(float(kp["adipose"]), 2), round(float(kp["muscle"]), 2)
        (3.3, 0.53)

        Args:
            fu: unbound fraction in plasma [1], a number or (patient,); None: the drug's own.
            method: rodgers_rowland or poulin_theil.
            table: of composition; None: the method's own.

        Returns:
            tissue -> kp, of the shape of fu.

        Raises:
            UsageError: an unknown method; a strong base without a blood to plasma ratio.
        """
        if method not in METHODS:
            raise UsageError(f"there is no method {method!r}", where="partition", do=nearest(str(method), METHODS))
        fu = self.fu if fu is None else fu
        groups: dict[str, Any] = {"acid_pka": self.acid_pka, "base_pka": self.base_pka, "log_vow": self.log_vow}
        if method == "poulin_theil":
            return poulin_theil(self.log_p, fu, **groups, table=table)
        red_cells = self.red_cells if self.parts.blood_to_plasma is not None else None
        kpu = rodgers_rowland(self.log_p, fu, **groups, red_cells=red_cells, table=table)
        return {tissue: value * fu for tissue, value in kpu.items()}

    def sources(self) -> list[Sourced]:
        """Every number with its unit, meaning and source."""
        return numbers_of(self.parts.numbers())

    def assumed(self) -> list[str]:
        """Names of the numbers nobody measured, or whose source nobody read."""
        return [row.name for row in self.sources() if row.source.lower().startswith(ASSUMED)]


def _value(number: Number | None) -> float | None:
    return None if number is None else number.value


def drug(source: str | Path | Mapping[str, Any] | Drug) -> Drug:
    """A drug by name of the library, by path of a YAML file, or from a mapping with the same keys.

    >>> drug("midazolan")
    Traceback (most recent call last):
    twinsim.errors.UsageError: there is no drug 'midazolan'
      do: did you mean midazolam?

    Raises:
        UsageError: neither a drug of the library nor a file.
        DataError: the file is no sound YAML.
        ModelError: the file contradicts itself; everything wrong is told at once.
    """
    if isinstance(source, Drug):
        return source
    if isinstance(source, Mapping):
        document, name = copy.deepcopy(dict(source)), str(source.get("name", "mapping"))
        document.pop("name", None)
    else:
        path = drug_path(source)
        document, name = read_yaml(path), path.stem
    return Drug(name, read_parts(document, name))
