"""More events than are written out one by one: what they do, at their times and between."""

import numpy as np
import pytest

import twinsim
from twinsim.dosing.raw import MANY
from twinsim.events import Events

COUNT = MANY + 20
STRUCTURE = twinsim.structure("pk/one_compartment_iv")
P = {"cl": 5.0, "v": 50.0}
TIMES = np.concatenate([np.arange(COUNT), np.arange(COUNT) + 0.25])


def concentrations(events):
    found = twinsim.simulate(
        STRUCTURE, None, events, P, np.sort(TIMES), ["concentration"], precision="float64", solver="explicit", rtol=1e-9
    )
    assert not found.status.any()
    return np.asarray(found["concentration"])[:, 0]


def test_a_state_that_is_set_again_and_again():
    """An output at the time of an event sees what it did."""
    rows = [{"time": float(i), "kind": "set", "target": "central", "value": 10.0 + i} for i in range(COUNT)]
    wanted = (10.0 + np.sort(TIMES) // 1.0) * np.exp(-0.1 * (np.sort(TIMES) % 1.0)) / 50.0
    np.testing.assert_allclose(concentrations(Events.of(rows)), wanted, rtol=1e-8)


def test_doses_and_what_is_scaled_at_the_same_times():
    """In the order of the table: each hour half of what is there is taken away, then 10 mg are added."""
    rows = []
    for i in range(COUNT):
        rows.append({"time": float(i), "kind": "scale", "target": "central", "value": 0.5})
        rows.append({"time": float(i), "kind": "add", "target": "central", "value": 10.0})
    found, amount, wanted = concentrations(Events.of(rows)), 0.0, []
    for _ in range(COUNT):
        amount = 0.5 * amount + 10.0
        wanted += [amount, amount * np.exp(-0.025)]
        amount *= np.exp(-0.1)
    assert found == pytest.approx(np.asarray(wanted) / 50.0, rel=1e-8)
