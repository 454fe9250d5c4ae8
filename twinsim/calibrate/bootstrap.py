"""The bootstrap: how far estimates move when other patients might have come.

    resample k    as many patients as there are, drawn with replacement, each with all its records
    interval      percentiles of the estimates of all resamples whose fit converged

Source: Efron 1979, Ann Stat 7:1, doi:10.1214/aos/1176344552; Efron and Tibshirani 1993, An Introduction to the
Bootstrap, chapter 13 (percentiles).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from kernels import random
from twinsim.calibrate.checkpoint import Checkpoint
from twinsim.calibrate.climb import How
from twinsim.calibrate.refits import Refits, refit
from twinsim.calibrate.study import Study, study_of
from twinsim.calibrate.unknowns import unknowns_of
from twinsim.errors import UsageError, nearest
from twinsim.population.model import PopulationModel, population_model
from twinsim.records import Records


def bootstrap(
    model: str | PopulationModel,
    records: Records,
    method: str = "focei",
    *,
    replicates: int = 200,
    strata: str | None = None,
    fit: Sequence[str] | None = None,
    covariance: str = "as_is",
    outputs: Mapping[str, str] | None = None,
    solver: str = "auto",
    rtol: float | None = None,
    starts: int = 3,
    nodes: int | None = None,
    seed: int = 0,
    max_steps: int = 300,
    optimiser: str = "bfgs",
    checkpoint: str | Path | None = None,
    told: Callable[[int], None] = lambda done: None,
) -> Refits:
    """Fit resampled patients again and again.

    Args:
        model: the fitted one, `Fit.model`: every fit begins at its values.
        replicates: resamples.
        strata: a covariate, among whose values patients are drawn in the numbers in which they are there.
        seed: of the resamples, beside what it is for `twinsim.fit`.
        checkpoint: a folder where every resample's fit is kept; the same call goes on there to the same bits.
        told: hears how many fits are done.
        others: see `twinsim.fit`.

    Returns:
        Refits, whose `intervals` are those of the bootstrap.

    Raises:
        UsageError: fewer than 2 resamples, an unknown covariate.
        DataError: nothing was observed.
    """
    if replicates < 2:
        raise UsageError(f"{replicates} resamples tell nothing", where="replicates", do="ask for 200 or more")
    study = study_of(population_model(model), records, outputs=outputs, solver=solver, rtol=rtol)
    unknowns = unknowns_of(study.model, fit, covariance)
    how = How(method, starts, nodes, seed, max_steps, optimiser).checked()
    stratum = _stratum(records, strata)
    kept = None
    if checkpoint is not None:
        settings = {**how.settings(study, unknowns, covariance), "strata": strata, "bootstrap": True}
        kept = Checkpoint(checkpoint, {**settings, **study.identity})
    begin = unknowns.begin(study.model)

    def resampled() -> Iterator[tuple[Study, np.ndarray]]:
        for number in range(replicates):
            yield study.of_patients(resample(stratum, seed, number)), begin

    return refit(study.model, resampled(), unknowns, how, "sandwich", kept, told)


def resample(stratum: np.ndarray, seed: int, number: int) -> np.ndarray:
    """Patients of one resample (patient): within each stratum as many as there are, drawn with replacement.

    Args:
        stratum: of each patient (patient).
    """
    chance = np.asarray(random.uniform(random.key(seed, "bootstrap", replicate=number), np.arange(len(stratum))))
    which = np.zeros(len(stratum), int)
    for value in np.unique(stratum):
        mine = np.flatnonzero(stratum == value)
        which[mine] = mine[np.minimum((chance[mine] * len(mine)).astype(int), len(mine) - 1)]
    return which


def _stratum(records: Records, strata: str | None) -> np.ndarray:
    """Number of each patient's stratum (patient)."""
    if strata is None:
        return np.zeros(records.n_patients, int)
    if strata not in records.covariates:
        do = nearest(strata, records.covariates)
        raise UsageError(f"the records have no covariate {strata!r}", where="strata", do=do)
    first = np.searchsorted(records.patient, np.arange(records.n_patients))
    return np.unique(np.asarray(records.covariates[strata])[first], return_inverse=True)[1]
