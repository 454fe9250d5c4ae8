"""A population model: individual parameters, random effects, residual error, identity."""

import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from twinsim.errors import DataError, ModelError, UsageError
from twinsim.population.model import PopulationModel, population_model
from twinsim.yaml import read_yaml

DOCUMENT = {
    "title": "test",
    "source": "Nobody 2024, table 1",
    "structure": "pk/one_compartment_oral",
    "parameters": {
        "cl": {"value": "4 L/h", "relations": [{"power": {"covariate": "crcl", "reference": 100, "exponent": 0.8}}]},
        "v": {"value": "0.6 L/kg", "relations": [{"proportional": {"covariate": "weight"}}]},
        "ka": {"half_life": "0.5 h"},
        "f": {"value": "80 %", "bounds": [0, 1]},
    },
    "between_patients": [
        {
            "parameters": ["cl", "v"],
            "distribution": "lognormal",
            "sds": [0.3, 0.2],
            "correlations": {"cl": {"v": 0.5}},
        },
        {"parameter": "ka", "cv": "70 %"},
        {"parameter": "f", "distribution": "logit", "sd": 0.4},
        {"parameter": "lag", "distribution": "normal", "variance": "0.01 h2"},
    ],
    "between_occasions": [{"parameter": "cl", "sd": 0.1}, {"parameter": "ka", "sd": 0.2}],
    "residual": {
        "concentration": {"model": "combined2", "additive": {"sd": "100 ug/L"}, "proportional": {"sd": "15 %"}}
    },
}
COVARIATES = {"crcl": np.array([100.0, 50.0, 120.0]), "weight": np.array([70.0, 80.0, 60.0])}


@pytest.fixture(scope="module")
def model() -> PopulationModel:
    return population_model(DOCUMENT)


def test_declared_numbers(model):
    assert model.thetas == {
        "cl": 4.0,
        "cl.crcl.exponent": 0.8,
        "v": 0.6,
        "ka": np.log(2.0) / 0.5,
        "f": 0.8,
        "concentration.additive": 0.1,
        "concentration.proportional": 0.15,
    }
    assert model.theta_names == tuple(model.thetas)
    assert model.numbers["f"].bounds == (0.0, 1.0) and model.numbers["cl"].bounds[0] == 0.0
    assert model.needs == ("crcl", "weight")
    assert model.eta_names == ("cl", "v", "ka", "f", "lag") and model.occasion_eta_names == ("cl", "ka")
    omega = np.diag([0.09, 0.04, np.log(1.49), 0.16, 0.01])
    omega[0, 1] = omega[1, 0] = 0.5 * 0.3 * 0.2
    np.testing.assert_allclose(model.omega, omega, rtol=1e-14)
    np.testing.assert_allclose(model.omega_occasion, np.diag([0.01, 0.04]), rtol=1e-14)
    assert model.assumed() == ["lag"]
    sources = {row.name: row for row in model.sources()}
    assert sources["v"].unit == "L/kg" and sources["v"].source == "Nobody 2024, table 1"
    assert sources["omega(v,cl)"].value == pytest.approx(0.03)
    assert all(row.source for row in model.sources())


def test_individual_by_hand(model):
    etas = np.array([[0.1, 0.0, -0.2], [0.0, 0.3, 0.0], [0.5, 0.0, 0.0], [1.0, 0.0, -1.0], [0.2, 0.0, 0.0]])
    occasion = np.array([[0.05, 0.0, 0.0], [-0.5, 0.0, 0.0]])
    got = model.individual(COVARIATES, etas, occasion_etas=occasion)
    assert list(got) == list(model.structure.parameter_names)
    scale = (COVARIATES["crcl"] / 100.0) ** 0.8
    np.testing.assert_allclose(got["cl"], 4.0 * scale * np.exp([0.15, 0.0, -0.2]), rtol=1e-12)
    np.testing.assert_allclose(got["v"], 0.6 * COVARIATES["weight"] * np.exp([0.0, 0.3, 0.0]), rtol=1e-12)
    np.testing.assert_allclose(got["ka"], np.full(3, np.log(2.0) / 0.5), rtol=1e-12)
    # logit(0.8) = ln 4
    np.testing.assert_allclose(got["f"], 1.0 / (1.0 + np.exp(-(np.log(4.0) + etas[3]))), rtol=1e-12)
    np.testing.assert_allclose(got["lag"], [0.2, 0.0, 0.0], atol=1e-15)


