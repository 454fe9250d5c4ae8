"""Runge-Kutta tableaux against Butcher's order conditions, and their order as it is observed."""

import numpy as np
import pytest

from kernels.tableaux import TSIT5

METHODS = [TSIT5]


def matrix(method):
    """Stage weights as a square matrix."""
    size = len(method.c)
    return np.array([[*row, *[0.0] * (size - len(row))] for row in method.a])


def conditions(a, c):
    """Elementary weights of all rooted trees to order 5 and what they have to be, by order.

    Source: Hairer, Norsett and Wanner, Solving Ordinary Differential Equations I, 2nd ed. 1993, table II.2.2.
    """
    one, ac = np.ones_like(c), a @ c
    return {
        1: [(one, 1)],
        2: [(c, 1 / 2)],
        3: [(c**2, 1 / 3), (ac, 1 / 6)],
        4: [(c**3, 1 / 4), (c * ac, 1 / 8), (a @ c**2, 1 / 12), (a @ ac, 1 / 24)],
        5: [
            (c**4, 1 / 5), (c**2 * ac, 1 / 10), (ac**2, 1 / 20), (c * (a @ c**2), 1 / 15), (c * (a @ ac), 1 / 30),
            (a @ c**3, 1 / 20), (a @ (c * ac), 1 / 40), (a @ (a @ c**2), 1 / 60), (a @ (a @ ac), 1 / 120),
        ],
    }  # fmt: skip


def residuals(method, weights, orders):
    found = conditions(matrix(method), np.array(method.c))
    return [abs(weights @ vector - value) for order in orders for vector, value in found[order]]


@pytest.mark.parametrize("method", METHODS)
def test_the_solution_has_its_order(method):
    a = matrix(method)
    assert a.sum(axis=1) == pytest.approx(np.array(method.c), abs=1e-13)
    assert method.c[-1] == 1.0 and len(method.a[-1]) == len(method.c) - 1  # the last stage is the next step's first
    assert max(residuals(method, a[-1], range(1, method.order + 1))) < 1e-13


@pytest.mark.parametrize("method", METHODS)
def test_the_embedded_solution_is_one_order_lower_and_no_more(method):
    embedded = matrix(method)[-1] - np.array(method.error)
    assert max(residuals(method, embedded, range(1, method.order))) < 1e-13
    assert max(residuals(method, embedded, [method.order])) > 1e-5
    assert abs(sum(method.error)) < 1e-13


def steps(method, count):
    """y' = -2 t y^2, y(0) = 1 to t = 2 in equal steps: solution and the sum of error estimates of the first step."""
    a, c, y, h, first = matrix(method), np.array(method.c), 1.0, 2.0 / count, 0.0
    for i in range(count):
        k = np.zeros(len(c))
        for s in range(len(c)):
            k[s] = -2.0 * (i * h + c[s] * h) * (y + h * a[s] @ k) ** 2
        first = abs(h * np.array(method.error) @ k) if i == 0 else first
        y = y + h * a[-1] @ k
    return y, first


@pytest.mark.parametrize("method", METHODS)
def test_the_observed_order(method):
    exact = 1.0 / (1.0 + 2.0**2)
    errors = [abs(steps(method, count)[0] - exact) for count in (64, 128, 256)]
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert orders == pytest.approx(method.order, abs=0.35)


@pytest.mark.parametrize("method", METHODS)
def test_the_error_estimate_shrinks_with_its_own_order(method):
    coarse, fine = (steps(method, count)[1] for count in (64, 128))
    assert np.log2(coarse / fine) > method.order - 0.5
