"""What studies measured in people, to hold simulations of a drug against; no model is computed from it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from twinsim.drugs.citations import Citations
from twinsim.population.fields import Fields, Number

ROUTES = ("oral", "iv")
# quantity -> unit and meaning
QUANTITIES = {
    "auc": ("mg*h/L", "area under the curve of concentration in plasma, to infinity"),
    "cmax": ("mg/L", "largest concentration in plasma"),
    "half_life": ("h", "half-life of elimination"),
}
# quantity -> endpoint of a simulation
ENDPOINTS = {"auc": "auc_inf", "cmax": "cmax", "half_life": "half_life"}
_POSITIVE = (1e-12, math.inf)


@dataclass(frozen=True)
class Clinical:
    """A mean of a study's people after one dose [mg] by a route, of a quantity in `QUANTITIES`.

    Attributes:
        is_fitted: a number of the file was set by it, so that agreement with it says nothing.
    """

    route: str
    dose: Number
    quantity: str
    number: Number
    is_fitted: bool = False

    def numbers(self) -> list[Number]:
        return [self.dose, self.number]

    def at(self, dose: float) -> float:
        """The number at another dose [mg], by proportion; a half-life stays."""
        return self.number.value * (1.0 if self.quantity == "half_life" else dose / self.dose.value)


@dataclass(frozen=True)
class Reference:
    """The dose [mg] and route that studies of a drug used, and how long they sampled [h]."""

    route: str
    dose: float
    until: float


@dataclass(frozen=True)
class Pooled:
    """What studies of one quantity by one route found, each brought to one dose [mg].

    Attributes:
        value: median of the studies, of their logarithms.
        studies: in the order of the file.
        values: of each study.
    """

    route: str
    quantity: str
    dose: float
    value: float
    studies: tuple[Clinical, ...]
    values: tuple[float, ...]


def read_clinical(fields: Fields, sources: Citations) -> tuple[Clinical, ...]:
    """The section `clinical` of a file: a list, each with route, dose, quantity, value and source."""
    return tuple(each for entry in fields.items("clinical") if (each := _read(entry, sources)))


def _read(entry: Fields, sources: Citations) -> Clinical | None:
    route, quantity = entry.choice("route", ROUTES), entry.choice("quantity", QUANTITIES)
    if route is None or quantity is None:
        return None
    source, (unit, meaning) = sources.of(entry), QUANTITIES[quantity]
    name = f"{entry.path}.{quantity}"
    dose = sources.number(entry, f"{name}.dose", "mg", "dose", key="dose", source=source, bounds=_POSITIVE)
    number = sources.number(entry, name, unit, meaning, source=source, bounds=_POSITIVE)
    is_fitted = entry.take("fitted", False)
    if not isinstance(is_fitted, bool):
        entry.fault("fitted", f"{is_fitted!r} is neither true nor false")
    entry.done()
    return Clinical(route, dose, quantity, number, bool(is_fitted)) if dose and number else None


def read_reference(fields: Fields) -> Reference | None:
    """The section `reference` of a file, {route, dose, until}, if there is one."""
    section = fields.section("reference", None)
    if section is None:
        return None
    route = section.choice("route", ROUTES)
    dose, until = section.quantity("dose", "mg"), section.quantity("until", "h")
    for key, value in (("dose", dose), ("until", until)):
        if value is not None and not value > 0.0:
            section.fault(key, f"{value:g} is not above zero")
    section.done()
    return Reference(route, dose, until) if route and dose and until else None


def pool(studies: Iterable[Clinical], dose: float) -> list[Pooled]:
    """Studies by route and quantity, brought to one dose [mg], in the order of ROUTES and QUANTITIES."""
    listed, found = tuple(studies), []
    for route in ROUTES:
        for quantity in QUANTITIES:
            own = tuple(each for each in listed if (each.route, each.quantity) == (route, quantity))
            if own:
                values = tuple(each.at(dose) for each in own)
                found.append(Pooled(route, quantity, dose, _median(values), own, values))
    return found


def _median(values: Iterable[float]) -> float:
    """Median, of logarithms where two are in the middle.

    >>> _median([1.0, 100.0, 4.0]), _median([1.0, 4.0])
    (4.0, 2.0)
    """
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else math.sqrt(ordered[half - 1] * ordered[half])
