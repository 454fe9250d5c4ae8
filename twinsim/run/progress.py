"""Progress of a run, told to whoever asked: a bar on a terminal, plain lines in a log, JSON lines for machines."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from twinsim.errors import UsageError, nearest
from twinsim.run.plan import Plan, counted

if TYPE_CHECKING:
    from rich.progress import Progress

KINDS = ("auto", "plain", "json", "none")
PLAIN_SECONDS = 10.0
JSON_SECONDS = 1.0
_LOADED = time.monotonic()
log = logging.getLogger(__name__)


class Reporter(Protocol):
    """Hears how a run goes. Called from one thread, in order."""

    def start(self, plan: Plan, done: int) -> None:
        """The run begins; `done` patients are there from an earlier start."""
        ...

    def advance(self, patients: int, failed: int) -> None:
        """More patients are computed, `failed` of them with a status."""
        ...

    def note(self, text: str) -> None:
        """Something worth a line."""
        ...

    def stop(self) -> None:
        """The run ends, in whatever way; called once after `start`."""
        ...


class Silent:
    """Says nothing."""

    def start(self, plan: Plan, done: int) -> None: ...

    def advance(self, patients: int, failed: int) -> None: ...

    def note(self, text: str) -> None: ...

    def stop(self) -> None: ...


class _Counter:
    """Patients, failures, rate and remaining time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.total = self.done = self.before = self.failed = 0
        self.begun = self.told = clock()

    def start(self, plan: Plan, done: int) -> None:
        self.total, self.done, self.before = plan.patients, done, done
        self.begun = self.told = self.clock()

    def advance(self, patients: int, failed: int) -> None:
        self.done += patients
        self.failed += failed

    @property
    def seconds(self) -> float:
        """Since this start; compiling is in it."""
        return max(1e-9, self.clock() - self.begun)

    @property
    def rate(self) -> float:
        """Patients per second since this start."""
        return (self.done - self.before) / self.seconds

    @property
    def remaining(self) -> float | None:
        """Seconds, if anything can be said."""
        return (self.total - self.done) / self.rate if self.done > self.before else None

    def is_due(self, seconds: float) -> bool:
        """True at most once per so many seconds."""
        due = self.clock() - self.told >= seconds
        if due:
            self.told = self.clock()
        return due


