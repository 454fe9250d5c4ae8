"""A problem as the block program that every simulation of this package runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.problem import Problem


def plan_of(problem: Problem, structure: Any) -> Any:
    """The doses as every simulation plans them."""
    from twinsim.events import Events
    from twinsim.plan import plan_events

    given = [{"time": dose.time, "kind": "add", "target": dose.state, "value": dose.amount} for dose in problem.doses]
    # The block program wants a route; where nothing is given, nothing is given to the first state.
    nothing = {"time": 0.0, "kind": "add", "target": structure.state_names[0], "value": 0.0}
    return plan_events(Events.of(given or [nothing]), structure)


def shared_of(problem: Problem, structure: Any, plan: Any, varied: tuple[str, ...]) -> dict:
    """What is the same for all patients."""
    import jax.numpy as jnp

    arrays = {name: jnp.asarray(values) for name, values in plan.arrays.items()}
    arrays["segment"] = jnp.zeros(arrays["time"].shape, jnp.int32)
    return {
        "plan": arrays,
        "times": jnp.asarray(problem.times)[:, None],
        "order": jnp.full((problem.times.size, 1), jnp.inf),
        "others": {p.name: jnp.full((1, 1), p.default) for p in structure.parameters if p.name not in varied},
    }


def block_of(problem: Problem, tier: str, precision: str, rtol: float | None) -> tuple[Callable, dict]:
    """The function of one block, (own, shared) -> (outputs by name (time, patient), status), and `shared`."""
    from twinsim.scenario import is_uniform
    from twinsim.solve import Problem as Solved
    from twinsim.solve import choose_solver, solve_block

    structure = problem.structure()
    plan = plan_of(problem, structure)
    solver = choose_solver(structure, tier, precision=precision, rtol=rtol)
    uniform = is_uniform(problem.times)
    solved = Solved(structure, solver, plan.layout, problem.outputs, uniform=uniform)
    shared = shared_of(problem, structure, plan, problem.parameters)

    def block(own: dict, shared: dict) -> Any:
        parameters = {**{name: value[None] for name, value in own.items()}, **shared["others"]}
        patients = next(iter(own.values())).shape[-1]
        outputs, _, status, _ = solve_block(
            solved, shared["plan"], parameters, {}, shared["times"], shared["order"], patients
        )
        return outputs, status

    return block, shared
