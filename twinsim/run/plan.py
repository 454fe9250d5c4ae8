"""What a run will need, before it is begun: chunks, shards, disk and memory."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax

from twinsim.errors import StoreError, UsageError, nearest
from twinsim.flags import GROUP as FLAGS
from twinsim.run.job import BLOCK, Job
from twinsim.store.folder import plain
from twinsim.store.layout import Layout
from twinsim.store.results import SINGLE_FILE_BYTES
from twinsim.store.variable import Variable

SAVES = ("trajectories", "endpoints", "summary")
# What is computed at once: patients, and bytes of their outputs; the first fits caches, the second fills a GPU.
CHUNK, CHUNK_BYTES = 65536, 256 * 2**20
GPU_CHUNK, GPU_CHUNK_BYTES = 2**20, 2**30
# Chunks are not made smaller than this to save the filling up of the last one.
SMALL_CHUNK = 4096
SHARD_BYTES = 256 * 2**20
# A run is cut into at least this many shards where it has as many chunks, so that a killed run keeps most of its work.
SHARDS_WANTED = 16
# One chunk being computed, one on the host, one on its way into the file.
CHUNKS_HELD = 3


@dataclass(frozen=True)
class Plan:
    """How a run is cut and what it needs.

    Args:
        folder: where it goes.
        patients: size of the cohort.
        scenarios: points of the sweep; 1 without one.
        chunk: patients computed at once.
        shard: patients per shard.
        shards: number of shards.
        done: shards that are finished already, as far as their descriptions say.
        one_file: results.h5 will hold everything; otherwise it maps the shards.
        result_bytes: size of the results.
        disk_bytes: the most that lies on the disk at one time, without what is there already.
        memory_bytes: arrays held by the runner; the solver's own working memory comes on top.
        free_bytes: free space where the folder is or will be.
    """

    title: str
    folder: str
    save: str
    filter: str
    patients: int
    scenarios: int
    chunk: int
    shard: int
    shards: int
    done: int
    one_file: bool
    result_bytes: int
    disk_bytes: int
    memory_bytes: int
    free_bytes: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> list[str]:
        """The plan in words, one line each."""
        kind = "one file" if self.one_file else "results.h5 over its shards"
        return [
            f"{self.title}: {self.patients:,} patients"
            + (f" x {self.scenarios:,} scenarios" if self.scenarios > 1 else ""),
            f"chunks of {self.chunk:,} patients, {counted(self.shards, 'shard')} of {self.shard:,}"
            + (f", {self.done:,} finished already" if self.done else ""),
            f"save={self.save}: {in_bytes(self.result_bytes)} in {kind}, "
            f"at most {in_bytes(self.disk_bytes)} more on disk, {in_bytes(self.free_bytes)} free",
            f"about {in_bytes(self.memory_bytes)} of memory for results, besides the solver's own",
            f"folder {self.folder}",
        ]

    def check(self) -> None:
        """Refuse a run that fits neither into this machine's memory nor on the disk.

        Raises:
            UsageError: more memory is needed than the machine has.
            StoreError: more disk is needed than is free.
        """
        installed = installed_bytes()
        if installed is not None and self.memory_bytes > installed:
            raise UsageError(
                f"the run needs {in_bytes(self.memory_bytes)} of memory, this machine has {in_bytes(installed)}",
                where=f"{self.patients:,} patients, {self.chunk:,} at once",
                do="take fewer at once (runner.chunk=256), fewer times or scenarios, or fewer patients",
            )
        if self.disk_bytes > self.free_bytes:
            raise StoreError(
                f"the run needs {in_bytes(self.disk_bytes)} of disk, {in_bytes(self.free_bytes)} are free",
                where=self.folder,
                do="save less (save=endpoints or save=summary), or choose a folder on another disk: out=FOLDER",
            )


def counted(number: int, word: str) -> str:
    """A number with its word: 1 shard, 2 shards."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def installed_bytes() -> int | None:
    """Memory of this machine; None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def in_bytes(size: int) -> str:
    """A size for people.

    >>> in_bytes(512), in_bytes(419_430_400)
    ('512 B', '400.0 MiB')
    """
    value, unit = float(size), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def stored_variables(job: Job, save: str) -> tuple[Variable, ...]:
    """The per-patient variables that `save` keeps.

    Raises:
        UsageError: an unknown `save`.
    """
    if save not in SAVES:
        raise UsageError(f"unknown save={save}", where="save", do=nearest(save, SAVES))
    if save == "summary":
        return ()
    return tuple(v for v in job.variables if save == "trajectories" or not v.is_trajectory)


def wanted_keys(job: Job, save: str) -> set[str]:
    """What of a job's numbers is brought to the host: what is stored, reduced or counted."""
    counted = [v for v in job.variables if v.group == FLAGS]
    reduced = {key for reducer in job.reducers for key in reducer.keys}
    return {v.key for v in (*stored_variables(job, save), *counted)} | {"status"} | reduced


def stored_identity(job: Job, save: str, filter: str) -> dict[str, Any]:
    """What must be the same for shards to belong to the same run."""
    outputs = [v.key for v in stored_variables(job, save)]
    reducers = [r.name for r in job.reducers]
    here = {"patients": job.size, "save": save, "filter": filter, "outputs": outputs, "summaries": reducers}
    # Under a key of its own: whatever the job calls its things, nothing of it is hidden.
    return plain({**job.identity, "stored": here})


