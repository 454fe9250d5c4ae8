"""The enzymes and transporters a drug file may name, and how much of an enzyme liver microsomes hold."""

from __future__ import annotations

from dataclasses import dataclass

from twinsim.errors import UsageError, nearest

_RODRIGUES = "assumed: Rodrigues 1999, Biochem Pharmacol 57:465, as PK-Sim takes it; the paper was not read"
_PK_SIM = "Open-Systems-Pharmacology/Qualification-HI (GitHub), theophylline: {} umol/L liver at 40 mg/g"
_ACHOUR = "Achour et al. 2014, as given by Open-Systems-Pharmacology/Midazolam-Model (GitHub), section 2.3.3"

# Open-Systems-Pharmacology/Midazolam-Model (GitHub), section 2.3.3: mg microsomal protein per g liver
MICROSOMAL_PROTEIN = 40.0


@dataclass(frozen=True)
class Enzyme:
    """An enzyme of the liver.

    Attributes:
        name: e.g. "CYP3A4".
        abundance: [pmol/mg microsomal protein] in an adult liver; None where no source was read.
        source: of the abundance.
    """

    name: str
    abundance: float | None = None
    source: str = ""


_KNOWN = (
    Enzyme("CYP1A2", 45.0, _PK_SIM.format(1.8)),
    Enzyme("CYP2C9", 96.0, _RODRIGUES),
    Enzyme("CYP2D6", 10.0, _RODRIGUES),
    Enzyme("CYP2E1", 49.0, _PK_SIM.format(1.96)),
    Enzyme("CYP3A4", 108.0, _RODRIGUES),
    Enzyme("UGT1A4", 58.0, _ACHOUR),
)
_OTHERS = """CYP2A6 CYP2B6 CYP2C8 CYP2C19 CYP2J2 CYP3A5 CYP3A7 UGT1A1 UGT1A3 UGT1A6 UGT1A9 UGT2B7 UGT2B15 SULT1A1
    SULT1E1 SULT2A1 CBR1 CES1 CES2 NAT1 NAT2 TPMT FMO3 ADH ALDH AO XO DPYD MAOA COMT"""

# name -> enzyme
ENZYMES: dict[str, Enzyme] = {each.name: each for each in (*_KNOWN, *(Enzyme(name) for name in _OTHERS.split()))}

TRANSPORTERS = tuple("BCRP BSEP MATE1 MATE2K MRP2 NTCP OAT1 OAT3 OATP1B1 OATP1B3 OATP2B1 OCT1 OCT2 PGP PMAT".split())


def abundance(name: str) -> float:
    """How much of an enzyme liver microsomes hold  [pmol/mg]

    >>> abundance("CYP2C9")
    96.0

    Raises:
        UsageError: no such enzyme, or none whose abundance has a source here.
    """
    if name not in ENZYMES:
        raise UsageError(f"there is no enzyme {name!r}", do=nearest(name, ENZYMES))
    amount = ENZYMES[name].abundance
    if amount is None:
        known = ", ".join(each.name for each in _KNOWN)
        raise UsageError(f"the abundance of {name} has no source in twinsim", do=f"give your own; known: {known}")
    return amount
