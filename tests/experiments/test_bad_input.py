"""What goes wrong for a person at the keyboard: exit code 2, words that help, and nothing written."""

import os
from pathlib import Path

import pytest

from tests.experiments.command import command
from twinsim.library import library_names, model_path

RECORDS = "ID,TIME,AMT,DV,EVID\n"
COHORT = ["+experiment=cohort_pk", "population.size=8"]
PREDICT = ["+experiment=predict", "model=theophylline", "data=table.csv", "columns.AMT=mg", "columns.DV=mg/L"]
SWEEP = ["+experiment=sweep", "population.size=8"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(*words):
    """The message of a command that must be refused without a trace."""
    before = sorted(Path.cwd().rglob("*"))
    answer = command(*words)
    assert answer.code == 2 and not answer.out
    assert sorted(Path.cwd().rglob("*")) == before
    lines = [line for line in answer.err.splitlines() if not line.startswith("solver ")]
    assert lines[0].startswith("error: ") and "Traceback" not in answer.err
    assert "debug=true" not in answer.err, "nobody foresaw this error"
    assert len(answer.err) < 3000
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["+experiment=cohort_pkk"], ["cohort_pkk", "did you mean cohort_pk?"]),
        ([*COHORT, "regimen.amont=3"], ["regimen.amont", "did you mean regimen.amount"]),
        ([*COHORT, "sovler.rtol=3"], ["sovler.rtol", "did you mean solver.rtol?"]),
        ([*COHORT, "model=theophyline"], ["theophyline", "did you mean theophylline?"]),
        ([*COHORT, "model=my_drug.yaml"], ["no model file my_drug.yaml", "check the path"]),
        ([*COHORT, "population.source=aduts"], ["aduts", "did you mean adults?", "CSV"]),
        ([*COHORT, "outputs=[concentratoin]"], ["concentratoin", "concentration"]),
        ([*COHORT, "endpoints=[cmx]"], ["endpoints", "cmx", "did you mean cmax"]),
        ([*COHORT, "endpoints=[time_above]"], ["time_above", "needs a level", "time_above:10"]),
        ([*COHORT, "endpoints=[auc,auc]"], ["auc is asked for twice"]),
        ([*COHORT, "typical.vv=3"], ["'vv'", "did you mean v?"]),
        ([*COHORT, "parameters.vv=3"], ["'vv'", "did you mean v?"]),
        ([*COHORT, "covariates.weigth=80"], ["weigth", "did you mean weight"]),
        ([*SWEEP, "sweep.grid.regimen.amout=[1,2]"], ["regimen.amout", "did you mean regimen.amount"]),
        ([*SWEEP, "sweep.grid.parameters.cll=[1,2]"], ["'cll'", "did you mean cl?"]),
    ],
)
def test_misspelt_names_are_answered_with_the_nearest(words, parts):
    message = refused(*words)
    assert all(part in message for part in parts), message


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ([*COHORT, "regimen.amount=5", "regimen.unit=mL"], ["regimen.unit", "mL", "regimen.unit=mg"]),
        ([*COHORT, "regimen.amount=-5"], ["regimen.amount", "not above 0"]),
        ([*COHORT, "regimen.count=4"], ["regimen.interval", "add"]),
        ([*COHORT, "regimen.amount=5", "regimen.route=rectal"], ["'rectal'", "oral"]),
        ([*COHORT, "regimen.amount=5", "regimen.route=centrl"], ["'centrl'", "did you mean central?"]),
        ([*COHORT, "regimen.duration=1", "regimen.rate=5"], ["duration or rate"]),
        ([*COHORT, "typical.v=-3"], ["v=-3", "lies outside"]),
        ([*COHORT, "parameters.v=-3"], ["parameters.v", "-3 L", "lies outside"]),
        ([*COHORT, "covariates.weight=-70"], ["covariates.weight", "-70 kg", "lies outside"]),
        ([*SWEEP, "sweep.grid.parameters.v=[30,-3]"], ["sweep.parameters.v", "-3 L", "lies outside"]),
        ([*SWEEP, "sweep.grid.regimen.amount=[3,-3]"], ["regimen.amount = -3"]),
        ([*SWEEP, "sweep.grid.regimen.count=[1.5]"], ["regimen.count = 1.5", "whole number"]),
        ([*SWEEP, "sweep.grid.regimen.amount=3"], ["sweep.grid.regimen.amount=[a,b,c]"]),
        ([*COHORT, "times.at=[0,4,2]"], ["times.at", "must increase"]),
        ([*COHORT, "times.at=[0,2,2]"], ["times.at", "time twice"]),
        ([*COHORT, "times.at=[-1,2]"], ["times.at", "none below 0"]),
        ([*COHORT, "solver=closed", "model=phenytoin_yukawa_1990"], ["solver=auto"]),
        ([*COHORT, "model=vancomycin_goti_2018"], ["dialysis is missing", "covariates.NAME=VALUE"]),
        ([*COHORT, "model=vancomycin_goti_2018", "covariates.dialysis=4"], ["0 for none, 1 for intermittent"]),
        (["+experiment=predict", "model=theophylline"], ["no records", "data=my_patients.csv"]),
        (["+experiment=fit", "model=theophylline"], ["no records", "data=my_patients.csv"]),
        (["+experiment=fit", "model=theophylline", "data=theophyline"], ["no table 'theophyline'", "theophylline?"]),
        (["+experiment=fit_theophylline", "method=focie"], ["method: 'focie' is not a choice", "focei"]),
        (["+experiment=predict", "data=table.csv"], ["no model was chosen", "model=theophylline"]),
        ([*PREDICT, "precision=float64"], ["precision: has no effect in predict"]),
        ([*PREDICT], ["there is no such file", "table.csv"]),
        ([*COHORT, "population=table"], ["population.source must be given", "population.source=VALUE"]),
        ([*COHORT, "population.size=null"], ["population.size=1000"]),
    ],
)
def test_values_that_cannot_be_are_named_with_their_key(words, parts):
    message = refused(*words)
    assert all(part in message for part in parts), message


