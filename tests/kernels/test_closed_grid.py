"""Tier closed on a uniform grid: exponentials by products, against matrix exponentials, and itself beside others."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kernels.closed import FRESH, ClosedTier
from kernels.star import Star
from tests.kernels.linear_systems import PATIENTS, doses, exact, march_of, marched, two_compartments


def tier_of(matrix, grid, dtype):
    """A tier, and parameters that are the matrices (to, from, patient) of a depot, a centre and a periphery."""

    def star_of(p):
        m = p["matrix"]
        return Star(-m[1][1], (m[2][1],), (m[1][2],), (-m[2][2],), -m[0][0], m[1][0])

    spacing = None if grid is None else jnp.full((1,), grid)
    parameters = {"matrix": [[jnp.asarray(v) for v in row] for row in matrix]}
    return ClosedTier((0, 1, 2), star_of, frozenset(), dtype, spacing), parameters


@pytest.mark.parametrize(("dtype", "allowed"), [(jnp.float32, 3e-6), (jnp.float64, 1e-12)])
def test_many_outputs_after_a_dose(dtype, allowed):
    """700 of them: the products begin anew, so their rounding does not add up. Largest error as a part of Cmax."""
    matrix = two_compartments(np.random.default_rng(1))
    times, when = 0.25 * np.arange(1, 701), np.array([[0.0], [3.1], [4.0]])
    tier, parameters = tier_of(matrix, 0.25, dtype)
    events = doses(np.repeat(when, PATIENTS, 1), np.full((3, PATIENTS), 100.0))
    seen = marched(tier, parameters, np.zeros(3), times, events)[0]
    states, at, expected = np.zeros((3, PATIENTS)), 0.0, []
    stops = sorted([*((t, 1) for t in times), *((t, 0) for t in when[:, 0])])
    for time, is_output in stops:
        states, at = exact(matrix, states, np.full(PATIENTS, time - at)), time
        if is_output:
            expected.append(states)
        else:
            states = states + np.array([100.0, 0.0, 0.0])[:, None]
    expected = np.stack(expected)
    assert len(times) > 10 * FRESH
    assert (np.abs(seen - expected).max(axis=0) / expected.max(axis=0)).max() < allowed


def test_neighbours_change_nothing():
    """Patient 3 to the bit, between patients like it, and between others that are dosed at other times."""
    rng = np.random.default_rng(5)
    matrix, times = two_compartments(rng), 0.5 * np.arange(1, 41)
    when, amount = np.repeat([[0.0], [7.3]], PATIENTS, 1), np.full((2, PATIENTS), 100.0)
    tier, parameters = tier_of(matrix, 0.5, jnp.float32)
    alone = marched(tier, parameters, np.zeros(3), times, doses(when, amount))[0][:, :, 3]
    when[:, np.arange(PATIENTS) != 3] = np.sort(rng.uniform(0, 20, (2, PATIENTS - 1)), 0)
    beside = marched(tier, parameters, np.zeros(3), times, doses(when, amount))[0][:, :, 3]
    np.testing.assert_array_equal(beside, alone)


def test_derivatives_are_those_without_a_grid():
    """By every rate and by the time of the second dose, which falls on an output."""
    matrix, times = two_compartments(np.random.default_rng(2)), 0.5 * np.arange(1, 21)
    ones = jnp.ones(PATIENTS)

    def curves(grid):
        tier, parameters = tier_of(matrix, grid, jnp.float64)

        def run(scale):
            rows = enumerate(parameters["matrix"])
            scaled = [[v * (1.0 + scale[0] * (1 + i + j)) for j, v in enumerate(row)] for i, row in rows]
            events = doses(np.zeros((2, PATIENTS)), np.full((2, PATIENTS), 100.0))
            events = events._replace(time=jnp.stack([0.0 * ones, ones * (3.0 + scale[1])]))
            return march_of(tier, {"matrix": scaled}, jnp.zeros(3), jnp.asarray(times), events)[0]

        return jax.jacfwd(run)(jnp.zeros(2))

    np.testing.assert_allclose(curves(0.5), curves(None), rtol=1e-9, atol=1e-9)
