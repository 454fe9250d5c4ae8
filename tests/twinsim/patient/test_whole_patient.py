"""The whole patient: one man of typical anatomy in thirty fates at once, beside textbooks and beside himself."""

from itertools import combinations

import numpy as np
import pytest

import twinsim
from twinsim.errors import UsageError
from twinsim.models.balance import leaks
from twinsim.patient.conditions import known_conditions
from twinsim.patient.coupled import ORGANS
from twinsim.patient.effects import effect_of
from twinsim.population.cohort import Cohort

HOURS = [0.0, 8.0, 9.0, 10.0, 10.5, 11.0, 12.0, 16.0, 24.0]
# fate: conditions, actions; of the actions, when to look [h]
FATES = {
    "healthy": ({}, []),
    **{name: ({name: 1.0}, []) for name in known_conditions() if name not in ("chronic_kidney_disease", "sepsis")},
    "chronic_kidney_disease": ({"chronic_kidney_disease": 0.5}, []),
    "sepsis": ({"sepsis": 0.5}, []),
    "bleed": ({}, [{"kind": "haemorrhage", "time": "10 h", "value": "1 L", "duration": "30 min"}]),
    "bleed_saline": (
        {},
        [
            {"kind": "haemorrhage", "time": "10 h", "value": "1 L", "duration": "30 min"},
            {"kind": "fluids", "time": "10.5 h", "value": "2 L", "of": "saline", "duration": "30 min"},
        ],
    ),
    "exercise": ({}, [{"kind": "exercise", "time": "9 h", "value": "1000 mL/min", "duration": "1 h"}]),
    "oxygen": ({}, [{"kind": "oxygen", "time": "9 h", "value": 0.5, "duration": "2 h"}]),
    "altitude": ({}, [{"kind": "altitude", "time": "9 h", "value": "4000 m", "duration": "2 h"}]),
    "meal": ({}, [{"kind": "meal", "time": "8 h", "value": "75 g"}]),
    "type1_meal": ({"diabetes_type1": 1.0}, [{"kind": "meal", "time": "8 h", "value": "75 g"}]),
    "type1_meal_insulin": (
        {"diabetes_type1": 1.0},
        [{"kind": "meal", "time": "8 h", "value": "75 g"}, {"kind": "insulin", "time": "8 h", "value": "6 U"}],
    ),
    "water": ({}, [{"kind": "fluids", "time": "8 h", "value": "1 L", "of": "water", "duration": "10 min"}]),
    "propranolol": ({}, [{"kind": "dose", "time": "8 h", "value": "80 mg"}]),
}
PLACE = {name: i for i, name in enumerate(FATES)}
SHOWN = (
    "arterial_pressure cardiac_output heart_rate ejection_fraction arterial_oxygen_pressure "
    "arterial_carbon_dioxide_pressure ventilation glucose insulin gfr urine_flow sodium_excretion renin haemoglobin "
    "blood_volume plasma_sodium plasma_potassium total_body_water interstitial_volume concentration creatinine "
    "oxygen_uptake oxygen_consumption total_protein central_venous_pressure"
).split()


@pytest.fixture(scope="module")
def model():
    return twinsim.whole_patient(drug="propranolol")


@pytest.fixture(scope="module")
def ran(model):
    """All fates in one run, after sixty days of rest."""
    size = len(FATES)
    typical = {name: np.full(size, value) for name, value in model.typical_covariates.items()}
    for name in known_conditions():
        typical[name] = np.asarray([conditions.get(name, 0.0) for conditions, _ in FATES.values()])
    cohort = Cohort(np.arange(size), typical, {item.name: item.carried for item in model.covariates})
    rows = [{**row, "patient": PLACE[name]} for name, (_, rows) in FATES.items() for row in rows]
    return twinsim.simulate(
        model, cohort, twinsim.actions(rows, model.structure), times=60.0 * np.asarray(HOURS), precision="float64",
        settle=86_400.0, rtol=1e-7, endpoints=(), random_effects=False, outputs=SHOWN,
    )  # fmt: skip


