"""Anatomy of patients that are known already: a cohort's, in blocks through one compiled program."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from twinsim.errors import DataError, UsageError, nearest
from twinsim.population.anatomy.body import anatomy
from twinsim.population.anatomy.catalogue import CHANGED, CONDITIONS, GIVEN, ITEMS, NAMES, NEEDS
from twinsim.population.anatomy.door import check_bodies
from twinsim.population.cohort import BLOCK, Cohort

_USED = (*NEEDS, *CHANGED, *CONDITIONS, "gestational_age", *(f"{organ}_mass" for organ in GIVEN))


def add_anatomy(cohort: Cohort, seed: int = 0, names: Iterable[str] | None = None) -> Cohort:
    """A cohort whose patients have organs, flows, filtration and enzymes; the same ones in any cohort.

    What a patient brings along as <organ>_mass [kg] is kept, and the other organs fit in beside it. Albumin, aag,
    haematocrit and creatinine are taken as those without `cirrhosis` and `ckd`, and become those with them.

    >>> units = {"sex": "1", "age": "y", "height": "cm", "weight": "kg", "liver_mass": "kg"}
    >>> person = {"sex": [0.0], "age": [35.0], "height": [176.0], "weight": [73.0], "liver_mass": [1.5]}
    >>> more = add_anatomy(Cohort([417], person, units), names=["liver_volume", "cardiac_output"])
    >>> [round(float(more.covariates[name][0]), 1) for name in ("liver_volume", "cardiac_output")]
    [1.5, 458.5]

    Args:
        cohort: with sex, age, height and weight.
        seed: an integer, 0 to 2^64 - 1.
        names: of `anatomy.catalogue.ITEMS`; None for all.

    Raises:
        UsageError: a name, or an organ of which the mass is given, that does not exist; a missing covariate,
            a seed that is no number.
        DataError: bodies that cannot be, a covariate that changes in time.
    """
    chosen = NAMES if names is None else tuple(names)
    for name in chosen:
        if name not in ITEMS:
            raise UsageError(f"anatomy gives no {name}", where="add_anatomy", do=nearest(name, ITEMS))
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 1 << 64:
        raise UsageError(f"seed={seed} is not a whole number from 0", where="add_anatomy")
    timed = [name for name in cohort.timed if name in _USED]
    if timed:
        do = "take their values at one time: Cohort(ids, cohort.at(0.0), units)"
        raise DataError(f"{', '.join(timed)} changes in time, and anatomy is that of one moment", do=do)
    columns = {name: values for name, values in cohort.covariates.items() if name not in cohort.timed}
    check_bodies(cohort.ids, columns, "the cohort")
    used = {name: np.asarray(columns[name]) for name in _USED if name in columns}
    changed = tuple(name for name in CHANGED if name in used)
    found = _in_blocks((*changed, *chosen), seed, cohort.ids, used)
    units = {**cohort.units, **{name: ITEMS[name].unit for name in chosen}}
    return Cohort(cohort.ids, {**cohort.covariates, **found}, units)


def _in_blocks(names: tuple[str, ...], seed: int, ids: np.ndarray, used: dict[str, np.ndarray]) -> dict[str, Any]:
    program, blocks = _compiled(names), []
    for first in range(0, ids.size, BLOCK):
        place = np.minimum(np.arange(first, first + BLOCK), ids.size - 1)
        blocks.append(program(np.uint64(seed), ids[place], {name: values[place] for name, values in used.items()}))
    return {name: np.concatenate([np.asarray(block[name]) for block in blocks])[: ids.size] for name in names}


@lru_cache(maxsize=16)
def _compiled(names: tuple[str, ...]) -> Any:
    def chosen(seed: Any, patient: Any, covariates: Any) -> dict[str, Any]:
        found = {**covariates, **anatomy(seed, patient, covariates)}
        return {name: found[name] for name in names}

    return jax.jit(chosen)
