"""Equilibria against closed forms, roots of polynomials, and the long run as SciPy's BDF integrates it."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from kernels import status as codes
from kernels.batch import all_devices, on_devices, spread
from kernels.equilibrium import Laws, equilibrium


def full(size):
    return frozenset((i, j) for i in range(size) for j in range(size))


def saturable(x, p):
    """Made at a constant rate, removed by an enzyme: x = kin km / (vmax - kin)."""
    kin, vmax, km = p
    return (kin - vmax * x[0] / (km + x[0]),)


def switch(x, p):
    """A gene that makes what turns it on: three equilibria, of which the middle one is not stable."""
    return (0.05 + x[0] ** 2 / (1.0 + x[0] ** 2) - 0.45 * x[0],)


def exchange(x, p):
    """Robertson's reactions with a way back, so that all three species last; their sum never changes."""
    a, b, c = p * x[0], 1e4 * x[1] * x[2], 3e7 * x[1] ** 2 - 1e-3 * x[2]
    return -a + b, a - b - c, c


def loop(x, p):
    """Fast and slow states that hold each other: rates from 1e3 to 1e-5, and an integrator without decay of its own."""
    set_point, gain = p
    pressure, hormone, volume = x
    return (
        1e3 * (volume / 5.0 - pressure),
        1.0 * (1.0 / (1.0 + (pressure / set_point) ** 4) - hormone),
        1e-5 * gain * (hormone - 0.5),
    )


@partial(jax.jit, static_argnames=("rates", "options"))
def found(rates, start, parameters, options=()):
    how = {"pattern": full(len(start)), **dict(options)}
    return equilibrium(rates, start, parameters, **how)


ONE = (("positive", frozenset({0})),)


def test_a_saturable_enzyme_and_one_that_is_too_slow():
    kin = jnp.array([0.0, 1.0, 5.0, 9.99, 10.0, 12.0])
    states, status = found(saturable, (jnp.zeros(6),), (kin, jnp.full(6, 10.0), jnp.full(6, 2.0)), ONE)
    assert status.tolist() == [0, 0, 0, 0, codes.NO_EQUILIBRIUM, codes.NO_EQUILIBRIUM]
    assert states[0][:4] == pytest.approx(np.asarray(2.0 * kin / (10.0 - kin))[:4], rel=1e-12)
    assert states[0][4:].tolist() == [0.0, 0.0]


def test_of_several_equilibria_the_one_the_system_goes_to():
    low, middle, high = np.sort(np.roots([-0.45, 1.05, -0.45, 0.05]))
    start = np.array([0.0, 0.1, 0.3, middle - 1e-3, middle + 1e-3, 0.6, 1.0, 2.0, 50.0])
    states, status = found(switch, (jnp.asarray(start),), (), ONE)
    assert not status.any()
    assert states[0] == pytest.approx(np.where(start < middle, low, high), rel=1e-12)


def test_a_closed_chain_keeps_its_sum():
    p = jnp.array([0.04, 0.4, 1e-5, 40.0])
    start = (jnp.array([1.0, 0.5, 2.0, 0.0]), jnp.zeros(4), jnp.array([0.0, 0.5, 1.0, 7.0]))
    laws = Laws((0,), (1, 2), (1.0, 1.0, 1.0))
    states, status = found(exchange, start, p, (("laws", laws), ("positive", frozenset({0, 1, 2}))))
    assert not status.any()
    assert sum(states) == pytest.approx(np.asarray(sum(start)), rel=1e-14)
    for i in range(4):
        slope = lambda t, y, i=i: exchange(y, float(p[i]))  # noqa: E731
        path = solve_ivp(slope, (0, 1e9), [float(x[i]) for x in start], "BDF", rtol=1e-9, atol=1e-14)
        assert [float(x[i]) for x in states] == pytest.approx(path.y[:, -1], rel=1e-6)


def test_weights_of_a_sum_may_be_parameters():
    """Concentrations of two volumes: v1 x1 + v2 x2 stays."""
    v1, v2 = jnp.array([1.0, 3.0]), jnp.array([2.0, 0.5])

    def mixing(x, p):
        flow = 2.0 * (x[0] - x[1] ** 2)
        return -flow / p[0], flow / p[1]

    def total(v1):
        states, status = equilibrium(
            mixing, (jnp.ones(2), jnp.zeros(2)), (v1, v2), pattern=full(2), laws=Laws((1,), (0,), (0.7, 0.4))
        )
        return states, status

    (a, b), status = total(v1)
    assert not status.any() and a == pytest.approx(np.asarray(b) ** 2)
    assert np.asarray(v1 * a + v2 * b) == pytest.approx(np.asarray(v1), rel=1e-14)
    slope = jax.jvp(lambda v: total(v)[0][1], (v1,), (jnp.ones(2),))[1]
    assert slope == pytest.approx(np.asarray((total(v1 + 1e-6)[0][1] - total(v1 - 1e-6)[0][1]) / 2e-6), rel=1e-7)


