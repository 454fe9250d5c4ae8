"""Actions as a table: what becomes of each on the patient's clock, and what is refused."""

import numpy as np
import pytest

import twinsim
from twinsim.errors import DataError, UsageError
from twinsim.events import KINDS
from twinsim.patient.actions import FLUIDS
from twinsim.records.action_table import read_actions
from twinsim.scenario import events_identity


@pytest.fixture(scope="module")
def whole():
    return twinsim.whole_patient(drug="propranolol").structure


def rows_of(found):
    return [
        (KINDS[kind], found.targets[target], time, value, patient)
        for kind, target, time, value, patient in zip(
            found.kind, found.target, found.time, found.value, found.patient, strict=True
        )
    ]


def test_lasting_actions_set_a_state_and_set_it_back(whole):
    bleed = {"kind": "haemorrhage", "time": "1 h", "value": "1 L", "duration": "0.5 h"}
    air = {"kind": "oxygen", "time": "2 h", "value": 0.5, "duration": "1 h"}
    assert rows_of(twinsim.actions([bleed, air], whole)) == [
        ("set", "bleeding", 60.0, pytest.approx(1000.0 / 30.0), -1),
        ("set", "bleeding", 90.0, 0.0, -1),
        ("set", "inspired_oxygen_fraction", 120.0, 0.5, -1),
        ("set", "inspired_oxygen_fraction", 180.0, 0.2093, -1),
    ]
    # one right after the other: the second begins as the first ends, and is not ended by it
    rows = rows_of(twinsim.actions([{**bleed, "interval": "0.5 h", "count": 2}], whole))
    assert [row[2:4] for row in rows if row[2] == 90.0][-1][1] > 0.0 and rows[-1][3] == 0.0


def test_rows_in_any_order_leave_nobody_out(whole):
    second = {"kind": "exercise", "time": "11 h", "value": 1000, "duration": "1 h"}
    first = {**second, "time": "10 h", "value": 500}
    for rows in ([first, second], [second, first]):
        found = [row[2:4] for row in rows_of(twinsim.actions(rows, whole))]
        assert found == [(600.0, 500.0), (660.0, 1000.0), (720.0, 0.0)]
    often = {"kind": "exercise", "time": 7, "value": 500, "duration": 0.3, "interval": 0.3, "count": 8}
    assert len(rows_of(twinsim.actions([often], whole))) == 9


def test_meals_of_one_time_are_one_meal_and_plain_numbers_are_grams(whole):
    rows = [{"kind": "meal", "time": 480, "value": 45}, {"kind": "meal", "time": "8 h", "value": "30 g"}]
    eaten = [row for row in rows_of(twinsim.actions(rows, whole)) if row[1] == "meal"]
    assert [row[2:4] for row in eaten] == [(480.0, 75_000.0)]


def test_whom_it_happens_to_is_part_of_what_a_run_is(whole):
    row = {"kind": "dose", "time": 0, "value": 80}
    seen = [events_identity(twinsim.actions([{**row, "patient": who}], whole)) for who in (0, 1)]
    assert seen[0] != seen[1] and events_identity(twinsim.actions([row], whole)).get("patient") is None


def test_fluids_bring_what_is_in_them(whole):
    for fluid, litre in FLUIDS.items():
        row = {"kind": "fluids", "time": 0, "value": "500 mL", "of": fluid, "duration": 30}
        given = {target: value for _, target, _, value, _ in rows_of(twinsim.actions([row], whole))}
        assert given == {route: pytest.approx(0.5 * amount) for route, amount in litre.items()}
    saline = FLUIDS["saline"]["salt"] * 58.44 / 1000.0
    assert saline == pytest.approx(9.0, rel=1e-3)  # g/L: 0.9 %


