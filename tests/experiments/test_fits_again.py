"""Runs of fits whose fits do not converge, and runs that are whole already: what is kept, told, and not done again."""

import h5py
import numpy as np
import pytest

from experiments import fit
from tests.experiments.command import command
from tests.twinsim.run.stored import contents
from twinsim.calibrate import fit_job, recovery_job, refits
from twinsim.calibrate.stored import fit_ended

FIT = ["+experiment=fit_theophylline", "method=fo", "progress=none"]
STUDIES = [
    "+experiment=simulate_and_refit", "model=theophylline", "population.size=8", "calibrate.studies=3", "method=fo",
    "times.at=[0.5,1,2,5,9,24]", "progress=none",
]  # fmt: skip


def never(*words, **more):
    raise AssertionError("fitted again")


@pytest.mark.parametrize(("more", "code"), [([], 0), (["calibrate.max_steps=1"], 1)])
def test_a_whole_fit_is_not_fitted_again(tmp_path, monkeypatch, more, code):
    """Its report stays as it is, and whether it converged is read from the results."""
    words = [*FIT, *more, f"out={tmp_path / 'r'}"]
    first = command(*words, "report=false")
    assert first.code == code, first.err
    results, report = tmp_path / "r" / "results.h5", tmp_path / "r" / "report.html"
    before = contents(results)
    report.write_text("as it was")
    monkeypatch.setattr(fit_job, "fit", never)
    again = command(*words, "resume=true")
    assert again.code == code and fit_ended(results).converged == (code == 0), again.err
    assert ("the fit did not converge: 1 steps were not enough" in again.out + again.err) == bool(code)
    assert contents(results) == before and report.read_text() == "as it was" and "report.html" in again.out


def test_a_series_where_nothing_converges_keeps_its_fits_and_its_report(tmp_path, monkeypatch):
    words = [*STUDIES, "calibrate.max_steps=1", f"out={tmp_path / 'r'}"]
    answer = command(*words)
    assert answer.code == 1 and "only 0 of 3 fits converged: fit 0: 1 steps were not enough" in answer.out + answer.err
    with h5py.File(tmp_path / "r" / "results.h5") as file:
        group = file["refits"]
        assert group["converged"][:].tolist() == [0, 0, 0] and np.isfinite(group["estimate"][:]).all()
        assert group["converged"].attrs["reasons"].count("1 steps were not enough") == 3
        assert np.isnan(group["coverage"][:]).all()
    assert "only 0 of 3 fits converged" in (tmp_path / "r" / "report.html").read_text()
    assert not (tmp_path / "r" / "checkpoint").exists()
    monkeypatch.setattr(recovery_job, "recover", never)
    again = command(*words, "resume=true")
    assert again.code == 1 and "only 0 of 3 fits converged" in again.out + again.err


def test_a_bootstrap_where_nothing_converges_keeps_its_fits_and_its_report(tmp_path, monkeypatch):
    monkeypatch.setattr(refits, "objections", lambda *_: ["cut short"])
    monkeypatch.setattr(fit, "CHECKED", 20)
    monkeypatch.setattr(fit_job, "REPLICATES", 100)
    answer = command(*FIT, "calibrate.bootstrap=2", f"out={tmp_path / 'r'}")
    assert answer.code == 1, answer.err
    assert "bootstrap: only 0 of 2 fits converged: fit 0: cut short" in answer.out + answer.err
    with h5py.File(tmp_path / "r" / "results.h5") as file:
        assert file["fit/converged"][()] == 1 and file["bootstrap/converged"][:].tolist() == [0, 0]
        assert file["bootstrap/converged"].attrs["reasons"] == "cut short\ncut short"
        assert file["fit/omega"].shape == (3, 3)
    assert "only 0 of 2 fits converged" in (tmp_path / "r" / "report.html").read_text()
    assert not (tmp_path / "r" / "checkpoint").exists()


def test_curves_of_the_report_are_made_as_the_fit_was(tmp_path, monkeypatch):
    from twinsim.calibrate import curves

    heard, real = [], curves.predict

    def predict(*words, **how):
        heard.append(how)
        return real(*words, **how)

    monkeypatch.setattr(curves, "predict", predict)
    monkeypatch.setattr(fit, "CHECKED", 20)
    monkeypatch.setattr(fit_job, "REPLICATES", 100)
    answer = command(*FIT, "solver.name=closed", "solver.rtol=1e-7", f"out={tmp_path / 'r'}")
    assert answer.code == 0, answer.err
    assert heard and all(how["solver"] == "closed" and how["rtol"] == 1e-7 for how in heard)


def test_simulated_studies_need_standard_errors(tmp_path):
    answer = command(*STUDIES, "calibrate.standard_errors=null", f"out={tmp_path / 'r'}")
    assert answer.code == 2 and "calibrate.standard_errors: coverage needs them" in answer.err


@pytest.mark.parametrize(("name", "code"), [("additive", 0), ("aditive", 2)])
def test_a_number_with_a_dot_is_set_on_the_command_line(tmp_path, name, code):
    """It is where the fit starts."""
    words = ["method=fo", "report=false", f"typical.concentration.{name}=0.5", f"out={tmp_path / 'r'}"]
    answer = command("+experiment=fit_theophylline", *words)
    assert answer.code == code, answer.err
    if code:
        assert "did you mean concentration.additive?" in answer.err
        return
    with h5py.File(tmp_path / "r" / "results.h5") as file:
        place = file["fit/number"].attrs["names"].split("\n").index("concentration.additive")
        assert file["fit/path"][0, place] == pytest.approx(0.5)
