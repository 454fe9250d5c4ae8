"""Pacing of heart cells beat by beat, drugs that block their channels, and what is read from the last beat.

    cell, how = twinsim.structure("organs/ventricular_myocyte"), {"precision": "float64", "rtol": 1e-4, "dense": True}
    run = twinsim.simulate(cell, events=paced(10), times=beat_times(10), outputs=["potential", "qnet"], **how)
    last_beat(run).apd90

`drugged` makes cells, each under a drug of its own:

>>> channel_drug("dofetilide").cmax, paced(10).size, beat_times(10)[[0, -1]].tolist()
(2.0, 30, [9000.0, 10000.0])
>>> model, cells = drugged([(None, 0.0), ("dofetilide", 2.0), ("verapamil", 81.0)])
>>> model.individual(cells.covariates)["concentration"].tolist()
[0.0, 2.0, 81.0]

Source: pacing by -80 uA/uF for 0.5 ms and APD90, O'Hara et al. 2011; qNet and CiPA's 2 s between beats, Dutta et al.
2017, Front Physiol 8:616.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from twinsim.errors import DataError, UsageError, nearest
from twinsim.events import Events
from twinsim.models.couple import bind
from twinsim.models.registry import structure
from twinsim.patient.read import fields_of
from twinsim.population.given import given_parameters
from twinsim.yaml import read_yaml

CELL = "organs/ventricular_myocyte"
CYCLE, AMPLITUDE, WIDTH = 1000.0, -80.0, 0.5  # ms, uA/uF, ms
UPSTROKE, FINE = 10.0, 0.1  # ms: how long after a stimulus, and how often, it is looked at closely
REPOLARISED, BEGINS, RISE = 0.9, 0.3, 1.0  # shares of the amplitude; mV


@dataclass(frozen=True)
class ChannelDrug:
    """A drug that blocks channels of the heart.

    Attributes:
        name: e.g. dofetilide.
        risk: of torsade de pointes: high, intermediate or low.
        cmax: largest free concentration in plasma under therapy [nmol/L].
        herg: kmax, ku [1/ms], halfmax, hill and vhalf [mV] of its binding to hERG.
        block: current -> (IC50 [nmol/L], Hill coefficient).
    """

    name: str
    risk: str
    cmax: float
    herg: Mapping[str, float]
    block: Mapping[str, tuple[float, float]]

    def parameters(self) -> dict[str, float]:
        """What of `organs/ventricular_myocyte` it changes; its concentration is a need of the cell."""
        found = {f"herg_{name}": float(self.herg[name]) for name in ("kmax", "ku", "halfmax", "vhalf")}
        found["herg_n"] = float(self.herg["hill"])
        for current, (ic50, hill) in self.block.items():
            found |= {f"ic50_{current}": float(ic50), f"hill_{current}": float(hill)}
        return found


@cache
def _table() -> dict[str, ChannelDrug]:
    source = resources.files("twinsim.patient").joinpath("data/cipa.yaml").read_text(encoding="utf-8")
    drugs = {}
    for name, row in read_yaml(source).items():
        own = fields_of(row, ("risk", "cmax", "herg", "block"), f"cipa.yaml, {name}")
        herg = fields_of(own["herg"], ("kmax", "ku", "halfmax", "hill", "vhalf"), f"cipa.yaml, {name}, herg")
        block = {current: (float(pair[0]), float(pair[1])) for current, pair in own["block"].items()}
        drugs[name] = ChannelDrug(name, own["risk"], float(own["cmax"]), herg, block)
    return drugs


def channel_drugs() -> tuple[str, ...]:
    """Names of the drugs whose block of channels is known: the twelve of CiPA's training."""
    return tuple(_table())