def test_stiff_states_and_an_integrator():
    set_point, gain = jnp.array([1.0, 1.3, 0.7]), jnp.array([1.0, 10.0, 0.1])
    states, status = found(loop, (jnp.full(3, 3.0), jnp.zeros(3), jnp.full(3, 9.0)), (set_point, gain))
    assert not status.any()
    for state, expected in zip(states, (set_point, 0.5 * jnp.ones(3), 5.0 * set_point), strict=True):
        assert state == pytest.approx(np.asarray(expected), rel=1e-12)


def test_linear_equations_take_one_step():
    def chain(x, p):
        return p - 0.3 * x[0], 0.3 * x[0] - 0.1 * x[1]

    states, status = found(chain, (jnp.zeros(2), jnp.zeros(2)), jnp.array([1.0, 6.0]), (("linear", True),))
    assert states[1].tolist() == pytest.approx([10.0, 60.0]) and not status.any()
    growing = found(lambda x, p: (p + 0.1 * x[0],), (jnp.zeros(2),), jnp.ones(2), (("linear", True),))
    assert growing[1].tolist() == [codes.NO_EQUILIBRIUM] * 2


def test_derivatives_are_those_of_the_implicit_function_theorem():
    """x = kin km / (vmax - kin), forward and backward; and of a sum's start."""
    p = (jnp.array([5.0, 2.0]), jnp.array([10.0, 8.0]), jnp.array([2.0, 1.0]))

    def state(p):
        return found(saturable, (jnp.zeros(2),), p, ONE)[0][0]

    backward = jax.grad(lambda p: state(p).sum())(p)
    kin, vmax, km = (np.asarray(x) for x in p)
    exact = (vmax * km / (vmax - kin) ** 2, -kin * km / (vmax - kin) ** 2, kin / (vmax - kin))
    for i, expected in enumerate(exact):
        along = tuple(jnp.ones(2) if i == j else jnp.zeros(2) for j in range(3))
        assert jax.jvp(state, (p,), (along,))[1] == pytest.approx(expected, rel=1e-12)
        assert backward[i] == pytest.approx(expected, rel=1e-12)
    laws = (("laws", Laws((0,), (1, 2), (1.0, 1.0, 1.0))), ("positive", frozenset({0, 1, 2})))

    def third(first):
        return found(exchange, (first, jnp.zeros(1), jnp.zeros(1)), jnp.array([0.04]), laws)[0][2][0]

    slope = jax.grad(third)(jnp.ones(1))
    step = (third(jnp.array([1.0 + 1e-5])) - third(jnp.array([1.0 - 1e-5]))) / 2e-5
    assert float(slope[0]) == pytest.approx(float(step), rel=1e-8)


def test_a_patient_does_not_see_its_neighbours():
    kin = jnp.linspace(0.1, 11.0, 64)
    p = (kin, jnp.full(64, 10.0), jnp.full(64, 2.0))
    together = found(saturable, (jnp.zeros(64),), p, ONE)
    alone = found(saturable, (jnp.zeros(64),), tuple(jnp.full(64, x[5]) for x in p), ONE)
    assert together[0][0][5].tobytes() == alone[0][0][5].tobytes() and together[1][5] == alone[1][5]


def test_every_device_has_a_stack_of_large_matrices():
    """A chain of 24 states, x_i' = x_(i-1) - k_i x_i; with all threads busy, LAPACK by stacks waited for ever."""
    size, mesh = 24, all_devices()
    pattern = frozenset((i, j) for i in range(size) for j in (i - 1, i) if j >= 0)

    def solved(own, shared):
        before = lambda x, i: 1.0 if i == 0 else x[i - 1]  # noqa: E731
        rates = lambda x, k: tuple(before(x, i) - k[i] * x[i] for i in range(size))  # noqa: E731
        start = tuple(jnp.ones_like(own["k"][0]) for _ in range(size))
        states, status = equilibrium(rates, start, tuple(own["k"]), pattern=pattern, linear=True)
        return {"states": jnp.stack(states), "status": status}

    k = np.random.default_rng(0).uniform(0.5, 2.0, (size, 256 * mesh.size))
    found = jax.jit(on_devices(solved, {"states": 2, "status": 1}, mesh))({"k": spread(k, mesh)}, {})
    assert not np.asarray(found["status"]).any()
    np.testing.assert_allclose(found["states"], np.cumprod(1.0 / k, axis=0), rtol=1e-11)
