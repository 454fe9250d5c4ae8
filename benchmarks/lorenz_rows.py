"""Block programs of the Lorenz rows that no tier offers: fixed steps, and gradients of the final state."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from benchmarks.problem import Problem
from benchmarks.problems.lorenz import FIXED, WITH
from benchmarks.twinsim_block import block_of


def fixed_block(problem: Problem, precision: str) -> Callable[[dict, dict], dict]:
    """Tsit5 in `problem.steps` equal steps, own and shared -> outputs (patient).

    k_1 = f(x);  k_i = f(x + h sum_j a_ij k_j);  x <- x + h sum_j b_j k_j, whose slope is the next step's k_1
    """
    import jax.numpy as jnp
    from jax import lax

    from kernels.tableaux import TSIT5

    dtype = jnp.dtype(precision)
    length = float(problem.times[-1]) / problem.steps

    def slopes(states: tuple, p: SimpleNamespace) -> tuple:
        named = problem.rates(0.0, SimpleNamespace(**dict(zip(problem.states, states, strict=True))), p, None)
        return tuple(named[name] for name in problem.states)

    def moved(states: tuple, weights: tuple[float, ...], stages: list[tuple]) -> tuple:
        def one(i: int) -> Any:
            terms = [w * length * stage[i] for w, stage in zip(weights, stages, strict=True) if w != 0.0]
            return sum(terms[1:], states[i] + terms[0])

        return tuple(one(i) for i in range(len(states)))

    def ensemble(own: dict, shared: dict) -> dict:
        cast = {name: value.astype(dtype) for name, value in own.items()}
        p = SimpleNamespace(**problem.fixed, **cast)
        begin = problem.start(p, None)
        states = tuple(jnp.full_like(p.rho, begin[name]) for name in problem.states)

        def step(_: Any, carry: tuple) -> tuple:
            states, first = carry
            stages, new = [first], states
            for weights in TSIT5.a[1:]:
                new = moved(states, weights, stages)
                stages.append(slopes(new, p))
            return new, stages[-1]

        states, _ = lax.fori_loop(0, problem.steps, step, (states, slopes(states, p)))
        return dict(problem.observe(0.0, SimpleNamespace(**dict(zip(problem.states, states, strict=True))), p, None))

    return ensemble


def gradient_block(problem: Problem, precision: str, rtol: float | None) -> tuple[Callable[[dict, dict], dict], dict]:
    """d (x + y + z)/d (x0, y0, z0, rho) by tangents through the adaptive steps; outputs by parameter (patient)."""
    import jax.numpy as jnp

    from benchmarks.problems.lorenz import adaptive
    from twinsim.sensitivity import tangents

    solve, shared = block_of(adaptive, "explicit", precision, rtol)

    def block(own: dict, shared: dict) -> dict:
        others = {name: value for name, value in shared["others"].items() if name not in WITH}

        def total(theta: Any) -> Any:
            outputs, _ = solve({name: value[0] for name, value in theta.items()}, {**shared, "others": others})
            return sum(value[0] for value in outputs.values())

        theta = {name: own["rho"] if name == "rho" else jnp.full_like(own["rho"], FIXED[name]) for name in WITH}
        slopes = tangents(total, {name: value[None, :] for name, value in theta.items()}, WITH)[1]
        return {name: slopes[i] for i, name in enumerate(WITH)}

    return block, shared
