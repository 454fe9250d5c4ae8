"""Recipes: one short file per kind of experiment, written only with twinsim's public API.

Each has `run(config) -> Finished`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Finished:
    """What the command line tells about a run that is over.

    Args:
        folder: the run's folder.
        paths: what was written, the results first.
        report: the HTML report, if one was made.
        plan: of a dry run; then nothing was written.
        statuses: patients that failed, by the name of their status.
        flagged: patients who left the range in which the model was held against people, by what left it.
        notes: lines for the reader.
    """

    folder: Path
    paths: tuple[Path, ...] = ()
    report: Path | None = None
    plan: Any = None
    exit_code: int = 0
    n_patients: int = 0
    n_failed: int = 0
    statuses: Mapping[str, int] = field(default_factory=dict)
    flagged: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
