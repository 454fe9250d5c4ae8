"""Cells or effects on their way: compartments in a row, each passing on what it holds at one rate constant.

    d first/dt = entering - k first,    d next/dt = k (previous - next)

n compartments of rate constant k take n/k on average, spread as a gamma distribution of shape n.

Source: Friberg et al. 2002, J Clin Oncol 20:4713, doi:10.1200/JCO.2002.02.140, for transit of blood cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def numbered(name: str, count: int) -> tuple[str, ...]:
    """Names of the compartments of a chain.

    >>> numbered("transit", 2)
    ('transit1', 'transit2')
    """
    return tuple(f"{name}{number}" for number in range(1, count + 1))


def chain(x: Any, names: Sequence[str], entering: Any, k: Any) -> dict[str, Any]:
    """Slopes of the states of a chain.

    Args:
        x: states, of which `names` are the chain's, in order.
        entering: what flows into the first [unit of the states per time].
        k: rate constant [1/time].
    """
    slopes = {}
    for name in names:
        leaving = k * getattr(x, name)
        slopes[name] = entering - leaving
        entering = leaving
    return slopes
