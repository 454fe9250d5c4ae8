"""Large arrays that are made row by row where they are needed, and never lie in memory.

A curve of a hundred outputs is computed with in a dozen steps (differences, products, a sum). Made one after the other
each is an array in memory; made row by row, all of them are a few registers in the loop that adds them up.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from jax.extend import core

from kernels.lanes.memory import Memory
from kernels.lanes.text import Register, Registers, Text, boxed, constant

LARGEST = 64  # operations of a row; beyond that arrays in between are put into memory
LAZY = frozenset({"slice", "reshape", "squeeze", "expand_dims", "broadcast_in_dim", "reduce_sum", "reduce_max",
                  "reduce_min", "reduce_or", "reduce_and"})  # fmt: skip
CHEAP = 2  # operations of a row that are rather done again than put into memory


@dataclass(frozen=True, eq=False)
class Rows:
    """An array without its patient axis that is still to be made.

    Attributes:
        row: index of the first axis, int64 -> the elements of that row.
        cost: operations of one element.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    row: Callable[[Register], Registers]
    cost: int

    @property
    def size(self) -> int:
        """Elements per patient."""
        return math.prod(self.shape)


@lru_cache(maxsize=256)
def reads(jaxpr: Any) -> Counter:
    """How often each variable of a program is read, being handed out included."""
    atoms = [atom for equation in jaxpr.eqns for atom in equation.invars] + list(jaxpr.outvars)
    return Counter(atom for atom in atoms if not isinstance(atom, core.Literal))


def sliced(value: Rows, starts: Sequence[int], stops: Sequence[int], steps: Sequence[int], text: Text) -> Rows:
    """A part of each axis."""
    count = len(range(starts[0], stops[0], steps[0]))
    inner = tuple(slice(a, b, s) for a, b, s in zip(starts[1:], stops[1:], steps[1:], strict=True))
    shape = (count, *(len(range(a, b, s)) for a, b, s in zip(starts[1:], stops[1:], steps[1:], strict=True)))

    def row(index: Register) -> Registers:
        place = text.binary("mul nsw", index, constant(steps[0], np.int64)) if steps[0] != 1 else index
        place = text.binary("add nsw", place, constant(starts[0], np.int64)) if starts[0] else place
        return boxed(value.row(place)[inner])

    return Rows(shape, value.dtype, row, value.cost)


def changed(value: Rows, shape: Sequence[int], of_row: Callable[[Registers], Registers]) -> Rows:
    """The same number of rows, something done to each."""
    return Rows(tuple(shape), value.dtype, lambda index: of_row(value.row(index)), value.cost)


def is_large(value: Any, unrolled: int) -> bool:
    """Whether an array is computed with row by row."""
    return isinstance(value, (Memory, Rows)) and value.size > unrolled
