"""Solvers asked for what they cannot do: early words that name the remedy, or a status of that patient alone."""

import h5py
import numpy as np
import pytest

import twinsim
from kernels import status as codes
from tests.experiments.command import command
from twinsim.errors import REMEDIES, DataError, UsageError
from twinsim.events import Events
from twinsim.population.cohort import Cohort

COHORT = ["+experiment=cohort_pk", "population.size=8", "report=false", "progress=none"]
DOSES = twinsim.regimen(amount=300, interval=12, count=2, route="oral")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["solver.rtol=1e-300"], ["no tolerance", "solver.rtol", "1e-12 to 1e-2"]),
        (["solver.rtol=0"], ["solver.rtol", "not above 0"]),
        (["solver.rtol=-1e-3"], ["solver.rtol", "not above 0"]),
        (["solver.rtol=10"], ["solver.rtol", "more than 0.1"]),
        (["solver.rtol=nan"], ["solver.rtol", "not a number"]),
        (["solver.rtol=1e-7", "solver=explicit"], ["more than float32 can do", "precision=float64"]),
        (["solver.max_steps=0"], ["solver.max_steps", "less than 1"]),
        (["solver=closed", "model=warfarin_pkpd"], ["solver=closed cannot solve", "solver=auto"]),
        (
            ["solver=linear", "model=warfarin_pkpd"],
            ["solver=linear cannot solve", "linear in its states", "solver=auto"],
        ),
    ],
)
def test_refused_before_anything_is_made(words, parts, elsewhere):
    answer = command(*COHORT, *words)
    assert answer.code == 2 and not answer.out and "Traceback" not in answer.err
    assert all(part in answer.err for part in parts), answer.err
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize(
    ("words", "status"),
    [
        # Absorbed within a millisecond: stability asks for a billion steps.
        (["solver=explicit", "parameters.ka=1e9"], "max_steps"),
        (["solver=linear", "times.end=1e12"], "ill_conditioned"),
    ],
)
def test_what_fails_ends_soon_and_says_what_to_type(words, status):
    answer = command(*COHORT, *words, "out=run")
    assert answer.code == 1
    assert "8 of 8 patients failed; see status in the results" in answer.err
    assert f"{status}: 8; {REMEDIES[status]}" in answer.err and "solver=stiff" in REMEDIES[status]
    with h5py.File("run/results.h5") as file:
        assert {codes.NAMES[int(code)] for code in np.asarray(file["status"])} == {status}
        assert np.isnan(np.asarray(file["concentration"])).all()


def test_the_stiff_model_is_solved_by_the_remedy():
    fast = {"parameters": {"ka": 1e9}, "times": [1.0, 5.0], "random_effects": False}
    stiff = twinsim.simulate("theophylline", 4, DOSES, solver="stiff", **fast)
    closed = twinsim.simulate("theophylline", 4, DOSES, solver="closed", **fast)
    assert (stiff.status == codes.OK).all()
    assert stiff["concentration"] == pytest.approx(closed["concentration"], rel=1e-3)


@pytest.mark.parametrize("solver", ["closed", "linear", "explicit", "stiff"])
def test_one_patient_without_a_number_fails_alone(solver):
    """A negative weight makes NaN of a clearance; the others keep, to the bit, what they have beside a sound one."""

    def run(weight):
        people = Cohort(np.arange(3), {"weight": np.asarray([60.0, weight, 80.0])}, {"weight": "kg"})
        options = {"times": [1.0, 13.0], "solver": solver, "random_effects": False}
        return twinsim.simulate("warfarin_pk", people, DOSES, **options)

    failed, sound = run(-70.0), run(70.0)
    assert failed.status.tolist() == [codes.OK, codes.BAD_PARAMETER, codes.OK] and (sound.status == codes.OK).all()
    assert np.isnan(failed["concentration"][:, 1]).all()
    assert (failed["concentration"][:, [0, 2]] == sound["concentration"][:, [0, 2]]).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_covariate_that_is_no_number_is_refused_with_its_patient(bad):
    with pytest.raises(DataError, match="weight is missing or infinite") as error:
        Cohort(np.arange(3), {"weight": np.asarray([60.0, bad, 80.0])}, {"weight": "kg"})
    assert error.value.where == "patient 1"


def test_a_billion_outputs_are_refused_with_the_memory_they_need():
    with pytest.raises(UsageError, match="1,000,000,000 output times are more than") as error:
        twinsim.simulate("theophylline", 8, DOSES, times=range(10**9))
    assert "32.0 GB of memory" in error.value.why and error.value.do
    with pytest.raises(UsageError, match="these results need .* TiB of memory, this machine has") as error:
        twinsim.simulate("theophylline", 10**9, DOSES, times=range(1000))
    assert "1,000,000,000 patients at 1,000 times" in error.value.where and "command line" in error.value.do


def test_as_many_outputs_as_there_may_be_leave_steps_for_each():
    """A stepping tier lands on every output, so that more outputs must allow more steps."""
    times = np.linspace(0.0, 24.0, 25_000)
    result = twinsim.simulate("theophylline", 2, DOSES, times=times, solver="explicit", endpoints=())
    assert (result.status == codes.OK).all()


@pytest.mark.parametrize("solver", ["closed", "linear", "explicit", "stiff"])
def test_nothing_is_given(solver):
    """An empty table of events, and one of nothing but a reset, leave the states where they begin."""
    for events in (Events.of([]), Events.of([{"time": 1.0, "kind": "reset"}])):
        result = twinsim.simulate("theophylline", 4, events, times=[0.0, 2.0], solver=solver)
        assert (result.status == codes.OK).all() and (result["concentration"] == 0.0).all()


def test_an_end_far_away_is_no_error_where_a_tier_can_do_it():
    for solver in ("closed", "stiff"):
        result = twinsim.simulate("theophylline", 4, DOSES, times=[1.0, 1e12], solver=solver)
        assert (result.status == codes.OK).all(), solver
        assert result["concentration"][1] == pytest.approx(0.0, abs=1e-6)
