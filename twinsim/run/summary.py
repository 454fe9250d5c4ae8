"""Summaries that are made while chunks stream by: moments and quantiles over patients.

Non-finite values (patients that failed) are left out of both and counted. Results do not depend on how the patients
were cut into chunks and shards, to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from twinsim.errors import UsageError
from twinsim.run.bins import Bins, interpolate
from twinsim.run.job import BLOCK, State
from twinsim.store.variable import Variable, rows_first

PROBABILITIES = (0.05, 0.25, 0.5, 0.75, 0.95)
EXACT_LIMIT = 100_000
_PIECE_VALUES = 2**20


def _summary(variable: Variable, suffix: str, words: str, **changes) -> Variable:
    changes = {"dims": tuple(d for d in variable.dims if d != "patient"), "dtype": np.float64, **changes}
    changes.setdefault("attributes", {})
    name = f"{words} of {variable.long_name}"
    return replace(variable, name=variable.name + suffix, group="summary", long_name=name, **changes)


def _cells(variable: Variable, sizes: Mapping[str, int]) -> int:
    return math.prod(sizes[dim] for dim in variable.dims if dim != "patient")


@dataclass(frozen=True)
class Moments:
    """Mean, standard deviation (divisor n - 1) and number of the finite values.

    Blocks of 256 patients are summed in float64 and merged pairwise as the nodes of one binary tree over all
    patients: blocks 2i and 2i + 1 make a node, two such nodes the next, whatever the chunks. A state holds the
    largest whole nodes of its range, of which there are about 2 log2(blocks).

        n = na + nb,  mean = ma + (mb - ma) nb/n,  m2 = m2a + m2b + (mb - ma)^2 na nb/n

    Args:
        variables: the outputs to summarise.

    Source: Chan, Golub & LeVeque 1983, Am Stat 37:242, equations 1.5 and 2.1. doi:10.1080/00031305.1983.10483115
    """

    variables: tuple[Variable, ...]
    name: str = "moments"

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(v.key for v in self.variables)

    def start(self) -> State:
        return {"level": np.zeros(0, np.int64), "index": np.zeros(0, np.int64)}

    def add(self, state: State, chunk: Mapping[str, np.ndarray], first: int) -> State:
        if first % BLOCK:
            raise UsageError(f"a chunk begins at patient {first}", do=f"begin chunks at multiples of {BLOCK}")
        new: State = {}
        blocks = 0
        for key in self.keys:
            n, mean, m2 = _block_moments(np.asarray(chunk[key]))
            new |= {f"{key}:n": n, f"{key}:mean": mean, f"{key}:m2": m2}
            blocks = len(n)
        new["index"] = np.arange(blocks, dtype=np.int64) + first // BLOCK
        new["level"] = np.zeros(blocks, np.int64)
        return self.merge(state, new)

    def merge(self, a: State, b: State) -> State:
        parts = [state for state in (a, b) if len(state["level"])]
        if not parts:
            return a
        nodes = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        nodes = _take(nodes, np.argsort(nodes["index"] << nodes["level"], kind="stable"))
        level = 0
        while level <= nodes["level"].max():
            left = np.flatnonzero(
                (nodes["level"][:-1] == level)
                & (nodes["level"][1:] == level)
                & (nodes["index"][:-1] % 2 == 0)
                & (nodes["index"][1:] == nodes["index"][:-1] + 1)
            )
            nodes = self._join(nodes, left)
            level += 1
        return nodes

    def _join(self, nodes: State, left: np.ndarray) -> State:
        """Put each node of `left` and its right neighbour together."""
        if not len(left):
            return nodes
        for key in self.keys:
            parts = [nodes[f"{key}:{part}"] for part in ("n", "mean", "m2")]
            joined = _chan([p[left] for p in parts], [p[left + 1] for p in parts])
            for part, values in zip(parts, joined, strict=True):
                part[left] = values
        nodes["level"][left] += 1
        nodes["index"][left] //= 2
        keep = np.ones(len(nodes["level"]), bool)
        keep[left + 1] = False
        return _take(nodes, keep)

    def finish(self, state: State) -> list[tuple[Variable, np.ndarray]]:
        found: list[tuple[Variable, np.ndarray]] = []
        if not len(state["level"]):
            return found
        for variable in self.variables:
            parts = [state[f"{variable.key}:{part}"] for part in ("n", "mean", "m2")]
            n, mean, m2 = (p[-1] for p in parts)
            for node in range(len(parts[0]) - 2, -1, -1):
                n, mean, m2 = _chan([p[node] for p in parts], (n, mean, m2))
            with np.errstate(invalid="ignore", divide="ignore"):
                sd = np.where(n > 1, np.sqrt(m2 / (n - 1)), np.nan)
            found += [
                (_summary(variable, "_mean", "mean"), np.where(n > 0, mean, np.nan)),
                (_summary(variable, "_sd", "standard deviation"), sd),
                (_summary(variable, "_n", "number of finite values", units="1", dtype=np.int64), n),
            ]
        return found

    def state_bytes(self, sizes: Mapping[str, int], patients: int) -> int:
        nodes = 2 * max(1, math.ceil(math.log2(max(2, patients / BLOCK))))
        return nodes * 24 * sum(_cells(v, sizes) for v in self.variables)


def _take(nodes: State, which: np.ndarray) -> State:
    return {key: array[which] for key, array in nodes.items()}


def _chan(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number, mean and sum of squared deviations of two sets of values together; see `Moments`."""
    (na, ma, qa), (nb, mb, qb) = a, b
    n = na + nb
    weight = nb / np.maximum(n, 1)
    delta = mb - ma
    return n, ma + delta * weight, qa + qb + delta * delta * (na * weight)


