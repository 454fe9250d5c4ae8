"""A reference solver for the equations alone: SciPy at a tight tolerance, no events, plain floats."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp


def defaults(structure, **changed):
    """Parameter values by name: the declared defaults, with changes."""
    values = {item.name: item.default for item in structure.parameters}
    assert set(changed) <= set(values)
    return values | changed


@pytest.fixture(scope="session")
def solve():
    """solve(structure, times, start, parameters, inputs) -> states by name, each (time)."""

    def run(structure, times, start, parameters, inputs=None):
        names = structure.state_names

        def slope(t, y):
            u = {} if inputs is None else inputs(t)
            d = structure.derivative(t, dict(zip(names, y.tolist(), strict=True)), parameters, u)
            return [float(d[name]) for name in names]

        y = [start.get(name, 0.0) for name in names]
        span = (0.0, float(times[-1]))
        found = solve_ivp(slope, span, y, "DOP853", t_eval=times, rtol=1e-11, atol=1e-11)
        assert found.success
        return dict(zip(names, found.y, strict=True))

    return run


@pytest.fixture(scope="session")
def times():
    return np.linspace(0.0, 24.0, 25)


@pytest.fixture(scope="session")
def values():
    return defaults
