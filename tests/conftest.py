"""Strict settings for every test; two host devices so that sharding is exercised."""

import gc
import os
import shutil
import tempfile
from pathlib import Path

import pytest

os.environ.setdefault("TWINSIM_XLA", "fast")  # tests run what the command runs
# Test processes share what they compile, and leave the user's cache alone.
if "PYTEST_XDIST_WORKER" not in os.environ:
    os.environ["TWINSIM_CACHE"] = tempfile.mkdtemp(prefix="twinsim-tests-")

import twinsim  # noqa: E402, F401  (sets the devices and float64 before JAX starts)

import jax  # isort: skip

# Tracing makes objects by the million, hardly any of them in cycles: looking for cycles took a tenth of the time.
gc.freeze()
gc.set_threshold(200_000, 20, 100)

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")


def pytest_sessionfinish() -> None:
    """Nothing compiled is kept beyond the run."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        shutil.rmtree(os.environ["TWINSIM_CACHE"], ignore_errors=True)


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """The folder of outside data; tests that need it skip without it."""
    folder = os.environ.get("TWINSIM_REFERENCE_DATA")
    if not folder:
        pytest.skip("TWINSIM_REFERENCE_DATA is not set: outside reference data is not here")
    return Path(folder)
