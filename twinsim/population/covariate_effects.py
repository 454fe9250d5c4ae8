"""How a covariate x acts on a typical value p. A closed list: nothing in a model file is ever evaluated as text.

    power, allometric      p (x / reference)^exponent      allometric: a fixed exponent from theory
    exponential            p exp(slope (x - reference))
    linear                 p (1 + slope (x - reference))
    proportional           p x                             p is then per unit of x, say L/kg
    additive               p + sum of coefficient (x - reference) over its terms
    threshold              p factor, or p (1 + change), below or above a value of x
    categorical, genotype  p factor of the level of x; genotype: every level is listed
    cap                    p, but at least or at most so much
    maturation             p x^hill / (x^hill + tm50^hill)  x is the postmenstrual age
    binding                p f / unbound,  f = 1 / (1 + (1 / unbound - 1) x / (reference factor))
                           x binds the drug in plasma, of which `unbound` is free at the reference; f / unbound comes
                           near to factor, a further covariate, where little is free

Relations act in the order in which they are written.

Source: Joerger 2012, AAPS J 14:119, doi:10.1208/s12248-012-9320-2 (forms in use); Anderson and Holford 2008, Annu Rev
Pharmacol Toxicol 48:303, doi:10.1146/annurev.pharmtox.48.113006.094708 (allometry and maturation); McNamara and Alcorn
2002, AAPS PharmSci 4:E4, doi:10.1208/ps040104 (binding; the factor is ours).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from twinsim.population.covariate_forms import FORMS
from twinsim.population.fields import Fields, Number

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Relation:
    """One covariate relation of one parameter.

    Attributes:
        kind: its key in a model file.
        covariates: names of the covariates it uses.
        numbers: role -> number with its theta name.
        settings: what is no number to estimate: references, limits, codes of levels.
    """

    kind: str
    covariates: tuple[str, ...]
    numbers: Mapping[str, Number] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def apply(self, p: Any, x: Values, thetas: Values) -> Any:
        """The parameter after this relation.

        Args:
            p: the parameter so far, scalar or (..., patient).
            x: covariates by name, (..., patient).
            thetas: numbers by theta name.
        """
        numbers = {role: thetas[number.name] for role, number in self.numbers.items()}
        return FORMS[self.kind](p, [x[name] for name in self.covariates], numbers, self.settings)


KINDS = tuple(FORMS)
# postmenstrual age, used by maturation where no covariate is named
_DEFAULT_COVARIATE = {"allometric": "weight", "maturation": "pma"}
POSITIVE = (0.0, float("inf"))


@dataclass
class RelationReader:
    """Reads the relations of one parameter.

    Attributes:
        parameter: its name.
        unit: its unit in the structure.
        covariate: name and key path -> its `ModelCovariate`, or None where a fault was found.
        source: source of numbers that name none.
    """

    parameter: str
    unit: str
    covariate: Callable[[str, Fields], Any]
    source: str

    def read(self, fields: Fields) -> Relation | None:
        """One entry of a `relations` list: a mapping with the kind as its only key."""
        kinds = [kind for kind in KINDS if fields.has(kind)]
        if len(kinds) != 1:
            written = ", ".join(map(str, fields.data)) or "nothing"
            fields.fault("", f"{written} is not one relation", f"known: {', '.join(KINDS)}")
            return None
        body = fields.section(kinds[0])
        fields.done()
        if body is None:
            return None
        faults = len(body.faults.lines)
        relation = getattr(self, f"_{kinds[0]}")(body, kinds[0])
        if relation is not None:
            body.done()
        return relation if len(body.faults.lines) == faults else None

    def _covariate(self, body: Fields, kind: str) -> Any:
        default = [_DEFAULT_COVARIATE[kind]] if kind in _DEFAULT_COVARIATE else []
        name = body.text("covariate", *default)
        return None if name is None else self.covariate(name, body)

    def _number(self, body: Fields, key: str, label: str, unit: str, meaning: str, **how: Any) -> Number | None:
        """The number under `key`, called parameter.covariate.key as a theta."""
        value = body.quantity(key, unit, bare=True)
        if value is None:
            return None
        bounds = how.get("bounds", (-float("inf"), float("inf")))
        if not bounds[0] <= value <= bounds[1]:
            body.fault(key, f"{value:g} lies outside {bounds[0]:g} to {bounds[1]:g}")
        return self._named(body, f"{label}.{key}", value, unit, meaning, bounds, how.get("fixed", False))

    def _named(self, body, label, value, unit, meaning, bounds, fixed=False) -> Number:
        source = body.text("source", self.source) or self.source
        fixed = body.flag("fixed", fixed)
        return Number(f"{self.parameter}.{label}", value, unit, f"{meaning} on {self.parameter}", source, fixed, bounds)

    def _power(self, body: Fields, kind: str) -> Relation | None:
        covariate = self._covariate(body, kind)
        if covariate is None:
            return None
        reference = body.quantity("reference", covariate.unit, bare=True)
        if reference is not None and not reference > 0.0:
            body.fault("reference", f"{reference:g} is not above zero")
        meaning = f"exponent of {covariate.name}"
        exponent = self._number(body, "exponent", covariate.name, "1", meaning, fixed=kind == "allometric")
        return _relation(kind, covariate.name, {"exponent": exponent}, {"reference": reference})

    _allometric = _power

    def _linear(self, body: Fields, kind: str) -> Relation | None:
        covariate = self._covariate(body, kind)
        if covariate is None:
            return None
        reference = body.quantity("reference", covariate.unit, bare=True)
        unit = "1" if covariate.unit == "1" else f"1/({covariate.unit})"
        slope = self._number(body, "slope", covariate.name, unit, f"{kind} effect of {covariate.name}")
        return _relation(kind, covariate.name, {"slope": slope}, {"reference": reference})

    _exponential = _linear

    def _proportional(self, body: Fields, kind: str) -> Relation | None:
        covariate = self._covariate(body, kind)
        return None if covariate is None else Relation(kind, (covariate.name,))

    def _additive(self, body: Fields, kind: str) -> Relation | None:
        names, references, numbers = [], [], {}
        terms = body.items("terms")
        if not terms:
            body.fault("terms", "holds no terms", "write - {covariate: ..., reference: ..., coefficient: ...}")
        for term in terms:
            covariate = self._covariate(term, kind)
            if covariate is not None:
                unit = self.unit if covariate.unit == "1" else f"({self.unit})/({covariate.unit})"
                value = term.quantity("coefficient", unit)
                references.append(term.quantity("reference", covariate.unit, bare=True))
                names.append(covariate.name)
                label, meaning = f"{covariate.name}.coefficient", f"additive effect of {covariate.name}"
                bounds = (-float("inf"), float("inf"))
                # two terms may use one covariate with different references
                role = f"coefficient {len(names)}"
                if value is not None:
                    numbers[role] = self._named(term, label, value, unit, meaning, bounds)
            term.done()
        return Relation(kind, tuple(names), numbers, {"references": tuple(references)})

    def _threshold(self, body: Fields, kind: str) -> Relation | None:
        covariate = self._covariate(body, kind)
        if covariate is None:
            return None
        sides = [side for side in ("below", "above") if body.has(side)]
        roles = [role for role in ("factor", "change") if body.has(role)]
        if len(sides) != 1 or len(roles) != 1:
            body.fault("", "say one of below and above, and one of factor and change")
            return None
        side, role = sides[0], roles[0]
        limit = body.quantity(side, covariate.unit, bare=True)
        meaning = f"{role} where {covariate.name} is {side} its limit"
        bounds = POSITIVE if role == "factor" else (-1.0, float("inf"))
        number = self._number(body, role, f"{covariate.name}.{side}", "1", meaning, bounds=bounds)
        return _relation(kind, covariate.name, {role: number}, {"side": side, "limit": limit})

    def _categorical(self, body: Fields, kind: str) -> Relation | None:
        covariate = self._covariate(body, kind)
        factors = body.section("factors")
        if covariate is None or factors is None:
            return None
        if not covariate.levels:
            body.fault("covariate", f"{covariate.name} has no levels", f"declare covariates.{covariate.name}.levels")
            return None
        numbers = {}
        for level in covariate.levels:
            value = factors.quantity(level, "1", None)
            if value is None:
                if kind == "genotype" and not factors.has(level):
                    factors.fault(level, "is missing: every genotype needs its factor")
                continue
            if not value > 0.0:
                factors.fault(level, f"{value:g} is not above zero")
            # A level at exactly 1 is the reference and nothing to estimate.
            meaning = f"factor of {covariate.name} {level}"
            label = f"{covariate.name}.{level}"
            numbers[level] = self._named(body, label, value, "1", meaning, POSITIVE, fixed=value == 1.0)
        factors.done()
        return Relation(kind, (covariate.name,), numbers, {"codes": dict(covariate.levels)})

    _genotype = _categorical

    def _cap(self, body: Fields, kind: str) -> Relation | None:
        limits = {key: body.quantity(key, self.unit) for key in ("at_least", "at_most") if body.has(key)}
        if not limits:
            body.fault("", "say at_least, at_most or both")
        elif len(limits) == 2 and None not in limits.values() and not limits["at_least"] < limits["at_most"]:
            body.fault("", "at_least is not below at_most")
        return Relation(kind, (), {}, limits)

    def _maturation(self, body: Fields, kind: str) -> Relation | None:
        covariate = self._covariate(body, kind)
        if covariate is None:
            return None
        name = covariate.name
        tm50 = self._number(body, "tm50", name, covariate.unit, "age at half the mature value", bounds=POSITIVE)
        hill = self._number(body, "hill", name, "1", "steepness of maturation", bounds=POSITIVE)
        return _relation(kind, name, {"tm50": tm50, "hill": hill}, {})

    def _binding(self, body: Fields, kind: str) -> Relation | None:
        protein = self._covariate(body, kind)
        if protein is None:
            return None
        reference = body.quantity("reference", protein.unit, bare=True)
        if reference is not None and not reference > 0.0:
            body.fault("reference", f"{reference:g} is not above zero")
        meaning = f"unbound fraction at the reference {protein.name}"
        unbound = self._number(body, "unbound", protein.name, "1", meaning, bounds=(1e-6, 1.0), fixed=True)
        relation = _relation(kind, protein.name, {"unbound": unbound}, {"reference": reference})
        name = body.text("factor", None)
        factor = None if name is None else self.covariate(name, body)
        if relation is None or factor is None:
            return relation
        if factor.unit != "1":
            body.fault("factor", f"{factor.name} is in {factor.unit}, and a factor has no unit")
        return Relation(kind, (protein.name, factor.name), relation.numbers, relation.settings)


def _relation(
    kind: str, covariate: str, numbers: dict[str, Number | None], settings: dict[str, Any]
) -> Relation | None:
    """A relation of one covariate; None if one of its numbers was at fault."""
    sound = {role: number for role, number in numbers.items() if number is not None}
    return Relation(kind, (covariate,), sound, settings) if len(sound) == len(numbers) else None
