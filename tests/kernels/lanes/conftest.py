"""What the programs of this folder are compiled for."""

import pytest

from kernels.lanes import host
from tests.kernels.lanes.gpu_twin import on_gpu


@pytest.fixture(params=["lanes", "one lane", "gpu"])
def everywhere(request, monkeypatch):
    """SIMD lanes of this processor, one lane of it, and threads of a GPU."""
    if request.param == "one lane":
        monkeypatch.setattr(host, "width", lambda size=4, vectors=2: 1)
    elif request.param == "gpu":
        on_gpu(monkeypatch)
    return request.param
