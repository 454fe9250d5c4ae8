"""Normalised prediction distribution errors: where observations lie among simulated ones.

    NPD_j    inverse Phi((r_j + 1/2) / (K + 1)),  r_j of K replicates lie below y_j
    NPDE_j   the same of observations and replicates without correlation, L^-1 (y - m),  L L^T = V

m and V are mean and covariance of a patient's simulated observations. Under the model both are standard normal, and
NPDE are independent too. Where the error is lognormal everything is of logarithms.

A censored observation takes a place at random among the replicates that lie where it may be (the method "ccdf"), and
the value there; so does a simulated one that could not have been measured.

Source: Brendel et al. 2006, Pharm Res 23:2036, doi:10.1007/s11095-006-9067-5; Comets, Brendel and Mentre 2008, Comput
Methods Programs Biomed 90:154, doi:10.1016/j.cmpb.2007.12.002 (Cholesky's root, as in R's npde); Nguyen, Comets and
Mentre 2012, J Pharmacokinet Pharmacodyn 39:499, doi:10.1007/s10928-012-9261-3 (censoring).
Differs: npde has r_j / K, with something in place of 0 and 1.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import ndtri

from kernels import random
from twinsim.calibrate.limits import Given, Limits, limits_of
from twinsim.calibrate.replicates import Replicates, replicate
from twinsim.calibrate.residuals import record_table
from twinsim.calibrate.study import study_of
from twinsim.errors import UsageError
from twinsim.population.model import PopulationModel, population_model
from twinsim.records import Records, numbered

log = logging.getLogger(__name__)
_MOST_NORMAL = 5000  # values Shapiro and Wilk's test is made for


class Standard(NamedTuple):
    """Whether values are standard normal.

    Attributes:
        mean, variance: of the values.
        p_mean: of Wilcoxon's signed rank test, that they lie about 0.
        p_variance: of the chi-square test, that their variance is 1.
        p_normal: of Shapiro and Wilk's test.
        p: of all three, by Bonferroni.
    """

    mean: float
    variance: float
    p_mean: float
    p_variance: float
    p_normal: float
    p: float


@dataclass(frozen=True, eq=False)
class Discrepancies:
    """Where observations lie among simulated ones.

    Attributes:
        table: ID TIME TAD EVID CMT DVID OCC CENS DV PRED EPRED NPD NPDE, one row per record in file order; EPRED is
            the mean of the replicates. NaN where nothing was observed.
        npd, npde: whether they are standard normal.
        replicates: how many there were.
    """

    table: pd.DataFrame
    npd: Standard
    npde: Standard
    replicates: int

    def of(self, dvid: str) -> Discrepancies:
        """Those of the observations of one output."""
        table: Any = self.table[self.table["DVID"] == dvid]
        return replace(self, table=table, npd=standard(table["NPD"]), npde=standard(table["NPDE"]))


def npde(
    model: str | PopulationModel,
    records: Records,
    *,
    replicates: int = 1000,
    seed: int = 0,
    lloq: Given = None,
    uloq: Given = None,
    outputs: Mapping[str, str] | None = None,
    solver: str = "auto",
    rtol: float | None = None,
) -> Discrepancies:
    """Normalised prediction distribution errors of records under a model's own numbers.

    Args:
        replicates: simulated studies; their number must be above that of any patient's observations.
        seed: of all draws.
        lloq, uloq: limits of quantification, see `twinsim.calibrate.limits.limits_of`.
        outputs, solver, rtol: see `twinsim.fit`.

    Raises:
        UsageError: too few replicates.
        DataError, UsageError: see `twinsim.fit`.
    """
    study = study_of(population_model(model), records, outputs=outputs, solver=solver, rtol=rtol)
    most = int(study.counts.max())
    if replicates <= most:
        what = f"{replicates} replicates cannot say how {most} observations of a patient vary together"
        raise UsageError(what, where="replicates", do="ask for 1000")
    limits = limits_of(records, study.record, lloq, uloq)
    made = replicate(study, replicates, seed)
    table = record_table(records).assign(CENS=records.cens, DV=records.dv)
    found = {"PRED": made.typical, "EPRED": np.nanmean(made.values, axis=0), **_discrepancies(made, limits, seed)}
    for name, values in found.items():
        table[name] = np.full(len(records), np.nan)
        table.loc[study.record, name] = values
    return Discrepancies(table, standard(found["NPD"]), standard(found["NPDE"]), replicates)


def standard(values: Any) -> Standard:
    """Tests of values against the standard normal distribution; NaN are left out, and fewer than three tell nothing."""
    x = np.asarray(values, np.float64)
    x = x[np.isfinite(x)]
    if len(x) < 3:
        return Standard(*[math.nan] * len(Standard._fields))
    variance, size = float(x.var(ddof=1)), len(x)
    below = float(stats.chi2.cdf((size - 1) * variance, size - 1))
    some = x[np.unique(np.linspace(0, size - 1, min(size, _MOST_NORMAL)).astype(int))]
    p = float(stats.wilcoxon(x)[1]), 2.0 * min(below, 1.0 - below), float(stats.shapiro(some)[1])  # type: ignore
    return Standard(float(x.mean()), variance, *p, min(1.0, 3.0 * min(p)))


class _Known(NamedTuple):
    """Observations among replicates.

    Attributes:
        place: between 0 and 1 (observation).
        y: values (observation); simulated: (replicate, observation).
    """

    place: np.ndarray
    y: np.ndarray
    simulated: np.ndarray


def _discrepancies(made: Replicates, limits: Limits, seed: int) -> dict[str, np.ndarray]:
    """NPD and NPDE (observation)."""
    records, record = made.study.records, made.study.record

    def scaled(values: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(made.logged, np.log(values), values)

    y, simulated, limits = scaled(records.dv[record]), scaled(made.values), Limits(*map(scaled, limits))
    known = _Known(_rank(simulated, y), y, simulated)
    if limits.any:
        known = _imputed(made, limits, scaled(records.limit[record]), seed, known)
    npde = np.full(len(y), np.nan)
    for one in np.unique(made.patient):
        mine = np.flatnonzero(made.patient == one)
        npde[mine] = _decorrelated(known.y[mine], known.simulated[:, mine], made.study.name(one))
    return {"NPD": ndtri(known.place), "NPDE": npde}


def _rank(simulated: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(r + 1/2) / (K + 1) of values (observation) among replicates (replicate, observation), NaN left out."""
    return ((simulated < y).sum(axis=0) + 0.5) / (np.isfinite(simulated).sum(axis=0) + 1.0)