PBPK = ["+experiment=pbpk_midazolam", "population.size=8"]


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ([*PBPK, "drug=midazolan"], ["'midazolan'", "did you mean midazolam?"]),
        ([*PBPK, "drug=drug.yaml"], ["'CYP3A9' is not known", "did you mean CYP3A7", "partition: is not a key here"]),
        ([*PBPK, "population.ckd=7"], ["population.ckd", "more than 5"]),
        ([*PBPK, "population.cirrhosis=5"], ["population.cirrhosis", "more than 3"]),
        ([*PBPK, "population.source=adults"], ["liver_mass is missing", "an anatomy has it", "adults_anatomy"]),
        ([*PBPK, "population.source=fat.csv", "population.ckd=0"], ["adipose_mass = 90 kg in a body of 80 kg"]),
        ([*PBPK, "parameters.kp_muscel=2"], ["'kp_muscel'", "did you mean kp_muscle"]),
        ([*PBPK, "start=equilibirum"], ["start: 'equilibirum' is not a choice", "equilibrium"]),
        ([*COHORT, "start=equilibrium", "model=pnp.yaml"], ["no model file pnp.yaml"]),
        (["+experiment=predict", "model=theophylline", "start=equilibrium"], ["start: has no effect in predict"]),
    ],
)
def test_whole_bodies_that_cannot_be(words, parts):
    Path("drug.yaml").write_text(
        """
title: Testamine
sources: {paper: "Author 2020, Journal 1:1"}
physicochemistry:
  molar_mass: {value: 300 g/mol, source: paper}
  log_p: {value: 2, source: paper}
  compound: neutral
plasma: {fu: {value: 20 %, source: paper}, protein: albumin}
clearances: [{name: oxidation, kind: hepatic, enzyme: CYP3A9, value: 1 L/h, source: paper}]
partition: {muscel: 2}
"""
    )
    Path("fat.csv").write_text("id,sex,age [y],height [cm],weight [kg],adipose_mass [kg]\n1,male,40,180,80,90\n")
    message = refused(*words)
    assert all(part in message for part in parts), message


