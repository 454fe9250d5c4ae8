"""How well whole patients agree with tables of reference values and with studies: every row good, fair or bad."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

import twinsim
from experiments import Finished
from experiments.steps import check_parameters, folder_of, run_job
from twinsim import units
from twinsim.cohort_job import cohort_job
from twinsim.config import RunConfig
from twinsim.patient.challenges import REST, autoregulation, grade_challenges, known_challenges, study
from twinsim.patient.graded_rows import row_list
from twinsim.patient.grading import FAIR, GOOD, GRADES, Graded, as_data, counts, grade_rest
from twinsim.patient.reference_tables import read_tables, reference_folder
from twinsim.patient.seen import Seen
from twinsim.run.plan import stored_identity
from twinsim.store.files import disk_errors, put_in_place, temporary

if TYPE_CHECKING:
    from pathlib import Path

    from twinsim.report import Section

# one man in each challenge for so many at rest
_SHARE = 10


def run(config: RunConfig) -> Finished:
    """Simulate standard men at rest and in challenges, grade them; writes grades.json and results.h5."""
    tables = read_tables(reference_folder(config.data))
    model = twinsim.whole_patient()
    model = model.with_thetas(config.typical) if config.typical else model
    check_parameters(config.parameters, model)
    at_rest = config.population.size or 1
    men = study(model.structure, at_rest, -(-at_rest // _SHARE), config.seed)
    job: Any = cohort_job(
        model, men.events, men.times, source=men.cohort, endpoints=(), seed=config.seed, solver=config.solver.name,
        precision=config.precision, parameters=dict(config.parameters), title=config.title,
        settle=config.settle * units.factor("h", model.structure.time), **config.solver.options(),
    )  # fmt: skip
    folder = folder_of(config, stored_identity(job, config.save, config.runner.filter))

    @lru_cache(maxsize=1)
    def grades() -> tuple[tuple[Graded, ...], tuple[Graded, ...]]:
        seen = seen_of(folder / "results.h5", men.cohort, model.structure)
        kidneys = autoregulation(men.groups[REST].stop // _SHARE + 1, config.seed)
        return grade_rest(seen, men.groups[REST], tables), (*grade_challenges(seen, men.groups), *kidneys)

    lead = (
        f"{at_rest:,} men like the reference man at rest, and {-(-at_rest // _SHARE)} in each of "
        f"{len(known_challenges())} challenges, after {config.settle / 24.0:g} days of rest."
    )
    finished = run_job(config, job, model, lead, lambda: sections(*grades()), shows_results=False)
    if finished.plan is not None or not finished.paths:
        return finished
    path = folder / "grades.json"
    with disk_errors(path):
        temporary(path).write_text(json.dumps(as_data(*grades()), indent=1), encoding="utf-8")
        put_in_place(path)
    return replace(finished, paths=(*finished.paths, path))


def seen_of(path: Path, cohort: Any, structure: Any) -> Seen:
    """The cohort as its results file has it."""
    with twinsim.open_results(path, groups=True) as tree:
        root, own = tree.to_dataset(), tree["parameters"].to_dataset()
        outputs = {
            name: np.asarray(root[name].transpose("time", "patient"), np.float64)
            for name in structure.output_names
            if name in root
        }
        parameters = {str(name): np.asarray(own[name], np.float64) for name in own.data_vars}
        return Seen(outputs, parameters, np.asarray(root["status"]), np.asarray(root["time"]), cohort, structure)


def sections(rest: Sequence[Graded], challenges: Sequence[Graded]) -> list[Section]:
    """Counts, pictures, and every row."""
    from twinsim.report import Picture, Section, Table
    from twinsim.report.grade_plots import autoregulation as filtration
    from twinsim.report.grade_plots import deviations

    found = {**counts(rest), "challenges": counts(challenges)["all"]}
    rows = [
        [half, *(str(each[grade]) for grade in GRADES), f"{100.0 * each['good'] / sum(each.values()):.1f} %"]
        for half, each in found.items()
        if sum(each.values())
    ]
    text = (
        f"Good: the median of patients lies within {100 * GOOD:.0f} % of a value or range, fair: within "
        f"{100 * FAIR:.0f} %. tuning: rows that may be looked at while parameters are chosen, kept: the others; given: "
        "rows that follow from what goes into the model, computed: the others."
    )
    groups: dict[str, list[tuple[float, str]]] = {}
    for row in (*rest, *challenges):
        section = row.name.partition("/")[0] if row in rest else "challenges"
        groups.setdefault(section, []).append((row.deviation, row.grade))
    kidneys = [row for row in challenges if row.name.startswith("autoregulation/")]
    pressure = [float(row.name.split()[-2]) for row in kidneys]
    pictures = [
        Picture(deviations(groups, GOOD, FAIR), "Every row; dark: good, grey: fair, orange: bad."),
        Picture(
            filtration(pressure, [row.value for row in kidneys], [row.ranges[0][0] for row in kidneys]),
            "Kidneys half an hour after their arterial pressure was set.",
        ),
    ]
    left_out = [[row.name, row.kind.replace("_", " "), row.reason] for row in row_list().left_out]
    return [
        Section("Grades", text, pictures, Table(["rows", *GRADES, "good"], rows, frozenset({1, 2, 3, 4}))),
        _not_good([row for row in (*rest, *challenges) if row.grade != "good"]),
        _table("At rest", rest),
        _table("Challenges", challenges),
        Section("Rows left out", table=Table(["row", "kind", "reason"], left_out)),
    ]


def _not_good(rows: Sequence[Graded]) -> Section:
    from twinsim.report import Section, Table
    from twinsim.report.html import number

    shown = [
        [
            row.name,
            number(row.value),
            _reference(row),
            row.unit,
            f"{100.0 * row.deviation:+.0f} %",
            row.grade,
            row.reason,
        ]
        for row in rows
    ]
    marked = frozenset(i for i, row in enumerate(rows) if row.grade == "bad")
    head = ["row", "median", "reference", "unit", "off", "grade", "why"]
    return Section("Not good", table=Table(head, shown, frozenset({1, 2, 4}), marked))


def _table(heading: str, rows: Sequence[Graded]) -> Section:
    from twinsim.report import Section, Table
    from twinsim.report.html import number

    shown = [
        [row.name, f"{number(row.value)} ({number(row.low)} to {number(row.high)})", _reference(row), row.unit,
         f"{100.0 * row.deviation:+.0f} %", row.grade, _kind(row), row.source]
        for row in rows
    ]  # fmt: skip
    head = ["row", "median (5 to 95 %)", "reference", "unit", "off", "grade", "", "source"]
    marked = frozenset(i for i, row in enumerate(rows) if row.grade == "bad")
    return Section(heading, table=Table(head, shown, frozenset({1, 2, 4}), marked))


def _reference(row: Graded) -> str:
    return " or ".join(f"{low:g}" if low == high else f"{low:g} to {high:g}" for low, high in dict.fromkeys(row.ranges))


def _kind(row: Graded) -> str:
    return ", ".join(word for word, is_so in (("given", row.given), ("tuning", row.tuning)) if is_so)
