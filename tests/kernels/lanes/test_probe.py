"""The small kernel that is tried before any other is trusted."""

from types import SimpleNamespace

import jax
import numpy as np
import pytest

from kernels.batch import all_devices, on_devices, spread
from kernels.lanes import nvidia
from tests.kernels.lanes.gpu_twin import on_gpu

X = {"x": np.arange(8.0)}


@pytest.fixture
def trouble(monkeypatch):
    """What goes wrong on a GPU that is not here."""
    asked, call = nvidia._trouble.__wrapped__, nvidia.call
    on_gpu(monkeypatch)
    monkeypatch.setattr(nvidia, "call", call)
    gpu = SimpleNamespace(client=SimpleNamespace(platform_version="cuda 13000"), device_kind="NVIDIA H200")
    monkeypatch.setattr(nvidia.jax, "local_devices", lambda: [gpu])
    return asked


def test_kernels_are_trusted(trouble):
    assert trouble() == ""


def test_it_may_be_asked_while_a_program_is_traced_for_several_devices(trouble):
    answers = []

    def function(own, shared):
        answers.append(trouble())
        return own

    jax.jit(on_devices(function, {"x": 1}, all_devices()))({"x": spread(X["x"], all_devices())}, {})
    assert answers == [""]


@pytest.mark.parametrize("problem", [RuntimeError(""), RuntimeError("two\nlines")])
def test_whatever_it_raises_xla_does_the_work(trouble, monkeypatch, problem):
    def call(*arguments):
        raise problem

    monkeypatch.setattr(nvidia, "call", call)
    assert "do not run on this NVIDIA H200: RuntimeError" in trouble()


@pytest.mark.parametrize("wrong", [np.nan, 1.001])
@pytest.mark.parametrize("which", [0, 1])
def test_wrong_numbers_are_seen(trouble, monkeypatch, wrong, which):
    call = nvidia.call

    def wrongly(*arguments):
        found = call(*arguments)
        found[which] = found[which] * wrong
        return found

    monkeypatch.setattr(nvidia, "call", wrongly)
    assert "wrong numbers" in trouble()
