"""The benchmark of GPUs, on whatever is here."""

import json
import subprocess
import sys

import jax
import pytest

from benchmarks import busy, gpu
from benchmarks.measure import ROOT


def test_rows(tmp_path, capsys):
    file = tmp_path / "rows.json"
    assert gpu.main(["--only", "lorenz_fixed", "--quick", "--json", str(file)]) == 0
    (row,) = json.loads(file.read_text())["results"]
    assert row["name"] == "twinsim fixed" and row["size"] == gpu.QUICK_SIZE and row["error"] < 1e-4
    assert "lorenz_fixed" in capsys.readouterr().out


def test_xla_alone_is_another_program_with_the_same_numbers():
    aim = gpu.Aim("lorenz_adaptive", "explicit", "float64", 64, rtol=1e-6)
    own, xla = (gpu.row_of(gpu.replace(aim, by_xla=by_xla), 64, 0, 1) for by_xla in (False, True))
    assert own.name == "twinsim explicit" and xla.name == "twinsim explicit by XLA"
    assert own.error == pytest.approx(xla.error, rel=1e-3) and own.error < 1e-5


def test_unknown_problems_are_named(capsys):
    with pytest.raises(SystemExit):
        gpu.main(["--only", "lorentz"])
    assert "lorenz_fixed" in capsys.readouterr().err


def test_instructions_of_float64_are_those_of_float64():
    """In a process of its own, where nothing else has told JAX that there is float64."""
    command = [sys.executable, "-W", "error::UserWarning", "-m", "benchmarks.instructions", "--only", "lorenz_fixed"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert [line.split()[2] for line in done.stdout.splitlines()[1:]] == ["float32", "float64"]


def test_a_profile_has_intervals(tmp_path):
    """Of the host, where there is no device with streams."""
    with jax.profiler.trace(str(tmp_path)):
        jax.block_until_ready(jax.numpy.ones(1000) * 2.0)
    found = busy.device_intervals(tmp_path, "/host:CPU", stream="")
    covered, window = busy.union_s(found)
    assert len(found) > 1 and 0.0 < covered <= window < 60.0
    assert busy.device_intervals(tmp_path, "/no such device", stream="") == []
    assert busy.union_s([]) == (0.0, 0.0)
    assert busy.union_s([(3.0, 4.0), (0.0, 2.0), (1.0, 1.5)]) == (3.0, 4.0)
