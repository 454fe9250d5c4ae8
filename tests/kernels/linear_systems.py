"""Linear systems for the tests of tier linear, and ways to run them."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy.linalg import expm

from kernels.linear import LinearTier
from kernels.march import Events, Start, march

PATIENTS = 8


def tier_of(matrix, *, constant=None, infused=(), grid=None, compact=True, dtype=jnp.float64):
    """A tier for matrices (to, from, patient), which are its parameters: {"matrix": ..., "constant": ...}."""
    size = matrix.shape[0]
    pattern = frozenset((i, j) for i in range(size) for j in range(size) if np.any(matrix[i, j]))
    inputs = frozenset() if constant is None else frozenset(i for i in range(size) if np.any(constant[i]))

    def rates_of(t, x, p):
        rows = []
        for i in range(size):
            row = p["constant"][i] if constant is not None else jnp.zeros_like(x[0])
            for j in range(size):
                row = row + (p["matrix"][i][j] * x[j] if (i, j) in pattern else 0.0)
            rows.append(row)
        return tuple(rows)

    parameters = {"matrix": [[jnp.asarray(v) for v in row] for row in matrix]}
    parameters |= {} if constant is None else {"constant": [jnp.asarray(v) for v in constant]}
    spacing = None if grid is None else jnp.full((1,), grid)
    return LinearTier(
        rates_of, pattern, inputs, frozenset(infused), size=size, grid=spacing, compact=compact, dtype=dtype
    ), parameters


def moved(tier, parameters, states, elapsed, rates=None):
    """States (state, patient) after one advance, and the status."""
    size = len(states)

    def run(parameters, states, rates, elapsed):
        prepared = tier.prepare(parameters)
        memory = tier.begin(prepared, states, rates, jnp.zeros((1,)))
        states, memory = tier.advance(prepared, states, rates, memory, jnp.zeros((1,)), elapsed)
        return states, tier.status(memory)

    states = tuple(jnp.asarray(x, tier.dtype) for x in states)
    rates = np.zeros((size, PATIENTS)) if rates is None else rates
    rates = tuple(jnp.asarray(r, tier.dtype) for r in rates)
    new, status = jax.jit(run)(parameters, states, rates, jnp.asarray(elapsed, tier.dtype))
    return np.stack(new), np.asarray(status)


def exact(matrix, states, elapsed, constant=None):
    """The same by SciPy, patient by patient, a constant input as one more state."""
    size = matrix.shape[0]
    result = []
    for k in range(states.shape[1]):
        whole = np.zeros((size + 1, size + 1))
        whole[:size, :size] = matrix[:, :, k]
        whole[:size, size] = 0.0 if constant is None else constant[:, k]
        result.append((expm(whole * elapsed[k]) @ np.r_[states[:, k], 1.0])[:size])
    return np.stack(result, axis=1)


def compartments(rng, size, spread=1.0, filled=0.4):
    """Random compartmental systems (to, from, patient) of one pattern: non-negative flows, some loss."""
    flows = 10.0 ** rng.uniform(-spread, spread, (size, size, PATIENTS))
    flows *= (rng.random((size, size, 1)) < filled) & ~np.eye(size, dtype=bool)[:, :, None]
    matrix, loss = flows, 10.0 ** rng.uniform(-spread, spread, (size, PATIENTS))
    for i in range(size):
        matrix[i, i] = -flows[:, i].sum(axis=0) - loss[i]
    return matrix


def error(got, expected):
    """Largest difference of each patient over its largest state."""
    return np.max(np.abs(got - expected) / np.max(np.abs(expected), axis=0))


def two_compartments(rng):
    """Depot, centre, periphery."""
    ka, k10, k12, k21 = 10.0 ** rng.uniform(-1, 0.5, (4, PATIENTS))
    none = np.zeros(PATIENTS)
    return np.array([[-ka, none, none], [ka, -k10 - k12, k21], [none, k12, -k21]])


def nothing():
    """No event at all."""
    return doses(np.full((1, 1), np.inf), np.zeros((1, 1)))


def doses(time, amount):
    """Boluses into state 0 (event, patient | 1)."""
    shape = np.broadcast_shapes(time.shape, amount.shape)

    def whole(x, dtype=jnp.float64):
        return jnp.broadcast_to(jnp.asarray(x, dtype), shape)

    kept = whole(0, jnp.int32)
    return Events(
        time=whole(time),
        target=kept,
        scale=whole(1.0),
        add=whole(amount),
        rate=whole(0.0),
        reset=whole(False, bool),
        load=kept - 1,
        segment=kept,
    )


def marched(tier, parameters, states, times, events=None):
    """States (time, state, patient) at times, final states and status."""
    seen, final, status = jax.jit(lambda *given: march_of(tier, *given))(
        parameters, jnp.asarray(states), jnp.asarray(times), nothing() if events is None else events
    )
    return np.asarray(seen), np.asarray(final), np.asarray(status)


def march_of(tier, parameters, states, times, events):
    """The same as arrays of JAX, to be differentiated."""
    states = tuple(jnp.broadcast_to(x, (PATIENTS,)) for x in states)
    before = jnp.sum(events.time[None] <= times[:, None, None] + 1e-9, axis=1, dtype=jnp.int32)
    start = Start(
        jnp.zeros((1,)),
        tuple(x.astype(tier.dtype) for x in states),
        tuple(jnp.zeros(PATIENTS) for _ in states),
        jnp.zeros((1,), jnp.int32),
    )
    loads = jnp.zeros((0, len(states), 1))
    observe = lambda time, x, p: x  # noqa: E731
    seen, final, _, status, _ = march(
        tier, lambda _: parameters, observe, events, loads, times[:, None], before, start, segmented=False,
        dtype=tier.dtype,
    )  # fmt: skip
    return jnp.stack(seen, axis=1), jnp.stack(final), status