@pytest.fixture(scope="module")
def at(ran):
    return lambda fate, output, hour=0.0: float(ran[output][HOURS.index(hour), PLACE[fate]])


def test_sixty_states_and_nothing_comes_from_nowhere(model):
    assert len(model.structure.states) >= 60
    conserved = {state.quantity for state in model.structure.states}
    assert {"water", "sodium", "potassium", "glucose", "oxygen", "carbon_dioxide", "propranolol"} <= conserved
    assert leaks(model.structure) == ()


def test_everyone_lives_and_the_healthy_are_at_rest(ran, at):
    assert ran.status.tolist() == [0] * len(FATES)
    for output in SHOWN:
        begin, end = at("healthy", output), at("healthy", output, 24.0)
        assert end == pytest.approx(begin, rel=2e-3, abs=1e-12), output


def test_what_is_taken_up_is_burnt_and_what_is_drunk_is_lost(ran, at):
    assert at("healthy", "oxygen_uptake") == pytest.approx(at("healthy", "oxygen_consumption"), rel=1e-3)
    # a litre drunk: what the urine of the day has more than without it is what the body has not
    more = ran["urine_flow"][:, PLACE["water"]] - ran["urine_flow"][:, PLACE["healthy"]]
    assert more.max() > 3.0  # mL/min: a water diuresis
    assert at("water", "total_body_water", 24.0) == pytest.approx(at("healthy", "total_body_water"), abs=0.15)


@pytest.mark.parametrize(
    ("fate", "output", "low", "high"),
    [
        ("hypertension", "arterial_pressure", 20.0, 40.0),  # mmHg: 165/110, as its severity 1 says
        ("heart_failure", "ejection_fraction", -0.5, -0.2),
        ("anaemia", "haemoglobin", -8.5, -6.5),
        ("anaemia", "cardiac_output", 1.5, 4.0),
        ("anaemia", "total_protein", -0.8, 0.8),
        ("copd", "arterial_oxygen_pressure", -45.0, -30.0),
        ("obesity", "arterial_oxygen_pressure", -20.0, -3.0),
        ("diabetes_type2", "glucose", 60.0, 75.0),  # Dalla Man 2007: 164 beside 92 mg/dL
        ("chronic_kidney_disease", "gfr", -100.0, -30.0),
        ("chronic_kidney_disease", "creatinine", 0.3, 10.0),
        ("cirrhosis", "total_protein", -3.0, -1.0),
        ("cirrhosis", "interstitial_volume", 0.2, 10.0),
        ("sepsis", "cardiac_output", 0.3, 8.0),
    ],
)
def test_conditions_change_what_they_are_known_by(at, fate, output, low, high):
    assert low < at(fate, output) - at("healthy", output) < high


@pytest.mark.parametrize(
    ("fate", "hour", "output", "low", "high"),
    [
        # Guyton: a fifth of the blood lost lowers pressure little and output by a quarter
        ("bleed", 10.5, "arterial_pressure", 0.75, 0.95),
        ("bleed", 10.5, "cardiac_output", 0.6, 0.9),
        ("bleed", 10.5, "heart_rate", 1.05, 1.8),
        ("bleed", 24.0, "renin", 1.1, 20.0),  # slowly: nerves of the kidney are left out
        ("bleed", 12.0, "urine_flow", 0.05, 0.8),
        ("bleed", 24.0, "haemoglobin", 0.75, 0.95),
        ("exercise", 10.0, "cardiac_output", 1.6, 2.6),  # 5 to 6 L/min of output for each of oxygen
        ("exercise", 10.0, "ventilation", 2.5, 6.0),
        ("oxygen", 11.0, "arterial_oxygen_pressure", 2.5, 3.7),
        ("altitude", 11.0, "arterial_oxygen_pressure", 0.4, 0.65),
        ("altitude", 11.0, "ventilation", 1.05, 1.8),
        ("meal", 9.0, "glucose", 1.4, 2.1),
        ("meal", 16.0, "glucose", 0.85, 1.05),
        ("type1_meal", 10.0, "glucose", 2.0, 6.0),
        ("propranolol", 10.0, "heart_rate", 0.75, 0.95),
        ("propranolol", 10.0, "renin", 0.3, 0.9),
    ],
)
def test_actions_do_what_textbooks_say(at, fate, hour, output, low, high):
    healthy = at("type1_meal" if fate.startswith("type1") else "healthy", output, 8.0)
    assert low < at(fate, output, hour) / healthy < high


