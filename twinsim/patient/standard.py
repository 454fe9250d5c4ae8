"""Men like the reference man, whose organs still differ: what reference tables of resting adults are about.

40 y, 176 cm, 73 kg, haematocrit 45 %; masses and flows of organs, cardiac output and filtration vary between them as
anatomy says, everything else is the typical patient's.
"""

from __future__ import annotations

import numpy as np

from twinsim.patient.conditions import known_conditions
from twinsim.population.anatomy.body import anatomy
from twinsim.population.anatomy.catalogue import ITEMS
from twinsim.population.cohort import Cohort, carried_unit

# Source: the reference man of twinsim.models.pbpk (McNally 2014, ICRP 89); haematocrit ICRP 89, from memory
REFERENCE_MAN = {"sex": 0.0, "age": 40.0, "height": 176.0, "weight": 73.0, "haematocrit": 45.0}


def standard_men(size: int, seed: int = 0) -> Cohort:
    """A cohort of them, without any condition.

    >>> men = standard_men(2)
    >>> men.covariates["weight"].tolist(), men.covariates["sepsis"].tolist()
    ([73.0, 73.0], [0.0, 0.0])
    """
    ids = np.arange(size, dtype=np.int64)
    given = {name: np.full(size, value) for name, value in REFERENCE_MAN.items()}
    found = {name: np.asarray(values) for name, values in anatomy(seed, ids, given).items()}
    healthy = {name: np.zeros(size) for name in known_conditions()}
    units = {name: carried_unit(name) or "1" for name in given} | {
        name: ITEMS[name].unit for name in found if name in ITEMS
    }
    return Cohort(ids, {**given, **found, **healthy}, {**units, **dict.fromkeys(healthy, "1")}).derived()
