"""One block of patients from parameters and doses to trajectories: the program every simulation and fit shares."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from kernels import status as codes
from kernels.between import FoundAll, Watch
from kernels.closed import ClosedTier
from kernels.explicit import ExplicitTier
from kernels.lanes import lanes
from kernels.linear import LinearTier
from kernels.march import Start, march, worst
from kernels.replay import Recording, record, replay
from kernels.star import Star
from kernels.stiff import StiffTier
from kernels.watching import Watcher
from twinsim.at_rest import at_rest
from twinsim.dosing import dose_events, events_before
from twinsim.errors import UsageError
from twinsim.models import analysis
from twinsim.models.structure import Structure
from twinsim.observing import derivative_of, inputs_of, observer, weighing_observer
from twinsim.plan import Layout
from twinsim.segments import Law
from twinsim.sensitivity import reversible
from twinsim.solver import PRECISIONS, Solver, choose_solver

log = logging.getLogger(__name__)
__all__ = ["Problem", "Solver", "choose_solver", "make_tier", "solve_block"]


@dataclass(frozen=True)
class Problem:
    """What is solved, and nothing that changes without compiling again.

    Args:
        outputs: names of the structure's outputs that are wanted.
        segments: parameter segments per patient; 1: parameters never change.
        uniform: output times are equally spaced and the same for everyone.
        room: of the tiers explicit and stiff, for reverse mode: rows a patient may record (see `kernels.replay`); 0:
            differentiated forward only.
        rest: patients begin in the steady state they have without doses (see `twinsim.at_rest`).
        settle: how long patients live before time 0 [the structure's time unit].
    """

    structure: Structure
    solver: Solver
    layout: Layout
    outputs: tuple[str, ...]
    segments: int = 1
    uniform: bool = False
    room: int = 0
    rest: bool = False
    settle: float = 0.0


def make_tier(
    structure: Structure,
    solver: Solver,
    infused: frozenset[int],
    *,
    dtype: Any,
    rtol: float,
    law: Law | None = None,
    grid: Array | None = None,
    compact: bool = False,
) -> Any:
    """The kernel's tier for a structure.

    Args:
        law: parameters follow from it, where there is one.
        grid, compact: see `kernels.linear.LinearTier` and `kernels.closed.ClosedTier`.
    """
    if solver.tier == "closed":
        star = analysis.star(structure)
        assert star is not None
        order = (star.depot, star.centre, *star.peripherals)
        return ClosedTier(order, lambda p: _star_rates(structure, star, p), infused, dtype, grid)

    size, pattern = len(structure.states), analysis.jacobian_pattern(structure)
    if solver.tier == "linear":
        constant = analysis.constant_inputs(structure)
        rates = derivative_of(structure, law, jnp.float64)
        return LinearTier(rates, pattern, constant, infused, size=size, grid=grid, compact=compact, dtype=dtype)
    rates = derivative_of(structure, law, dtype)
    how = {"rtol": rtol, "max_steps": solver.max_steps, "dense": solver.dense and not compact, "dtype": dtype}
    if solver.tier == "stiff":
        return StiffTier(rates, infused, size=size, pattern=pattern, **how)
    return ExplicitTier(rates, infused, **how)


def _star_rates(structure: Structure, roles: analysis.Star, p: Mapping[str, Array]) -> Star:
    """Rate constants from the structure's own Jacobian, in float64."""
    names = structure.state_names
    shape = jnp.broadcast_shapes(*(value.shape for value in p.values()))
    zero, one = jnp.zeros(shape), jnp.ones(shape)
    needs = inputs_of(structure, jnp.float64)

    def derivative(x: tuple) -> tuple:
        result = structure.derivative(zero, dict(zip(names, x, strict=True)), p, needs)
        return tuple(jnp.broadcast_to(result[name], shape) for name in names)

    def column(j: int) -> tuple:
        unit = tuple(one if i == j else zero for i in range(len(names)))
        return jax.jvp(derivative, (tuple(zero for _ in names),), (unit,))[1]

    centre = column(roles.centre)
    others = [column(j) for j in roles.peripherals]
    depot = None if roles.depot is None else column(roles.depot)
    return Star(
        a=-centre[roles.centre],
        b=tuple(centre[j] for j in roles.peripherals),
        d=tuple(other[roles.centre] for other in others),
        c=tuple(-other[j] for other, j in zip(others, roles.peripherals, strict=True)),
        depot=None if depot is None else -depot[roles.depot or 0],
        absorbed=None if depot is None else depot[roles.centre],
    )


def solve_block(
    problem: Problem,
    plan: Mapping[str, Array],
    parameters: Mapping[str, Array],
    covariates: Mapping[str, Array],
    times: Array,
    order: Array,
    patients: int,
    *,
    switches: tuple[Array, Array, Array] | None = None,
    start: Mapping[str, Array] | None = None,
    law: Law | None = None,
    watch: Watch | None = None,
) -> tuple[dict[str, Array], dict[str, Array], Array, FoundAll]:
    """Trajectories of a block of patients.

    Args:
        plan: arrays of a `twinsim.plan.DosePlan` (row, patient | 1), with "segment" added.
        parameters: name -> (segment, patient | 1), float64; with a law, what it takes as fields.
        times: of outputs (time, patient | 1) [the structure's time unit]; order: see `events_before`.
        switches: see `dose_events`.
        start: states by name (patient) and "time" (patient) to go on from.
        law: (time, fields) -> parameters that change all the time (see `twinsim.segments`); tier explicit only.
        watch: what is asked of outputs between the first time and the last.

    Returns:
        outputs by name (time, patient), final states by name (patient), status (patient), what was watched by output.

    Raises:
        UsageError: steps cannot be recorded, or not while outputs are watched.
    """
    structure, dtype = problem.structure, PRECISIONS[problem.solver.precision]

    def of_segment(parameters: Mapping[str, Array], segment: Array) -> dict[str, Array]:
        if problem.segments == 1:
            return {name: value[0] if segment.ndim == 1 else value for name, value in parameters.items()}
        return {name: _segment_value(value, segment) for name, value in parameters.items()}

    def settled(parameters: Mapping[str, Array], segment: Array) -> dict[str, Array]:
        fields = of_segment(parameters, segment)
        return fields if law is None else {**fields, **law(fields["anchor"], fields)}

    infused = frozenset(
        structure.state_names.index(problem.layout.routes[int(target)].to)
        for target in _infused_targets(problem.layout)
    )
    tight = min(problem.solver.rtol, 1e-9)
    exact = make_tier(structure, problem.solver, infused, dtype=jnp.float64, rtol=tight, law=law, compact=True)
    linear = problem.solver.tier in ("closed", "linear")

    def planned(parameters: Mapping[str, Array], plan: Any, covariates: Any, switches: Any) -> tuple:
        own = partial(settled, parameters)
        return dose_events(structure, problem.layout, plan, own, covariates, exact, linear, patients, switches)

    if problem.room and linear:
        do = "use room=0; twinsim.sensitivity.reversible differentiates any tier backward"
        raise UsageError(f"tier {problem.solver.tier} takes no steps that could be recorded", where="room", do=do)
    if problem.room and watch is not None:
        do = "use room=0; twinsim.sensitivity.reversible differentiates what is watched backward"
        raise UsageError("outputs are not watched between their times while steps are recorded", where="room", do=do)
    # Newton's rounds towards a steady state are not run backward.
    plans = reversible(planned) if problem.room and problem.layout.steady else planned
    events, loads, keys, status = plans(parameters, plan, covariates, switches)
    before = events_before(events, keys, times, order)
    first = settled(parameters, jnp.zeros((patients,), jnp.int32))
    states, begin, begun = _beginning(problem, first, times, patients, dtype, start)

    observe = observer(structure, problem.outputs, dtype, law)
    rates = tuple(jnp.zeros((patients,), jnp.float64) for _ in states)
    done = jnp.zeros((1,), jnp.int32)
    if start is not None:
        rates = tuple(start[f"rate:{name}"].astype(jnp.float64) for name in structure.state_names)
        done = events_before(events, keys, begin[None, :], jnp.full((1, 1), jnp.inf))[0]

    tier_at = partial(make_tier, structure, problem.solver, infused, dtype=dtype, rtol=problem.solver.rtol, law=law)

    def whole_way(parameters: Mapping[str, Array], events: Any, loads: Array, times: Array, *rest: Any) -> tuple:
        grid = (times[-1] - times[0]) / (times.shape[0] - 1) if problem.uniform else None
        own, several, seen, watcher = partial(of_segment, parameters), problem.segments > 1, observe, None
        if not several and law is None:
            seen = weighing_observer(structure, problem.outputs, dtype, own(jnp.zeros((1,), jnp.int32)))
        if watch is not None:
            watcher = Watcher(watch, seen, derivative_of(structure, law, dtype), infused, dtype)
        how = {"segmented": several, "dtype": dtype, "watcher": watcher}
        return march(tier_at(grid=grid), own, seen, events, loads, times, *rest, **how)

    def recorded(parameters: Mapping[str, Array], *course: Any) -> Recording:
        return record(tier_at(), partial(of_segment, parameters), *course, room=problem.room)

    def replayed(parameters: Mapping[str, Array], *course: Any) -> tuple:
        still = jax.tree.map(lax.stop_gradient, (parameters, *course))
        recording = lanes(recorded, patients, note)(*still)
        return *replay(tier_at(), partial(of_segment, parameters), observe, *course, recording=recording), {}

    note = _note(structure, problem.solver)
    way = replayed if problem.room else lanes(whole_way, patients, note)
    here = Start(begin, states, rates, done)
    outputs, final, rates, code, found = way(parameters, events, loads, times, before, here)
    known = parameters if law is None else law(parameters["anchor"], parameters)
    status = worst(_parameter_status(structure, known, patients), begun, status, code + jnp.zeros_like(status))
    failed = status != codes.OK
    outputs = {name: jnp.where(failed[None, :], jnp.nan, value) for name, value in outputs.items()}
    ending = dict(zip(structure.state_names, final, strict=True))
    ending |= {f"rate:{name}": rate for name, rate in zip(structure.state_names, rates, strict=True)}
    return outputs, ending, status, found


def _note(structure: Structure, solver: Solver) -> Callable[[str], None]:
    return lambda reason: log.info("%s by tier %s is compiled by XLA: %s", structure.name, solver.tier, reason)


def _infused_targets(layout: Layout) -> tuple[int, ...]:
    """Targets that may be infused: without infusions none, otherwise every one in use."""
    return tuple(range(len(layout.routes))) if layout.infusions else ()


def _segment_value(values: Array, segment: Array) -> Array:
    """Each patient's value in its present segment; segment (patient) or (row, patient)."""
    if values.shape[1] == 1:
        return jnp.take(values[:, 0], segment, axis=0)
    if segment.ndim == 2:
        rows = jnp.broadcast_to(segment, (segment.shape[0], values.shape[1]))
        return jnp.take_along_axis(values, rows, axis=0)
    return jnp.take_along_axis(values, jnp.broadcast_to(segment, values.shape[1:])[None, :], axis=0)[0]


def _beginning(
    problem: Problem, p: Mapping[str, Array], times: Array, patients: int, dtype: Any, start: Any
) -> tuple[tuple, Array, Array]:
    """States and time to start from, `settle` before 0 or the first output, whichever is earlier; status (patient)."""
    structure, status = problem.structure, jnp.zeros((patients,), jnp.int32)
    if start is not None:
        return tuple(start[name].astype(dtype) for name in structure.state_names), start["time"], status
    initial = structure.initial(p, inputs_of(structure, jnp.float64))
    states = tuple(jnp.broadcast_to(jnp.asarray(initial[name], jnp.float64), (patients,)) for name in initial)
    if problem.rest:
        states, status = at_rest(structure, p, states)
    return tuple(x.astype(dtype) for x in states), jnp.minimum(times[0], 0.0) - problem.settle, status


def _parameter_status(structure: Structure, parameters: Mapping[str, Array], patients: int) -> Array:
    """bad_parameter where a parameter is not finite or outside its bounds in any segment."""
    bad = jnp.zeros((patients,), bool)
    for item in structure.parameters:
        value = parameters[item.name]
        wrong = ~jnp.isfinite(value) | (value < item.bounds[0]) | (value > item.bounds[1])
        bad |= jnp.any(wrong, axis=0)
    return jnp.where(bad, codes.BAD_PARAMETER, codes.OK).astype(jnp.int32)