def make_plan(
    job: Job,
    folder: Path,
    *,
    save: str = "trajectories",
    chunk: int | None = None,
    shard: int | None = None,
    filter: str = "none",
    single_file_bytes: int = SINGLE_FILE_BYTES,
    record: Mapping[str, Any] | None = None,
) -> Plan:
    """Cut a job into chunks and shards and reckon what it needs.

    Args:
        chunk: patients computed at once, rounded up to a multiple of 256; by default up to 65536 within 256 MiB, and
            for each GPU up to 1048576 within 1 GiB.
        shard: patients per shard, rounded up to a multiple of the chunk; by default up to 256 MiB.
        record: `run.json` of the run that is resumed; its shards stand.
    """
    _check_job(job)
    stored = Layout(job.title, stored_variables(job, save), job.coordinates, filter=filter)
    whole = Layout(job.title, job.variables, job.coordinates)
    if record is not None:
        chunk = chunk or int(record["plan"]["chunk"])
    row = max(1, whole.bytes(BLOCK) // BLOCK)
    chunk = min(_round_up(chunk, BLOCK), _round_up(job.size, BLOCK)) if chunk else _chosen_chunk(job.size, row)
    if record is not None:
        shard = int(record["plan"]["shard"])
        chunk = _fitting_chunk(chunk, shard)
    elif shard:
        shard = _round_up(shard, chunk)
    else:
        wanted = job.size // SHARDS_WANTED
        shard = max(chunk, min(SHARD_BYTES // max(1, stored.bytes(BLOCK) // BLOCK), wanted) // chunk * chunk)
    shards = -(-job.size // shard)
    sizes = {name: len(c.array) for name, c in job.coordinates.items() if (c.dim or name) == name}
    rows = min(shard, job.size)
    result = stored.bytes(job.size)
    states = sum(r.state_bytes(sizes, rows) for r in job.reducers)
    whole_state = sum(r.state_bytes(sizes, job.size) for r in job.reducers)
    one_file = save == "summary" or result <= single_file_bytes
    folder = Path(folder)
    kept = [p for n in range(shards) if (p := folder / "shards" / f"{n:05d}.h5").exists()] if record else []
    there = sum(p.stat().st_size for p in kept)
    return Plan(
        title=job.title,
        folder=str(folder),
        save=save,
        filter=filter,
        patients=job.size,
        scenarios=sizes.get("scenario", 1),
        chunk=chunk,
        shard=shard,
        shards=shards,
        done=len(kept),
        one_file=one_file,
        result_bytes=result,
        disk_bytes=max(0, result * (2 if one_file else 1) + states * shards - there),
        memory_bytes=CHUNKS_HELD * row * chunk + states + 2 * whole_state + 8 * job.size,
        free_bytes=shutil.disk_usage(_existing(folder)).free,
    )


def _round_up(value: int, step: int) -> int:
    if value < 1:
        raise UsageError(f"chunk and shard are numbers of patients, not {value}")
    return -(-int(value) // step) * step


def _chosen_chunk(size: int, row: int) -> int:
    """A power of two of patients, so that runs of any size share compiled programs.

    The largest within CHUNK patients and CHUNK_BYTES (on GPUs more) with which filling up the last chunk costs at most
    a sixth more patients; small cohorts are one chunk.

    Args:
        row: bytes of a patient.

    >>> _chosen_chunk(1_000_000, 400), _chosen_chunk(100_000, 400), _chosen_chunk(1000, 400)
    (65536, 16384, 1024)
    """
    count, most_bytes = (CHUNK, CHUNK_BYTES) if jax.default_backend() == "cpu" else _for_gpus()
    most = max(BLOCK, min(count, most_bytes // max(1, row)))
    chunk = BLOCK
    while 2 * chunk <= most and chunk < size:
        chunk *= 2
    while chunk > SMALL_CHUNK and -(-size // chunk) * chunk > size * 7 // 6:
        chunk //= 2
    return chunk


def _for_gpus() -> tuple[int, int]:
    """Patients and bytes that the GPUs of this machine compute at once."""
    return GPU_CHUNK * jax.device_count(), GPU_CHUNK_BYTES * jax.device_count()


def _fitting_chunk(chunk: int, shard: int) -> int:
    """The largest chunk up to `chunk` that divides the shards of an earlier start."""
    blocks = shard // BLOCK
    return BLOCK * max(d for d in range(1, blocks + 1) if blocks % d == 0 and d * BLOCK <= max(chunk, BLOCK))


def _existing(folder: Path) -> Path:
    folder = folder.absolute()
    return next(p for p in (folder, *folder.parents) if p.exists())


def _check_job(job: Job) -> None:
    if job.size < 1:
        raise UsageError("a run needs at least one patient", where="population.size")
    for variable in job.variables:
        if not variable.is_per_patient:
            raise UsageError(f"{variable.key} has no patient dimension", do="give it as a coordinate or by a reducer")
    if "patient" in job.coordinates:
        raise UsageError("patient ids come from patient_ids, not from a coordinate named patient")
    names = [reducer.name for reducer in job.reducers]
    if len(set(names)) != len(names):
        raise UsageError(f"two reducers have the same name: {', '.join(names)}")
    cells = Layout(job.title, job.variables, job.coordinates).sizes(job.size)
    if math.prod(cells.values()) == 0:
        raise UsageError(
            "a dimension of the results has no points", where=", ".join(d for d, n in cells.items() if not n)
        )
