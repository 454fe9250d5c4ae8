"""Other ways to write the same structure: papers report rate constants where structures take clearances.

    micro_constants    k12, k21  ->  q = k12 v1,  v2 = k12 v1 / k21     NONMEM's ADVAN3 TRANS1
    elimination_rate   ke        ->  cl = ke v                          NONMEM's ADVAN1 and ADVAN2 TRANS1

Covariates and random effects then act on what the paper reports, not on what follows from it.

Source: Gibaldi and Perrier, Pharmacokinetics, 2nd ed., 1982, chapters 1 and 2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Parameterisation:
    """Parameters a file gives instead of some of the structure's.

    Attributes:
        name: its key in a model file.
        takes: parameter of the file -> meaning; all are rate constants, in 1 / the structure's unit of time.
        uses: parameters of the structure the formulas need besides.
        gives: parameter of the structure -> formula of a mapping with both.
    """

    name: str
    takes: Mapping[str, str]
    uses: tuple[str, ...]
    gives: Mapping[str, Callable[[Mapping[str, Any]], Any]]

    def fits(self, parameter_names: tuple[str, ...]) -> bool:
        """Whether a structure has what is given and used."""
        return set(self.gives) | set(self.uses) <= set(parameter_names)

    def apply(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The structure's parameters: what was given, without what was taken, and what follows."""
        kept = {name: value for name, value in values.items() if name not in self.takes}
        return {**kept, **{name: formula(values) for name, formula in self.gives.items()}}


PARAMETERISATIONS = {
    item.name: item
    for item in (
        Parameterisation(
            "micro_constants",
            {
                "k12": "rate constant from central to peripheral compartment",
                "k21": "rate constant from peripheral to central compartment",
            },
            ("v1",),
            {"q": lambda p: p["k12"] * p["v1"], "v2": lambda p: p["k12"] * p["v1"] / p["k21"]},
        ),
        Parameterisation(
            "elimination_rate",
            {"ke": "rate constant of elimination"},
            ("v",),
            {"cl": lambda p: p["ke"] * p["v"]},
        ),
    )
}
