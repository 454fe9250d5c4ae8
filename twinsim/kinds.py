"""The kinds of experiments, and the keys that say nothing to each."""

from __future__ import annotations

from typing import Literal, get_args

# kind: of an experiment -> module experiments.<kind>; nothing else is ever imported by name.
Kind = Literal[
    "quickstart", "cohort_pk", "pbpk", "pbpk_interaction", "organ", "whole_patient", "drug_safety",
    "validate_physiology", "predict", "sweep", "fit", "fit_stages", "simulate_and_refit",
]  # fmt: skip
KINDS: tuple[str, ...] = get_args(Kind)
_PATIENT = ("organs", "population.conditions", "population.prevalence", "cells")
_ORGAN = ("events", "inputs", "between_patients", "between_patients_source", *_PATIENT)
_OBSERVED = ("dvid", "lloq")
_TABLES = ("data", "columns", "calibrate", "method", "interpolation", *_OBSERVED, "stages")
_DESIGNED = ("covariates", "population", "regimen", "times")
_NOT_FITTED = (
    "drug", "perpetrator", "start", "settle", "parameters", "precision", "outputs", "solver.max_steps", "solver.dense",
    "endpoints", "observed", "occasions", "sweep", "save", "runner",
)  # fmt: skip
_NOT_PREDICTED = (
    "drug", "perpetrator", "start", "settle", "parameters", "covariates", "precision", "outputs", "seed",
    "solver.max_steps", "solver.dense", "population", "regimen", "times", "endpoints", "observed", "calibrate", "sweep",
    "save", "runner", "method", "lloq", "stages",
)  # fmt: skip
_NOT_QUICK = (
    "drug", "perpetrator", "settle", "typical", "parameters", "covariates", "calibrate", "sweep", "method",
    "interpolation", "stages", *_OBSERVED,
)  # fmt: skip
_NOT_RECOVERED = (
    "covariates", "stages", "lloq", "calibrate.bootstrap", "calibrate.strata", "population.cirrhosis", "population.ckd",
)  # fmt: skip
_NOT_WHOLE = (
    "inputs", "between_patients", "between_patients_source", "model", "perpetrator", "occasions", "sweep", "regimen",
    "observed", "population.mode", "population.cirrhosis", "population.ckd",
)  # fmt: skip
_NOT_GRADED = (
    "events", "between_patients", "between_patients_source", "model", "drug", "perpetrator", "covariates", "start",
    "occasions", "sweep", "regimen", "observed", "times", "outputs", "endpoints", "save", "population.source",
    "population.mode", "population.cirrhosis", "population.ckd", *_PATIENT,
)  # fmt: skip
# Keys that say nothing to a kind of experiment: setting one is refused, so that nobody waits for its effect.
WITHOUT_EFFECT = {
    "quickstart": (*_ORGAN, *_NOT_QUICK),
    "cohort_pk": (*_ORGAN, "drug", "perpetrator", "sweep", *_TABLES),
    "pbpk": (*_ORGAN, "model", "perpetrator", "observed", "occasions", "sweep", *_TABLES),
    "pbpk_interaction": (*_ORGAN, "model", "observed", "occasions", "sweep", *_TABLES),
    "organ": (*_PATIENT, "drug", "perpetrator", "occasions", "sweep", "regimen.steady_state", *_TABLES),
    "whole_patient": (*_NOT_WHOLE, "cells", *_TABLES),
    "drug_safety": (*_NOT_WHOLE, "save", *_TABLES),
    "validate_physiology": (*_NOT_GRADED, *(key for key in _TABLES if key != "data")),
    "predict": (*_ORGAN, *_NOT_PREDICTED),
    "sweep": (*_ORGAN, "drug", "perpetrator", *_TABLES),
    "fit": (*_ORGAN, *_NOT_FITTED, *_DESIGNED, "stages", "calibrate.studies"),
    "fit_stages": (*_ORGAN, *_NOT_FITTED, *_DESIGNED, "model", "calibrate.studies"),
    "simulate_and_refit": (*_ORGAN, *_NOT_FITTED, *_NOT_RECOVERED),
}