def test_shapes_of_segments_and_scalars(model):
    segments = {"crcl": np.tile(COVARIATES["crcl"], (2, 1)), "weight": COVARIATES["weight"]}
    etas = np.zeros((5, 3))
    plain = model.individual(COVARIATES, etas)
    timed = model.individual(segments, etas)
    assert all(value.shape == (2, 3) for value in timed.values())
    np.testing.assert_array_equal(timed["cl"][1], plain["cl"])
    occasions = model.individual(COVARIATES, etas, occasion_etas=np.zeros((2, 4, 3)))
    assert all(value.shape == (4, 3) for value in occasions.values())
    assert model.individual({"crcl": 100.0, "weight": 70.0})["v"].shape == ()
    assert model.individual(COVARIATES)["ka"].shape == (3,)
    integers = model.individual({"crcl": np.array([100]), "weight": np.array([70])})
    assert integers["v"].dtype == jnp.float64
    single = {name: jnp.asarray(values, jnp.float32) for name, values in COVARIATES.items()}
    assert model.individual(single, jnp.zeros((5, 3), jnp.float32))["cl"].dtype == jnp.float32


def test_jit_equals_eager_and_one_by_one(model):
    etas = model.draw_etas(3, np.arange(3))
    together = model.individual(COVARIATES, etas)
    traced = jax.jit(lambda c, e: model.individual(c, e))(COVARIATES, etas)
    for name in together:
        np.testing.assert_allclose(traced[name], together[name], rtol=1e-14)
        for i in range(3):
            alone = model.individual({k: v[i : i + 1] for k, v in COVARIATES.items()}, etas[:, i : i + 1])
            np.testing.assert_allclose(alone[name][0], together[name][i], rtol=1e-14)


def test_gradients_against_finite_differences(model):
    etas = np.asarray(model.draw_etas(1, np.arange(3)))
    thetas = {name: jnp.asarray(model.thetas[name]) for name in ("cl", "cl.crcl.exponent", "v", "ka", "f")}

    def total(thetas, etas):
        values = model.individual(COVARIATES, etas, thetas)
        return sum(jnp.sum(weight * values[name]) for weight, name in enumerate(("cl", "v", "ka", "f", "lag"), 1))

    by_theta, by_eta = jax.grad(total, argnums=(0, 1))(thetas, jnp.asarray(etas))
    step = 1e-6
    for name, value in thetas.items():
        high, low = (total({**thetas, name: value + sign * step}, etas) for sign in (1, -1))
        assert float(by_theta[name]) == pytest.approx(float(high - low) / (2 * step), rel=1e-7)
    for i in range(5):
        moved = [np.array(etas), np.array(etas)]
        moved[0][i, 1] += step
        moved[1][i, 1] -= step
        expected = float(total(thetas, moved[0]) - total(thetas, moved[1])) / (2 * step)
        assert float(by_eta[i, 1]) == pytest.approx(expected, rel=1e-6)


def test_omega_comes_back_from_its_draws(model):
    etas = np.asarray(model.draw_etas(7, np.arange(200_000)))
    covariance = np.cov(etas)
    scale = np.sqrt(np.outer(np.diag(model.omega), np.diag(model.omega)))
    assert np.max(np.abs(covariance - model.omega) / scale) < 0.02
    assert np.max(np.abs(etas.mean(axis=1)) / np.sqrt(np.diag(model.omega))) < 0.02


