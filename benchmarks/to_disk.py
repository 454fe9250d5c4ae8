"""The whole command, from the shell to files on the disk: cold, with a warm compilation cache, and how it scales.

    python -m benchmarks.to_disk --size 1000000 --json to_disk.json

Beside it stands the time that plain h5py takes for the same bytes in the same run, as the floor of the disk.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import h5py
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
OUTPUTS = 100
ROWS = 65536
SCALING = (10_000, 100_000, 1_000_000, 10_000_000)


@dataclass(frozen=True)
class Command:
    """One run of a command in a process of its own.

    Args:
        name: what was run.
        size: patients.
        wall_s: from the start of the process to its end [s].
        cpu_s: of all its threads [s]; says what an idle machine would do where others were at work.
        first_s: from the start of the process to its first patients [s].
        peak_mb: largest resident memory [MB].
        bytes: of the results on the disk.
    """

    name: str
    size: int
    wall_s: float
    cpu_s: float
    first_s: float | None
    peak_mb: float
    bytes: int


def command(name: str, cache: Path, *words: str, experiment: str = "cohort_pk", size: int) -> Command:
    """Run an experiment of `size` patients with programs kept in `cache`."""
    with tempfile.TemporaryDirectory(prefix="twinsim-to-disk-") as scratch:
        out = Path(scratch) / "run"
        line = [sys.executable, "-m", "twinsim", f"+experiment={experiment}", f"population.size={size}", f"out={out}"]
        environment = {**os.environ, "TWINSIM_CACHE": str(cache)}
        begun = time.perf_counter()
        process = subprocess.Popen(
            [*line, "progress=plain", *words],
            cwd=ROOT,
            env=environment,
            text=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        assert process.stderr is not None
        told = process.stderr.read()
        _, code, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(code)
        if process.returncode:
            raise SystemExit(f"{name} ended with exit code {process.returncode}:\n{told}")
        first = re.search(r"first patients computed ([\d.]+) s", told)
        written = sum(path.stat().st_size for path in out.rglob("*.h5"))
    seconds = None if first is None else float(first[1])
    return Command(name, size, wall, usage.ru_utime + usage.ru_stime, seconds, usage.ru_maxrss / 1024, written)


def plain_h5py(total: int) -> float:
    """Seconds for so many bytes of float32 written by h5py in chunks of rows, with one fsync at the end."""
    rows = np.random.default_rng(0).random((ROWS, OUTPUTS), np.float32)
    with tempfile.TemporaryDirectory(prefix="twinsim-to-disk-") as scratch:
        path = Path(scratch) / "plain.h5"
        count = max(1, round(total / rows.nbytes))
        begun = time.perf_counter()
        with h5py.File(path, "w") as file:
            data = file.create_dataset("x", (count * ROWS, OUTPUTS), np.float32, chunks=(2048, OUTPUTS))
            for i in range(count):
                data[i * ROWS : (i + 1) * ROWS] = rows
        with open(path, "rb") as file:
            os.fsync(file.fileno())
        return time.perf_counter() - begun


def measured(size: int, largest: int) -> tuple[list[Command], float]:
    """All commands, and the time of plain h5py [s] for the bytes of the trajectories."""
    with tempfile.TemporaryDirectory(prefix="twinsim-cache-") as kept:
        cold = command("cohort_pk to disk, cold", Path(kept), size=size)
        warm = command("cohort_pk to disk, warm", Path(kept), size=size)
        start = [command(f"quickstart, {state}", Path(kept), experiment="quickstart", size=100_000) for state in STATES]
        scale = [
            command("cohort_pk save=summary, warm", Path(kept), "save=summary", "report=false", size=n)
            for n in (SCALING[0], *SCALING)  # the first one is there to compile
            if n <= largest
        ]
    return [cold, warm, *start, *scale[1:]], plain_h5py(warm.bytes)


STATES = ("cold", "warm")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000, help="patients of the runs to disk")
    parser.add_argument("--largest", type=int, default=SCALING[-1], help="patients of the largest save=summary")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    chosen = parser.parse_args(arguments)
    load = os.getloadavg()
    rows, floor = measured(chosen.size, chosen.largest)
    print(f"{os.cpu_count()} cores, load before the run {load[0]:.1f}")
    print(f"{'command':32s} {'patients':>11s} {'wall s':>7s} {'cpu s':>7s} {'first s':>8s} {'peak MB':>8s} {'MB':>7s}")
    for row in rows:
        first = "-" if row.first_s is None else f"{row.first_s:.1f}"
        print(
            f"{row.name:32s} {row.size:11,d} {row.wall_s:7.1f} {row.cpu_s:7.1f} {first:>8s} {row.peak_mb:8.0f}"
            f" {row.bytes / 1e6:7.0f}"
        )
    print(f"plain h5py, the bytes of the trajectories: {floor:.2f} s")
    if chosen.json:
        content = {"cores": os.cpu_count(), "load": load, "h5py_s": floor, "results": [asdict(row) for row in rows]}
        chosen.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
