"""Platelets under linezolid: the steady state in closed form, and the published equations solved by SciPy."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import twinsim

DAYS = np.arange(0.0, 61.0)
BASE, MTT_PRE, MTT_PL, GAMMA, IC50 = 252.0, 7.68, 6.80, 1.02, 8.06  # Boak 2014, table 2; days and mg/L
CONCENTRATIONS = np.asarray([0.0, 4.0, 8.06, 12.0, 30.0])


def published(concentration):
    """Platelets on DAYS at a constant concentration from day 0, by the equations as the paper writes them [1/d]."""
    k_tr, k_out = 15 / MTT_PRE, 15 / MTT_PL

    def slopes(t, y):
        precursors, platelets = y[:15], y[15:]
        made = k_out * BASE * (BASE / platelets.mean()) ** GAMMA * (1 - concentration / (IC50 + concentration))
        return np.concatenate([
            np.diff(k_tr * precursors, prepend=made) * -1,
            np.diff(k_out * platelets, prepend=k_tr * precursors[-1]) * -1,
        ])  # fmt: skip

    begin = np.repeat([BASE * k_out / k_tr, BASE], 15)
    return solve_ivp(slopes, (0, 60), begin, method="LSODA", rtol=1e-9, atol=1e-9, t_eval=DAYS).y[15:].mean(axis=0)


@pytest.fixture(scope="module")
def found():
    traces = ([[0.0]] * CONCENTRATIONS.size, CONCENTRATIONS[:, None].tolist())
    results = twinsim.simulate(
        twinsim.structure("organs/platelets"), CONCENTRATIONS.size, None, None, DAYS * 24, ["platelets"],
        precision="float64", rtol=1e-8, inputs={"concentration": traces},
    )  # fmt: skip
    assert not results.status.any()
    return results["platelets"]


def test_equations_of_boak(found):
    for column, concentration in enumerate(CONCENTRATIONS):
        np.testing.assert_allclose(found[:, column], published(concentration), rtol=1e-6)


def test_platelets_stay_for_a_week(found):
    """Where nearly nothing is made, precursors keep the count for a week, and it is gone a life of platelets later."""
    normal = twinsim.structure("organs/platelets").output("platelets").normal
    assert normal is not None and normal.low < found[0, 0] < normal.high
    assert found[4, -1] / BASE > 0.95 and found[16, -1] / BASE < 0.45


def test_steady_state_in_closed_form():
    organ = twinsim.structure("organs/platelets")
    p = {item.name: item.default for item in organ.parameters}
    for concentration in CONCENTRATIONS:
        u = {"concentration": concentration}
        level = BASE * (IC50 / (IC50 + concentration)) ** (1 / (1 + GAMMA))
        x = organ.initial(p | {"base": level}, u)
        assert max(map(abs, organ.derivative(0.0, x, p, u).values())) < 1e-9


def test_cohort_of_platelets():
    found = twinsim.simulate(
        {
            "name": "linezolid", "title": "linezolid", "source": "Boak 2014, table 2", "structure": "organs/platelets",
            "parameters": {"base": {"value": "252 10^9/L"}, "ic50": {"value": "8.06 mg/L"}},
            "between_patients": [
                {"parameter": "base", "distribution": "lognormal", "cv": 0.651},
                {"parameter": "ic50", "distribution": "lognormal", "cv": 1.01},
            ],
        },
        200, None, None, [0.0, 168.0, 336.0], ["platelets"], inputs={"concentration": 8.0},
    )  # fmt: skip
    assert not found.status.any()
    assert (found["platelets"][-1] < found["platelets"][0]).all()
