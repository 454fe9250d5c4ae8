"""What the compiled program of a cohort takes in: arrays of patients, and what is the same for everyone."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from kernels.batch import PATIENT, all_devices, spread
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
    numbers, counted = _numbers(width)(np.int64(first), np.int64(count))
    own: dict[str, Any] = {"id": numbers, "covariates": {}, "counted": counted}
    segments, plan = segments or job.segments[number], job.plans[number]

    def rows(arrays: Any) -> Any:
        """Those of the patients, the last one repeated, spread over the devices."""
        which = np.minimum(first + np.arange(width), first + count - 1)
        return jax.tree.map(lambda x: spread(x[..., which], all_devices()), arrays)

    if job.cohort is not None:
        own["id"] = rows(job.cohort.ids)
        moving = () if segments is None else segments.values
        begin = {name: values for name, values in job.cohort.at(-np.inf).items() if name not in moving}
        own["covariates"] = rows(begin)
    if segments is not None and segments.width > 1:
        own["segments"] = rows(segments.arrays)
    if plan.arrays["time"].shape[1] > 1:
        own["plan"], own["last_dose"] = rows(dict(plan.arrays)), rows(last_dose(plan))
    if job.times.ndim == 2:
        own["times"] = rows(job.times)
    return own


@lru_cache(maxsize=64)
def _numbers(width: int) -> Any:
    """(first, count) -> numbers of so many patients, the last one repeated, and who of them counts; on the devices."""

    def made(first: Any, count: Any) -> tuple[Any, Any]:
        place = jnp.arange(width, dtype=jnp.int64)
        return first + jnp.minimum(place, count - 1), place < count

    return jax.jit(made, out_shardings=NamedSharding(all_devices(), PartitionSpec(PATIENT)))


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
