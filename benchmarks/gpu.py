"""What one GPU does, beside what it is meant to do.

    python -m benchmarks.gpu --json benchmarks/results/gpu_h200.json

Every row is kernel-resident: parameters and results in the GPU's memory, several calls asked for together so that
asking hides behind computing, compiling apart, the achieved error beside it. Rows named "by XLA" are the same programs
without kernels of our own; rows of the CPU are the same tiers on this machine's processor. Last comes the streaming run
of `benchmarks.busy`. Without a GPU it all runs on the processor, which shows that it works (`--quick`).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.busy import busy_row
from benchmarks.measure import ROOT, Row, machine, make_request
from benchmarks.problem import Ours
from benchmarks.problems import PROBLEMS
from benchmarks.report import describe, table, write_json

QUICK_SIZE = 2_048


@dataclass(frozen=True)
class Aim:
    """A row and how long it may take.

    Args:
        problem, tier, precision: which row.
        most_ms: on an H100 or H200; None: nothing is asked.
        rtol: None: the loosest that keeps to `error`.
        error: in place of the problem's own.
        by_xla: without kernels of our own.
        on_cpu: the same row on the processor stands beside it.
    """

    problem: str
    tier: str
    precision: str
    size: int
    most_ms: float | None = None
    rtol: float | None = None
    error: float | None = None
    by_xla: bool = False
    on_cpu: bool = False


AIMS = (
    Aim("two_compartment_oral", "closed", "float32", 1_000_000, 0.25),
    Aim("two_compartment_oral", "linear", "float32", 1_000_000),
    Aim("two_compartment_oral", "explicit", "float32", 1_000_000, 1.5, rtol=1e-5),
    Aim("two_compartment_oral", "stiff", "float32", 1_000_000),
    Aim("two_compartment_oral", "closed", "float32", 1_000_000, 6.0, by_xla=True),
    Aim("two_compartment_oral", "explicit", "float32", 1_000_000, 6.0, rtol=1e-5, by_xla=True),
    Aim("lorenz_fixed", "fixed", "float32", 8_388_608, 40.0),
    Aim("lorenz_adaptive", "explicit", "float32", 8_388_608),
    Aim("lorenz_adaptive", "explicit", "float64", 524_288, 0.6, error=3e-7),
    Aim("lorenz_gradients", "gradient", "float64", 32_768, 3.0, error=1e-6),
    Aim("robertson", "stiff", "float64", 1_000_000, on_cpu=True),
    Aim("robertson", "stiff", "float32", 1_000_000, on_cpu=True),
    Aim("pbpk16", "stiff", "float32", 100_000, on_cpu=True),
    Aim("myelosuppression", "explicit", "float32", 100_000, on_cpu=True),
    Aim("random_draws", "draws", "float32", 1_000_000),
)


@contextmanager
def only_xla(asked: bool) -> Iterator[None]:
    """Without kernels of our own, if that is asked for."""
    from kernels.lanes import leave_to_xla

    before = leave_to_xla("it was asked for") if asked else None
    try:
        yield
    finally:
        if before is not None:
            leave_to_xla(before)


def row_of(aim: Aim, size: int, seed: int, repeats: int) -> Row:
    """One row, with what was aimed at in its note."""
    import twinsim  # noqa: F401  (what the environment asks for holds before rows ask for something else)
    from benchmarks import twinsim_rows
    from kernels.lanes import missing

    problem = PROBLEMS[aim.problem]
    if aim.error is not None:
        problem = replace(problem, allowed=aim.error, allowed_float64=aim.error)
    request = replace(make_request(problem, size, seed, repeats), rtol=aim.rtol)
    with only_xla(aim.by_xla):
        row, reason = twinsim_rows.row(Ours(aim.tier, aim.precision), request), missing()
    name, note = row.name + (" by XLA" if reason else ""), row.note
    if row.run_s is not None and aim.most_ms is not None and size == aim.size:
        note = f"{1e3 * row.run_s:.3g} ms, at most {aim.most_ms:g} wanted; {note}"
    return replace(row, name=name, note=note)


def cpu_rows(aims: Sequence[Aim], size: int | None, seed: int, repeats: int) -> list[Row]:
    """The same rows on the processor, in a process that sees no GPU."""
    rows = []
    for aim in aims:
        with tempfile.TemporaryDirectory(prefix="twinsim-cpu-") as scratch:
            file = Path(scratch) / "rows.json"
            words = ["--only", aim.problem, "--size", str(size or min(aim.size, 100_000)), "--seed", str(seed)]
            words += ["--repeats", str(repeats), "--tiers", aim.tier, "--json", str(file)]
            environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
            command = [sys.executable, "-m", "benchmarks", *words]
            subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
            found = [Row(**each) for each in json.loads(file.read_text())["results"]]
        rows += [row for row in found if row.dtype == aim.precision]
    return rows


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="problems whose names begin so")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_SIZE} patients, once: does it work?")
    parser.add_argument("--stream", type=int, default=10_000_000, help="patients of the streaming run; 0: none")
    parser.add_argument("--cpu", action="store_true", help="also the rows of the CPU")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, help="also write machine and rows here, anew after every row")
    chosen = parser.parse_args(words)
    aims = [aim for aim in AIMS if aim.problem.startswith(chosen.only)]
    if not aims:
        parser.error(f"--only {chosen.only}: no problem begins so; there are {', '.join({a.problem for a in AIMS})}")
    size, repeats = (QUICK_SIZE, 1) if chosen.quick else (None, chosen.repeats)
    found, rows = machine(), []
    print(describe(found))

    def keep(new: Sequence[Row]) -> None:
        rows.extend(new)
        if chosen.json:
            write_json(chosen.json, found, rows)

    for aim in aims:
        print(f"running {aim.problem}: {aim.tier} {aim.precision} ...", file=sys.stderr, flush=True)
        keep([row_of(aim, size or aim.size, chosen.seed, repeats)])
    if chosen.cpu:
        keep(cpu_rows([aim for aim in aims if aim.on_cpu], size, chosen.seed, repeats))
    if chosen.stream and not chosen.only:
        keep([busy_row(size or chosen.stream)])
    for problem in dict.fromkeys(row.problem for row in rows):
        print(f"\n{problem}\n{table([row for row in rows if row.problem == problem])}")
    return int(any(row.run_s is None for row in rows))


if __name__ == "__main__":
    sys.exit(main())
