"""Tier linear from one stop to the next: SciPy's matrix exponential, textbook solutions, sixty digits."""

from decimal import Context, Decimal, localcontext

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_systems import PATIENTS, compartments, error, exact, moved, tier_of, two_compartments
from scipy.stats import gamma

from kernels.propagator import closure


def test_the_pattern_of_a_chain_fills_below_the_diagonal():
    chain = {(i, i) for i in range(4)} | {(i + 1, i) for i in range(3)}
    assert closure(chain) == {(i, j) for i in range(4) for j in range(4) if i >= j}


@pytest.mark.parametrize(("dtype", "tolerance"), [(jnp.float64, 1e-12), (jnp.float32, 1e-6)])
def test_ten_random_compartments_with_infusions(dtype, tolerance):
    rng = np.random.default_rng(1)
    matrix, states, rates = compartments(rng, 10), rng.uniform(0, 100, (10, PATIENTS)), np.zeros((10, PATIENTS))
    elapsed, rates[[2, 5]] = 10.0 ** rng.uniform(-3, 2, PATIENTS), rng.uniform(0, 50, (2, PATIENTS))
    tier, parameters = tier_of(matrix, infused=(2, 5), dtype=dtype)
    got, status = moved(tier, parameters, states, elapsed, rates)
    assert not status.any() and error(got, exact(matrix, states, elapsed, rates)) < tolerance


def hard_cases():
    """Matrices that are hard for one method or another, the same for every patient."""
    chain = np.diag([-3.0] * 5) + np.diag([3.0] * 4, -1)
    loop = np.array([[-1.0, 0.0, -8.0], [2.0, -1.0, 0.0], [0.0, 2.0, -1.0]])
    stiff = np.diag([-1e4, -1.0, -1e-4]) + np.diag([1e4, 1.0], -1)
    exchange = np.array([[-1e4 - 1.0, 1e3], [1e4, -1e3]])
    almost = chain + np.diag(1e-9 * np.arange(5.0))
    return {
        "equal rates in a chain (defective)": chain,
        "nearly equal rates": almost,
        "a feedback loop (complex eigenvalues)": loop,
        "rates from 1e-4 to 1e4 in a chain": stiff,
        "fast exchange, slow loss": exchange,
        "growth": np.array([[0.05, 0.0], [1.0, -2.0]]),
        "nothing flows": np.array([[0.0, 0.0], [1e-300, 0.0]]),
    }


CASES = hard_cases()


def with_digits(matrix, states, elapsed, constant):
    """The same in 60 decimal digits: the definition of the exponential, halved and squared."""
    size, result = matrix.shape[0], []
    with localcontext(Context(prec=60)):
        for k in range(states.shape[1]):
            whole = np.zeros((size + 1, size + 1))
            whole[:size, :size], whole[:size, size] = matrix[:, :, k], constant[:, k]
            part = np.vectorize(Decimal, otypes=[object])(whole) * Decimal(elapsed[k]) / 2**24
            power = term = np.vectorize(Decimal, otypes=[object])(np.eye(size + 1))
            for n in range(1, 25):
                term = term.dot(part) / n
                power = power + term
            for _ in range(24):
                power = power.dot(power)
            result.append(power.dot(np.array([Decimal(float(x)) for x in (*states[:, k], 1.0)]))[:size])
    return np.stack(result, axis=1).astype(float)


@pytest.mark.parametrize("name", CASES)
def test_what_is_hard_for_other_methods(name):
    matrix = np.repeat(CASES[name][:, :, None], PATIENTS, axis=2)
    elapsed = np.array([0.0, 1e-6, 1e-3, 0.1, 1.0, 7.3, 24.0, 100.0])
    states, rates = np.random.default_rng(0).uniform(0.5, 2.0, (len(matrix), PATIENTS)), np.zeros((len(matrix), 8))
    rates[0] = 2.0
    for dtype, tolerance in ((jnp.float64, 1e-13), (jnp.float32, 1e-6)):
        tier, parameters = tier_of(matrix, infused=(0,), dtype=dtype)
        elapsed = np.asarray(elapsed, dtype).astype(float)
        states = np.asarray(states, dtype).astype(float)
        got, status = moved(tier, parameters, states, elapsed, rates)
        assert not status.any() and error(got, with_digits(matrix, states, elapsed, rates)) < tolerance


def test_a_transit_chain_is_a_gamma_density():
    """Five equal rates: what leaves the n-th compartment of a bolus is the Erlang density."""
    rate = 10.0 ** np.linspace(-2, 2, PATIENTS)
    matrix = np.zeros((5, 5, PATIENTS))
    for i in range(5):
        matrix[i, i] = -rate
        matrix[i, max(i - 1, 0)] = rate if i else -rate
    tier, parameters = tier_of(matrix)
    got, _ = moved(tier, parameters, np.eye(5)[:, :1].repeat(PATIENTS, 1), np.full(PATIENTS, 3.0))
    expected = [gamma.pdf(3.0, i + 1, scale=1.0 / rate) / rate for i in range(5)]
    assert np.abs(got - expected).max() < 1e-13


def test_a_metabolite_and_an_effect_compartment():
    """Bateman's function, for amounts and for a state that takes nothing from its source; ke0 = k on the way."""
    k, km = np.full(PATIENTS, 0.3), np.array([0.1, 0.3, 0.3 + 1e-9, 0.3 - 1e-5, 0.31, 1.0, 5.0, 1e3])
    matrix = np.array([[-k, 0 * k, 0 * k], [0.4 * k, -km, 0 * k], [km / 50.0, 0 * k, -km]])
    tier, parameters = tier_of(matrix)
    states, t = np.array([100.0, 0.0, 0.0])[:, None].repeat(PATIENTS, 1), 4.0
    got, _ = moved(tier, parameters, states, np.full(PATIENTS, t))
    z = (km - k) * t
    both = t * np.exp(-k * t) * np.where(z == 0.0, 1.0, -np.expm1(-z) / np.where(z == 0.0, 1.0, z))
    expected = 100.0 * np.array([np.exp(-k * t), 0.4 * k * both, km / 50.0 * both])
    assert np.allclose(got, expected, rtol=1e-13, atol=0.0)


@pytest.mark.parametrize("grid", [None, 0.7])
def test_the_derivative_by_time_is_the_slope(grid):
    """Also where the elapsed time is a whole number of steps and nothing is left for the series."""
    matrix = two_compartments(np.random.default_rng(2))
    tier, parameters = tier_of(matrix, grid=grid)
    states = tuple(jnp.full((PATIENTS,), x) for x in (90.0, 40.0, 20.0))

    def later(elapsed):
        prepared = tier.prepare(parameters)
        memory = tier.begin(prepared, states, states, jnp.zeros((1,)))
        return tier.advance(prepared, states, states, memory, jnp.zeros((1,)), elapsed)[0]

    run = jax.jit(lambda time: jax.jvp(later, (time,), (jnp.ones_like(time),)))
    for elapsed in (0.0, 0.7, 24.0, 24.1):
        x, slope = run(jnp.full((PATIENTS,), elapsed))
        assert np.allclose(slope, np.einsum("ijp,jp->ip", matrix, np.stack(x)), rtol=1e-12, atol=1e-13)
