"""The command line: help, misspelt names, faults of the configuration, exit codes, nothing left behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from twinsim import arguments, cli
from twinsim.config import from_mapping
from twinsim.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Every command runs in an empty folder, and leaves nothing in it unless it says so."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys, *words):
    code = cli.main(list(words))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_help_lists_every_experiment_with_its_line(capsys, elsewhere):
    code, out, err = run(capsys, "--help")
    assert code == 0 and not err
    for name, line in arguments.experiments_in([arguments.conf_folder()]).items():
        assert f"  {name} " in out and line in out
    assert out.count("\n  python -m twinsim +experiment=") >= 5
    assert "powered by Hydra" not in out
    assert not list(elsewhere.iterdir())


def test_no_arguments_is_a_request_for_help(capsys):
    code, out, _ = run(capsys)
    assert code == 0 and "experiments:" in out


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["+experiment=quikstart"], "did you mean quickstart?"),
        (["experiment=cohort_pk", "populaton.size=3"], "did you mean population.size"),
        (["+experiment=cohort_pk", "+sed=3"], "did you mean seed?"),
        (["+experiment=cohort_pk", "solver=explicitt"], "did you mean explicit?"),
        (["+experiment=cohort_pk", "regimen=twicedaily"], "did you mean twice_daily"),
        (["seed=3"], "no experiment was chosen"),
        (["+experiment=cohort_pk", "precision=float16"], "precision: 'float16' is not a choice"),
        (["+experiment=cohort_pk", "population.size=-3"], "population.size: -3 is less than 1"),
        (["+experiment=cohort_pk", "population.size=many"], "population.size: 'many' is not a whole number"),
        (["+experiment=cohort_pk", "times.at=[0,2,2]"], "times must increase"),
        (["+experiment=cohort_pk", "seed=[1"], "error:"),
        (["+experiment=predict", "population.size=7"], "population: has no effect in predict"),
        (["+experiment=cohort_pk", "population=7"], "population has no choice '7'"),
        (["+experiment=cohort_pk", "--config-dir", "nowhere"], "there is no folder 'nowhere'"),
        (["--experimental-rerun", "job.pickle"], "--experimental-rerun is not offered"),
    ],
)
def test_a_mistake_is_answered_with_the_remedy(capsys, elsewhere, words, answer):
    code, out, err = run(capsys, *words)
    assert code == 2
    assert answer in err and err.startswith("error: ")
    assert "Traceback" not in err and "append" not in err.lower() and "HYDRA_FULL_ERROR" not in err
    assert not out and not list(elsewhere.iterdir())


def test_debug_shows_the_traceback(capsys):
    code, _, err = run(capsys, "+experiment=cohort_pk", "population.size=-3", "debug=true")
    assert code == 2 and "Traceback" in err


def test_every_fault_is_told_at_once():
    with pytest.raises(UsageError) as caught:
        from_mapping({"kind": "sweep", "seed": "a", "solver": {"rtol": -1}, "populaton": {}, "times": 3})
    text = str(caught.value)
    assert "4 faults" in text
    for part in (
        "seed: 'a'",
        "solver.rtol: -1.0 is not above 0",
        "populaton: unknown key",
        "times: 3 is not a mapping",
    ):
        assert part in text


def test_cfg_job_shows_the_configuration(capsys, elsewhere):
    code, out, _ = run(capsys, "+experiment=quickstart", "--cfg", "job", "population.size=7")
    assert code == 0 and "size: 7" in out and "interval: 12.0" in out
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize("name", sorted(arguments.experiments_in([arguments.conf_folder()])))
def test_every_experiment_composes(capsys, name):
    code, out, err = run(capsys, f"+experiment={name}", "--cfg", "job")
    assert code == 0 and "kind: " in out and not err


def test_sweep_keys_are_dotted_names():
    axes = {"grid": {"regimen": {"amount": [1, 2]}, "parameters.cl": [3.0]}}
    assert dict(from_mapping({"kind": "sweep", "sweep": axes}).sweep.grid) == {
        "regimen.amount": (1.0, 2.0),
        "parameters.cl": (3.0,),
    }


def test_the_users_own_experiments_are_listed(capsys, tmp_path):
    (tmp_path / "mine" / "experiment").mkdir(parents=True)
    own = "# @package _global_\nkind: cohort_pk\nhelp: my drug\nmodel: theophylline\nseed: 5\n"
    (tmp_path / "mine" / "experiment" / "my_drug.yaml").write_text(own)
    code, out, _ = run(capsys, "--config-dir", "mine", "--help")
    assert code == 0 and "my drug" in out
    code, out, _ = run(capsys, "+experiment=my_drug", "--config-dir", "mine", "--cfg", "job")
    assert code == 0 and "seed: 5" in out


def test_the_module_runs_as_a_program():
    command = [sys.executable, "-m", "twinsim", "+experiment=nothing"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 2 and "there is no experiment 'nothing'" in done.stderr
