"""Reverse mode by recorded steps: the gradient of the numbers computed, which forward tangents of the march know too.

Depot and centre, whose saturable elimination ripples in time:

    a' = -ka a        c' = ka a - (1 + sin(t) / 2) vmax c / (km + c)

A lagged bolus, an infusion of modelled duration that ends between outputs or upon one, and a reset to a load.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kernels.explicit import ExplicitTier
from kernels.lanes import lanes
from kernels.march import Events, Start, march
from kernels.replay import record, replay
from kernels.stiff import StiffTier

PATIENTS = 8
TIMES = np.array([0.5, 1.0, 2.0, 2.0, 3.5, 6.0, 9.0])
RESET = 7.0
NAMES = ("ka", "vmax", "km", "lag", "duration", "dose", "begin", "load")


def rates_of(t, x, p):
    loss = (1.0 + 0.5 * jnp.sin(t)) * p["vmax"] * x[1] / (p["km"] + x[1])
    return -p["ka"] * x[0], p["ka"] * x[0] - loss


def parameters():
    """By name (patient); of the first the lag, of the second the end of the infusion is an output's time."""
    rng = np.random.default_rng(1)
    p = {name: rng.uniform(0.6, 1.4, PATIENTS) for name in NAMES}
    p["lag"][0], p["duration"][1] = 1.0, 2.0 - p["lag"][1]
    return {name: jnp.asarray(value) for name, value in p.items()}


def tier_of(kind, rtol, **options):
    if kind == "explicit":
        return ExplicitTier(rates_of, frozenset({1}), rtol=rtol, **options)
    return StiffTier(rates_of, frozenset({1}), size=2, rtol=rtol, **options)


def course(p):
    """Events, loads, how many of them precede each output, and the start."""
    zero, none = jnp.zeros(PATIENTS), jnp.zeros((4, PATIENTS))
    time = jnp.stack([p["lag"], p["lag"], p["lag"] + p["duration"], zero + RESET])
    rate = 5.0 * p["dose"] / p["duration"]

    def whole(values, dtype=jnp.int32):
        return jnp.broadcast_to(jnp.asarray(values, dtype)[:, None], time.shape)

    events = Events(
        time=time,
        target=whole([0, 1, 1, -1]),
        scale=none + 1.0,
        add=jnp.stack([10.0 * p["dose"], zero, zero, zero]),
        rate=jnp.stack([zero, rate, -rate, zero]),
        reset=whole([False, False, False, True], bool),
        load=whole([-1, -1, -1, 0]),
        segment=whole([0, 0, 0, 0]),
    )
    before = jnp.sum(time[None] <= jnp.asarray(TIMES)[:, None, None] + 1e-9, axis=1, dtype=jnp.int32)
    start = Start(jnp.zeros((1,)), (p["begin"], 0.5 * p["begin"]), (zero, zero), jnp.zeros((1,), jnp.int32))
    return events, jnp.stack([zero, 3.0 * p["load"]])[None], before, start


def observe(t, x, p):
    return {"c": x[1] / p["km"], "a": x[0]}


def marched(tier, p):
    events, loads, before, start = course(p)
    times = jnp.asarray(TIMES)[:, None]
    return march(tier, lambda s: p, observe, events, loads, times, before, start, segmented=False, dtype=tier.dtype)


def replayed(tier, p, room=300):
    events, loads, before, start = course(p)
    times = jnp.asarray(TIMES)[:, None]
    still = jax.tree.map(jax.lax.stop_gradient, (p, events, loads, times, before, start))
    notes = []

    def recorded(p, events, loads, times, before, start):
        return record(tier, lambda s: p, events, loads, times, before, start, room=room)

    recording = lanes(recorded, PATIENTS, notes.append)(*still)
    assert not notes
    return replay(tier, lambda s: p, observe, events, loads, times, before, start, recording=recording)


def total(outputs):
    """A number of each patient that all its outputs matter to, (patient)."""
    weights = jnp.linspace(1.0, 2.0, len(TIMES))[:, None]
    return jnp.sum(weights * outputs["c"] ** 2 + outputs["a"], axis=0)


@pytest.mark.parametrize("kind", ["explicit", "stiff"])
def test_gradients_are_those_of_forward_tangents(kind):
    tier, p = tier_of(kind, 1e-6), parameters()
    unit = {name: jnp.asarray([[float(name == other)] * PATIENTS for other in NAMES]) for name in NAMES}
    forward = jax.jit(jax.vmap(lambda d: jax.jvp(lambda q: total(marched(tier, q)[0]), (p,), (d,))[1]))(unit)
    backward = jax.jit(jax.grad(lambda q: jnp.sum(total(replayed(tier, q)[0]))))(p)
    for number, name in enumerate(NAMES):
        expected = np.asarray(forward[number])
        assert np.abs(expected).min() > 1e-6, name
        assert np.abs(np.asarray(backward[name]) - expected).max() <= 1e-12 * np.abs(expected).max(), name
