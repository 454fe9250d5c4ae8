"""The covariates of a population model: their units, levels and limits, and how they are taken from a cohort."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from twinsim.errors import DataError, UsageError, nearest
from twinsim.population.anatomy.catalogue import ITEMS
from twinsim.population.covariates import COVARIATES
from twinsim.population.derived import DERIVED, derive
from twinsim.population.fields import Fields
from twinsim.population.timed import name_patients
from twinsim.units import factor


@dataclass(frozen=True)
class ModelCovariate:
    """A covariate as a model uses it.

    Attributes:
        name: name in the cohort.
        unit: unit in the model.
        carried: unit in the cohort.
        typical: value of the typical patient of the publication [unit]; None if it names none.
        levels: word -> code, for a covariate that is a choice.
        at_least, at_most: limits the publication cuts the value at [unit].
        formula: name of the derived covariate it is computed from where the cohort lacks it; None: by its own name.
        meaning: in words.
    """

    name: str
    unit: str
    carried: str
    typical: float | None = None
    levels: Mapping[str, float] | None = None
    at_least: float = -math.inf
    at_most: float = math.inf
    formula: str | None = None
    meaning: str = ""

    @property
    def computed_by(self) -> str | None:
        """The derived covariate that can stand in, if any."""
        return self.formula or (self.name if self.name in DERIVED else None)


def wanted_covariates(covariates: Iterable[ModelCovariate]) -> set[str]:
    """Covariates a model may use, and all that those are computed from where a cohort lacks them."""
    wanted = {name for item in covariates for name in (item.name, item.computed_by) if name}
    for name in reversed(DERIVED):  # every formula stands behind those it needs
        wanted |= set(DERIVED[name].needs) if name in wanted else set()
    return wanted


def read_covariate(fields: Fields, name: str) -> ModelCovariate | None:
    """A section of `covariates`, for example {unit: mL/min, typical: 62, at_most: 150}."""
    known = COVARIATES.get(name)
    formula = fields.choice("formula", DERIVED, None)
    carried = known.unit if known else DERIVED[formula].unit if formula else None
    levels = _levels(fields, name)
    unit = fields.text("unit", "1" if levels else carried)
    if unit is None:
        fields.fault("unit", "is missing", f'{name} is no covariate twinsim knows: add unit: "..." or levels')
    elif fields.convert("unit", f"1 {unit}", carried or unit) is None:
        unit = None
    typical: Any = None
    if levels and isinstance(fields.take("typical", None), str):
        word = fields.choice("typical", levels, None)
        typical = levels.get(word)
    elif unit is not None:
        typical = fields.quantity("typical", unit, None, bare=True)
    limits = {
        key: fields.quantity(key, unit, default, bare=True)
        for key, default in (("at_least", -math.inf), ("at_most", math.inf))
        if unit is not None
    }
    meaning = fields.text("meaning", known.meaning if known else "") or ""
    fields.done()
    if unit is None or None in limits.values():
        return None
    return ModelCovariate(name, unit, carried or unit, typical, levels, formula=formula, meaning=meaning, **limits)


def _levels(fields: Fields, name: str) -> dict[str, float] | None:
    known = COVARIATES.get(name)
    section = fields.section("levels", None)
    if section is None:
        flags = known.flags if known else None
        return {word: code for code, word in flags.items()} if flags else None
    codes = {str(word): section.quantity(word, "1") for word in section.data}
    if len(codes) < 2 or len(set(codes.values())) < len(codes):
        fields.fault("levels", "needs at least two words with different codes", "write {none: 0, intermittent: 1}")
    return {word: code for word, code in codes.items() if code is not None}


def gather(
    covariates: Iterable[ModelCovariate], given: Mapping[str, Any], model: str, patient_ids: Any = None
) -> dict[str, Any]:
    """The covariates a model uses, in its units and within its limits.

    Args:
        covariates: those of the model.
        given: name -> values in the cohort's units, (patient,) or (segment, patient).
        model: its name, for messages.
        patient_ids: (patient,), for messages; None names positions.

    Raises:
        DataError: a covariate that is neither given nor derivable, is missing for some patients, or is no level; the
            covariate and the patients are named. Values under a trace cannot be looked at and become NaN.
    """
    result = {}
    for covariate in covariates:
        values = _found(covariate, given, model)
        values = jnp.asarray(values)
        if not jnp.issubdtype(values.dtype, jnp.floating):
            values = values.astype(jnp.float64)
        if not isinstance(values, Tracer):
            _refuse_gaps(covariate, np.asarray(values), model, patient_ids)
        if covariate.unit != covariate.carried:
            values = values * factor(covariate.carried, covariate.unit)
        if covariate.at_least > -math.inf or covariate.at_most < math.inf:
            values = jnp.clip(values, covariate.at_least, covariate.at_most)
        result[covariate.name] = values
    return result


def _found(covariate: ModelCovariate, given: Mapping[str, Any], model: str) -> Any:
    if covariate.name in given:
        return given[covariate.name]
    formula = covariate.computed_by
    if formula is not None:
        # A formula's needs may themselves be derived: what `derive` refuses is a gap in the cohort.
        wanted = {name: values for name, values in given.items() if name != formula or covariate.formula}
        try:
            return derive(wanted, [formula])[formula]
        except UsageError as fault:
            raise DataError(
                f"the covariate {covariate.name} is missing for every patient",
                where=model,
                why=fault.why,
                do=fault.do or f"give {covariate.name} [{covariate.carried}]",
            ) from fault
    hint = nearest(covariate.name, given) if given else ""
    hint = f"; {hint}" if hint.startswith("did you mean") else ""
    is_anatomy = covariate.name in ITEMS
    why = "an anatomy has it: that of the source adults_anatomy, of with_anatomy and add_anatomy" if is_anatomy else ""
    raise DataError(
        f"the covariate {covariate.name} is missing for every patient",
        where=model,
        why=why,
        do=f"give {covariate.name} [{covariate.carried}]{'' if is_anatomy else hint}",
    )


def _refuse_gaps(covariate: ModelCovariate, values: np.ndarray, model: str, patient_ids: Any) -> None:
    wrong, what = ~np.isfinite(values), "is missing or infinite"
    if not wrong.any() and covariate.levels:
        known = ", ".join(f"{code:g} {word}" for word, code in covariate.levels.items())
        wrong, what = ~np.isin(values, list(covariate.levels.values())), f"is none of its levels ({known})"
    if not wrong.any():
        return
    columns = wrong.reshape(-1, wrong.shape[-1]).any(axis=0) if wrong.ndim else wrong[None]
    if patient_ids is None:
        where = f"{model}, at positions {', '.join(map(str, np.flatnonzero(columns)[:5]))}"
    else:
        where = f"{model}, {name_patients(np.asarray(patient_ids)[columns])}"
    raise DataError(f"the covariate {covariate.name} {what}", where=where, do=f"fill in {covariate.name}")
