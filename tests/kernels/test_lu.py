"""The unrolled LU against numpy's solver with pivoting."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kernels.lu import elimination_order, factorised, is_exact, solved

PATIENTS = 5


def star(size):
    """Organs around blood, which is state 0."""
    edges = {(i, 0) for i in range(size)} | {(0, i) for i in range(size)}
    return frozenset(edges | {(i, i) for i in range(size)})


def scattered(size, seed):
    chosen = np.random.default_rng(seed).random((size, size)) < 0.25
    return frozenset((i, j) for i in range(size) for j in range(size) if chosen[i, j] or i == j)


def compartments(pattern, size, seed):
    """1/h - J of a closed system of compartments with flows over five decades (i, j, patient)."""
    flows = 10.0 ** np.random.default_rng(seed).uniform(-3, 2, (size, size, PATIENTS))
    matrix = np.zeros((size, size, PATIENTS))
    for i, j in pattern:
        if i != j:
            matrix[i, j] -= flows[i, j]
            matrix[j, j] += flows[i, j]
    return matrix + 0.1 * np.eye(size)[:, :, None]


def entries(matrix, pattern):
    return {(i, j): jnp.asarray(matrix[i, j]) for i, j in pattern}


@pytest.mark.parametrize(("pattern", "size"), [(star(9), 9), (scattered(7, 1), 7), (scattered(10, 2), 10)])
def test_solutions_are_those_of_numpy(pattern, size):
    matrix = compartments(pattern, size, seed=size)
    right = np.random.default_rng(0).standard_normal((size, PATIENTS))
    order = elimination_order(pattern, size)
    x = jax.jit(lambda m, b: solved(factorised(m, order), b))(entries(matrix, pattern), list(map(jnp.asarray, right)))
    expected = np.linalg.solve(np.moveaxis(matrix, -1, 0), right.T[:, :, None])[:, :, 0].T
    assert np.array(x) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert is_exact(entries(matrix, pattern), x, list(map(jnp.asarray, right)), 1e-13).all()


def test_a_star_is_solved_without_new_entries():
    for size in (3, 16):
        order = elimination_order(star(size), size)
        entered = factorised(entries(compartments(star(size), size, 3), star(size)), order).entries
        assert set(entered) == star(size) and order.index(0) >= size - 2


def test_every_state_is_eliminated_once():
    for seed in range(20):
        assert sorted(elimination_order(scattered(12, seed), 12)) == list(range(12))


def test_a_factorisation_that_needed_pivots_is_found_out():
    """Pivots of 1e-20 and 0 in well-conditioned matrices: wrong digits, or none, never believed."""
    corner = np.array([1e-20, 0.0, np.nan, 3.0, 1e-7])
    matrix = entries(np.array([[corner, np.ones(5)], [np.ones(5), np.ones(5)]]), {(0, 0), (0, 1), (1, 0), (1, 1)})
    right = [jnp.full(5, 1.0), jnp.full(5, 3.0)]
    x = solved(factorised(matrix, (0, 1)), right)
    assert is_exact(matrix, x, right, 1e-8).tolist() == [False, False, False, True, True]
    assert abs(float(x[0][0]) - 2.0) > 1.0  # and would have been wrong
