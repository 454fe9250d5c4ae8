"""The choices a whole-body structure is built from, checked together, and the names that follow from them."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from twinsim.errors import ModelError, nearest
from twinsim.models.pbpk._organs import ORGANS, TISSUES
from twinsim.models.pbpk._substance import Substance, check
from twinsim.models.structure import Parameter, State

LIVERS = ("well_stirred", "parallel_tube")


@dataclass
class Declared:
    """What a part of the body declares.

    Attributes:
        shared: parameters that all substances have in common.
        own: parameters of one substance, by their plain names.
        states: states of one substance, by their plain names.
    """

    shared: list[Parameter] = field(default_factory=list)
    own: list[Parameter] = field(default_factory=list)
    states: list[State] = field(default_factory=list)


class Own:
    """Values of one substance by plain names: `fu` is fu_drug among several substances, `v_liver` is common to all."""

    __slots__ = ("_names", "_suffix", "_values")

    def __init__(self, values: Any, names: frozenset[str], suffix: str) -> None:
        self._values, self._names, self._suffix = values, names, suffix

    def __getattr__(self, name: str) -> Any:
        return getattr(self._values, name + self._suffix if name in self._names else name)


@dataclass(frozen=True)
class Body:
    """What was chosen.

    Args:
        name: of the structure.
        substances: in order.
        tissues: in order.
        permeability_limited: those of them whose membranes, not their blood flow, limit uptake.
        liver: "well_stirred" or "parallel_tube".
    """

    name: str
    substances: tuple[Substance, ...]
    tissues: tuple[str, ...]
    permeability_limited: tuple[str, ...]
    liver: str

    def __post_init__(self) -> None:
        if not self.substances:
            raise ModelError("there is no substance", where=self.name, do='substances=("drug",)')
        check(self.tissues, TISSUES, f"{self.name}, tissues")
        check(self.permeability_limited, self.tissues, f"{self.name}, permeability_limited")
        check((self.liver,), LIVERS, f"{self.name}, liver")
        for tissue, why in (("liver", "drugs pass it"), ("lung", "all blood passes it")):
            if tissue not in self.tissues:
                raise ModelError(f"{tissue} is missing", where=f"{self.name}, tissues", why=why, do=f"add {tissue!r}")
        if self.liver == "parallel_tube":
            self._check_tube()
        for substance in self.substances:
            self._check(substance)

    def _check_tube(self) -> None:
        where = f"{self.name}, liver"
        if "liver" in self.permeability_limited:
            raise ModelError("a parallel tube is perfusion limited", where=where, do='liver="well_stirred"')
        for substance in self.substances:
            if any(pathway.saturable for pathway in substance.at("liver")):
                raise ModelError(
                    f"{substance.name} saturates a pathway",
                    where=where,
                    why="along a tube that has no closed form",
                    do='liver="well_stirred"',
                )

    def _check(self, substance: Substance) -> None:
        where = f"{self.name}, substance {substance.name}"
        names = [other.name for other in self.substances]
        if not substance.name.isidentifier() or substance.name in TISSUES or names.count(substance.name) > 1:
            do = "use a word of its own, as in a parameter's name"
            raise ModelError(f"a substance cannot be called {substance.name!r}", where=where, do=do)
        if substance.renal and "kidney" not in self.tissues:
            raise ModelError("there is no kidney", where=where, do='renal=(), or add "kidney" to tissues')
        for pathway in substance.pathways:
            if pathway.makes is not None and pathway.makes not in names:
                what = f"no substance {pathway.makes!r} to make"
                raise ModelError(what, where=where, do=nearest(pathway.makes, names))
        known = self.enzymes
        for enzyme in substance.enzymes:
            if enzyme not in known:
                what = f"no pathway has the enzyme {enzyme!r}"
                raise ModelError(what, where=where, do=nearest(enzyme, known))
            if substance.absorption and substance.gut_wall != "enterocytes" and self.is_at(enzyme, "gut"):
                raise ModelError(
                    f"it acts on {enzyme} in the gut wall, where its concentration is not followed",
                    where=where,
                    do='gut_wall="enterocytes"',
                )
        for pathway in substance.at("gut"):
            if substance.gut_wall == "qgut" and any(pathway.enzyme in other.enzymes for other in self.substances):
                what = f"an extraction that is constant, and something that acts on {pathway.enzyme}"
                raise ModelError(what, where=where, do='gut_wall="enterocytes"')

    def suffix(self, substance: Substance) -> str:
        """What the names of a substance end in: nothing where there is only one."""
        return f"_{substance.name}" if len(self.substances) > 1 else ""

    @property
    def supplied(self) -> tuple[str, ...]:
        """Tissues that arteries supply."""
        return tuple(tissue for tissue in self.tissues if tissue != "lung")

    @property
    def portal(self) -> tuple[str, ...]:
        """Tissues that the portal vein drains."""
        return tuple(tissue for tissue in self.tissues if ORGANS[tissue].is_portal)

    @property
    def systemic(self) -> tuple[str, ...]:
        """Tissues that the great veins drain."""
        return tuple(tissue for tissue in self.supplied if tissue != "liver" and tissue not in self.portal)

    @property
    def enzymes(self) -> tuple[str, ...]:
        """Enzymes of all pathways, in order."""
        pathways = [pathway for substance in self.substances for pathway in substance.pathways]
        return tuple(dict.fromkeys(pathway.enzyme for pathway in pathways if pathway.enzyme is not None))

    def is_at(self, enzyme: str, site: str) -> bool:
        """Whether an enzyme does anything at a site."""
        return any(pathway.enzyme == enzyme for substance in self.substances for pathway in substance.at(site))

    def makes(self, substance: Substance) -> bool:
        """Whether it comes out of a pathway, or something followed comes out of one of its own."""
        return any(pathway.makes for pathway in substance.pathways) or self.is_made(substance)

    def is_made(self, substance: Substance) -> bool:
        """Whether it comes out of a pathway."""
        return any(pathway.makes == substance.name for other in self.substances for pathway in other.pathways)


def total(terms: Iterable[Any]) -> Any:
    """The sum of terms that are not none at all, without a zero in front."""
    terms = list(terms)
    return reduce(operator.add, terms) if terms else 0.0
