"""Cohorts as a GPU computes them: kernels as threads, and all blocks of patients at once."""

import numpy as np
import pytest

import kernels.batch
import twinsim.program
from tests.kernels.lanes.gpu_twin import on_gpu
from twinsim.cohort_job import cohort_job
from twinsim.program import compiled

SIZE = 700


def job(solver):
    doses = twinsim.regimen(amount=100.0, interval=24.0, count=3, route="oral")
    times = np.linspace(0.0, 96.0, 49)
    return cohort_job("warfarin_pk", doses, times, size=SIZE, save="summary", solver=solver, observed=True, rtol=1e-6)


@pytest.fixture
def gpu(monkeypatch):
    """Attributes of the kernels that are called."""
    asked = []
    on_gpu(monkeypatch, asked)
    for module in (kernels.batch, twinsim.program):
        monkeypatch.setattr(module, "blocks_at_once", lambda patients, block=256: patients // block)
    compiled.cache_clear()
    yield asked
    compiled.cache_clear()


def numbers(solver):
    job_ = job(solver)
    found = job_.compute(0, SIZE)
    return {key: np.asarray(array) for key, array in found.items()}


@pytest.mark.parametrize("solver", ["closed", "stiff"])
def test_cohort(solver, request):
    expected = numbers(solver)
    asked = request.getfixturevalue("gpu")
    found = numbers(solver)
    assert len(asked) == 2  # people, curves
    assert found.keys() == expected.keys()
    moments = job(solver).reducers[0]
    means = [moments.finish(moments.add(moments.start(), each, 0)) for each in (found, expected)]
    for (variable, ours), (_, theirs) in zip(*means, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=1e-6, err_msg=variable.name)
    for key, array in expected.items():
        if key.endswith("#moments"):
            assert found[key].shape[-1] < array.shape[-1]  # blocks are joined
        elif key.endswith("#bins"):
            # Whoever stands at the edge of a bin may fall to the other side.
            assert np.abs(found[key].astype(int) - array).sum() <= 1e-3 * array.sum()
            assert found[key].sum() == array.sum()
        elif array.dtype.kind == "f":
            np.testing.assert_allclose(found[key], array, rtol=2e-4, atol=1e-5 * np.nanmax(np.abs(array)), err_msg=key)
        else:
            np.testing.assert_array_equal(found[key], array)