def _value(simulated: np.ndarray, place: np.ndarray) -> np.ndarray:
    """The value of one observation's replicates (replicate) at each place: the other way round."""
    ordered = np.sort(simulated[np.isfinite(simulated)])
    return np.interp(place, (np.arange(len(ordered)) + 0.5) / len(ordered), ordered)


def _imputed(made: Replicates, limits: Limits, other: np.ndarray, seed: int, known: _Known) -> _Known:
    """Places and values with something at random where a value is or would be censored.

    Args:
        limits: on the scale of the values.
        other: the second bound of a censored observation, NaN where there is none (observation).
    """
    records, number = made.study.records, numbered(made.patient)
    cens, ids = records.cens[made.study.record], records.ids[made.patient].astype(np.int64)
    place, y, filled = (array.copy() for array in known)
    u = np.asarray(_uniform("npde:observed", np.uint64(seed), np.uint32(0), number, ids))
    replicates = np.arange(len(filled), dtype=np.uint32)[:, None]
    limited = np.flatnonzero(np.isfinite(limits.low) | np.isfinite(limits.high))
    drawn = np.asarray(
        _uniform("npde:simulated", np.uint64(seed), replicates, number[None, limited], ids[None, limited])
    )
    for j, v in zip(limited, drawn.T, strict=True):
        column, below, above = known.simulated[:, j], *(_rank(known.simulated[:, j], bound[j]) for bound in limits)
        low, high = column < limits.low[j], column > limits.high[j]
        filled[low, j] = _value(column, v[low] * below)
        filled[high, j] = _value(column, above + v[high] * (1.0 - above))
        if cens[j]:
            first, last = (0.0, below) if cens[j] > 0 else (above, 1.0)
            if np.isfinite(other[j]):
                bound = _rank(column, other[j])
                first, last = (bound, below) if cens[j] > 0 else (above, bound)
            place[j] = first + u[j] * (last - first)
            y[j] = _value(column, place[j])
    return _Known(place, y, filled)


@partial(jax.jit, static_argnums=0)
def _uniform(stream: str, seed: Any, replicate: Any, number: Any, ids: Any) -> Any:
    """A draw of each observation, by its number within its patient: (observation), or (replicate, observation)."""
    return random.uniform(random.key(seed, stream, replicate=replicate, draw=number), ids)


def _decorrelated(y: np.ndarray, simulated: np.ndarray, name: str) -> np.ndarray:
    """NPDE of one patient.

    Args:
        y: (observation); simulated: (replicate, observation).
    """
    whole = simulated[np.isfinite(simulated).all(axis=1)]
    mean = whole.mean(axis=0)
    try:
        root = np.linalg.cholesky(np.cov(whole, rowvar=False).reshape(len(y), len(y)))
    except np.linalg.LinAlgError:
        log.warning("patient %s has no NPDE: its simulated observations do not vary independently", name)
        return np.full(len(y), np.nan)
    alone = np.linalg.solve(root, (whole - mean).T).T
    return ndtri(_rank(alone, np.linalg.solve(root, y - mean)))
