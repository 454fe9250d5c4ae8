"""Which structures are linear: what the analysis proves, against the equations' own values."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import twinsim
from twinsim.models import analysis
from twinsim.models.structure import Parameter, Port, State, Structure

ALL = [name for name in twinsim.structures() if twinsim.structure(name).states]
POINTS = 200


def derivative_of(structure, rng):
    """(time, states (state, point)) -> derivatives, at random parameters and the inputs' own values."""
    p = {q.name: np.exp(rng.normal(size=POINTS)) * (q.default or 1.0) for q in structure.parameters}
    u = {port.name: jnp.float64(port.default) for port in structure.needs}

    def derivative(t, x):
        named = dict(zip(structure.state_names, map(jnp.asarray, x), strict=True))
        result = structure.derivative(jnp.float64(t), named, {k: jnp.asarray(v) for k, v in p.items()}, u)
        return np.stack([np.broadcast_to(result[name], POINTS) for name in structure.state_names])

    return derivative


@pytest.mark.parametrize("name", ALL)
def test_the_verdict_holds_at_random_points(name):
    """f(a x + (1 - a) y) = a f(x) + (1 - a) f(y) and no time, exactly where the analysis says so."""
    structure, rng = twinsim.structure(name), np.random.default_rng(7)
    f, size = derivative_of(structure, rng), len(structure.states)
    x, y = 10.0 ** rng.uniform(-4, 5, (2, size, POINTS))
    a = rng.uniform(0, 1, POINTS)
    with np.errstate(invalid="ignore"):  # no cell lives at 10^5 mV
        got, expected = f(1.0, a * x + (1 - a) * y), a * f(1.0, x) + (1 - a) * f(1.0, y)
        scale = np.abs(f(1.0, x)) + np.abs(f(1.0, y)) + sum(np.abs(f(1.0, v * e)) for v in (x, y) for e in units(size))
        straight = np.all(np.abs(got - expected) <= 1e-12 * scale) and np.array_equal(f(1.0, x), f(50.0, x))
    assert analysis.is_affine(structure) == straight
    still = {i for i, row in enumerate(f(1.0, np.zeros_like(x))) if np.any(row != 0.0)}
    assert still <= analysis.constant_inputs(structure)
    assert analysis.is_linear(structure) == (straight and not still and not structure.needs)


def units(size):
    """Each state alone: the size of what may cancel in a derivative."""
    return np.eye(size)[:, :, None]


def made_up(rates, **options):
    """A structure of two states and one parameter with these equations."""
    return Structure(
        name="test/made_up",
        parameters=(Parameter("k", "1/h", 0.3, "rate constant", "assumed"),),
        states=(State("a", "mg", "first"), State("b", "mg", "second")),
        gives=(Port("a", "mg", "amount", "first"),),
        rates=rates,
        outputs=lambda t, x, p, u: {"a": x.a},
        source="assumed",
        **options,
    )


CURVED = {
    "a threshold whose tangent is 0": lambda x, t, k: jnp.where(x > 100.0, 1.0, 0.0) - k * x,
    "a rate constant that switches": lambda x, t, k: jnp.where(x > 100.0, k, 2.0 * k) * -x,
    "a maximum": lambda x, t, k: -jnp.maximum(x - 5.0, 0.0) * k,
    "a floor": lambda x, t, k: -k * jnp.floor(x),
    "an absolute value": lambda x, t, k: -k * jnp.abs(x),
    "a square": lambda x, t, k: -k * x * x,
    "a power": lambda x, t, k: -k * x**0.75,
    "a reciprocal": lambda x, t, k: -k * x / (1.0 + x),
    "an input in time": lambda x, t, k: jnp.where(t < 5.0, 0.0, 1.0) - k * x,
    "a rate in time": lambda x, t, k: -k * (1.0 + t) * x,
    "a tangent that is cut off": lambda x, t, k: -k * jax.lax.stop_gradient(x),
}
STRAIGHT = {
    "a switch of parameters": lambda x, t, k: jnp.where(k > 1.0, -k, -2.0 * k) * x,
    "a curve of parameters": lambda x, t, k: -(jnp.maximum(k, 0.1) ** 0.75) * x / (1.0 + k),
    "division": lambda x, t, k: -x / k + 2.0 * x - (+x),
    "no state at all": lambda x, t, k: 0.0 * x,
}


@pytest.mark.parametrize("what", CURVED)
def test_what_is_not_linear(what):
    structure = made_up(lambda t, x, p, u: {"a": CURVED[what](x.a, t, p.k), "b": p.k * x.a})
    assert not analysis.is_affine(structure) and not analysis.is_linear(structure)
    assert analysis.star(structure) is None


@pytest.mark.parametrize("what", STRAIGHT)
def test_what_is_linear(what):
    structure = made_up(lambda t, x, p, u: {"a": STRAIGHT[what](x.a, t, p.k), "b": p.k * x.a})
    assert analysis.is_linear(structure) and not analysis.constant_inputs(structure)


def test_a_constant_input_makes_it_affine():
    structure = made_up(lambda t, x, p, u: {"a": p.k - p.k * x.a, "b": p.k * (x.a - x.b)})
    assert analysis.is_affine(structure) and not analysis.is_linear(structure)
    assert analysis.constant_inputs(structure) == {0}


def test_what_comes_from_outside_is_constant_where_it_is_bound():
    port = Port("level", "mg", "amount", "from outside", default=2.0)
    rates = lambda t, x, p, u: {"a": p.k * (u.level * x.b - x.a), "b": u.level - jnp.sqrt(u.level) * x.b}  # noqa: E731
    structure = made_up(rates, needs=(port,))
    assert analysis.is_affine(structure) and analysis.constant_inputs(structure) == {1}
    silent = dataclasses.replace(structure, needs=(dataclasses.replace(port, default=0.0),))
    assert analysis.is_affine(silent) and not analysis.constant_inputs(silent)
