"""Runs that are stopped, killed or hindered, and continued: the same bytes in the end, or a refusal that says why."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.experiments.command import command
from tests.twinsim.run.stored import contents
from twinsim.errors import StoreError
from twinsim.run.local import execute
from twinsim.store import files, open_results

ROOT = Path(__file__).resolve().parents[2]
# Sixteen shards of two chunks: something is left to do at whatever moment the run is stopped.
RUN = ["+experiment=cohort_pk", "population.size=8192", "runner.chunk=256", "runner.shard=512", "times.count=20"]
RUN += ["report=false", "progress=plain"]
# Results of this size stay in one file; of any size in their shards.
SINGLE = {"one file": 2**29, "shards": 0}
# The real command, with a pause in every chunk, so that a signal comes while something is left to do.
PROGRAM = """
import sys, time
from twinsim.cli import main
from twinsim.cohort_job import CohortJob
from twinsim.run.local import execute
execute.__kwdefaults__["single_file_bytes"] = int(sys.argv[1])
compute = CohortJob.compute
def slow(self, first, count):
    time.sleep(0.2)
    return compute(self, first, count)
CohortJob.compute = slow
sys.exit(main(sys.argv[2:]))
"""


@pytest.fixture
def kind(request, monkeypatch):
    """How the results are stored, in this process too."""
    monkeypatch.setitem(execute.__kwdefaults__, "single_file_bytes", SINGLE[request.param])
    return request.param


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """Start the run in a process of its own and send it a signal when `moment()` comes: exit code and errors."""
    # The processes share what is compiled, because compiling takes most of their time.
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path_factory.mktemp("compiled")),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }

    def start(folder, kind, how, moment, *words):
        line = [sys.executable, "-c", PROGRAM, str(SINGLE[kind]), *RUN, f"out={folder}", *words]
        process = subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 120
        while process.poll() is None and not moment() and time.monotonic() < deadline:
            time.sleep(0.002)
        process.send_signal(how)
        _, errors = process.communicate(timeout=120)
        return process.returncode, errors

    return start


def shards(folder, count):
    """A moment: so many shards are whole."""
    return lambda: len(list(folder.glob("shards/*.json"))) >= count


def there(path):
    """A moment: the file is there."""
    return path.exists


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of the run that nobody stopped, by the way it is stored."""
    kept = {}
    for name, size in SINGLE.items():
        folder = tmp_path_factory.mktemp("whole") / "run"
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(execute.__kwdefaults__, "single_file_bytes", size)
            assert command(*RUN, f"out={folder}").code == 0
        kept[name] = contents(folder / "results.h5")
    return kept


@pytest.mark.parametrize("kind", ["one file"], indirect=True)
def test_killed_at_several_moments_and_resumed_gives_the_same_bytes(tmp_path, kind, stopped, whole):
    folder, results = tmp_path / "run", tmp_path / "run" / "results.h5"
    code, errors = stopped(folder, kind, signal.SIGKILL, there(folder / "run.json"))
    assert code == -signal.SIGKILL and not results.exists(), errors
    code, errors = stopped(folder, kind, signal.SIGKILL, shards(folder, 3), "resume=true")
    assert code == -signal.SIGKILL and not results.exists(), errors
    first = len(list(folder.glob("shards/*.json")))
    assert first >= 3
    with pytest.raises(StoreError, match="no results yet"):
        open_results(folder)
    answer = command(*RUN, f"out={folder}")
    assert answer.code == 2 and "resume=true" in answer.err
    code, errors = stopped(folder, kind, signal.SIGINT, shards(folder, first + 3), "resume=true")
    assert code == 130 and "resume=true" in errors and "Traceback" not in errors, errors
    assert json.loads((folder / "run.json").read_text())["state"] == "interrupted"
    code, errors = stopped(folder, kind, signal.SIGKILL, there(folder / "results.h5.tmp"), "resume=true")
    assert code in (-signal.SIGKILL, 0), errors  # that moment is short
    answer = command(*RUN, f"out={folder}", "resume=true")
    assert answer.code == 0 and f"results: {results}" in answer.out
    assert contents(results) == whole[kind]
    assert not list(folder.rglob("*.tmp")) and not (folder / "shards").exists()


@pytest.mark.parametrize("kind", ["shards"], indirect=True)
def test_shards_that_are_whole_are_kept_as_they_are(tmp_path, kind, stopped, whole):
    folder = tmp_path / "run"
    code, errors = stopped(folder, kind, signal.SIGKILL, shards(folder, 4))
    assert code == -signal.SIGKILL, errors
    kept = {path: path.stat().st_mtime_ns for path in folder.glob("shards/*.json")}
    assert len(kept) >= 4
    assert command(*RUN, f"out={folder}", "resume=true").code == 0
    assert contents(folder / "results.h5") == whole[kind]
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert not list(folder.rglob("*.tmp"))


