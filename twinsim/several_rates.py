"""One coupled structure in two groups of states, fast and slow, each by steps of its own between macro stops.

    lie      slow over h, then fast over h, the other standing still                 error of order 1 in h
    strang   fast over h/2, slow over h, fast over h/2, the other standing still     order 2 (see below)
    linear   slow, fast, slow, fast over h, the other group moving along the line    order 2 for both
             between its macro stops, of which the first slow one stands still

Everything is run with h and with h/2. What is told is the run with h/2, and as its splitting error the difference of
the two: that is the error where it falls in proportion to h, and three times the error where it falls with h squared.
The structure itself, run by one solver (`twinsim.simulate`), is the check.

A fast group much faster than h has settled at every macro stop: then strang is no better than lie, and linear is. But
linear takes the fast group's settling, after a start away from where it settles, for a line over the first step.

Source: Strang 1968, SIAM Journal on Numerical Analysis 5:506.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from kernels import status as codes
from kernels.explicit import ExplicitTier
from kernels.march import worst
from kernels.stepping import SteppingTier
from kernels.stiff import StiffTier
from twinsim.at_rest import at_rest
from twinsim.errors import UsageError, nearest
from twinsim.models import analysis
from twinsim.models.quantities import unit_per
from twinsim.models.stiffness import stability_steps
from twinsim.models.structure import Parameter, Structure
from twinsim.observing import derivative_of, inputs_of, observer

SPLITTINGS = ("lie", "strang", "linear")
MAX_STEPS = 10_000_000
STIFF_STEPS = 100  # steps that stability would ask of an explicit method in one macro step, from which on it is stiff


@dataclass(frozen=True)
class SplitRun:
    """What a run in two groups gave.

    Attributes:
        outputs: of the run with half the step, by name (time, patient).
        errors: their splitting error (time, patient), the difference of the two runs.
        final: states at the last time, by name (patient).
        status: codes of kernels.status (patient).
        tiers: how the slow and the fast group were stepped.
    """

    outputs: Mapping[str, np.ndarray]
    errors: Mapping[str, np.ndarray]
    final: Mapping[str, np.ndarray]
    status: np.ndarray
    tiers: tuple[str, str]


def run_split(
    structure: Structure,
    fast: Sequence[str],
    *,
    step: float,
    times: Sequence[float],
    parameters: Mapping[str, Any] | None = None,
    start: Mapping[str, Any] | str | None = None,
    splitting: str = "linear",
    rtol: float = 1e-9,
) -> SplitRun:
    """Trajectories of a structure whose fast states take steps of their own, without doses.

    Args:
        structure: whole, coupled or not.
        fast: names of its fast states; all others are slow.
        step: between macro stops [the structure's time unit].
        times: of outputs, from 0, multiples of the step.
        parameters: by name, a number or one for each patient; defaults for the others.
        start: states by name that begin elsewhere than the structure says; or "equilibrium".
        splitting: "lie", "strang" or "linear".

    Raises:
        UsageError: names, times or ways that cannot be.
    """
    stops = _checked(structure, fast, step, times, splitting)
    given = dict(parameters or {})
    for name in given:
        structure.parameter(name)
    count = max((np.size(value) for value in given.values()), default=1)
    p = {
        item.name: jnp.broadcast_to(jnp.asarray(given.get(item.name, item.default), jnp.float64), (count,))
        for item in structure.parameters
    }
    begin, status = _beginning(structure, p, start, count)
    program = _program(structure, tuple(sorted(fast)), float(step), splitting, rtol)
    results = [program.run(p, begin, jnp.asarray(k * stops), jnp.float64(step / k)) for k in (1, 2)]
    (coarse, _, first), (fine, states, second) = results
    status = np.asarray(worst(status, first, second))
    failed = status != codes.OK
    outputs = {name: np.where(failed, np.nan, value) for name, value in fine.items()}
    errors = {name: np.where(failed, np.nan, np.abs(fine[name] - coarse[name])) for name in fine}
    final = {name: np.asarray(value) for name, value in zip(structure.state_names, states, strict=True)}
    return SplitRun(outputs, errors, final, status, program.tiers)


@dataclass(frozen=True)
class _Program:
    """Two tiers and the way between macro stops; compiled once for a structure and a way."""

    structure: Structure
    slow: tuple[int, ...]
    fast: tuple[int, ...]
    tiers: tuple[str, str]
    run: Callable[..., Any]


@lru_cache(maxsize=16)
def _program(structure: Structure, fast: tuple[str, ...], step: float, splitting: str, rtol: float) -> _Program:
    names = structure.state_names
    groups = tuple(i for i, name in enumerate(names) if name not in fast), tuple(names.index(name) for name in fast)
    parts = [_group(structure, own) for own in groups]
    kinds = tuple("stiff" if stability_steps(part, step) > STIFF_STEPS else "explicit" for part in parts)
    tiers = [_tier(part, kind, rtol) for part, kind in zip(parts, kinds, strict=True)]
    run = partial(_run, structure, groups, tiers, splitting)
    return _Program(structure, groups[0], groups[1], (kinds[0], kinds[1]), jax.jit(run))


def _group(structure: Structure, own: tuple[int, ...]) -> Structure:
    """The equations of some states, the others being parameters that stand still or move along lines."""
    states = structure.states
    others = [state for i, state in enumerate(states) if i not in own]
    typical = structure.initial({p.name: p.default for p in structure.parameters}, _inputs(structure))
    held = [Parameter(f"held {s.name}", s.unit, float(typical[s.name]), s.meaning, "another group") for s in others]
    lines = [
        Parameter(f"slope {s.name}", unit_per(s.unit, structure.time), 0.0, s.meaning, "another group") for s in others
    ]
    anchor = Parameter("held since", structure.time, 0.0, "the last macro stop", "another group")

    def rates(t: Any, x: Any, p: Any, u: Any) -> dict[str, Any]:
        since = t - getattr(p, anchor.name)
        every = {s.name: getattr(p, f"held {s.name}") + getattr(p, f"slope {s.name}") * since for s in others} | {
            states[i].name: getattr(x, states[i].name) for i in own
        }
        known = {item.name: getattr(p, item.name) for item in structure.parameters}
        change = structure.derivative(t, every, known, {name: getattr(u, name) for name in structure.need_names})
        return {states[i].name: change[states[i].name] for i in own}

    return Structure(
        name=f"{structure.name}, {', '.join(states[i].name for i in own)}",
        parameters=(*structure.parameters, *held, *lines, anchor),
        states=tuple(states[i] for i in own),
        gives=(),
        needs=structure.needs,
        rates=rates,
        outputs=lambda t, x, p, u: {},
        source=structure.source,
        start=lambda p, u: {states[i].name: typical[states[i].name] for i in own},
        time=structure.time,
    )


def _tier(part: Structure, kind: str, rtol: float) -> SteppingTier:
    rates = derivative_of(part, None, jnp.float64)
    if kind == "explicit":
        return ExplicitTier(rates, frozenset(), rtol=rtol, max_steps=MAX_STEPS)
    pattern = analysis.jacobian_pattern(part)
    return StiffTier(rates, frozenset(), size=len(part.states), pattern=pattern, rtol=rtol, max_steps=MAX_STEPS)


def _run(
    structure: Structure,
    groups: tuple[tuple[int, ...], tuple[int, ...]],
    tiers: Sequence[SteppingTier],
    splitting: str,
    p: Mapping[str, Array],
    begin: tuple,
    stops: Array,
    h: Array,
) -> tuple[dict[str, Array], tuple, Array]:
    """Outputs (time, patient) at the macro stops asked for, the last states, status (patient)."""
    size, names = len(begin), structure.state_names
    still = tuple(jnp.zeros_like(x) for x in begin)

    def known(g: int, x: tuple, slopes: tuple, since: Array) -> dict[str, Array]:
        more = {}
        for i in range(size):
            if i not in groups[g]:
                more |= {f"held {names[i]}": x[i], f"slope {names[i]}": slopes[i]}
        return {**p, **more, "held since": jnp.broadcast_to(since, x[0].shape)}

    def gone(g: int, x: tuple, memories: tuple, t: Array, length: Array, slopes: tuple = still) -> tuple:
        """One group over a length of time, from t on."""
        own, tier = known(g, x, slopes, t), tiers[g]
        mine = tuple(x[i] for i in groups[g])
        zero, now, elapsed = still[: len(mine)], jnp.broadcast_to(t, x[0].shape), jnp.broadcast_to(length, x[0].shape)
        memory = tier.after_event(own, mine, zero, memories[g], now)
        mine, memory = tier.advance(own, mine, zero, memory, now, elapsed)
        x = tuple(mine[groups[g].index(i)] if i in groups[g] else v for i, v in enumerate(x))
        return x, tuple(memory if k == g else m for k, m in enumerate(memories))

    def macro(n: Array, carry: tuple) -> tuple:
        (x, memories), t = carry, n * h
        if splitting == "strang":
            x, memories = gone(1, x, memories, t, 0.5 * h)
            x, memories = gone(0, x, memories, t, h)
            return gone(1, x, memories, t + 0.5 * h, 0.5 * h)
        new, memories = gone(0, x, memories, t, h)
        if splitting == "lie":
            return gone(1, new, memories, t, h)
        for g in (1, 0, 1):
            # Both groups have gone to `new`; one of them goes again, along the other's line.
            slopes = tuple((b - a) / h for a, b in zip(x, new, strict=True))
            after, memories = gone(g, x, memories, t, h, slopes)
            new = tuple(after[i] if i in groups[g] else v for i, v in enumerate(new))
        return new, memories

    observe = observer(structure, structure.output_names, jnp.float64)

    def one(carry: tuple, stop: Array) -> tuple:
        done, state = carry
        state = lax.fori_loop(done, stop, lambda n, c: macro(n.astype(jnp.float64), c), state)
        return (stop, state), observe(jnp.broadcast_to(stop.astype(jnp.float64) * h, begin[0].shape), state[0], p)

    zero = jnp.zeros_like(begin[0])
    memories = tuple(
        tier.begin(
            known(g, begin, still, jnp.zeros(())), tuple(begin[i] for i in groups[g]), still[: len(groups[g])], zero
        )
        for g, tier in enumerate(tiers)
    )
    (_, (x, memories)), outputs = lax.scan(one, (jnp.zeros((), stops.dtype), (begin, memories)), stops)
    return outputs, x, worst(*(tier.status(memory) for tier, memory in zip(tiers, memories, strict=True)))


def _inputs(structure: Structure) -> dict[str, Array]:
    return inputs_of(structure, jnp.float64)


def _beginning(structure: Structure, p: Mapping[str, Array], start: Any, count: int) -> tuple[tuple, Array]:
    """States at time 0 (patient), and who has none."""
    if isinstance(start, str) and start != "equilibrium":
        raise UsageError(f"unknown start {start!r}", where="start", do=nearest(start, ["equilibrium"]))
    given = {} if start is None or isinstance(start, str) else dict(start)
    for name in given:
        if name not in structure.state_names:
            raise UsageError(f"no state {name!r}", where="start", do=nearest(name, structure.state_names))
    initial = {**structure.initial(p, _inputs(structure)), **given}
    states = tuple(jnp.broadcast_to(jnp.asarray(initial[n], jnp.float64), (count,)) for n in structure.state_names)
    if start == "equilibrium":
        return at_rest(structure, p, states)
    return states, jnp.zeros((count,), jnp.int32)


def _checked(
    structure: Structure, fast: Sequence[str], step: float, times: Sequence[float], splitting: str
) -> np.ndarray:
    """The macro stops at which to look."""
    for name in fast:
        if name not in structure.state_names:
            raise UsageError(f"no state {name!r}", where="fast", do=nearest(name, structure.state_names))
    if not 0 < len(set(fast)) < len(structure.states):
        raise UsageError("one group has no states", where="fast", do="name some of the states, not all of them")
    if splitting not in SPLITTINGS:
        raise UsageError(f"unknown splitting {splitting!r}", where="splitting", do=nearest(splitting, SPLITTINGS))
    if not step > 0.0:
        raise UsageError(f"a macro step of {step}", where="step", do="choose a positive one")
    stops = np.round(np.asarray(times, np.float64) / step)
    away = np.abs(stops * step - np.asarray(times)) > 1e-9 * step * np.maximum(1.0, stops)
    if away.any() or (stops < 0).any() or (np.diff(stops) <= 0).any():
        raise UsageError(
            "times must rise from 0 on by whole macro steps", where="times", do=f"choose multiples of {step:g}"
        )
    return stops.astype(np.int64)
