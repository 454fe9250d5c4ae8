"""Linear kinetics by superposition: every dose's own response, added up; nothing here comes from the package.

bolus      V exp(D t) V^-1 amount e_i                        with  K = V D V^-1
infusion   the same, integrated over its duration
steady     doses given at every interval since long ago
"""

from dataclasses import dataclass, replace

import numpy as np

INF = float("inf")


@dataclass(frozen=True)
class Given:
    """What reaches a state in truth: `amount` into `state` from `time` on for `duration`.

    It is wiped out at `gone`; a dose of the past that a steady state supposes counts from `since` on.
    """

    time: float
    state: int
    amount: float
    duration: float = 0.0
    gone: float = INF
    since: float = -INF


def repeated(first: Given, interval: float, count: int) -> list[Given]:
    """`count` doses, the first as given."""
    return [replace(first, time=first.time + k * interval) for k in range(count)]


def steady(first: Given, interval: float, since: float, doses: int = 400) -> list[Given]:
    """A dose, and one at every interval before it, supposed at `since`."""
    return [replace(first, time=first.time - k * interval, since=since) for k in range(doses + 1)]


def gone(given: list[Given], time: float) -> list[Given]:
    """The same, wiped out at a time; what had not begun by then never comes."""
    return [replace(one, gone=time) for one in given]


def amounts(matrix: np.ndarray, given: list[Given], times: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Amounts (time, state).

    Args:
        matrix: d x/dt = matrix x, in 1/h, with eigenvalues that differ and are not 0 (state, state).
        before: True where an observation comes before what happens at its very time (time).
    """
    values, vectors = np.linalg.eig(matrix)
    inverse = np.linalg.inv(vectors)
    total = np.zeros((len(times), len(values)))
    for one in given:
        start, elapsed = max(one.time, one.since), times - one.time
        begun = (times > start) | ((times == start) & ~before)
        left = (times < one.gone) | ((times == one.gone) & before)
        live = begun & left & (one.time < one.gone)
        t = elapsed[live][:, None]
        if one.duration == 0.0:
            modes = np.exp(values * t)
        else:
            length = np.minimum(t, one.duration)
            modes = np.exp(values * (t - length)) * np.expm1(values * length) / values / one.duration
        total[live] += np.real(modes * (one.amount * inverse[:, one.state]) @ vectors.T)
    return total
