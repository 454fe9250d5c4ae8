"""Pharmacodynamic structures against their steady states and closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from twinsim.models.registry import structure

INDIRECT = {
    # Dayneka, Garg and Jusko 1993: steady response at a constant concentration, relative to kin/kout
    "pd/inhibition_of_input": lambda part: 1 - part,
    "pd/inhibition_of_loss": lambda part: 1 / (1 - part),
    "pd/stimulation_of_input": lambda part: 1 + part,
    "pd/stimulation_of_loss": lambda part: 1 / (1 + part),
}


def changed(model, values):
    p = values(model, kin=7.0, kout=0.35)
    for name, value in {"imax": 0.8, "ic50": 2.0, "smax": 3.0, "sc50": 2.0}.items():
        if name in p:
            p[name] = value
    return p


@pytest.mark.parametrize("name", INDIRECT)
def test_indirect_response_rests_without_drug(name, values):
    model = structure(name)
    p = changed(model, values)
    begin = model.initial(p, {"concentration": 0.0})
    assert begin == {"response": pytest.approx(20.0)}
    assert model.derivative(0.0, begin, p, {"concentration": 0.0})["response"] == pytest.approx(0.0, abs=1e-13)


@pytest.mark.parametrize("name", INDIRECT)
def test_indirect_response_relaxes_to_its_steady_state(name, solve, values):
    model = structure(name)
    p = changed(model, values)
    concentration = 3.0
    part = p.get("imax", p.get("smax")) * concentration / (2.0 + concentration)
    steady = p["kin"] / p["kout"] * INDIRECT[name](part)
    u = {"concentration": concentration}
    assert model.derivative(0.0, {"response": steady}, p, u)["response"] == pytest.approx(0.0, abs=1e-12)
    times = np.linspace(0.0, 12.0, 13)
    k = p["kout"] * (1 if "input" in name else 1 / INDIRECT[name](part))
    x = solve(model, times, model.initial(p, u), p, lambda t: u)
    assert x["response"] == pytest.approx(steady + (20.0 - steady) * np.exp(-k * times), rel=1e-9)


def test_effect_site_lags_behind_plasma(solve, times, values):
    # Sheiner 1979: bolus into one compartment, Ce = C0 ke0/(ke0 - k) (exp(-k t) - exp(-ke0 t))
    model = structure("pd/effect_compartment")
    p, k, c0 = values(model, ke0=0.4), 0.1, 8.0
    x = solve(model, times, {}, p, lambda t: {"concentration": c0 * np.exp(-k * t)})
    exact = c0 * p["ke0"] / (p["ke0"] - k) * (np.exp(-k * times) - np.exp(-p["ke0"] * times))
    assert x["effect_site"] == pytest.approx(exact, rel=1e-8, abs=1e-10)


def test_sigmoid_emax_has_hills_shape(values):
    model = structure("pd/sigmoid_emax")
    p = values(model, e0=5.0, emax=-4.0, ec50=2.0, gamma=3.0)

    def effect(c, **change):
        return float(model.observe(0.0, {}, p | change, {"concentration": c})["effect"])

    assert model.states == () and model.derivative(0.0, {}, p, {"concentration": 1.0}) == {}
    assert effect(0.0) == effect(-1e-9) == 5.0
    assert effect(2.0) == 3.0
    assert effect(2e6) == pytest.approx(1.0)
    # Hill's plot: the logit of the effect has the slope gamma over the logarithm of concentration
    part = np.array([(effect(c) - 5.0) / -4.0 for c in (0.5, 4.0)])
    assert np.diff(np.log(part / (1 - part)))[0] / np.log(4.0 / 0.5) == pytest.approx(3.0)
    assert effect(7.0, gamma=1.0) == pytest.approx(5.0 - 4.0 * 7.0 / 9.0)


def test_sigmoid_emax_gradient_against_finite_differences(values):
    model = structure("pd/sigmoid_emax")
    p = values(model, ec50=2.0, gamma=1.7)

    def effect(theta):
        ec50, gamma, c = theta[0], theta[1], theta[2]
        return model.observe(0.0, {}, p | {"ec50": ec50, "gamma": gamma}, {"concentration": c})["effect"]

    at = jnp.array([2.0, 1.7, 3.0])
    slopes = jax.grad(effect)(at)
    for i in range(3):
        step = 1e-5 * jnp.zeros(3).at[i].set(1.0)
        assert float(slopes[i]) == pytest.approx(float((effect(at + step) - effect(at - step)) / 2e-5), rel=1e-7)


def test_warfarin_agrees_with_the_medians_of_32_people(solve, values, reference_data):
    model = structure("pkpd/one_compartment_oral_turnover")
    rows = pd.read_csv(reference_data / "pk" / "warfarin.csv")
    dose = rows[rows.evid == 1].amt.median()
    # typical values of the Monolix 2023R1 demo project warfarin (1-compartment, combined1)
    p = values(model, ka=1.46, v=7.96, cl=0.132)
    medians = rows[(rows.evid == 0) & (rows.time >= 24) & (rows.time <= 120)].groupby(["dvid", "time"]).dv.median()
    times = np.array([0.0, 24.0, 36.0, 48.0, 72.0, 96.0, 120.0])
    x = solve(model, times, model.initial(p, {}) | {"depot": dose}, p)
    seen = model.observe(0.0, x, p, {})
    assert seen["concentration"][1:] == pytest.approx(medians["cp"].to_numpy(), abs=0.5)
    assert seen["pca"][1:] == pytest.approx(medians["pca"].to_numpy(), abs=6.0)
    assert seen["pca"][0] == p["e0"]
