"""The command for all benchmarks: choices, table, JSON, comparison; our rows against the reference."""

import dataclasses
import json

import pytest

pytest.importorskip("scipy")

from benchmarks import __main__ as command  # noqa: E402
from benchmarks import cohort_pk, measure, report, twinsim_rows  # noqa: E402
from benchmarks.measure import Row, make_request  # noqa: E402
from benchmarks.problem import Ours, Peer, count  # noqa: E402
from benchmarks.problems import PROBLEMS  # noqa: E402


@pytest.mark.parametrize(
    ("name", "ours", "rtol", "allowed"),
    [
        ("two_compartment_oral", Ours("closed"), None, 1e-5),
        ("one_compartment_28_days", Ours("closed"), None, 1e-5),
        ("lorenz_fixed", Ours("fixed", "float64"), None, 1e-11),
        ("lorenz_adaptive", Ours("explicit", "float64"), 1e-8, 1e-7),
        ("lorenz_gradients", Ours("gradient", "float64"), 1e-9, 1e-7),
        ("myelosuppression", Ours("explicit"), 1e-4, 1e-3),
    ],
)
def test_our_rows_solve_the_problem(name, ours, rtol, allowed):
    problem = PROBLEMS[name]
    patients = problem.sample(3, 0)
    outputs = twinsim_rows.solver_of(problem, ours, rtol)(twinsim_rows.placed(patients))
    found = twinsim_rows.values_of(problem, outputs, count(patients))
    assert problem.error(found, problem.reference(problem, patients)) < allowed


def test_what_is_not_offered_is_a_note():
    request = make_request(PROBLEMS["robertson"], 2, 0, 1)
    row = twinsim_rows.row(Ours("closed"), request)
    assert row.run_s is None and row.note.startswith("not available:") and row.problem == "robertson"


def test_command_writes_table_and_json_and_compares(tmp_path, capsys):
    path, old = tmp_path / "speed.json", tmp_path / "old.json"
    words = ["--only", "random", "--size", "512", "--repeats", "1", "--json", str(path)]
    assert command.main(words) == 0
    written = json.loads(path.read_text())
    assert {"cpu", "cores", "memory_gib", "python", "versions", "flags"} <= set(written["machine"])
    assert [(row["name"], row["dtype"]) for row in written["results"]] == [
        ("twinsim draws", "float32"),
        ("twinsim draws", "float64"),
    ]
    assert set(written["results"][0]) == {field.name for field in dataclasses.fields(measure.Row)}
    assert "vs old" not in capsys.readouterr().out
    written["results"][0]["patients_per_s"] *= 1e6  # as if it had been faster by far
    del written["results"][1]
    old.write_text(json.dumps(written))
    assert command.main([*words, "--compare", str(old)]) == 0
    printed = capsys.readouterr().out
    assert "vs old" in printed and "1 of 2 rows are more than a tenth slower" in printed
    assert "random_draws twinsim draws float32" in printed.splitlines()[-1]


def row(name: str, speed: float | None, dtype: str = "float32", size: int = 10) -> Row:
    return Row(name, "cpu x2", dtype, size, run_s=1.0, patients_per_s=speed, problem="lorenz_fixed")


def test_comparison_of_rows(tmp_path):
    path = tmp_path / "old.json"
    report.write_json(path, {}, [row("twinsim fixed", 100.0), row("numba fixed", 50.0)])
    old = report.read_old(path)
    assert report.against(row("twinsim fixed", 120.0), old) == "1.20"
    assert report.against(row("twinsim fixed", 80.0), old) == "0.80 SLOWER"
    assert report.against(row("numba fixed", 50.0, size=20), old) == "1.00 size"
    assert report.against(row("twinsim fixed", 80.0, "float64"), old) == "new"
    assert report.against(row("twinsim fixed", None), old) == "-"
    unchanged = json.loads(path.read_text())["results"][0]
    assert unchanged["name"] == "twinsim fixed"


def test_rows_from_before_problems_had_names(tmp_path):
    path = tmp_path / "old.json"
    old = {"name": "twinsim closed", "device": "cpu x2", "dtype": "float32", "size": 5, "patients_per_s": 10.0}
    path.write_text(json.dumps({"machine": {}, "results": [old]}))
    new = dataclasses.replace(row("twinsim closed", 20.0, size=5), problem="two_compartment_oral")
    assert report.ratio(new, report.read_old(path)) == 2.0


def test_ratios_to_the_best_of_each_peer_of_the_same_precision():
    rows = [
        row("twinsim fixed", 100.0),
        row("numba fixed", 20.0),
        row("numba fixed_lanes", 50.0),
        row("diffrax tsit5", 1.0),
        row("diffrax tsit5", 400.0, "float64"),
        row("scipy lsoda", None),
    ]
    assert report.ratios(rows) == ["twinsim fixed float32: 2 x numba fixed_lanes, 100 x diffrax tsit5"]


def test_choices():
    chosen = command.arguments(["--only", "lorenz,hires", "--peers", "numba", "--quick"])
    assert chosen.only == ["lorenz_fixed", "lorenz_adaptive", "lorenz_gradients", "hires"]
    assert chosen.repeats == 1
    assert command.size_of(PROBLEMS["hires"], chosen) == command.QUICK_SIZE
    assert command.peer_size(Peer("diffrax", "x", size=10), 100, chosen) == 10
    assert command.peer_size(Peer("numba", "x"), 100, chosen) == 100
    ours, peers = command.rows_of(PROBLEMS["hires"], command.arguments(["--tiers", "explicit", "--peers", "numba"]))
    assert [each.name for each in ours] == ["explicit"]
    assert [each.variant for each in peers] == ["tsit5", "tsit5_lanes"]


def test_unknown_names_are_refused(capsys):
    with pytest.raises(SystemExit):
        command.arguments(["--peers", "nimba"])
    assert "'nimba' is not one of" in capsys.readouterr().err


def test_listing_names_everything(capsys):
    assert command.main(["--list"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in PROBLEMS)
    with pytest.raises(SystemExit):
        cohort_pk.main(["--help"])


def test_every_peer_row_has_its_module():
    from importlib.util import find_spec

    names = {peer.name for case in PROBLEMS.values() for peer in case.peers}
    assert names == set(command.PEERS)
    assert all(find_spec(f"benchmarks.peers.{name}_peer") for name in names)


@pytest.mark.parametrize("content", [None, "no JSON", "{}", "[1]"])
def test_a_file_that_cannot_be_compared_with_is_refused(content, tmp_path, capsys):
    path = tmp_path / "old.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SystemExit) as stopped:
        command.arguments(["--compare", str(path)])
    assert stopped.value.code == 2 and "old.json is no file that --json has written" in capsys.readouterr().err
