"""How much of a streaming run a device computes or copies, by the device's own clocks.

    python -m benchmarks.busy --size 10000000

Theophylline in adults, summaries only: patients are drawn, solved and reduced chunk by chunk, and nothing but summaries
leaves the device. The run is done twice: once to compile, then under JAX's profiler, which notes when each kernel and
copy began and ended on the device. Busy is the union of these, from the first to the last, over the time in between.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import Row, machine

Interval = tuple[float, float]


def union_s(intervals: Iterable[Interval]) -> tuple[float, float]:
    """Time that is covered by any of the intervals, and from the first to the last moment; of nothing, nothing.

    >>> union_s([(0.0, 2.0), (1.0, 3.0), (5.0, 6.0)])
    (4.0, 6.0)
    """
    ordered = sorted(intervals)
    if not ordered:
        return 0.0, 0.0
    covered, reached = 0.0, ordered[0][0]
    for begin, end in ordered:
        covered += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return covered, reached - ordered[0][0]


def device_intervals(folder: Path, plane: str = "/device:GPU", stream: str = "Stream") -> list[Interval]:
    """Begin and end [s] of all that ran on the devices' streams, from the profile in a folder."""
    from jax.profiler import ProfileData

    found = []
    for path in folder.rglob("*.xplane.pb"):
        for each in ProfileData.from_file(str(path)).planes:
            lines = [line for line in each.lines if stream in line.name] if each.name.startswith(plane) else []
            found += [(e.start_ns * 1e-9, e.end_ns * 1e-9) for line in lines for e in line.events]
    return found


def stream(size: int, folder: Path) -> float:
    """One run into a folder; seconds."""
    import numpy as np

    import twinsim
    from twinsim.cohort_job import cohort_job
    from twinsim.run.local import execute

    doses = twinsim.regimen(amount=320.0, interval=12.0, count=4, route="oral")
    job: Any = cohort_job("theophylline", doses, np.linspace(0.0, 72.0, 100), size=size, save="summary")
    begun = time.perf_counter()
    execute(job, folder, save="summary")
    return time.perf_counter() - begun


def busy_row(size: int) -> Row:
    """The run's row; its note says the share that the device was busy."""
    import jax

    from benchmarks.twinsim_rows import device

    with tempfile.TemporaryDirectory(prefix="twinsim-busy-") as scratch:
        first_s = stream(size, Path(scratch) / "first")
        with jax.profiler.trace(str(Path(scratch) / "profile")):
            stream(size, Path(scratch) / "traced")
        covered, window = union_s(device_intervals(Path(scratch) / "profile"))
        run_s = stream(size, Path(scratch) / "timed")
    if window:
        note = f"device busy {covered / window:.0%} of the {window:.2f} s from its first work to its last"
    else:
        note = "no device with a clock of its own"
    return Row(
        name="twinsim streaming, summaries",
        device=device(),
        dtype="float32",
        size=size,
        compile_s=first_s - run_s,
        run_s=run_s,
        patients_per_s=size / run_s,
        note=note,
        problem="streaming",
    )


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=10_000_000, help="patients (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="also write machine and row here")
    chosen = parser.parse_args(words)
    if chosen.size < 1:
        parser.error("--size must be at least 1")
    from benchmarks.report import describe, table, write_json

    found = machine()
    print(describe(found))
    row = busy_row(chosen.size)
    print(table([row]))
    if chosen.json:
        write_json(chosen.json, found, [row])
    return 0


if __name__ == "__main__":
    sys.exit(main())
