"""The parameters of a drug in a whole body as entries of a model file: values with units, relations, sources."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from twinsim.drugs.clearances import REFERENCE_LIVER, Clearance
from twinsim.drugs.distribution import spread
from twinsim.drugs.drug import Drug
from twinsim.drugs.enzymes import MICROSOMAL_PROTEIN
from twinsim.drugs.whole_body_interactions import acts_on, interactions_of, turnover_of
from twinsim.errors import ModelError
from twinsim.models.pbpk._organs import ARTERIAL, ORGANS, TISSUES, VENOUS
from twinsim.models.structure import Structure
from twinsim.population.anatomy.catalogue import ITEMS
from twinsim.population.anatomy.enzymes import ENZYMES as PERSONS
from twinsim.population.fields import ASSUMED, Number

GUT = ("stomach", "small_intestine", "large_intestine")
# protein -> covariate, and what healthy adults have of it [g/L]: the middle of 36 to 48 g/L (Rustad et al. 2004,
# Scand J Clin Lab Invest 64:271); Johnson et al. 2006, Clin Pharmacokinet 45:931
PROTEINS = {"albumin": ("albumin", 42.0), "alpha1_acid_glycoprotein": ("aag", 0.83)}
METHODS = {
    "rodgers_rowland": "Rodgers and Rowland 2006, J Pharm Sci 95:1238, doi:10.1002/jps.20502",
    "poulin_theil": "Poulin and Theil 2002, J Pharm Sci 91:129, doi:10.1002/jps.10005",
}
# GFR that drug files count filtration and secretion by [mL/min]
REFERENCE_GFR = 120.0
# haematocrit that drug files give blood to plasma ratios at; ICRP 89 (2002): 0.45 of men
REFERENCE_HAEMATOCRIT = 0.45
# Yu and Amidon 1999, Int J Pharm 186:119: radius of the small intestine [cm], as in models.pbpk
RADIUS = 1.75
# ICRP 89 (2002), table 2.40: percent of 390 L/h to the parts of gut and rest; McNally 2014: their volumes [L]
_PARTS_FLOW = {"stomach": 3.9, "small_intestine": 39.0, "large_intestine": 15.6, "thyroid": 5.85, "lung": 9.75}
_PARTS_VOLUME = {"stomach": 0.15, "small_intestine": 0.65, "large_intestine": 0.30, "thyroid": 0.02}

Entry = dict[str, Any]


def word(text: str) -> str:
    """A name as a part of a parameter's name.

    >>> word("3-demethylation"), word("CYP3A4")
    ('3_demethylation', 'cyp3a4')
    """
    return re.sub(r"\W+", "_", text).lower()


def parameters_of(drugs: Sequence[Drug], structure: Structure, method: str) -> dict[str, Entry]:
    """Every parameter of the structure that a drug or the patient decides; the others keep their defaults."""
    entries, names = _anatomy(), frozenset(structure.parameter_names)
    acted = tuple(dict.fromkeys(enzyme for drug in drugs for enzyme in acts_on(drug)))
    for drug in drugs:
        end = f"_{called(drug)}" if len(drugs) > 1 else ""
        for name, entry in _of(drug, structure, method, acted, end).items():
            entries[name + end if name + end in names else name] = entry
    entries |= {name: _entry(value, source) for name, (value, source) in turnover_of(structure, acted).items()}
    return entries


def _of(drug: Drug, structure: Structure, method: str, acted: Sequence[str], end: str) -> dict[str, Entry]:
    """The entries of one drug, by the plain names of parameters."""
    entries = {**_binding(drug, method), **_absorption(drug, structure, end)}
    for clearance in drug.clearances:
        entries |= _clearance(clearance, drug)
    if any(each.kind == "filtration" for each in drug.clearances):
        entries["gfr"] = _entry("1", ITEMS["gfr"].source, [_times("gfr")])
    effects = interactions_of(drug, acted)
    known = frozenset(structure.parameter_names)
    entries |= {name: _entry(value, told) for name, (value, told) in effects.items() if name + end in known}
    return entries


def called(drug: Drug) -> str:
    """The name of a drug among the substances of a body, which routes and outputs end in.

    >>> word("my drug")
    'my_drug'
    """
    own = word(drug.name)
    return own if own.isidentifier() and own not in TISSUES else f"drug_{own}"


def _entry(value: str, source: str, relations: Sequence[Any] = (), *, is_fixed: bool = True) -> Entry:
    return {"value": value, "source": source, "fixed": is_fixed, "relations": list(relations)}


def _times(covariate: str) -> Any:
    return {"proportional": {"covariate": covariate}}


def _relative(covariate: str, reference: str, source: str) -> Any:
    return {"power": {"covariate": covariate, "reference": reference, "exponent": 1, "fixed": True, "source": source}}


def _plus(covariates: Iterable[str]) -> Any:
    source = "parts of the organ add up"
    terms = [
        {"covariate": name, "reference": 0, "coefficient": 1, "fixed": True, "source": source} for name in covariates
    ]
    return {"additive": {"terms": terms}}


def _together(sources: Iterable[str], words: str = "") -> str:
    """Sources as one, each once; assumed if one of them is."""
    found = tuple(dict.fromkeys(sources))
    whole = "; ".join(([words] if words else []) + [each for each in found if each != ASSUMED])
    is_assumed = any(each.lower().startswith(ASSUMED) for each in found)
    return f"{ASSUMED}: {whole}" if is_assumed and not whole.lower().startswith(ASSUMED) else whole


def _anatomy() -> dict[str, Entry]:
    """Volumes, flows and the portal shunt."""
    entries = {}
    for kind, letter in (("volume", "v"), ("flow", "q")):
        parts = {"gut": GUT, "rest": ("rest", "thyroid", "lung") if kind == "flow" else ("rest", "thyroid")}
        for tissue in TISSUES:
            if tissue == "lung" and kind == "flow":
                continue
            first, *others = parts.get(tissue, (tissue,))
            name = "liver_arterial_flow" if (tissue, kind) == ("liver", "flow") else f"{first}_{kind}"
            relations = [_times(name), *([_plus(f"{each}_{kind}" for each in others)] if others else [])]
            entries[f"{letter}_{tissue}"] = _entry("1", ITEMS[name].source, relations)
    for side in ("arterial", "venous"):
        name = f"{side}_blood_volume"
        entries[f"v_{side}"] = _entry("1", ITEMS[name].source, [_times(name)])
    entries["portal_shunt"] = _entry("1", ITEMS["portal_shunt"].source, [_times("portal_shunt")])
    return entries


def _binding(drug: Drug, method: str) -> dict[str, Entry]:
    """fu, bp and the partition coefficients."""
    parts, relations = drug.parts, []
    if drug.protein in PROTEINS:
        covariate, reference = PROTEINS[drug.protein]
        relations.append(
            {
                "binding": {
                    "covariate": covariate,
                    "reference": reference,
                    "unbound": drug.fu,
                    "factor": "unbound_factor",
                    "source": parts.fu.source,
                }
            }
        )
    molecule = [parts.log_p, parts.log_vow, *parts.acids, *parts.bases, parts.fu, parts.blood_to_plasma]
    predicted = drug.partition(method=method)
    kp = {tissue: float(predicted[tissue if tissue in predicted else "muscle"]) for tissue in TISSUES}
    kp = spread(kp, drug.parts.distribution, float(drug.blood_to_plasma(REFERENCE_HAEMATOCRIT)), f"drug {drug.name}")
    source = _together((each.source for each in molecule if each is not None), METHODS[method])
    entries = {"fu": _entry(repr(drug.fu), parts.fu.source, relations)}
    for tissue in TISSUES:
        own = source if tissue in predicted else _together((ASSUMED, source), "as muscle")
        if drug.parts.distribution is not None and tissue in drug.parts.distribution.tissues:
            own = _together((own, drug.parts.distribution.volume.source), "scaled to the volume of distribution")
        entries[f"kp_{tissue}"] = _entry(repr(kp[tissue]), own, relations)
    # fu kpu of red cells; what follows makes it 1 + haematocrit (fu kpu - 1)
    cells = max(float(drug.red_cells) * drug.fu, 0.0)
    without = "fu times red cells over unbound plasma, from water and lipids alone"
    numbers = [parts.log_p, parts.fu] if parts.blood_to_plasma is None else [parts.blood_to_plasma]
    words = without if parts.blood_to_plasma is None else "fu times red cells over unbound plasma"
    rest = {"covariate": "haematocrit", "reference": 1, "coefficient": -1, "fixed": True, "source": "share of plasma"}
    told = _together((each.source for each in numbers), words)
    entries["bp"] = _entry(repr(cells), told, [*relations, _times("haematocrit"), {"additive": {"terms": [rest]}}])
    entries["bp"]["bounds"] = [0, 1e6]
    return entries


def _absorption(drug: Drug, structure: Structure, end: str) -> dict[str, Entry]:
    """kdiss, ka, fa and what the gut wall takes."""
    absorption = drug.absorption
    if absorption is None:
        return {}
    entries = {}
    if absorption.ka is not None:
        entries["ka"] = _entry(f"{absorption.ka.value!r} 1/h", absorption.ka.source, is_fixed=False)
    else:
        assert absorption.permeability is not None
        rate = 2.0 * absorption.permeability.value * 3600.0 / RADIUS
        told = _together([absorption.permeability.source], f"2 permeability / {RADIUS} cm, Yu and Amidon 1999")
        entries["ka"] = _entry(f"{rate!r} 1/h", told, is_fixed=False)
    if absorption.dissolution is not None:
        number = absorption.dissolution
        entries["kdiss"] = _entry(f"{number.value!r} 1/h", number.source, is_fixed=False)
    if absorption.fraction_absorbed is not None:
        number = absorption.fraction_absorbed
        entries["fa"] = _entry(repr(number.value), number.source, is_fixed=False)
    if not absorption.gut_wall:
        return entries
    passing = 1.0 - sum(each.fraction.value for each in absorption.gut_wall)
    if not passing > 0.0:
        what = "the gut wall takes the whole dose"
        raise ModelError(what, where=f"drug {drug.name}, absorption.gut_wall", do="give fractions that leave some")
    villi, permeability = (structure.parameter(name).default for name in ("q_villi", f"clperm{end}"))
    qgut = villi * permeability / (villi + permeability)
    for each in absorption.gut_wall:
        name = each.enzyme.lower()
        relations, person = [], PERSONS.get(f"gut_{name}")
        if person is not None:
            relations = [_relative(f"gut_{name}_abundance", f"{person.typical!r} {person.unit}", person.source)]
        clint = qgut * each.fraction.value / passing
        entries[f"clint_gut_wall_{name}"] = _entry(f"{clint!r} L/h", each.fraction.source, relations, is_fixed=False)
    return entries


def _clearance(clearance: Clearance, drug: Drug) -> dict[str, Entry]:
    """The parameters of one way out."""
    source = _together(number.source for number in clearance.numbers())
    if clearance.kind == "filtration":
        assert clearance.value is not None
        return {"filtered_fraction": _entry(repr(clearance.value.value), source, is_fixed=False)}
    if clearance.kind == "secretion":
        relation = _relative("gfr", f"{REFERENCE_GFR} mL/min", f"{ASSUMED}: nephrons are lost whole")
        told = _together([source], "what makes the clearance of plasma in the reference man's kidney")
        return {"clint_secretion": _entry(f"{_secretion(clearance, drug)!r} L/h", told, [relation], is_fixed=False)}
    relations = [_times("liver_mass"), _times("functional_liver")]
    if clearance.kind == "biliary":
        value = f"{clearance.intrinsic / REFERENCE_LIVER!r} L/h/kg"
        return {"clint_bile": _entry(value, source, relations, is_fixed=False)}
    name = str(clearance.enzyme).lower()
    if clearance.enzyme is not None or clearance.per != "liver":
        relations.append(_relative("mppgl", f"{MICROSOMAL_PROTEIN} mg/g", ITEMS["mppgl"].source))
    if name in PERSONS:
        person = PERSONS[name]
        relations.append(_relative(f"{name}_abundance", f"{person.typical!r} {person.unit}", person.source))
    value = f"{clearance.whole_liver(REFERENCE_LIVER) / REFERENCE_LIVER!r} L/h/kg"
    pathway = word(clearance.name)
    entries = {f"clint_{pathway}": _entry(value, source, relations, is_fixed=False)}
    if clearance.km is not None:
        entries[f"km_{pathway}"] = _km(clearance.km, drug)
    return entries


def _secretion(clearance: Clearance, drug: Drug) -> float:
    """Clearance of unbound drug in kidney cells [L/h] that the file's clearance of plasma, cl = fu value, comes from.

    fu clint = cl q / (q - (filtered + cl) / bp)    q [L/h] blood of the reference man's kidney, filtered = fu share gfr
    """
    ratio, q = float(drug.blood_to_plasma(REFERENCE_HAEMATOCRIT)), ORGANS["kidney"].flow
    share = sum(each.intrinsic for each in drug.clearances if each.kind == "filtration")
    cleared, filtered = drug.fu * clearance.intrinsic, drug.fu * share * REFERENCE_GFR * 0.06  # L/h of mL/min
    left = q - (filtered + cleared) / ratio
    if not left > 0.0:
        what = f"the kidney's {q:g} L/h of blood bring less than {clearance.name} takes"
        raise ModelError(what, where=f"drug {drug.name}, clearances", do="give a smaller clearance of unbound drug")
    return cleared * q / left / drug.fu


def _km(km: Number, drug: Drug) -> Entry:
    """[umol/L] in mg/L."""
    return _entry(f"{km.value * drug.molar_mass / 1000.0!r} mg/L", km.source)


def typical_covariates() -> dict[str, Entry]:
    """The reference man of `models.pbpk` as a patient: all that whole bodies know of a person."""
    typical: dict[str, Any] = {"liver_mass": ORGANS["liver"].volume, "mppgl": MICROSOMAL_PROTEIN}
    typical |= {f"{name}_volume": organ.volume for name, organ in ORGANS.items() if name != "gut"}
    typical |= {f"{name}_flow": organ.flow for name, organ in ORGANS.items() if name not in ("gut", "lung", "liver")}
    typical |= {f"{name}_volume": value for name, value in _PARTS_VOLUME.items()}
    typical |= {f"{name}_flow": value for name, value in _PARTS_FLOW.items()}
    typical["rest_volume"] -= typical["thyroid_volume"]
    typical["rest_flow"] -= typical["thyroid_flow"] + typical["lung_flow"]
    typical |= {"liver_arterial_flow": ORGANS["liver"].flow, "portal_shunt": 0.0, "gfr": REFERENCE_GFR}
    typical |= {"arterial_blood_volume": ARTERIAL, "venous_blood_volume": VENOUS}
    typical |= {"functional_liver": 1.0, "unbound_factor": 1.0, **{name: value for name, value in PROTEINS.values()}}
    typical |= {f"{name}_abundance": enzyme.typical for name, enzyme in PERSONS.items()}
    entries: dict[str, Entry] = {name: {"typical": value} for name, value in typical.items()}
    entries["haematocrit"] = {"unit": "1", "typical": REFERENCE_HAEMATOCRIT, "meaning": "haematocrit, a fraction"}
    return entries
