"""What blood holds at each age of childhood, and alpha-1-acid glycoprotein at every age.

    albumin [g/L]     = 33.746 + 1.1287 ln(days)
    aag [g/L]         = 0.887 days^0.38 / (8.89^0.38 + days^0.38)
    haematocrit [%]   straight lines between the ages of a table, mean and SD
    creatinine        Q(age) exp(0.145 z) [mg/dL], ln Q [umol/L] a polynomial of age

days is the age in days, at least 1. Johnson's two formulas are printed elsewhere with the age in years; days are right,
because only they lead to an adult's 44 g/L and 0.83 g/L (years: 37 and 0.67). Below 2 years Q is that at 2
years: a newborn's creatinine is its mother's for some days, which is not described here.

Source: albumin, AAG: Johnson, Rostami-Hodjegan, Tucker 2006, Clin Pharmacokinet 45:931,
doi:10.2165/00003088-200645090-00005 (as carried by the R package dfped); haematocrit: Dallman 1977, in Rudolph (ed),
Pediatrics, 16th ed., p 1111; Q: Pottel et al. 2021, EKFC, Ann Intern Med 174:183, doi:10.7326/M20-4366. SD of
creatinine: assumed, so that 95 % lie within 0.75 and 1.33 Q. SDs of albumin and AAG: assumed, see below.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array

from twinsim.population.lines import between

DAYS = 365.25  # days of a year
UMOL = 88.4  # creatinine [umol/L per mg/dL]
CREATININE_SD = 0.145  # of ln creatinine; assumed
ALBUMIN_SD = 3.0  # [g/L] in children; assumed, as in the young adults of `adults.ALBUMIN_INTERVALS`
AAG_CV = 0.24  # assumed: nothing read gives the spread between people

# age [y], mean of boys and girls, SD of boys and girls [%]: middles of the bands of Dallman's table. SD is half the way
# from the mean to the printed lower limit.
HAEMATOCRIT = np.array(
    [
        (0.0, 51.0, 51.0, 4.5, 4.5),
        (0.0055, 56.0, 56.0, 5.5, 5.5),
        (0.0192, 54.0, 54.0, 6.0, 6.0),
        (0.0383, 51.0, 51.0, 6.0, 6.0),
        (0.0833, 43.0, 43.0, 6.0, 6.0),
        (0.1667, 35.0, 35.0, 3.5, 3.5),
        (0.375, 35.0, 35.0, 3.0, 3.0),
        (1.25, 36.0, 36.0, 1.5, 1.5),
        (4.0, 37.0, 37.0, 1.5, 1.5),
        (9.0, 40.0, 40.0, 2.5, 2.5),
        (15.0, 43.0, 41.0, 3.0, 2.5),
    ]
)
# ln Q [umol/L]: constant, age, ln age, age^2, age^3; boys and girls, 2 to 25 years; then 80 and 62 umol/L
_Q = ((3.200, 0.259, -0.543, -0.00763, 0.0000790), (3.080, 0.177, -0.223, -0.00596, 0.0000686))
_Q_ADULT = (80.0, 62.0)


def days_of(age: Array) -> Array:
    """Age in days, at least 1, from years."""
    return jnp.maximum(age * DAYS, 1.0)


def albumin_of_children(age: Array, z: Array) -> Array:
    """Plasma albumin [g/L] (patient,) at an age [y] and a normal score."""
    return 33.746 + 1.1287 * jnp.log(days_of(age)) + ALBUMIN_SD * z


def glycoprotein(age: Array, z: Array) -> Array:
    """Plasma alpha-1-acid glycoprotein [g/L] (patient,) at an age [y] and a normal score."""
    days = days_of(age)
    typical = 0.887 * days**0.38 / (8.89**0.38 + days**0.38)
    return typical * jnp.exp(float(np.sqrt(np.log1p(AAG_CV**2))) * z)


def haematocrit_of_children(sex: Array, age: Array, z: Array) -> Array:
    """Haematocrit [%] (patient,) at an age [y] and a normal score."""
    ages, is_female = HAEMATOCRIT[:, 0], sex > 0.5
    boys, girls, boys_sd, girls_sd = between(age, ages, HAEMATOCRIT[:, 1:].T)
    return jnp.where(is_female, girls, boys) + jnp.where(is_female, girls_sd, boys_sd) * z


def usual_creatinine(sex: Array, age: Array) -> Array:
    """EKFC's Q, the median creatinine of healthy people [mg/dL] (patient,), at an age [y]."""
    years = jnp.clip(age, 2.0, 25.0)

    def polynomial(numbers: tuple[float, ...]) -> Array:
        constant, first, log, second, third = numbers
        return constant + first * years + log * jnp.log(years) + second * years**2 + third * years**3

    young = jnp.exp(jnp.where(sex > 0.5, polynomial(_Q[1]), polynomial(_Q[0])))
    return jnp.where(age > 25.0, jnp.where(sex > 0.5, _Q_ADULT[1], _Q_ADULT[0]), young) / UMOL


def creatinine_of_children(sex: Array, age: Array, z: Array) -> Array:
    """Serum creatinine [mg/dL] (patient,) at an age [y] and a normal score."""
    return usual_creatinine(sex, age) * jnp.exp(CREATININE_SD * z)