TWO = ["columns.AMT=mg", "columns.DV.cp=mg/L", "columns.DV.pca=%", "data=two.csv"]
PKPD = ["+experiment=fit", "model=warfarin_pkpd", *TWO]


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (PKPD, ["no output of pkpd/one_compartment_oral_turnover is called 'cp'", "where: dvid.cp", "dvid.cp=NAME"]),
        ([*PKPD, "dvid.cp=concentraton"], ["'concentraton'", "did you mean concentration?", "dvid.cp=null"]),
        ([*PKPD, "dvid.pc=pca"], ["no observation of two.csv has the DVID 'pc'", "dvid.pc", "did you mean pca?"]),
        ([*PKPD, "lloq.cpp=1"], ["the DVID 'cpp'", "lloq.cpp", "did you mean cp?"]),
        ([*PKPD, "dvid.cp=concentration", "lloq.cp=0"], ["0 is no limit", "lloq.cp", "above 0"]),
        ([*PKPD, "lloq.cp=low"], ["lloq.cp: 'low' is not a number"]),
        (["+experiment=predict", "model=warfarin_pkpd", *TWO, "dvid.cp=pcb"], ["'pcb'", "did you mean pca?"]),
        (["+experiment=predict", "model=warfarin_pkpd", *TWO, "lloq.cp=1"], ["lloq: has no effect in predict"]),
        ([*COHORT, "dvid.cp=concentration"], ["dvid: has no effect in cohort_pk"]),
        (["+experiment=fit_warfarin"], ["no records", "data=PATH", "nlmixr2data", "DVID (cp in mg/L, pca in %)"]),
        (["+experiment=fit_phenobarbital"], ["no records", "data=PATH", "pheno_sd", "APGR"]),
    ],
)
def test_outputs_that_nobody_has_are_answered_with_the_nearest(words, parts):
    Path("two.csv").write_text("ID,TIME,AMT,DVID,DV,EVID,WT\n1,0,9,.,.,1,70\n1,1,0,cp,2,0,70\n1,1,0,pca,50,0,70\n")
    message = refused(*words)
    assert all(part in message for part in parts), message


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (("31.8160 L", "-31.8160 L"), ["parameters.v.value", "-31.816 L", "lies outside"]),
        (("2.75123 L/h", "2.75123 mg/h"), ["parameters.cl.value", "mg/h does not fit L/h"]),
        (("structure: pk/one_compartment_oral", "structure: pk/one_compartment_orl"), ["one_compartment_oral"]),
        (("parameters:", "paramters:"), ["paramters", "parameters"]),
        (("2.75123 L/h", "2.75123 L/fortnight"), ["fortnight"]),
    ],
)
def test_a_model_file_with_a_fault_is_answered_with_the_place(change, parts):
    text = model_path("theophylline").read_text(encoding="utf-8")
    assert change[0] in text
    Path("mine.yaml").write_text(text.replace(*change), encoding="utf-8")
    message = refused(*COHORT, "model=mine.yaml")
    assert all(part in message for part in parts), message


@pytest.mark.parametrize(
    ("rows", "parts"),
    [
        ("", ["table.csv", "empty"]),
        (RECORDS, ["table.csv", "no rows"]),
        (f"{RECORDS}1,0,100,.,1\n1,4,.,2,0\n1,2,.,3,0\n", ["row 4, TIME=2", "runs backwards", "sort"]),
        (f"{RECORDS}1,0,100,.,1\n1,four,.,2,0\n", ["row 3, TIME=four"]),
        (
            "ID,TIME,AMT,DV,EVID,CMT\n1,0,100,.,1,7\n1,4,.,2,0,2\n",
            ["no compartment 7", "row 2, CMT", "1 depot, 2 central"],
        ),
        (f"{RECORDS}1,0,-100,.,1\n1,4,.,2,0\n", ["row 2, AMT=-100"]),
        (f"{RECORDS}1,0,100,.,1\n1,4,.,{'2' * 200_000},0\n", ["row 3, DV=222", " ... "]),
    ],
    ids=["empty", "header only", "unsorted", "words", "compartment", "negative", "a huge cell"],
)
def test_rows_that_cannot_be_used_are_named(rows, parts):
    Path("table.csv").write_text(rows)
    message = refused(*PREDICT)
    assert all(part in message for part in parts), message