def test_draws_belong_to_the_patient_and_the_name(model):
    ids = np.array([5, 417, 2**40])
    etas = np.asarray(model.draw_etas(7, ids))
    np.testing.assert_array_equal(etas[:, [1]], model.draw_etas(7, ids[1:2]))
    np.testing.assert_array_equal(etas[:, ::-1], model.draw_etas(7, ids[::-1]))
    assert not np.any(etas == model.draw_etas(8, ids))
    assert not np.any(etas == model.draw_etas(7, ids, replicate=1))
    more = {
        **DOCUMENT,
        "between_patients": [
            {"parameter": "lag", "distribution": "normal", "sd": "0.1 h"},
            *DOCUMENT["between_patients"][:3],
        ],
    }
    other = population_model(more)
    raw, again = (m.parts.between_patients.standard(7, ids) for m in (model, other))
    for name in ("cl", "v", "ka", "f"):
        np.testing.assert_array_equal(raw[model.eta_names.index(name)], again[other.eta_names.index(name)])
    first, second = (model.draw_occasion_etas(7, ids, occasion=k) for k in (0, 1))
    assert first.shape == (2, 3) and not np.any(np.asarray(first) == np.asarray(second))
    without = population_model({k: v for k, v in DOCUMENT.items() if not k.startswith("between")})
    assert without.draw_etas(1, ids).shape == (0, 3)
    assert float(without.individual(COVARIATES, without.draw_etas(1, ids))["cl"][0]) == 4.0


def test_with_thetas_and_omega(model):
    other = model.with_thetas({"cl": 5.0, "lag": 0.5, "concentration.additive": 0.2})
    assert other.thetas["cl"] == 5.0 and model.thetas["cl"] == 4.0
    assert float(other.individual(COVARIATES)["lag"][0]) == 0.5
    np.testing.assert_allclose(other.error_models["concentration"].variance(np.array([0.0])), [0.04])
    assert other.with_thetas({"v": 0.7}).thetas["cl"] == 5.0
    given = model.individual(COVARIATES, thetas={"cl": 5.0, "lag": 0.5})
    np.testing.assert_array_equal(given["cl"], other.individual(COVARIATES)["cl"])
    wide = model.with_omega(4.0 * model.omega)
    np.testing.assert_allclose(wide.draw_etas(1, np.arange(4)), 2.0 * model.draw_etas(1, np.arange(4)), rtol=1e-12)
    for call, words in (
        (lambda: model.with_thetas({"cll": 1.0}), "did you mean cl"),
        (lambda: model.individual(COVARIATES, thetas={"cl.crcl": 1.0}), "did you mean cl.crcl.exponent"),
        (lambda: model.with_thetas({"f": 1.5}), "outside"),
        (lambda: model.with_thetas({"cl": float("nan")}), "outside"),
        (lambda: model.individual(COVARIATES, np.zeros((4, 3))), "the model has 5"),
    ):
        with pytest.raises(UsageError, match=words):
            call()
    with pytest.raises(ModelError, match="shape"):
        model.with_omega(np.eye(2))
    with pytest.raises(ModelError, match="positive definite"):
        model.with_omega(-np.eye(5))


def test_identity(model):
    again = population_model(DOCUMENT)
    assert again == model and hash(again) == hash(model)
    assert model.with_thetas({"cl": 5.0}) != model
    assert model.with_thetas({"cl": 5.0}).with_thetas({"cl": 4.0}) == model
    assert model.with_omega(2.0 * model.omega) != model
    assert population_model(model) is model
    assert model.identity["document"]["structure"] == "pk/one_compartment_oral"
    assert population_model({**DOCUMENT, "notes": "words change no number"}) == model


def test_missing_covariates_name_the_patients(model):
    with pytest.raises(DataError, match="crcl is missing for every patient"):
        model.individual({"weight": COVARIATES["weight"]})
    broken = {**COVARIATES, "weight": np.array([70.0, np.nan, 60.0])}
    with pytest.raises(DataError, match="weight is missing") as caught:
        model.individual(broken, patient_ids=np.array([4, 9, 16]))
    assert "patient 9" in str(caught.value)
    with pytest.raises(DataError, match="positions 1"):
        model.individual(broken)


