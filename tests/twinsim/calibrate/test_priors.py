"""Priors of the model file: what they add, and where they draw a fit to."""

import math

import numpy as np
import pytest

import twinsim
from tests.twinsim.calibrate.test_bad_fits import PROPORTIONAL, read, table
from twinsim.errors import ModelError

PRIORS = {
    "cl": {"distribution": "lognormal", "typical": "6 L/h", "cv": "10 %"},
    "v": {"distribution": "normal", "sd": "2 L"},
}


def model(priors=None):
    document = {
        "title": "priors",
        "structure": "pk/one_compartment_iv",
        "parameters": {"cl": {"value": "4 L/h"}, "v": {"value": "19 L"}},
        "between_patients": [{"parameter": "cl", "variance": 0.1}],
        "residual": {"concentration": PROPORTIONAL},
    }
    return twinsim.population_model(document | ({"priors": priors} if priors else {}))


def test_what_a_prior_adds():
    """The centre is the typical value unless it is given; a cv is one of the logarithm."""
    cl, v = model(PRIORS).parts.priors
    assert float(cl.penalty(6.0)) == 0.0 and float(v.penalty(19.0)) == 0.0
    assert float(v.penalty(23.0)) == pytest.approx(4.0)
    assert float(cl.penalty(6.6)) == pytest.approx(math.log(1.1) ** 2 / math.log1p(0.01))


def test_the_minimum_is_that_of_both():
    """Along each number the objective and its prior together rise, in both directions from the estimate."""
    records = read(table())
    found, plain = twinsim.fit(model(PRIORS), records), twinsim.fit(model(), records)
    assert found.converged, found.reason
    assert plain.estimates["cl"] < found.estimates["cl"] < 6.0

    def total(**values):
        return twinsim.objective(found.model.with_thetas(values), records)

    assert found.objective == pytest.approx(total(), abs=1e-6)
    for name in ("cl", "v"):
        middle, step = found.estimates[name], 0.01 * found.estimates[name]
        low, high = total(**{name: middle - step}), total(**{name: middle + step})
        assert min(low, high) > found.objective
        # The vertex of the parabola through three points is where the fit ended.
        vertex = 0.5 * step * (low - high) / (low - 2.0 * found.objective + high)
        assert abs(vertex) < 0.02 * step


def test_the_objective_has_the_priors_of_all_numbers_and_shares_have_none():
    """Those of numbers that are not estimated too: it is the same function of a model, whatever was fitted."""
    records = read(table())
    added = math.log(4.0 / 6.0) ** 2 / math.log1p(0.01)
    assert twinsim.objective(model(PRIORS), records) == pytest.approx(twinsim.objective(model(), records) + added)
    for names in (["v"], ["cl", "v"]):
        found = twinsim.fit(model(PRIORS), records, fit=names)
        assert found.objective == pytest.approx(twinsim.objective(found.model, records), abs=1e-6)
        own = sum(float(p.penalty(found.model.numbers[p.name].value)) for p in found.model.parts.priors)
        assert own > 0.1 and found.objective == pytest.approx(found.shares.sum() + own, abs=1e-9)


def test_simulated_iterations_know_priors():
    records = read(table())
    exact = twinsim.fit(model(PRIORS), records, "agq", standard_errors=None)
    found = twinsim.fit(model(PRIORS), records, "saem", standard_errors=None)
    assert found.converged, found.reason
    assert found.objective <= exact.objective + 0.1
    assert list(found.estimates.values()) == pytest.approx(list(exact.estimates.values()), rel=0.02)
    assert np.diag(found.omega) == pytest.approx(np.diag(exact.omega), rel=0.05)


@pytest.mark.parametrize(
    ("prior", "match"),
    [
        ({"kl": {"distribution": "normal", "sd": 1}}, "priors.kl: the model has no number 'kl'"),
        ({"cl": {"distribution": "normal", "cv": 1}}, "a cv says nothing about a normal prior"),
        ({"cl": {"distribution": "lognormal"}}, "say which: sd, variance or cv"),
        ({"cl": {"distribution": "lognormal", "sd": 0}}, "are above zero"),
        ({"cl": {"distribution": "flat", "sd": 1}}, "'flat' is not known"),
        ({"cl": {"distribution": "normal", "sd": "1 kg"}}, "kg does not fit L/h"),
    ],
)
def test_faults_are_told(prior, match):
    with pytest.raises(ModelError) as told:
        model(prior)
    assert match in str(told.value)
