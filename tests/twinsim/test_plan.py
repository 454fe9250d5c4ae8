"""Dose plans: additional doses written out, tables padded, limits."""

import numpy as np
import pytest

import twinsim
from twinsim.errors import DataError, UsageError
from twinsim.events import RESET, Events
from twinsim.plan import MAX_ROWS, plan_events

ORAL = twinsim.structure("pk/one_compartment_oral")


def row(**items):
    return {"time": 0.0, "kind": "add", "target": "oral", "value": 100.0, **items}


def test_additional_doses_are_written_out_behind_their_first():
    events = Events.of([row(interval=12.0, additional=2, steady=1), row(time=12.0, target="iv", value=5.0)])
    plan = plan_events(events, ORAL)
    arrays = plan.arrays
    assert arrays["time"].tolist() == [[0], [12], [24], [12]]
    assert arrays["value"].tolist() == [[100], [100], [100], [5]]
    assert arrays["derived"].tolist() == [[0], [1], [1], [0]]
    assert arrays["steady"].tolist() == [[1], [0], [0], [0]]
    assert arrays["order"].tolist() == [[0], [0], [0], [1]]
    assert arrays["target"].tolist() == [[0], [0], [0], [1]]
    assert plan.layout.doses == (0, 1, 2, 3) and plan.layout.steady == (0,)
    assert [route.to for route in plan.layout.routes] == ["depot", "central"]


def test_sums_of_intervals_meet_the_times_people_type():
    plan = plan_events(Events.of([row(interval=0.1, additional=100)]), ORAL)
    assert plan.arrays["time"][:, 0].tolist() == [round(0.1 * k, 9) for k in range(101)]
    assert plan.arrays["time"][3, 0] == 0.3 != 0.1 + 0.1 + 0.1


def test_kinds_are_sorted_into_the_layout():
    rows = [
        row(),
        row(target="iv", kind="rate", duration=2.0),
        {"time": 1.0, "kind": "reset"},
        row(kind="set"),
        row(kind="scale"),
        row(per="kg"),
        row(per="m2", target="iv", kind="rate", rate=4.0),
    ]
    layout = plan_events(Events.of(rows), ORAL).layout
    assert (layout.doses, layout.infusions, layout.resets, layout.other) == ((0, 1, 5, 6), (1, 6), (2,), (3, 4))
    assert (layout.per_kg, layout.per_m2) == ((5,), (6,))
    zero_order = twinsim.structure("pk/one_compartment_zero_order")
    assert plan_events(Events.of([row()]), zero_order).layout.infusions == (0,)


def test_everyones_rows_come_first_and_short_columns_are_padded():
    rows = [
        row(value=1.0, patient=2),
        row(value=2.0),
        row(value=3.0, patient=0, time=4.0),
        row(value=4.0, patient=2, time=7.0, kind="rate", duration=1.0, target="iv"),
        {"time": 9.0, "kind": "reset", "patient": 1},
    ]
    plan = plan_events(Events.of(rows), ORAL, patients=4)
    arrays = plan.arrays
    assert arrays["time"].shape == (3, 4)
    assert arrays["value"][0].tolist() == [2, 2, 2, 2]
    assert arrays["value"][1, [0, 2]].tolist() == [3, 1] and arrays["value"][2, 2] == 4
    assert arrays["kind"][1, 1] == RESET and arrays["time"][1, 1] == 9
    padding = np.isinf(arrays["time"])
    assert padding.tolist() == [[False] * 4, [False, False, False, True], [True, True, False, True]]
    assert np.isnan(arrays["rate"][padding]).all() and (arrays["value"][padding] == 0).all()
    assert plan.layout.resets == (1,) and plan.layout.infusions == (2,)


def test_patients_have_to_be_there():
    events = Events.of([row(patient=3)])
    with pytest.raises(UsageError, match="there is no cohort") as refused:
        plan_events(events, ORAL)
    assert "pass the cohort" in refused.value.do
    with pytest.raises(DataError, match="names patient 3, the cohort has 3"):
        plan_events(events, ORAL, patients=3)
    assert plan_events(events, ORAL, patients=4).arrays["time"].shape == (1, 4)


def test_too_many_doses_are_refused_before_memory_is():
    with pytest.raises(DataError, match="1,000,000,001 doses") as refused:
        plan_events(Events.of([row(interval=1.0, additional=10**9)]), ORAL)
    assert refused.value.do
    assert (
        plan_events(Events.of([row(interval=1.0, additional=MAX_ROWS - 1)]), ORAL).arrays["time"].shape[0] == MAX_ROWS
    )


@pytest.mark.parametrize(
    ("items", "room"),
    [
        (dict(rate=100.0), 2),
        (dict(rate=4.0), 10),
        (dict(duration=12.5), 7),
        (dict(duration=1e4), 50),
        (dict(rate=-2), 2),
    ],
)
def test_room_for_infusions_that_outlast_their_interval(items, room):
    """Twice what the table asks for, since bioavailability may lengthen an infusion: at least 2, at most 50."""
    structure = twinsim.structure("pk/one_compartment_iv")
    events = Events.of([row(target="iv", kind="rate", steady=1, interval=5.0 if "rate" in items else 4.0, **items)])
    assert plan_events(events, structure).layout.overlap == room


def test_checks_come_first():
    with pytest.raises(DataError, match="value must be 0 or more"):
        plan_events(Events.of([row(value=-1.0)]), ORAL)
