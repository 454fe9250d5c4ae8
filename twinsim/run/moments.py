"""Mean and standard deviation over patients, made while chunks stream by, whatever the chunks, to the last bit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from twinsim.errors import UsageError
from twinsim.run.job import BLOCK, State
from twinsim.store.variable import Variable

_PIECE_VALUES = 2**20


def summary_of(variable: Variable, suffix: str, words: str, **changes) -> Variable:
    changes = {"dims": tuple(d for d in variable.dims if d != "patient"), "dtype": np.float64, **changes}
    changes.setdefault("attributes", {})
    name = f"{words} of {variable.long_name}"
    return replace(variable, name=variable.name + suffix, group="summary", long_name=name, **changes)


def cells_of(variable: Variable, sizes: Mapping[str, int]) -> int:
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
        nodes = 0
        for key in self.keys:
            n, mean, m2 = _given_or_made(chunk, key)
            new |= {f"{key}:n": n, f"{key}:mean": mean, f"{key}:m2": m2}
            nodes = len(n)
        level = _level(nodes, chunk)
        if first % (BLOCK << level):
            raise UsageError(f"a chunk whose blocks are joined begins at patient {first}", do="begin at whole chunks")
        new["index"] = np.arange(nodes, dtype=np.int64) + (first // BLOCK >> level)
        new["level"] = np.full(nodes, level, np.int64)
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
                (summary_of(variable, "_mean", "mean"), np.where(n > 0, mean, np.nan)),
                (summary_of(variable, "_sd", "standard deviation"), sd),
                (summary_of(variable, "_n", "number of finite values", units="1", dtype=np.int64), n),
            ]
        return found

    def state_bytes(self, sizes: Mapping[str, int], patients: int) -> int:
        nodes = 2 * max(1, math.ceil(math.log2(max(2, patients / BLOCK))))
        return nodes * 24 * sum(cells_of(v, sizes) for v in self.variables)


def _take(nodes: State, which: np.ndarray) -> State:
    return {key: array[which] for key, array in nodes.items()}


def _chan(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number, mean and sum of squared deviations of two sets of values together; see `Moments`."""
    (na, ma, qa), (nb, mb, qb) = a, b
    n = na + nb
    weight = nb / np.maximum(n, 1)
    delta = mb - ma
    return n, ma + delta * weight, qa + qb + delta * delta * (na * weight)


def _level(nodes: int, chunk: Mapping[str, np.ndarray]) -> int:
    """How often blocks have been joined already: the fewest times that leave so many nodes of the chunk's patients."""
    patients = next((np.shape(array)[-1] for key, array in chunk.items() if "#" not in key), nodes * BLOCK)
    blocks, level = -(-patients // BLOCK), 0
    while -(-blocks >> level) > nodes:
        level += 1
    return level


def _given_or_made(chunk: Mapping[str, np.ndarray], key: str) -> Sequence[np.ndarray]:
    """Number, mean and sum of squared deviations (node, ...): from `key#moments` where the chunk has it."""
    if f"{key}#moments" not in chunk:
        return _block_moments(np.asarray(chunk[key]))
    n, mean, m2 = np.ascontiguousarray(np.moveaxis(np.asarray(chunk[f"{key}#moments"], np.float64), -1, 1))
    return n.astype(np.int64), mean, m2


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
