"""What each covariate is: unit, meaning, source and the values it may take. Results files carry these words."""

from __future__ import annotations

from dataclasses import dataclass

from twinsim.population.anatomy.catalogue import ITEMS
from twinsim.population.derived import DERIVED

_NHANES = "NHANES 2007-2012 examination files with examination weights, CDC/NCHS"
_NORIP = "Rustad et al. 2004, Scand J Clin Lab Invest 64:271, doi:10.1080/00365510410006324"
_JOHNSON = "Johnson et al. 2006, Clin Pharmacokinet 45:931, doi:10.2165/00003088-200645090-00005"
_STAGES = (1.0, 2.0, 3.0, 4.0, 5.0)


@dataclass(frozen=True)
class Covariate:
    """A covariate as results files describe it.

    Attributes:
        unit: unit inside twinsim; "1" for none.
        meaning: what it is, in a few words.
        source: where its values or its formula come from, when twinsim makes them.
        low, high: the range in which a person's value can lie; a record outside it is refused as a slip (assumed).
        flags: value -> word, for a covariate that is a choice.
        molar_mass: [g/mol], where values may come as an amount of substance.
    """

    unit: str
    meaning: str
    source: str
    low: float = 0.0
    high: float = float("inf")
    flags: dict[float, str] | None = None
    molar_mass: float | None = None


# Ranges are assumed: wide enough for every living person, narrow enough to catch metres for centimetres.
# Molar masses: creatinine C4H7N3O from atomic weights (IUPAC 2021); mature human albumin, UniProt P02768.
COVARIATES: dict[str, Covariate] = {
    "sex": Covariate("1", "sex", _NHANES, 0.0, 1.0, flags={0.0: "male", 1.0: "female"}),
    "age": Covariate("y", "age", _NHANES, 0.0, 130.0),
    "height": Covariate("cm", "standing height", _NHANES, 20.0, 280.0),
    "weight": Covariate("kg", "body weight", _NHANES, 0.2, 700.0),
    "creatinine": Covariate("mg/dL", "serum creatinine", _NHANES, 0.01, 50.0, molar_mass=113.12),
    "haematocrit": Covariate("%", "haematocrit", _NHANES, 3.0, 85.0),
    "albumin": Covariate("g/L", "plasma albumin", _NORIP, 3.0, 90.0, molar_mass=66438.0),
    "aag": Covariate("g/L", "plasma alpha-1-acid glycoprotein", _JOHNSON, 0.02, 10.0),
    "cirrhosis": Covariate(
        "1", "cirrhosis, Child-Pugh class", "given", 0.0, 3.0, {0.0: "none", 1.0: "A", 2.0: "B", 3.0: "C"}
    ),
    "ckd": Covariate(
        "1", "chronic kidney disease, stage by GFR", "given", 0.0, 5.0, {0.0: "none"} | {i: f"{i:g}" for i in _STAGES}
    ),
    **{name: Covariate(item.unit, item.meaning, item.source) for name, item in ITEMS.items()},
    **{name: Covariate(formula.unit, formula.meaning, formula.source) for name, formula in DERIVED.items()},
}

# How tables spell covariates (lower case) and what they are called here.
ALIASES = {
    "wt": "weight",
    "wgt": "weight",
    "ht": "height",
    "apgr": "apgar",
    "scr": "creatinine",
    "creat": "creatinine",
    "alb": "albumin",
    "hct": "haematocrit",
    "gest": "gestational_age",
}


def covariate_name(column: str) -> str:
    """The name of a covariate from a table's column.

    >>> covariate_name("WT"), covariate_name("AGE")
    ('weight', 'age')
    """
    return ALIASES.get(column.lower(), column.lower())
