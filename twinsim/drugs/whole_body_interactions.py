"""Drugs that meet at enzymes: who acts on whom, and the parameters of that in a whole body.

    ki_<enzyme>, kapp_<enzyme>, ec50_<enzyme>   of the file [umol/L] times molar mass, in mg/L of unbound drug
    kinact_<enzyme>, emax_<enzyme>              of the file
    kdeg_<enzyme>_<site>                        ln 2 / half-life of the enzyme, `drugs.enzymes.half_life`

Effects on transporters, and on enzymes that no drug of the body has, are left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from twinsim.drugs import drug_names
from twinsim.drugs.drug import Drug
from twinsim.drugs.drug import drug as find_drug
from twinsim.drugs.enzymes import ENZYMES, half_life
from twinsim.errors import UsageError
from twinsim.models.structure import Structure

# kind of an interaction -> parameter of the structure by number of the file
_NAMES = {
    "reversible": {"ki": "ki"},
    "mechanism_based": {"kinact": "kinact", "ki": "kapp"},
    "induction": {"emax": "emax", "ec50": "ec50"},
}


def changed_by(drug: Drug) -> tuple[str, ...]:
    """Enzymes that change a drug, in liver or gut wall, in the order of its file.

    >>> changed_by(find_drug("midazolam"))
    ('CYP3A4', 'UGT1A4')
    """
    losses = drug.absorption.gut_wall if drug.absorption else ()
    named = [each.enzyme for each in drug.clearances if each.kind == "hepatic"] + [each.enzyme for each in losses]
    return tuple(dict.fromkeys(name for name in named if name is not None))


def in_gut(drug: Drug) -> tuple[str, ...]:
    """Enzymes of the gut wall that take a drug."""
    return tuple(each.enzyme for each in drug.absorption.gut_wall) if drug.absorption else ()


def acts_on(drug: Drug, kind: str | None = None) -> tuple[str, ...]:
    """Enzymes a drug inhibits, inactivates or induces.

    Args:
        kind: of the interaction; None: any.
    """
    found = [each.target for each in drug.interactions if each.target in ENZYMES and kind in (None, each.kind)]
    return tuple(dict.fromkeys(found))


def check_together(drugs: Sequence[Drug]) -> None:
    """Refuse drugs that have nothing to do with each other.

    Raises:
        UsageError: no drug, a drug given twice, or one that neither acts on an enzyme of another nor is acted on.
    """
    names = [each.name for each in drugs]
    if not names:
        raise UsageError("there is no drug", where="whole_body_model", do='whole_body_model("midazolam"), say')
    for name in names:
        if names.count(name) > 1:
            do = "give each drug once; its doses add up in the regimen"
            raise UsageError(f"{name} is there twice", where=f"drugs {', '.join(names)}", do=do)
    for one in drugs:
        others = [each for each in drugs if each is not one]
        if others and not any(_meet(one, other) for other in others):
            _refuse(drugs, (others[0], one) if drugs[0] is not one else (one, others[0]))


def _meet(one: Drug, other: Drug) -> bool:
    return bool(set(acts_on(one)) & set(changed_by(other)) or set(acts_on(other)) & set(changed_by(one)))


def _refuse(drugs: Sequence[Drug], pair: tuple[Drug, Drug]) -> None:
    first, second = pair
    why = "; ".join(
        f"{each.name} is changed by {_listed(changed_by(each))} and acts on {_listed(acts_on(each))}" for each in pair
    )
    fitting = [name for name in drug_names() if set(acts_on(find_drug(name))) & set(changed_by(first))]
    fitting = [name for name in fitting if name != first.name]
    if any(acts_on(each) for each in pair):
        what = f"{first.name} and {second.name} do not meet at an enzyme"
    else:
        what = f"neither {first.name} nor {second.name} acts on an enzyme"
    do = f"of the library, {_listed(fitting)} act on enzymes of {first.name}"
    raise UsageError(what, where=f"drugs {', '.join(each.name for each in drugs)}", why=why, do=do)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def interactions_of(drug: Drug, enzymes: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Parameters of what a drug does to enzymes: name -> value with unit, source.

    Args:
        enzymes: those that are followed.
    """
    found = {}
    for each in drug.interactions:
        if each.target not in enzymes:
            continue
        for key, number in each.values.items():
            value, unit = number.value, number.unit
            if unit == "umol/L":
                value, unit = value * drug.molar_mass / 1000.0, "mg/L"
            name = f"{_NAMES[each.kind][key]}_{each.target.lower()}"
            found[name] = (f"{value!r} {'' if unit == '1' else unit}".strip(), number.source)
    return found


def turnover_of(structure: Structure, enzymes: Sequence[str]) -> dict[str, tuple[str, str]]:
    """kdeg of every enzyme whose amount changes: name -> value with unit, source."""
    found: dict[str, Any] = {}
    for enzyme in enzymes:
        for site in ("liver", "gut"):
            name = f"kdeg_{enzyme.lower()}_{site}"
            if name in structure.parameter_names:
                hours, source = half_life(enzyme, site)
                found[name] = (f"{math.log(2.0) / hours!r} 1/h", source)
    return found