def test_units_are_asked_for_in_the_words_of_the_command_line():
    Path("table.csv").write_text(f"{RECORDS}1,0,100,.,1\n1,4,.,2,0\n")
    message = refused("+experiment=predict", "model=theophylline", "data=table.csv")
    assert "add columns.AMT=mg columns.DV=mg/L" in message and "{" not in message
    message = refused(*PREDICT, "columns.AMMT=mg")
    assert "columns names 'AMMT'" in message and "did you mean AMT?" in message
    message = refused(*PREDICT[:-1], "columns.DV=mg/fortnight")
    assert "fortnight" in message
    message = refused(*PREDICT[:-1], "columns.DV=mg")
    assert "'mg/L' does not fit 'mg'" in message


def test_binary_data_and_folders_are_not_tables():
    Path("table.csv").write_bytes(bytes(range(256)) * 20)
    assert "binary data" in refused(*PREDICT)
    assert "a folder, not a file" in refused(*PREDICT, "data=.")


def test_a_file_beyond_the_limit_is_not_read(monkeypatch):
    from twinsim.records import source

    monkeypatch.setattr(source, "MAX_BYTES", 1000)
    Path("table.csv").write_text(RECORDS + "1,0,100,.,1\n" * 100)
    assert "GiB are read" in refused(*PREDICT)


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["population.size=1e30"], ["population.size", "more than 1,000,000,000,000"]),
        (["population.size=1e11", "save=summary"], ["of memory", "this machine has"]),
        (["population.size=1e8", "times.count=1000", "runner.chunk=256"], ["of disk", "free", "save=summary"]),
        (["times.count=2000000000"], ["times.count", "more than 1,000,000"]),
        (["regimen.count=1000000000", "regimen.interval=1"], ["regimen.count", "more than 100,000"]),
        (["seed=99999999999999999999"], ["seed", "more than"]),
        (["solver.rtol=5"], ["solver.rtol", "more than 0.1"]),
        (["typical.v=.inf"], ["typical.v", "not a number"]),
    ],
)
def test_counts_beyond_every_limit_are_refused_before_anything_is_made(words, parts):
    message = refused("+experiment=cohort_pk", *words)
    assert all(part in message for part in parts), message


def test_too_many_scenarios_are_refused_before_they_are_made():
    values = f"[{','.join(map(str, range(1, 401)))}]"
    message = refused(*SWEEP, f"sweep.grid.regimen.amount={values}", f"sweep.grid.parameters.cl={values}")
    assert "scenarios are more than 100,000" in message


@pytest.mark.parametrize("name", library_names())
def test_every_library_model_says_what_it_lacks_or_plans_a_run(name):
    answer = command(*COHORT, f"model={name}", "dry_run=true")
    if answer.code == 0:
        assert "8 patients" in answer.out
    else:
        assert answer.code == 2 and "is missing for every patient" in answer.err and "covariates.NAME" in answer.err
    assert not list(Path.cwd().iterdir())


def test_a_place_where_nothing_can_be_written():
    Path("file").write_text("x")
    assert "is a file" in refused(*COHORT, "out=file")
    assert "out=" in refused(*COHORT, "out=file/below")
    Path("mine").mkdir()
    Path("mine/thesis.tex").write_text("x")
    message = refused(*COHORT, "out=mine")
    assert "thesis.tex" in message and "out=FOLDER" in message


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a file system that takes nothing")
def test_a_file_system_that_takes_nothing():
    assert "out=FOLDER" in refused(*COHORT, "out=/proc/self/nothing")
