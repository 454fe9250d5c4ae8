"""The enzymes and transporters a drug file may name; how much of an enzyme people have is `population.anatomy.enzymes`.

A rate per enzyme belongs to the abundance it was fitted or scaled with, which its drug file names; without one it is
taken to belong to the median adult of that table.
"""

from __future__ import annotations

from twinsim.population.anatomy.enzymes import ENZYMES as ABUNDANCES

# mg microsomal protein per g liver. Source: Open-Systems-Pharmacology/Midazolam-Model (GitHub), section 2.3.3
MICROSOMAL_PROTEIN = 40.0

ENZYMES = tuple(
    """CYP1A2 CYP2A6 CYP2B6 CYP2C8 CYP2C9 CYP2C19 CYP2D6 CYP2E1 CYP2J2 CYP3A4 CYP3A5 CYP3A7 UGT1A1 UGT1A3 UGT1A4 UGT1A6
    UGT1A9 UGT2B7 UGT2B15 SULT1A1 SULT1E1 SULT2A1 CBR1 CES1 CES2 NAT1 NAT2 TPMT FMO3 ADH ALDH AO XO DPYD MAOA
    COMT""".split()
)

TRANSPORTERS = tuple("BCRP BSEP MATE1 MATE2K MRP2 NTCP OAT1 OAT3 OATP1B1 OATP1B3 OATP2B1 OCT1 OCT2 PGP PMAT".split())


def typical_abundance(name: str) -> float | None:
    """Abundance of the median adult [pmol/mg microsomal protein]; None where no source was read.

    >>> round(typical_abundance("CYP2C9"), 1), typical_abundance("CYP2B6")
    (33.5, None)
    """
    found = ABUNDANCES.get(name.lower())
    return None if found is None else found.typical
