"""A structure alone as a population model: everyone has its default parameters."""

from __future__ import annotations

import numpy as np

from twinsim.models.structure import Structure
from twinsim.population.fields import Number
from twinsim.population.model import PopulationModel
from twinsim.population.model_file import ModelParameter, Parts
from twinsim.population.variability import RandomEffects


def bare_model(structure: Structure) -> PopulationModel:
    """A model without covariates, variability or residual error, of any structure, registered or not.

    >>> import twinsim
    >>> bare_model(twinsim.structure("pk/one_compartment_iv")).assumed()
    ['cl', 'v', 'rate', 'duration']
    """
    parameters = []
    for item in structure.parameters:
        origin = f"default of {structure.name}: {item.source}"
        number = Number(item.name, item.default, item.unit, item.meaning, origin, True, item.bounds)
        parameters.append(ModelParameter(item.name, item.unit, number, (), item.bounds))
    nothing = RandomEffects((), (), np.zeros((0, 0)), (), "eta", ())
    parts = Parts(
        title=structure.name,
        source=structure.source,
        structure=structure,
        parameterisation=None,
        parameters=tuple(parameters),
        defaulted=structure.parameter_names,
        covariates=(),
        between_patients=nothing,
        between_occasions=nothing,
        error_models={},
        priors=(),
        regimen={},
    )
    document = {"structure": structure.name, "parts": list(structure.parts)}
    return PopulationModel(structure.name, parts, document, {}, nothing.omega, nothing.omega)
