"""The compiled program of a cohort: what is compiled once, and that its people are those the model describes."""

import jax.numpy as jnp
import numpy as np
import pytest

import twinsim
from twinsim.cohort_job import cohort_job
from twinsim.people import amounts
from twinsim.program import compiled

TIMES = np.array([0.0, 2.0, 8.0])
EVENTS = twinsim.regimen(320, interval=12, count=2)


def program(**options):
    return cohort_job("theophylline", EVENTS, TIMES, size=options.pop("size", 5), **options).program


@pytest.mark.parametrize("options", [{}, {"size": 9000}, {"seed": 3}, {"parameters": {"cl": 2.0}}, {"title": "other"}])
def test_what_needs_no_other_program(options):
    assert program(**options) == program() and compiled(program(**options)) is compiled(program())


@pytest.mark.parametrize(
    "options",
    [
        {"precision": "float64"},
        {"solver": "explicit"},
        {"observed": True},
        {"endpoints": ()},
        {"random_effects": False},
    ],
)
def test_what_needs_another(options):
    assert program(**options) != program()


def test_another_theta_needs_no_other_program_but_another_omega_does():
    model = twinsim.population_model("theophylline")
    changed = model.with_thetas({"cl": 9.0, "concentration.additive": 1e-9})
    plain, faster, wider = (
        cohort_job(m, EVENTS, TIMES, size=5, observed=True) for m in (model, changed, model.with_omega(2 * model.omega))
    )
    assert faster.program == plain.program and wider.program != plain.program
    assert faster.identity != plain.identity
    one, other = plain.compute(0, 5), faster.compute(0, 5)
    assert np.asarray(other["parameters/cl"]) == pytest.approx(one["parameters/cl"] * 9.0 / model.thetas["cl"])
    assert np.asarray(other["concentration_observed"]) == pytest.approx(np.asarray(other["concentration"]), abs=1e-6)
    assert np.abs(np.asarray(one["concentration_observed"] - one["concentration"])).max() > 0.1


def test_a_fixed_number_that_was_changed_counts():
    model = twinsim.population_model("theophylline").with_thetas({"f": 0.5})
    whole, half = cohort_job("theophylline", EVENTS, TIMES, size=5), cohort_job(model, EVENTS, TIMES, size=5)
    assert np.asarray(half.compute(0, 5)["parameters/f"]).tolist() == [0.5] * 5
    assert whole.program != half.program


def test_people_are_those_of_the_model():
    model, ids = twinsim.population_model("vancomycin_goti_2018"), np.arange(40)
    job = cohort_job(model, twinsim.regimen(1000, route="iv", duration=1.0), TIMES, size=40, seed=6,
                     covariates={"dialysis": 0.0}, precision="float64")  # fmt: skip
    found = job.compute(0, 40)
    cohort = twinsim.sample_cohort(40, seed=6)
    covariates = {**cohort.derived().covariates, "dialysis": np.zeros(40)}
    expected = model.individual(covariates, etas=model.draw_etas(6, ids))
    for name, values in expected.items():
        assert np.asarray(found[f"parameters/{name}"]) == pytest.approx(np.asarray(values), rel=1e-12)
    assert np.asarray(found["covariates/crcl"]) == pytest.approx(np.asarray(covariates["crcl"]), rel=1e-12)


def test_amounts_by_hand():
    plan = {
        "value": jnp.asarray([[10.0], [10.0], [10.0]]),
        "rate": jnp.asarray([[-1.0], [5.0], [jnp.nan]]),
        "per": jnp.asarray([[0.0], [1.0], [2.0]]),
    }
    found = amounts(plan, {"weight": jnp.full((3, 2), 70.0), "bsa": jnp.asarray([[1.0, 1.0], [1.0, 1.0], [1.5, 2.0]])})
    assert found["value"].tolist() == [[10.0, 10.0], [700.0, 700.0], [15.0, 20.0]]
    assert found["rate"][:2].tolist() == [[-1.0, -1.0], [350.0, 350.0]] and np.isnan(found["rate"][2]).all()
    assert not np.asarray(found["per"]).any()
