"""Patients whose parameters are known, one by one: a table of them as a population model and its cohort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from twinsim.errors import DataError, nearest
from twinsim.models.structure import Structure
from twinsim.population.bare import bare_model
from twinsim.population.cohort import Cohort
from twinsim.population.covariate_effects import Relation
from twinsim.population.fields import Number
from twinsim.population.model import PopulationModel
from twinsim.population.model_covariate import ModelCovariate
from twinsim.population.model_file import ModelParameter

PREFIX = "given_"


def given_parameters(
    structure: Structure, values: Mapping[str, Any], *, ids: Sequence[int] | None = None, source: str = "given"
) -> tuple[PopulationModel, Cohort]:
    """A model whose patients have parameters of their own, and these patients, for `twinsim.simulate(model, cohort)`.

    >>> import twinsim
    >>> model, people = given_parameters(twinsim.structure("pk/one_compartment_iv"), {"cl": [4.0, 6.0]})
    >>> model.individual(people.covariates)["cl"].tolist()
    [4.0, 6.0]

    Args:
        structure: registered, or one that ships.
        values: parameter -> values [the structure's unit] (patient); the others keep their defaults.
        ids: of the patients; 0, 1, 2, ... by default.
        source: where the values come from.

    Raises:
        DataError: a name that is no parameter, columns of different lengths, a value outside its bounds.
    """
    columns = {name: np.asarray(column, np.float64) for name, column in values.items()}
    for name, column in columns.items():
        if name not in structure.parameter_names:
            do = nearest(name, structure.parameter_names)
            raise DataError(f"{structure.name} has no parameter {name!r}", do=do)
        low, high = structure.parameter(name).bounds
        wrong = ~((column >= low) & (column <= high))
        if wrong.any():
            where = f"patient {int(np.argmax(wrong))}: {column[wrong][0]:g}"
            raise DataError(f"{name} lies outside {low:g} to {high:g}", where=where)
    lengths = {column.size for column in columns.values()}
    if len(lengths) != 1:
        raise DataError(f"columns of {sorted(lengths)} values", do="give one value for each patient")
    bare, covariates, parameters = bare_model(structure), [], []
    for item in bare.parts.parameters:
        if item.name in columns:
            label, unit, meaning = f"{PREFIX}{item.name}", item.unit, item.typical.meaning
            typical = float(np.median(columns[item.name]))
            covariates.append(ModelCovariate(label, unit, unit, typical, meaning=meaning))
            one = Number(item.name, 1.0, "1", meaning, source, fixed=True)
            item = ModelParameter(item.name, unit, one, (Relation("proportional", (label,)),), item.limits)
        parameters.append(item)
    parts = replace(bare.parts, parameters=tuple(parameters), covariates=tuple(covariates))
    document = {**bare.document, "given": list(columns)}
    units = {f"{PREFIX}{name}": structure.parameter(name).unit for name in columns}
    own = {f"{PREFIX}{name}": column for name, column in columns.items()}
    numbers = np.arange(lengths.pop()) if ids is None else np.asarray(ids)
    return replace(bare, parts=parts, document=document), Cohort(numbers, own, units)
