"""A window of seconds, beat by beat, of patients whose averaged circulation has been simulated.

    organs/circulation at its last time  ->  the same parameters, volumes and nerves in organs/circulation_pulsatile

Nothing is fitted in between: volumes begin at their means of a beat and settle for some beats that are not shown.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from twinsim.errors import UsageError
from twinsim.models.couple import bind
from twinsim.models.registry import structure
from twinsim.models.structure import Structure
from twinsim.population.bare import bare_model
from twinsim.population.cohort import Cohort
from twinsim.population.covariate_effects import Relation
from twinsim.population.fields import Number
from twinsim.population.model import PopulationModel
from twinsim.population.model_covariate import ModelCovariate
from twinsim.population.model_file import ModelParameter
from twinsim.simulation import Results, simulate

SETTLE = 30.0  # s: the slowest thing that settles is the veins', about 10 s
MAX_STEPS = 1_000_000
_VOLUMES = ("left_ventricle", "arteries", "right_ventricle", "pulmonary_arteries", "pulmonary_veins")


def pulsatile_window(averaged: Results, seconds: float = 5.0, step: float = 0.01, **options: Any) -> Results:
    """Pressures, volumes and flows beat by beat, of each patient as `averaged` left it.

    Args:
        averaged: of organs/circulation, or of a coupled structure that has its names; with all its outputs.
        seconds, step: how long, and how often to look [s]; times count from before the beats that settle.
        options: of `twinsim.simulate`: precision, outputs, rtol.

    Returns:
        Results of organs/circulation_pulsatile for the same patients, nerves held as they were.

    Raises:
        UsageError: results that lack something of organs/circulation.
    """
    held = _held()
    values = {name: _value(averaged, name) for name in held.parameter_names}
    ids = averaged.job.patient_ids(0, averaged.job.size)
    units = {f"own_{item.name}": item.unit for item in held.parameters}
    cohort = Cohort(ids, {f"own_{name}": value for name, value in values.items()}, units)
    times = SETTLE + np.arange(0.0, seconds, step)
    begin = {name: averaged.final[name] for name in _VOLUMES} | {"veins": 1000.0 * averaged["venous_volume"][-1]}
    counters = ("phase", "pressure_sum", "ejected", "time", *(f"rate:{name}" for name in held.state_names))
    begin |= dict.fromkeys(counters, np.zeros(averaged.job.size))
    options = {"precision": "float64", "endpoints": (), "max_steps": MAX_STEPS, "rtol": 1e-6, **options}
    return simulate(_of_patients(held), cohort, times=times, start=begin, **options)


def _held() -> Structure:
    """The pulsatile circulation with its needs as parameters."""
    free = structure("organs/circulation_pulsatile")
    return bind(free, {port.name: float(port.default or 0.0) for port in free.needs})


def _value(averaged: Results, name: str) -> np.ndarray:
    """A parameter of each patient, or what nerves made of it at the last time."""
    if name in ("start_arterial_pressure", "start_filling_pressure", "blood_volume"):  # of a start that is not used
        return np.ones(averaged.job.size)
    key = name if name in averaged.arrays else f"parameters/{name}"
    if key not in averaged.arrays:
        raise UsageError(
            f"these results have no {name!r}",
            where=averaged.job.title or "pulsatile_window",
            do="simulate organs/circulation with all its outputs",
        )
    found = averaged[key]
    return np.asarray(found[-1] if found.ndim > 1 else found, np.float64)


def _of_patients(held: Structure) -> PopulationModel:
    """Every parameter is the covariate own_<name>."""
    parameters = tuple(
        ModelParameter(
            item.name,
            item.unit,
            Number(item.name, 1.0, item.unit, item.meaning, "of the averaged patient", fixed=True),
            (Relation("proportional", (f"own_{item.name}",)),),
            item.bounds,
        )
        for item in held.parameters
    )
    covariates = tuple(
        ModelCovariate(f"own_{item.name}", item.unit, item.unit, item.default, meaning=item.meaning)
        for item in held.parameters
    )
    bare = bare_model(held)
    return replace(bare, parts=replace(bare.parts, parameters=parameters, covariates=covariates, defaulted=()))
