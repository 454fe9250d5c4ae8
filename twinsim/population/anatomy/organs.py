"""The organs of the reference people, and where a person stands between them.

Reference people are ICRP's newborn, 1, 5, 10, 15 years and adult. A child stands between two of them by the median
height of its age, so that what grows fast in the first months does so here too:

    m = m_i (m_i+1 / m_i)^f,   f = ln(h / h_i) / ln(h_i+1 / h_i),   h the median height of age and sex (CDC)

From 20 years on, and in girls from about 15, the adult.

Source: data/organs.csv names the source of every number; heights and weights ICRP 89 (2002) table 2.9.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import jax.numpy as jnp
import numpy as np
from jax import Array

from twinsim.population import growth
from twinsim.population.lines import between

# Tissues in the order of rows here; their masses and the two bloods add up to the weight.
TISSUES = (
    "adipose",
    "bone",
    "brain",
    "gonads",
    "heart",
    "kidney",
    "large_intestine",
    "liver",
    "lung",
    "muscle",
    "pancreas",
    "skin",
    "small_intestine",
    "spleen",
    "stomach",
    "thyroid",
    "rest",
)
BLOODS = ("arterial_blood", "venous_blood")
ORGANS = (*TISSUES, *BLOODS)
# Drained by the portal vein.
SPLANCHNIC = ("large_intestine", "pancreas", "small_intestine", "spleen", "stomach")
# Share of blood that is arterial: heart chambers and capillaries halved, with pulmonary veins, aorta and arteries.
# Source: ICRP 89 (2002) table 2.13, adult man: 4.5 + 1.0 + 2.5 + 5.5 + 6.0 + 10.0 %.
ARTERIAL = 0.295
# Contents of the gut, 1.4 % of weight, and what is listed nowhere else, 3.3 %; httk-pop after Birnbaum et al. 1994.
REST_SHARE = 0.047

_NODES = ("newborn", "1", "5", "10", "15", "adult")
HEIGHTS = np.array([[51.0, 76.0, 109.0, 138.0, 167.0, 176.0], [51.0, 76.0, 109.0, 138.0, 161.0, 163.0]])  # [cm]
WEIGHTS = np.array([[3.5, 10.0, 19.0, 32.0, 56.0, 73.0], [3.5, 10.0, 19.0, 32.0, 53.0, 60.0]])  # [kg]
# Cardiac output [L/h]. Source: birth and 1 year Alverson et al. 1987, in Abraham et al. 2005, Arch Toxicol 79:63;
# then ICRP 89 table 2.39: 3.4, 5.0, 6.1, 6.5 (men) and 5.9 (women) L/min.
OUTPUTS = np.array([[44.0, 109.0, 204.0, 300.0, 366.0, 390.0], [44.0, 109.0, 204.0, 300.0, 366.0, 354.0]])


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of data/organs.csv in the order of TISSUES without rest, then blood.

    Attributes:
        organs: the names.
        masses: [kg] (sex, organ, reference person).
        cv: of the mass between people (sex, organ); NaN where the mass is a remainder.
        flow: share of the adult's cardiac output (sex, organ).
        density: [kg/L] by organ, rest and the two bloods too.
    """

    organs: tuple[str, ...]
    masses: np.ndarray
    cv: np.ndarray
    flow: np.ndarray
    density: dict[str, float]


@lru_cache(maxsize=1)
def table() -> Table:
    """The reference organs."""
    text = (resources.files("twinsim.population") / "data" / "organs.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    organs = tuple(name for name in (*TISSUES, "blood") if name != "rest")
    by = {(row["organ"], row["sex"]): row for row in rows}

    def column(name: str) -> np.ndarray:
        return np.array([[float(by[organ, sex][name] or "nan") for organ in organs] for sex in ("male", "female")])

    density = {row["organ"]: float(row["density"]) for row in rows}
    # Mostly water (assumed).
    density |= {"rest": 1.0, **dict.fromkeys(BLOODS, density["blood"])}
    masses = np.stack([column(f"mass_{node}") for node in _NODES], axis=-1)
    return Table(organs, masses, column("cv"), column("flow"), density)


@dataclass(frozen=True)
class Reference:
    """The reference person of a patient's age and sex.

    Attributes:
        height: [cm] (patient,).
        weight: [kg] (patient,).
        output: cardiac output [L/h] (patient,).
        masses: organ -> [kg] (patient,), blood as one.
    """

    height: Array
    weight: Array
    output: Array
    masses: dict[str, Array]


def reference(sex: Array, age: Array) -> Reference:
    """The reference person of an age [y] and a sex (patient,)."""
    is_female = sex > 0.5
    adult = jnp.where(is_female, HEIGHTS[1, -1], HEIGHTS[0, -1])
    stature = jnp.clip(growth.median("height", sex, jnp.minimum(age, growth.AGE_TO)), HEIGHTS[0, 0], adult)
    stature = jnp.where(age >= growth.AGE_TO, adult, stature)

    found = table()
    nodes = np.concatenate([WEIGHTS[:, None], OUTPUTS[:, None], found.masses], axis=1)
    male, female = (jnp.exp(between(jnp.log(stature), np.log(HEIGHTS[i]), np.log(nodes[i]))) for i in range(2))
    values = jnp.where(is_female[None, :], female, male)
    masses = {organ: values[2 + i] for i, organ in enumerate(found.organs)}
    return Reference(stature, values[0], values[1], masses)


def by_sex(sex: Array, organ: str, column: np.ndarray) -> Array:
    """A number of an organ by sex: column (sex, organ) -> (patient,)."""
    i = table().organs.index(organ)
    return jnp.where(sex > 0.5, float(column[1, i]), float(column[0, i]))