class Plain:
    """Lines of text, at most one per `seconds` besides the first, the last and notes."""

    def __init__(
        self, stream: TextIO, seconds: float = PLAIN_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.stream, self.seconds, self.count = stream, seconds, _Counter(clock)

    def start(self, plan: Plan, done: int) -> None:
        self.count.start(plan, done)
        there = f", {done:,} there already" if done else ""
        self._say(f"{plan.title}: {counted(plan.patients, 'patient')} in {counted(plan.shards, 'shard')}{there}")

    def advance(self, patients: int, failed: int) -> None:
        self.count.advance(patients, failed)
        if self.count.is_due(self.seconds):
            self._say(self._state())

    def note(self, text: str) -> None:
        self._say(text)

    def stop(self) -> None:
        self._say(f"{self._state()}, in {in_time(self.count.seconds)}")

    def _state(self) -> str:
        c = self.count
        left = "" if c.remaining is None or c.done >= c.total else f", {in_time(c.remaining)} left"
        failed = f", {c.failed:,} failed" if c.failed else ""
        share = 100 * c.done // max(1, c.total)
        return f"{c.done:,} of {c.total:,} patients ({share} %), {c.rate:,.0f} patients/s{failed}{left}"

    def _say(self, text: str) -> None:
        self.stream.write(text + "\n")
        self.stream.flush()


class JsonLines:
    """One JSON object per line: event start, progress, note or stop."""

    def __init__(
        self, stream: TextIO, seconds: float = JSON_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.stream, self.seconds, self.count = stream, seconds, _Counter(clock)

    def start(self, plan: Plan, done: int) -> None:
        self.count.start(plan, done)
        self._say("start", plan=plan.as_dict(), done=done)

    def advance(self, patients: int, failed: int) -> None:
        self.count.advance(patients, failed)
        if self.count.is_due(self.seconds):
            self._say("progress", **self._state())

    def note(self, text: str) -> None:
        self._say("note", text=text)

    def stop(self) -> None:
        self._say("stop", **self._state())

    def _state(self) -> dict[str, Any]:
        c = self.count
        left = None if c.remaining is None else round(c.remaining, 1)
        rate = round(c.rate, 1)
        return {"done": c.done, "total": c.total, "failed": c.failed, "patients_per_s": rate, "remaining_s": left}

    def _say(self, event: str, **content: Any) -> None:
        self.stream.write(json.dumps({"event": event, **content}) + "\n")
        self.stream.flush()


class Bar:
    """A bar on a terminal with rate, failures and remaining time."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self.stream, self.count = stream, _Counter(clock)
        self.bar: Progress | None = None

    def start(self, plan: Plan, done: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self.count.start(plan, done)
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"))
        self.bar = Progress(*columns, console=Console(file=self.stream))
        self.task = self.bar.add_task(plan.title, total=plan.patients, completed=done, state="")
        self.bar.start()

    def advance(self, patients: int, failed: int) -> None:
        c = self.count
        c.advance(patients, failed)
        left = "" if c.remaining is None else f"  {in_time(c.remaining)} left"
        failures = f"  [red]{c.failed:,} failed[/]" if c.failed else ""
        state = f"{c.done:,}/{c.total:,}  {c.rate:,.0f} patients/s{failures}{left}"
        if self.bar is not None:
            self.bar.update(self.task, completed=c.done, state=state)

    def note(self, text: str) -> None:
        if self.bar is not None:
            self.bar.console.print(text, markup=False, highlight=False)

    def stop(self) -> None:
        if self.bar is not None:
            self.bar.stop()


class AtFirst:
    """Another reporter, and beside the run, from the first patients on, something in a thread of its own.

    Its errors are nobody's here: whoever needs what it was to do will meet them again.
    """

    def __init__(self, reporter: Reporter, act: Callable[[], object]) -> None:
        self.reporter, self.act = reporter, act
        self.start, self.note = reporter.start, reporter.note
        self.thread: threading.Thread | None = None

    def advance(self, patients: int, failed: int) -> None:
        if self.thread is None:
            self.thread = threading.Thread(target=self._beside)
            self.thread.start()
        self.reporter.advance(patients, failed)

    def stop(self) -> None:
        if self.thread is not None:
            self.thread.join()
        self.reporter.stop()

    def _beside(self) -> None:
        with suppress(Exception):
            self.act()


def in_time(seconds: float) -> str:
    """A duration for people.

    >>> in_time(8), in_time(125), in_time(7300)
    ('8 s', '2 min 5 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def reporter_for(kind: str, stream: TextIO | None = None) -> Reporter:
    """The reporter that `progress=KIND` names.

    Args:
        kind: auto (a bar on a terminal, plain lines elsewhere), plain, json or none.
        stream: where to; by default the standard error.

    Raises:
        UsageError: an unknown kind.
    """
    out: TextIO = sys.stderr if stream is None else stream
    if kind == "auto":
        return Bar(out) if out.isatty() else Plain(out)
    kinds: dict[str, Callable[[], Reporter]] = {
        "plain": lambda: Plain(out),
        "json": lambda: JsonLines(out),
        "none": Silent,
    }
    if kind not in kinds:
        raise UsageError(f"unknown progress={kind}", where="progress", do=nearest(kind, KINDS))
    return kinds[kind]()


class FirstPatients:
    """Says once, in the log, how long it took from the start of the process to the first patients."""

    def __init__(self) -> None:
        self.told = False

    def computed(self) -> None:
        """Some patients are there."""
        if not self.told:
            log.info("first patients computed %.1f s after the start", seconds_of_process())
        self.told = True


def seconds_of_process() -> float:
    """How long this process has run; where the system does not say, since this module was loaded."""
    try:
        with open("/proc/self/stat", encoding="ascii") as file:
            ticks = int(file.read().rpartition(")")[2].split()[19])
        return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, AttributeError):
        return time.monotonic() - _LOADED
