"""What patients' random effects foretell at further times, under each one's own doses."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from jax import lax

from twinsim import units
from twinsim.calibrate.course import Course
from twinsim.calibrate.evaluate import copies, over_patients
from twinsim.calibrate.mode import individual_evaluator
from twinsim.calibrate.study import Outline, Study, study_of
from twinsim.calibrate.unknowns import Unknowns
from twinsim.errors import UsageError
from twinsim.records.ahead import with_times


def foretold(study: Study, nu: np.ndarray, times: Any, output: str | None, how: Mapping[str, Any]) -> np.ndarray:
    """Predictions (draw, time, patient).

    Args:
        nu: standard normal effects (draw, effect, patient); NaN gives NaN.
        times: (time,) or (time, patient) [h].
        output: None: the first that was observed.
        how: solver and rtol.
    """
    patients = study.records.n_patients
    name = study.outline.outputs[0] if output is None else study.model.structure.output(output).name
    given = np.asarray(times, np.float64)
    if given.ndim not in (1, 2) or not given.size or (given.ndim == 2 and given.shape[1] != patients):
        what = f"times have shape {given.shape}"
        raise UsageError(what, where="times", do=f"give (time,) or (time, patient) with {patients} patients")
    given = np.broadcast_to(given.reshape(len(given), -1), (len(given), patients))
    records, places = with_times(study.records, given, name)
    asked = study_of(study.model, records, rows=np.sort(places, axis=None), **how)
    evaluator = individual_evaluator(asked)
    program = _predicted(asked.outline, evaluator.unknowns)
    found = evaluator.everyone(program, np.zeros(0), nu=np.nan_to_num(nu))["f"] * _factor(study, name)
    found = np.where(np.isnan(nu).any(axis=1, keepdims=True), np.nan, found)
    # Rows are in the order of time, one for each.
    rows = np.argsort(np.argsort(places, axis=0), axis=0)
    return np.take_along_axis(found, rows[None], axis=1)


def _factor(study: Study, output: str) -> float:
    """From the output's unit to that of the data, where there is one."""
    observed = study.observed
    if output in study.outline.outputs:
        rows = observed.used & (observed.kind == study.outline.outputs.index(output))
        if rows.any():
            return float(observed.factor[rows][0])
    unit, given = study.model.structure.output(output).unit, study.records.units.get("DV")
    return units.factor(unit, given) if isinstance(given, str) and units.compatible(unit, given) else 1.0


@lru_cache(maxsize=32)
def _predicted(outline: Outline, unknowns: Unknowns) -> Any:
    """The compiled predictions."""

    def predicted(course: Course, own: Any, shared: Any) -> dict[str, Any]:
        given = course.unknowns.apply(copies(shared["z"], 1), course.given)
        predict = course.predictor(given)
        return {"f": lax.map(lambda nu: predict(course.inputs(given, nu))[0], own["nu"])}

    return over_patients(predicted, outline, unknowns, {"f": 3})
