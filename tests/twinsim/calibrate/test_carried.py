"""What one fit hands on to the next."""

import numpy as np
import pytest

import twinsim
from twinsim.calibrate.carried import carried, with_variance

BLOCK = [
    {
        "parameters": ["cl", "v", "ka"],
        "variances": [0.1, 0.2, 0.3],
        "covariances": {"cl": {"v": 0.02, "ka": 0.01}, "v": {"ka": 0.03}},
    }
]


def model(between, error="additive", cl="2 L/h", **more):
    residual = {"model": error, **{part: {"sd": sd} for part, sd in more.pop("residual", {}).items()}}
    parameters = {"cl": {"value": cl}, "v": {"value": "10 L"}, "ka": {"value": "1 1/h"}, **more}
    return twinsim.population_model(
        {
            "title": "a model",
            "structure": "pk/one_compartment_oral",
            "parameters": parameters,
            "between_patients": between,
            "residual": {"concentration": residual},
        }
    )


def test_numbers_go_by_name_with_their_units():
    found = model([{"parameter": "cl", "variance": 0.1}], cl="0.05 L/min", residual={"additive": "0.5 mg/L"})
    own = model([], v={"value": "20 L", "fixed": True}, lag={"value": "1 h"}, residual={"additive": "2 mg/L"})
    begun = carried(own, found)
    assert begun.thetas["cl"] == pytest.approx(3.0) and begun.thetas["concentration.additive"] == 0.5
    assert begun.numbers["v"].value == 20.0 and begun.thetas["lag"] == 1.0
    other = model([], "proportional", residual={"proportional": 0.3})
    assert carried(other, found).thetas["concentration.proportional"] == 0.3


def test_an_error_of_another_kind_stays():
    found = model([], "combined1", residual={"additive": "0.5 mg/L", "proportional": 0.1})
    own = model([], "combined2", residual={"additive": "2 mg/L", "proportional": 0.4})
    begun = carried(own, found)
    assert (begun.thetas["concentration.additive"], begun.thetas["concentration.proportional"]) == (2.0, 0.4)


def test_covariances_go_where_the_model_has_them():
    error = {"residual": {"additive": "1 mg/L"}}
    found, own = model(BLOCK, **error), model([{"parameter": n, "variance": 1.0} for n in ("ka", "cl")], **error)
    np.testing.assert_allclose(carried(own, found).omega, np.diag([0.3, 0.1]))
    np.testing.assert_allclose(carried(model(BLOCK, **error).with_omega(np.eye(3) + 0.1), found).omega, found.omega)
    # Of an effect that the other model lacks the correlations stay.
    half = carried(found, model([{"parameter": "cl", "variance": 0.4}], **error)).omega
    np.testing.assert_allclose(half, found.omega * np.outer([2, 1, 1], [2, 1, 1]))


def test_effects_of_another_distribution_and_fixed_ones_stay():
    error = {"residual": {"additive": "1 mg/L"}}
    found = model([{"parameter": "cl", "variance": 0.1}], **error)
    normal = model([{"parameter": "cl", "variance": "0.4 L2/h2", "distribution": "normal"}], **error)
    fixed = model([{"parameter": "cl", "variance": 0.4, "fixed": True}], **error)
    assert carried(normal, found).omega[0, 0] == carried(fixed, found).omega[0, 0] == 0.4
    assert with_variance(fixed, 0.2).omega[0, 0] == 0.4


def test_one_variance_for_all():
    begun = with_variance(model(BLOCK, residual={"additive": "1 mg/L"}), 0.5).omega
    np.testing.assert_allclose(np.diag(begun), 0.5)
    np.testing.assert_allclose(begun[0, 1] / 0.5, 0.02 / np.sqrt(0.1 * 0.2))
