"""The patient axis of a traced program, told from all others by its length."""

from __future__ import annotations

from functools import lru_cache

from kernels.lanes.text import Unsupported

PATIENTS = 1_000_003  # a prime: no other axis has this length


@lru_cache(maxsize=4096)
def lead(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without its patient axis."""
    if sum(n == PATIENTS for n in shape) > 1:
        raise Unsupported("two patient axes")
    return tuple(n for n in shape if n != PATIENTS)


def axis_of(shape: tuple[int, ...]) -> int | None:
    """Where the patient axis is."""
    return shape.index(PATIENTS) if PATIENTS in shape else None
