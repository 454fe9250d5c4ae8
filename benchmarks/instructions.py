"""What a GPU would have to do for each patient, found without one: registers, and instructions that are executed.

    python -m benchmarks.instructions --only two,lorenz

The kernel of a row is written for compute capability 9.0, NVIDIA's ptxas says what it needs (where it is on the path),
and the PTX is run on this processor, which counts. The last column is the time of a million patients on an H200 if each
of its 528 schedulers issued an instruction of a warp in each cycle: no prediction, but nothing will be faster.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.problem import Ours, Problem
from benchmarks.problems import PROBLEMS

PATIENTS, WARP, PROCESSOR = 1024, 32, "sm_90"
WARPS_PER_S = 528 * 1.98e9  # an H200: 132 multiprocessors of 4 schedulers


def kernel(problem: Problem, ours: Ours, rtol: float | None) -> tuple[str, list[np.ndarray], list[np.ndarray]]:
    """PTX of a row, its arguments, and arrays for its results."""
    import jax

    import twinsim  # noqa: F401  (sets float64 before anything is traced)
    from benchmarks.twinsim_rows import TIERS, with_status
    from kernels.lanes import Whole, nvidia

    if ours.name in TIERS:
        from benchmarks.twinsim_block import block_of

        solve, shared = block_of(problem, ours.name, ours.precision, rtol)
        block = with_status(solve)
    else:
        from benchmarks import lorenz_rows

        fixed = ours.name == "fixed"
        block = lorenz_rows.fixed_block(problem, ours.precision) if fixed else None
        shared: dict = {}
        if block is None:
            block, shared = lorenz_rows.gradient_block(problem, ours.precision, rtol)
    own = problem.sample(PATIENTS, 0)
    program, shapes = Whole(block).traced(own, shared)
    leaves = [jax.numpy.asarray(x) for x in jax.tree.leaves((own, shared))]
    assembly, given = nvidia.kernel_of(program, leaves, PATIENTS)
    results = [np.zeros((*s.shape[:-1], PATIENTS), s.dtype) for s in jax.tree.leaves(shapes)]
    return nvidia.ptx_of(assembly, PROCESSOR), [np.array(x) for x in given], results


def resources(ptx: str) -> str:
    """Registers and spills by ptxas."""
    if shutil.which("ptxas") is None:
        return "no ptxas"
    with tempfile.TemporaryDirectory(prefix="twinsim-ptx-") as scratch:
        file = Path(scratch) / "kernel.ptx"
        file.write_text(ptx)
        command = ["ptxas", "-v", f"-arch={PROCESSOR}", str(file), "-o", str(file.with_suffix(".cubin"))]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    registers, stores = re.search(r"Used (\d+) registers", told), re.search(r"(\d+) bytes spill stores", told)
    return f"{registers[1] if registers else '?'} registers, {stores[1] if stores else '?'} B spilled"


def line(problem: Problem, ours: Ours, rtol: float | None) -> str:
    """One row of the table."""
    from tests.kernels.lanes.ptx_on_host import counted

    ptx, given, results = kernel(problem, ours, rtol)
    count = counted(ptx, "program", [*given, *results], grid=-(-PATIENTS // 128), block=128)
    warps = count[:PATIENTS].reshape(-1, WARP).max(axis=1).mean()
    least = 1e3 * 1e6 / WARP * warps / WARPS_PER_S
    name = f"{problem.name} {ours.name} {ours.precision}"
    return f"{name:42s} {resources(ptx):32s} {count.mean():10,.0f} {warps:10,.0f} {least:8.2f}"


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="two,lorenz", metavar="NAME,...", help="beginnings of problems' names")
    parser.add_argument("--rtol", type=float, default=1e-5, help="of adaptive tiers (default: %(default)s)")
    chosen = parser.parse_args(words)
    wanted = tuple(word.strip() for word in chosen.only.split(",") if word.strip())
    problems = [p for name, p in PROBLEMS.items() if name.startswith(wanted) and isinstance(p, Problem)]
    if not problems:
        parser.error(f"--only {chosen.only}: no problem begins so; there are {', '.join(PROBLEMS)}")
    print(f"{'':42s} {'sm_90':32s} {'a thread':>10s} {'a warp':>10s} {'least ms':>8s}")
    for problem in problems:
        for ours in problem.ours:
            print(line(problem, ours, chosen.rtol), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
