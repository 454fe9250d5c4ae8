"""Cardiac output: how it spreads between people, and that its draw is its own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kernels import random
from twinsim.population import sample_cohort
from twinsim.population.anatomy import body, flows
from twinsim.population.anatomy.catalogue import ARTERIAL_FLOWS, PORTAL_FLOWS

COUNT = 50_000


@pytest.fixture(scope="module")
def alike():
    """Men of one size who differ by chance alone."""
    columns = {"sex": 0.0, "age": 45.0, "height": 176.0, "weight": 80.0}
    given = {name: np.full(COUNT, value) for name, value in columns.items()}
    out = jax.jit(body.anatomy)(np.uint64(5), np.arange(COUNT, dtype=np.int64), given)
    return {name: np.asarray(values) for name, values in out.items()}


def test_cardiac_output_spreads_as_measured(alike):
    """Carlsson et al. 2012, abstract: SD over mean of the cardiac index 0.12 to 0.16 by decades of age."""
    output = alike["cardiac_output"]
    assert output.std() / output.mean() == pytest.approx(0.14, rel=0.02)
    for mean, sd in ((3.3, 0.4), (3.3, 0.5), (3.1, 0.5), (3.0, 0.4), (3.0, 0.4)):
        assert output.std() / output.mean() == pytest.approx(sd / mean, abs=0.022)
    # ICRP's 6.5 L/min at 1.89 m2 and 35 years, less 0.5 % a year of the value at 25
    expected = 390.0 * np.sqrt(176 * 80 / 3600) / np.sqrt(176 * 73 / 3600) * 0.90 / 0.95
    assert np.median(output) == pytest.approx(expected, rel=0.005)


def test_flows_follow_it(alike):
    """Brain and kidney keep theirs, the liver's follows; the sum is the output."""
    total = sum(alike[name] for name in ARTERIAL_FLOWS)
    np.testing.assert_allclose(total, alike["cardiac_output"], rtol=0, atol=1e-9)
    logs = {name: np.log(alike[name]) for name in ("cardiac_output", "brain_flow", "kidney_flow", "muscle_flow")}
    output = logs["cardiac_output"]
    assert abs(np.corrcoef(output, logs["brain_flow"])[0, 1]) < 0.02
    assert abs(np.corrcoef(output, logs["kidney_flow"])[0, 1]) < 0.02
    assert np.corrcoef(output, logs["muscle_flow"])[0, 1] > 0.4
    portal = sum(alike[name] for name in PORTAL_FLOWS)
    np.testing.assert_allclose(portal, alike["liver_portal_flow"], rtol=1e-12)


def test_a_draw_of_its_own(alike):
    """The spread of cardiac output uses a stream of its own."""
    ids = jnp.arange(COUNT)
    z = np.asarray(random.normal(random.key(5, "population.anatomy.cardiac_output"), ids))
    spread = np.sqrt(np.log1p(flows.OUTPUT_CV**2))
    output = np.log(alike["cardiac_output"])
    np.testing.assert_allclose(output - spread * z, output[0] - spread * z[0], rtol=0, atol=1e-12)


def test_children_spread_too():
    found = sample_cohort(20_000, "children_anatomy", seed=3).covariates
    total = sum(found[name] for name in ARTERIAL_FLOWS)
    np.testing.assert_allclose(total, found["cardiac_output"], rtol=0, atol=1e-9)
    assert all(np.asarray(found[name]).min() > 0.0 for name in ARTERIAL_FLOWS)