@pytest.mark.parametrize("kind", ["shards"], indirect=True)
def test_missing_and_damaged_shards_are_refused_and_made_again(tmp_path, kind, whole):
    folder = tmp_path / "run"
    assert command(*RUN, f"out={folder}").code == 0
    shard = folder / "shards" / "00003.h5"
    original = shard.read_bytes()
    middle = len(original) // 2
    flipped = original[:middle] + bytes([original[middle] ^ 1]) + original[middle + 1 :]
    for damaged, words in ((None, "is missing"), (original[:-1], "bytes instead of"), (flipped, "checksum")):
        shard.unlink() if damaged is None else shard.write_bytes(damaged)
        with pytest.raises(StoreError) as caught:
            open_results(folder, full=True)
        text = str(caught.value)
        assert words in text and "shards/00003.h5" in text and "patients 1536 to 2047" in text and "resume=true" in text
        answer = command(*RUN, f"out={folder}")
        assert answer.code == 2
        answer = command(*RUN, f"out={folder}", "resume=true")
        assert answer.code == 0, answer.err
        assert contents(folder / "results.h5") == whole[kind]
    with open_results(folder, full=True) as data:
        assert data.sizes == {"patient": 8192, "time": 20}


def test_a_finished_run_is_neither_overwritten_nor_done_again(tmp_path, whole):
    folder = tmp_path / "run"
    assert command(*RUN, f"out={folder}").code == 0
    before = (folder / "results.h5").stat()
    answer = command(*RUN, f"out={folder}")
    assert answer.code == 2 and "already finished" in answer.err
    answer = command(*RUN, f"out={folder}", "resume=true")
    assert answer.code == 0 and (folder / "results.h5").stat().st_mtime_ns == before.st_mtime_ns
    for words, shown in (
        (["seed=1"], "seed: 0 -> 1"),
        (["save=summary"], '"trajectories" -> "summary"'),
        (["precision=float64"], 'precision: "float32" -> "float64"'),
        (["typical.cl=2"], "cl"),
        (["model=warfarin_pk"], "another run"),
    ):
        for resume in ([], ["resume=true"]):
            answer = command(*RUN, f"out={folder}", *words, *resume)
            assert answer.code == 2 and shown in answer.err and "out=FOLDER" in answer.err, answer.err
            assert "key: there -> now" in answer.err
    assert (folder / "results.h5").stat().st_mtime_ns == before.st_mtime_ns
    assert contents(folder / "results.h5") == whole["one file"]


def test_a_full_disk_keeps_what_is_whole(tmp_path, monkeypatch, whole):
    folder, sync = tmp_path / "run", files._sync

    def full(path):
        if path.name == "00004.h5.tmp":
            raise OSError(28, os.strerror(28), str(path))
        sync(path)

    with monkeypatch.context() as patch:
        patch.setattr(files, "_sync", full)
        answer = command(*RUN, f"out={folder}")
    assert answer.code == 2 and "the disk is full" in answer.err and "resume=true" in answer.err
    assert "shards are whole and kept" in answer.err and "Traceback" not in answer.err
    assert not (folder / "results.h5").exists() and not list(folder.rglob("*.tmp"))
    assert command(*RUN, f"out={folder}", "resume=true").code == 0
    assert contents(folder / "results.h5") == whole["one file"]


def test_a_killed_fit_goes_on_to_the_same_bytes(tmp_path):
    """In the search, of which every evaluation is kept; then among the resamples, of which every fit is."""
    words = ["+experiment=fit_theophylline", "calibrate.bootstrap=3", "report=false"]
    assert command(*words, f"out={tmp_path / 'whole'}").code == 0
    folder, kept = tmp_path / "run", tmp_path / "run" / "checkpoint"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for moment in (there(kept / "evaluation-00003.npz"), there(kept / "bootstrap" / "refit-00000.npz")):
        more = ["resume=true"] if folder.exists() else []
        line = [sys.executable, "-m", "twinsim", *words, f"out={folder}", *more]
        process = subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 120
        while process.poll() is None and not moment() and time.monotonic() < deadline:
            time.sleep(0.002)
        process.kill()
        _, errors = process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL and moment(), errors
    refused = command(*words, f"out={folder}")
    assert refused.code == 2 and "resume=true" in refused.err
    answer = command(*words, f"out={folder}", "resume=true")
    assert answer.code == 0, answer.err
    assert contents(folder / "results.h5") == contents(tmp_path / "whole" / "results.h5")
    assert not kept.exists()
