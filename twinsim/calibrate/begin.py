"""Whether a fit can begin where it is asked to: patients whose likelihood is no number there, and why."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jax.numpy as jnp
import numpy as np

from kernels import status as codes
from twinsim.calibrate.course import Course
from twinsim.calibrate.evaluate import Evaluation, Evaluator, copies, over_patients
from twinsim.calibrate.study import Outline
from twinsim.calibrate.unknowns import Unknowns
from twinsim.errors import REMEDIES, DataError

NO_VARIANCE = "an observation that is impossible: its variance is 0"
NO_LOGARITHM = "a prediction that is not above 0, whose error is lognormal"
NO_VALUE = "an observation without a value"
NO_NUMBER = "its likelihood is too large or too small for a number"
NO_SLOPE = "its likelihood has no finite slope"
_CHANGE = "change the values a fit starts from"
_DO = {
    "max_steps": f"{_CHANGE}, use solver=stiff, or loosen rtol",
    "step_too_small": f"{_CHANGE}, or use solver=stiff",
    NO_VARIANCE: f"{_CHANGE}, or add an additive part to the residual error",
    NO_LOGARITHM: f"{_CHANGE}, or set MDV to 1 before the drug arrives",
    NO_NUMBER: f"{_CHANGE}, or look at these patients' doses and observations",
}


def require_finite(evaluator: Evaluator, z: np.ndarray, found: Evaluation, slopes: bool = True) -> None:
    """Refuse to begin with patients whose share of the objective, or its gradient, is not a number.

    Args:
        z: the place (unknown).
        found: the objective there.
        slopes: whether the gradient matters.

    Raises:
        DataError: names them, and says what is wrong with each.
    """
    sound = np.isfinite(found.value)
    if slopes:
        sound &= np.isfinite(found.gradient).all(axis=0)
    bad = np.flatnonzero(~sound)
    if not bad.size:
        return
    reasons = [_reason(evaluator, z, found, i) for i in bad[:5]]
    study = evaluator.study
    which = ", ".join(f"{study.name(i)} ({why})" for i, why in zip(bad[:5], reasons, strict=True))
    # Of the remedies for runs some are no arguments of a fit.
    remedy = REMEDIES.get(reasons[0], "").partition(": ")[2]
    do = _DO.get(reasons[0], f"{_CHANGE}, or {remedy}" if remedy else _CHANGE)
    what = f"{bad.size} patients have no likelihood with the values the fit starts from: {which}"
    raise DataError(what, where=study.records.source, do=do)


def _reason(evaluator: Evaluator, z: np.ndarray, found: Evaluation, patient: int) -> str:
    """What is wrong with a patient: the name of the solver's status, or a sentence."""
    code = int(found.modes.status[patient])
    if code != codes.OK:
        return codes.NAMES[code]
    study, which = evaluator.study, np.asarray([patient])
    own = Evaluator(study.of_patients(which), evaluator.unknowns, evaluator.method)
    nu = np.nan_to_num(found.modes.nu[:, which])
    seen = own.everyone(_scattered(own.study.outline, own.unknowns), z, nu=nu)
    code = int(seen["status"][0])
    if code != codes.OK:
        return codes.NAMES[code]
    used = study.observed.used[:, patient]
    predicted, mean, spread = (seen[name][used, 0] for name in ("predicted", "mean", "log_variance"))
    if not np.isfinite(predicted).all():
        return codes.NAMES[codes.NON_FINITE]
    if not np.isfinite(study.observed.dv[used, patient]).all():
        return NO_VALUE
    if not np.isfinite(mean).all():
        return NO_LOGARITHM
    if np.isneginf(spread).any():
        return NO_VARIANCE
    return NO_SLOPE if np.isfinite(found.value[patient]) else NO_NUMBER


@lru_cache(maxsize=32)
def _scattered(outline: Outline, unknowns: Unknowns) -> Any:
    """The compiled moments of the observations."""

    def scattered(course: Course, own: Any, shared: Any) -> dict[str, Any]:
        given = course.unknowns.apply(copies(shared["z"], 1), course.given)
        f, status = course.predictor(given)(course.inputs(given, own["nu"]))
        at = course.moments(given, f)
        wide = lambda x: jnp.broadcast_to(x, f.shape)  # noqa: E731
        return {"predicted": f, "mean": wide(at.mean), "log_variance": wide(at.log_variance), "status": status}

    return over_patients(scattered, outline, unknowns, {"predicted": 2, "mean": 2, "log_variance": 2, "status": 1})
