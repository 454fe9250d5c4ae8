"""Runge-Kutta tableaux against Butcher's order conditions, and their order as it is observed."""

import numpy as np
import pytest

from kernels.tableaux import BOGACKI_SHAMPINE3, DORMAND_PRINCE5, TSIT5, VERNER7
from tests.kernels.trees import residuals

METHODS = [BOGACKI_SHAMPINE3, DORMAND_PRINCE5, TSIT5, VERNER7]
each_method = pytest.mark.parametrize("method", METHODS, ids=["bogacki", "dormand", "tsitouras", "verner"])


def matrix(method):
    """Stage weights as a square matrix."""
    size = len(method.c)
    return np.array([[*row, *[0.0] * (size - len(row))] for row in method.a])


def checked(method, weights, orders):
    return max(residuals(matrix(method), weights, orders))


@each_method
def test_the_solution_has_its_order(method):
    a = matrix(method)
    assert a.sum(axis=1) == pytest.approx(np.array(method.c), abs=1e-13)
    assert method.c[-1] == 1.0 and len(method.a[-1]) == len(method.c) - 1  # the last stage is the next step's first
    assert checked(method, a[-1], range(1, method.order + 1)) < 1e-13


@each_method
def test_the_embedded_solution_is_one_order_lower_and_no_more(method):
    embedded = matrix(method)[-1] - np.array(method.error)
    assert checked(method, embedded, range(1, method.order)) < 1e-13
    assert checked(method, embedded, [method.order]) > 1e-5
    assert abs(sum(method.error)) < 1e-13


def steps(method, count):
    """y' = y cos t, y(0) = 1 to t = 3 in equal steps: solution and the sum of error estimates of the first step."""
    a, c, y, h, first = matrix(method), np.array(method.c), 1.0, 3.0 / count, 0.0
    for i in range(count):
        k = np.zeros(len(c))
        for s in range(len(c)):
            k[s] = (y + h * a[s] @ k) * np.cos(i * h + c[s] * h)
        first = abs(h * np.array(method.error) @ k) if i == 0 else first
        y = y + h * a[-1] @ k
    return y, first


@each_method
def test_the_observed_order(method):
    errors = [abs(steps(method, count)[0] - np.exp(np.sin(3.0))) for count in (12, 24, 48)]
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert orders == pytest.approx(method.order, abs=0.35)


@each_method
def test_the_error_estimate_shrinks_with_its_own_order(method):
    coarse, fine = (steps(method, count)[1] for count in (12, 24))
    assert np.log2(coarse / fine) > method.order - 0.5
