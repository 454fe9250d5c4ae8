"""What the programs of this folder are compiled for."""

import jax
import pytest

from kernels.lanes import host
from tests.kernels.lanes.gpu_twin import on_gpu


@pytest.fixture(params=["lanes", "one lane", "gpu"])
def everywhere(request, monkeypatch):
    """SIMD lanes of this processor (or the GPU that is here), one lane of it, and threads of a GPU that is not here."""
    if request.param != "lanes" and jax.default_backend() != "cpu":
        pytest.skip("there is a GPU, on which the programs run")
    if request.param == "one lane":
        monkeypatch.setattr(host, "width", lambda size=4, vectors=2: 1)
    elif request.param == "gpu":
        on_gpu(monkeypatch)
    return request.param
