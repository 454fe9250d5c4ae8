"""What the compiled program of a cohort takes in: arrays of patients, and what is the same for everyone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from kernels.batch import all_devices, spread
from twinsim.scenario import last_dose
from twinsim.segments import Segments

if TYPE_CHECKING:
    from twinsim.cohort_job import CohortJob


def own_of(
    job: CohortJob, first: int, count: int, number: int, width: int, segments: Segments | None = None
) -> dict[str, Any]:
    """What differs between patients; see `twinsim.people`.

    Args:
        first, count: which patients.
        number: of the scenario.
        width: whole blocks for every device; the last patient stands in for those behind it, and is not counted.
        segments: in place of the job's own.
    """
    rows = np.minimum(first + np.arange(width), first + count - 1)
    own: dict[str, Any] = {"id": rows.astype(np.int64), "covariates": {}, "counted": np.arange(width) < count}
    segments, plan = segments or job.segments[number], job.plans[number]
    if job.cohort is not None:
        own["id"] = job.cohort.ids[rows]
        moving = () if segments is None else segments.values
        begin = {name: values for name, values in job.cohort.at(-np.inf).items() if name not in moving}
        own["covariates"] = {name: values[rows] for name, values in begin.items()}
    if segments is not None and segments.width > 1:
        own["segments"] = jax.tree.map(lambda x: x[..., rows], segments.arrays)
    if plan.arrays["time"].shape[1] > 1:
        own["plan"] = {name: values[:, rows] for name, values in plan.arrays.items()}
        own["last_dose"] = last_dose(plan)[rows]
    if job.times.ndim == 2:
        own["times"] = job.times[:, rows]
    return jax.tree.map(lambda x: spread(x, all_devices()), own)


def shared_of(job: CohortJob, number: int, segments: Segments | None = None) -> dict[str, Any]:
    """What is the same for everyone; arguments as in `own_of`."""
    scenario, plan, segments = job.scenarios[number], job.plans[number], segments or job.segments[number]
    shared: dict[str, Any] = {
        "seed": jnp.asarray(np.uint64(job.seed)),
        "thetas": {name: jnp.asarray(v, jnp.float64) for name, v in job.model.thetas.items()},
        "parameters": {name: jnp.asarray(v, jnp.float64) for name, v in scenario.parameters.items()},
        "covariates": {name: jnp.asarray(v, jnp.float64) for name, v in scenario.covariates.items()},
    }
    if plan.arrays["time"].shape[1] == 1:
        shared["plan"] = {name: jnp.asarray(value) for name, value in plan.arrays.items()}
        shared["last_dose"] = jnp.asarray(last_dose(plan), jnp.float64)
    if job.times.ndim == 1:
        shared["times"] = jnp.asarray(job.times, jnp.float64)
    if segments is not None:
        shared["doses"] = jnp.asarray(segments.doses)
        if segments.width == 1:
            shared["segments"] = jax.tree.map(jnp.asarray, segments.arrays)
    return shared
