"""Random programs over rows of patients: by lanes, exactly what XLA computes."""

from functools import partialmethod

import jax
import numpy as np
import pytest

from kernels.lanes import host, lanes, nvidia
from kernels.lanes.text import Text
from tests.kernels.lanes.gpu_twin import on_gpu
from tests.kernels.lanes.random_rows import Program, inputs

PATIENTS = 90  # not a whole number of groups
ROWS = (3, 64, 65, 100)


def agrees(seed, steps=14, around=lambda function: function):
    """A program's results, both ways; to the bit where they are exact."""
    program, given = Program(seed, steps), inputs(ROWS[seed % len(ROWS)], PATIENTS, seed)
    notes = []
    found = jax.jit(around(lanes(program, PATIENTS, notes.append)))(*given)
    assert not notes, notes
    expected, story = jax.jit(around(program))(*given), "\n".join(program.story)
    # Whatever comes after the results, such as their derivatives, is not exact.
    exact = program.exact + [False] * (len(expected) - len(program.exact))
    for a, b, same in zip(found, expected, exact, strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        a, b = np.asarray(a), np.asarray(b)
        if same or b.dtype.kind != "f":
            np.testing.assert_array_equal(a, b, err_msg=story)
        else:
            scale = np.max(np.abs(b), initial=1.0, where=np.isfinite(b))
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * scale, err_msg=story)


@pytest.fixture
def in_place(monkeypatch):
    """As if all results were long: they are replaced where they lie."""
    monkeypatch.setattr(Text, "__init__", partialmethod(Text.__init__, burst=0))


@pytest.mark.parametrize("seed", range(8))
def test_random_programs(seed):
    agrees(seed)


@pytest.mark.parametrize("seed", range(20, 28))
def test_random_programs_with_results_in_place(seed, in_place):
    agrees(seed)


@pytest.mark.parametrize("seed", range(40, 44))
def test_random_programs_by_one_lane(seed, in_place, monkeypatch):
    monkeypatch.setattr(host, "width", lambda size=4, vectors=2: 1)
    agrees(seed)


@pytest.mark.parametrize("seed", range(60, 64))
def test_random_programs_by_threads_of_a_gpu(seed, monkeypatch):
    if jax.default_backend() == "cpu":
        on_gpu(monkeypatch)
        monkeypatch.setattr(nvidia, "STACK", 64 * 1024)
    agrees(seed, steps=10)


def with_derivatives(function):
    """Results, and their derivatives along all numbers at once."""

    def along(*given):
        tangents = [x * 0.5 if x.dtype.kind == "f" else np.zeros(x.shape, jax.dtypes.float0) for x in given]
        values, slopes = jax.jvp(function, given, tuple(tangents))
        return [*values, *(s for s in slopes if s.dtype != jax.dtypes.float0)]

    return along


@pytest.mark.parametrize("seed", [80, 81, 85])
def test_derivatives_of_random_programs(seed):
    agrees(seed, steps=8, around=with_derivatives)
