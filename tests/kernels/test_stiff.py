"""Tier stiff: published end points, scipy, derivatives, and what it says where it cannot go on."""

from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from kernels import status as codes
from kernels.rosenbrock import RODAS3, RODAS4, RODAS5P
from kernels.stiff import StiffTier, column_groups
from tests.kernels.stiff_problems import (
    HIRES,
    POLLU,
    ROBERTSON,
    VAN_DER_POL,
    Stiff,
    dense,
    largest_error,
    robertson_rates,
)

PATIENTS = 8
CONSTANTS = (0.04, 1e4, 3e7)


def solve(problem, parameters, stops, *, dtype=jnp.float64, **options):
    """States (stop, state, patient), steps tried, status."""
    tier = StiffTier(
        problem.rates_of, frozenset(), size=len(problem.start), pattern=problem.pattern, dtype=dtype, **options
    )
    patients = parameters[0].shape if parameters else (PATIENTS,)
    states = tuple(jnp.full(patients, value, dtype) for value in problem.start)
    zero = jnp.zeros(patients, dtype)
    memory = tier.begin(parameters, states, (zero,) * len(states), zero)
    seen, time = [], zero
    for stop in stops:
        states, memory = tier.advance(parameters, states, (zero,) * len(states), memory, time, stop - time)
        time = jnp.full(patients, stop, dtype)
        seen.append(states)
    return seen, memory.steps, tier.status(memory)


@partial(jax.jit, static_argnames=("problem", "stops", "dtype", "rtol", "method", "max_steps"))
def solved(problem, parameters=(), *, stops, **options):
    return solve(problem, parameters, stops, **options)


CASES = [
    (ROBERTSON, RODAS5P, 1e-7, 1e-6, 500),
    (ROBERTSON, RODAS4, 1e-6, 1e-5, 600),
    (ROBERTSON, RODAS3, 1e-4, 1e-5, 300),
    (HIRES, RODAS5P, 1e-7, 1e-7, 600),
    (HIRES, RODAS3, 1e-4, 1e-3, 400),
    (POLLU, RODAS5P, 1e-6, 1e-6, 200),
    (VAN_DER_POL, RODAS5P, 1e-7, 1e-6, 1200),
]


@pytest.mark.parametrize(("problem", "method", "rtol", "error", "most"), CASES)
def test_published_end_points(problem, method, rtol, error, most):
    seen, steps, status = solved(problem, stops=(problem.time,), rtol=rtol, method=method)
    assert (status == codes.OK).all()
    assert largest_error(problem, seen[-1]) < error
    assert int(steps.max()) < most


def test_float32_has_the_accuracy_it_is_asked_for():
    """Robertson's only while rates and time are less than the precision apart: 0.04 t < 1 / eps."""
    short = ROBERTSON._replace(time=4e4)
    exact = solved(short, stops=(4e4,), rtol=1e-9)[0][-1]
    short = short._replace(end=tuple(float(x[0]) for x in exact))
    for problem, error in ((short, 1e-3), (HIRES, 2e-4)):
        seen, _, status = solved(problem, stops=(problem.time,), rtol=1e-4, dtype=jnp.float32)
        assert seen[-1][0].dtype == jnp.float32 and (status == codes.OK).all()
        assert largest_error(problem, seen[-1]) < error


def individual():
    """Eight patients whose rate constants differ by factors of ten."""
    factors = 10.0 ** np.random.default_rng(4).uniform(-0.5, 0.5, (3, PATIENTS))
    return tuple(jnp.asarray(f * c) for f, c in zip(factors, CONSTANTS, strict=True))


STOPS = (0.4, 4.0, 40.0, 400.0, 4e3, 4e4)


def test_patients_agree_with_radau():
    parameters = individual()
    seen, _, _ = solved(ROBERTSON, parameters, stops=STOPS, rtol=1e-8)
    found = np.array(seen)
    for patient in range(0, PATIENTS, 2):
        own = tuple(float(p[patient]) for p in parameters)
        expected = solve_ivp(
            lambda t, x, own=own: robertson_rates(t, x, own), (0, STOPS[-1]), ROBERTSON.start,
            method="Radau", t_eval=STOPS, rtol=1e-10, atol=1e-16,
        )  # fmt: skip
        assert found[:, :, patient] == pytest.approx(expected.y.T, rel=1e-6)


