"""Thyroid against p-THYROSIM in SciPy, laboratory ranges, and what replaces a thyroid.

DAY: ThyroidSimulator.swift of rchen724/pthyrosim (k05 0.184972/h, reference volume) in SciPy (LSODA, rtol 1e-10), 300
days from the state its programs list; mean, least and largest of the 24 full hours of the last day.
"""

import numpy as np
import pytest

import twinsim
from twinsim.events import Events
from twinsim.models.balance import leaks
from twinsim.models.registry import structure
from twinsim.population.given import given_parameters

# mean, least, largest
DAY = {"tsh": (1.8801412, 1.0633329, 2.6977990)}
MEANS = {"t4": 72.333959, "t3": 1.2880535, "free_t4": 13.028803, "free_t3": 3.0713894}
# mean TSH, T4, T3 of the day of the 120th pill of 112 ug (1.6 ug/kg) after thyroidectomy, the same way
REPLACED = {"tsh": 1.8251511, "t4": 79.260879, "t3": 0.94816607}
OUTPUTS = ["tsh", *MEANS]
HOURS = np.arange(24.0)


def mean(found, name):
    return float(np.asarray(found[name]).mean())


@pytest.fixture(scope="module")
def everyone():
    """One simulation: the tenth day of the healthy; the day of the 120th pill after thyroidectomy; 30 days after it
    without pills; and the first day of 300 others."""
    secretion, begin = np.ones(303), np.zeros(303)
    secretion[1:3], begin[:3] = 0.0, (216.0, 2856.0, 720.0)
    model, cohort = given_parameters(structure("organs/thyroid"), {"secretion": secretion})
    row = {"patient": 1, "kind": "add", "target": "oral_t4", "time": 0.0, "value": 112.0}
    pills = Events.of([{**row, "interval": 24.0, "additional": 121}])
    times = begin[:, None] + HOURS
    return twinsim.simulate(model, cohort, pills, times=times, outputs=OUTPUTS, precision="float64", rtol=1e-8)


@pytest.fixture(scope="module")
def runs(everyone):
    """Outputs of the first three (time)."""
    cases = enumerate(("healthy", "replaced", "untreated"))
    return {case: {name: np.asarray(everyone[name])[:, i] for name in OUTPUTS} for i, case in cases}


def test_a_day_is_the_published_one(runs):
    tsh = np.asarray(runs["healthy"]["tsh"])
    np.testing.assert_allclose([tsh.mean(), tsh.min(), tsh.max()], DAY["tsh"], rtol=1e-5)
    assert int(tsh.argmax()) == 18  # 2 at night, if time begins at 8
    for name, wanted in MEANS.items():
        assert mean(runs["healthy"], name) == pytest.approx(wanted, rel=1e-5)


def test_a_healthy_day_is_normal(runs):
    for port in structure("organs/thyroid").gives:
        values = np.asarray(runs["healthy"][port.name])
        assert port.normal is not None and port.normal.low <= values.min() and values.max() <= port.normal.high


def test_levothyroxine_takes_the_place_of_a_thyroid(runs):
    """1.6 ug/kg, the usual dose after thyroidectomy; T3 then stays low and free T4 high, as in Ito et al. 2012."""
    for name, wanted in REPLACED.items():
        assert mean(runs["replaced"], name) == pytest.approx(wanted, rel=1e-4)
    normal = structure("organs/thyroid").output("tsh").normal
    assert normal is not None
    assert normal.low < mean(runs["replaced"], "tsh") < normal.high
    assert mean(runs["replaced"], "t3") < 0.8 * mean(runs["healthy"], "t3")
    assert mean(runs["replaced"], "free_t4") > mean(runs["healthy"], "free_t4")
    assert mean(runs["untreated"], "tsh") > 20.0 * normal.high


def test_the_listed_state_is_no_rest(runs):
    """What the programs begin with, said to be steady: T4 0.322114 umol in 3.2 L, 78.2 ug/L, falls by 7 %."""
    assert mean(runs["healthy"], "t4") / (777.0 * 0.322114215761171 / 3.2) == pytest.approx(0.925, abs=0.005)


def test_a_cohort_is_whole_and_hormone_stays(everyone):
    assert not np.asarray(everyone.status).any()
    assert leaks(structure("organs/thyroid")) == ()
