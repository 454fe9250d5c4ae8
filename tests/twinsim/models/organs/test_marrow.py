"""Neutrophils after docetaxel: the published equations solved by SciPy, and what is seen in patients."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import twinsim

DAYS = np.arange(0.0, 25.5, 0.25)
# Friberg 2002, table 2, docetaxel, and Bruno's pharmacokinetics [1/h], [L], as the README of the package myelo has them
MICRO = {"k10": 5.2, "k12": 1.06, "k21": 1.51, "k13": 1.26, "k31": 0.084, "v1": 7.4}
FRIBERG = {"circ0": 5.05, "mtt": 88.7, "gamma": 0.161, "slope": 8.58}
PK = {"cl": 5.2 * 7.4, "v1": 7.4, "q2": 1.06 * 7.4, "v2": 1.06 * 7.4 / 1.51, "q3": 1.26 * 7.4, "v3": 1.26 * 7.4 / 0.084}


def published(dose, hours, molar_mass=0.8079):
    """Neutrophils on DAYS after an infusion, by the equations as the paper writes them."""
    k, rate = MICRO, 4.0 / FRIBERG["mtt"]

    def slopes(t, y, infusion):
        one, two, three, divides, a, b, c, circulating = y
        effect = FRIBERG["slope"] * one / k["v1"] / molar_mass
        feedback = (FRIBERG["circ0"] / circulating) ** FRIBERG["gamma"]
        return [
            infusion - (k["k10"] + k["k12"] + k["k13"]) * one + k["k21"] * two + k["k31"] * three,
            k["k12"] * one - k["k21"] * two,
            k["k13"] * one - k["k31"] * three,
            rate * divides * (1 - effect) * feedback - rate * divides,
            rate * (divides - a),
            rate * (a - b),
            rate * (b - c),
            rate * (c - circulating),
        ]

    settings = {"method": "LSODA", "rtol": 1e-10, "atol": 1e-12}
    during = solve_ivp(slopes, (0, hours), [0.0] * 3 + [5.05] * 5, args=(dose / hours,), **settings)
    hours_after = DAYS[DAYS > 0] * 24
    after = solve_ivp(slopes, (hours, hours_after[-1]), during.y[:, -1], args=(0.0,), t_eval=hours_after, **settings)
    return np.concatenate([[5.05], after.y[7]])


@pytest.fixture(scope="module")
def neutrophils():
    """After 100 mg/m2 in a patient of 1.8 m2, over an hour."""
    dose = twinsim.regimen(180.0, route="iv", duration=1.0)
    model = twinsim.structure("pkpd/three_compartment_iv_marrow")
    found = twinsim.simulate(model, 1, dose, PK | FRIBERG, DAYS * 24, ["neutrophils"], precision="float64", rtol=1e-8)
    assert found.status.tolist() == [0]
    return found["neutrophils"][:, 0]


def test_equations_of_friberg(neutrophils):
    np.testing.assert_allclose(neutrophils, published(180.0, 1.0), rtol=1e-6)


def test_nadir_of_docetaxel(neutrophils):
    """Median nadir on day 8 (prescribing information of docetaxel, 100 mg/m2, from memory), recovered by day 21."""
    nadir = int(np.argmin(neutrophils))
    assert DAYS[nadir] == pytest.approx(8.0, abs=1.0)
    assert neutrophils[nadir] == pytest.approx(0.896, abs=0.001)  # grade 3, 0.5 to 1.0
    assert neutrophils[DAYS == 21.0] >= 5.05


def test_at_rest_nothing_moves():
    marrow = twinsim.structure("organs/marrow")
    p = {item.name: item.default for item in marrow.parameters}
    u = {"concentration": 0.0}
    assert not any(marrow.derivative(0.0, marrow.initial(p, u), p, u).values())


def test_cohort_after_docetaxel():
    """100 mg/m2 in 300 adults with Kloft's variability. Prescribing information of docetaxel (from memory): median
    nadir on day 8; below 0.5 fell 75 % of all patients and 86 % of those with breast cancer."""
    dose = twinsim.regimen(100.0, per="m2", route="iv", duration=1.0)
    found = twinsim.simulate(
        "docetaxel_neutrophils_kloft_2006", 300, dose, None, DAYS * 24, ["neutrophils"], covariates={"aag": 1.34}
    )
    assert not found.status.any()
    lowest = found["neutrophils"].min(axis=0)
    day = DAYS[np.argmin(found["neutrophils"], axis=0)]
    assert np.median(day) == pytest.approx(8.0, abs=1.0)
    assert 0.70 < np.mean(lowest < 0.5) < 0.92
