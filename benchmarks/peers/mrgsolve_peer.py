"""mrgsolve through Rscript: the problem's equations as an mrgsolve model, LSODA for one patient after the other.

`python -m benchmarks.peers.mrgsolve_peer --problem myelosuppression --variant ode` prints one row as JSON.
"""

from __future__ import annotations

import csv
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.equations import Program, observe_program, rates_program, start_program
from benchmarks.measure import Request, Row, loosest_tolerance, peer_main
from benchmarks.problem import ATOL_PER_RTOL, Patients, Problem, count

INSTALL = "not installed: Rscript -e 'install.packages(\"mrgsolve\")'"
POWER = "pow({}, {})"
# Arguments: folder, rtol, atol, repeats. Times every run after the first, which loads the compiled model.
SCRIPT = """
suppressMessages(library(mrgsolve))
given <- commandArgs(trailingOnly = TRUE)
folder <- given[1]
built <- system.time(model <- mread("job", project = folder, quiet = TRUE))[["elapsed"]]
model <- update(model, rtol = as.numeric(given[2]), atol = as.numeric(given[3]), maxsteps = 1000000)
patients <- read.csv(file.path(folder, "patients.csv"))
times <- scan(file.path(folder, "times.txt"), quiet = TRUE)
doses <- read.csv(file.path(folder, "doses.csv"))
job <- function() {
  if (nrow(doses) == 0) {
    mrgsim_i(model, patients, start = times[1], end = -1, add = times, obsonly = TRUE, output = "df")
  } else {
    mrgsim_ei(model, as.ev(doses), patients, start = times[1], end = -1, add = times, obsonly = TRUE, output = "df")
  }
}
found <- job()
spent <- replicate(as.integer(given[4]), system.time(job())[["elapsed"]])
write.csv(found, file.path(folder, "found.csv"), row.names = FALSE)
cat(built, median(spent), "\\n")
"""


def model_text(problem: Problem) -> str:
    """The model file. Names get a letter in front: y1 and others are functions of C."""
    start, rates, observe = start_program(problem), rates_program(problem), observe_program(problem)

    def block(program: Program, last: list[str]) -> str:
        lines = [f"double {line};" for line in program.text("all", power=POWER)]
        return "{\n" + "\n".join([*lines, *last]) + "\n}"  # braces: blocks may use the same names

    states = problem.states
    begin = [f"x_{name}_0 = {start.result(name)};" for name in states]
    slopes = [f"dxdt_x_{name} = {rates.result(name)};" for name in states]
    seen = [f"o_{name} = {observe.result(name)};" for name in problem.outputs]
    parts = [
        "$PARAM " + ", ".join(f"p_{name} = 1" for name in problem.parameters),
        "$CMT " + " ".join(f"x_{name}" for name in states),
        "$GLOBAL\n" + "\n".join(f"double o_{name} = 0;" for name in problem.outputs),
        f"$MAIN\n{block(start, begin)}",
        f"$ODE\n{block(rates, slopes)}",
        f"$TABLE\n{block(observe, seen)}",
        "$CAPTURE " + " ".join(f"o_{name}" for name in problem.outputs),
    ]
    return "\n".join(parts) + "\n"


def write_job(folder: Path, problem: Problem, patients: Patients) -> None:
    """Model, patients, doses and times as the script reads them."""
    (folder / "job.cpp").write_text(model_text(problem))
    (folder / "run.R").write_text(SCRIPT)
    (folder / "times.txt").write_text("\n".join(map(repr, problem.times.tolist())))
    with open(folder / "patients.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["ID", *(f"p_{name}" for name in patients)])
        writer.writerows([i + 1, *row] for i, row in enumerate(np.stack(list(patients.values()), axis=1).tolist()))
    with open(folder / "doses.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["time", "amt", "cmt", "evid"])
        writer.writerows([d.time, d.amount, problem.states.index(d.state) + 1, 1] for d in problem.doses)


def simulate(problem: Problem, patients: Patients, rtol: float, repeats: int) -> tuple[np.ndarray, float, float]:
    """Outputs (output, time, patient), time to build the model [s], median time of a run [s].

    Raises:
        ValueError: R says why.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_job(folder, problem, patients)
        # One absolute tolerance for all states: that of the smallest.
        atol = ATOL_PER_RTOL * rtol * float(problem.scales.min())
        command = ["Rscript", str(folder / "run.R"), str(folder), repr(rtol), repr(atol), str(repeats)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise ValueError((done.stderr.strip().splitlines() or ["Rscript failed"])[-1])
        built, spent = map(float, done.stdout.split()[-2:])
        with open(folder / "found.csv", newline="") as file:
            rows = list(csv.DictReader(file))
    columns = [[float(row[f"o_{name}"]) for row in rows] for name in problem.outputs]
    return np.array(columns).reshape(len(columns), count(patients), -1).transpose(0, 2, 1), built, spent


def is_installed() -> bool:
    """Whether R has mrgsolve."""
    try:
        return subprocess.run(["Rscript", "-e", "library(mrgsolve)"], capture_output=True).returncode == 0
    except OSError:
        return False


def row(request: Request) -> Row:
    """One row: finds the tolerance, times, checks; float64 inside."""
    if not is_installed():
        return request.row(f"mrgsolve {request.variant}", "cpu x1", note=INSTALL)
    problem, checked = request.problem, request.checked

    def error_at(rtol: float) -> float:
        return problem.error(simulate(problem, checked, rtol, 1)[0], request.expected)

    rtol = loosest_tolerance(error_at, problem.tolerated(request.precision), "float64")
    found, built, spent = simulate(problem, request.patients, rtol, request.repeats)
    error = problem.error(found[..., : count(checked)], request.expected)
    note = f"rtol {rtol:.1e}; float64 inside, one core"
    return request.row(f"mrgsolve {request.variant}", "cpu x1", compile_s=built, run_s=spent, error=error, note=note)


if __name__ == "__main__":
    peer_main("mrgsolve", row)
