"""The plan's arithmetic and what reporters say."""

import io
import json
import shutil
import threading
from collections import namedtuple

import numpy as np
import pytest
from tiny_job import TinyJob

from twinsim.errors import StoreError, UsageError
from twinsim.run.local import execute
from twinsim.run.plan import make_plan
from twinsim.run.progress import AtFirst, Bar, FirstPatients, JsonLines, Plain, Silent, reporter_for, seconds_of_process
from twinsim.store import Coordinate, Variable


class WideJob(TinyJob):
    """A thousand scenarios times a hundred times."""

    coordinates = {
        "scenario": Coordinate(np.arange(1000), "1", "scenario"),
        "time": Coordinate(np.arange(100.0), "h", "time"),
    }
    variables = (Variable("c", ("scenario", "patient", "time"), "float32", "mg/L", "c"),)
    reducers = ()


def test_default_cut_of_a_million(tmp_path):
    job = TinyJob(size=1_000_000)
    plan = make_plan(job, tmp_path)
    assert plan.chunk == 65536 and plan.shard % plan.chunk == 0 and plan.shards == 16
    assert plan.result_bytes == 1_000_000 * 70 and plan.one_file
    assert plan.disk_bytes > 2 * plan.result_bytes


def test_wide_outputs_shrink_the_chunk(tmp_path):
    plan = make_plan(WideJob(size=100_000), tmp_path)
    assert plan.scenarios == 1000 and plan.chunk == 512 and not plan.one_file
    assert plan.shard * 400_000 <= 256 * 2**20
    assert plan.memory_bytes < 2**30


def test_clearly_too_small_a_disk_is_refused(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, 10_000))
    with pytest.raises(StoreError, match="9.8 KiB are free"):
        execute(TinyJob(), tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_impossible_jobs_are_refused(tmp_path):
    class NoTime(TinyJob):
        coordinates = {}

    with pytest.raises(StoreError, match="dimension time of concentration has no coordinate"):
        make_plan(NoTime(), tmp_path)

    class NotPerPatient(TinyJob):
        variables = (Variable("x", ("time",), "float32", "1", "x"),)

    with pytest.raises(UsageError, match="no patient dimension"):
        make_plan(NotPerPatient(), tmp_path)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def test_plain_lines_are_few_and_say_rate_and_rest(tmp_path):
    text = io.StringIO()
    execute(TinyJob(), tmp_path / "r", chunk=256, reporter=Plain(text, seconds=8.0, clock=Clock()))
    lines = text.getvalue().splitlines()
    assert lines[0] == "tiny: 5,000 patients in 20 shards"
    assert 3 <= len(lines) <= 6
    assert "patients/s" in lines[1] and "left" in lines[1] and "failed" in lines[1]
    assert lines[-1].startswith("5,000 of 5,000 patients (100 %)")


def test_json_lines_are_json(tmp_path):
    text = io.StringIO()
    job = TinyJob(broken_from=512, broken_to=513)
    execute(job, tmp_path / "r", chunk=256, reporter=JsonLines(text, seconds=0.0))
    events = [json.loads(line) for line in text.getvalue().splitlines()]
    assert events[0]["event"] == "start" and events[0]["plan"]["patients"] == 5000
    assert events[-1]["event"] == "stop" and events[-1]["done"] == 5000 - 256
    assert [e for e in events if e["event"] == "note" and "shard 00002" in e["text"]]


def test_bar_draws_on_a_terminal(tmp_path):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    reporter = reporter_for("auto", stream)
    assert isinstance(reporter, Bar)
    execute(TinyJob(broken_from=512, broken_to=513), tmp_path / "r", chunk=256, reporter=reporter)
    assert "patients/s" in stream.getvalue() and "the device is lost" in stream.getvalue()


def test_kinds():
    assert isinstance(reporter_for("auto", io.StringIO()), Plain)
    assert isinstance(reporter_for("none"), Silent)
    with pytest.raises(UsageError, match="did you mean json"):
        reporter_for("jsn")


def test_something_beside_the_run_begins_once_and_ends_before_it(tmp_path, capfd):
    done = []

    def act():
        done.append(threading.current_thread() is not threading.main_thread())
        raise RuntimeError("whoever needs it will see")

    told = io.StringIO()
    execute(TinyJob(), tmp_path / "r", chunk=256, shard=512, reporter=AtFirst(JsonLines(told), act))
    assert done == [True]
    assert json.loads(told.getvalue().splitlines()[-1])["done"] == TinyJob().size
    assert capfd.readouterr() == ("", "")


def test_nothing_is_printed_unasked(tmp_path, capfd):
    execute(TinyJob(broken_from=512, broken_to=513), tmp_path / "r", chunk=256)
    assert capfd.readouterr() == ("", "")


def test_time_of_the_process_and_of_the_first_patients(caplog):
    assert 0.0 < seconds_of_process() < 24 * 3600
    first = FirstPatients()
    with caplog.at_level("INFO", logger="twinsim"):
        first.computed()
        first.computed()
    assert len(caplog.messages) == 1 and caplog.messages[0].startswith("first patients computed")
