"""Drugs in the whole bodies of adults: both PBPK problems of `python -m benchmarks`, and the command that does it all.

`python -m benchmarks.pbpk --size 100000 --peers diffrax,scipy --json pbpk.json`

The rows solve equations whose parameters are there. The command, in a process of its own, also draws the adults with
their anatomy, makes their parameters, and writes curves, endpoints, summaries and report to disk.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.__main__ import arguments, size_of
from benchmarks.__main__ import main as all_benchmarks
from benchmarks.cohort_pk import words_for_all
from benchmarks.measure import Row
from benchmarks.problem import Dose
from benchmarks.problems import PROBLEMS
from benchmarks.report import table
from benchmarks.to_disk import Command, command

PROBLEM = "pbpk_"  # the beginning of both names


def keys_of(name: str) -> list[str]:
    """The command line of a problem.

    >>> keys_of("pbpk_theophylline")[:2]
    ['drug=theophylline', 'regimen.amount=300']
    """
    problem = PROBLEMS[name]
    (dose,) = problem.doses  # type: ignore[attr-defined]
    assert isinstance(dose, Dose)
    times = problem.times  # type: ignore[attr-defined]
    sampled = [f"times.start={times[0]:g}", f"times.end={times[-1]:g}", f"times.count={times.size}"]
    return [f"drug={name.removeprefix(PROBLEM)}", f"regimen.amount={dose.amount:g}", *sampled]


def row_of(found: Command, name: str, compile_s: float | None) -> Row:
    """A command as a line of the table."""
    from benchmarks.twinsim_rows import device

    first = "" if found.first_s is None else f"first patients after {found.first_s:.1f} s; "
    note = f"{first}CPU {found.cpu_s:.1f} s; {found.peak_mb:.0f} MB at most; {found.bytes / 1e6:.0f} MB written"
    speed = found.size / found.wall_s
    return Row(found.name, device(), "float32", found.size, compile_s, found.wall_s, speed, None, note, name)


def commands(name: str, size: int) -> list[Row]:
    """The whole command with an empty compilation cache, and with the one it leaves."""
    with tempfile.TemporaryDirectory(prefix="twinsim-cache-") as kept:
        cold, warm = (
            command(f"twinsim command, {state}", Path(kept), *keys_of(name), experiment="pbpk_midazolam", size=size)
            for state in ("cold", "warm")
        )
    return [row_of(cold, name, cold.wall_s - warm.wall_s), row_of(warm, name, None)]


def add_to(path: str, rows: Sequence[Row]) -> None:
    """Writes more rows into a file of `--json`."""
    content = json.loads(Path(path).read_text())
    content["results"] += [asdict(row) for row in rows]
    Path(path).write_text(json.dumps(content, indent=1) + "\n")


def main(words: Sequence[str] | None = None) -> int:
    """Runs every chosen row and the commands, prints the tables, writes the JSON file; 1 if a row failed."""
    given = words_for_all(sys.argv[1:] if words is None else words, PROBLEM)
    chosen: argparse.Namespace = arguments(given)
    code = all_benchmarks(given)
    if chosen.list:
        return code
    for name in chosen.only:
        rows = commands(name, size_of(PROBLEMS[name], chosen))
        print(f"\n{name}, from the shell to the disk; run s is the wall time of the process\n")
        print(table(rows), flush=True)
        if chosen.json:
            add_to(chosen.json, rows)
    return code


if __name__ == "__main__":
    sys.exit(main())
