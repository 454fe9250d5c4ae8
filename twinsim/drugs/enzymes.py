"""The enzymes and transporters a drug file may name, and how long enzymes live.

How much of an enzyme people have is `population.anatomy.enzymes`.

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
    COMT AADAC""".split()
)

_RIFAMPICIN = "Open-Systems-Pharmacology/Rifampicin-Model (GitHub), section 2.3.4, there from {}"
# half-lives in the liver [h]
_HALF_LIVES = {
    "CYP1A2": (39.0, "Obach et al. 2007"),
    "CYP2C8": (23.0, "Renwick et al. 2000"),
    "CYP2E1": (50.0, "Emery et al. 1999"),
    "CYP3A4": (36.0, "Obach et al. 2007"),
}
_GUT_HALF_LIFE = (23.0, "Greenblatt et al. 2003, CYP3A4; enterocytes live as long")

TRANSPORTERS = tuple("BCRP BSEP MATE1 MATE2K MRP2 NTCP OAT1 OAT3 OATP1B1 OATP1B3 OATP2B1 OCT1 OCT2 PGP PMAT".split())


def typical_abundance(name: str) -> float | None:
    """Abundance of the median adult [pmol/mg microsomal protein]; None where no source was read.

    >>> round(typical_abundance("CYP2C9"), 1), typical_abundance("CYP2B6")
    (33.5, None)
    """
    found = ABUNDANCES.get(name.lower())
    return None if found is None else found.typical


def half_life(name: str, site: str) -> tuple[float, str]:
    """How long half of an enzyme lasts at a site, "liver" or "gut"  [h], and where that comes from.

    >>> half_life("CYP3A4", "gut")[0]
    23.0

    Asaumi et al. 2018 have 44 h (liver) and 24 h (gut) for CYP3A4, which `models.pbpk` takes unless told otherwise.
    """
    if site == "gut":
        hours, source = _GUT_HALF_LIFE
        return hours, _RIFAMPICIN.format(source)
    if name not in _HALF_LIVES:
        hours, source = _HALF_LIVES["CYP3A4"]
        return hours, f"assumed: as CYP3A4, {_RIFAMPICIN.format(source)}"
    hours, source = _HALF_LIVES[name]
    return hours, _RIFAMPICIN.format(source)
