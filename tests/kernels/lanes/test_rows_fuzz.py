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
    """A program and its results, both ways; to the bit where they are exact."""
    program, given = Program(seed, steps), inputs(ROWS[seed % len(ROWS)], PATIENTS, seed)
    notes = []
    found = jax.jit(around(lanes(program, PATIENTS, notes.append)))(*given)
    assert not notes, notes
    expected = jax.jit(around(program))(*given)
    for a, b, exact in zip(found, expected, program.exact, strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        a, b = np.asarray(a), np.asarray(b)
        if exact or b.dtype.kind != "f":
            np.testing.assert_array_equal(a, b, err_msg="\n".join(program.story))
        else:
            scale = np.max(np.abs(b), initial=1.0, where=np.isfinite(b))
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * scale, err_msg="\n".join(program.story))


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
