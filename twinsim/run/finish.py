"""From finished shards to results.h5: states are merged in patient order and finished, rows are joined or mapped."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from twinsim.errors import StoreError
from twinsim.run.job import Job
from twinsim.run.plan import Plan
from twinsim.store.folder import RESULTS_FILE, config_hash
from twinsim.store.layout import Layout, open_whole
from twinsim.store.results import Contents, join_shards, listed_shards, map_shards
from twinsim.store.shard import SHARDS, Shard, damage, read_states
from twinsim.store.variable import Variable


def finish(
    job: Job, folder: Path, plan: Plan, layout: Layout, shards: list[Shard], texts: Mapping[str, str], kept: str
) -> Path:
    """Write results.h5 of a run.

    Args:
        layout: what the shards hold.
        shards: all that were finished; patients of others keep fill values and status not_computed.
        texts: for /provenance, by name.
        kept: what of the run is safe, for the message if the disk refuses.

    Returns:
        its path.
    """
    shards = sorted(shards, key=lambda shard: shard.number)
    ids = stored_ids(job, layout, 0, job.size)
    if ids.shape != (job.size,):
        raise StoreError(f"patient_ids gave shape {ids.shape} for {job.size} patients")
    whole = Layout(job.title, layout.variables, layout.coordinates, _attributes(job, plan, shards), layout.filter)
    contents = Contents(whole, ids, _summaries(job, folder, shards), texts)
    path = folder / RESULTS_FILE
    (join_shards if plan.one_file else map_shards)(path, contents, shards, kept)
    return path


def stored_ids(job: Job, layout: Layout, first: int, count: int) -> np.ndarray:
    """Patient ids; zeros that take no room where nothing is stored per patient."""
    if not layout.variables:
        return np.broadcast_to(np.int64(0), (count,))
    return np.asarray(job.patient_ids(first, count), np.int64)


def _attributes(job: Job, plan: Plan, shards: list[Shard]) -> dict[str, Any]:
    attributes = {
        "twinsim_version": _version(),
        "config_hash": config_hash(job.identity),
        "seed": job.identity.get("seed"),
        "save": plan.save,
        "patients": plan.patients,
        "patients_failed": sum(s.failed for s in shards),
        "patients_not_computed": plan.patients - sum(s.rows for s in shards),
    }
    return {name: value for name, value in attributes.items() if value is not None}


def _version() -> str:
    try:
        return metadata.version("twinsim")
    except metadata.PackageNotFoundError:
        return "unknown"


def _summaries(job: Job, folder: Path, shards: list[Shard]) -> list[tuple[Variable, np.ndarray]]:
    """What the reducers make of all shards' states."""
    if not job.reducers:
        return []
    states = {r.name: r.start() for r in job.reducers}
    for shard in shards:
        stored = read_states(folder, shard)
        for reducer in job.reducers:
            states[reducer.name] = reducer.merge(states[reducer.name], stored[reducer.name])
    found: list[tuple[Variable, np.ndarray]] = []
    seen: set[str] = set()
    for reducer in job.reducers:
        for variable, values in reducer.finish(states[reducer.name]):
            if variable.key in seen:
                raise StoreError(f"two reducers give {variable.key}")
            seen.add(variable.key)
            found.append((variable, values))
    return found


def whole_results(folder: Path, record: Mapping[str, Any]) -> Path | None:
    """The results of a finished run if they are undamaged; None if anything is to be done."""
    path, noted = folder / RESULTS_FILE, record.get("results")
    if record.get("state") != "finished" or not noted or not path.is_file() or path.stat().st_size != noted["bytes"]:
        return None
    try:
        with open_whole(path) as file:
            shards = listed_shards(file)
    except (OSError, RuntimeError, KeyError):
        return None
    return None if any(damage(folder, shard, full=True) for shard in shards) else path


def remove_shards(folder: Path) -> None:
    """Remove the shards of a run whose results are in one file."""
    shards = folder / SHARDS
    if not shards.is_dir():
        return
    for path in sorted(shards.iterdir()):
        if path.suffix in {".h5", ".json", ".tmp"}:
            path.unlink(missing_ok=True)
    if not any(shards.iterdir()):
        shards.rmdir()
