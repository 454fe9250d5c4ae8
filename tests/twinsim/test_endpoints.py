"""Endpoints by name: how they are written, called and measured."""

import jax.numpy as jnp
import numpy as np
import pytest

import twinsim
from twinsim.endpoints import KNOWN, Endpoint, read_endpoint
from twinsim.errors import UsageError
from twinsim.units import parse

EVERY = tuple(f"{kind}:2.5" if needs_level else kind for kind, (_, needs_level, _) in KNOWN.items())
TIMES = np.linspace(0.0, 24.0, 25)


@pytest.fixture(scope="module")
def given():
    events = twinsim.regimen(320, interval=8, count=2)
    return twinsim.simulate(
        "theophylline", 30, events, times=TIMES, endpoints=EVERY, precision="float64", outputs=["concentration"]
    )


DENSE = np.linspace(0.0, 24.0, 48_001)


@pytest.fixture(scope="module")
def dense(given):
    """Two doses of one compartment, every 1.8 s: D ka / (V (ka - k)) (exp(-k t) - exp(-ka t)) from 0 h and 8 h on."""
    cl, v, ka = (given[f"parameters/{name}"] for name in ("cl", "v", "ka"))
    k = cl / v

    def dose(t):
        t = np.maximum(t, 0.0)[:, None]
        return 320.0 * ka / (v * (ka - k)) * (np.exp(-k * t) - np.exp(-ka * t))

    return dose(DENSE) + dose(DENSE - 8.0)


@pytest.mark.parametrize(
    "kind, expected, error",
    [
        ("auc", lambda c: np.trapezoid(c, DENSE), 2e-7),
        ("cmax", np.max, 1e-7),
        ("tmax", lambda c: DENSE[np.argmax(c)], 6e-4),
        ("trough", lambda c: c[::2000][TIMES > 8.0].min(), 1e-9),
        ("time_above_2p5", lambda c: np.mean(c > 2.5) * 24.0, 2e-3),
        ("first_above_2p5", lambda c: DENSE[np.argmax(c >= 2.5)], 6e-4),
    ],
)
def test_endpoints_of_a_simulation(given, dense, kind, expected, error):
    assert given[f"endpoints/{kind}"] == pytest.approx([expected(c) for c in dense.T], rel=error, abs=error)


def test_every_endpoint_has_a_unit_and_words(given):
    for variable in given.job.variables:
        if variable.group == "endpoints":
            parse(variable.units)  # refuses what is no unit
            assert "theophylline" not in variable.long_name and len(variable.long_name) > 20


@pytest.mark.parametrize("text, kind, level", [("auc", "auc", None), ("time_above:0.5", "time_above", 0.5)])
def test_reading(text, kind, level):
    assert read_endpoint(text) == Endpoint(kind, level)


@pytest.mark.parametrize(
    "text, words",
    [
        ("aucc", "did you mean auc"),
        ("time_above", "write time_above:10"),
        ("cmax:3", "write cmax"),
        ("time_above:high", "no number"),
        ("time_above:nan", "no number"),
    ],
)
def test_refusals(text, words):
    with pytest.raises(UsageError, match=words):
        read_endpoint(text)


@pytest.mark.parametrize(
    "level, several, name", [(10.0, False, "time_above_10"), (-0.5, True, "x_time_above_minus0p5")]
)
def test_names(level, several, name):
    assert Endpoint("time_above", level).name("x", several) == name


def test_levels_differ_in_their_results():
    curve, times = jnp.asarray([[0.0], [4.0]]), jnp.asarray([0.0, 8.0])
    found = [float(Endpoint("first_above", level).of(curve, times, jnp.asarray(0.0))[0]) for level in (1.0, 2.0)]
    assert found == pytest.approx([2.0, 4.0])
