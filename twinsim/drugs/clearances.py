"""How a drug is cleared: named ways, each of unbound drug, so that binding, flows and enzymes may be each patient's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from twinsim.drugs.citations import Citations
from twinsim.drugs.enzymes import ENZYMES, MICROSOMAL_PROTEIN, TRANSPORTERS, typical_abundance
from twinsim.errors import UsageError
from twinsim.population.fields import Fields, Number

KINDS = ("hepatic", "filtration", "secretion", "biliary")
# what an intrinsic clearance is counted by -> units of clearance and of its saturable form
PER = {
    "liver": ("L/h", "nmol/min"),
    "microsomal_protein": ("uL/min/mg", "pmol/min/mg"),
    "enzyme": ("uL/min/pmol", "pmol/min/pmol"),
}
# of vmax / km, km in umol/L, in the unit of clearance
_SATURABLE = {"liver": 0.06, "microsomal_protein": 1.0, "enzyme": 1.0}
# ICRP Publication 89 (2002): liver of the reference man [kg]
REFERENCE_LIVER = 1.8
_POSITIVE = (0.0, math.inf)


@dataclass(frozen=True)
class Clearance:
    """One way out.

    Attributes:
        name: of the way, e.g. "hydroxylation".
        kind: hepatic, filtration, secretion or biliary.
        enzyme: of a hepatic way; None if no single one is known.
        transporter: of secretion or a biliary way, where known.
        per: of a hepatic way: liver, microsomal_protein or enzyme, which `value` is counted by.
        value: of unbound drug: hepatic in the unit of `per`; secretion and biliary [L/h]; filtration as a multiple of
            fu GFR [1], below one where drug is reabsorbed.
        vmax, km: in place of a hepatic value, for a saturable way; km [umol/L] of unbound drug.
        abundance: of the enzyme, that a value per enzyme belongs to [pmol/mg microsomal protein]; None: the median
            adult's.
    """

    name: str
    kind: str
    enzyme: str | None = None
    transporter: str | None = None
    per: str = "liver"
    value: Number | None = None
    vmax: Number | None = None
    km: Number | None = None
    abundance: Number | None = None

    def numbers(self) -> list[Number]:
        return [number for number in (self.value, self.vmax, self.km, self.abundance) if number is not None]

    @property
    def intrinsic(self) -> float:
        """The clearance of little drug: value, or vmax / km in the same unit."""
        if self.value is not None:
            return self.value.value
        assert self.vmax is not None and self.km is not None
        return self.vmax.value / self.km.value * _SATURABLE[self.per]

    def whole_liver(
        self, liver_mass: Any, *, microsomal_protein: Any = MICROSOMAL_PROTEIN, enzyme_abundance: Any = None
    ) -> Any:
        """Intrinsic clearance of unbound drug by a whole liver  [L/h]

        per liver:               value liver_mass / 1.8
        per microsomal protein:  value microsomal_protein liver_mass
        per enzyme:              value enzyme_abundance microsomal_protein liver_mass

        Args:
            liver_mass: [kg], a number or (patient,).
            microsomal_protein: [mg/g], a number or (patient,).
            enzyme_abundance: [pmol/mg], a number or (patient,), on the scale of `abundance`; None: that itself.

        Raises:
            UsageError: the way is not hepatic.
        """
        if self.kind != "hepatic":
            raise UsageError(f"{self.name} is {self.kind}, not hepatic", do="ask hepatic clearances alone")
        if self.per == "liver":
            return self.intrinsic * liver_mass / REFERENCE_LIVER
        # uL/min over g and kg to L/h
        scaled = self.intrinsic * microsomal_protein * liver_mass * 1000.0 * 60e-6
        if self.per == "microsomal_protein":
            return scaled
        return scaled * (self._own_abundance() if enzyme_abundance is None else enzyme_abundance)

    def _own_abundance(self) -> float:
        own = typical_abundance(str(self.enzyme)) if self.abundance is None else self.abundance.value
        assert own is not None  # the reader saw to it
        return own


def read_clearances(fields: Fields, sources: Citations) -> tuple[Clearance, ...]:
    """The clearances of a file; there is at least one."""
    entries = fields.items("clearances")
    if not entries:
        fields.fault("clearances", "the drug is cleared by nothing", "add an entry of kind hepatic or filtration")
    found = [clearance for clearance in (_read(entry, sources) for entry in entries) if clearance is not None]
    for clearance in found:
        if sum(other.name == clearance.name for other in found) > 1:
            fields.fault("clearances", f"{clearance.name!r} names two ways", "give each its own name")
    if found and not any(clearance.intrinsic > 0.0 for clearance in found):
        fields.fault("clearances", "the drug is cleared by nothing: every clearance is 0", "give one above 0")
    return tuple(found)


def _read(entry: Fields, sources: Citations) -> Clearance | None:
    name, kind = entry.text("name"), entry.choice("kind", KINDS)
    if kind is None:
        return None
    enzyme = transporter = None
    if kind == "hepatic":
        enzyme = entry.choice("enzyme", ENZYMES, None)
    elif kind != "filtration":
        transporter = entry.choice("transporter", TRANSPORTERS, None)
    per = entry.choice("per", PER, "liver") if kind == "hepatic" else "liver"
    if per == "enzyme" and enzyme is None:
        entry.fault("enzyme", "is missing: the clearance is counted per enzyme")
    source, label = sources.of(entry), f"clearances.{name}"
    abundance = _abundance(entry, sources, label, per, enzyme)
    unit, rate = PER.get(per, PER["liver"]) if kind != "filtration" else ("1", "")
    value = vmax = km = None
    if kind == "hepatic" and entry.has("vmax"):
        if entry.has("value"):
            entry.fault("value", "stands beside vmax", "give value, or vmax and km")
        meaning = f"intrinsic clearance of unbound drug, {per}"
        vmax = sources.number(entry, f"{label}.vmax", rate, meaning, key="vmax", source=source, bounds=_POSITIVE)
        meaning = "unbound concentration of half the rate"
        km = sources.number(entry, f"{label}.km", "umol/L", meaning, key="km", source=source, bounds=(1e-9, math.inf))
        sound = vmax is not None and km is not None
    else:
        meaning = "multiple of fu GFR" if kind == "filtration" else f"{kind} clearance of unbound drug"
        value = sources.number(entry, label, unit, meaning, source=source, bounds=_POSITIVE)
        sound = value is not None
    entry.done()
    if not (sound and name):
        return None
    return Clearance(name, kind, enzyme, transporter, str(per), value, vmax, km, abundance)


def _abundance(entry: Fields, sources: Citations, label: str, per: Any, enzyme: str | None) -> Number | None:
    """What a rate per enzyme belongs to; None for the median adult's abundance."""
    section = entry.section("abundance", None)
    if per != "enzyme":
        if section is not None:
            entry.fault("abundance", "stands at a clearance that is not counted per enzyme", "remove it")
        return None
    if section is None:
        if enzyme is not None and typical_abundance(enzyme) is None:
            do = "give the one that the rate belongs to: {value: 10 pmol/mg, source: ...}"
            entry.fault("abundance", f"is missing: twinsim knows none of {enzyme}", do)
        return None
    meaning = f"abundance of {enzyme} that the rate belongs to"
    number = sources.number(section, f"{label}.abundance", "pmol/mg", meaning, bounds=(1e-9, math.inf))
    section.done()
    return number