def _block_moments(array: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number, mean and sum of squared deviations per block of patients.

    Args:
        array: (..., patient).

    Returns:
        three arrays (block, ...).
    """
    cells, patients = array.shape[:-1], array.shape[-1]
    blocks = -(-patients // BLOCK)
    rows = array.reshape(-1, patients)
    n = np.empty((blocks, len(rows)), np.int64)
    mean, m2 = np.empty(n.shape), np.empty(n.shape)
    step = max(1, _PIECE_VALUES // (BLOCK * max(1, len(rows))))
    for start in range(0, blocks, step):
        part = rows[:, start * BLOCK : (start + step) * BLOCK]
        here = -(-part.shape[1] // BLOCK)
        x = np.full((here * BLOCK, len(rows)), np.nan)
        x[: part.shape[1]] = part.T
        x = np.ascontiguousarray(x.reshape(here, BLOCK, len(rows)).swapaxes(0, 1))  # (patient of block, block, row)
        good = np.isfinite(x)
        n[start : start + here] = count = good.sum(axis=0)
        bad = None if good.all() else ~good
        _clear(x, bad)
        mean[start : start + here] = middle = _halve(x.copy()) / np.maximum(count, 1)
        x -= middle
        _clear(x, bad)
        m2[start : start + here] = _halve(np.square(x, out=x))
    shape = (blocks, *cells)
    return n.reshape(shape), mean.reshape(shape), m2.reshape(shape)


def _clear(x: np.ndarray, bad: np.ndarray | None) -> None:
    if bad is not None:
        x[bad] = 0.0


def _halve(x: np.ndarray) -> np.ndarray:
    """Sum over the first axis (a power of two) in a fixed order, whatever the memory layout; uses up its argument."""
    width = len(x)
    while width > 1:
        width //= 2
        x[:width] += x[width : 2 * width]
    return x[0].copy()


@dataclass(frozen=True)
class Quantiles:
    """Quantiles over patients, exact for small cohorts, from bins with a relative error for large ones.

    Exact ones keep every value and interpolate linearly between order statistics (R's type 7, NumPy's default).

    Args:
        variables: the outputs to summarise.
        size: patients of the whole run, which decides between exact and bins.
        probabilities: increasing, between 0 and 1.
        exact_limit: the largest cohort with exact quantiles.
        bins: the bins of larger ones. With `key#bins` in a chunk, (bin, ...) counts made on the device are added.
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
                counts = np.asarray(chunk[f"{key}#bins"])
                if len(counts) != self.bins.count:
                    raise UsageError(f"{key}#bins has {len(counts)} bins, expected {self.bins.count}")
                state[f"{key}:bins"] = state.get(f"{key}:bins", 0) + counts.astype(np.int64)
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
            result = _summary(variable, "", "quantiles over patients", dims=dims, attributes=how)
            array = values.reshape(*cells, len(probabilities))
            found.append((result, rows_first(array, variable)))
        return found

    def state_bytes(self, sizes: Mapping[str, int], patients: int) -> int:
        if self.is_exact:
            return sum(_cells(v, sizes) * v.dtype.itemsize for v in self.variables) * patients
        return sum(_cells(v, sizes) for v in self.variables) * self.bins.count * 8


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