def channel_drug(name: str) -> ChannelDrug:
    """One of them.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in _table():
        raise UsageError(f"no channel block of {name!r} is known", where="drug", do=nearest(name, _table()))
    return _table()[name]


def paced(beats: int, cycle: float = CYCLE, *, amplitude: float = AMPLITUDE, width: float = WIDTH) -> Events:
    """Stimuli of a cell, the first at 0; each begins a new count of its net charge.

    Args:
        beats: how many.
        cycle: from one to the next [ms].
        amplitude: of the current, negative [uA/uF]; width: its duration [ms].

    Raises:
        UsageError: no beats, or a stimulus that outlasts its beat.
    """
    _check(beats, cycle)
    if not 0.0 < width < cycle:
        raise UsageError(f"a stimulus of {width:g} ms", where="width", do=f"choose more than 0 and less than {cycle:g}")
    rows = []
    for begin in cycle * np.arange(beats):
        rows.append({"time": begin, "kind": "set", "target": "qnet", "value": 0.0})
        rows.append({"time": begin, "kind": "set", "target": "stimulus", "value": amplitude})
        rows.append({"time": begin + width, "kind": "set", "target": "stimulus", "value": 0.0})
    return Events.of(rows)


def beat_times(beats: int, cycle: float = CYCLE, step: float = 1.0) -> np.ndarray:
    """Times of the last of so many beats [ms], every 0.1 ms in its first 10 ms, every `step` afterwards."""
    _check(beats, cycle)
    late = np.arange(UPSTROKE, cycle, step)
    own = np.concatenate([np.arange(0.0, min(UPSTROKE, cycle), FINE), late, [cycle]])
    return (beats - 1) * cycle + own


def _check(beats: int, cycle: float) -> None:
    if beats != int(beats) or beats < 1:
        raise UsageError(f"{beats!r} beats", where="beats", do="choose a whole number from 1")
    if not 0.0 < cycle < np.inf:
        raise UsageError(f"a beat every {cycle!r} ms", where="cycle", do="choose 1000, say")


@dataclass(frozen=True)
class Beat:
    """What was read from a beat, each (cell).

    Attributes:
        apd90: time above the potential at which 90 % of the amplitude is lost [ms]; nan where it never fell below.
        peak, resting: largest potential, and that when the beat began [mV].
        qnet: net charge of CiPA's six currents [uA s/uF, uC/uF].
        early_afterdepolarisation: it rises by 1 mV or more between 30 % and 90 % of repolarisation.
        repolarised: it falls below 90 % before the beat ends.
        fired: it rises above 0 mV; otherwise there was no action potential, and the other measures mean nothing.
    """

    apd90: np.ndarray
    peak: np.ndarray
    resting: np.ndarray
    qnet: np.ndarray
    early_afterdepolarisation: np.ndarray
    repolarised: np.ndarray
    fired: np.ndarray


def last_beat(run: Any) -> Beat:
    """Measures of the last beat of a run whose times are `beat_times`, with outputs potential and qnet."""
    times = np.asarray(run.job.times, np.float64)
    return measured(times, np.asarray(run["potential"]), np.asarray(run["qnet"]))


def measured(times: Any, potential: Any, qnet: Any) -> Beat:
    """Measures of one beat, crossings of a level by straight lines between times.

    >>> ramp = measured([0.0, 1.0, 100.0, 200.0], [[-90.0], [10.0], [0.0], [-90.0]], [[0.0], [0.0], [0.0], [0.1]])
    >>> ramp.apd90.round(2).tolist(), ramp.repolarised.tolist()
    ([188.79], [True])

    Args:
        times: from a stimulus to the next [ms] (time).
        potential: [mV] (time, cell); qnet: (time, cell).
    """
    t, v, q = np.asarray(times, np.float64), np.asarray(potential, np.float64), np.asarray(qnet, np.float64)
    if v.ndim != 2 or v.shape != q.shape or v.shape[0] != t.size or t.size < 3:
        raise DataError(
            f"times {t.shape}, potential {v.shape} and qnet {q.shape} are not of one beat",
            do="give (time), (time, cell) and (time, cell)",
        )
    peak, resting = v.max(axis=0), v[0]
    level = peak - REPOLARISED * (peak - resting)
    up = _crossing(t, v, level, np.zeros(v.shape[1], int), rising=True)
    down = _crossing(t, v, level, v.argmax(axis=0), rising=False)
    late = np.isnan(down)
    early = _crossing(t, v, peak - BEGINS * (peak - resting), v.argmax(axis=0), rising=False)
    within = (t[:, None] >= early) & (t[:, None] <= np.where(late, np.inf, down))
    lowest = np.minimum.accumulate(np.where(within, v, np.inf), axis=0)
    again = np.where(within, v, -np.inf) - np.where(np.isfinite(lowest), lowest, np.inf) >= RISE
    return Beat(down - up, peak, resting, q[-1] - q[0], np.any(again, axis=0), ~late, peak > 0.0)


def _crossing(t: np.ndarray, v: np.ndarray, level: np.ndarray, after: np.ndarray, *, rising: bool) -> np.ndarray:
    """First time from row `after` on at which the potential crosses a level, nan if never (cell)."""
    sign = 1.0 if rising else -1.0
    above = sign * (v - level) > 0.0
    crosses = ~above[:-1] & above[1:] & (np.arange(t.size - 1)[:, None] >= after)
    row, cell = crosses.argmax(axis=0), np.arange(v.shape[1])
    before, behind = v[row, cell], v[row + 1, cell]
    share = (level - before) / np.where(behind == before, 1.0, behind - before)
    return np.where(crosses.any(axis=0), t[row] + share * (t[row + 1] - t[row]), np.nan)


def drugged(cells: Sequence[tuple[str | None, float]], parameters: Mapping[str, Any] | None = None) -> tuple:
    """Model and cohort of cells of `organs/ventricular_myocyte`, each under a drug of its own.

    Args:
        cells: (drug or None, free concentration [nmol/L]) of each.
        parameters: other parameters of the cell, plasma_potassium among them, one value for each.

    Returns:
        what `twinsim.simulate(model, cohort, ...)` takes.
    """
    free = structure(CELL)
    cell = bind(free, {port.name: float(port.default or 0.0) for port in free.needs})
    own = [{} if drug is None else channel_drug(drug).parameters() for drug, _ in cells]
    columns: dict[str, Any] = {
        name: [each.get(name, cell.parameter(name).default) for each in own] for name in sorted(set().union(*own))
    }
    columns["concentration"] = [concentration for _, concentration in cells]
    return given_parameters(cell, {**columns, **(parameters or {})})
