"""Heart cells by the thousand, beat by beat, against myokit.

    python -m benchmarks.myocyte --cells 1000 --beats 100 --model ohara-cipa-v1-2017.mmt --json myocyte.json

Cells of `organs/ventricular_myocyte` whose conductances vary by 20 %, paced every second, looked at in their last
beat. The peer runs the first of these cells, one after the other, in the interpreter of `--peer-python` (this one by
default), from the file of myokit/models, c/ohara-cipa-v1-2017.mmt, that `--model` names; without one it is a note. The
error is the largest difference in APD90 [ms] to myokit at tolerance 1e-10.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

import twinsim
from benchmarks.measure import Row, machine, median_run
from benchmarks.report import describe, table, write_json
from twinsim.cohort_job import cohort_job
from twinsim.pacing import CELL, CYCLE, WIDTH, beat_times, measured, paced
from twinsim.population.given import given_parameters

CHECKED = 8  # cells that myokit is asked for
SPREAD = 0.2
TOLERANCES = (1e-4, 1e-6)
# conductance in the model of the peer -> ours
NAMES = {
    "ina.gNa": "g_na", "inal.gNaL": "g_nal", "ito.gto": "g_to", "ical.base": "p_ca", "ikr.gKr": "g_kr",
    "iks.gKs": "g_ks", "ik1.gK1": "g_k1", "inaca.gNaCa": "g_naca", "inak.PNaK": "p_nak",
}  # fmt: skip


def peer(python: str, problem: dict[str, Any]) -> dict[str, Any] | str:
    """What myokit gave, or why it gave nothing."""
    if problem["model"] is None:
        return "no --model was given"
    script = Path(__file__).with_name("peers") / "myokit_peer.py"
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.json", Path(folder) / "out.npz"
        source.write_text(json.dumps(problem), encoding="utf-8")
        done = subprocess.run([python, str(script), str(source), str(target)], capture_output=True, text=True)
        if done.returncode:
            return (done.stderr.strip().splitlines() or ["failed"])[-1][:200]
        with np.load(target) as found:
            return {name: found[name] for name in found.files}


def _apd90(times: np.ndarray, potential: Any) -> np.ndarray:
    return measured(times, potential, np.zeros(np.shape(potential))).apd90


def theirs(found: dict[str, Any] | str, times: np.ndarray) -> Row:
    """The peer's row."""
    if isinstance(found, str):
        return Row("myokit myocyte", "cpu", "float64", 0, note=f"not run: {found}", problem="myocyte")
    size, spent = found["potential"].shape[1], float(found["seconds"])
    error = float(np.abs(_apd90(times, found["coarse"]) - _apd90(times, found["potential"])).max())
    note = f"myokit {found['version']}, tolerance 1e-6, one cell after the other"
    return Row("myokit myocyte", "cpu", "float64", size, 0.0, spent, size / spent, error, note, "myocyte")


def ours(cells: tuple, beats: int, rtol: float, reference: np.ndarray | None, repeats: int) -> Row:
    """One of our rows.

    Args:
        cells: model and cohort.
        reference: APD90 of the first cells, or None.
    """
    times, seen = beat_times(beats), {}
    job = cohort_job(
        cells[0], paced(beats), times, source=cells[1], outputs=["potential", "qnet"], endpoints=(), solver="stiff",
        precision="float64", rtol=rtol, dense=True, max_steps=100_000 * beats,
    )  # fmt: skip

    def run() -> None:
        seen.update(job.run_all())
        jax.block_until_ready(seen["potential"])

    begin = time.perf_counter()
    run()
    first = time.perf_counter() - begin
    spent = median_run(run, repeats)
    found = measured(times, np.asarray(seen["potential"]), np.asarray(seen["qnet"]))
    error = None if reference is None else float(np.abs(found.apd90[: reference.size] - reference).max())
    failed = int((np.asarray(seen["status"]) != 0).sum())
    note = f"rtol {rtol:g}, {beats} beats{f'; {failed} failed' if failed else ''}"
    device = f"{jax.default_backend()} x{jax.device_count()}"
    return Row("twinsim stiff myocyte", device, "float64", job.size, first - spent, spent, job.size / spent, error,
               note, "myocyte")  # fmt: skip


def rows_of(size: int, beats: int, model: Path | None, python: str, repeats: int) -> list[Row]:
    """The peer's row and ours."""
    factors = np.exp(SPREAD * np.random.default_rng(0).normal(size=(len(NAMES), size)))
    cell = twinsim.structure(CELL)
    own = dict(zip(NAMES.values(), factors, strict=True))
    cells = given_parameters(cell, {name: cell.parameter(name).default * row for name, row in own.items()})
    times = beat_times(beats)
    problem = {
        "model": None if model is None else str(model), "beats": beats, "cycle": CYCLE, "width": WIDTH,
        "times": times.tolist(), "cells": min(CHECKED, size),
        "factors": {name: row[:CHECKED].tolist() for name, row in zip(NAMES, factors, strict=True)},
    }  # fmt: skip
    found = peer(python, problem)
    reference = None if isinstance(found, str) else _apd90(times, found["potential"])
    return [theirs(found, times), *(ours(cells, beats, rtol, reference, repeats) for rtol in TOLERANCES)]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=1000, help="cells of our rows (default: %(default)s)")
    parser.add_argument("--beats", type=int, default=100, help="beats of each (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="timed runs, the median counts (default: %(default)s)")
    parser.add_argument("--peer-python", default=sys.executable, help="an interpreter with myokit")
    parser.add_argument("--model", type=Path, help="c/ohara-cipa-v1-2017.mmt of myokit/models")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    chosen = parser.parse_args(arguments)
    described = machine()
    print(describe(described))
    rows = rows_of(chosen.cells, chosen.beats, chosen.model, chosen.peer_python, chosen.repeats)
    print(table(rows, "cells"))
    print("error: largest difference in APD90 to myokit at tolerance 1e-10 [ms]")
    if chosen.json:
        write_json(chosen.json, described, rows)


if __name__ == "__main__":
    main()
