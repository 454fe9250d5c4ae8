"""The Jacobian in one pass beside JAX's own, column by column."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from kernels.jacobian import values_and_jacobian


def smooth(x, y, z):
    return x * y / z, jnp.exp(-x) + jnp.sqrt(y) - z**3, jnp.tanh(x - 0.5 * y) ** 1.5, z


def chosen(x, y, z):
    guarded = jnp.where(x > 10.0, jnp.log(x - 10.0), y)  # not a number in the case that is not taken
    return guarded, jnp.clip(y / x, 0.0, 1.0), jnp.maximum(z, x) + jnp.minimum(y, 0.5), jnp.abs(-z)


def looped(x, y, z):
    root = lax.fori_loop(0, 20, lambda _, r: 0.5 * (r + x / r), y)
    return root, jax.jit(lambda a: a * a)(z), 7.0 * jnp.ones_like(x), x


@pytest.mark.parametrize("function", [smooth, chosen, looped])
def test_values_and_slopes_are_those_of_jax(function):
    at = tuple(jnp.asarray(value) for value in (2.0, 3.0, 1.5))
    values, rows = values_and_jacobian(function, at)
    np.testing.assert_array_equal(values, function(*at))
    dense = [[float(row.get(j, 0.0)) for j in range(3)] for row in rows]
    expected = jax.jacfwd(lambda a: jnp.stack(function(*a)))(jnp.stack(at))
    np.testing.assert_allclose(dense, expected, rtol=1e-14)


def test_what_does_not_depend_has_no_column():
    _, rows = values_and_jacobian(looped, tuple(jnp.asarray(value) for value in (2.0, 3.0, 1.5)))
    assert [sorted(row) for row in rows] == [[0, 1], [2], [], [0]]


def test_a_case_with_one_slope_for_all_patients():
    """A slope that is a bare number, chosen patient by patient."""
    x = jnp.asarray([1.0, 2.0, 3.0])
    values, rows = values_and_jacobian(lambda a: (jnp.where(a > 1.5, 10.0 * a - 9.0, 1.0),), (x,))
    np.testing.assert_array_equal(values[0], [1.0, 11.0, 21.0])
    np.testing.assert_array_equal(rows[0][0], [0.0, 10.0, 10.0])


def test_it_can_be_differentiated_itself():
    def slope(x):
        _, rows = values_and_jacobian(lambda a: (jnp.sin(a) * a,), (x,))
        return rows[0][0]

    x = jnp.asarray(0.7)
    assert jax.jvp(slope, (x,), (1.0,))[1] == pytest.approx(2.0 * np.cos(0.7) - 0.7 * np.sin(0.7), rel=1e-14)
