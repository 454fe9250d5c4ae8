"""A population model: a structure with typical values, covariate relations, variability, residual error and sources.

    parameter = vary(relations(typical, covariates), eta + eta_occasion)

The model is data: it is read from YAML or a mapping (docs/models.md), and nothing in it is evaluated as text.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from kernels import random
from twinsim.errors import UsageError, nearest
from twinsim.library import model_path
from twinsim.models.structure import Structure
from twinsim.population.error_model import ErrorModel
from twinsim.population.fields import ASSUMED, Number
from twinsim.population.individual import individual_parameters, rows
from twinsim.population.model_covariate import ModelCovariate, gather
from twinsim.population.model_file import Parts, read_parts
from twinsim.population.sources import Sourced, effects_of, numbers_of
from twinsim.population.variability import checked_covariance
from twinsim.units import factor
from twinsim.yaml import read_yaml


@dataclass(frozen=True, eq=False)
class PopulationModel:
    """A population model; `population_model` makes one.

    >>> model = population_model("theophylline")
    >>> model.eta_names, round(model.thetas["v"], 1)
    (('cl', 'v', 'ka'), 31.8)

    Attributes:
        name: its name in the library, or the stem of its file.
        parts: what its file says.
        document: the file as a mapping.
        changed: numbers by theta name that differ from the file, after a fit for example.
        omega, omega_occasion: covariance of the random effects between patients and between occasions (eta, eta).
    """

    name: str
    parts: Parts
    document: Mapping[str, Any]
    changed: Mapping[str, float]
    omega: np.ndarray
    omega_occasion: np.ndarray

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PopulationModel):
            return False
        return self._identity_text == other._identity_text and self.structure == other.structure

    def __hash__(self) -> int:
        return hash(self._identity_text)

    @property
    def title(self) -> str:
        return self.parts.title

    @property
    def source(self) -> str:
        return self.parts.source

    @property
    def structure(self) -> Structure:
        return self.parts.structure

    @property
    def covariates(self) -> tuple[ModelCovariate, ...]:
        """The covariates it uses, with units, levels and the typical patient's values."""
        return self.parts.covariates

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the covariates it uses; those of `DERIVED` may be left to their formulas."""
        return tuple(covariate.name for covariate in self.parts.covariates)

    @property
    def typical_covariates(self) -> dict[str, float]:
        """The covariates of the publication's typical patient, in the cohort's units."""
        return {
            item.name: item.typical * factor(item.unit, item.carried)
            for item in self.parts.covariates
            if item.typical is not None
        }

    @cached_property
    def error_models(self) -> dict[str, ErrorModel]:
        """Output -> residual error with the model's numbers; an output without one is observed exactly."""
        return {output: error.with_numbers(self.numbers) for output, error in self.parts.error_models.items()}

    @property
    def regimen(self) -> dict[str, Any]:
        """The file's example, as arguments of `twinsim.regimen` in the structure's units."""
        return dict(self.parts.regimen)

    @property
    def eta_names(self) -> tuple[str, ...]:
        return self.parts.between_patients.names

    @property
    def occasion_eta_names(self) -> tuple[str, ...]:
        return self.parts.between_occasions.names

    @cached_property
    def numbers(self) -> dict[str, Number]:
        """Every number by its theta name, fixed ones and defaults of the structure too."""
        return {
            number.name: dataclasses.replace(number, value=self.changed.get(number.name, number.value))
            for number in self.parts.numbers()
        }

    @cached_property
    def _values(self) -> dict[str, float]:
        return {name: number.value for name, number in self.numbers.items()}

    @property
    def thetas(self) -> dict[str, float]:
        """Typical values, covariate coefficients and residual standard deviations that are not fixed."""
        return {name: number.value for name, number in self.numbers.items() if not number.fixed}

    @property
    def theta_names(self) -> tuple[str, ...]:
        return tuple(self.thetas)

    def with_thetas(self, thetas: Mapping[str, float]) -> PopulationModel:
        """The model with other numbers; fixed ones may be set too.

        Raises:
            UsageError: a name that is none of the model's, a value that is not finite or outside its bounds.
        """
        self._refuse_strangers(thetas)
        changed = {name: float(value) for name, value in thetas.items()}
        for name, value in changed.items():
            low, high = self.numbers[name].bounds
            if not math.isfinite(value) or not low <= value <= high:
                what = f"{name}={value:g} lies outside {low:g} to {high:g} {self.numbers[name].unit}"
                raise UsageError(what, where=self.name)
        return dataclasses.replace(self, changed={**self.changed, **changed})

    def with_omega(self, omega: Any = None, omega_occasion: Any = None) -> PopulationModel:
        """The model with other covariances of its random effects.

        Raises:
            ModelError: a matrix of the wrong shape, or not symmetric and positive definite.
        """
        given = {}
        if omega is not None:
            given["omega"] = checked_covariance(omega, self.eta_names, self.name)
        if omega_occasion is not None:
            given["omega_occasion"] = checked_covariance(omega_occasion, self.occasion_eta_names, self.name)
        return dataclasses.replace(self, **given)

    def without_random_effects(self) -> PopulationModel:
        """The model with all patients typical: fitted by any method, it is the naive pooled fit."""
        between, within = self.parts.between_patients.none, self.parts.between_occasions.none
        parts = dataclasses.replace(self.parts, between_patients=between, between_occasions=within)
        return dataclasses.replace(self, parts=parts, omega=between.omega, omega_occasion=within.omega)

    def individual(
        self,
        covariates: Mapping[str, Any],
        etas: Any = None,
        thetas: Mapping[str, Any] | None = None,
        occasion_etas: Any = None,
        *,
        patient_ids: Any = None,
    ) -> dict[str, Array]:
        """The structure's parameters of patients; element-wise, traceable and differentiable in thetas and etas.

        Args:
            covariates: name -> values in the cohort's units, (patient,) or (segment, patient).
            etas: random effects between patients, (eta, patient) in the order of `eta_names`; None: none.
            thetas: numbers by theta name in place of the model's own.
            occasion_etas: random effects between occasions, (occasion eta, patient) or (occasion eta, segment,
                patient) in the order of `occasion_eta_names`; None: none.
            patient_ids: (patient,), for messages.

        Returns:
            Parameter -> values in the structure's unit, all of one shape: that of covariates and effects together.

        Raises:
            DataError: a covariate is missing; it and the patients are named.
            UsageError: an unknown theta, or effects of the wrong number.
        """
        self._refuse_strangers(thetas or {})
        x = gather(self.parts.covariates, covariates, self.name, patient_ids)
        shapes = [jnp.shape(values) for values in covariates.values()]
        effects = rows(etas, self.eta_names, "etas", self.name)
        for name, row in rows(occasion_etas, self.occasion_eta_names, "occasion_etas", self.name).items():
            effects[name] = jnp.add(*jnp.broadcast_arrays(effects[name], row)) if name in effects else row
        return individual_parameters(self.parts, x, effects, {**self._values, **(thetas or {})}, shapes)

    def draw_etas(self, seed: Any, patient_ids: Any, *, occasion: Any = 0, replicate: Any = 0) -> Array:
        """Random effects between patients, (eta, patient); a patient's depend on the seed and its id alone.

        Args:
            seed: the user's integer.
            patient_ids: int64 (patient,).
            occasion: as in `kernels.random.key`; leave it at 0, these effects stay with the patient.
            replicate: replicate of the study, from 0.
        """
        level = dataclasses.replace(self.parts.between_patients, omega=self.omega)
        return level.draw(seed, patient_ids, occasion=occasion, replicate=replicate)

    def draw_occasion_etas(self, seed: Any, patient_ids: Any, *, occasion: Any = 0, replicate: Any = 0) -> Array:
        """Random effects of one occasion, (occasion eta, patient); occasions count from 0."""
        level = dataclasses.replace(self.parts.between_occasions, omega=self.omega_occasion)
        return level.draw(seed, patient_ids, occasion=occasion, replicate=replicate)

    def residual(
        self, output: str, prediction: Any, seed: Any, patient_ids: Any, *, replicate: Any = 0, thetas: Any = None
    ) -> Array:
        """Observations with residual error; exact where the output has none.

        Row i of a patient depends on the seed, the replicate, the id, the output and i alone.

        Args:
            output: name of an output of the structure.
            prediction: [its unit] (time, patient).
            seed, patient_ids, replicate: as in `draw_etas`.
            thetas: numbers by theta name in place of the model's own.
        """
        self.structure.output(output)
        prediction = jnp.asarray(prediction)
        if output not in self.error_models:
            return prediction
        normals = random.normals(seed, f"residual:{output}", prediction.shape[0], patient_ids, replicate=replicate)
        return self.error_models[output].observe(prediction, normals, thetas)

    def sources(self) -> list[Sourced]:
        """Every number with its unit, meaning and source, variances of random effects too."""
        omegas = (("omega", self.omega), ("omega_occasion", self.omega_occasion))
        levels = (self.parts.between_patients, self.parts.between_occasions)
        rows = numbers_of(self.numbers.values())
        for level, (label, omega) in zip(levels, omegas, strict=True):
            rows += effects_of(level, omega, label)
        return rows

    def assumed(self) -> list[str]:
        """Names of the numbers nobody published: marked so in the file, or defaults of the structure."""
        marked = [row.name for row in self.sources() if row.source.lower().startswith(ASSUMED)]
        return [*marked, *(name for name in self.parts.defaulted if name not in marked)]

    @property
    def identity(self) -> dict[str, Any]:
        """What the model is, as JSON data: two models with one identity give the same numbers."""
        return json.loads(self._identity_text)

    @cached_property
    def _identity_text(self) -> str:
        omegas = {"omega": self.omega.tolist(), "omega_occasion": self.omega_occasion.tolist()}
        # Words do not change a number.
        data = {k: v for k, v in self.document.items() if k not in ("title", "source", "notes", "regimen")}
        content = {"document": data, "numbers": self._values, **omegas}
        return json.dumps(content, sort_keys=True)

    def _refuse_strangers(self, thetas: Mapping[str, Any]) -> None:
        for name in thetas:
            if name not in self.numbers:
                raise UsageError(f"the model has no number {name!r}", where=self.name, do=nearest(name, self.numbers))


def population_model(source: str | Path | Mapping[str, Any] | PopulationModel) -> PopulationModel:
    """A population model by name of the library, by path of a YAML file, or from a mapping with the same keys.

    >>> model = population_model("vancomycin_goti_2018")
    >>> cl = model.individual({"crcl": 60.0, "weight": 79.0, "dialysis": 0.0})["cl"]
    >>> round(float(cl), 2)  # 4.5 (60/120)^0.8
    2.58

    Raises:
        UsageError: neither a library model nor a file.
        DataError: the file is no sound YAML.
        ModelError: the model contradicts itself or its structure; everything wrong is told at once.
    """
    if isinstance(source, PopulationModel):
        return source
    if isinstance(source, Mapping):
        document, name = copy.deepcopy(dict(source)), str(source.get("name", "mapping"))
        document.pop("name", None)
    else:
        path = model_path(source)
        document, name = read_yaml(path), path.stem
    parts = read_parts(document, name)
    return PopulationModel(name, parts, document, {}, parts.between_patients.omega, parts.between_occasions.omega)
