"""SAEM against the marginal likelihood's own minimum, by quadrature."""

import numpy as np
import pytest

import twinsim
from tests.twinsim.calibrate import studies

pytestmark = pytest.mark.slow
START = (0.45, 0.99325, 3.45, (0.6, 0.3, 0.1), 0.7)


def without_an_effect_on(model, name):
    """The same model, one parameter of which is everyone's."""
    document = dict(model.document)
    document["between_patients"] = [e for e in document["between_patients"] if e["parameter"] != name]
    return twinsim.population_model(document)


def test_theophylline(reference_data):
    """The minimum is at 118.103 (adaptive Gauss-Hermite); SAEM may end 0.1 above it."""
    records, model = studies.theophylline(reference_data), studies.theophylline_model(*START)
    found = twinsim.fit(model, records, "saem", seed=1)
    assert found.converged, found.reason
    assert twinsim.objective(found.model, records, "agq", nodes=9) <= 118.103 + 0.1
    assert len(found.trace) == 800
    errors = [found.standard_errors[name] / found.estimates[name] for name in ("ka", "cl", "v")]
    assert errors == pytest.approx([0.1965, 0.0758, 0.0431], rel=0.05)  # nlmixr2qual by quadrature
    again = twinsim.fit(model, records, "saem", seed=1)
    assert again.estimates == found.estimates and np.array_equal(again.omega, found.omega)


def test_a_parameter_without_effect(reference_data):
    """Its typical value enters the likelihood of observations, and is found by scoring."""
    records = studies.theophylline(reference_data)
    model = without_an_effect_on(studies.theophylline_model(*START), "v")
    exact = twinsim.fit(model, records, "agq", nodes=9, standard_errors=None)
    found = twinsim.fit(model, records, "saem", standard_errors=None)
    assert exact.converged and found.converged
    assert found.objective <= exact.objective + 0.1
    assert found.estimates["v"] == pytest.approx(exact.estimates["v"], rel=0.01)
