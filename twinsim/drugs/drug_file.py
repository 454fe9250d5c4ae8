"""From the mapping of a drug file to its parts; docs/drugs.md explains the keys."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from twinsim.drugs.absorption import Absorption, read_absorption
from twinsim.drugs.citations import Citations
from twinsim.drugs.clearances import Clearance, read_clearances
from twinsim.drugs.clinical import Clinical, Reference, read_clinical, read_reference
from twinsim.drugs.clinical_interactions import (
    ClinicalCondition,
    ClinicalInteraction,
    read_clinical_conditions,
    read_clinical_interactions,
)
from twinsim.drugs.distribution import Distribution, read_distribution
from twinsim.drugs.interactions import Interaction, read_interactions
from twinsim.population.fields import Faults, Fields, Number

PROTEINS = ("albumin", "alpha1_acid_glycoprotein", "lipoprotein")
# compound -> the groups it has: acids, bases
COMPOUNDS = {"neutral": (False, False), "acid": (True, False), "base": (False, True), "zwitterion": (True, True)}


@dataclass(frozen=True)
class Metabolite:
    """What becomes of a fraction of the drug [1]."""

    name: str
    fraction: Number


@dataclass(frozen=True)
class Parts:
    """What a drug file says; the attributes are explained at `Drug`."""

    title: str
    source: str
    notes: str
    molar_mass: Number
    log_p: Number
    log_vow: Number | None
    compound: str
    acids: tuple[Number, ...]
    bases: tuple[Number, ...]
    fu: Number
    protein: str
    blood_to_plasma: Number | None
    haematocrit: float
    distribution: Distribution | None
    clearances: tuple[Clearance, ...]
    absorption: Absorption | None
    metabolites: tuple[Metabolite, ...]
    interactions: tuple[Interaction, ...]
    clinical: tuple[Clinical, ...]
    reference: Reference | None
    clinical_interactions: tuple[ClinicalInteraction, ...]
    clinical_conditions: tuple[ClinicalCondition, ...]

    def numbers(self) -> list[Number]:
        single = [self.molar_mass, self.log_p, self.log_vow, *self.acids, *self.bases, self.fu, self.blood_to_plasma]
        numbers = [number for number in single if number is not None]
        parts = [self.distribution, *self.clearances, self.absorption, *self.interactions, *self.clinical]
        parts += [*self.clinical_interactions, *self.clinical_conditions]
        numbers += [number for part in parts if part is not None for number in part.numbers()]
        return numbers + [each.fraction for each in self.metabolites]


def read_parts(document: Mapping[str, Any], name: str) -> Parts:
    """The parts of a drug.

    Raises:
        ModelError: everything that is wrong in the file, at once, each with its key path.
    """
    faults = Faults(of="drug", guide="docs/drugs.md")
    fields = Fields(document, "", faults)
    title, source, notes = fields.text("title"), fields.text("source", ""), fields.text("notes", "")
    sources = Citations(fields)
    found: dict[str, Any] = {"title": title, "source": source or "", "notes": notes or ""}
    for key, read in (("physicochemistry", _physicochemistry), ("plasma", _plasma)):
        section = fields.section(key)
        if section is not None:
            found.update(read(section, sources))
            section.done()
    found["distribution"] = read_distribution(fields, sources)
    found["clearances"] = read_clearances(fields, sources)
    found["absorption"] = read_absorption(fields, sources)
    found["metabolites"] = _metabolites(fields, sources)
    found["interactions"] = read_interactions(fields, sources)
    found["clinical"] = read_clinical(fields, sources)
    found["reference"] = read_reference(fields)
    found["clinical_interactions"] = read_clinical_interactions(fields, sources)
    found["clinical_conditions"] = read_clinical_conditions(fields, sources)
    fields.done()
    sources.done()
    faults.tell(name)
    return Parts(**found)


def _physicochemistry(section: Fields, sources: Citations) -> dict[str, Any]:
    found = {
        "molar_mass": sources.keyed(section, "molar_mass", "g/mol", "molar mass", bounds=(1.0, 1e6)),
        "log_p": sources.keyed(section, "log_p", "1", "log10 of octanol:water", bounds=(-10.0, 12.0)),
        "log_vow": sources.keyed(
            section, "log_vow", "1", "log10 of vegetable oil:water", required=False, bounds=(-12.0, 14.0)
        ),
        "compound": section.choice("compound", COMPOUNDS),
    }
    groups: dict[str, list[Number]] = {"acid": [], "base": []}
    for entry in section.items("pka"):
        kind = entry.choice("group", groups)
        name = f"physicochemistry.pka.{kind}_{len(groups.get(kind, ())) + 1}"
        number = sources.number(entry, name, "1", f"pKa of a group that is {kind}", bounds=(-5.0, 20.0))
        entry.done()
        if kind and number:
            groups[kind].append(number)
    compound = found["compound"]
    if compound is not None and COMPOUNDS[compound] != (bool(groups["acid"]), bool(groups["base"])):
        has = " and ".join(name for name, values in groups.items() if values) or "no group"
        needs = " and ".join(n for n, w in zip(groups, COMPOUNDS[compound], strict=True) if w) or "no pka"
        section.fault("pka", f"the compound is {compound}, which has {needs}; here is {has}")
    # the strongest group first
    acids = tuple(sorted(groups["acid"], key=lambda number: number.value))
    bases = tuple(sorted(groups["base"], key=lambda number: -number.value))
    return {**found, "acids": acids, "bases": bases}


def _plasma(section: Fields, sources: Citations) -> dict[str, Any]:
    found: dict[str, Any] = {
        "fu": sources.keyed(section, "fu", "1", "unbound fraction in plasma", bounds=(1e-6, 1.0)),
        "protein": section.choice("protein", PROTEINS),
        "blood_to_plasma": None,
        "haematocrit": math.nan,
    }
    entry = section.section("blood_to_plasma", None)
    if entry is None:
        return found
    haematocrit = entry.quantity("haematocrit", "1")
    bounds = (0.0, math.inf) if haematocrit is None else (1.0 - haematocrit, math.inf)
    meaning = f"blood to plasma ratio at a haematocrit of {haematocrit}"
    number = sources.number(entry, "plasma.blood_to_plasma", "1", meaning, bounds=bounds)
    entry.done()
    if haematocrit is not None and not 0.1 <= haematocrit <= 0.8:
        entry.fault("haematocrit", f"{haematocrit:g} is no haematocrit", "write for example 45 %")
    return {**found, "blood_to_plasma": number, "haematocrit": haematocrit}


def _metabolites(fields: Fields, sources: Citations) -> tuple[Metabolite, ...]:
    found = []
    for entry in fields.items("metabolites"):
        name = entry.text("name")
        label, meaning = f"metabolites.{name}", f"fraction of the drug that becomes {name}"
        number = sources.number(entry, label, "1", meaning, key="fraction", bounds=(0.0, 1.0))
        entry.done()
        if name and number:
            found.append(Metabolite(name, number))
    total = sum(each.fraction.value for each in found)
    if total > 1.0 + 1e-9:
        fields.fault("metabolites", f"their fractions add up to {total:g}", "give fractions of the whole drug")
    return tuple(found)
