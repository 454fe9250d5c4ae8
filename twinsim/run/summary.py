"""Summaries that are made while chunks stream by: moments and quantiles over patients.

Non-finite values (patients that failed) are left out of both and counted. Results do not depend on how the patients
were cut into chunks and shards, to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from twinsim.errors import UsageError
from twinsim.run.bins import Bins, interpolate
from twinsim.run.job import State
from twinsim.run.moments import Moments, cells_of, summary_of
from twinsim.store.variable import Variable, rows_first

PROBABILITIES = (0.05, 0.25, 0.5, 0.75, 0.95)
EXACT_LIMIT = 100_000


@dataclass(frozen=True)
class Quantiles:
    """Quantiles over patients, exact for small cohorts, from bins with a relative error for large ones.

    Exact ones keep every value and interpolate linearly between order statistics (R's type 7, NumPy's default).

    Args:
        variables: the outputs to summarise.
        size: patients of the whole run, which decides between exact and bins.
        probabilities: increasing, between 0 and 1.
        exact_limit: the largest cohort with exact quantiles.
        bins: the bins of larger ones. With `key#bins` in a chunk, (part, ..., bin), counts made by the
            compiled program are added.
    """

    variables: tuple[Variable, ...]
    size: int
    probabilities: tuple[float, ...] = PROBABILITIES
    exact_limit: int = EXACT_LIMIT
    bins: Bins = Bins()
    name: str = "quantiles"

    def __post_init__(self) -> None:
        p = self.probabilities
        if not p or min(p) < 0 or max(p) > 1 or list(p) != sorted(set(p)):
            raise UsageError(f"quantiles {p} are not increasing numbers from 0 to 1", do="for example 0.05, 0.5, 0.95")

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(v.key for v in self.variables)

    @property
    def is_exact(self) -> bool:
        return self.size <= self.exact_limit

    def start(self) -> State:
        return {}

    def add(self, state: State, chunk: Mapping[str, np.ndarray], first: int) -> State:
        for key in self.keys:
            if f"{key}#bins" in chunk:
                parts = np.asarray(chunk[f"{key}#bins"])
                if parts.shape[-1] != self.bins.count:
                    raise UsageError(f"{key}#bins has {parts.shape[-1]} bins, expected {self.bins.count}")
                counts = state.setdefault(f"{key}:bins", np.zeros((self.bins.count, *parts.shape[1:-1]), np.int64))
                cells = counts.reshape(self.bins.count, -1)
                self.bins.add_counts(cells, parts.reshape(len(parts), -1, self.bins.count))
            elif self.is_exact:
                state[f"{key}@{first:012d}"] = np.array(chunk[key])
            else:
                array = np.asarray(chunk[key])
                cells = array.shape[:-1]
                counts = state.setdefault(f"{key}:bins", np.zeros((self.bins.count, *cells), np.int64))
                self.bins.add_to(counts.reshape(self.bins.count, -1), array.reshape(-1, array.shape[-1]))
        return state

    def merge(self, a: State, b: State) -> State:
        return {**a, **b, **{k: a[k] + b[k] for k in a.keys() & b.keys()}}

    def finish(self, state: State) -> list[tuple[Variable, np.ndarray]]:
        probabilities = np.asarray(self.probabilities, np.float64)
        found = [(Variable("quantile", ("quantile",), np.float64, "1", "probability", group="summary"), probabilities)]
        for variable in self.variables:
            key = variable.key
            if f"{key}:bins" in state:
                counts = state[f"{key}:bins"]
                values = self.bins.quantiles(counts.reshape(len(counts), -1), probabilities)
                cells, counted = counts.shape[1:], int(counts.sum())
                how: dict[str, Any] = {
                    "method": "bins",
                    "relative_error": self.bins.relative_error,
                    "zero_below": 2.0**self.bins.lowest,
                }
            elif pieces := [state[k] for k in sorted(state) if k.startswith(f"{key}@")]:
                cells = pieces[0].shape[:-1]
                values, counted = _exact(np.concatenate(pieces, axis=-1), probabilities)
                how = {"method": "exact"}
            else:
                continue
            how["excluded_values"] = self.size * math.prod(cells) - counted
            dims = tuple("quantile" if dim == "patient" else dim for dim in variable.dims)
            result = summary_of(variable, "", "quantiles over patients", dims=dims, attributes=how)
            array = values.reshape(*cells, len(probabilities))
            found.append((result, rows_first(array, variable)))
        return found

    def state_bytes(self, sizes: Mapping[str, int], patients: int) -> int:
        if self.is_exact:
            return sum(cells_of(v, sizes) * v.dtype.itemsize for v in self.variables) * patients
        return sum(cells_of(v, sizes) for v in self.variables) * self.bins.count * 8


def _exact(values: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, int]:
    """Quantiles of (..., patient), non-finite values left out: (cell, quantile), and the number of values used."""
    rows = np.sort(np.where(np.isfinite(values), values, np.nan).reshape(-1, values.shape[-1]), axis=-1)
    n = np.isfinite(rows).sum(axis=-1)
    position = probabilities[None, :] * np.maximum(n - 1, 0)[:, None]
    below = np.take_along_axis(rows, np.floor(position).astype(np.int64), axis=-1).astype(np.float64)
    above = np.take_along_axis(rows, np.ceil(position).astype(np.int64), axis=-1).astype(np.float64)
    return interpolate(below, above, position - np.floor(position)), int(n.sum())


def default_reducers(variables: Iterable[Variable], size: int) -> tuple[Moments, Quantiles]:
    """Moments and quantiles of some outputs, as a run has them if nothing else is asked."""
    variables = tuple(variables)
    return Moments(variables), Quantiles(variables, size)
