"""Opening results: every shard is looked at first, then xarray gets the file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from twinsim.errors import StoreError
from twinsim.store.files import read_json
from twinsim.store.folder import RESULTS_FILE, RUN_FILE
from twinsim.store.layout import open_whole
from twinsim.store.results import listed_shards
from twinsim.store.shard import damage

if TYPE_CHECKING:
    import xarray

_ENGINE = "h5netcdf"


def open_results(path: str | Path, *, groups: bool = False, full: bool = False) -> xarray.Dataset | xarray.DataTree:
    """Open the results of a run with named dimensions, units and coordinates.

    Numbers are read when they are used. For large runs, which lie in several files, each file is checked first.

    Args:
        path: `results.h5` or the run's folder.
        groups: give everything (parameters, covariates, endpoints, summary, provenance) as an xarray DataTree;
            otherwise the trajectories as a Dataset.
        full: compare the checksum of every byte of every shard, not only presence, size and rows.

    Returns:
        an xarray Dataset, or a DataTree with groups=True; close it or use it as a context manager.

    Raises:
        StoreError: there are no results, or a file of theirs is missing or damaged.
    """
    path = results_path(path)
    try:
        with open_whole(path) as file:
            shards = listed_shards(file)
    except (OSError, RuntimeError, KeyError) as error:
        raise StoreError(
            "the results file cannot be read",
            where=str(path),
            why=f"HDF5 says: {error}",
            do="make it again: the command of the run with resume=true",
        ) from error
    for shard in shards:
        problem = damage(path.parent, shard, full=full)
        if problem:
            raise StoreError(
                f"the results are incomplete: {shard.name} {problem}",
                where=f"{path.parent / shard.name}, patients {shard.first} to {shard.first + shard.rows - 1}",
                do="put the file back beside results.h5, or compute it again: the command of the run with resume=true",
            )
    import xarray

    if groups:
        return xarray.open_datatree(path, engine=_ENGINE)
    return xarray.open_dataset(path, engine=_ENGINE)


def results_path(path: str | Path) -> Path:
    """The results file of a run's folder, or the file itself.

    Raises:
        StoreError: there is none; says so if the run is unfinished.
    """
    path = Path(path)
    if path.is_dir():
        folder, path = path, path / RESULTS_FILE
        record = read_json(folder / RUN_FILE)
        if not path.exists() and record is not None:
            raise StoreError(
                f"this run has no results yet: it is {record.get('state', 'unknown')}",
                where=str(folder),
                do="finish it: the command of the run with resume=true",
            )
    if not path.exists():
        raise StoreError(f"there is no {path.name}", where=str(path.parent), do="give a run's folder or its results.h5")
    return path
