"""Rosenbrock methods against their order conditions, stability, and the order they show."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from kernels.rosenbrock import RODAS3, RODAS4, RODAS5P
from kernels.stepping import Walk, Way
from kernels.stiff import StiffTier
from tests.kernels.trees import residuals

METHODS = [RODAS3, RODAS4, RODAS5P]
each_method = pytest.mark.parametrize("method", METHODS, ids=["rodas3", "rodas4", "rodas5p"])


def untransformed(method):
    """alpha, beta = alpha + gamma, weights and embedded weights of the usual form.

    Source: Hairer and Wanner 1996, (IV.7.24) and the equations below it.
    """
    size = len(method.c)
    a, coupling = (
        np.array([[*row, *[0.0] * (size - len(row))] for row in rows]) for rows in (method.a, method.coupling)
    )
    gamma = np.linalg.inv(np.eye(size) / method.gamma - coupling)
    alpha = a @ gamma
    last = np.eye(size)[-1]
    assert alpha.sum(axis=1) == pytest.approx(np.array(method.c), abs=1e-13)
    assert gamma.sum(axis=1) == pytest.approx(np.array(method.d), abs=1e-13)
    return alpha, alpha + gamma, (a[-1] + last) @ gamma, a[-1] @ gamma


@each_method
def test_both_solutions_have_their_order_and_no_more(method):
    alpha, beta, weights, embedded = untransformed(method)
    for b, order in ((weights, method.order), (embedded, method.order - 1)):
        assert max(residuals(alpha, b, range(1, order + 1), beta)) < 1e-13
        assert max(residuals(alpha, b, [order + 1], beta)) > 1e-3


@each_method
def test_both_solutions_forget_what_is_infinitely_fast_and_amplify_nothing(method):
    """R(z) = 1 + z b (1 - z beta)^-1 1; R(-infinity) = 0, and |R| <= 1 on the imaginary axis (A-stable)."""
    _, beta, *both = untransformed(method)
    one = np.ones(len(beta))
    for b in both:
        assert abs(1.0 - b @ np.linalg.solve(beta, one)) < 1e-12
    for y in np.geomspace(1e-2, 1e4, 200):
        assert abs(1.0 + 1j * y * both[0] @ np.linalg.solve(np.eye(len(beta)) - 1j * y * beta, one)) < 1.0 + 1e-12


def equal_steps(rates_of, start, end, count, method):
    """The states after `count` equal steps, by the tier's own stages, and the first step's error estimate."""
    size = len(start)
    tier = StiffTier(rates_of, frozenset(), size=size, rtol=1e-6, method=method)
    length, zero = jnp.full(1, end / count), jnp.zeros(1)
    way = Way((), (zero,) * size, (zero,) * size, zero, zero, zero, zero, 0.0)

    def one(i, x):
        return tier.stages(Walk(i * length, x, (), zero, zero, None), way, length)[0]

    first = tier.stages(Walk(zero, start, (), zero, zero, None), way, length)[2]
    return jax.lax.fori_loop(0, count, one, start), first


def observed(rates_of, start, exact, end, counts, method):
    ran = [jax.jit(equal_steps, static_argnums=(0, 2, 3, 4))(rates_of, start, end, n, method) for n in counts]
    errors = [max(float(abs(x[0] - y)) for x, y in zip(states, exact, strict=True)) for states, _ in ran]
    estimates = [max(float(abs(e[0])) for e in first) for _, first in ran]
    return [np.log2(np.array(values[:-1]) / np.array(values[1:])) for values in (errors, estimates)]


def clock_and_product(t, x, p):
    """x' = x cos t, y' = -2 x y + t: neither autonomous nor linear."""
    return x[0] * jnp.cos(t), -2.0 * x[0] * x[1] + t


@each_method
def test_the_observed_order(method):
    right = solve_ivp(
        lambda t, x: clock_and_product(t, x, ()), (0, 2), [1.0, 1.0], rtol=1e-12, atol=1e-14, method="DOP853"
    )
    counts = (64, 128, 256) if method.order == 4 else (16, 32, 64)
    start = (jnp.ones(1), jnp.ones(1))
    errors, estimates = observed(clock_and_product, start, right.y[:, -1], 2.0, counts, method)
    assert errors == pytest.approx(method.order, abs=0.35)
    assert estimates[-1] > method.order - 0.35


def followed(t, x, p):
    """x' = -1e6 (x - phi(t)) + phi'(t) with phi = sin(t + 1/2)."""
    phi = t + 0.5
    return (-1e6 * (x[0] - jnp.sin(phi)) + jnp.cos(phi),)


def test_rodas5p_loses_less_of_its_order_to_stiffness():
    """The problem of Prothero and Robinson 1974 (Mathematics of Computation 28:145): h^3 is left, of the others h^1."""
    start, exact = (jnp.sin(jnp.full(1, 0.5)),), (np.sin(2.5),)
    orders = {m.order: observed(followed, start, exact, 2.0, (32, 64, 128), m)[0] for m in METHODS}
    assert orders[5] == pytest.approx(3.0, abs=0.2)
    assert orders[3] == pytest.approx(1.0, abs=0.35) and orders[4] == pytest.approx(1.0, abs=0.35)


@each_method
def test_tangents_are_those_of_the_numbers_computed(method):
    """The length of a step, the Jacobian inside it and df/dt are all differentiated: against central differences."""

    @jax.jit
    def end(s):
        def rates_of(t, x, p):
            product = jnp.exp(s) * x[0] * x[1]
            return jnp.cos(t * s) - product, product - s * x[1] ** 3

        start = (jnp.full(1, 1.0) + s, jnp.full(1, 0.5))
        return jnp.stack(equal_steps(rates_of, start, 2.0 + s, 12, method)[0])[:, 0]

    difference = (end(1.0 + 1e-5) - end(1.0 - 1e-5)) / 2e-5
    assert np.array(jax.jvp(end, (1.0,), (1.0,))[1]) == pytest.approx(np.array(difference), rel=1e-7)
