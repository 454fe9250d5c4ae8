"""Tier linear against SciPy's matrix exponential, textbook solutions, and itself in the other precision."""

from decimal import Context, Decimal, localcontext

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import expm
from scipy.stats import gamma

from kernels import status as codes
from kernels.closed import ClosedTier, Star
from kernels.linear import LinearTier
from kernels.march import Events, Start, march
from kernels.propagator import closure
from kernels.steady import Periodic, steady_state

PATIENTS = 8


def tier_of(matrix, *, constant=None, infused=(), grid=None, compact=True, dtype=jnp.float64):
    """A tier for matrices (to, from, patient), which are its parameters: {"matrix": ..., "constant": ...}."""
    size = matrix.shape[0]
    pattern = frozenset((i, j) for i in range(size) for j in range(size) if np.any(matrix[i, j]))
    inputs = frozenset() if constant is None else frozenset(i for i in range(size) if np.any(constant[i]))

    def rates_of(t, x, p):
        rows = []
        for i in range(size):
            row = p["constant"][i] if constant is not None else jnp.zeros_like(x[0])
            for j in range(size):
                row = row + (p["matrix"][i][j] * x[j] if (i, j) in pattern else 0.0)
            rows.append(row)
        return tuple(rows)

    parameters = {"matrix": [[jnp.asarray(v) for v in row] for row in matrix]}
    parameters |= {} if constant is None else {"constant": [jnp.asarray(v) for v in constant]}
    spacing = None if grid is None else jnp.full((1,), grid)
    return LinearTier(
        rates_of, pattern, inputs, frozenset(infused), size=size, grid=spacing, compact=compact, dtype=dtype
    ), parameters


def moved(tier, parameters, states, elapsed, rates=None):
    """States (state, patient) after one advance, and the status."""
    size = len(states)

    def run(parameters, states, rates, elapsed):
        prepared = tier.prepare(parameters)
        memory = tier.begin(prepared, states, rates, jnp.zeros((1,)))
        states, memory = tier.advance(prepared, states, rates, memory, jnp.zeros((1,)), elapsed)
        return states, tier.status(memory)

    states = tuple(jnp.asarray(x, tier.dtype) for x in states)
    rates = np.zeros((size, PATIENTS)) if rates is None else rates
    rates = tuple(jnp.asarray(r, tier.dtype) for r in rates)
    new, status = jax.jit(run)(parameters, states, rates, jnp.asarray(elapsed, tier.dtype))
    return np.stack(new), np.asarray(status)


def exact(matrix, states, elapsed, constant=None):
    """The same by SciPy, patient by patient, a constant input as one more state."""
    size = matrix.shape[0]
    result = []
    for k in range(states.shape[1]):
        whole = np.zeros((size + 1, size + 1))
        whole[:size, :size] = matrix[:, :, k]
        whole[:size, size] = 0.0 if constant is None else constant[:, k]
        result.append((expm(whole * elapsed[k]) @ np.r_[states[:, k], 1.0])[:size])
    return np.stack(result, axis=1)


def compartments(rng, size, spread=1.0, filled=0.4):
    """Random compartmental systems (to, from, patient) of one pattern: non-negative flows, some loss."""
    flows = 10.0 ** rng.uniform(-spread, spread, (size, size, PATIENTS))
    flows *= (rng.random((size, size, 1)) < filled) & ~np.eye(size, dtype=bool)[:, :, None]
    matrix, loss = flows, 10.0 ** rng.uniform(-spread, spread, (size, PATIENTS))
    for i in range(size):
        matrix[i, i] = -flows[:, i].sum(axis=0) - loss[i]
    return matrix


def error(got, expected):
    """Largest difference of each patient over its largest state."""
    return np.max(np.abs(got - expected) / np.max(np.abs(expected), axis=0))


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


@pytest.mark.parametrize("grid", [None, 1.0])
def test_turnover_stays_at_its_steady_state(grid):
    """kin - kout R at R = kin / kout, in float32, for 2000 h: no drift beyond the rounding of one step."""
    kin, kout = np.linspace(1, 9, PATIENTS), 10.0 ** np.linspace(-3, 3, PATIENTS)
    tier, parameters = tier_of(-kout[None, None], constant=kin[None], grid=grid, dtype=jnp.float32)
    seen, *_ = marched(tier, parameters, (kin / kout)[None], np.arange(2001.0))
    assert np.abs(seen[:, 0] * kout / kin - 1.0).max() < 3e-7


def nothing():
    """No event at all."""
    return doses(np.full((1, 1), np.inf), np.zeros((1, 1)))


def doses(time, amount):
    """Boluses into state 0 (event, patient | 1)."""
    shape = np.broadcast_shapes(time.shape, amount.shape)

    def whole(x, dtype=jnp.float64):
        return jnp.broadcast_to(jnp.asarray(x, dtype), shape)

    kept = whole(0, jnp.int32)
    return Events(
        time=whole(time),
        target=kept,
        scale=whole(1.0),
        add=whole(amount),
        rate=whole(0.0),
        reset=whole(False, bool),
        load=kept - 1,
        segment=kept,
    )


def marched(tier, parameters, states, times, events=None):
    """States (time, state, patient) at times, final states and status."""
    events = nothing() if events is None else events
    before = jnp.sum(events.time[None] <= jnp.asarray(times)[:, None, None] + 1e-9, axis=1, dtype=jnp.int32)

    def run(parameters, states, events, before):
        start = Start(
            jnp.zeros((1,)),
            tuple(x.astype(tier.dtype) for x in states),
            tuple(jnp.zeros(PATIENTS) for _ in states),
            jnp.zeros((1,), jnp.int32),
        )
        loads = jnp.zeros((0, len(states), 1))
        observe = lambda time, x, p: x  # noqa: E731
        when = jnp.asarray(times)[:, None]
        return march(
            tier, lambda _: parameters, observe, events, loads, when, before, start, segmented=False, dtype=tier.dtype
        )

    states = tuple(jnp.broadcast_to(jnp.asarray(x), (PATIENTS,)) for x in states)
    seen, final, _, status = jax.jit(run)(parameters, states, events, before)
    return np.stack(seen, axis=1), np.stack(final), np.asarray(status)


def two_compartments(rng):
    """Depot, centre, periphery."""
    ka, k10, k12, k21 = 10.0 ** rng.uniform(-1, 0.5, (4, PATIENTS))
    none = np.zeros(PATIENTS)
    return np.array([[-ka, none, none], [ka, -k10 - k12, k21], [none, k12, -k21]])


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


@pytest.mark.parametrize("grid", [None, 0.3])
def test_derivatives_at_coincident_rates(grid):
    """Of every state with respect to rates that are equal, an input and time, against differences."""
    times = 0.3 * np.arange(1, 11) if grid else np.array([0.2, 2.9])

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
        events = events._replace(time=jnp.full((1, PATIENTS), 0.1) * scale[3], add=100.0 * jnp.ones((1, PATIENTS)))
        start = Start(jnp.zeros((1,)), (0.0 * k, 0.0 * k), (0.0 * k, 0.0 * k), jnp.zeros((1,), jnp.int32))
        before, when = jnp.ones((len(times), 1), jnp.int32), jnp.asarray(times)[:, None]
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
