"""Tier linear over doses and outputs: against tier closed, SciPy, differences, and itself beside other patients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_systems import PATIENTS, doses, error, exact, marched, moved, tier_of, two_compartments
from scipy.linalg import expm

from kernels import status as codes
from kernels.closed import ClosedTier
from kernels.linear import LinearTier
from kernels.march import Start, march
from kernels.star import Star
from kernels.steady import Periodic, steady_state


@pytest.mark.parametrize("grid", [None, 1.0])
def test_turnover_stays_at_its_steady_state(grid):
    """kin - kout R at R = kin / kout, in float32, for 2000 h: no drift beyond the rounding of one step."""
    kin, kout = np.linspace(1, 9, PATIENTS), 10.0 ** np.linspace(-3, 3, PATIENTS)
    tier, parameters = tier_of(-kout[None, None], constant=kin[None], grid=grid, dtype=jnp.float32)
    seen, *_ = marched(tier, parameters, (kin / kout)[None], np.arange(2001.0))
    assert np.abs(seen[:, 0] * kout / kin - 1.0).max() < 3e-7


def test_a_uniform_grid_and_tier_closed_agree():
    """Each patient's own dose times, off and on the grid, float32 and float64."""
    rng = np.random.default_rng(3)
    matrix, times = two_compartments(rng), 0.72 * np.arange(1, 101)
    when = np.sort(np.r_[np.zeros((1, PATIENTS)), rng.uniform(0, 70, (3, PATIENTS)), np.full((1, PATIENTS), 36.0)], 0)
    events = doses(when, rng.uniform(50, 150, when.shape))
    (ka, k10, k12, k21) = map(jnp.asarray, (matrix[1, 0], -matrix[1, 1] - matrix[2, 1], matrix[2, 1], matrix[1, 2]))
    star = Star(k10 + k12, (k12,), (k21,), (k21,), ka, ka)
    closed = ClosedTier((0, 1, 2), lambda p: star, frozenset(), jnp.float64)
    expected, final, _ = marched(closed, {}, np.zeros(3), times, events)
    double, single = (jnp.float64, 1e-13), (jnp.float32, 5e-7)
    for grid, compact, (dtype, tolerance) in (
        (0.72, False, single),
        (0.72, True, double),
        (None, False, single),
        (None, True, double),
    ):
        tier, parameters = tier_of(matrix, grid=grid, compact=compact, dtype=dtype)
        got, end, status = marched(tier, parameters, np.zeros(3), times, events)
        peak = expected.max(axis=0)
        assert not status.any() and (np.abs(got - expected) / peak).max() < tolerance
        assert (np.abs(end - final) / peak).max() < tolerance


def test_rounding_does_not_add_up_over_ten_thousand_outputs():
    """float32, exchange without loss and with hardly any, a step of 1e-3 h: as good as one step of 10 h."""
    loss = np.where(np.arange(PATIENTS) % 2 == 0, 0.0, 1e-3)
    there, back = np.linspace(0.1, 3.0, PATIENTS), np.linspace(2.0, 0.2, PATIENTS)
    matrix = np.array([[-there - loss, back], [there, -back]])
    tier, parameters = tier_of(matrix, grid=1e-3, dtype=jnp.float32)
    times = 1e-3 * np.arange(1, 10001)
    seen, _, status = marched(tier, parameters, np.array([100.0, 0.0]), times)
    states = np.array([100.0, 0.0])[:, None].repeat(PATIENTS, 1)
    for row in (99, 999, 9999):
        expected = exact(matrix, states, np.full(PATIENTS, times[row]))
        assert error(seen[row], expected) < 5e-7
    assert not status.any() and np.abs(seen[:, :, loss == 0.0].sum(axis=1) - 100.0).max() < 5e-5


@pytest.mark.parametrize("grid", [None, 0.5, 0.0])
def test_neighbours_change_nothing(grid):
    """Patient 3 to the bit, between patients like it, stiff ones, ones dosed off the grid, and one of NaN."""
    rng = np.random.default_rng(5)
    matrix, times = two_compartments(rng), 0.5 * np.arange(1, 41)
    when, amount = np.repeat([[0.0], [7.3]], PATIENTS, 1), np.full((2, PATIENTS), 100.0)
    tier, parameters = tier_of(matrix, grid=grid, dtype=jnp.float32)
    alone = marched(tier, parameters, np.zeros(3), times, doses(when, amount))[0][:, :, 3]
    other, rest = matrix.copy(), np.arange(PATIENTS) != 3
    other[:, :, rest] *= 10.0 ** rng.uniform(-3, 4, PATIENTS - 1)
    other[:, :, 6], when[:, rest] = np.nan, np.sort(rng.uniform(0, 20, (2, PATIENTS - 1)), 0)
    parameters = {"matrix": [[jnp.asarray(v) for v in row] for row in other]}
    got, _, status = marched(tier, parameters, np.zeros(3), times, doses(when, amount))
    assert np.array_equal(got[:, :, 3], alone)
    assert status.tolist() == [codes.NON_FINITE if i == 6 else codes.OK for i in range(PATIENTS)]


