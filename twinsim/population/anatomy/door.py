"""Bodies that somebody gave, checked before anything is computed from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from twinsim.errors import DataError, UsageError, nearest
from twinsim.population.anatomy import conditions
from twinsim.population.anatomy.body import anatomy
from twinsim.population.anatomy.catalogue import GIVEN, NEEDS
from twinsim.population.covariates import COVARIATES
from twinsim.population.derived import DERIVED
from twinsim.population.timed import name_patients

# Organs that are not given are never less than this share of what is usual for the person (assumed).
LEAST_SHARE = 0.5
OLDEST = 110.0  # [y]; the curves of ageing are not followed further


def check_bodies(ids: np.ndarray, columns: Mapping[str, Any], where: str) -> None:
    """Refuse bodies that cannot be.

    Args:
        ids: of the patients, for the message (patient,).
        columns: name -> (patient,) in the units of `COVARIATES`.
        where: the table or cohort, for the message.

    Raises:
        UsageError: sex, age, height or weight is missing; <organ>_mass of an organ that there is not.
        DataError: a level, age, height or weight that does not exist, an organ without mass or heavier than the body,
            organs that leave no room for the others; the patients are named.
    """
    absent = [name for name in NEEDS if name not in columns]
    if absent:
        raise UsageError(f"anatomy needs {', '.join(absent)}", where=where, do=nearest(absent[0], columns))
    given = [name for name in columns if name.endswith("_mass") and name not in DERIVED]
    for name in given:
        if name.removesuffix("_mass") not in GIVEN:
            what = f"{name} is the mass of no organ that can be given"
            known = [f"{organ}_mass" for organ in GIVEN]
            do = "fat is adipose_mass" if "fat" in name else nearest(name, known)
            raise UsageError(what, where=where, do=do)
    _check_levels(ids, columns, where)
    weight = np.asarray(columns["weight"], np.float64)
    for name in given:
        mass = np.asarray(columns[name], np.float64)
        wrong = ~((mass > 0.0) & (mass < weight))
        if wrong.any():
            what = f"{name} = {mass[wrong][0]:g} kg in a body of {weight[wrong][0]:g} kg"
            why = "an organ weighs more than nothing and less than the body"
            raise DataError(what, where=f"{where}: {name_patients(ids[wrong])}", why=why, do=f"check {name} and weight")
    if given:
        _check_room(ids, columns, given, where)


def _check_levels(ids: np.ndarray, columns: Mapping[str, Any], where: str) -> None:
    allowed = {
        "sex": np.arange(2.0),
        "cirrhosis": np.arange(conditions.CIRRHOSIS_LEVELS + 1.0),
        "ckd": np.arange(conditions.CKD_LEVELS + 1.0),
    }
    for name, levels in allowed.items():
        values = np.asarray(columns.get(name, levels), np.float64)
        wrong = ~np.isin(values, levels)
        if wrong.any():
            do = f"give 0 to {levels[-1]:g}, whole numbers"
            what = f"{name} = {values[wrong][0]:g} is no level"
            raise DataError(what, where=f"{where}: {name_patients(ids[wrong])}", do=do)
    age = np.asarray(columns["age"], np.float64)
    wrong = ~((age >= 0.0) & (age <= OLDEST))
    if wrong.any():
        what = f"there is no anatomy of {age[wrong][0]:g} years"
        raise DataError(what, where=f"{where}: {name_patients(ids[wrong])}", do=f"give ages from 0 to {OLDEST:g} years")
    for name in ("height", "weight"):
        values, known = np.asarray(columns[name], np.float64), COVARIATES[name]
        wrong = ~((values >= known.low) & (values <= known.high))
        if wrong.any():
            unit = known.unit
            what = f"{name} = {values[wrong][0]:g} {unit} lies outside {known.low:g} to {known.high:g} {unit}"
            raise DataError(what, where=f"{where}: {name_patients(ids[wrong])}", why="no person has it", do="change it")


def _check_room(ids: np.ndarray, columns: Mapping[str, Any], given: list[str], where: str) -> None:
    found = anatomy(0, ids, {name: np.asarray(columns[name]) for name in (*NEEDS, *given)})
    share = np.asarray(found["lean_factor"])
    wrong = ~(share >= LEAST_SHARE)
    if wrong.any():
        what = f"{', '.join(given)} leave too little of the weight for the other organs"
        why = f"these would be {np.nan_to_num(share[wrong][0]):.0%} of what is usual; {LEAST_SHARE:.0%} is the least"
        raise DataError(
            what, where=f"{where}: {name_patients(ids[wrong])}", why=why, do="check them against the weight"
        )
