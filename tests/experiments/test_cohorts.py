"""Cohorts through the command line: one run for each value, patients that fail, a table of patients."""

from pathlib import Path

import numpy as np
import xarray

import twinsim
from experiments.steps import job_of
from tests.experiments.command import command
from twinsim.config import from_mapping


def test_multirun_makes_a_run_for_each_value(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    common = ["population.size=5", "save=endpoints", "report=false", "progress=none", "endpoints=[auc,time_above:2.5]"]
    answer = command("-m", "+experiment=cohort_pk", "regimen.amount=100,200", *common)
    assert answer.code == 0, answer.err
    folders = sorted(Path("runs").iterdir())
    assert len(folders) == 2 and {p.name for p in tmp_path.iterdir()} == {"runs"}
    found = {}
    for folder in folders:
        with xarray.open_datatree(folder / "results.h5") as tree:
            settings = str(tree["provenance/settings"].to_numpy()[()])
            assert '"seed": 0' in settings and "time_above_2p5" in tree["endpoints"]
            found[float(tree["endpoints/auc"].mean())] = tree["endpoints/auc"].to_numpy()
    low, high = (found[key] for key in sorted(found))
    np.testing.assert_allclose(high, 2 * low, rtol=1e-5)
    again = command("-m", "+experiment=cohort_pk", "regimen.amount=100,200", *common)
    assert again.code == 2 and again.err.count("already finished") == 2


def test_some_failed_patients_give_exit_code_1_and_their_status(tmp_path):
    few = ["solver=explicit", "solver.max_steps=30", "solver.rtol=1e-6", "population.size=20", "progress=none"]
    answer = command("+experiment=cohort_pk", *few, f"out={tmp_path}/r")
    assert answer.code == 1 and "of 20 patients failed" in answer.err and "results: " in answer.out
    with xarray.open_datatree(tmp_path / "r" / "results.h5") as tree:
        status = tree["status"].to_numpy()
        names = dict(zip(tree["status"].flag_values, tree["status"].flag_meanings.split(), strict=True))
        assert {names[code] for code in status} <= {"ok", "max_steps"} and (status != 0).any()
        assert np.isnan(tree["endpoints/cmax"].to_numpy()[status != 0]).all()
        assert tree.attrs["patients_failed"] == (status != 0).sum()
    page = (tmp_path / "r" / "report.html").read_text()
    assert "patients failed and are left out" in page and "raise solver.max_steps" in page


def test_a_table_of_patients_is_taken_as_it_is(tmp_path):
    people = tmp_path / "people.csv"
    people.write_text("id,weight [kg],sex,age [y],creatinine [mg/dL]\n7,70,male,40,1.0\n9,55,female,60,0.8\n")
    words = ["model=vancomycin_goti_2018", "covariates.dialysis=0", "population=table", "times.count=5"]
    words += [f"population.source={people}", "report=false", "progress=none"]
    assert command("+experiment=cohort_pk", *words, f"out={tmp_path}/r").code == 0
    with xarray.open_datatree(tmp_path / "r" / "results.h5") as tree:
        assert tree["patient"].to_numpy().tolist() == [7, 9]
        assert tree["covariates/weight"].to_numpy().tolist() == [70.0, 55.0]
        assert tree["covariates/dialysis"].to_numpy().tolist() == [0.0, 0.0]
    people.write_text(people.read_text().replace("55", "56"))
    answer = command("+experiment=cohort_pk", *words, f"out={tmp_path}/r", "resume=true")
    assert answer.code == 2 and "the folder holds another run" in answer.err


def test_a_cohort_may_start_at_rest():
    """What that does is in the tests of twinsim.at_rest."""
    keys = {"kind": "cohort_pk", "model": "warfarin_pkpd", "population": {"size": 2}}
    model, dose = twinsim.population_model("warfarin_pkpd"), twinsim.regimen(100)
    for given, at_rest in (({}, False), ({"start": "equilibrium"}, True)):
        job = job_of(from_mapping(keys | given), model, dose, np.array([0.0, 24.0]))
        assert job.program.problem.rest == at_rest and ("start" in job.identity) == at_rest