@pytest.mark.parametrize(("grid", "dose"), [(None, 0.1), (0.3, 0.1), (0.3, 0.35)])
def test_derivatives_at_coincident_rates(grid, dose):
    """With respect to rates that are equal, an input, and the time of a dose, also one step before an output."""
    times = 0.3 * np.arange(1, 11) + (0.35 if dose == 0.35 else 0.0) if grid else np.array([0.2, 2.9])

    def curve(scale):
        k = jnp.full((PATIENTS,), 1.2)
        ka, kb, kin = k * scale[0], k * scale[1], k * scale[2]
        rates = lambda t, x, p: (-p[0] * x[0], p[0] * x[0] - p[1] * x[1] + p[2])  # noqa: E731
        pattern = frozenset({(0, 0), (1, 0), (1, 1)})
        spacing = None if grid is None else jnp.full((1,), grid)
        tier = LinearTier(
            rates, pattern, frozenset({1}), frozenset(), size=2, grid=spacing, compact=True, dtype=jnp.float64
        )
        events = doses(np.zeros((1, 1)), np.ones((1, 1)))
        events = events._replace(time=jnp.full((1, PATIENTS), dose) * scale[3], add=100.0 * jnp.ones((1, PATIENTS)))
        start = Start(jnp.zeros((1,)), (0.0 * k, 0.0 * k), (0.0 * k, 0.0 * k), jnp.zeros((1,), jnp.int32))
        before = jnp.asarray(times > dose + 1e-3, jnp.int32)[:, None]
        when = jnp.asarray(times)[:, None]
        loads, observe = jnp.zeros((0, 2, 1)), lambda time, x, p: x
        way = march(
            tier, lambda _: (ka, kb, kin), observe, events, loads, when, before, start, segmented=False, dtype=k.dtype
        )
        return jnp.stack(way[0])[:, :, 0]

    ones = jnp.ones(4)
    got = jax.jit(jax.jacfwd(curve))(ones)
    run = jax.jit(curve)
    for i in range(4):
        step = 1e-5 * jnp.eye(4)[i]
        difference = (run(ones + step) - run(ones - step)) / 2e-5
        assert np.allclose(got[..., i], difference, rtol=1e-7, atol=1e-6), i


def test_what_cannot_be_trusted_has_a_status():
    """Rates too fast for the time, and three equal modes whose terms cancel beyond all digits."""
    fast = np.full((1, 1, PATIENTS), -1.0) * 10.0 ** np.arange(PATIENTS)
    tier, parameters = tier_of(fast)
    got, status = moved(tier, parameters, np.ones((1, PATIENTS)), np.full(PATIENTS, 1e4))
    assert status.tolist() == [codes.OK] * 4 + [codes.ILL_CONDITIONED] * 4 and not got[0, 1:].any()
    coarse = tier_of(fast, grid=1e4)[0]
    assert marched(coarse, parameters, np.ones(1), np.array([1e4, 2e4]))[2].tolist() == status.tolist()
    # N^3 = 0, in coordinates of no zeros: powers grow to 1e8 and cancel; SciPy is wrong by a factor of 5.
    turn = np.array([[2.0, 1.0, 1.0], [1.0, 1.0, 0.0], [1.0, 0.0, 3.0]])
    shift = turn @ np.diag([1.0, 1.0], 1) @ np.linalg.inv(turn) * 1e4 - np.eye(3)
    tier, parameters = tier_of(np.repeat(shift[:, :, None], PATIENTS, 2))
    assert (moved(tier, parameters, np.ones((3, PATIENTS)), np.ones(PATIENTS))[1] == codes.ILL_CONDITIONED).all()


def test_a_steady_state_is_that_of_many_doses():
    """A dose and an infusion every 8 h, a slow periphery: one Newton step against 4000 intervals."""
    matrix = two_compartments(np.random.default_rng(8))
    tier, parameters = tier_of(matrix, infused=(1,))
    none, one = jnp.zeros(PATIENTS), jnp.ones(PATIENTS)
    periodic = Periodic((100.0 * one, none, none), (none, 5.0 * one, none), 3.0 * one, 8.0 * one, 2.0 * one)
    states, status = steady_state(tier, tier.prepare(parameters), periodic, linear=True)
    dose = np.eye(4)
    dose[0, 3] = 100.0
    for k in range(PATIENTS):
        off, on = np.zeros((4, 4)), np.zeros((4, 4))
        off[:3, :3] = on[:3, :3] = matrix[:, :, k]
        on[1, 3] = 5.0
        interval = expm(off * 5.0) @ expm(on * 3.0) @ dose
        x = np.linalg.matrix_power(interval, 4096)[:, 3]
        expected = (expm(on * 2.0) @ dose @ x)[:3]
        assert np.allclose([v[k] for v in states], expected, rtol=1e-10, atol=0.0)
    assert not np.asarray(status).any()
