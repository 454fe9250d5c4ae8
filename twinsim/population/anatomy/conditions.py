"""What cirrhosis and chronic kidney disease change: published factors on the values of the same person without them.

cirrhosis: 0 none, 1, 2, 3 Child-Pugh A, B, C. ckd: 0 none, 1 to 5 the stages of KDIGO by GFR [mL/min/1.73m2].

Source: cirrhosis: Edginton and Willmann 2008, Clin Pharmacokinet 47:743 (flows, cardiac output, proteins, haematocrit,
GFR, functional liver, CYP1A2, 2E1, 3A4) and Johnson et al. 2010, Clin Pharmacokinet 49:189 (CYP2C9, 2C19, 2D6), as
carried by table 2 of Qualification-HI, Open Systems Pharmacology, and by PK-Sim's HIDiseaseStateImplementation, which
has the functional liver too; neither paper was read. CKD: ranges KDIGO 2012, Kidney Int Suppl 3:1; haematocrit and
unbound fraction tables 2-1 and 2-2 in Qualification-CKD, Open Systems Pharmacology, after Malik et al. 2020, and the
same in PK-Sim's CKDDiseaseStateImplementation. Enzymes, albumin and kidney mass in CKD: what is published contradicts
itself (same report, section 1) and nothing is changed (assumed).

Sources disagree: for the hepatic artery PK-Sim took 1.3, 2.3, 3.4 (Edginton) up to 2023 and then, after Johnson's flows
in L/min, 1.61, 2.34, 5.29 of the flow per volume of a liver of 0.69, 0.55, 0.28: 1.11, 1.29, 1.48 of the whole flow.
Here Edginton's, of the whole flow. Kidney flow in CKD by Malik's curves lies up to 20 % below the constant filtration
fraction that is taken here.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array

from twinsim.population.lines import between

CIRRHOSIS_LEVELS, CKD_LEVELS = 3, 5

# quantity -> factor without cirrhosis and in Child-Pugh A, B, C
CIRRHOSIS = {
    "portal_flow": (1.0, 0.4, 0.36, 0.04),
    "hepatic_arterial_flow": (1.0, 1.3, 2.3, 3.4),
    "kidney_flow": (1.0, 0.88, 0.65, 0.48),
    "cardiac_output": (1.0, 1.11, 1.27, 1.36),
    "albumin": (1.0, 0.81, 0.68, 0.5),
    "aag": (1.0, 0.6, 0.56, 0.3),
    # 39, 37 and 35 % beside 43 % in health, as PK-Sim's issue 2621 reads the paper; the table's 0.92, 0.88 and 0.83 are
    # not the paper's (issue 2622)
    "haematocrit": (1.0, 39.0 / 43.0, 37.0 / 43.0, 35.0 / 43.0),
    "gfr": (1.0, 1.0, 0.7, 0.36),
    "cyp1a2": (1.0, 1.0, 0.1, 0.1),
    "cyp2c9": (1.0, 0.69, 0.51, 0.33),
    "cyp2c19": (1.0, 0.32, 0.26, 0.12),
    "cyp2d6": (1.0, 0.76, 0.33, 0.11),
    "cyp2e1": (1.0, 1.0, 0.83, 0.83),
    "cyp3a4": (1.0, 1.0, 0.4, 0.4),
    "cyp3a5": (1.0, 1.0, 0.4, 0.4),  # as CYP3A4 (assumed)
    "functional_liver": (1.0, 0.69, 0.55, 0.28),
}
# GFR [mL/min/1.73m2] at the low and high end of stages 1 to 5; 5 as the least and 200 as the most: assumed.
CKD_RANGES = np.array([(0.0, 0.0), (90.0, 200.0), (60.0, 90.0), (30.0, 60.0), (15.0, 30.0), (5.0, 15.0)])
# Unbound fraction of a drug bound to plasma proteins, relative to people without CKD, by stage.
CKD_UNBOUND = (1.0, 1.0, 1.0, 1.07, 1.16, 1.55)
# Middles of ranges of GFR [mL/min/1.73m2], haematocrit of men and women relative to healthy 45.5 and 40 %.
_CKD_HAEMATOCRIT = (
    np.array([10.0, 25.0, 35.0, 45.0, 55.0, 65.0, 80.0]),
    np.array([34.3, 41.7, 42.6, 43.3, 44.8, 45.2, 45.5]) / 45.5,
    np.array([33.5, 37.4, 38.4, 39.7, 39.6, 39.9, 40.0]) / 40.0,
)


def cirrhosis_factor(quantity: str, level: Array) -> Array:
    """The factor on a quantity (patient,) at a level of cirrhosis, 0 to 3 (patient,); 1 where none is published."""
    return by_level(CIRRHOSIS.get(quantity, (1.0,) * 4), level)


def by_level(values: tuple[float, ...], level: Array) -> Array:
    """The value of each patient's level; NaN for a level that there is not (patient,)."""
    result = jnp.full_like(level, jnp.nan)
    for i, value in enumerate(values):
        result = jnp.where(level == float(i), value, result)
    return result


def gfr_in_ckd(stage: Array, gfr: Array, position: Array) -> Array:
    """GFR [mL/min/1.73m2] of people with CKD: anywhere in the range of stages 2 to 5, at least 90 in stage 1.

    Args:
        stage: 0 to 5 (patient,).
        gfr: of the same person without CKD [mL/min/1.73m2] (patient,).
        position: uniform in (0, 1): where in the range (patient,).
    """
    low, high = (by_level(tuple(CKD_RANGES[:, side]), stage) for side in range(2))
    inside = jnp.where(stage == 1.0, jnp.clip(gfr, low, high), low + position * (high - low))
    return jnp.where(stage == 0.0, gfr, inside)


def haematocrit_in_ckd(stage: Array, sex: Array, gfr: Array) -> Array:
    """The factor on haematocrit (patient,) at a GFR [mL/min/1.73m2]; 1 without CKD."""
    men, women = between(gfr, _CKD_HAEMATOCRIT[0], np.array(_CKD_HAEMATOCRIT[1:]))
    factor = jnp.where(sex > 0.5, women, men)
    return jnp.where(stage > 0.0, factor, 1.0)
