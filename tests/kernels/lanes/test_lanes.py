"""Programs by lanes against the same programs by XLA, and what lanes leave to it."""

from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from kernels.lanes import lanes
from tests.kernels.lanes.both import N, check, numbers, rng

pytestmark = pytest.mark.usefixtures("everywhere")

X, Y, K, FLAG = numbers(N), numbers(N), jnp.asarray(rng.integers(-5, 5, N), jnp.int32), jnp.asarray(rng.random(N) < 0.5)

ELEMENTWISE = {
    "arithmetic": lambda x, y, k, flag: (x + y * x - y / x, -x, jnp.abs(x), jnp.sign(x), x**3, x**-2),
    "integers": lambda x, y, k, flag: (k + 2 * k - 1, jnp.abs(k), jnp.maximum(k, 1), jnp.minimum(k, -1), -k),
    "bits of integers": lambda x, y, k, flag: (k & 3, k | 1, k ^ 2, k << 2, k >> 1),
    "logical shift": lambda x, y, k, flag: lax.shift_right_logical(k, jnp.full_like(k, 3)),
    "order": lambda x, y, k, flag: (x < y, x >= y, x == x, x != y, k > 0, k <= 1),
    "logic": lambda x, y, k, flag: (flag & (x < 0), flag | (x < 0), ~flag, flag ^ (x > 0)),
    "choice": lambda x, y, k, flag: (jnp.where(flag, x, y), jnp.where(x > 0, k, -k), jnp.clip(x, -0.5, 0.5)),
    "rounding": lambda x, y, k, flag: (jnp.floor(x), jnp.ceil(x), jnp.round(x), lax.round(x)),
    "conversion": lambda x, y, k, flag: (x.astype(jnp.float32), (10 * x).astype(jnp.int32), k.astype(jnp.float64)),
    "more conversion": lambda x, y, k, flag: (flag.astype(jnp.int32), x.astype(bool), k.astype(jnp.int64)),
    "bits": lambda x, y, k, flag: (lax.bitcast_convert_type(x, jnp.int64), lax.bitcast_convert_type(k, jnp.uint32)),
    "finite": lambda x, y, k, flag: (jnp.isfinite(x / (x * 0.0)), jnp.isnan(x * jnp.nan), jnp.isfinite(x)),
}


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise(name):
    check(ELEMENTWISE[name], X, Y, K, FLAG)


def test_nan_goes_through_extremes_and_infinite_becomes_the_largest_integer():
    special = jnp.asarray(np.tile([np.nan, np.inf, -np.inf, 1e12, -1e12, 0.5], 16))
    check(lambda x: (jnp.maximum(x, 0.0), jnp.minimum(x, 0.0), x.astype(jnp.int32), x.astype(jnp.int64)), special)


def test_axes_beside_that_of_patients():
    table, uniform = numbers(5, N), numbers(5, 1)

    def program(table, uniform, x):
        return {
            "rows": table[1:4] * x[None, :] + uniform[:1],
            "reversed": table[::-1] + uniform,
            "sum": jnp.sum(table, axis=0),
            "largest": jnp.max(table * 2.0, axis=0),
            "joined": jnp.concatenate([table[:2], x[None, :] * uniform[:2]], axis=0),
            "stacked": jnp.stack([x, x * 2.0]),
            "outer": table[:, None, :] * table[None, :2, :],
            "all": jnp.all(table < 10.0, axis=0),
        }

    check(program, table, uniform, X, rtol=1e-13)


def test_rows_by_an_index_of_each_patient_or_of_all():
    table, shared = numbers(7, N), numbers(7, 1)
    index, one = jnp.asarray(rng.integers(-3, 9, N), jnp.int32), jnp.asarray([4], jnp.int32)

    def row(column, index):
        return lax.dynamic_index_in_dim(column, index, 0, keepdims=False)

    def program(table, shared, index, one):
        own = jax.vmap(row, in_axes=(1, 0))
        wide = jnp.broadcast_to(shared, (7, index.shape[0]))
        computed = table * 2.0
        return own(table, index), own(wide, index), table[one[0]], shared[one[0]] * table[0], own(computed, index)

    check(program, table, shared, index, one)


def test_loops():
    def program(x, limit):
        def step(carry):
            value, count = carry
            going = value < limit
            return jnp.where(going, value * 1.7 + 0.3, value), count + going.astype(jnp.int32)

        start = jnp.abs(x), jnp.zeros(x.shape, jnp.int32)
        value, count = lax.while_loop(lambda c: jnp.any(c[0] < limit), step, start)

        def output(total, row):
            t, weight = row
            total = total + t * value
            return total, {"seen": total * weight, "count": count}

        total, rows = lax.scan(output, value, (jnp.linspace(0.0, 1.0, 9)[:, None], jnp.ones((9, 1))))
        _, back = lax.scan(output, value, (jnp.linspace(0.0, 1.0, 9)[:, None], jnp.ones((9, 1))), reverse=True)
        last = lax.fori_loop(0, 4, lambda i, v: v + i, total)
        return value, count, total, rows, back, last

    check(program, X, jnp.asarray([30.0]), rtol=1e-13)


def test_branches_are_taken_by_all_together():
    def program(x, which):
        def inside(_):
            return jnp.sqrt(jnp.abs(x))

        chosen = lax.switch(which[0], [lambda _: x, lambda _: 2.0 * x, inside], 0)
        return chosen, lax.cond(jnp.any(x > 1e9), lambda: x, lambda: -x)

    for which in (0, 1, 2):
        check(program, X, jnp.asarray([which], jnp.int32))


