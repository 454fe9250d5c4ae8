"""What a body is asked to carry: substances, the pathways that change them, and what they do to enzymes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from twinsim.errors import ModelError, nearest

SITES = ("liver", "gut")
CHOICES = {
    "absorption": (None, "first_order", "transit"),
    "dissolution": (None, "first_order", "noyes_whitney"),
    "gut_wall": (None, "qgut", "enterocytes"),
    "bile": (None, "faeces", "enterohepatic"),
}
RENAL = ("filtration", "secretion", "saturable_secretion", "reabsorption")


def several(words: Any, where: str) -> tuple[Any, ...]:
    """What is listed; text would be taken for its letters."""
    if isinstance(words, str):
        raise ModelError(f"{words!r} is one word, not a tuple of them", where=where, do=f"write ({words!r},)")
    return tuple(words)


def check(words: tuple[str, ...], known: tuple[str, ...], where: str) -> None:
    """Refuse words that are unknown or listed twice, and text where a tuple of words is due."""
    for word in several(words, where):
        if word not in known:
            raise ModelError(f"unknown {word!r}", where=where, do=nearest(str(word), known))
        if words.count(word) > 1:
            raise ModelError(f"{word} is listed twice", where=where, do="list it once")


@dataclass(frozen=True)
class Pathway:
    """A way in which a substance is changed.

    Args:
        name: its parameters are clint_<name>, clint_gut_<name>, km_<name>, formed_<name>.
        enzyme: what carries it, so that substances may inhibit or induce it; None: nothing does.
        sites: where: "liver", "gut" (wall) or both.
        saturable: Michaelis-Menten kinetics with km_<name>.
        makes: name of the substance that comes out, where that one is followed too.
    """

    name: str
    enzyme: str | None = None
    sites: tuple[str, ...] = ("liver",)
    saturable: bool = False
    makes: str | None = None

    def __post_init__(self) -> None:
        check(self.sites, SITES, f"pathway {self.name}, sites")


@dataclass(frozen=True)
class Substance:
    """A drug or a metabolite, and which processes act on it.

    Args:
        name: with several substances, the suffix of its parameters, states and outputs.
        pathways: by which it is changed.
        absorption: "first_order" from one lumen, "transit" through stomach, seven compartments and colon; None: it is
            never swallowed.
        dissolution: of a solid: "first_order", or with transit "noyes_whitney" up to a solubility; None: a solution.
        gut_wall: "enterocytes" as a compartment, "qgut" as a constant extraction; None: nothing is lost there.
        renal: of "filtration", "secretion" or "saturable_secretion", "reabsorption".
        bile: "faeces" or "enterohepatic" (gallbladder, lumen, absorbed again); None: none.
        inhibits: enzymes it competes for, reversibly.
        induces: enzymes whose synthesis it raises.
        inactivates: enzymes it destroys (mechanism-based).
    """

    name: str
    pathways: tuple[Pathway, ...] = (Pathway("metabolism"),)
    absorption: str | None = "first_order"
    dissolution: str | None = None
    gut_wall: str | None = None
    renal: tuple[str, ...] = ("filtration",)
    bile: str | None = None
    inhibits: tuple[str, ...] = ()
    induces: tuple[str, ...] = ()
    inactivates: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field, known in CHOICES.items():
            if getattr(self, field) not in known:
                words = [word for word in known if word]
                raise ModelError(
                    f"unknown {field} {getattr(self, field)!r}",
                    where=f"substance {self.name}",
                    do=nearest(str(getattr(self, field)), words),
                )
        check(self.renal, RENAL, f"substance {self.name}, renal")
        for field in ("pathways", "inhibits", "induces", "inactivates"):
            several(getattr(self, field), f"substance {self.name}, {field}")
        for wrong, why, do in self._contradictions():
            if wrong:
                raise ModelError(why, where=f"substance {self.name}", do=do)

    def _contradictions(self) -> list[tuple[bool, str, str]]:
        in_wall = self.at("gut")
        names = [pathway.name for pathway in self.pathways]
        return [
            (len(set(names)) < len(names), "two pathways have one name", "give each its own"),
            (
                self.dissolution is not None and self.absorption is None,
                "a solid needs a lumen to dissolve in",
                'absorption="first_order" or "transit"',
            ),
            (
                self.dissolution == "noyes_whitney" and self.absorption != "transit",
                "a solubility needs compartments with fluid",
                'absorption="transit"',
            ),
            (
                self.absorption is None and (self.gut_wall is not None or self.bile == "enterohepatic"),
                "it has no lumen",
                'absorption="first_order" or "transit"',
            ),
            (
                bool(in_wall) and self.gut_wall is None,
                "a pathway is in the gut wall, and there is none",
                'gut_wall="enterocytes" or "qgut"',
            ),
            (
                self.gut_wall == "qgut" and any(pathway.saturable for pathway in in_wall),
                "a constant extraction cannot be saturated",
                'gut_wall="enterocytes"',
            ),
            (
                {"secretion", "saturable_secretion"} <= set(self.renal),
                "secretion is either saturable or not",
                "keep one of the two",
            ),
        ]  # fmt: skip

    def at(self, site: str) -> tuple[Pathway, ...]:
        """The pathways of a site."""
        return tuple(pathway for pathway in self.pathways if site in pathway.sites)

    @property
    def enzymes(self) -> tuple[str, ...]:
        """Enzymes it acts on."""
        return tuple(dict.fromkeys((*self.inhibits, *self.induces, *self.inactivates)))