def test_a_row_may_name_a_patient_and_repeat(whole):
    row = {"kind": "dose", "time": "1 h", "value": "80 mg", "patient": 3, "interval": "8 h", "count": 2}
    assert rows_of(twinsim.actions([row], whole)) == [
        ("add", "oral", 60.0, 80.0, 3),
        ("add", "oral", 540.0, 80.0, 3),
    ]
    meal = twinsim.actions([{"kind": "meal", "time": 0, "value": "45 g", "patient": 1}], whole)
    assert set(meal.patient.tolist()) == {1} and 45_000.0 in meal.value


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"kind": "haemorhage", "time": 0, "value": 1}], "did you mean haemorrhage"),
        ([{"kind": "haemorrhage", "time": 0, "value": "1 L"}], "no duration"),
        ([{"kind": "haemorrhage", "time": 0, "value": "-1 L", "duration": 5}], "lies outside"),
        ([{"kind": "haemorrhage", "time": 0, "value": "1 kg", "duration": 5}], "does not fit"),
        ([{"kind": "oxygen", "time": 0, "value": 21, "duration": 5}], "lies outside 0 to 1"),
        ([{"kind": "fluids", "time": 0, "value": "1 L", "of": "salin", "duration": 5}], "did you mean saline"),
        ([{"kind": "dose", "time": 0, "value": 80, "of": "rectal"}], "no such route"),
        ([{"kind": "dose", "time": 0, "value": 80, "times": 3}], "no 'times'"),
        ([{"kind": "dose", "time": 0, "value": 80, "count": 3}], "how far apart"),
        ([{"kind": "dose", "time": 0, "value": 80, "patient": 1.5}], "no place in a cohort"),
        ([{"kind": "exercise", "time": t, "value": 500, "duration": 60} for t in (0, 30)], "at once"),
        ([{"kind": "exercise", "time": 0, "value": 500, "duration": 60, "of": "x"}], "of says nothing of exercise"),
        ([{"kind": "meal", "time": 0, "value": 50, "duration": 60}], "duration says nothing of meal"),
        ([{"kind": "dose", "time": 0, "value": 80, "count": 2.5, "interval": 5}], "whole number"),
        ([{"kind": "dose", "time": 0, "value": 80, "count": 2, "interval": -5}], "above 0"),
        ([{"kind": "dose", "time": 0, "value": 80, "patient": float("inf")}], "no place"),
        (
            [
                {"kind": "oxygen", "time": 0, "value": 0.5, "duration": 60},
                {"kind": "oxygen", "time": 60, "value": 0.4, "duration": 60, "patient": 2},
            ],
            "beside everyone's",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_row(whole, rows, words):
    with pytest.raises(UsageError, match=words) as refused:
        twinsim.actions(rows, whole)
    assert f"events[{len(rows) - 1}]" in str(refused.value)


def test_an_organ_that_is_not_there_cannot_be_acted_on():
    structure = twinsim.whole_patient(["circulation", "lung"]).structure
    with pytest.raises(UsageError, match="haemorrhage is not possible in patient/circulation_lung"):
        twinsim.actions([{"kind": "haemorrhage", "time": 0, "value": "1 L", "duration": 5}], structure)
    with pytest.raises(UsageError, match="dose by 'oral' is not possible"):
        twinsim.actions([{"kind": "dose", "time": 0, "value": 5}], structure)


def test_a_table_of_actions(tmp_path, whole):
    path = tmp_path / "actions.csv"
    path.write_text("kind,time,value,duration,of,patient\nfluids, 2 h,1 L,30 min,saline,0\nmeal,1 h,45 g,,,\n")
    rows = read_actions(path)
    assert rows[1] == {"kind": "meal", "time": "1 h", "value": "45 g"}
    assert set(twinsim.actions(rows, whole).patient.tolist()) == {0, -1}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind,time,valu\nmeal,1 h,4 g\n", "did you mean value"),
        ("kind,time\nmeal,1 h\n", "column value is missing"),
        ("kind,time,value\nmeal,1 h\n", "line 2"),
        ("kind,time,value\nmeal,1 h,4 g,5\n", "line 2"),
        ("", "column kind is missing"),
        ("kind,time,value,time\nmeal,1 h,4 g,2 h\n", "twice"),
    ],
)
def test_tables_that_are_none(tmp_path, text, words):
    path = tmp_path / "actions.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=words):
        read_actions(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_actions(tmp_path / "other.csv")


def test_conditions_are_drawn_as_often_as_people_have_them():
    size = 20_000
    cohort = twinsim.whole_cohort(size, {"copd": 0.4}, drawn=True, seed=2)
    age, man = cohort.covariates["age"], cohort.covariates["sex"] == 0.0
    severity = np.asarray(cohort.covariates["hypertension"])
    # Ostchega et al. 2020: men 0.31 below 40 y, women from 60 y on 0.74
    for group, share in ((man & (age < 40), 0.31), (~man & (age >= 60), 0.74)):
        assert np.mean(severity[group] > 0.0) == pytest.approx(share, abs=4.0 * np.sqrt(0.25 / group.sum()))
    assert severity[severity > 0.0].min() >= 0.2 and severity.max() <= 1.0
    assert (np.asarray(cohort.covariates["copd"]) == 0.4).all()
    again = twinsim.whole_cohort(100, drawn=True, seed=2)
    np.testing.assert_array_equal(again.covariates["hypertension"], severity[:100])


def test_severities_of_a_table_and_what_they_may_be(tmp_path):
    path = tmp_path / "patients.csv"
    head = "id,sex,age [y],height [cm],weight [kg],albumin [g/L],aag [g/L],haematocrit [%],hypertension [1]\n"
    path.write_text(head + "1,0,50,176,73,43,0.8,45,0.7\n2,1,50,165,60,43,0.8,40,0\n")
    source = twinsim.patients(source=twinsim.population.source.with_anatomy(path))
    seen = twinsim.sample_cohort(8, source, seed=1).covariates["hypertension"]
    assert set(np.asarray(seen).tolist()) == {0.7, 0.0}
    path.write_text(head + "1,0,50,176,73,43,0.8,45,7\n")
    with pytest.raises(DataError, match="severity 7 of hypertension"):
        twinsim.patients(source=twinsim.population.source.with_anatomy(path))
    with pytest.raises(DataError, match="severity 2 of copd"):
        twinsim.patients({"copd": 2.0})
    with pytest.raises(UsageError, match="did you mean copd"):
        twinsim.patients({"cpd": 0.5})
