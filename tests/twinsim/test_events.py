"""The event table: what its rows become, what is refused and how, and what set, scale and reset do."""

import numpy as np
import pytest

import twinsim
from twinsim.errors import DataError, ModelError
from twinsim.events import ADD, KINDS, PER, RATE, RESET, Events

IV, ORAL = twinsim.structure("pk/one_compartment_iv"), twinsim.structure("pk/one_compartment_oral")
K = 0.1  # cl/v of the defaults, 5 L/h and 50 L


def row(**items):
    return {"time": 0.0, "kind": "add", "target": "iv", "value": 100.0, **items}


def test_rows_become_columns_with_neutral_values():
    events = Events.of([row(), row(time=3, kind="rate", duration=2), {"time": 5, "kind": "reset"}])
    assert events.kind.tolist() == [ADD, RATE, RESET] and events.targets == ("iv",)
    assert events.target.tolist() == [0, 0, -1] and events.size == 3 and events.shared
    assert events.time.tolist() == [0, 3, 5] and events.time.dtype == np.float64
    assert np.isnan(events.duration).tolist() == [True, False, True] and np.isnan(events.rate).all()
    assert events.patient.tolist() == [-1, -1, -1] and events.patient.dtype == np.int64
    assert events.interval.tolist() == [0, 0, 0] and events.steady.tolist() == [0, 0, 0]
    assert KINDS[events.kind[1]] == "rate" and PER[events.per[0]] == ""


def test_targets_are_routes_states_or_numbers():
    for name in ("oral", "depot", 1, "1", "iv", "central", 2):
        Events.of([row(target=name)]).check(ORAL)
    assert Events.of([row(target=2), row(target="2"), row(target="oral")]).targets == ("2", "oral")


def test_tables_add_up_and_keep_their_targets():
    one = Events.of([row(target="oral"), {"time": 1, "kind": "reset"}])
    two = Events.of([row(target="iv", time=2), row(target="oral", time=3)])
    both = one + two
    assert both.targets == ("oral", "iv") and both.target.tolist() == [0, -1, 1, 0]
    assert both.time.tolist() == [0, 1, 2, 3] and both.size == 4
    assert (two + one).targets == ("iv", "oral") and (two + one).target.tolist() == [0, 1, 1, -1]
    only_reset = Events.of([{"time": 1, "kind": "reset"}])
    assert (only_reset + two).target.tolist() == [-1, 0, 1] and (two + only_reset).target.tolist() == [0, 1, -1]


def test_events_of_one_patient_are_not_shared():
    assert not Events.of([row(), row(patient=0)]).shared


@pytest.mark.parametrize(
    ("items", "says"),
    [
        (dict(amount=5), ["no 'amount'", "known:"]),
        (dict(valu=5), ["no 'valu'", "did you mean value?"]),
        (dict(kind="bolus"), ["unknown kind of event 'bolus'", "known: add, rate, reset, scale, set"]),
        (dict(kind="ad"), ["unknown kind of event 'ad'", "did you mean add?"]),
        (dict(per="lb"), ["per 'lb'", "kg, m2"]),
        (dict(additional=2.5), ["additional must be a whole number", "event 2: additional = 2.5"]),
        (dict(steady=0.5), ["steady must be a whole number", "event 2"]),
        (dict(patient=float("nan")), ["patient must be a whole number", "event 2"]),
    ],
)
def test_rows_that_cannot_be_read(items, says):
    with pytest.raises(DataError) as refused:
        Events.of([row(), row(**items)])
    assert all(text in str(refused.value) for text in says)


@pytest.mark.parametrize("item", ["time", "kind"])
def test_rows_without_a_time_or_a_kind(item):
    with pytest.raises(DataError, match=f"no {item}") as refused:
        Events.of([{name: value for name, value in row().items() if name != item}])
    assert refused.value.do == f"add {item}="


NAN, INF = float("nan"), float("inf")
UNSOUND = {
    "time": [dict(time=NAN), dict(time=INF)],
    "patient": [dict(patient=-2)],
    "target": [dict(target=None)],
    "value": [dict(value=-1.0), dict(value=NAN), dict(value=INF), dict(kind="set", value=NAN)],
    "rate": [dict(kind="rate", rate=x) for x in (0.0, -3.0, INF)],
    "duration": [dict(kind="rate", duration=x) for x in (0.0, -1.0, INF)]
    + [dict(kind="rate"), dict(kind="rate", rate=10.0, duration=2.0)],
    "kind": [dict(duration=2.0), dict(rate=10.0), dict(rate=-2.0)],
    "additional": [dict(additional=-1, interval=6.0)],
    "interval": [dict(additional=1), dict(additional=1, interval=-6.0), dict(steady=1)]
    + [dict(additional=1, interval=INF), dict(steady=2, interval=INF), dict(steady=1, interval=NAN)],
    "steady": [dict(steady=3, interval=6.0), dict(steady=-1, interval=6.0)],
}


