"""Drug-metabolising enzymes of liver and gut: abundance in adults, spread between people, and growth with age.

    abundance = adult f(age) / f(adult) exp(s z - s^2 / 2),   s^2 = ln(1 + cv^2)
    f(age)    = birth + (most - birth) a^n / (half^n + a^n),   a = min(age, cap)
    mppgl     = 10^(1.407 + 0.0158 age - 0.00038 age^2 + 0.0000024 age^3) exp(0.264 z)   [mg/g], up to 77 years and
                constant from there, where the cubic would turn upwards (assumed)

f is divided by its value at `cap`, so that adults have the adult's abundance. UGT2B7 follows a straight line. Genotypes
play no part yet: the spread of CYP2D6, 2C19 and 3A5 is that of people of all genotypes.

Source: on the lines below. Achour: Achour, Russell, Barber, Rostami-Hodjegan 2014, Drug Metab Dispos 42:500,
doi:10.1124/dmd.113.055632 (mean and SD of 24 livers). Rodrigues: Rodrigues 1999, Biochem Pharmacol 57:465, as quoted by
others. Ontogeny: Johnson et al. 2006, Clin Pharmacokinet 45:931 (CYP1A2, as carried by dfped; 2D6), Salem et al. 2014,
Clin Pharmacokinet 53:625, doi:10.1007/s40262-014-0140-7 (CYP3A4), Upreti and Wahlstrom 2016, J Clin Pharmacol 56:266,
doi:10.1002/jcph.585 and others as gathered in a public table that names these two; those of UGTs name no paper there.
Microsomal protein: Barter et al. 2008, CV 26.9 %, as carried by two public models.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jax import Array


@dataclass(frozen=True)
class Enzyme:
    """An enzyme.

    Attributes:
        unit: of its abundance: pmol/mg of microsomal protein, or nmol in the whole gut.
        adult: mean abundance of adults.
        cv: between adults.
        birth, most, half, power, cap: f of the module's docstring; half and cap [y].
        source: where abundance and spread come from.
    """

    unit: str
    adult: float
    cv: float
    birth: float
    most: float
    half: float
    power: float
    cap: float
    source: str

    @property
    def typical(self) -> float:
        """Abundance of the median adult: adult / sqrt(1 + cv^2)."""
        return self.adult / float(np.sqrt(1.0 + self.cv**2))


_ASSUMED_CV = "cv assumed"
ENZYMES: dict[str, Enzyme] = {
    "cyp1a2": Enzyme("pmol/mg", 52.0, 0.67, 0.0, 1.0, 1.13 ** (1 / 1.41), 1.41, 25.0, f"Rodrigues 1999; {_ASSUMED_CV}"),
    "cyp2c9": Enzyme("pmol/mg", 40.0, 0.65, 0.17, 0.98, 0.0157, 0.53, 5.0, "Achour 2014: 40.0 +- 26.0"),
    "cyp2c19": Enzyme("pmol/mg", 14.0, 1.06, 0.30, 0.98, 0.29, 2.44, 5.0, f"Rodrigues 1999; {_ASSUMED_CV}"),
    "cyp2d6": Enzyme("pmol/mg", 11.9, 1.11, 0.036, 1.0, 0.1, 1.0, 10.0, "Achour 2014: 11.9 +- 13.2"),
    "cyp2e1": Enzyme("pmol/mg", 49.0, 0.61, 0.0, 0.99, 0.23, 0.5, 18.0, f"Rodrigues 1999; {_ASSUMED_CV}"),
    "cyp3a4": Enzyme("pmol/mg", 68.1, 0.77, 0.11, 1.06, 0.64, 1.91, 25.0, "Achour 2014: 68.1 +- 52.3"),
    "cyp3a5": Enzyme("pmol/mg", 17.0, 1.00, 1.0, 1.0, 1.0, 1.0, 25.0, "assumed: no table of it was read"),
    "ugt1a1": Enzyme("pmol/mg", 33.6, 1.01, 0.0, 1.0, 0.183, 1.105, 25.0, "Achour 2014: 33.6 +- 34.0"),
    "ugt1a9": Enzyme("pmol/mg", 30.0, 0.70, 0.0541, 1.012, 0.07228, 5.771, 0.16, "assumed: no table of it was read"),
    "ugt2b7": Enzyme("pmol/mg", 82.9, 0.44, 0.113, 1.0055, np.nan, 1.0, 21.0, "Achour 2014: 82.9 +- 36.1"),
    "gut_cyp3a4": Enzyme(
        "nmol",
        70.5,
        0.60,
        0.42,
        1.059,
        2.357,
        1.0,
        18.0,
        f"duodenum to ileum 9.7 + 38.4 + 22.4, Han 2025; {_ASSUMED_CV}",
    ),
}
PROTEIN_TO = 77.0  # [y]
_PROTEIN_SD = float(np.sqrt(np.log1p(0.269**2)))


def ontogeny(name: str, age: Array) -> Array:
    """Share of the adult's abundance (patient,) at an age [y]."""
    enzyme = ENZYMES[name]

    def at(years: Array | float) -> Array:
        a = jnp.minimum(jnp.asarray(years, jnp.float64), enzyme.cap)
        if np.isnan(enzyme.half):
            return enzyme.birth + (enzyme.most - enzyme.birth) * a / enzyme.cap
        grown = a**enzyme.power / (enzyme.half**enzyme.power + a**enzyme.power)
        return enzyme.birth + (enzyme.most - enzyme.birth) * grown

    return at(age) / at(enzyme.cap)


def abundance(name: str, age: Array, z: Array) -> Array:
    """Abundance of an enzyme (patient,) in its unit, at an age [y] and a normal score."""
    enzyme = ENZYMES[name]
    s = float(np.sqrt(np.log1p(enzyme.cv**2)))
    return enzyme.adult * ontogeny(name, age) * jnp.exp(s * z - 0.5 * s * s)


def microsomal_protein(age: Array, z: Array) -> Array:
    """Microsomal protein per gram of liver [mg/g] (patient,) at an age [y] and a normal score."""
    a = jnp.minimum(age, PROTEIN_TO)
    power = 1.407 + a * (0.0158 + a * (-0.00038 + a * 0.0000024))
    return 10.0**power * jnp.exp(_PROTEIN_SD * z)
