"""The runner: shards, resume after kill -9, failures, refusals."""

import json
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray
from stored import contents, files_in
from tiny_job import TIMES, TinyJob

from twinsim.errors import StoreError, UsageError
from twinsim.run.local import execute
from twinsim.run.plan import Plan
from twinsim.store import NOT_COMPUTED, open_results

BOTH = pytest.mark.parametrize("single", [2**29, 0], ids=["one file", "shards"])


@BOTH
def test_round_trip(tmp_path, single):
    job = TinyJob()
    outcome = execute(job, tmp_path / "r", chunk=512, shard=1024, single_file_bytes=single)
    assert (outcome.n_patients, outcome.n_failed, outcome.shards_failed, outcome.exit_code) == (5000, 2, 0, 1)
    shards = [] if single else [f"shards/{n:05d}.{e}" for n in range(5) for e in ("h5", "json")]
    assert files_in(tmp_path / "r") == sorted(["results.h5", "run.json", *shards])
    whole = TinyJob().compute(0, 5000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with xarray.open_dataset(outcome.path) as data:
            assert dict(data.sizes) == {"patient": 5000, "time": 12}
            assert data.concentration.dims == ("patient", "time")
            assert data.concentration.dtype == np.float32
            assert data.concentration.units == "mg/L" and data.time.units == "h"
            np.testing.assert_array_equal(data.concentration, whole["concentration"].T)
            np.testing.assert_array_equal(data.patient, np.arange(5000) + 1000)
            np.testing.assert_array_equal(data.time, TIMES)
            assert data.status.dtype == np.int8 and data.status.flag_meanings.startswith("ok max_steps non_finite")
            assert data.attrs["Conventions"] == "CF-1.11" and data.attrs["seed"] == 7
        with open_results(tmp_path / "r", groups=True) as tree:
            np.testing.assert_array_equal(tree["parameters/cl"], whole["parameters/cl"])
            np.testing.assert_array_equal(tree["covariates/sex"], whole["covariates/sex"])
            median = tree["summary/concentration"].sel(quantile=0.5)
            expected = np.nanquantile(whole["concentration"].astype(float), 0.5, axis=1)
            np.testing.assert_allclose(median, expected, rtol=1e-12)
            assert tree["summary/concentration"].dims == ("quantile", "time")
            assert str(tree["provenance/note"].values) == "größer als 64 KiB"
    with h5py.File(outcome.path) as file:
        assert file["concentration"].dims[0][0].name == "/patient"
        assert file["endpoints/auc"].dims[0][0].name == "/patient"
        assert file["parameters/cl"].attrs["_FillValue"].dtype == np.float64
        assert "_FillValue" not in file["status"].attrs
        assert file["summary/concentration"].attrs["method"] == "exact"
        assert file["summary/concentration"].attrs["excluded_values"] == 2 * 12


@BOTH
def test_kill_and_resume_gives_the_same_bytes(tmp_path, single):
    job, whole = Path(__file__).with_name("tiny_job.py"), tmp_path / "whole"
    execute(TinyJob(), whole, chunk=256, shard=512, single_file_bytes=single)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    folder = tmp_path / "killed"
    for shards, moment in ((1, 0.0), (3, 0.03), (5, 0.06)):
        command = [sys.executable, str(job), str(folder), "0.05", str(single)]
        process = subprocess.Popen(command, env=environment)
        deadline = time.monotonic() + 60
        while len(list(folder.glob("shards/*.json"))) < shards and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(moment)
        assert process.poll() is None, "it should still be running"
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not (folder / "results.h5").exists()
    # A file that was being written when the machine went down.
    (folder / "shards").mkdir(exist_ok=True)
    (folder / "shards" / "00009.h5.tmp").write_bytes(b"half")
    (folder / "results.h5.tmp").write_bytes(b"half")
    job = TinyJob()
    assert not execute(job, folder, resume=True, single_file_bytes=single).interrupted
    assert 0 < len(job.asked) < 20, "some shards must have been kept, some computed"
    assert contents(folder / "results.h5") == contents(whole / "results.h5")
    assert files_in(folder) == files_in(whole)


def test_chunk_and_shard_do_not_change_the_results(tmp_path):
    one = execute(TinyJob(), tmp_path / "a", chunk=256, shard=256)
    for name, chunk, shard in (("b", 512, 1536), ("c", 8192, None), ("d", 768, 3000)):
        other = execute(TinyJob(), tmp_path / name, chunk=chunk, shard=shard)
        assert contents(one.path) == contents(other.path)


def test_results_in_bins_do_not_depend_on_chunks(tmp_path):
    one = execute(TinyJob(exact_limit=10), tmp_path / "a", chunk=256, shard=256)
    other = execute(TinyJob(exact_limit=10), tmp_path / "b", chunk=2048, save="summary")
    a, b = contents(one.path), contents(other.path)
    summary = {k: v for k, v in a.items() if k.startswith("summary")}
    assert summary and summary == {k: v for k, v in b.items() if k.startswith("summary")}


def test_save_says_how_much_is_kept(tmp_path):
    endpoints = execute(TinyJob(), tmp_path / "e", save="endpoints")
    with open_results(endpoints.path, groups=True) as tree:
        assert "concentration" not in tree and "endpoints/auc" in tree.to_dict() or "auc" in tree["endpoints"]
        assert "concentration" in tree["summary"]
    summary = execute(TinyJob(), tmp_path / "s", save="summary", chunk=256)
    with open_results(summary.path, groups=True) as tree:
        assert "patient" not in tree.sizes and "status" not in tree
        assert tree["summary/concentration_mean"].dims == ("time",)
    assert summary.n_failed == 2


def test_gzip_holds_the_same_numbers(tmp_path):
    a = execute(TinyJob(), tmp_path / "a")
    b = execute(TinyJob(), tmp_path / "b", filter="gzip", chunk=256, shard=1024)
    assert contents(a.path) == contents(b.path)
    with h5py.File(b.path) as file:
        assert file["concentration"].compression == "gzip"


@BOTH
def test_failed_shard_is_rows_with_a_code_and_can_be_made_good(tmp_path, single):
    folder = tmp_path / "r"
    broken = TinyJob(broken_from=1280, broken_to=1536)
    outcome = execute(broken, folder, chunk=256, shard=512, single_file_bytes=single)
    assert outcome.shards_failed == 1 and outcome.n_failed == 2 + 512 and outcome.exit_code == 1
    assert outcome.failures == {2: "RuntimeError: the device is lost"}
    with open_results(folder) as data:
        assert set(data.status.values[1024:1536]) == {NOT_COMPUTED}
        assert np.isnan(data.concentration.values[1024:1536]).all()
        assert data.patients_not_computed == 512
        assert (data.status.values[1536:] == 0).all()
    again = TinyJob()
    assert execute(again, folder, resume=True, single_file_bytes=single).n_failed == 2
    assert again.asked == [(1024, 256), (1280, 256)]
    whole = execute(TinyJob(), tmp_path / "whole", chunk=256, shard=512, single_file_bytes=single)
    assert contents(folder / "results.h5") == contents(whole.path)


def test_nothing_but_failures_gives_up_and_raises_the_first(tmp_path):
    job = TinyJob(broken_from=0, broken_to=9999)
    with pytest.raises(RuntimeError, match="the device is lost"):
        execute(job, tmp_path / "r", chunk=256, shard=256)
    assert len(job.asked) < 6
    assert files_in(tmp_path / "r") == ["run.json"]
    assert json.loads((tmp_path / "r" / "run.json").read_text())["state"] == "stopped"
    assert execute(TinyJob(), tmp_path / "r").path, "nothing was kept, so it starts over without resume"


def test_interrupt_keeps_what_is_finished(tmp_path):
    folder = tmp_path / "r"
    outcome = execute(TinyJob(interrupt_at=2048), folder, chunk=256, shard=512)
    assert outcome.interrupted and outcome.path is None and outcome.exit_code == 130
    assert "shards/00002.h5" in files_in(folder) and not [f for f in files_in(folder) if f.endswith(".tmp")]
    with pytest.raises(StoreError, match="no results yet: it is interrupted"):
        open_results(folder)
    with pytest.raises(StoreError, match="resume=true"):
        execute(TinyJob(), folder, chunk=256, shard=512)
    job = TinyJob()
    assert execute(job, folder, chunk=1024, resume=True).path == folder / "results.h5"
    assert min(first for first, _ in job.asked) > 0
    whole = execute(TinyJob(), tmp_path / "whole")
    assert contents(folder / "results.h5") == contents(whole.path)


def test_another_run_in_the_folder_is_named_key_by_key(tmp_path):
    execute(TinyJob(), tmp_path / "r")
    for resume in (False, True):
        with pytest.raises(StoreError, match="seed: 7 -> 8") as caught:
            execute(TinyJob(seed=8), tmp_path / "r", resume=resume)
        assert "out=" in str(caught.value) and "model" not in str(caught.value)
    with pytest.raises(StoreError, match='save: "trajectories" -> "endpoints"'):
        execute(TinyJob(), tmp_path / "r", save="endpoints", resume=True)
    with pytest.raises(StoreError, match="already finished"):
        execute(TinyJob(), tmp_path / "r")
    job = TinyJob()
    assert execute(job, tmp_path / "r", resume=True).n_failed == 2
    assert not job.asked


def test_foreign_folder_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(StoreError, match="thesis.tex"):
        execute(TinyJob(), tmp_path)
    with pytest.raises(StoreError, match="is a file"):
        execute(TinyJob(), tmp_path / "thesis.tex")
    assert files_in(tmp_path) == ["thesis.tex"]


def test_damaged_run_record_is_not_overwritten(tmp_path):
    (tmp_path / "run.json").write_text('{"half')
    with pytest.raises(StoreError, match="cannot be read"):
        execute(TinyJob(), tmp_path, resume=True)


def test_missing_and_damaged_shards_are_named_and_made_again(tmp_path):
    folder = tmp_path / "r"
    outcome = execute(TinyJob(), folder, chunk=256, shard=1024, single_file_bytes=0)
    before = contents(outcome.path)
    shard = folder / "shards" / "00002.h5"
    original = shard.read_bytes()
    shard.unlink()
    with pytest.raises(StoreError, match="shards/00002.h5 is missing") as caught:
        open_results(folder)
    assert "patients 2048 to 3071" in str(caught.value)
    shard.write_bytes(original[:-100])
    with pytest.raises(StoreError, match="00002.h5 has .* bytes instead of"):
        open_results(folder)
    middle = len(original) // 2
    shard.write_bytes(original[:middle] + bytes([original[middle] ^ 1]) + original[middle + 1 :])
    with pytest.raises(StoreError, match="checksum"):
        open_results(folder, full=True)
    job = TinyJob()
    execute(job, folder, resume=True, single_file_bytes=0)
    assert [first for first, _ in job.asked] == [2048, 2304, 2560, 2816]
    assert contents(outcome.path) == before
    open_results(folder, full=True).close()


@pytest.mark.parametrize("single_file_bytes", [0, 2**30])
def test_results_that_are_open_open_again(tmp_path, single_file_bytes):
    execute(TinyJob(), tmp_path / "r", chunk=256, shard=1024, single_file_bytes=single_file_bytes)
    with xarray.open_dataset(tmp_path / "r" / "results.h5") as first, open_results(tmp_path / "r", groups=True) as tree:
        float(first.concentration[2000, 0])  # now a shard is open too
        with open_results(tmp_path / "r", full=True) as second:
            np.testing.assert_array_equal(first.concentration, second.concentration)
            np.testing.assert_array_equal(first.concentration, tree["concentration"])


def test_moved_folder_still_opens(tmp_path):
    execute(TinyJob(), tmp_path / "a", shard=1024, chunk=256, single_file_bytes=0)
    (tmp_path / "a").rename(tmp_path / "b")
    with open_results(tmp_path / "b") as data:
        assert float(data.concentration[10, 0]) == 10.0


def test_dry_run_touches_nothing(tmp_path):
    job = TinyJob()
    plan = execute(job, tmp_path / "r", dry_run=True, chunk=256)
    assert isinstance(plan, Plan)
    assert (plan.patients, plan.chunk, plan.shards, plan.one_file) == (5000, 256, 20, True)
    assert plan.result_bytes == 5000 * (8 + 12 * 4 + 1 + 8 + 1 + 4)
    assert any("5,000 patients" in line for line in plan.lines())
    assert not job.asked and not list(tmp_path.iterdir())


def test_usage_errors(tmp_path):
    with pytest.raises(UsageError, match="did you mean trajectories"):
        execute(TinyJob(), tmp_path / "r", save="trajectory")
    with pytest.raises(StoreError, match="unknown filter"):
        execute(TinyJob(), tmp_path / "r", filter="zstd")
    with pytest.raises(UsageError, match="at least one patient"):
        execute(TinyJob(size=0), tmp_path / "r")
    assert not list(tmp_path.iterdir())


def test_a_second_process_is_refused(tmp_path):
    from twinsim.store.folder import alone_in

    with alone_in(tmp_path / "r"), pytest.raises(StoreError, match="another process"):
        execute(TinyJob(), tmp_path / "r")