def test_long_arrays_stay_in_memory():
    curve = numbers(300, N)

    def program(curve, level):
        scaled = jnp.where(curve > level[None, :], curve, 0.5 * curve)
        area = jnp.sum(0.5 * (scaled[1:] + scaled[:-1]), axis=0)
        return scaled, area, jnp.max(curve, axis=0), jnp.all(jnp.isfinite(curve), axis=0), jnp.max(scaled[10:], axis=0)

    check(program, curve, jnp.asarray([0.3]), rtol=1e-12)


def test_any_number_of_patients_and_neighbours_do_not_matter():
    def program(x, y):
        step = lambda c: (jnp.where(c[0] < 9.0, c[0] + jnp.exp(0.1 * c[0]) + c[1], c[0]), c[1])  # noqa: E731
        return lax.while_loop(lambda c: jnp.any(c[0] < 9.0), step, (x, jnp.abs(y) + 0.1))[0]

    whole = np.asarray(lanes(program, N)(X, Y))
    for first, count in ((0, 2), (17, 31), (40, 33), (3, 90)):
        part = lanes(program, count)(X[first : first + count], Y[first : first + count])
        np.testing.assert_array_equal(np.asarray(part), whole[first : first + count])


def test_derivatives_in_many_directions_at_once():
    def program(x, k, count):
        def step(carry):
            value, n = carry
            return jnp.where(n < count, value + k[0] * jnp.sin(value), value), n + 1

        value, _ = lax.while_loop(lambda c: jnp.any(c[1] < count), step, (x, jnp.zeros((), jnp.int32)))
        return value, count

    k, count = jnp.full((1, N), 0.3), jnp.asarray(rng.integers(1, 9, N), jnp.int32)
    notes = []
    fast = lanes(program, N, notes.append)

    def along(function, direction):
        return jax.jvp(lambda x, k: function(x, k, count)[0], (X, k), direction)[1]

    directions = numbers(3, N), numbers(3, 1, N)
    found = jax.jit(jax.vmap(lambda a, b: along(fast, (a, b))))(*directions)
    expected = jax.vmap(lambda a, b: along(program, (a, b)))(*directions)
    assert not notes, notes
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-12, atol=1e-14)


def test_second_derivatives():
    def program(x):
        return jnp.exp(-x) * x**2

    fast = lanes(program, N)
    ones = jnp.ones(N)

    def twice(function):
        first = lambda x: jax.jvp(function, (x,), (ones,))[1]  # noqa: E731
        return jax.jvp(first, (X,), (ones,))[1]

    np.testing.assert_allclose(np.asarray(twice(fast)), np.asarray(twice(program)), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda x: jnp.sort(x), "patients"),
        (lambda x: x - jnp.sum(x), "over patients"),
        (lambda x: x[::-1], "patients"),
        (lambda x: jnp.concatenate([x[:1], x[1:]]), "patients"),
        (lambda x: jax.scipy.special.gammaln(x), "lgamma"),
    ],
)
def test_what_lanes_cannot_do_is_done_by_xla_and_noted(function, said):
    notes = []
    found = lanes(function, N, notes.append)(jnp.abs(X))
    np.testing.assert_array_equal(np.asarray(found), np.asarray(jax.jit(function)(jnp.abs(X))))
    assert len(notes) == 1 and said in notes[0]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(["+", "*", "max", "where", "exp"]), min_size=1, max_size=12), st.integers(0, 2**31))
def test_random_programs(operations, seed):
    chance = np.random.default_rng(seed)
    weights = [float(w) for w in chance.normal(size=len(operations))]

    steps = {
        "+": lambda x, y, weight: (y, x + weight),
        "*": lambda x, y, weight: (y * weight, x),
        "max": lambda x, y, weight: (jnp.maximum(x, weight), y),
        "where": lambda x, y, weight: (jnp.where(x > y, y, x * weight), x),
        "exp": lambda x, y, weight: (jnp.exp(-jnp.abs(x)), y),
    }

    def program(x, y):
        for operation, weight in zip(operations, weights, strict=True):
            x, y = steps[operation](x, y, weight)
        return x, y

    check(program, X, Y, rtol=1e-12)


@jax.jit
def growing(x):
    return lax.scan(lambda c, _: (c * 1.01, c), x, None, length=100)[1]


def test_a_function_called_twice_writes_its_result_once():
    check(lambda x: (growing(x), jnp.sum(growing(2.0 * x), axis=0)), X, rtol=1e-13)


def test_what_depends_on_who_is_there_is_no_number():
    notes = []
    program = lambda x: jnp.where(jnp.any(x > 1.9), x, 0.0)  # noqa: E731
    found = lanes(program, N, notes.append)(X)
    np.testing.assert_array_equal(np.asarray(found), np.asarray(program(X)))
    assert len(notes) == 1 and "patients" in notes[0]


def test_a_branch_out_of_range_is_the_nearest():
    for which in (-3, 7):
        check(lambda x, k: lax.switch(k[0], [lambda: x, lambda: 2.0 * x]), X, jnp.asarray([which], jnp.int32))


def test_threads_may_compile_the_same_program():
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: np.asarray(lanes(lambda x: x * 3.25 + 1.0, N)(X)), range(8)))
    assert all((one == found[0]).all() for one in found)
