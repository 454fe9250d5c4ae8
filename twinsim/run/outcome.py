"""How a run ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


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
        failures: what went wrong, by shard number.
    """

    folder: Path
    path: Path | None
    n_patients: int
    n_failed: int
    shards_failed: int
    seconds: float
    interrupted: bool = False
    failures: Mapping[int, str] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 done, 1 some patients or shards failed, 130 interrupted."""
        return 130 if self.interrupted else int(self.n_failed > 0 or self.shards_failed > 0)
