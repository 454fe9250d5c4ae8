"""The bootstrap: how far estimates move when other patients might have come.

    resample k    as many patients as there are, drawn with replacement, each with all its records
    interval      percentiles of the estimates of all resamples whose fit converged

Source: Efron 1979, Ann Stat 7:1, doi:10.1214/aos/1176344552; Efron and Tibshirani 1993, An Introduction to the
Bootstrap, chapter 13 (percentiles).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kernels import random
from twinsim.calibrate.how import prepared
from twinsim.calibrate.refits import Refits, refit
from twinsim.calibrate.study import Study
from twinsim.errors import UsageError, nearest
from twinsim.population.model import PopulationModel
from twinsim.records import Records


def bootstrap(
    model: str | PopulationModel,
    records: Records,
    method: str = "focei",
    *,
    replicates: int = 200,
    strata: str | None = None,
    seed: int = 0,
    checkpoint: str | Path | None = None,
    told: Callable[[int], None] = lambda done: None,
    **how: Any,
) -> Refits:
    """Fit resampled patients again and again.

    Args:
        model: the fitted one, `Fit.model`: every fit begins at its values.
        replicates: resamples.
        strata: a covariate, among whose values patients are drawn in the numbers in which they are there.
        seed: of the resamples, beside what it is for `twinsim.fit`.
        checkpoint: a folder where every resample's fit is kept; the same call goes on there to the same bits.
        told: hears how many fits are done.
        how: other arguments of `twinsim.fit`, but for standard_errors.

    Returns:
        Refits, whose `intervals` are those of the bootstrap.

    Raises:
        UsageError: fewer than 2 resamples, an unknown covariate.
        DataError: nothing was observed.
    """
    if replicates < 2:
        raise UsageError(f"{replicates} resamples tell nothing", where="replicates", do="ask for 200 or more")
    ready = prepared(model, records, method, seed=seed, **how)
    study, stratum = ready.study, _stratum(records, strata)
    begin = ready.unknowns.begin(study.model)

    def resampled() -> Iterator[tuple[Study, np.ndarray]]:
        for number in range(replicates):
            yield study.of_patients(resample(stratum, seed, number)), begin

    kept = ready.kept_in(checkpoint, bootstrap=True, strata=strata)
    return refit(study.model, resampled(), ready.unknowns, ready.how, "sandwich", kept, told)


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
