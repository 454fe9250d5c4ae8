"""A cohort chunk by chunk: the program that makes the reducers' numbers where the curves are, and its results."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from kernels.batch import all_devices, rounded, spread
from twinsim.cohort_inputs import own_of, shared_of
from twinsim.contents import RECORD_TIME
from twinsim.program import CohortProgram, compiled
from twinsim.segments import cohort_segments, timed_of

if TYPE_CHECKING:
    from twinsim.cohort_job import CohortJob

# Counts of quantiles are made in the compiled program up to this size, and on the host beyond [bytes].
COUNTED_BYTES = 32 * 2**20
SMALL_WIDTH = 4096
_REDUCED = ("#moments", "#bins")


def streamed_program(job: CohortJob) -> CohortProgram:
    """The program of `computed`: moments and counts in bins beside the curves, or in place of curves nobody wants."""
    if not job.reducers:
        return replace(job.program, final=False)
    moments, quantiles = job.reducers
    cells = len(job.times) * len(moments.keys) * len(job.scenarios)
    counts = not quantiles.is_exact and 4 * cells * quantiles.bins.count <= COUNTED_BYTES
    save = job.settings["save"]
    return replace(
        job.program,
        final=False,
        reduced=moments.keys,
        bins=quantiles.bins.cut if counts else None,
        curves=job.program.curves and not (counts and save != "trajectories"),
        endpoints=() if save == "summary" else job.program.endpoints,
    )


def computed(job: CohortJob, first: int, count: int) -> dict[str, Any]:
    """All outputs of patients first to first + count - 1, patient last, and what reducers need of them.

    A chunk that is narrower than an earlier one is filled up to its width, so that nothing is compiled for it.
    """
    width, unit = rounded(count, all_devices()), rounded(1, all_devices())
    if width <= SMALL_WIDTH:
        # Few widths, so that small cohorts of any size share compiled programs.
        width = unit * 2 ** math.ceil(math.log2(width // unit))
    width = min((known for known in job.widths if known >= width), default=width)
    job.widths.add(width)
    found = [one_scenario(job, first, count, number, width, job.streamed) for number in range(len(job.scenarios))]

    def cut(key: str, array: Any) -> Any:
        if key.endswith("#bins"):
            return array
        # Moments are of blocks, or of as many blocks together as divide the width.
        length = -(-count // (width // array.shape[-1])) if key.endswith("#moments") else count
        # A whole chunk is handed out while it is still being computed.
        return array if array.shape[-1] == length else np.asarray(array)[..., :length]

    out = {}
    for variable in job.variables:
        group, _, name = variable.key.rpartition("/")
        if group in ("parameters", "covariates"):
            keys = {variable.key: [person[group][name] for person, _ in found]}
        else:
            named = [variable.key + end for end in ("", *_REDUCED)]
            keys = {key: [result[key] for _, result in found] for key in named if key in found[0][1]}
        for key, arrays in keys.items():
            parts = [cut(key, array) for array in arrays]
            out[key] = _stacked(parts, 1 if "#" in key else 0) if "scenario" in variable.dims else parts[0]
    return out


def one_scenario(
    job: CohortJob,
    first: int,
    count: int,
    number: int,
    width: int,
    program: CohortProgram,
    start: Mapping[str, Any] | None = None,
) -> tuple[Any, Any]:
    """Patients and results of one scenario, filled up to `width` patients.

    Args:
        number: of the scenario.
        start: states to go on from, of all patients.
    """
    people, curves = compiled(program)
    segments = None
    if start is not None and job.segments[number] is not None:
        timed = timed_of(job.cohort, job.model, program.problem.layout)
        segments = cohort_segments(timed, job.occasions, job.plans[number], np.asarray(start["time"]))
    own, shared = own_of(job, first, count, number, width, segments), shared_of(job, number, segments)
    person = people(own, shared)
    block = {**own, **person}
    if start is not None:
        rows = np.minimum(np.arange(width), job.size - 1)
        block["start"] = {name: spread(np.asarray(value)[rows], all_devices()) for name, value in start.items()}
    result = curves(block, shared)
    if program.reduced:
        kept, totals = result
        result = {**kept, **totals}
    result = dict(result)
    if job.times.ndim == 2:
        result[RECORD_TIME] = own["times"]
    return person, result


def _stacked(parts: list[Any], axis: int) -> Any:
    """One array of all scenarios."""
    return (np if isinstance(parts[0], np.ndarray) else jnp).stack(parts, axis=axis)
