"""Draws against quadrature, and predictions ahead against those of the records."""

import sys

import numpy as np
import pytest

import twinsim
from tests.twinsim.calibrate import people
from twinsim.errors import UsageError

DRAWS = 4000


@pytest.fixture(scope="module")
def records(reference_data):
    return people.theophylline(reference_data)


@pytest.fixture(scope="module")
def posterior(records):
    return twinsim.individualise(people.theophylline_model(), records)


@pytest.fixture(scope="module")
def draws(posterior):
    return {method: posterior.sample(DRAWS, method) for method in ("sir", "nuts", "laplace")}


@pytest.mark.parametrize("method", ["sir", "nuts"])
def test_draws_have_the_posteriors_moments(records, posterior, draws, method):
    found = draws[method]
    assert found.etas.shape == (DRAWS, 3, 15) and found.occasion_etas.shape == (DRAWS, 0, 0, 15)
    for patient in (0, 4, 8, people.FEWER):
        one, mode = people.person(records, patient), posterior.etas[:, patient]
        mean, covariance = people.exact_moments(one, mode, posterior.covariance[..., patient])
        sd, own = np.sqrt(np.diag(covariance)), found.etas[..., patient]
        count = min(found.effective[patient], DRAWS)
        assert count > 0.3 * DRAWS
        assert np.abs((own.mean(axis=0) - mean) / sd).max() < 4.5 / np.sqrt(count)
        # The variance of a normal variable's variance is 2 sd^4 / n; tails may be heavier.
        assert np.abs(own.var(axis=0) / sd**2 - 1.0).max() < 6.0 * np.sqrt(2.0 / count)
        # The mode and its curvature alone are not that close.
    assert found.divergent.max() == 0


def test_laplace_draws_are_normal_about_the_mode(posterior, draws):
    own = draws["laplace"].etas
    sd = np.sqrt(np.diagonal(posterior.covariance)).T
    good = ~np.isnan(posterior.objective)
    assert np.abs((own.mean(axis=0) - posterior.etas) / sd)[:, good].max() < 5.0 / np.sqrt(DRAWS)
    assert own.var(axis=0)[:, good] == pytest.approx((sd**2)[:, good], rel=0.15)
    correlation = np.corrcoef(own[..., 0].T)
    expected = posterior.covariance[..., 0] / np.outer(sd[:, 0], sd[:, 0])
    assert correlation == pytest.approx(expected, abs=0.06)


def test_the_prior_is_sampled_where_nothing_was_observed(draws):
    variances = np.asarray(list(people.OMEGAS.values()))
    for method, found in draws.items():
        own = found.etas[..., people.SILENT]
        assert own.var(axis=0) == pytest.approx(variances, rel=0.2), method


def test_who_cannot_be_computed_has_no_draws(draws):
    for found in draws.values():
        assert np.isnan(found.etas[..., people.IMPOSSIBLE]).all() and found.effective[people.IMPOSSIBLE] == 0.0


def test_draws_of_a_patient_are_its_own(records, draws):
    """The same alone and among others, and others with another seed."""
    alone = twinsim.individualise(people.theophylline_model(), people.only(records, [5]))
    for method, found in draws.items():
        own = alone.sample(DRAWS, method)
        assert (own.etas[..., 0] == found.etas[..., 5]).all(), method
        assert own.effective[0] == pytest.approx(found.effective[5], rel=1e-6)
    assert (alone.sample(DRAWS, seed=1).etas[..., 0] != draws["sir"].etas[..., 5]).any()


def test_predictions_at_the_records_times_are_the_individual_ones(records, posterior):
    few = people.only(records, [0, 1])
    mine = twinsim.individualise(people.theophylline_model(), few)
    expected = twinsim.predict(mine.model, few, etas=mine.etas)
    seen = few.evid == 0
    times = few.time[seen].reshape(2, 11).T
    found = mine.predict(times)
    assert found.T.ravel() == pytest.approx(expected["IPRED"][seen].to_numpy(), rel=1e-9)
    # In any order of times.
    assert mine.predict(times[::-1]) == pytest.approx(found[::-1], rel=1e-12)
    assert posterior.predict(times[:, 0])[:, :1] == pytest.approx(found[:, :1], rel=1e-9)


def test_predictions_of_draws(records, posterior, draws):
    times = [0.0, 2.0, 30.0]
    found = posterior.predict(times, draws=draws["laplace"])
    assert found.shape == (DRAWS, 3, 15) and np.isnan(found[..., people.IMPOSSIBLE]).all()
    one, etas = people.person(records, 3), draws["laplace"].etas[:5, :, 3].T
    cl, v, ka = (np.exp(people.LOGS[name] + eta) for name, eta in zip(people.LOGS, etas, strict=True))
    k = cl / v
    expected = one.dose * ka / (v * (ka - k)) * (np.exp(-k * 30.0) - np.exp(-ka * 30.0))
    assert found[:5, 2, 3] == pytest.approx(expected, rel=1e-9)


def test_bad_requests_are_refused(posterior, monkeypatch):
    with pytest.raises(UsageError, match="'sri' is no way to sample"):
        posterior.sample(10, "sri")
    with pytest.raises(UsageError, match="n=0"):
        posterior.sample(0)
    with pytest.raises(UsageError, match="times have shape"):
        posterior.predict([[1.0, 2.0]])
    with pytest.raises(UsageError, match="begin later than a time"):
        posterior.predict([-1.0])
    with pytest.raises(Exception, match="concentration"):
        posterior.predict([1.0], output="concentratoin")
    monkeypatch.setitem(sys.modules, "blackjax", None)
    with pytest.raises(UsageError, match="pip install"):
        posterior.sample(7, "nuts")
