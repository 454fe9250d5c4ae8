"""Body fat, as scanners and body densities tell it: the lipid of all tissues, not the mass of adipose tissue.

    body_fat = (0.79 adipose + s skeleton + 0.0238 muscle + 0.0284 skin + 0.0348 liver + 0.051 brain) / weight
    s        = lipid of the marrow in the skeleton, by age and sex

Adipose tissue is a fifth water and protein, and marrow holds some 2 kg of an adult's fat: a woman of 46 % adipose
tissue has 39 % body fat. Tissues not named hold less than 0.1 kg.

Source: neutral lipids Poulin and Theil 2002, J Pharm Sci 91:129, doi:10.1002/jps.10005 (adipose tissue of ICRP 23:
0.80). Skeleton: ICRP 89 (2002), active marrow of 0.05, 0.15, 0.34, 0.63 kg at birth, 1, 5 and 10 years, 1.08 and 1.0 kg
at 15 years and 1.17 and 0.90 kg in men and women, 40 % fat, and inactive marrow of 0, 0.02, 0.16, 0.63, 1.48 and 1.38,
2.48 and 1.80 kg, 80 % fat: these from memory, so assumed; the adults' sums, 3.65 and 2.70 kg, were read.
"""

from __future__ import annotations

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from jax import Array

from twinsim.population.anatomy.organs import table
from twinsim.population.lines import between

LIPID = {"adipose": 0.79, "muscle": 0.0238, "skin": 0.0284, "liver": 0.0348, "brain": 0.051}
_AGES = np.array([0.0, 1.0, 5.0, 10.0, 15.0, 20.0])  # [y]
_ACTIVE = np.array([[0.05, 0.15, 0.34, 0.63, 1.08, 1.17], [0.05, 0.15, 0.34, 0.63, 1.0, 0.9]])  # (sex, age) [kg]
_INACTIVE = np.array([[0.0, 0.02, 0.16, 0.63, 1.48, 2.48], [0.0, 0.02, 0.16, 0.63, 1.38, 1.8]])
_MARROW = (0.4 * _ACTIVE + 0.8 * _INACTIVE) / table().masses[:, table().organs.index("bone")]


def body_fat(sex: Array, age: Array, weight: Array, mass: Mapping[str, Array]) -> Array:
    """Share of the weight that is lipid [1] (patient,).

    Args:
        sex: 0 male, 1 female (patient,).
        age: [y] (patient,).
        weight: [kg] (patient,).
        mass: organ -> [kg] (patient,).
    """
    male, female = between(age, _AGES, _MARROW)
    lipid = sum((share * mass[name] for name, share in LIPID.items()), start=jnp.zeros_like(weight))
    return (lipid + jnp.where(sex > 0.5, female, male) * mass["bone"]) / weight
