"""From the mapping of a model file to its parts, checked against the structure; docs/models.md explains the keys."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from twinsim.errors import ModelError, UsageError, nearest
from twinsim.models.registry import structure as find_structure
from twinsim.models.structure import Structure
from twinsim.population.covariate_effects import Relation, RelationReader
from twinsim.population.covariates import COVARIATES
from twinsim.population.error_model import ErrorModel, read_error_model
from twinsim.population.fields import ASSUMED, Faults, Fields, Number
from twinsim.population.model_covariate import ModelCovariate, read_covariate
from twinsim.population.model_regimen import read_regimen
from twinsim.population.parameterisation import PARAMETERISATIONS, Parameterisation
from twinsim.population.priors import Prior, read_priors
from twinsim.population.variability import RandomEffects, VariabilityReader

_NO_FIELDS: Mapping[str, Any] = {}


@dataclass(frozen=True)
class ModelParameter:
    """A parameter of a population model.

    Attributes:
        name: e.g. "cl".
        unit: unit of the structure, which individual values come in.
        typical: the typical value; in `unit`, or in `unit` per unit of the covariates it is proportional to.
        relations: covariate relations, in the order they act.
        limits: limits of a logit distribution [unit].
    """

    name: str
    unit: str
    typical: Number
    relations: tuple[Relation, ...] = ()
    limits: tuple[float, float] = (0.0, 1.0)

    def numbers(self) -> list[Number]:
        return [self.typical, *(number for relation in self.relations for number in relation.numbers.values())]


@dataclass(frozen=True)
class Parts:
    """What a model file says."""

    title: str
    source: str
    structure: Structure
    parameterisation: Parameterisation | None
    parameters: tuple[ModelParameter, ...]
    defaulted: tuple[str, ...]
    covariates: tuple[ModelCovariate, ...]
    between_patients: RandomEffects
    between_occasions: RandomEffects
    error_models: dict[str, ErrorModel]
    priors: tuple[Prior, ...]
    regimen: dict[str, Any]

    def numbers(self) -> list[Number]:
        """Every number as the file gives it: typical values, covariate coefficients, residual errors."""
        numbers = [n for item in self.parameters for n in item.numbers()]
        return numbers + [n for error in self.error_models.values() for n in error.numbers.values()]


def read_parts(document: Mapping[str, Any], name: str) -> Parts:
    """The parts of a model.

    Raises:
        ModelError: everything that is wrong in the file, at once, each with its key path.
    """
    faults = Faults()
    fields = Fields(document, "", faults)
    title, source = fields.text("title"), fields.text("source", ASSUMED) or ASSUMED
    fields.text("notes", "")
    structure = _structure(fields)
    if structure is None:
        # Nothing else can be checked without it.
        faults.tell(name)
        raise ModelError("the model names no structure", where=name)
    reader = _Reader(fields, structure, source)
    parts = Parts(title=title or name, source=source, structure=structure, **reader.read())
    fields.done()
    faults.tell(name)
    return parts


def _structure(fields: Fields) -> Structure | None:
    name = fields.text("structure")
    if name is None:
        return None
    try:
        return find_structure(name)
    except (UsageError, ModelError) as fault:
        fields.fault("structure", fault.what, fault.do)
        return None


class _Reader:
    """One pass over the sections of a file."""

    def __init__(self, fields: Fields, structure: Structure, source: str) -> None:
        self.fields, self.structure, self.source = fields, structure, source
        self.covariates: dict[str, ModelCovariate | None] = {}
        self.used: set[str] = set()
        # every parameter the file may speak of, also where its own entry is at fault
        self.units: dict[str, str] = {}

    def read(self) -> dict[str, Any]:
        section = self.fields.section("covariates", None) or self._empty("covariates")
        for name in section.data:
            self.covariates[str(name)] = read_covariate(section.section(name) or self._empty(name), str(name))
        parameterisation = self._parameterisation()
        parameters, defaulted = self._parameters(parameterisation)
        levels = {
            "between_patients": VariabilityReader(self.units, "eta", self.source),
            "between_occasions": VariabilityReader(self.units, "eta_occasion", self.source),
        }
        effects = {key: reader.read(self.fields.items(key)) for key, reader in levels.items()}
        self._check_effects(parameters, effects)
        found = tuple(item for item in self.covariates.values() if item is not None and item.name in self.used)
        errors = self._error_models()
        numbers = [n for item in parameters for n in item.numbers()]
        numbers += [n for error in errors.values() for n in error.numbers.values()]
        for name in self.covariates:
            if name not in self.used:
                self.fields.fault(f"covariates.{name}", "is used by no relation", "remove it, or name it in a relation")
        return {
            "parameterisation": parameterisation,
            "parameters": parameters,
            "defaulted": defaulted,
            "covariates": found,
            **effects,
            "error_models": errors,
            "priors": read_priors(self.fields.section("priors", None), numbers, self.source),
            "regimen": read_regimen(self.fields.section("regimen", None), self.structure),
        }

    def _empty(self, path: str) -> Fields:
        return Fields(_NO_FIELDS, str(path), self.fields.faults)

    def _parameterisation(self) -> Parameterisation | None:
        name = self.fields.choice("parameterisation", PARAMETERISATIONS, None)
        item = PARAMETERISATIONS.get(name) if name else None
        if item is not None and not item.fits(self.structure.parameter_names):
            needed = ", ".join((*item.uses, *item.gives))
            self.fields.fault("parameterisation", f"{name} needs a structure with {needed}")
            return None
        return item

    def _parameters(self, written_as: Parameterisation | None) -> tuple[tuple[ModelParameter, ...], tuple[str, ...]]:
        section = self.fields.section("parameters") or self._empty("parameters")
        taken = dict(written_as.takes) if written_as else {}
        given = set(written_as.gives) if written_as else set()
        result, defaulted = [], []
        for declared in self.structure.parameters:
            name = declared.name
            if name in given:
                if section.has(name):
                    section.fault(name, f"follows from {', '.join(taken)} in this parameterisation", f"remove {name}")
                continue
            if section.has(name):
                entry = section.section(name) or self._empty(name)
                result.append(self._parameter(entry, name, declared.unit, declared.meaning, declared.bounds))
            else:
                origin = f"default of {self.structure.name}: {declared.source}"
                meaning = declared.meaning
                number = Number(name, declared.default, declared.unit, meaning, origin, True, declared.bounds)
                result.append(ModelParameter(name, declared.unit, number, (), declared.bounds))
                self.units[name] = declared.unit
                defaulted.append(name)
        for name, meaning in taken.items():
            unit = f"1/{self.structure.time}"
            entry = section.section(name) or self._empty(f"parameters.{name}")
            result.append(self._parameter(entry, name, unit, meaning, (0.0, math.inf)))
        section.done()
        return tuple(item for item in result if item is not None), tuple(defaulted)

    def _covariate(self, name: str, at: Fields) -> ModelCovariate | None:
        if name not in self.covariates:
            # A covariate twinsim knows needs no declaration.
            quiet = Faults()
            known = read_covariate(Fields(_NO_FIELDS, "", quiet), name)
            self.covariates[name] = None if quiet.lines else known
            if quiet.lines:
                near = nearest(name, {*self.covariates, *COVARIATES} - {name})
                hint = f"{near} Or add" if near.startswith("did you") else "add"
                at.fault("covariate", f"{name} is not declared", f"{hint} covariates.{name} with its unit or levels")
        self.used.add(name)
        return self.covariates[name]

    def _parameter(
        self, entry: Fields, name: str, unit: str, meaning: str, bounds: tuple[float, float]
    ) -> ModelParameter | None:
        self.units[name] = unit
        source = entry.text("source", self.source) or ASSUMED
        reader = RelationReader(name, unit, self._covariate, source)
        relations = [relation for relation in map(reader.read, entry.items("relations")) if relation is not None]
        relations = _rename_doubles(relations)
        factors = [self.covariates[r.covariates[0]] for r in relations if r.kind == "proportional"]
        per = [item.unit for item in factors if item is not None and item.unit != "1"]
        own = f"({unit})/({' '.join(f'({item})' for item in per)})" if per else unit
        value = self._typical(entry, own)
        fixed = entry.flag("fixed", False)
        limits = self._limits(entry, own, bounds if not per else (0.0, math.inf))
        entry.done()
        if value is None:
            return None
        if not limits[0] <= value <= limits[1]:
            entry.fault("value", f"{value:g} {unit} lies outside {limits[0]:g} to {limits[1]:g} {unit}")
        number = Number(name, value, _short(own, unit, per), f"typical {meaning}", source, fixed, limits)
        # A fraction lies between 0 and 1; of anything else a logit effect needs the limits said.
        logit = (0.0, 1.0) if unit == "1" and not math.isfinite(limits[1]) else limits
        return ModelParameter(name, unit, number, tuple(relations), logit)

    def _typical(self, entry: Fields, unit: str) -> float | None:
        """The value, or ln 2 / half_life for a rate constant."""
        if not entry.has("half_life"):
            return entry.quantity("value", unit)
        time = self.structure.time
        if unit != f"1/{time}" or entry.has("value"):
            entry.fault("half_life", "stands in place of the value of a rate constant", "write value")
            return None
        half_life = entry.quantity("half_life", time)
        if half_life is None or half_life > 0.0:
            return None if half_life is None else math.log(2.0) / half_life
        entry.fault("half_life", f"{half_life:g} {time} is not above zero")
        return None

    def _limits(self, entry: Fields, unit: str, default: tuple[float, float]) -> tuple[float, float]:
        given = entry.take("bounds", None)
        if given is None:
            return default
        if not isinstance(given, list) or len(given) != 2:
            entry.fault("bounds", "is no pair", f"write [0.1 {unit}, 10 {unit}]")
            return default
        low, high = (entry.convert("bounds", value, unit) for value in given)
        if low is None or high is None:
            return default
        if not low < high:
            entry.fault("bounds", f"{low:g} is not below {high:g}")
            return default
        return low, high

    def _check_effects(self, parameters: tuple[ModelParameter, ...], effects: dict[str, RandomEffects]) -> None:
        typical = {parameter.name: parameter for parameter in parameters}
        seen: dict[str, str] = {}
        for key, level in effects.items():
            for name, distribution in zip(level.names, level.distributions, strict=True):
                number = typical[name].typical if name in typical else None
                if number is None or not number.bounds[0] <= number.value <= number.bounds[1]:
                    continue  # told already
                value, (low, high) = number.value, typical[name].limits
                if distribution == "logit" and not (low < value < high and math.isfinite(high)):
                    what = f"the logit of {name} needs bounds around its typical value {value:g}"
                    self.fields.fault(key, what, f"add parameters.{name}.bounds: [0, 1]")
                if distribution == "lognormal" and not value > 0.0:
                    self.fields.fault(key, f"{name} is lognormal, and its typical value is {value:g}")
                if seen.setdefault(name, distribution) != distribution:
                    self.fields.fault(key, f"{name} is {distribution} here and {seen[name]} between patients")

    def _error_models(self) -> dict[str, ErrorModel]:
        section = self.fields.section("residual", None) or self._empty("residual")
        result = {}
        for output in self.structure.output_names:
            if section.has(output):
                unit = self.structure.output(output).unit
                entry = section.section(output) or self._empty(f"residual.{output}")
                model = read_error_model(entry, output, unit, self.source)
                result.update({} if model is None else {output: model})
        section.done()
        return result


def _rename_doubles(relations: list[Relation]) -> list[Relation]:
    """Theta names made unique: the second cl.age.slope becomes cl.age.slope_2."""
    seen: dict[str, int] = {}
    result = []
    for relation in relations:
        numbers = {}
        for role, number in relation.numbers.items():
            seen[number.name] = seen.get(number.name, 0) + 1
            name = number.name if seen[number.name] == 1 else f"{number.name}_{seen[number.name]}"
            numbers[role] = Number(**{**number.__dict__, "name": name})
        result.append(Relation(relation.kind, relation.covariates, numbers, relation.settings))
    return result


def _short(own: str, unit: str, per: list[str]) -> str:
    """The unit of a typical value as a person writes it."""
    if not per:
        return own
    return "/".join([unit, *(item if item.isalpha() else f"({item})" for item in per)])
