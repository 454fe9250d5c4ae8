"""Timing, the machine's description, the table and the JSON file of every benchmark here."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("twinsim", "jax", "jaxlib", "numpy", "numba", "diffrax", "scipy")
FLAGS = ("XLA_FLAGS", "JAX_PLATFORMS", "JAX_NUM_CPU_DEVICES", "JAX_ENABLE_X64", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS")
# twinsim sets these for itself on import; a peer in a child process must not inherit them.
OURS = ("XLA_FLAGS", "JAX_NUM_CPU_DEVICES", "JAX_ENABLE_X64", "TWINSIM_XLA")
TIME_BUDGET_S = 30.0
INSTALL = "not installed: pip install 'twinsim[bench]'"
# Loosest first, eight to a decade; atol [mg] is ten times rtol, i.e. a tenth of rtol on the scale of the 100 mg dose.
TOLERANCES = tuple(10.0 ** (-2 - step / 8) for step in range(33))
ATOL_PER_RTOL = 10.0


@dataclass(frozen=True)
class Row:
    """One line of the table; a number that was not measured is None and the note says why.

    Args:
        name: tier of twinsim, or peer, e.g. "numba tsit5"
        device: where it ran, e.g. "cpu x2"
        dtype: of the results
        size: patients in the timed run
        compile_s: time before the first result that later runs do not pay [s]
        run_s: median of the repeats [s]
        patients_per_s: size / run_s
        error: largest error of the checked patients as a fraction of their Cmax
        note: what a reader must know to compare the line with others
    """

    name: str
    device: str
    dtype: str
    size: int
    compile_s: float | None = None
    run_s: float | None = None
    patients_per_s: float | None = None
    error: float | None = None
    note: str = ""


def median_run(run: Callable[[], object], repeats: int, budget_s: float = TIME_BUDGET_S) -> float:
    """Median wall time of `run` [s], after one untimed run; stops repeating when the budget is used up.

    `run` must return only when its result is there (block_until_ready for JAX).
    """
    run()
    spent: list[float] = []
    while len(spent) < repeats and (not spent or sum(spent) < budget_s):
        start = time.perf_counter()
        run()
        spent.append(time.perf_counter() - start)
    return statistics.median(spent)


def loosest_tolerance(error_at: Callable[[float], float], allowed: float) -> float:
    """Largest rtol of TOLERANCES whose achieved error is allowed, so that each solver is at its fastest.

    Found by bisection: a tighter tolerance is taken to have a smaller error.

    >>> loosest_tolerance(lambda rtol: rtol / 2, 1e-3)
    0.0017782794100389228

    Raises:
        ValueError: no tolerance of the list is tight enough
    """
    wrong, right = -1, len(TOLERANCES)
    while right - wrong > 1:
        middle = (wrong + right) // 2
        wrong, right = (wrong, middle) if error_at(TOLERANCES[middle]) <= allowed else (middle, right)
    if right == len(TOLERANCES):
        raise ValueError(f"no rtol down to {TOLERANCES[-1]:g} gives an error of at most {allowed:g}")
    return TOLERANCES[right]


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None


def _accelerators() -> list[str]:
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        return []


def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    return found


def machine() -> dict:
    """What the numbers depend on: processor, cores, memory, versions, flags, and the load before the run."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "cpu": _cpu_model(),
        "cores": cores,
        "memory_gib": _memory_gib(),
        "accelerators": _accelerators(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": _versions(),
        "flags": {name: os.environ[name] for name in FLAGS if name in os.environ},
        "load_1min": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def table(rows: Sequence[Row]) -> str:
    """Rows as aligned plain text."""
    head = ("name", "device", "dtype", "size", "compile s", "run s", "patients/s", "error", "note")
    lines: list[tuple[str, ...]] = [head]
    for row in rows:
        lines.append(
            (
                row.name,
                row.device,
                row.dtype,
                f"{row.size:,}",
                _number(row.compile_s, ".2f"),
                _number(row.run_s, ".4g"),
                _number(row.patients_per_s, ",.0f"),
                _number(row.error, ".1e"),
                row.note,
            )
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(head) - 1)]
    left = 3  # the text columns
    texts = []
    for line in lines:
        cells = [
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line[:-1], widths, strict=True))
        ]
        texts.append("  ".join([*cells, line[-1]]).rstrip())
    return "\n".join(texts)


def write_json(path: str | Path, described: dict, rows: Sequence[Row]) -> None:
    """Writes {"machine": ..., "results": [...]}: one mapping per row, a missing number as null."""
    content = {"machine": described, "results": [asdict(row) for row in rows]}
    Path(path).write_text(json.dumps(content, indent=1) + "\n")


def peer_row(module: str, variant: str, name: str, size: int, seed: int, repeats: int) -> Row:
    """Runs one row of a peer in its own process, so that it has the environment it is best in."""
    environment = {key: value for key, value in os.environ.items() if key not in OURS}
    options = ["--variant", variant, "--size", str(size), "--seed", str(seed), "--repeats", str(repeats)]
    command = [sys.executable, "-m", f"benchmarks.peers.{module}", *options]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return Row(name, "-", "-", size, note=f"failed: {reason}")
    return Row(**json.loads(done.stdout.strip().splitlines()[-1]))


def peer_main(variants: dict[str, Callable[[int, int, int], Row]]) -> None:
    """Command line of a peer's process: prints one row as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--variant", choices=tuple(variants), default=next(iter(variants)))
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=5)
    chosen = parser.parse_args()
    print(json.dumps(asdict(variants[chosen.variant](chosen.size, chosen.seed, chosen.repeats))))
