"""Virtual patients by the million: one description of a model, run forward to simulate and backward to calibrate."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import kernels
from twinsim.run.devices import configure

if getattr(kernels, "OWNER", None) != "twinsim":
    raise ImportError(
        f"another package called 'kernels' stands before twinsim's: {kernels.__file__}\n"
        "  do: install twinsim in an environment without it: python -m venv .venv && .venv/bin/pip install twinsim"
    )
configure()

if TYPE_CHECKING:
    from twinsim.calibrate.bootstrap import bootstrap
    from twinsim.calibrate.fit import Fit, fit, objective
    from twinsim.calibrate.individual import individualise
    from twinsim.calibrate.posterior import Posterior
    from twinsim.calibrate.recovery import recover
    from twinsim.calibrate.refits import Refits
    from twinsim.cohort_job import cohort_job
    from twinsim.drugs import drug_names
    from twinsim.drugs.drug import Drug, drug
    from twinsim.drugs.whole_body import whole_body_model
    from twinsim.models.couple import bind, couple
    from twinsim.models.registry import structure, structures
    from twinsim.patient.actions import actions
    from twinsim.patient.cohort import patients, whole_cohort
    from twinsim.patient.whole import whole_patient
    from twinsim.population.cohort import Cohort, sample_cohort
    from twinsim.population.model import PopulationModel, population_model
    from twinsim.prediction import predict
    from twinsim.pulsatile import pulsatile_window
    from twinsim.records import Records, read_records
    from twinsim.regimens import regimen
    from twinsim.scenario import Scenario
    from twinsim.simulation import Results, simulate
    from twinsim.store import open_results

# name -> module; imported when first used, so that `--help` and plain readers of results start quickly.
_HOMES = {
    "Cohort": "twinsim.population.cohort",
    "Drug": "twinsim.drugs.drug",
    "Fit": "twinsim.calibrate.fit",
    "PopulationModel": "twinsim.population.model",
    "Posterior": "twinsim.calibrate.posterior",
    "Records": "twinsim.records",
    "Refits": "twinsim.calibrate.refits",
    "Results": "twinsim.simulation",
    "Scenario": "twinsim.scenario",
    "actions": "twinsim.patient.actions",
    "bind": "twinsim.models.couple",
    "bootstrap": "twinsim.calibrate.bootstrap",
    "cohort_job": "twinsim.cohort_job",
    "couple": "twinsim.models.couple",
    "drug": "twinsim.drugs.drug",
    "drug_names": "twinsim.drugs",
    "fit": "twinsim.calibrate.fit",
    "individualise": "twinsim.calibrate.individual",
    "objective": "twinsim.calibrate.fit",
    "open_results": "twinsim.store",
    "patients": "twinsim.patient.cohort",
    "population_model": "twinsim.population.model",
    "predict": "twinsim.prediction",
    "pulsatile_window": "twinsim.pulsatile",
    "read_records": "twinsim.records",
    "recover": "twinsim.calibrate.recovery",
    "regimen": "twinsim.regimens",
    "sample_cohort": "twinsim.population.cohort",
    "simulate": "twinsim.simulation",
    "structure": "twinsim.models.registry",
    "structures": "twinsim.models.registry",
    "whole_body_model": "twinsim.drugs.whole_body",
    "whole_cohort": "twinsim.patient.cohort",
    "whole_patient": "twinsim.patient.whole",
}

__all__ = [
    "Cohort",
    "Drug",
    "Fit",
    "PopulationModel",
    "Posterior",
    "Records",
    "Refits",
    "Results",
    "Scenario",
    "actions",
    "bind",
    "bootstrap",
    "cohort_job",
    "couple",
    "drug",
    "drug_names",
    "fit",
    "individualise",
    "objective",
    "open_results",
    "patients",
    "population_model",
    "predict",
    "pulsatile_window",
    "read_records",
    "recover",
    "regimen",
    "sample_cohort",
    "simulate",
    "structure",
    "structures",
    "whole_body_model",
    "whole_cohort",
    "whole_patient",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'twinsim' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