def test_saline_and_insulin_set_right_what_was_wrong(at):
    for output in ("arterial_pressure", "cardiac_output"):
        assert at("bleed", output, 11.0) < at("bleed_saline", output, 11.0) < 1.1 * at("healthy", output, 11.0)
    assert at("type1_meal_insulin", "glucose", 12.0) < 0.8 * at("type1_meal", "glucose", 12.0)


def test_a_window_beat_by_beat_of_a_coupled_patient():
    """Pressure, output and rate of organs coupled in minutes agree with those of the averaged heart."""
    model = twinsim.whole_patient(["circulation", "lung"])
    averaged = twinsim.simulate(model, None, times=[0.0, 60.0], precision="float64", endpoints=())
    window = twinsim.pulsatile_window(averaged, seconds=20.0, outputs=["aortic_pressure", "aortic_flow"])
    now = {name: float(averaged[name][-1, 0]) for name in ("arterial_pressure", "cardiac_output", "heart_rate")}
    assert np.mean(window["aortic_pressure"]) == pytest.approx(now["arterial_pressure"], rel=0.03)
    assert 0.06 * np.mean(window["aortic_flow"]) == pytest.approx(now["cardiac_output"], rel=0.05)  # L s/(mL min)
    assert float((window.final["phase"] / window.final["time"])[0]) * 60.0 == pytest.approx(now["heart_rate"], rel=1e-3)


@pytest.mark.parametrize("left", [*combinations(ORGANS, 2), *combinations(ORGANS, len(ORGANS) - 1)], ids="-".join)
def test_any_organs_couple(left):
    structure = twinsim.whole_patient(left).structure
    assert structure.need_names == () and structure.states


@pytest.mark.parametrize("left_out", ["kidney", "glucose", "lung"])
def test_constants_in_place_of_an_organ_leave_the_others_working(at, left_out):
    organs = [name for name in ORGANS if name != left_out]
    model = twinsim.whole_patient(organs)
    run = twinsim.simulate(
        model, None, times=[0.0, 60.0], precision="float64", settle=14_400.0, rtol=1e-6, endpoints=(),
        outputs=["arterial_pressure", "cardiac_output", "haemoglobin", "plasma_sodium"],
    )  # fmt: skip
    assert run.status.tolist() == [0]
    for output in ("arterial_pressure", "cardiac_output", "haemoglobin", "plasma_sodium"):
        assert float(run[output][-1, 0]) == pytest.approx(at("healthy", output), rel=0.1), output


def test_other_effects_of_a_drug_are_another_patient():
    row = {
        "organ": "circulation",
        "parameter": "resting_heart_rate",
        "largest": -0.5,
        "half": "1 ug/L",
        "source": "assumed",
    }
    organs = ["lung", "circulation"]
    known = twinsim.whole_patient(organs, "propranolol").structure
    mine = twinsim.whole_patient(organs, "propranolol", [effect_of(row, "propranolol")]).structure
    none = twinsim.whole_patient(organs, "propranolol", []).structure
    assert len({known.name, mine.name, none.name}) == 3
    assert mine.parameter("largest_resting_heart_rate_propranolol").default == -0.5
    assert "largest_resting_heart_rate_propranolol" not in none.parameter_names
    assert twinsim.whole_patient(organs[::-1], "propranolol").structure is known
    with pytest.raises(UsageError, match="an effect of 'sotalol' in a patient who takes propranolol"):
        twinsim.whole_patient(organs, "propranolol", [effect_of(row, "sotalol")])
    with pytest.raises(UsageError, match="circulation, which is left out"):
        twinsim.whole_patient(["lung"], "propranolol", [effect_of(row, "propranolol")])
    assert "cardiac_output_at_rest" in twinsim.whole_patient(["lung"], "sotalol").structure.parameter_names
