"""What the results of a cohort hold: coordinates and variables with units and words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from twinsim.events import KINDS
from twinsim.flags import flag_variables
from twinsim.scenario import covariate_meaning
from twinsim.store.variable import Coordinate, Variable, status_variable

if TYPE_CHECKING:
    from twinsim.cohort_job import CohortJob

RECORD_TIME = "record_time"
_GIVEN = (KINDS.index("add"), KINDS.index("rate"))


def coordinates_of(job: CohortJob) -> dict[str, Coordinate]:
    """Time, or numbers of records where each patient has its own times; occasions; the swept values."""
    unit = job.model.structure.time
    if job.times.ndim == 1:
        result = {"time": Coordinate(job.times, units=unit, long_name=time_words(job))}
    else:
        result = {"record": Coordinate(np.arange(len(job.times)), "1", "record of the patient, from 0")}
    if len(job.occasions) > 1:
        result["occasion"] = Coordinate(np.arange(len(job.occasions)), "1", "occasion, from 0")
        result["occasion_start"] = Coordinate(job.occasions, unit, "start of the occasion", dim="occasion")
    if job.swept:
        result["scenario"] = Coordinate(np.arange(len(job.scenarios)), units="1", long_name="scenario")
        for name in job.scenarios[0].values:
            values = np.asarray([scenario.values[name] for scenario in job.scenarios], np.float64)
            key = name.replace(".", "_")
            unit = job.scenarios[0].units.get(name, "1")
            result[key] = Coordinate(values, units=unit, long_name=f"swept: {name}", dim="scenario")
    return result


def time_words(job: CohortJob) -> str:
    """What time is counted from: the first dose, where one is given at time 0."""
    doses = [np.isin(scenario.events.kind, _GIVEN) for scenario in job.scenarios]
    begins = [scenario.events.time[given] for scenario, given in zip(job.scenarios, doses, strict=True)]
    return "time after the first dose" if all(len(times) and times.min() == 0.0 for times in begins) else "time"


def variables_of(job: CohortJob, covariates: Iterable[str]) -> tuple[Variable, ...]:
    """Curves, endpoints, flags, parameters, covariates and status.

    Args:
        covariates: names of those a patient has, derived ones too.
    """
    dtype = np.dtype(job.settings["precision"])
    structure = job.model.structure
    outer = ("scenario",) if job.swept else ()
    along = "time" if job.times.ndim == 1 else "record"
    result = [status_variable((*outer, "patient"))]
    if along == "record":
        result.append(Variable(RECORD_TIME, ("patient", "record"), np.float64, structure.time, time_words(job)))
    several = len(job.program.shown) > 1
    for name in job.program.shown:
        port = structure.output(name)
        dims = (*outer, "patient", along)
        if job.program.curves:
            result.append(Variable(name, dims, dtype, port.unit, port.meaning))
        if job.program.observed:
            meaning = f"{port.meaning}, with residual error"
            result.append(Variable(f"{name}_observed", dims, dtype, port.unit, meaning))
        for item in job.program.endpoints:
            unit, meaning = item.unit(port, structure.time), item.meaning(port)
            key = item.name(name, several)
            result.append(Variable(key, (*outer, "patient"), dtype, unit, meaning, group="endpoints"))
    return (*result, *flag_variables(structure, (*outer, "patient")), *_of_patients(job, covariates))


def _of_patients(job: CohortJob, covariates: Iterable[str]) -> list[Variable]:
    """Parameters, of each occasion if there are several, and covariates; of the beginning where they change."""
    swept = job.swept and any(scenario.parameters or scenario.covariates for scenario in job.scenarios)
    timed = job.cohort.timed if job.cohort is not None else ()
    begin = ", at the beginning" if timed else ""
    dims = (*(("scenario",) if swept else ()), "patient")
    occasions = ("occasion",) if len(job.occasions) > 1 else ()
    result = []
    for item in job.model.structure.parameters:
        meaning = item.meaning + (f"{begin} of the occasion" if begin and occasions else begin)
        variable = Variable(item.name, (*dims, *occasions), np.float64, item.unit, meaning, group="parameters")
        result.append(variable)
    for name in covariates:
        unit, meaning = covariate_meaning(name, job.cohort)
        result.append(Variable(name, dims, np.float64, unit, meaning + begin, group="covariates"))
    return result
