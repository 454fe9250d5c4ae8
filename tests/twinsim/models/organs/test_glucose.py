"""The meal model of Dalla Man 2007: its table, its rest, and libroadrunner on the same equations."""

from types import SimpleNamespace

import numpy as np
import pytest

import twinsim
from twinsim.errors import UsageError
from twinsim.meals import meals
from twinsim.models.balance import leaks
from twinsim.models.organs.glucose import derived
from twinsim.population.model import population_model

# Table 1 of the paper, values that follow from the others there and that nothing here was set to.
TABLE = {
    "glucose_healthy": {"kp1": 2.70, "vm0": 2.50, "m6": 0.6471},
    "glucose_type2": {"kp1": 3.09, "vm0": 4.65, "m6": 0.8118},
}
# libroadrunner 2.10.0 (CVODE, tolerances 1e-9): the equations of BIOMD0000000379 with part = 0 and the paper's
# switches (secretion by rising glucose alone, renal threshold), 78 g at once, 78 kg, from rest:
# time [min], glucose, insulin, then production, appearance and renal excretion [mg/kg/min].
ROADRUNNER = {
    "glucose_healthy": [
        (15, 109.541207, 99.797810, 1.2098207, 6.6226735, 0.0000000),
        (30, 138.256992, 191.837573, 1.0536415, 6.4276221, 0.0000000),
        (60, 157.008207, 209.360940, 0.8509394, 4.5108989, 0.0000000),
        (90, 151.462430, 250.439803, 0.6717432, 3.6445454, 0.0000000),
        (120, 132.925303, 227.615689, 0.7081084, 2.9375792, 0.0000000),
        (180, 98.199633, 78.298965, 1.0470537, 1.8420693, 0.0000000),
        (240, 89.218200, 26.447360, 1.2268260, 1.1413398, 0.0000000),
        (300, 89.794913, 21.708316, 1.3071416, 0.7063158, 0.0000000),
        (420, 89.808992, 21.865845, 1.5518024, 0.2704513, 0.0000000),
    ],
    "glucose_type2": [
        (15, 168.119391, 83.724089, 1.7932668, 2.7717007, 0.0000000),
        (30, 198.382229, 136.333469, 1.5688221, 5.3496614, 0.0186127),
        (60, 255.082820, 155.202511, 1.4552917, 5.0811475, 0.0777514),
        (90, 285.896874, 185.202920, 1.2989982, 4.0325014, 0.1098904),
        (120, 296.004722, 224.895666, 1.1481810, 3.1764118, 0.1204329),
        (180, 267.909973, 317.067644, 0.8727567, 1.9931104, 0.0911301),
        (240, 212.193513, 274.233319, 0.8787315, 1.5272744, 0.0330178),
        (300, 183.196458, 181.112616, 0.9939856, 1.2587666, 0.0027739),
        (420, 136.026732, 71.203747, 1.3876303, 0.1020301, 0.0000000),
    ],
}
MG = ("glucose_production", "rate_of_appearance", "glucose_excretion")


def parameters_of(model):
    """Of the typical patient, by attribute."""
    chosen = population_model(model)
    values = chosen.individual({name: np.asarray([v]) for name, v in chosen.typical_covariates.items()})
    return SimpleNamespace(**{name: float(np.ravel(v)[0]) for name, v in values.items()})


@pytest.fixture(scope="module")
def after_a_meal():
    def run(model):
        food = meals({0.0: 78.0}, rate=None)
        times = [row[0] for row in ROADRUNNER[model]]
        return twinsim.simulate(model, events=food, times=times, parameters={"bw": 78.0}, precision="float64")

    return {model: run(model) for model in ROADRUNNER}


@pytest.mark.parametrize("model", TABLE)
def test_what_follows_from_a_person_at_rest_is_in_the_table(model):
    found = derived(parameters_of(model))
    for name, value in TABLE[model].items():
        assert float(found[name]) == pytest.approx(value, rel=1e-5), name


