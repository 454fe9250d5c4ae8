"""What is the same for all patients: XLA computes it once, and hands it to the program.

It is found while a program is written: an equation whose operands are all shared is bound to JAX's own primitive, in
the program around the one that is written. So lanes need not be able to do it, and no group of lanes does it again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import numpy as np
from jax.core import Tracer
from jax.extend import core

from kernels.lanes.axis import PATIENTS
from kernels.lanes.memory import Memory
from kernels.lanes.text import Registers, constant

CONSTANTS = 4096  # numbers of an array that is written into the program


@dataclass(eq=False)
class Shared:
    """A value that is the same for all patients.

    Attributes:
        make: the value, as JAX has it.
        known: it comes from constants alone.
        inside: the value in the program, once it is needed there.
    """

    make: Callable[[], Any]
    known: bool = False
    inside: Any = None


class Outside:
    """What XLA does for a program.

    Args:
        given: an array -> where the program finds it among its arguments.
    """

    def __init__(self, given: Callable[[Any], Memory]) -> None:
        self.given = given
        self.made: dict[Any, list[Shared]] = {}

    def constant(self, value: Any) -> Shared:
        """Something that is closed over: a number, or what the program around this one has made."""
        number = not isinstance(value, Tracer)
        key = (value.dtype, value.shape, value.tobytes()) if isinstance(value, np.ndarray) else id(value)
        (shared,) = self.made.setdefault(key, [Shared(lambda: value, number)])
        return shared

    def computed(self, equation: Any, values: Sequence[Shared]) -> list[Any]:
        """The results of an equation, by XLA; once, however often it is written."""
        primitive = equation.primitive
        key = (primitive, *values, *equation.params.items())
        try:
            hash(key)
        except TypeError:
            key = (primitive, *values, str(equation.params))
        if key not in self.made:
            with equation.ctx.manager:
                found = primitive.bind(
                    *(value.make() for value in values), **primitive.get_bind_params(equation.params)
                )
            self.made[key] = [Shared(lambda r=r: r) for r in (found if primitive.multiple_results else [found])]
        return self.made[key]

    def inside(self, value: Shared) -> Registers | Memory:
        """A value as the program has it."""
        if value.inside is None:
            made = value.make()
            small = value.known and np.size(made) <= CONSTANTS
            value.inside = _array(made) if small else self.given(made)
        return value.inside


def of_patients(equation: Any) -> bool:
    """Whether anything in an equation has a patient axis."""
    if any(PATIENTS in variable.aval.shape for variable in equation.outvars):
        return True
    return any(map(_has_patients, core.jaxprs_in_params(equation.params)))


@lru_cache(maxsize=256)
def _has_patients(jaxpr: Any) -> bool:
    return any(map(of_patients, jaxpr.eqns))


def _array(values: Any) -> Registers:
    """Numbers known when the program is compiled, as registers."""
    values = np.asarray(values)
    if values.dtype == jax.dtypes.float0:  # the tangent of an integer, which nobody reads
        values = np.zeros(values.shape, bool)
    result: Registers = np.empty(values.shape, object)
    for position in np.ndindex(*values.shape):
        result[position] = constant(values[position], values.dtype)
    return result
