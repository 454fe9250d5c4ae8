"""What studies measured in people, to hold simulations of a drug against; nothing is computed from it."""

from __future__ import annotations

import math
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
_POSITIVE = (1e-12, math.inf)


@dataclass(frozen=True)
class Clinical:
    """A mean of a study's people after one dose [mg] by a route, of a quantity in `QUANTITIES`."""

    route: str
    dose: Number
    quantity: str
    number: Number

    def numbers(self) -> list[Number]:
        return [self.dose, self.number]


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
    entry.done()
    return Clinical(route, dose, quantity, number) if dose and number else None
