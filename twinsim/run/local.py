"""The runner of one machine: chunk after chunk is computed, reduced and written, shard after shard is sealed.

The next chunk is asked for before this one is looked at, so that the device computes while the host writes; checksums
and fsync of a finished shard run in a thread beside both.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import numpy as np

from twinsim.errors import StoreError
from twinsim.run.finish import finish, remove_shards, stored_ids, whole_results
from twinsim.run.job import Job, State
from twinsim.run.outcome import RunOutcome, Tally
from twinsim.run.plan import Plan, make_plan, stored_identity, stored_variables, wanted_keys
from twinsim.run.progress import FirstPatients, Reporter, reporter_for
from twinsim.store.blank import Blanks
from twinsim.store.files import DiskError, remove_temporary
from twinsim.store.folder import RunRecord, alone_in, check_folder
from twinsim.store.layout import Layout
from twinsim.store.results import SINGLE_FILE_BYTES
from twinsim.store.shard import SHARDS, Shard, ShardWriter, damage, read_shard

log = logging.getLogger(__name__)
# Shards that are hashed and synced at the same time, beside computing and writing.
SEALS = 4
# After so many failures and no success the rest would fail too.
FAILURES_BEFORE_GIVING_UP = 3


def execute(
    job: Job,
    folder: str | Path,
    *,
    save: str = "trajectories",
    chunk: int | None = None,
    shard: int | None = None,
    resume: bool = False,
    dry_run: bool = False,
    filter: str = "none",
    progress: str = "none",
    reporter: Reporter | None = None,
    single_file_bytes: int = SINGLE_FILE_BYTES,
    texts: Mapping[str, str] | None = None,
) -> RunOutcome | Plan:
    """Run a job into a folder.

    Args:
        folder: new, empty, or holding the same run begun earlier.
        save: trajectories, endpoints (nothing along time) or summary (reducers only).
        chunk: patients computed at once; by default up to 65536 within 256 MiB of outputs, on GPUs more.
        shard: patients per shard; by default up to 256 MiB and at least 16 shards if there are chunks enough.
        resume: continue the run in the folder; what is whole is kept.
        dry_run: return the plan and touch nothing.
        filter: "none" or "gzip".
        progress: auto, plain, json or none, on the standard error.
        reporter: in place of `progress`.
        single_file_bytes: larger results stay in their shards.
        texts: for /provenance, by name, besides those of the job.

    Returns:
        how the run ended; with `dry_run` the `Plan`.

    Raises:
        StoreError: the folder holds something else, the disk is full or may not be written.
        UsageError: an argument or the job contradicts itself.
    """
    folder, identity = Path(folder), stored_identity(job, save, filter)
    record = check_folder(folder, identity, resume=resume)
    plan = make_plan(
        job, folder, save=save, chunk=chunk, shard=shard, filter=filter, single_file_bytes=single_file_bytes,
        record=record,
    )  # fmt: skip
    if dry_run:
        return plan
    plan.check()
    with alone_in(folder):
        # Another process may have begun or ended this run before the folder was ours.
        record = check_folder(folder, identity, resume=resume)
        content = record or {"identity": identity, "plan": plan.as_dict()}
        record = RunRecord(folder, content)
        return _Run(job, folder, plan, record, reporter or reporter_for(progress), texts or {}).go()


class _Run:
    """One start of a run in its folder."""

    def __init__(
        self, job: Job, folder: Path, plan: Plan, record: RunRecord, reporter: Reporter, texts: Mapping[str, str]
    ) -> None:
        self.job, self.folder, self.plan, self.record, self.reporter = job, folder, plan, record, reporter
        self.texts = {**job.provenance, **texts}
        self.layout = Layout(job.title, stored_variables(job, plan.save), job.coordinates, filter=plan.filter)
        self.blanks = Blanks(self.layout)
        self.wanted = wanted_keys(job, plan.save)
        self.done: dict[int, Shard] = {}
        self.failed: dict[int, Exception] = {}
        self.sealed: deque[Future[Shard]] = deque()
        self.begun, self.first, self.tally = time.monotonic(), FirstPatients(), Tally()

    def go(self) -> RunOutcome:
        """Check what is there, compute what is missing, make the results."""
        remove_temporary(self.folder)
        remove_temporary(self.folder / SHARDS)
        results = whole_results(self.folder, self.record.content)
        if results is not None:
            if self.plan.one_file:
                remove_shards(self.folder)  # a kill between results.h5 and their removal leaves them
            return self._outcome(results, self.record.content["results"]["failed"])
        self.record.update(state="running")
        damaged = self._keep_whole_shards()
        self.reporter.start(self.plan, sum(s.rows for s in self.done.values()))
        for text in damaged:
            self.reporter.note(text)
        interrupted, path = False, None
        try:
            try:
                self._compute()
            except KeyboardInterrupt:
                interrupted = True
            else:
                if not self.done:
                    raise next(iter(self.failed.values()))
                whole = list(self.done.values())
                path = finish(self.job, self.folder, self.plan, self.layout, whole, self.texts, self._kept())
        except KeyboardInterrupt:
            interrupted = True
        except BaseException as error:
            reason = str(error).splitlines()[0] if str(error) else repr(error)
            try:
                self.record.update(state="stopped", reason=reason)
            except StoreError:
                log.warning("run.json could not be written either")
            raise
        finally:
            self.reporter.stop()
        return self._close(path, interrupted)

    def _close(self, path: Path | None, interrupted: bool) -> RunOutcome:
        """Write down how it went; remove shards that are no longer needed."""
        computed = sum(s.rows for s in self.done.values())
        missing = self.plan.patients - computed if not interrupted else 0
        failed = sum(s.failed for s in self.done.values()) + missing
        state = "interrupted" if interrupted else "some shards failed" if self.failed else "finished"
        outcome = self._outcome(path, failed, interrupted)
        failures = {f"{number:05d}": text for number, text in outcome.failures.items()}
        results = {"bytes": path.stat().st_size, "one_file": self.plan.one_file, "failed": failed} if path else None
        seconds = round(outcome.seconds, 3)
        self.record.update(state=state, seconds=seconds, failures=failures, results=results, reason=None)
        if state == "finished" and self.plan.one_file:
            remove_shards(self.folder)
        return outcome

    def _outcome(self, path: Path | None, failed: int, interrupted: bool = False) -> RunOutcome:
        return RunOutcome(
            folder=self.folder,
            path=path,
            n_patients=self.plan.patients,
            n_failed=failed,
            shards_failed=len(self.failed),
            seconds=time.monotonic() - self.begun,
            interrupted=interrupted,
            statuses=dict(self.tally.statuses),
            flagged=dict(self.tally.flagged),
            failures={n: f"{type(e).__name__}: {e}" for n, e in sorted(self.failed.items())},
        )

    def _kept(self) -> str:
        return f"{len(self.done)} of {self.plan.shards} shards are whole and kept"

    def _keep_whole_shards(self) -> list[str]:
        """Take over the shards of an earlier start that are whole, to the last byte; what is wrong with others."""
        damaged = []
        for number in range(self.plan.shards):
            shard = read_shard(self.folder, number)
            if shard is None:
                continue
            problem = damage(self.folder, shard, full=True)
            if not problem and (shard.first, shard.rows) != self._range(number):
                problem = "holds other patients"
            if problem:
                damaged.append(f"{shard.name} {problem} and is computed again")
            else:
                self._keep(shard)
        return damaged

    def _range(self, number: int) -> tuple[int, int]:
        """First patient and number of patients of a shard."""
        first = number * self.plan.shard
        return first, min(self.plan.shard, self.plan.patients - first)

    def _tasks(self) -> Iterator[tuple[int, int, int]]:
        """(shard, first patient, count) of every missing chunk, in order; skips shards that fail on the way."""
        for number in range(self.plan.shards):
            if number in self.done:
                continue
            first, rows = self._range(number)
            for start in range(first, first + rows, self.plan.chunk):
                if number not in self.failed:
                    yield number, start, min(self.plan.chunk, first + rows - start)

    def _started(self) -> Iterator[tuple[int, int, int, Any]]:
        """Tasks with what was computed for them, or the error; each after the next one has been asked for."""
        waiting = None
        for number, first, count in self._tasks():
            result = self._ask(first, count)
            if waiting is not None:
                yield waiting
            waiting = (number, first, count, result)
        if waiting is not None:
            yield waiting

    def _ask(self, first: int, count: int) -> Any:
        try:
            arrays = self.job.compute(first, count)
            # Everything else stays on the device and is never copied.
            kept = {key: array for key, array in arrays.items() if key.partition("#")[0] in self.wanted}
            for array in kept.values():
                if hasattr(array, "copy_to_host_async"):
                    array.copy_to_host_async()
            return kept
        except Exception as error:
            return error

    def _compute(self) -> None:
        """Compute and write every missing shard."""
        with ThreadPoolExecutor(SEALS) as sealing, ThreadPoolExecutor(max(1, len(self.job.reducers))) as reducing:
            writer: ShardWriter | None = None
            states: dict[str, State] = {}
            try:
                for number, first, count, result in self._started():
                    if number in self.failed:
                        continue
                    try:
                        if writer is None or writer.number != number:
                            writer, states = self._open(number), {r.name: r.start() for r in self.job.reducers}
                        self._add(writer, reducing, states, first, count, result)
                    except DiskError:
                        raise
                    except Exception as error:
                        self._fail(number, error, writer)
                        writer = None
                        continue
                    if writer.next == sum(self._range(number)):
                        writer.close(states)
                        self.sealed.append(sealing.submit(writer.seal))
                        writer = None
                        while len(self.sealed) > SEALS or (self.sealed and self.sealed[0].done()):
                            self._keep(self.sealed.popleft().result())
                    del result
            finally:
                if writer is not None:
                    writer.discard()
                for future in self.sealed:
                    self._keep(future.result())

    def _open(self, number: int) -> ShardWriter:
        first, rows = self._range(number)
        ids = stored_ids(self.job, self.layout, first, rows)
        return ShardWriter(self.folder, number, first, self.blanks, ids, self._kept())

    def _add(
        self, writer: ShardWriter, pool: Executor, states: dict[str, State], first: int, count: int, result: Any
    ) -> None:
        """Bring a chunk to the host; write it and, in threads beside that, reduce it."""
        if isinstance(result, Exception):
            raise result
        chunk = {key: np.asarray(array) for key, array in result.items()}
        self.first.computed()
        failed = self.tally.add(chunk, count)
        reduced = {r.name: pool.submit(r.add, states[r.name], chunk, first) for r in self.job.reducers}
        try:
            writer.add(first, count, chunk, failed)
        finally:
            wait(reduced.values())
        states.update({name: future.result() for name, future in reduced.items()})
        self.reporter.advance(count, failed)

    def _keep(self, shard: Shard) -> None:
        self.done[shard.number] = shard

    def _fail(self, number: int, error: Exception, writer: ShardWriter | None) -> None:
        """Note a failed shard; give up if nothing but failures comes."""
        if writer is not None and writer.number == number:
            writer.discard()
        # Tracebacks hold on to the arrays of their frames: one is enough to find the cause.
        self.failed[number] = error.with_traceback(None) if self.failed else error
        first, rows = self._range(number)
        log.info("shard %05d failed", number, exc_info=error)
        self.reporter.note(f"shard {number:05d} (patients {first} to {first + rows - 1}) failed: {error}")
        if len(self.failed) >= FAILURES_BEFORE_GIVING_UP and not self.done and not self.sealed:
            raise error
