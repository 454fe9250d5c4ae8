"""The whole patient as a population model: organs that act on each other, in bodies that differ, with conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from twinsim.drugs.drug import Drug
from twinsim.drugs.drug import drug as find_drug
from twinsim.drugs.whole_body import whole_body_model
from twinsim.errors import UsageError
from twinsim.models.driven import driven
from twinsim.models.registry import register
from twinsim.models.registry import structure as find_structure
from twinsim.models.structure import Structure
from twinsim.patient.body import body_covariates, body_entries, with_relations
from twinsim.patient.conditions import known_conditions, relations_of
from twinsim.patient.coupled import ORGANS, coupled, organ
from twinsim.patient.effects import Effect, acting, by_organ, known_effects
from twinsim.patient.perfusion import perfusion
from twinsim.population.model import PopulationModel, population_model


def whole_patient(
    organs: Sequence[str] = tuple(ORGANS),
    drug: str | Path | Mapping[str, Any] | Drug | None = None,
    effects: Sequence[Effect] | None = None,
) -> PopulationModel:
    """Organs of one patient, coupled; with a drug on its way through the body, acting where it acts.

    >>> model = whole_patient(["circulation", "lung"])
    >>> len(model.structure.states)
    17

    Args:
        organs: labels of `patient.coupled.ORGANS`; what others need of one left out is constant.
        drug: a name of the drug library, a file, a mapping or a drug; its flows follow the heart, its filtration the
            kidney. Routes oral and iv.
        effects: what the drug does to named parameters; None: what the library knows.

    Returns:
        A model whose clock counts minutes. Patients need the covariates of `population.anatomy`, and severities of
        conditions (`twinsim.whole_cohort`, `twinsim.patients`); a typical one has none.

    Raises:
        UsageError: no organs, an unknown organ, or an effect on one that is left out.
    """
    body = None if drug is None else whole_body_model(find_drug(drug))
    chosen = tuple(label for label in ORGANS if label in organs) + tuple(each for each in organs if each not in ORGANS)
    name = None if body is None else body.structure.name
    _check_effects(effects or (), chosen, name)
    structure = _structure(chosen, name, _of_library(name, chosen) if effects is None else tuple(effects))
    entries = body_entries(structure)
    covariates = body_covariates()
    if body is not None:
        theirs = body.document
        covariates = {**{name: dict(entry) for name, entry in theirs["covariates"].items()}, **covariates}
        names = structure.parameter_names
        entries = {**{name: dict(e) for name, e in theirs["parameters"].items() if name in names}, **entries}
    of_units = {item.name: item.unit for item in structure.parameters}
    entries = with_relations(entries, structure, relations_of(known_conditions(), of_units))
    used = {word for entry in entries.values() for word in _covariates(entry)}
    covariates = {name: entry for name, entry in covariates.items() if name in used}
    covariates |= {
        name: {"unit": "1", "typical": 0.0, "meaning": f"severity of {item.title}: 1 is {item.at_one}"}
        for name, item in known_conditions().items()
        if name in used
    }
    document = {
        "name": structure.name,
        "title": "The whole patient" + (f" with {body.title}" if body is not None else ""),
        "source": structure.source,
        "structure": structure.name,
        "covariates": covariates,
        "parameters": entries,
    }
    return population_model(document)


def _check_effects(effects: Sequence[Effect], organs: Sequence[str], body: str | None) -> None:
    """Refuse effects on organs left out, and of another drug: this one's concentration would drive them."""
    drug = None if body is None else body.rpartition("/")[2]
    for effect in effects:
        if effect.drug != drug:
            do = f"effect_of(row, {drug!r})" if drug else "name the drug, drug=..."
            raise UsageError(f"an effect of {effect.drug!r} in a patient who takes {drug}", where="effects", do=do)
        if effect.organ not in organs:
            what = f"an effect on {effect.parameter} of {effect.organ}, which is left out"
            raise UsageError(what, where="effects", do=f"add {effect.organ} to organs, or leave the effect out")


def _of_library(body: str | None, organs: Sequence[str]) -> tuple[Effect, ...]:
    """What the library knows that this drug does to these organs."""
    known = known_effects().get(body.rpartition("/")[2], ()) if body else ()
    return tuple(effect for effect in known if effect.organ in organs)


@lru_cache(maxsize=256)
def _structure(organs: tuple[str, ...], body: str | None, effects: tuple[Effect, ...]) -> Structure:
    """All parts coupled, and known by a name that says what is in it."""
    more: dict[str, Structure] = {}
    connect: dict[str, str] = {}
    name = "patient/" + ("whole" if set(organs) == set(ORGANS) else "_".join(organs))
    if body is not None:
        own = find_structure(body)
        flows, driven_flows = perfusion(own, "cardiac_output" if "circulation" in organs else "cardiac_output_at_rest")
        moved = [*driven_flows, *(["gfr"] if "gfr" in own.parameter_names and "kidney" in organs else [])]
        more = {
            "perfusion": flows,
            "drug": driven(own, {each: "flow" if each == "gfr" else "effect" for each in moved}),
        }
        connect = {f"drug.{each}": f"perfusion.{each}_now" for each in driven_flows}
        name += f"_{own.name.rpartition('/')[2]}"
    if effects != _of_library(body, organs):
        name += f"_{sha256(repr(effects).encode()).hexdigest()[:8]}"
    replaced = {}
    if effects:
        more["effects"] = acting(effects)
        for label, parameters in by_organ(effects).items():
            replaced[label] = driven(organ(label), parameters)
            connect |= {f"{label}.{each}": f"effects.{each}_now" for each in parameters}
        connect |= {f"effects.concentration_{effect.drug}": "drug.concentration" for effect in effects}
    whole = coupled(organs, more, connect, name=name, replaced=replaced)
    return register(whole)


def _covariates(value: Any) -> set[str]:
    """Names of covariates anywhere in an entry."""
    if isinstance(value, Mapping):
        own = {str(value[key]) for key in ("covariate", "factor") if isinstance(value.get(key), str)}
        return own.union(*(_covariates(each) for each in value.values())) if value else own
    if isinstance(value, list | tuple):
        return set().union(*(_covariates(each) for each in value)) if value else set()
    return set()