@pytest.mark.parametrize(("item", "items"), [(item, items) for item, cases in UNSOUND.items() for items in cases])
def test_what_no_patient_can_be_given_names_row_and_item(item, items):
    with pytest.raises(DataError, match=f"^{item} ") as refused:
        Events.of([row(), row(**items)]).check(IV)
    assert refused.value.where.startswith(f"event 2: {item} = ")


def test_a_sound_table_is_accepted():
    rows = [row(kind="rate", rate=-1.0), row(kind="rate", rate=-2.0), row(steady=2, interval=6.0, additional=3)]
    rows += [row(kind="rate", value=0.0, rate=5.0, steady=1), row(kind="rate", value=0.0, rate=-1.0, steady=1)]
    rows += [row(kind="set", value=-4.0), row(kind="scale", value=0.0), {"time": -3.0, "kind": "reset"}, row(value=0.0)]
    Events.of(rows).check(IV)


@pytest.mark.parametrize(("code", "what"), [(-1.0, "rate"), (-2.0, "duration")])
def test_a_modelled_infusion_needs_a_route_that_models_it(code, what):
    with pytest.raises(ModelError, match=f"route oral of .* has no modelled {what}") as refused:
        Events.of([row(target="oral", kind="rate", rate=code)]).check(ORAL)
    assert "event 1" in refused.value.where and f"{what}=" in refused.value.do


@pytest.mark.parametrize(
    ("target", "do"),
    [("orall", "did you mean oral"), (3, "1 depot, 2 central"), (0, "1 depot, 2 central"), (-1, "1 depot, 2 central")],
)
def test_a_target_that_is_not_there(target, do):
    with pytest.raises(ModelError) as refused:
        Events.of([row(target=target)]).check(ORAL)
    assert do in refused.value.do and ORAL.name in refused.value.where


@pytest.mark.parametrize("solver", ["closed", "linear", "explicit", "stiff"])
def test_set_scale_and_reset(solver):
    """100 mg; at 1 h a bleed of a tenth; at 2 h the amount is set; at 3 h all ends; at 4 h 50 mg again."""
    events = Events.of(
        [
            row(),
            row(time=1.0, kind="scale", value=0.9),
            row(time=2.0, kind="set", value=40.0),
            row(time=2.5, kind="rate", value=100.0, duration=10.0),
            {"time": 3.0, "kind": "reset"},
            row(time=4.0, value=50.0),
        ]
    )
    times = [0.5, 1.0, 1.5, 2.0, 2.4, 3.0, 3.5, 4.0, 5.0]
    got = twinsim.simulate(IV, events=events, times=times, solver=solver, precision="float64", endpoints=())
    after = 90.0 * np.exp(-K * 1.0)
    expected = [
        100 * np.exp(-K * 0.5), after, after * np.exp(-K * 0.5), 40.0, 40 * np.exp(-K * 0.4), 0.0, 0.0, 50.0,
        50 * np.exp(-K),
    ]  # fmt: skip
    assert got["concentration"][:, 0] * 50.0 == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("solver", ["closed", "linear", "explicit", "stiff"])
def test_doses_before_the_first_output_and_before_zero(solver):
    events = Events.of([row(time=-5.0), row(time=-2.0, kind="rate", duration=4.0, value=80.0)])
    times = [-1.0, 0.0, 3.0]
    got = twinsim.simulate(IV, events=events, times=times, solver=solver, precision="float64", endpoints=())

    def infused(t):
        during, after = np.clip(t + 2.0, 0.0, 4.0), np.maximum(t - 2.0, 0.0)
        return 20.0 / K * -np.expm1(-K * during) * np.exp(-K * after)

    expected = [100.0 * np.exp(-K * (t + 5.0)) + infused(t) for t in times]
    assert got["concentration"][:, 0] * 50.0 == pytest.approx(expected, abs=1e-6)


def test_a_reset_begins_anew_from_the_states_at_the_start():
    """NONMEM sets A_0 again at a reset record: prothrombin complex activity is e0 once more, the drug is gone."""
    structure = twinsim.structure("pkpd/one_compartment_oral_turnover")
    e0 = structure.parameter("e0").default
    dose = {"time": 0.0, "kind": "add", "target": "oral", "value": 100.0}
    events = Events.of([dose, {"time": 30.0, "kind": "reset"}, {**dose, "time": 40.0}])
    times = [0.0, 20.0, 29.0, 30.0, 39.0, 40.0, 60.0, 69.0]
    got = twinsim.simulate(structure, events=events, times=times, precision="float64", rtol=1e-10, endpoints=())
    pca, drug = got["pca"][:, 0], got["concentration"][:, 0]
    assert pca[2] < 0.9 * e0 and drug[2] > 0.1
    assert pca[3:6] == pytest.approx(e0, rel=1e-12) and drug[3:5] == pytest.approx(0.0, abs=1e-12)
    assert pca[6:] == pytest.approx(pca[1:3], rel=1e-8) and drug[6:] == pytest.approx(drug[1:3], rel=1e-8)
