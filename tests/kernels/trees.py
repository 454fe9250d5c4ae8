"""Rooted trees, and what they ask of Runge-Kutta and Rosenbrock methods.

A tree is the sorted tuple of its branches. Order p:  sum_i b_i Phi_i(tree) = 1 / gamma(tree)  for all trees of up to p
vertices, Phi_i a product over the branches at i of sum_j a_ij Phi_j.

Source: Hairer, Norsett and Wanner, Solving Ordinary Differential Equations I, 2nd ed. 1993, theorem II.2.13; for
Rosenbrock methods Hairer and Wanner, volume II, 2nd ed. 1996, theorem IV.7.3 with (7.11'), (7.15).
"""

from functools import lru_cache

import numpy as np


@lru_cache
def trees(size):
    """All rooted trees with that many vertices."""
    return tuple(sorted(forests(size - 1)))


@lru_cache
def forests(size):
    """All multisets of trees with that many vertices."""
    if size == 0:
        return {()}
    return {
        tuple(sorted((*rest, tree)))
        for largest in range(1, size + 1)
        for tree in trees(largest)
        for rest in forests(size - largest)
    }


def vertices(tree):
    return 1 + sum(map(vertices, tree))


def density(tree):
    return vertices(tree) * int(np.prod([density(branch) for branch in tree], dtype=np.int64))


def weight(tree, a, single):
    """Phi of a tree; `single` stands for a where a vertex has one branch only."""
    matrix = single if len(tree) == 1 else a
    return np.prod([matrix @ weight(branch, a, single) for branch in tree] + [np.ones(len(a))], axis=0)


def residuals(a, b, orders, single=None):
    """How far the conditions of these orders are from being met."""
    single = a if single is None else single
    return [abs(b @ weight(tree, a, single) - 1 / density(tree)) for order in orders for tree in trees(order)]