@pytest.mark.parametrize("model", ROADRUNNER)
def test_a_meal_is_that_of_libroadrunner(after_a_meal, model):
    seen, expected = after_a_meal[model], np.array(ROADRUNNER[model])
    np.testing.assert_allclose(seen["glucose"][:, 0], expected[:, 1], rtol=1e-7)
    np.testing.assert_allclose(seen["insulin"][:, 0], expected[:, 2], rtol=2e-7)
    for column, name in enumerate(MG, 3):
        np.testing.assert_allclose(seen[name][:, 0] / 78.0, expected[:, column], rtol=1e-6, atol=2e-7)


def test_a_person_at_rest_stays_there_whatever_the_parameters():
    structure, rng = twinsim.structure("organs/glucose"), np.random.default_rng(1)
    for _ in range(20):
        p = {q.name: float(np.clip(q.default * np.exp(0.2 * rng.normal()), *q.bounds)) for q in structure.parameters}
        p |= {"production": 1.0, "utilisation": 1.0, "secretion": 1.0, "gb": p["gb"] * rng.choice([1.0, 2.5])}
        u = {"insulin_appearance": 0.0}
        x = structure.initial(p, u)
        for name, rate in structure.derivative(0.0, x, p, u).items():
            assert abs(float(rate)) <= 1e-12 * (1.0 + abs(float(x[name]))), name


def test_drugs_act_by_parameters():
    """Less production, more uptake, more secretion lower glucose; a lower renal threshold is a patient's own."""
    structure = twinsim.structure("organs/glucose")
    base, ends = {"production": 1.0, "utilisation": 1.0, "secretion": 1.0, "ke2": 339.0}, []
    for change in ({}, {"production": 0.9}, {"utilisation": 1.2}, {"secretion": 1.3}, {"ke2": 100.0}):
        seen = twinsim.simulate(structure, times=[0.0, 900.0], parameters={**base, **change}, precision="float64")
        ends.append([float(seen[name][-1, 0]) for name in ("glucose", "insulin", "glucose_excretion")])
    plain, less, taken, secreted, lost = ends
    np.testing.assert_allclose([plain[0], lost[0]], 91.7996, rtol=1e-9)
    assert max(less[0], taken[0], secreted[0]) < plain[0] - 2.0
    assert less[1] < plain[1] < secreted[1]  # less glucose, less insulin, unless the drug makes the insulin
    assert plain[2] == 0.0 and lost[2] == pytest.approx(0.0005 * (91.7996 * 1.88 - 100.0) * 78.0, rel=1e-8)


def test_nothing_comes_from_nowhere():
    assert leaks(twinsim.structure("organs/glucose")) == ()


def test_a_cohort_eats_for_a_day():
    day = meals({480.0: 45.0, 720.0: 70.0, 1200.0: 70.0})
    for model in ("glucose_healthy", "glucose_type2"):
        seen = twinsim.simulate(model, 300, day, times=np.linspace(0.0, 1440.0, 49), outputs=["glucose"])
        assert (seen.status == 0).all()
        np.testing.assert_allclose(seen["glucose"][0], seen["parameters/gb"], rtol=1e-5)
        assert (seen["glucose"].max(axis=0) > seen["glucose"][0] + 10.0).all()


def test_who_still_eats_goes_on_eating():
    one, two = meals({0.0: 70.0}), meals({0.0: 45.0, 5.0: 25.0})
    assert two.time.tolist() == [0.0, 0.0, 0.0, 0.0, 9.0] and one.size == 4
    assert meals({0.0: 12.0}, bite=1.0).value.tolist() == [0.0] * 3 + [5000.0] * 6 + [2000.0] * 3
    for wrong in ({0.0: 0.0}, {0.0: -3.0}):
        with pytest.raises(UsageError, match="more than 0 g"):
            meals(wrong)
    with pytest.raises(UsageError, match="rate"):
        meals({0.0: 5.0}, rate=None, bite=1.0)
