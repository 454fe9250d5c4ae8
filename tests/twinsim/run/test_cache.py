"""Compiled programs kept from run to run: where, how many, and never at a run's cost."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from twinsim.run import cache

ROOT = Path(__file__).resolve().parents[3]
# Prints where programs are kept, how many were read back from there, and the sum.
PROGRAM = """
import twinsim, jax
hits = []
jax.monitoring.register_event_listener(lambda name, **_: hits.append(name) if name.endswith("/cache_hits") else None)
total = jax.jit(lambda x: (x * x).sum())(jax.numpy.arange(7.0))
print(jax.config.jax_compilation_cache_dir, len(hits), float(total))
"""


def run(tmp_path: Path, **variables: str) -> tuple[str, int, float]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path / "home"), **variables}
    words = [sys.executable, "-W", "error", "-c", PROGRAM]
    done = subprocess.run(words, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    folder, hits, total = done.stdout.split()
    return folder, int(hits), float(total)


@pytest.mark.parametrize(
    "system, variables, start",
    [
        ("linux", {"HOME": "/h"}, "/h/.cache/twinsim/compiled-"),
        ("linux", {"HOME": "/h", "XDG_CACHE_HOME": "/x"}, "/x/twinsim/compiled-"),
        ("darwin", {"HOME": "/h"}, "/h/Library/Caches/twinsim/compiled-"),
        ("win32", {"HOME": "/h", "LOCALAPPDATA": "/l"}, "/l/twinsim/cache/compiled-"),
        ("linux", {"HOME": "/h", "TWINSIM_CACHE": "/mine"}, "/mine/compiled-"),
    ],
)
def test_folder_of_each_platform(system, variables, start, monkeypatch):
    monkeypatch.setenv("HOME", variables["HOME"])
    found = cache.cache_folder(variables, system)
    assert found is not None and found.as_posix().startswith(start)


def test_second_process_reads_what_the_first_one_kept(tmp_path):
    folder, first, total = run(tmp_path, TWINSIM_CACHE=str(tmp_path / "kept"))
    assert Path(folder).parent == tmp_path / "kept" and first == 0
    kept = {path: path.stat().st_mtime_ns for path in Path(folder).iterdir()}
    again, hits, same = run(tmp_path, TWINSIM_CACHE=str(tmp_path / "kept"))
    assert hits > 0 and same == total == 91.0
    assert {path: path.stat().st_mtime_ns for path in Path(again).iterdir()} == kept


def test_switched_off_and_own_setting_of_the_user(tmp_path):
    assert run(tmp_path, TWINSIM_CACHE="off")[0] == "None"
    own = str(tmp_path / "jax")
    assert run(tmp_path, TWINSIM_CACHE=str(tmp_path / "ours"), JAX_COMPILATION_CACHE_DIR=own)[0] == own
    assert not (tmp_path / "ours").exists()


def test_home_that_cannot_be_written_and_damaged_program(tmp_path):
    (tmp_path / "home").write_text("a file where a folder should be")
    assert run(tmp_path, TWINSIM_CACHE="")[::2] == ("None", 91.0)
    kept = tmp_path / "kept"
    folder = run(tmp_path, TWINSIM_CACHE=str(kept))[0]
    for path in Path(folder).iterdir():
        path.write_bytes(path.read_bytes()[:100])
    assert run(tmp_path, TWINSIM_CACHE=str(kept))[1:] == (0, 91.0)


def test_full_disk_is_left_alone(tmp_path, monkeypatch):
    assert cache.usable(tmp_path / "new") == tmp_path / "new"
    monkeypatch.setattr(cache, "FREE_BYTES", 1 << 62)
    assert cache.usable(tmp_path / "new") is None


def test_oldest_programs_go_first(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "MOST_BYTES", 50)
    monkeypatch.setattr(cache, "KEPT_BYTES", 20)
    for number in range(6):
        path = tmp_path / f"{number}-cache"
        path.write_bytes(bytes(10))
        os.utime(path, (number, number))
    cache.usable(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["4-cache", "5-cache"]


def test_machine_code_is_read_back_and_half_a_file_is_not(tmp_path):
    kept, code = cache.MachineCode(tmp_path), bytes(range(256)) * 40
    assert kept.read("a") is None
    kept.write("a", code)
    assert kept.read("a") == code and [path.name for path in tmp_path.iterdir()] == ["a.o"]
    (tmp_path / "a.o").write_bytes((tmp_path / "a.o").read_bytes()[:-1])
    assert kept.read("a") is None
    cache.MachineCode(tmp_path / "nowhere").write("a", code)


def test_lanes_are_compiled_once_for_all_runs(tmp_path):
    program = """
import twinsim, jax.numpy as jnp
from kernels.lanes import host, lanes
made = host.llvm.parse_assembly
count = []
host.llvm.parse_assembly = lambda text: (count.append(1) if text else None, made(text))[1]
print(float(lanes(lambda x: jnp.exp(x), 64)(jnp.zeros(64))[3]), len(count))
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TWINSIM_CACHE": str(tmp_path)}
    words = [sys.executable, "-W", "error", "-c", program]
    said = [
        subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=True).stdout.split()
        for _ in range(2)
    ]
    assert said == [["1.0", "1"], ["1.0", "0"]]
