"""How a run ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kernels.status import NAMES


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
    failures: Mapping[int, str] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 done, 1 some patients or shards failed, 130 interrupted."""
        return 130 if self.interrupted else int(self.n_failed > 0 or self.shards_failed > 0)


def failed_patients(status: np.ndarray | None, count: int, tally: Counter[str]) -> int:
    """How many patients of a chunk failed, in any scenario; the tally of their statuses grows.

    Args:
        status: (..., patient), or None where there is none.
    """
    if status is None or not status.any():
        return 0
    rows = status.reshape(-1, count)
    for code in np.unique(rows[rows != 0]):
        tally[NAMES.get(int(code), str(code))] += int((rows == code).any(axis=0).sum())
    return int((rows != 0).any(axis=0).sum())