KINDS = {
    "additive": ({"additive": {"sd": "0.5 mg/L"}}, lambda f: np.full_like(f, 0.25)),
    "proportional": ({"proportional": {"variance": 0.04}}, lambda f: 0.04 * f**2),
    "combined1": (
        {"additive": {"variance": "0.25 mg2/L2"}, "proportional": {"sd": "20 %"}},
        lambda f: (0.5 + 0.2 * f) ** 2,
    ),
    "combined2": ({"additive": {"sd": "0.5 mg/L"}, "proportional": {"sd": 0.2}}, lambda f: 0.25 + 0.04 * f**2),
    "power": ({"power": {"sd": 0.3}, "exponent": 0.5}, lambda f: 0.09 * f),
    "lognormal": ({"lognormal": {"sd": 0.3}}, lambda f: f**2 * np.exp(0.09) * (np.exp(0.09) - 1.0)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_residual_error(kind):
    numbers, variance = KINDS[kind]
    document = {**DOCUMENT, "residual": {"concentration": {"model": kind, **numbers}}}
    built = population_model(document)
    error = built.error_models["concentration"]
    f = np.array([[0.5], [10.0]])
    np.testing.assert_allclose(error.variance(f), variance(f), rtol=1e-12)
    observed = np.asarray(built.residual("concentration", np.tile(f, (1, 100_000)), 5, np.arange(100_000)))
    np.testing.assert_allclose(observed.var(axis=1), variance(f)[:, 0], rtol=0.03)
    assert error.log_scale == (kind == "lognormal")
    gradient = jax.grad(lambda f: jnp.sum(error.variance(f)))(jnp.zeros(3))
    assert np.all(np.isfinite(gradient))
    assert error.observe(jnp.ones((2, 3), jnp.float32), jnp.ones((2, 3), jnp.float32)).dtype == jnp.float32


def test_residual_rows_do_not_depend_on_other_rows_or_patients(model):
    f = np.ones((4, 3))
    ids = np.array([1, 2, 3])
    whole = np.asarray(model.residual("concentration", f, 5, ids))
    np.testing.assert_array_equal(whole[:2], model.residual("concentration", f[:2], 5, ids))
    np.testing.assert_array_equal(whole[:, 1:], model.residual("concentration", f[:, 1:], 5, ids[1:]))
    exact = population_model({k: v for k, v in DOCUMENT.items() if k != "residual"})
    np.testing.assert_array_equal(exact.residual("concentration", f, 5, ids), f)
    with pytest.raises(ModelError, match="no output"):
        model.residual("conc", f, 5, ids)


def test_the_example_of_the_guide_holds():
    text = (Path(__file__).parents[3] / "docs" / "models.md").read_text()
    example = population_model(read_yaml(re.search(r"```yaml\n(.*?)```", text, re.DOTALL)[1]))
    typical = example.individual(example.typical_covariates)
    assert float(typical["v1"]) == pytest.approx(49.0) and float(typical["cl"]) == pytest.approx(4.5, rel=1e-4)
    assert example.assumed() == ["lag"]
    assert example.regimen == {"route": "oral", "amount": 5.0, "per": "kg", "interval": 12.0, "count": 6}


def test_a_model_from_a_path(tmp_path, model):
    path = tmp_path / "mine.yaml"
    path.write_text("title: mine\nstructure: pk/one_compartment_iv\nparameters:\n  cl: {value: 3 L/h}\n")
    mine = population_model(path)
    assert mine.name == "mine" and population_model(str(path)) == mine
    assert set(mine.assumed()) == {"cl", "v", "rate", "duration"}  # the file names no source
    for wrong, words in (("theophyline", "theophylline"), (str(tmp_path / "x.yaml"), "no model file")):
        with pytest.raises(UsageError, match=words):
            population_model(wrong)
