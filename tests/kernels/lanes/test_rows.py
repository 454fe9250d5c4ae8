"""Rows of each patient in order and by index, and what is the same for all patients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from kernels.lanes import lanes
from tests.kernels.lanes.both import N, check, numbers, rng

pytestmark = pytest.mark.usefixtures("everywhere")

X = numbers(N)


def test_rows_in_order():
    table, keys = numbers(13, N), jnp.asarray(rng.integers(0, 3, (13, N)), jnp.int32)

    def program(table, keys):
        number = lax.broadcasted_iota(jnp.int32, table.shape, 0)
        *_, place = lax.sort((keys, number), dimension=0, num_keys=1, is_stable=True)
        by_both = lax.sort((keys.astype(jnp.float64), table, number), dimension=0, num_keys=2, is_stable=True)
        running = lax.cummax(table, axis=0), lax.cumsum(keys, axis=0, reverse=True)
        outside = jnp.take_along_axis(table, place + 7, axis=0), jnp.take_along_axis(keys, place - 20, axis=0)
        return place, jnp.take_along_axis(table, place, axis=0), by_both, running, outside

    check(program, table, keys, rtol=1e-13)


def test_what_is_not_a_number_comes_last():
    table = numbers(7, N).at[2, 5].set(jnp.nan).at[0, 6].set(jnp.nan).at[3, 6].set(jnp.nan).at[3, 7].set(jnp.inf)
    check(lambda x: (jnp.sort(x, axis=0), jnp.argsort(x, axis=0)), table)


def test_indices_without_a_sign():
    index = jnp.asarray(rng.integers(0, 2**32, N), jnp.uint32)
    check(lambda table, i: jnp.take(table, i, mode="clip"), jnp.arange(300.0), index)


def test_small_integers_are_left_to_xla():
    small, notes = jnp.asarray(rng.integers(-9, 9, N), jnp.int8), []
    found = jax.jit(lanes(lambda x: jnp.maximum(x, jnp.int8(3)), N, notes.append))(small)
    np.testing.assert_array_equal(found, np.maximum(small, 3))
    assert notes == ["lanes cannot do smax of int8"]


def test_entries_of_a_list_for_all():
    column = jnp.asarray([2.0, 3.0, 5.0, 7.0])
    index = jnp.asarray(rng.integers(-3, 9, N), jnp.int32)

    def program(column, index):
        rows = jnp.stack([index, index + 1])
        return jnp.take(column, index, mode="clip"), jnp.take(column, rows, mode="fill"), jnp.take(column * 2.0, index)

    check(program, column, index)


def test_shifts_by_numbers_of_each_patient():
    word, by = jnp.asarray(rng.integers(0, 2**32, N), jnp.uint32), jnp.asarray(rng.integers(0, 40, N), jnp.uint32)
    signed = word.astype(jnp.int32)
    check(lambda w, b: (w << b, w >> b, (w << b) | (w >> (jnp.uint32(32) - b))), word, by)
    check(lambda w, b: w >> b, signed, by.astype(jnp.int32))


def test_what_is_the_same_for_all_is_computed_outside():
    """Also what lanes could not do, and what the program around has made."""
    table, level = numbers(5, 1), jnp.asarray([0.3])

    def program(x, table, level):
        weight = jnp.sort(jnp.exp(table), axis=0) * jax.scipy.special.gammaln(2.0 + level[0] ** 2)
        step = lambda c: (jnp.where(c[0] < 9.0, c[0] + weight[2] + jnp.tan(level), c[0]), c[1] + 1)  # noqa: E731
        value, _ = lax.while_loop(lambda c: jnp.any(c[0] < 9.0), step, (x, 0))
        return value, weight * x[None, :]

    check(program, X, table, level, rtol=1e-13)

    def who(x, level):
        return jnp.any(jnp.full(x.shape, level[0]) > 0.0) & (x > 0.0)

    notes = []
    np.testing.assert_array_equal(lanes(who, N, notes.append)(X, level), X > 0.0)
    assert len(notes) == 1 and "patients" in notes[0]

    def around(x, level):
        made = jnp.cumsum(jnp.full((3, 1), level[0]), axis=0)
        return lanes(lambda x: x[None, :] * made[2:] + made, N, notes.append)(x)

    np.testing.assert_allclose(jax.jit(around)(X, level)[0], X * 0.9 + 0.3, rtol=1e-14, atol=1e-14)
    assert len(notes) == 1


def test_rows_are_replaced_where_they_lie():
    """A result that is another array but for some patients: none of a group, or some, or all."""
    failed = jnp.asarray([[False] * 32, [True] * 32, [False, True] * 16]).reshape(N)

    def program(x, failed, times):
        def row(total, t):
            total = total * jnp.cos(t)
            return total, {"low": total, "high": total + 1.0}

        _, rows = lax.scan(row, x, times[:, None])
        low = jnp.where(failed[None, :], jnp.nan, rows["low"])
        high = jnp.where(failed[None, :], jnp.nan, rows["high"])
        return low, high, jnp.sum(jnp.where(jnp.isnan(high), 1.0, 2.0), axis=0)

    for count in (12, 600):
        check(program, X, failed, jnp.linspace(0.0, 0.1, count), rtol=1e-12, atol=1e-15)