@lru_cache
def alone():
    return solved(ROBERTSON, individual(), stops=STOPS, rtol=1e-6)


def test_neighbours_do_not_matter_and_a_bad_patient_stays_alone():
    for bad, code in ((np.nan, codes.NON_FINITE), (np.inf, codes.NON_FINITE)):
        parameters = tuple(p.at[3].set(bad) if i == 1 else p for i, p in enumerate(individual()))
        seen, _, status = solved(ROBERTSON, parameters, stops=STOPS, rtol=1e-6)
        assert status.tolist() == [code if i == 3 else codes.OK for i in range(PATIENTS)]
        others = np.arange(PATIENTS) != 3
        assert np.array_equal(np.array(seen)[:, :, others], np.array(alone()[0])[:, :, others])
    order = np.array([7, 2, 5, 0, 1, 6, 3, 4])
    turned = tuple(p[order] for p in individual())
    seen, steps, _ = solved(ROBERTSON, turned, stops=STOPS, rtol=1e-6)
    assert np.array_equal(np.array(seen), np.array(alone()[0])[:, :, order])
    assert np.array_equal(steps, alone()[1][order])


def test_steps_that_are_used_up_and_tolerances_below_the_precision_are_a_status():
    _, steps, status = solved(ROBERTSON, stops=(1e11,), rtol=1e-7, max_steps=50)
    assert (status == codes.MAX_STEPS).all() and (steps == 50).all()
    _, steps, status = solved(ROBERTSON, stops=(40.0,), rtol=1e-14, dtype=jnp.float32, max_steps=2000)
    assert (status != codes.OK).all() and (steps <= 2000).all()


def test_a_solution_that_ends_before_the_stop_is_a_status():
    """x' = x^2 from 1 is infinite at t = 1."""
    explosion = Stiff(lambda t, x, p: (x[0] * x[0],), (1.0,), 2.0, (), dense(1))
    seen, _, status = solved(explosion, stops=(2.0,), rtol=1e-6)
    assert set(status.tolist()) <= {codes.STEP_TOO_SMALL, codes.NON_FINITE}


def test_a_pivot_of_zero_shortens_the_step():
    """x' = a x + y, y' = -100 x with h gamma a = 1 to the bit in the first step tried: no compartments, no M-matrix."""
    a = 0.5
    growth = Stiff(
        lambda t, x, p: (a * x[0] + x[1], -100.0 * x[0]), (1.0, 1.0), 0.0, (), frozenset({(0, 0), (0, 1), (1, 0)})
    )
    stop = 1.0 / (RODAS3.gamma * a)
    seen, _, status = solved(growth, stops=(stop,), rtol=1e-8, method=RODAS3)
    expected = expm(np.array([[a, 1.0], [-100.0, 0.0]]) * stop) @ np.ones(2)
    assert (status == codes.OK).all()
    assert np.array(seen[-1])[:, 0] == pytest.approx(expected, rel=1e-4)


def test_columns_that_share_no_row_are_found_together():
    groups = column_groups(HIRES.pattern, 8)
    assert sorted(j for group in groups for j in group) == list(range(8)) and len(groups) < 8
    for group in groups:
        rows = [i for i, j in HIRES.pattern if j in group]
        assert len(rows) == len(set(rows))


def test_tangents_are_those_of_the_solution():
    """Against central differences of runs a thousand times as exact."""
    parameters, stop = individual(), (40.0,)

    @jax.jit
    def tangent(parameters, direction):
        def end(*parameters):
            return jnp.stack(solve(ROBERTSON, parameters, stop, rtol=1e-7)[0][-1])

        return jax.jvp(end, parameters, direction)[1]

    exact = partial(solved, ROBERTSON, stops=stop, rtol=1e-11)
    for k in range(3):
        direction = tuple(p if i == k else jnp.zeros_like(p) for i, p in enumerate(parameters))
        up, down = (
            np.array(exact(tuple(p + s * d for p, d in zip(parameters, direction, strict=True)))[0][-1])
            for s in (1e-4, -1e-4)
        )
        assert np.array(tangent(parameters, direction)) == pytest.approx((up - down) / 2e-4, rel=1e-4)
