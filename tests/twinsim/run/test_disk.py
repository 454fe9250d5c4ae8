"""Disks that refuse: full, too small, not ours. In processes of their own, because limits last for a process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_job import TinyJob

from twinsim.errors import StoreError
from twinsim.run.local import execute
from twinsim.store import files, open_results

FULL = """
import resource, sys
sys.path.insert(0, sys.argv[2])
from tiny_job import TinyJob
from twinsim.errors import StoreError
from twinsim.run.local import execute
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
try:
    execute(TinyJob(), sys.argv[1], chunk=256, shard=512, single_file_bytes=int(sys.argv[4]))
except StoreError as error:
    print(error)
    sys.exit(3)
"""


def run_full(folder: Path, limit: int, single: int) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-c", FULL, str(folder), str(Path(__file__).parent), str(limit), str(single)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.skipif(os.name != "posix", reason="file size limits are a thing of POSIX systems")
@pytest.mark.parametrize("limit,kept", [(30_000, 0), (200_000, 10)], ids=["a shard", "the results"])
def test_full_disk_keeps_whole_files_and_says_what_to_do(tmp_path, limit, kept):
    folder = tmp_path / "r"
    process = run_full(folder, limit, 2**29)
    assert process.returncode == 3, process.stderr
    assert "resume=true" in process.stdout and f"{kept} of 10 shards are whole and kept" in process.stdout
    assert process.stderr == ""
    assert not list(folder.rglob("*.tmp")) and not (folder / "results.h5").exists()
    assert len(list(folder.glob("shards/*.h5"))) == kept
    assert json.loads((folder / "run.json").read_text())["state"] == "stopped"
    job = TinyJob()
    execute(job, folder, resume=True)
    assert bool(job.asked) == (kept == 0)
    open_results(folder).close()


def test_no_space_between_shards(tmp_path, monkeypatch):
    sync, calls = files._sync, []

    def full(path):
        calls.append(path)
        if path.name == "00003.h5.tmp":
            raise OSError(28, os.strerror(28), str(path))
        sync(path)

    monkeypatch.setattr(files, "_sync", full)
    with pytest.raises(StoreError, match="the disk is full"):
        execute(TinyJob(), tmp_path / "r", chunk=256, shard=512)
    assert not list(tmp_path.rglob("*.tmp"))
    monkeypatch.undo()
    job = TinyJob()
    execute(job, tmp_path / "r", resume=True)
    assert min(first for first, _ in job.asked) == 3 * 512


def test_no_space_for_the_first_byte_of_a_shard(tmp_path, monkeypatch):
    write = files.CarefulFile._write_all

    def full(self, view):
        if "00003" in str(self.raw.name):
            raise OSError(28, os.strerror(28))
        write(self, view)

    monkeypatch.setattr(files.CarefulFile, "_write_all", full)
    with pytest.raises(StoreError, match="the disk is full"):
        execute(TinyJob(), tmp_path / "r", chunk=256, shard=512)
    assert not list(tmp_path.rglob("*.tmp"))


def test_folder_that_may_not_be_written(tmp_path, monkeypatch):
    # Root may write anywhere, so the system's answer is given here.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(StoreError, match="cannot write in .*") as caught:
        execute(TinyJob(), tmp_path / "r")
    assert "out=FOLDER" in str(caught.value)


def test_parent_is_a_file(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="would lie in a file"):
        execute(TinyJob(), tmp_path / "file" / "r")
