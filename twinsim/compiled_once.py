"""Programs that run once or twice: quickly compiled rather than quick."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import Tracer

_QUICK = {"xla_backend_optimization_level": 0}


def compiled_now(function: Callable[..., Any], *arguments: Any) -> Callable[..., Any]:
    """A quickly compiled function of numbers like these, which may be called while another program is being traced."""
    return jax.jit(function, compiler_options=_QUICK).lower(*arguments).compile()


def compiled_once(function: Callable[..., Any]) -> Callable[..., Any]:
    """A compiled function that runs once or twice, so that LLVM does not work longer on it than it runs.

    Curves are lanes, which have a compiler of their own; what XLA has to do is to lay out events, and to find steady
    states. For GPUs XLA compiles as always.
    """
    program = jax.jit(function)
    if jax.default_backend() != "cpu":
        return program
    quick = jax.jit(function, compiler_options=_QUICK)

    def called(*arguments: Any) -> Any:
        # Inside another program that one's options count. There even a constant is traced.
        inside = any(isinstance(x, Tracer) for x in jax.tree.leaves((arguments, jnp.zeros(()))))
        return (program if inside else quick)(*arguments)

    return called
