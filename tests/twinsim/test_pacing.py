"""Pacing, drugs on channels, and what is read from a beat, without a cell."""

import numpy as np
import pytest

import twinsim
from twinsim.errors import DataError, UsageError
from twinsim.events import SET
from twinsim.pacing import beat_times, channel_drug, channel_drugs, drugged, measured, paced

TIMES = np.array([0.0, 1.0, 2.0, 100.0, 200.0, 250.0, 300.0, 400.0, 500.0])
PLAIN = [-88.0, 0.0, 40.0, 20.0, 0.0, -20.0, -60.0, -88.0, -88.0]
EARLY = [-88.0, 0.0, 40.0, 20.0, -10.0, -6.0, -60.0, -88.0, -88.0]
NEVER = [-88.0, 0.0, 40.0, 20.0, 10.0, 10.0, 9.0, 8.0, 8.0]
FAILED = [-88.0, -50.0, -60.0, -70.0, -88.0, -88.0, -88.0, -88.0, -88.0]


@pytest.fixture(scope="module")
def beat():
    potential = np.array([PLAIN, EARLY, NEVER, FAILED]).T
    return measured(TIMES, potential, np.linspace(0.01, 0.07, TIMES.size)[:, None] * np.ones(4))


def test_measures_by_hand(beat):
    level = 40.0 - 0.9 * 128.0  # -75.2 mV
    up, down = (level + 88.0) / 88.0, 300.0 + 100.0 * (-60.0 - level) / 28.0
    assert beat.apd90[0] == pytest.approx(down - up, rel=1e-12)
    assert beat.peak.tolist() == [40.0, 40.0, 40.0, -50.0] and beat.resting.tolist() == [-88.0] * 4
    assert beat.qnet == pytest.approx(0.06, rel=1e-12)


def test_flags(beat):
    assert beat.early_afterdepolarisation.tolist() == [False, True, False, False]
    assert beat.repolarised.tolist() == [True, True, False, True] and np.isnan(beat.apd90[2])
    assert beat.fired.tolist() == [True, True, True, False]


def test_a_rise_before_repolarisation_has_begun_is_no_afterdepolarisation():
    notch = [-88.0, 40.0, 20.0, 30.0, 0.0, -20.0, -60.0, -88.0, -88.0]
    assert not measured(TIMES, np.array([notch]).T, np.zeros((9, 1))).early_afterdepolarisation[0]


def test_what_is_no_beat_is_refused():
    with pytest.raises(DataError, match="not of one beat"):
        measured(TIMES, np.zeros((8, 1)), np.zeros((8, 1)))


def test_events_and_times():
    events = paced(3, 500.0, amplitude=-60.0, width=1.0)
    assert events.size == 9 and (events.kind == SET).all() and events.targets == ("qnet", "stimulus")
    stimulus = events.target == 1
    assert events.time[stimulus].tolist() == [0.0, 1.0, 500.0, 501.0, 1000.0, 1001.0]
    assert events.value[stimulus].tolist() == [-60.0, 0.0] * 3
    times = beat_times(3, 500.0, step=2.0)
    assert times[0] == 1000.0 and times[-1] == 1500.0 and (np.diff(times) > 0.0).all()


@pytest.mark.parametrize("beats", [0, -1, 1.5])
def test_no_beats_are_refused(beats):
    with pytest.raises(UsageError, match="beats"):
        paced(beats)
    with pytest.raises(UsageError, match="beats"):
        beat_times(beats)


@pytest.mark.parametrize("width", [0.0, 1000.0, float("nan")])
def test_a_stimulus_ends_within_its_beat(width):
    with pytest.raises(UsageError, match="stimulus"):
        paced(2, width=width)
    with pytest.raises(UsageError, match="every"):
        paced(2, cycle=float("inf"))


def test_drugs_name_parameters_of_the_cell():
    cell = twinsim.structure("organs/ventricular_myocyte")
    assert len(channel_drugs()) == 12
    risks = [channel_drug(name).risk for name in channel_drugs()]
    assert [risks.count(risk) for risk in ("high", "intermediate", "low")] == [4, 4, 4]
    for name in channel_drugs():
        for parameter, value in channel_drug(name).parameters().items():
            low, high = cell.parameter(parameter).bounds
            assert low <= value <= high
    with pytest.raises(UsageError, match="dofetilid") as error:
        channel_drug("dofetilid")
    assert "dofetilide" in error.value.do


def test_cells_under_drugs_of_their_own():
    model, cells = drugged([(None, 0.0), ("verapamil", 81.0)], {"g_kr": [0.04, 0.05]})
    own = model.individual(cells.covariates)
    assert own["herg_kmax"].tolist() == [0.0, 46460.0] and own["ic50_cal"].tolist() == [1e12, 201.8]
    assert own["concentration"].tolist() == [0.0, 81.0] and own["g_kr"].tolist() == [0.04, 0.05]
