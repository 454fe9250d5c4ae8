"""The experiment that grades whole patients: its report, its JSON, and what it refuses."""

import json
import shutil

import numpy as np
import pytest

from experiments.validate_physiology import sections, seen_of
from tests.experiments.command import command
from twinsim.models.registry import structure
from twinsim.patient.graded_rows import row_list
from twinsim.patient.grading import as_data, graded
from twinsim.patient.standard import standard_men
from twinsim.simulation import simulate

REST = (
    graded("Renal/Good", np.full(9, 99.0), "L/day", ((100.0, 100.0),), "x2000", given=True, tuning=True),
    graded("Renal/Fair", np.full(9, 120.0), "1", ((50.0, 100.0), (90.0, 95.0)), "y2001"),
    graded("Respiratory/TotalDeadSpaceVentilation", np.full(9, 2.2), "L/min", ((1.2, 1.2),), "z2002", tuning=True),
)
CHALLENGES = (
    graded("autoregulation/filtration at 50 mmHg", np.full(9, 15.0), "mL/min", ((82.9, 82.9),), "Pulse"),
    graded("autoregulation/filtration at 100 mmHg", np.full(9, 119.0), "mL/min", ((118.8, 118.8),), "Pulse"),
)


def test_the_report_shows_every_row_and_why_it_is_not_good():
    grades, bad, rest, challenges, left_out = sections(REST, CHALLENGES)
    table = {row[0]: row[1:] for row in grades.table.rows}
    assert table["all"] == ["1", "1", "1", "33.3 %"] and table["tuning"] == ["1", "0", "1", "50.0 %"]
    assert table["kept"] == ["0", "1", "0", "0.0 %"] and table["challenges"] == ["1", "0", "1", "50.0 %"]
    assert len(grades.pictures) == 2
    assert [row[0] for row in bad.table.rows] == [REST[1].name, REST[2].name, CHALLENGES[0].name]
    assert bad.table.mark == {1, 2} and "150 mL of airways" in bad.table.rows[1][-1]
    assert [row[4] for row in rest.table.rows] == ["-1 %", "+20 %", "+83 %"]
    assert rest.table.rows[1][2] == "50 to 100 or 90 to 95" and rest.table.rows[0][6] == "given, tuning"
    assert len(challenges.table.rows) == 2
    assert [row[0] for row in left_out.table.rows] == [row.name for row in row_list().left_out]


def test_grades_as_json():
    data = json.loads(json.dumps(as_data(REST, CHALLENGES)))
    assert data["rest"]["counts"]["all"] == {"good": 1, "fair": 1, "bad": 1}
    assert data["rest"]["rows"][0] | {"error": 0.0} == {
        "name": "Renal/Good", "value": 99.0, "low": 99.0, "high": 99.0, "unit": "L/day", "ranges": [[100.0, 100.0]],
        "source": "x2000", "error": 0.0, "grade": "good", "given": True, "tuning": True, "reason": "",
    }  # fmt: skip
    assert data["challenges"]["rows"][0]["reason"]
    kinds = {row["kind"] for row in data["left_out"]}
    assert {"duplicate", "not_modelled"} <= kinds and all(row["reason"] for row in data["left_out"])


def test_a_results_file_is_what_was_seen(tmp_path):
    men, organ = standard_men(3), structure("organs/circumstances")
    results = simulate(organ, men, times=[0.0, 1.0], endpoints=(), precision="float64")
    results.save(tmp_path / "results.h5")
    seen = seen_of(tmp_path / "results.h5", men, organ)
    assert set(seen.outputs) == set(organ.output_names) and set(seen.parameters) == set(organ.parameter_names)
    assert seen.known(slice(0, 2), -1)("oxygen_consumption").in_unit("mL/min") == pytest.approx([250.0, 250.0])


def test_without_the_tables_nothing_runs(monkeypatch, tmp_path):
    monkeypatch.delenv("TWINSIM_REFERENCE_DATA", raising=False)
    answer = command("+experiment=validate_physiology", f"out={tmp_path / 'run'}")
    assert answer.code == 2 and "where are the reference tables" in answer.err and "data=FOLDER" in answer.err
    answer = command("+experiment=validate_physiology", f"data={tmp_path}", f"out={tmp_path / 'run'}")
    assert answer.code == 2 and "no BloodChemistry.csv" in answer.err
    assert not (tmp_path / "run").exists()


def test_a_damaged_table_and_keys_without_effect(reference_data, tmp_path):
    folder = tmp_path / "organs"
    shutil.copytree(reference_data / "organs", folder)
    (folder / "Energy.csv").write_text("CoreTemperature,degC,warm,source,,Energy\n", encoding="utf-8")
    answer = command("+experiment=validate_physiology", f"data={folder}", f"out={tmp_path / 'run'}")
    assert answer.code == 2 and "Energy.csv, row 1" in answer.err
    answer = command("+experiment=validate_physiology", f"data={reference_data}", "population.source=adults_anatomy")
    assert answer.code == 2 and "population.source" in answer.err


def test_a_plan_without_a_run(reference_data, tmp_path):
    answer = command(
        "+experiment=validate_physiology", f"data={reference_data}", "dry_run=true", f"out={tmp_path / 'run'}"
    )
    assert answer.code == 0, answer.err
    assert "480" in answer.out + answer.err
