"""Timing, tolerances, the machine's description, and the processes of peers."""

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
from typing import Any

import numpy as np

from benchmarks.problem import Patients, Peer, Problem, head
from benchmarks.problems import PROBLEMS

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("twinsim", "jax", "jaxlib", "numpy", "numba", "diffrax", "scipy")
FLAGS = ("XLA_FLAGS", "JAX_PLATFORMS", "JAX_NUM_CPU_DEVICES", "JAX_ENABLE_X64", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS")
# twinsim sets these for itself on import; a peer in a child process must not inherit them.
OURS = ("XLA_FLAGS", "JAX_NUM_CPU_DEVICES", "JAX_ENABLE_X64", "TWINSIM_XLA")
TIME_BUDGET_S = 30.0
PEER_LIMIT_S = 900.0  # a peer that needs longer, with its search for a tolerance, is a note
INSTALL = "not installed: pip install 'twinsim[bench]'"
# Loosest first, eight to a decade; below a millionth float32 only gets slower.
TOLERANCES = {
    "float32": tuple(10.0 ** (-2 - step / 8) for step in range(33)),
    "float64": tuple(10.0 ** (-2 - step / 8) for step in range(81)),
}


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
        error: largest error of the checked patients, see the problem's `error_is`
        note: what a reader must know to compare the line with others
        problem: name of the problem
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
    problem: str = ""


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


def median_of_bursts(start: Callable[[int], object], repeats: int, burst_s: float) -> float:
    """Median wall time of one of several calls that are asked for together [s], so that asking hides behind computing.

    Args:
        start: asks for so many results, one after the other, and returns when the last one is there.
        burst_s: how long a burst should last at least [s]; 0: one call.
    """
    count = 1
    if burst_s > 0.0:
        start(1)
        begun = time.perf_counter()
        start(1)
        count = max(1, min(256, round(burst_s / (time.perf_counter() - begun))))
    return median_run(lambda: start(count), repeats) / count


def loosest_tolerance(error_at: Callable[[float], float], allowed: float, precision: str = "float32") -> float:
    """Largest rtol of TOLERANCES whose achieved error is allowed, so that each solver is at its fastest.

    Found by bisection: a tighter tolerance is taken to have a smaller error.

    >>> loosest_tolerance(lambda rtol: rtol / 2, 1e-3)
    0.0017782794100389228

    Raises:
        ValueError: no tolerance of the list is tight enough
    """
    tolerances = TOLERANCES[precision]
    wrong, right = -1, len(tolerances)
    while right - wrong > 1:
        middle = (wrong + right) // 2
        wrong, right = (wrong, middle) if error_at(tolerances[middle]) <= allowed else (middle, right)
    if right == len(tolerances):
        raise ValueError(f"no rtol down to {tolerances[-1]:g} gives an error of at most {allowed:g}")
    return tolerances[right]


def refused(failure: Exception) -> str:
    """The note of a row that could not be measured."""
    text = (str(failure).strip().splitlines() or [type(failure).__name__])[0]
    return f"failed: {text[:200]}"


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
    command = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
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


@dataclass(frozen=True)
class Request:
    """What a row is asked to do.

    Args:
        problem: one of `benchmarks.problems.PROBLEMS`.
        patients: all of the run; empty where the problem has no equations.
        expected: reference of the first `problem.checked` patients (output, time, patient).
        size, seed, repeats: patients, of their parameters, timed runs.
        variant, precision: of the row.
        rtol: of adaptive tiers; None: the loosest that keeps to the problem's error.
    """

    problem: Any
    patients: Patients
    expected: np.ndarray
    size: int
    seed: int
    repeats: int
    variant: str = ""
    precision: str = "float32"
    rtol: float | None = None

    @property
    def checked(self) -> Patients:
        """The patients whose outputs are compared with the reference."""
        return head(self.patients, self.problem.checked)

    def row(self, name: str, device: str, **numbers: Any) -> Row:
        """A row of this request; run_s gives patients_per_s."""
        if "run_s" in numbers:
            numbers["patients_per_s"] = self.size / numbers["run_s"]
        return Row(name, device, self.precision, self.size, problem=self.problem.name, **numbers)


def make_request(
    problem: Any,
    size: int,
    seed: int,
    repeats: int,
    expected: np.ndarray | None = None,
    patients: Patients | None = None,
    **row: Any,
) -> Request:
    """A request with its patients, and the reference where it is not given."""
    if not isinstance(problem, Problem):
        return Request(problem, {}, np.zeros(0), size, seed, repeats, **row)
    if patients is None:
        patients = problem.sample(size, seed)
    if expected is None:
        expected = problem.reference(problem, head(patients, problem.checked))
    return Request(problem, patients, expected[..., : min(size, problem.checked)], size, seed, repeats, **row)


def peer_row(peer: Peer, request: Request, folder: Path) -> Row:
    """Runs one row of a peer in its own process, so that it has the environment it is best in.

    Args:
        request: size is the peer's own.
        folder: for the reference, which is computed once for all, and for patients that peers cannot draw.
    """
    environment = {key: value for key, value in os.environ.items() if key not in OURS}
    expected = folder / f"{request.problem.name}.npy"
    if not expected.exists():
        np.save(expected, request.expected)
    given = {
        "problem": request.problem.name,
        "variant": peer.variant,
        "precision": peer.precision,
        "size": request.size,
        "seed": request.seed,
        "repeats": request.repeats,
        "expected": expected,
    }
    if getattr(request.problem, "sampled", ()):
        given["patients"] = folder / f"{request.problem.name}.npz"
        own: dict[str, Any] = dict(head(request.patients, request.size))
        np.savez(given["patients"], **own)
    options = [word for name, value in given.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, "-m", f"benchmarks.peers.{peer.name}_peer", *options]
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PEER_LIMIT_S)
    except subprocess.TimeoutExpired:
        return request.row(f"{peer.name} {peer.variant}", "-", note=f"failed: no result in {PEER_LIMIT_S:.0f} s")
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return request.row(f"{peer.name} {peer.variant}", "-", note=f"failed: {reason[:200]}")
    return Row(**json.loads(done.stdout.strip().splitlines()[-1]))


def peer_main(name: str, produce: Callable[[Request], Row], words: Sequence[str] | None = None) -> None:
    """Command line of a peer's process: prints one row as JSON.

    Args:
        name: of the peer.
        produce: measures its row; may raise ImportError (a package is missing) or ValueError (no tolerance will do).
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--problem", choices=tuple(PROBLEMS), required=True)
    parser.add_argument("--variant", required=True)
    parser.add_argument("--precision", choices=tuple(TOLERANCES), default="float32")
    parser.add_argument("--size", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--expected", metavar="FILE", help="reference; computed if not given")
    parser.add_argument("--patients", metavar="FILE", help="their parameters; drawn if not given")
    chosen = vars(parser.parse_args(words))
    problem, file, own = (chosen.pop(name) for name in ("problem", "expected", "patients"))
    expected, patients = (None if each is None else np.load(each) for each in (file, own))
    patients = None if patients is None else dict(patients)
    request = make_request(PROBLEMS[problem], expected=expected, patients=patients, **chosen)
    called = f"{name} {request.variant}"
    try:
        row = produce(request)
    except ImportError as missing:
        row = request.row(called, "-", note=f"{INSTALL} ({missing.name})")
    except (ValueError, ArithmeticError) as failure:
        row = request.row(called, "-", note=refused(failure))
    print(json.dumps(asdict(row)))
