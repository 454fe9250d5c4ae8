"""Organs in cohorts against the programs that people use for them: days of glucose, and of whole patients.

    python -m benchmarks.organs --size 3000 --peer-python /path/to/python --json organs.json

    glucose_type1   S2008, a day of three meals and boluses, plasma glucose of every minute; simglucose
    glucose_meal    Dalla Man 2007, a day after 78 g, glucose of every minute; libroadrunner
    whole_patient   all organs and propranolol, a day of meals, a bleed and saline after 60 days of rest, 6 outputs of
                    every ten minutes; no peer runs here (Pulse says of itself: 5 to 10 times real time for one patient)

Peers run in the interpreter of `--peer-python` (this one by default), one patient after the other as they do; what is
not installed there is a note. The error is the largest difference in glucose [mg/dL] to the peer: simglucose at its own
tolerance, libroadrunner at 1e-9. Of whole patients it is the largest of any output, relative to its largest, of the
first hundred against tolerance 1e-9.
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
from twinsim.cohort_job import CohortJob, cohort_job
from twinsim.events import Events
from twinsim.meals import meals
from twinsim.models.organs.glucose import derived
from twinsim.models.values import Values
from twinsim.population.given import given_parameters
from twinsim.records.uva_padova import read_uva_padova

MINUTES = 1440
WHOLE = ["arterial_pressure", "cardiac_output", "heart_rate", "glucose", "gfr", "arterial_oxygen_pressure"]
ACTIONS = (
    {"kind": "dose", "time": 480.0, "value": 80.0},
    {"kind": "meal", "time": 480.0, "value": "45 g"},
    {"kind": "haemorrhage", "time": 600.0, "value": "750 mL", "duration": 30.0},
    {"kind": "fluids", "time": 660.0, "value": "1.5 L", "of": "saline", "duration": 60.0},
    {"kind": "meal", "time": 720.0, "value": "70 g"},
    {"kind": "meal", "time": 1140.0, "value": "70 g"},
)
REST = 60.0 * MINUTES
MEALS = {420.0: 45.0, 720.0: 22.0, 1140.0: 60.0}
BOLUSES = {420.0: 2.0, 720.0: 1.0, 1140.0: 2.5}
CHECKED = (0, 9, 10, 19, 20, 29)  # patients of S2008 that simglucose is asked for
DOSE = 78.0  # g
# name of the parameter in the model of the peer -> ours
NAMES = {
    "V_G": "vg", "k_1": "k1", "k_2": "k2", "V_I": "vi", "m_1": "m1", "m_2": "m2", "m_4": "m4", "m_5": "m5",
    "k_max": "kmax", "k_min": "kmin", "k_abs": "kabs", "k_gri": "kgri", "f": "f", "b": "b", "d": "d", "BW": "bw",
    "k_p2": "kp2", "k_p3": "kp3", "k_p4": "kp4", "k_i": "ki", "U_ii": "fcns", "V_mX": "vmx", "K_m0": "km0",
    "p_2U": "p2u", "K": "k", "alpha": "alpha", "beta": "beta", "gam": "gamma", "k_e1": "ke1", "k_e2": "ke2",
    "G_b": "gb", "I_b": "ib",
}  # fmt: skip


def peer(which: str, python: str, problem: dict[str, Any]) -> dict[str, Any] | str:
    """What a peer gave, or why it gave nothing."""
    script = Path(__file__).with_name("peers") / "glucose_peers.py"
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.json", Path(folder) / "out.npz"
        source.write_text(json.dumps(problem), encoding="utf-8")
        done = subprocess.run([python, str(script), which, str(source), str(target)], capture_output=True, text=True)
        if done.returncode:
            return (done.stderr.strip().splitlines() or ["failed"])[-1][:200]
        with np.load(target) as found:
            return {name: found[name] for name in found.files}


def ours(name: str, job: CohortJob, reference: np.ndarray | None, repeats: int) -> Row:
    """One of our rows.

    Args:
        reference: glucose (minute, patient) of the first patients, or None.
    """
    seen: dict[str, Any] = {}

    def run() -> None:
        seen.update(job.run_all())
        jax.block_until_ready(seen["glucose"])

    begin = time.perf_counter()
    run()
    first = time.perf_counter() - begin
    spent, size = median_run(run, repeats), job.size
    error = None
    if reference is not None:
        error = float(np.abs(np.asarray(seen["glucose"], np.float64)[:, : reference.shape[1]] - reference).max())
    failed = int((np.asarray(seen["status"]) != 0).sum())
    note = f"{MINUTES:,} outputs each{f'; {failed} failed' if failed else ''}"
    device = f"{jax.default_backend()} x{jax.device_count()}"
    precision = str(job.settings["precision"])
    return Row(name, device, precision, size, first - spent, spent, size / spent, error, note, name.split()[-1])


def type1(size: int, python: str, repeats: int) -> list[Row]:
    """A day of type 1 diabetes."""
    problem = {"minutes": MINUTES, "patients": CHECKED, "meals": [*MEALS.items()], "boluses": [*BOLUSES.items()]}
    found = peer("simglucose", python, problem)
    food = meals(MEALS, bite=1.0)
    events = food + sum(
        (twinsim.regimen(u, duration=1.0, start=t, route="insulin") for t, u in BOLUSES.items()), Events.of([])
    )
    structure, times = twinsim.structure("organs/glucose_type1"), np.arange(1.0, MINUTES + 1.0)
    if isinstance(found, str):
        rows = [Row("simglucose glucose_type1", "cpu", "float64", 0, note=f"not run: {found}", problem="glucose_type1")]
        model, people, reference = twinsim.population_model("glucose_type1_adults"), None, None
    else:
        spent = float(found["seconds"]) / len(CHECKED)
        note = f"simglucose {found['version']}, one patient after the other"
        rows = [
            Row("simglucose glucose_type1", "cpu", "float64", len(CHECKED), 0.0, spent * len(CHECKED), 1.0 / spent, 0.0,
                note, "glucose_type1")
        ]  # fmt: skip
        known = read_uva_padova(str(found["table"])).parameters
        order = [*CHECKED, *np.arange(size - len(CHECKED)) % 30]
        model, people = given_parameters(structure, {name: column[order] for name, column in known.items()})
        reference = found["glucose"]
    for precision in ("float32", "float64"):
        job = cohort_job(
            model, events, times, size=size, source=people if people is not None else "adults", outputs=["glucose"],
            endpoints=(), precision=precision, rtol=1e-6 if precision == "float64" else None, dense=True,
        )  # fmt: skip
        rows.append(ours("twinsim explicit glucose_type1", job, reference, repeats))
    return rows


def meal(size: int, python: str, repeats: int) -> list[Row]:
    """A day after a meal of a healthy person."""
    structure = twinsim.structure("organs/glucose")
    p = {item.name: item.default for item in structure.parameters}
    extra = {"S_b": "sb", "m_6": "m6", "k_p1": "kp1", "V_m0": "vm0"}
    also = {theirs: float(derived(Values(p, "parameters"))[own]) for theirs, own in extra.items()}
    start = {name: float(value) for name, value in structure.initial(p, {"insulin_appearance": 0.0}).items()}
    problem = {
        "minutes": MINUTES, "repeats": 20, "tolerance": 1e-6, "start": start,
        "parameters": {theirs: p[own] for theirs, own in NAMES.items()} | also | {"D": 1000.0 * DOSE},
    }  # fmt: skip
    found = peer("roadrunner", python, problem)
    if isinstance(found, str):
        reference = None
        row = Row("libroadrunner glucose_meal", "cpu", "float64", 0, note=f"not run: {found}", problem="glucose_meal")
    else:
        spent, reference = float(found["seconds"]), found["glucose"]
        note = f"libroadrunner {found['version']}, tolerance 1e-6, one day after the other"
        row = Row("libroadrunner glucose_meal", "cpu", "float64", 20, 0.0, 20 * spent, 1.0 / spent,
                  float(found["error"]), note, "glucose_meal")  # fmt: skip
    rows, times = [row], np.arange(1.0, MINUTES + 1.0)
    spread = np.exp(0.1 * np.random.default_rng(0).normal(size=size))
    spread[0] = 1.0  # the patient of the peer
    model, people = given_parameters(structure, {"vmx": p["vmx"] * spread, "kabs": p["kabs"] * spread})
    for precision in ("float32", "float64"):
        job = cohort_job(
            model, meals({0.0: DOSE}, rate=None), times, source=people, outputs=["glucose"], endpoints=(),
            precision=precision, rtol=1e-6 if precision == "float64" else None, dense=True,
        )  # fmt: skip
        rows.append(ours("twinsim explicit glucose_meal", job, reference, repeats))
    return rows


def whole(size: int, repeats: int) -> list[Row]:
    """A day of whole patients with conditions by prevalence."""
    model = twinsim.whole_patient(drug="propranolol")
    events, times = twinsim.actions(ACTIONS, model.structure), np.arange(0.0, MINUTES + 1.0, 10.0)

    def job(count: int, rtol: float) -> CohortJob:
        return cohort_job(
            model, events, times, size=count, source=twinsim.patients(drawn=True), outputs=WHOLE, endpoints=(),
            precision="float64", rtol=rtol, settle=REST,
        )  # fmt: skip

    exact = job(min(size, 100), 1e-9).run_all()
    kept: dict[str, Any] = {}

    def run() -> None:
        kept.update(jax.block_until_ready(timed.run_all()))

    timed = job(size, 1e-6)
    begin = time.perf_counter()
    run()
    first = time.perf_counter() - begin
    spent = median_run(run, repeats)
    error = max(
        float(
            np.nanmax(
                np.abs(np.asarray(kept[name])[:, : exact[name].shape[1]] - exact[name]) / np.abs(exact[name]).max()
            )
        )
        for name in WHOLE
    )
    failed = int((np.asarray(kept["status"]) != 0).sum())
    note = f"{len(model.structure.states)} states, 61 days each, {len(times)} x {len(WHOLE)} outputs; {failed} failed"
    device = f"{jax.default_backend()} x{jax.device_count()}"
    return [Row("twinsim stiff whole_patient", device, "float64", size, first - spent, spent, size / spent, error, note,
                "whole_patient")]  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=3000, help="patients of our rows (default: %(default)s)")
    parser.add_argument("--whole", type=int, default=10_000, help="whole patients; 0: none (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="timed runs, the median counts (default: %(default)s)")
    parser.add_argument("--peer-python", default=sys.executable, help="an interpreter with simglucose, libroadrunner")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    chosen = parser.parse_args(arguments)
    described = machine()
    print(describe(described))
    rows = [row for make in (type1, meal) for row in make(chosen.size, chosen.peer_python, chosen.repeats)]
    if chosen.whole:
        rows += whole(chosen.whole, chosen.repeats)
    print(table(rows, "days"))
    print("error: largest difference in glucose to the peer [mg/dL]")
    if chosen.json:
        write_json(chosen.json, described, rows)


if __name__ == "__main__":
    main()
