"""How a run ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kernels.status import NAMES
from twinsim.flags import tally_flags


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended.

    Args:
        folder: the run's folder.
        path: results.h5; None if there is none yet.
        n_patients: size of the cohort.
        n_failed: patients without usable numbers: with a status, or in a failed shard.
        shards_failed: number of shards whose computation failed.
        seconds: of this start.
        interrupted: stopped from outside; resume=True continues.
        statuses: patients that failed in this start, by the name of their status.
        flagged: patients of this start who left the range in which the model was held against people, by what left it.
        failures: what went wrong, by shard number.
    """

    folder: Path
    path: Path | None
    n_patients: int
    n_failed: int
    shards_failed: int
    seconds: float
    interrupted: bool = False
    statuses: Mapping[str, int] = field(default_factory=dict)
    flagged: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[int, str] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 done, 1 some patients or shards failed, 130 interrupted."""
        return 130 if self.interrupted else int(self.n_failed > 0 or self.shards_failed > 0)


@dataclass
class Tally:
    """Patients of this start who failed, and who left a range."""

    statuses: Counter[str] = field(default_factory=Counter)
    flagged: Counter[str] = field(default_factory=Counter)

    def add(self, chunk: Mapping[str, np.ndarray], count: int) -> int:
        """Count those of a chunk; how many of them failed, in any scenario.

        Args:
            chunk: arrays of results by key, patient last; a status where there is one.
        """
        tally_flags(chunk, count, self.flagged)
        status = chunk.get("status")
        if status is None or not status.any():
            return 0
        rows = status.reshape(-1, count)
        for code in np.unique(rows[rows != 0]):
            self.statuses[NAMES.get(int(code), str(code))] += int((rows == code).any(axis=0).sum())
        return int((rows != 0).any(axis=0).sum())
