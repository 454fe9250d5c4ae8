"""Stages of fits through the command line: what is carried over, and a run that is stopped in its second stage."""

import pytest

from experiments import fit, fit_stages
from tests.experiments.command import command
from tests.twinsim.run.stored import contents
from twinsim.calibrate import fit_job

EXPERIMENT = """# @package _global_
kind: fit_stages
help: two models for the study that comes with the project
title: Two
data: theophylline
stages: [theophylline, lagged.yaml]
method: fo
report: false
progress: none
"""
MODEL = """
title: theophylline with a lag
structure: pk/one_compartment_oral
parameters:
  cl: {value: 5 L/h}
  v: {value: 50 L}
  ka: {value: 1 1/h}
  lag: {value: 0.1 h, fixed: true}
between_patients:
  - {parameter: cl, variance: 0.1}
residual:
  concentration: {model: additive, additive: {sd: 1 mg/L}}
"""
STAGES = ("theophylline", "lagged")


@pytest.fixture
def words(tmp_path, monkeypatch):
    """The command; a folder of its own to run in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lagged.yaml").write_text(MODEL)
    (tmp_path / "conf" / "experiment").mkdir(parents=True)
    (tmp_path / "conf" / "experiment" / "two.yaml").write_text(EXPERIMENT)
    return ["--config-dir", str(tmp_path / "conf"), "+experiment=two"]


def test_a_stage_begins_where_the_one_before_ended(words, tmp_path, monkeypatch):
    begun, real = [], fit_stages.carried

    def seen(model, found):
        begun.append((found, real(model, found)))
        return begun[-1][1]

    monkeypatch.setattr(fit_stages, "carried", seen)
    answer = command(*words, "out=r")
    assert answer.code == 0, answer.err
    ((found, start),) = begun
    assert all(start.thetas[name] == found.thetas[name] for name in ("cl", "v", "ka"))
    here, there = start.eta_names.index("cl"), found.eta_names.index("cl")
    assert start.omega[here, here] == found.omega[there, there]
    assert start.numbers["lag"].value == 0.1
    assert sorted(path.name for path in (tmp_path / "r").iterdir()) == sorted(STAGES)
    assert answer.out.index("lagged/results.h5") < answer.out.index("theophylline/results.h5")


def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(words, tmp_path, monkeypatch):
    assert command(*words, "out=whole").code == 0
    whole = {stage: contents(tmp_path / "whole" / stage / "results.h5") for stage in STAGES}

    def interrupting(config):
        def told(step, *_):
            if config.title.endswith("lagged") and step == 2:
                raise KeyboardInterrupt

        return told

    with monkeypatch.context() as patch:
        patch.setattr(fit, "progress", interrupting)
        answer = command(*words, "out=part")
    assert answer.code == 130 and "resume=true" in answer.err
    assert (tmp_path / "part" / "theophylline" / "results.h5").exists()
    assert not (tmp_path / "part" / "lagged" / "results.h5").exists()
    assert any((tmp_path / "part" / "lagged" / "checkpoint").iterdir())
    assert command(*words, "out=part").code == 2
    fitted, real = [], fit_job.fit

    def seen(model, *more, **how):
        fitted.append(model.name)
        return real(model, *more, **how)

    monkeypatch.setattr(fit_job, "fit", seen)
    assert command(*words, "out=part", "resume=true").code == 0
    assert fitted == ["lagged"]
    for stage, kept in whole.items():
        assert contents(tmp_path / "part" / stage / "results.h5") == kept
        assert not (tmp_path / "part" / stage / "checkpoint").exists()


@pytest.mark.parametrize(
    ("more", "parts"),
    [
        (["stages=[theophylline]"], ["two or more models", "+experiment=fit"]),
        (["stages=[theophylline,theophylline]"], ["of different names"]),
        (["typical.clx=3"], ["no model has a number 'clx'", "did you mean cl"]),
        (["dvid.DV=concentratoin"], ["'concentratoin'", "did you mean concentration?", "dvid.DV=null"]),
        (["model=theophylline"], ["model: has no effect in fit_stages"]),
    ],
)
def test_what_cannot_be_is_refused(words, tmp_path, more, parts):
    answer = command(*words, *more, "out=r")
    assert answer.code == 2 and all(part in answer.err for part in parts), answer.err
    assert not (tmp_path / "r").exists()
