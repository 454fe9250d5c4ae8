"""Steps of fixed size for many patients of one structure: a way to its curves that knows nothing of tiers."""

from functools import partial

import jax
import jax.numpy as jnp


def given(structure, count, parameters=None, needs=None):
    """Parameters and needs by name (patient), defaults where nothing is said."""
    p = {item.name: item.default for item in structure.parameters} | (parameters or {})
    u = {port.name: port.default for port in structure.needs} | (needs or {})
    assert set(p) == set(structure.parameter_names) and set(u) == set(structure.need_names)
    return tuple({key: jnp.broadcast_to(jnp.asarray(v, float), (count,)) for key, v in d.items()} for d in (p, u))


@partial(jax.jit, static_argnums=(0, 5))
def march(structure, x, p, u, step, count):
    """States after `count` steps (patient) by the classical method of Runge and Kutta; step (patient)."""

    def slope(x):
        rates = structure.derivative(jnp.zeros_like(step), x, p, u)
        return {name: jnp.broadcast_to(jnp.asarray(value, float), step.shape) for name, value in rates.items()}

    def ahead(x, k, part):
        return {name: x[name] + part * step * k[name] for name in x}

    def one(x, _):
        k1 = slope(x)
        k2 = slope(ahead(x, k1, 0.5))
        k3 = slope(ahead(x, k2, 0.5))
        k4 = slope(ahead(x, k3, 1.0))
        total = {name: (k1[name] + 2.0 * k2[name] + 2.0 * k3[name] + k4[name]) / 6.0 for name in x}
        return ahead(x, total, 1.0), None

    return jax.lax.scan(one, x, None, length=count)[0]


def begun(structure, p, u):
    """States at the beginning (patient)."""
    size = next(iter(p.values())).shape
    return {name: jnp.broadcast_to(jnp.asarray(v, float), size) for name, v in structure.initial(p, u).items()}


@partial(jax.jit, static_argnums=(0,))
def seen(structure, x, p, u):
    """Outputs (patient)."""
    return structure.observe(jnp.zeros(()), x, p, u)
