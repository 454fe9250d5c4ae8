"""The contract between the runner and what it runs.

A `Job` computes any range of its patients; the runner decides which ranges, in which order and on which machine,
writes what comes back, and streams it through `Reducer`s. A job's numbers must not depend on how it is cut.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np

from twinsim.store.variable import Coordinate, Variable

# Chunks of patients begin and end at multiples of this, but for the end of the cohort.
BLOCK = 256

State = dict[str, np.ndarray]

__all__ = ["BLOCK", "Coordinate", "Job", "Reducer", "State", "Variable"]


@runtime_checkable
class Reducer(Protocol):
    """A summary that is made while chunks stream by.

    A state is plain named arrays: it is stored with each shard, so that a resumed run need not read its patients
    again. States of neighbouring ranges merge; the result must not depend on where the ranges were cut.
    """

    @property
    def name(self) -> str:
        """Unique among the job's reducers; the name of a group in the shards."""
        ...

    @property
    def keys(self) -> tuple[str, ...]:
        """Which of the job's outputs it needs; `key#bins` and `key#moments` count as `key`."""
        ...

    def start(self) -> State:
        """The state of no patients."""
        ...

    def add(self, state: State, chunk: Mapping[str, np.ndarray], first: int) -> State:
        """The state with a chunk added.

        Args:
            state: of the patients from a multiple of `BLOCK` to first - 1; may be changed in place.
            chunk: arrays by key, patient last.
            first: number of the chunk's first patient, a multiple of `BLOCK`.
        """
        ...

    def merge(self, a: State, b: State) -> State:
        """The state of two ranges, a before b."""
        ...

    def finish(self, state: State) -> list[tuple[Variable, np.ndarray]]:
        """Variables of group "summary" and their values, coordinates of own dimensions among them."""
        ...

    def state_bytes(self, sizes: Mapping[str, int], patients: int) -> int:
        """Memory of the state of so many patients, for the plan.

        Args:
            sizes: length of the job's dimensions other than patient.
        """
        ...


@runtime_checkable
class Job(Protocol):
    """Patients 0 to size - 1, any range of which can be computed by itself."""

    @property
    def title(self) -> str:
        """One line for the reader of the results."""
        ...

    @property
    def size(self) -> int:
        """Number of patients."""
        ...

    @property
    def coordinates(self) -> Mapping[str, Coordinate]:
        """Every dimension other than patient, and further coordinates along them."""
        ...

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Per-patient arrays that are written; a "status" (see `status_variable`) among them counts failures."""
        ...

    @property
    def reducers(self) -> tuple[Reducer, ...]:
        """Summaries."""
        ...

    @property
    def identity(self) -> Mapping[str, Any]:
        """Everything that determines the numbers, as JSON knows it; "seed" is also shown as a file attribute."""
        ...

    @property
    def provenance(self) -> Mapping[str, str]:
        """Texts for /provenance: resolved config, environment, sources, assumed values. No times."""
        ...

    def patient_ids(self, first: int, count: int) -> np.ndarray:
        """int64 ids of patients first to first + count - 1 (patient)."""
        ...

    def compute(self, first: int, count: int) -> Mapping[str, Any]:
        """All outputs of patients first to first + count - 1.

        Returns:
            arrays by variable key ("name" or "group/name") with the patient as the last axis, e.g. (time, patient)
            or (scenario, time, patient). They may be JAX arrays that are still being computed: the runner asks for
            the next chunk before it looks at this one. Outputs that only reducers use may be among them; in
            their place `key#moments` (3, ..., block or blocks joined), see `moments.Moments`, and `key#bins` (part,
            ..., bin), counts for `summary.Quantiles`.
        """
        ...
