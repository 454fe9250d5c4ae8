"""How fast the fastest process of a structure is: what holds an explicit method to short steps."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np

from twinsim.compiled_once import compiled_now
from twinsim.models.structure import Structure

# Tsitouras 5(4) is stable for real negative h lambda down to about -3.3.
STABLE = 3.3


def stability_steps(structure: Structure, horizon: float, parameters: Mapping[str, float] | None = None) -> float:
    """Steps that stability alone asks of tier explicit: the largest rate times the horizon over 3.3.

    Args:
        parameters: of a typical patient; defaults for those that are left out.

    >>> from twinsim.models.pk.two_compartment_mm import structure
    >>> stability_steps(structure, 72.0) < 100
    True
    """
    return fastest_rate(structure, tuple(sorted((parameters or {}).items()))) * abs(horizon) / STABLE


@lru_cache(maxsize=256)
def fastest_rate(structure: Structure, parameters: tuple[tuple[str, float], ...] = ()) -> float:
    """Largest eigenvalue of the Jacobian in size [1 / the structure's time unit].

    A nonlinear system is looked at where it starts, and with each state raised to 1 and to 100 of its units: an
    estimate that chooses a tier, nothing more.
    """
    names = structure.state_names
    p = {item.name: np.float64(dict(parameters).get(item.name, item.default)) for item in structure.parameters}
    u = {port.name: np.float64(1.0 if port.default is None else port.default) for port in structure.needs}

    def jacobians(p: Mapping[str, jax.Array], u: Mapping[str, jax.Array]) -> jax.Array:
        begin = structure.initial(p, u)
        start = jnp.stack([jnp.asarray(begin[name], jnp.float64) for name in names])

        def derivative(x: jax.Array) -> jax.Array:
            result = structure.derivative(jnp.float64(0.0), dict(zip(names, x, strict=True)), p, u)
            return jnp.stack([jnp.asarray(result[name], jnp.float64) for name in names])

        return jax.vmap(jax.jacfwd(derivative))(jnp.stack([start, start + 1.0, start + 100.0]))

    matrices = np.asarray(compiled_now(jacobians, p, u)(p, u))
    sound = [matrix for matrix in matrices if np.isfinite(matrix).all()]
    return max((float(np.abs(np.linalg.eigvals(matrix)).max()) for matrix in sound), default=0.0)
