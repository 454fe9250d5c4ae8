"""simulate(start="equilibrium"): closed forms, the long run, and what has no steady state."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import twinsim
from kernels import status as codes
from tests.twinsim.coupled import feedback, made
from twinsim.at_rest import at_rest
from twinsim.errors import UsageError
from twinsim.models.conserved import stillness
from twinsim.models.couple import bind
from twinsim.models.registry import register, structures

EXACT = {"precision": "float64", "endpoints": ()}
PD = twinsim.structure("pd/inhibition_of_loss")


ENZYME = made(
    "enzyme",
    (("x", "mg"),),
    lambda t, x, p, u: {"x": p.kin - p.vmax * x.x / (p.km + x.x)},
    (("kin", (2.0, "mg/h")), ("vmax", (10.0, "mg/h")), ("km", (4.0, "mg"))),
)
CHAIN = made(  # a, b and c exchange; seen counts the time a has been there
    "closed chain",
    (("a", "mg"), ("b", "mg"), ("c", "mg"), ("seen", "mg h")),
    lambda t, x, p, u: {
        "a": p.k2 * x.b - p.k1 * x.a,
        "b": p.k1 * x.a - p.k2 * x.b - p.k3 * x.b + p.k4 * x.c,
        "c": p.k3 * x.b - p.k4 * x.c,
        "seen": x.a,
    },
    (("k1", (1.0, "1/h")), ("k2", (2.0, "1/h")), ("k3", (0.5, "1/h")), ("k4", (0.1, "1/h"))),
    start=lambda p, u: {"a": 16.0, "seen": 3.0},
)
MODEL = {
    "name": "turnover",
    "title": "A turnover whose rates scatter",
    "source": "assumed",
    "structure": "pd/inhibition_of_loss",
    "parameters": {"kin": {"value": "10 1/h"}, "kout": {"value": "0.1 1/h"}, "imax": {"value": "0.8"}},
    "between_patients": [{"parameter": "kin", "sd": 0.3}, {"parameter": "kout", "sd": 0.3}],
}


def test_everyone_starts_in_a_steady_state_of_its_own():
    given = twinsim.simulate(MODEL, 300, times=[0.0, 24.0], start="equilibrium", seed=2, **EXACT)
    expected = given["parameters/kin"] / given["parameters/kout"]
    assert given["response"][0] == pytest.approx(expected, rel=1e-13)
    assert given["response"][1] == pytest.approx(expected, rel=1e-9)
    assert given.job.settings["start"] == "equilibrium" and not given.status.any()


def test_a_patient_is_the_same_in_a_cohort_of_any_size():
    many = twinsim.simulate(MODEL, 300, times=[0.0], start="equilibrium", seed=2, **EXACT)
    few = twinsim.simulate(MODEL, 7, times=[0.0], start="equilibrium", seed=2, **EXACT)
    assert np.array_equal(many["response"][:, :7], few["response"])


def test_an_enzyme_that_is_too_slow_fails_that_patient_alone():
    """x = kin km / (vmax - kin)."""
    cohort = twinsim.Cohort([1, 2, 3], {"speed": [5.0, 1.0, 10.0]}, {"speed": "mg/h"})
    given = twinsim.simulate(_with_speed(), cohort, times=[0.0, 5.0], start="equilibrium", **EXACT)
    assert given.status.tolist() == [0, codes.NO_EQUILIBRIUM, 0]
    assert given["x"][0, [0, 2]] == pytest.approx([2.0 * 4.0 / 3.0, 1.0], rel=1e-12)
    assert np.isnan(given["x"][:, 1]).all()


def _with_speed():
    if "test/enzyme" not in structures():
        register(replace(ENZYME, name="test/enzyme"))
    return {
        "name": "enzyme",
        "title": "An enzyme whose speed is a covariate",
        "source": "assumed",
        "structure": "test/enzyme",
        "covariates": {"speed": {"unit": "mg/h"}},
        "parameters": {"vmax": {"value": "1", "relations": [{"proportional": {"covariate": "speed"}}]}},
    }


def test_a_closed_chain_keeps_its_amount_and_counters_stay():
    """a : b : c = k2/k1 : 1 : k3/k4 = 2 : 1 : 5 of 16 mg."""
    known = stillness(CHAIN)
    assert known.counters == {3} and len(known.laws.rows) == 1 and known.positive == {0, 1, 2, 3}
    given = twinsim.simulate(CHAIN, None, times=[0.0, 10.0], start="equilibrium", **EXACT)
    assert given["a"][:, 0] == pytest.approx([4.0, 4.0], rel=1e-12)
    assert given.final["b"] == pytest.approx([2.0]) and given.final["c"] == pytest.approx([10.0])
    assert given.final["seen"] == pytest.approx([3.0 + 10.0 * 4.0])


def test_what_takes_up_everything_gets_it():
    """A drug in the body at the start is in the urine at the end."""
    drug = made(
        "excreted",
        (("body", "mg"), ("urine", "mg")),
        lambda t, x, p, u: {"body": -p.k * x.body, "urine": p.k * x.body},
        (("k", (0.3, "1/h")),),
        start=lambda p, u: {"body": 7.0},
    )
    given = twinsim.simulate(drug, None, times=[0.0], start="equilibrium", **EXACT)
    assert given.final["urine"].tolist() == [7.0] and given.final["body"].tolist() == [0.0]


def test_the_steady_state_of_coupled_structures_is_the_long_run():
    """Time constants of half a second and of 100 h: tier stiff over a year goes where the search goes."""
    model = feedback()
    rest = twinsim.simulate(model, None, times=[0.0, 8000.0], start="equilibrium", solver="stiff", **EXACT)
    run = twinsim.simulate(model, None, times=[0.0, 8000.0], solver="stiff", **EXACT)
    assert rest["x"][0, 0] == pytest.approx(run["x"][-1, 0], rel=1e-7)
    assert rest["x"][1, 0] == pytest.approx(rest["x"][0, 0], rel=1e-8)
    x = rest["x"][0, 0]
    assert 10.0 * x / (4.0 + x) == pytest.approx(8.0 / (1.0 + x / 2.0), rel=1e-12)


def test_derivatives_by_parameters():
    model = feedback()
    p = {item.name: jnp.full((1,), item.default) for item in model.parameters}

    @jax.jit
    def x(p):
        states, _ = at_rest(model, p, (jnp.zeros(1), jnp.zeros(1)))
        return states[1][0]

    for name, slope in jax.jit(jax.grad(x))(p).items():
        step = 1e-5 * p[name]
        change = (x({**p, name: p[name] + step}) - x({**p, name: p[name] - step})) / (2.0 * step[0])
        assert float(slope[0]) == pytest.approx(float(change), rel=1e-6, abs=1e-9)


def test_what_has_no_steady_state_whatever_the_parameters():
    grows = made("grows", (("x", "mg"),), lambda t, x, p, u: {"x": p.k}, (("k", (1.0, "mg/h")),))
    # nothing depends on it, so it counts, and stays where it starts
    assert stillness(grows).counters == {0}
    pair = made(
        "pair",
        (("x", "mg"), ("y", "mg")),
        lambda t, x, p, u: {"x": p.kin - p.k * (x.x - x.y), "y": p.k * (x.x - x.y)},
        (("kin", (1.0, "mg/h")), ("k", (1.0, "1/h"))),
    )
    with pytest.raises(UsageError, match="a sum of x, y grows"):
        twinsim.simulate(pair, None, times=[0.0], start="equilibrium")
    tide = made("tide", (("x", "1"),), lambda t, x, p, u: {"x": jnp.sin(t) - x.x})
    with pytest.raises(UsageError, match="what changes x depends on the time"):
        twinsim.simulate(tide, None, times=[0.0], start="equilibrium")
    with pytest.raises(UsageError, match="did you mean equilibrium"):
        twinsim.simulate(bind(PD, {"concentration": 1.0}), None, times=[0.0], start="equilibrum")


def test_a_need_that_is_bound_has_its_part():
    """Loss held back to kout (1 - imax c / (ic50 + c))."""
    given = twinsim.simulate(
        bind(PD, {"concentration": 3.0}), None, None, {"imax": 0.8}, [0.0], start="equilibrium", **EXACT
    )
    assert given["response"][0, 0] == pytest.approx(100.0 / (1.0 - 0.8 * 0.75), rel=1e-13)


def test_doses_come_on_top():
    model = twinsim.structure("pkpd/two_compartment_oral_inhibition")
    events, times = twinsim.regimen(100), np.linspace(0.0, 24.0, 7)
    plain = twinsim.simulate(model, None, events, times=times, **EXACT)
    rest = twinsim.simulate(model, None, events, times=times, start="equilibrium", **EXACT)
    assert rest["response"] == pytest.approx(plain["response"], rel=1e-9)
