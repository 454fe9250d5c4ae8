"""Visual predictive check: percentiles of what was observed against those of simulated studies, over time.

In each bin of time and stratum, of the observations and of each replicate,

    percentile    over all values, those that cannot be measured below (or above) every other
    fraction      of values below the lower limit of quantification

and of both the median and an interval over the replicates. With prediction correction every value is first brought to
the bin's typical design,

    y_c = y median(PRED) / PRED        with a lognormal error  ln y_c = ln y + median(ln PRED) - ln PRED

Source: Holford 2005, PAGE 14, abstract 738; Bergstrand, Hooker, Wallin and Karlsson 2011, AAPS J 13:143,
doi:10.1208/s12248-011-9255-z, equations 2 and 3 with a lower bound of 0 (correction); Bergstrand and Karlsson 2009,
AAPS J 11:371, doi:10.1208/s12248-009-9112-5 (values below the limit).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from twinsim.calibrate.elapsed import time_after_dose
from twinsim.calibrate.limits import Given, limits_of
from twinsim.calibrate.replicates import Replicates, replicate
from twinsim.calibrate.study import study_of
from twinsim.errors import DataError, UsageError, nearest
from twinsim.population.model import PopulationModel, population_model
from twinsim.records import Records

PERCENTILES = (5.0, 50.0, 95.0)
TIMES = ("TIME", "TAD")
MOST_STRATA = 12


@dataclass(frozen=True, eq=False)
class Vpc:
    """A visual predictive check.

    Attributes:
        table: STRATUM BIN FROM TO TIME COUNT PERCENTILE OBSERVED LOW MEDIAN HIGH, a row for each percentile of each
            bin; TIME is the median of the bin's observations, LOW to HIGH the interval of the simulated percentile.
            A percentile among values below the limit is -inf.
        censored: STRATUM BIN TIME COUNT OBSERVED LOW MEDIAN HIGH of the fraction below the limit, of strata with
            one; None without limits.
        points: STRATUM BIN TIME DV CENS of the observations, DV corrected if all is.
        time: TIME or TAD.
        corrected: whether there is prediction correction.
        interval: share of the replicates between LOW and HIGH.
        replicates: how many count.
    """

    table: pd.DataFrame
    censored: pd.DataFrame | None
    points: pd.DataFrame
    time: str
    corrected: bool
    interval: float
    replicates: int

    def of(self, dvid: str) -> Vpc:
        """The check of one output alone, among the strata of several.

        Args:
            dvid: its label; a check of one output has no such strata, and is itself.
        """
        strata = [name for name in self.table["STRATUM"].unique() if name == dvid or name.startswith(f"{dvid}, ")]
        if not strata:
            return self
        names = {name: name.removeprefix(dvid).removeprefix(", ") for name in strata}

        def mine(table: Any) -> Any:
            return table[table["STRATUM"].isin(strata)].replace({"STRATUM": names})

        below = None if self.censored is None else mine(self.censored)
        below = None if below is None or below.empty else below
        return replace(self, table=mine(self.table), censored=below, points=mine(self.points))


def vpc(
    model: str | PopulationModel,
    records: Records,
    *,
    time: str = "TIME",
    bins: int | Sequence[float] = 10,
    by: str | None = None,
    percentiles: Sequence[float] = PERCENTILES,
    interval: float = 0.95,
    corrected: bool = False,
    replicates: int = 500,
    seed: int = 0,
    lloq: Given = None,
    uloq: Given = None,
    outputs: Mapping[str, str] | None = None,
    solver: str = "auto",
    rtol: float | None = None,
) -> Vpc:
    """Check a model's predictions against records.

    Args:
        time: TIME, or TAD: after the last dose.
        bins: edges [h], the last bin with its end; or into how many bins of about as many observations each.
        by: stratify by this covariate, or by OCC; outputs (DVID) are strata in any case.
        percentiles: 0 to 100.
        interval: share of the replicates that LOW to HIGH holds.
        corrected: by predictions.
        replicates, seed: simulated studies, and the seed of all draws.
        lloq, uloq: limits of quantification, see `twinsim.calibrate.limits.limits_of`.
        outputs, solver, rtol: see `twinsim.fit`.

    Raises:
        UsageError: an unknown time or covariate, percentiles or edges that are none.
        DataError: no observation lies in any bin.
    """
    bins = int(bins) if isinstance(bins, np.integer) else bins
    percentiles = np.ravel(np.asarray(percentiles)).tolist()
    _check(time, bins, percentiles, interval)
    study = study_of(population_model(model), records, outputs=outputs, solver=solver, rtol=rtol)
    at = (records.time if time == "TIME" else time_after_dose(records))[study.record]
    stratum, limits = strata_of(records, study.record, by), limits_of(records, study.record, lloq, uloq)
    made = replicate(study, replicates, seed)
    simulated = limits.beyond(made.values[made.whole])
    table, censored, points = [], [], []
    for name in dict.fromkeys(stratum.tolist()):
        mine = np.flatnonzero((stratum == name) & np.isfinite(at))
        if not mine.size:
            continue
        edges, limited = edges_of(at[mine], bins), np.isfinite(limits.low[mine]).any()
        for number, here in enumerate(members(at[mine], edges)):
            if not here.size:
                continue
            one = _Bin(made, simulated[:, mine[here]], mine[here], corrected, interval)
            place = {"STRATUM": name, "BIN": number}
            middle = {**place, "TIME": float(np.median(at[one.which])), "COUNT": len(one.which)}
            edge = {"FROM": float(edges[number]), "TO": float(edges[number + 1])}
            table += [{**middle, **edge, "PERCENTILE": p, **one.percentile(p)} for p in percentiles]
            if limited:
                censored.append({**middle, **one.fraction()})
            points.append(pd.DataFrame({**place, "TIME": at[one.which], "DV": one.dv, "CENS": one.cens}))
    if not table:
        raise DataError("no observation lies in any bin", where="bins", do="give edges around the observations' times")
    return Vpc(
        table=pd.DataFrame(table),
        censored=pd.DataFrame(censored) if censored else None,
        points=pd.concat(points, ignore_index=True),
        time=time,
        corrected=corrected,
        interval=interval,
        replicates=int(made.whole.sum()),
    )


class _Bin:
    """Observations of one bin and their replicates, infinite where they cannot be measured.

    Args:
        simulated: (replicate, observation).
        which: the bin's observations, by number.
    """

    def __init__(
        self, made: Replicates, simulated: np.ndarray, which: np.ndarray, corrected: bool, interval: float
    ) -> None:
        records, record = made.study.records, made.study.record[which]
        factor = correction(made.typical[which], made.logged[which]) if corrected else np.ones(len(which))
        self.which, self.interval, self.cens = which, interval, records.cens[record]
        self.dv = records.dv[record] * factor
        self.observed = np.where(self.cens > 0, -np.inf, np.where(self.cens < 0, np.inf, self.dv))
        self.simulated = simulated * factor[None]

    def percentile(self, p: float) -> dict[str, float]:
        """A percentile, observed and simulated."""
        return self._row(quantile(self.observed, p / 100.0), quantile(self.simulated, p / 100.0))

    def fraction(self) -> dict[str, float]:
        """How many are below the limit, observed and simulated."""
        return self._row(np.mean(np.isneginf(self.observed)), np.isneginf(self.simulated).mean(axis=1))

    def _row(self, seen: Any, simulated: np.ndarray) -> dict[str, float]:
        tail = (1.0 - self.interval) / 2.0
        low, middle, high = (float(quantile(simulated, share)) for share in (tail, 0.5, 1.0 - tail))
        return {"OBSERVED": float(seen), "LOW": low, "MEDIAN": middle, "HIGH": high}


def quantile(values: np.ndarray, share: float) -> np.ndarray:
    """A quantile over the last axis, linear between two values unless one of them is infinite.

    >>> quantile(np.asarray([3.0, -np.inf, 1.0]), 0.5).tolist(), quantile(np.asarray([3.0, -np.inf]), 0.5).tolist()
    (1.0, -inf)
    """
    ordered = np.sort(values, axis=-1)
    place = share * (values.shape[-1] - 1)
    low, high = ordered[..., math.floor(place)], ordered[..., math.ceil(place)]
    finite = np.isfinite(low) & np.isfinite(high)
    between = np.where(finite, low, 0.0) + (place % 1.0) * (np.where(finite, high, 0.0) - np.where(finite, low, 0.0))
    return np.where(finite, between, np.where(np.isneginf(low), low, high))


def correction(typical: np.ndarray, logged: np.ndarray) -> np.ndarray:
    """What prediction correction multiplies the values of a bin with; 1 where the prediction is not above 0.

    Args:
        typical: PRED (observation).
        logged: whether the error is lognormal (observation).
    """
    positive = typical > 0.0
    if not positive.any():
        return np.ones(len(typical))
    safe = np.where(positive, typical, 1.0)
    middle = np.where(logged, np.exp(np.median(np.log(safe[positive]))), np.median(safe[positive]))
    return np.where(positive, middle / safe, 1.0)


def edges_of(at: np.ndarray, bins: int | Sequence[float]) -> np.ndarray:
    """Edges of the bins of times (observation); a time of several observations is never divided."""
    if not isinstance(bins, int):
        return np.asarray(bins, np.float64)
    times = np.unique(at)
    if len(times) <= bins:
        return np.r_[times, times[-1:]]
    return np.unique(np.quantile(at, np.linspace(0.0, 1.0, bins + 1)))


def members(at: np.ndarray, edges: np.ndarray) -> list[np.ndarray]:
    """Indices of the times of each bin, from an edge to before the next one, the last with its end."""
    number = np.searchsorted(edges, at, side="right") - 1
    number = np.where(at == edges[-1], len(edges) - 2, number)
    return [np.flatnonzero(number == i) for i in range(len(edges) - 1)]


def strata_of(records: Records, record: np.ndarray, by: str | None) -> np.ndarray:
    """What each observation is called together with those of its stratum (observation).

    Raises:
        UsageError: an unknown name, or one with too many values.
    """
    labels = records.dvid[record].astype(object) if len(records.dvids) > 1 else np.full(len(record), "", object)
    if by is None:
        return labels
    columns = {**records.covariates, "OCC": records.occ}
    if by not in columns:
        raise UsageError(f"the records have no covariate {by!r}", where="by", do=nearest(by, columns))
    values = columns[by][record]
    if len(np.unique(values)) > MOST_STRATA:
        what = f"{by} has {len(np.unique(values))} values; {MOST_STRATA} strata are the most"
        raise UsageError(what, where="by", do="add a column with groups of it to the table")
    names = {code: label for label, code in records.categories.get(by, {}).items()}
    own = [f"{by} {names.get(value, f'{value:g}')}" for value in values.tolist()]
    return np.asarray([f"{label}, {mine}" if label else mine for label, mine in zip(labels, own, strict=True)], object)


def _check(time: str, bins: int | Sequence[float], percentiles: Sequence[float], interval: float) -> None:
    if time not in TIMES:
        raise UsageError(f"{time!r} is no time", where="time", do=nearest(time, TIMES))
    if isinstance(bins, int):
        sound = bins > 0
    else:
        sound = len(bins) > 1 and bool(np.all(np.diff(bins) > 0.0))
    if not sound:
        raise UsageError(f"{bins} are no bins", where="bins", do="give their number, or edges that rise")
    if not percentiles or not all(0.0 <= p <= 100.0 for p in percentiles):
        raise UsageError(f"{percentiles} are no percentiles", where="percentiles", do="for example 5, 50, 95")
    if not 0.0 < interval < 1.0:
        raise UsageError(f"{interval:g} is no share of the replicates", where="interval", do="for example 0.95")
