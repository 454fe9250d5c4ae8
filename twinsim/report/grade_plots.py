"""Pictures of how well a model agrees with reference values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from twinsim.report.plots import DEEP, INK, ORANGE, QUIET, STYLE

_COLOURS = {"good": DEEP, "fair": QUIET, "bad": ORANGE}
_WIDEST = 60.0  # [%]; what is farther off stands at the edge


def deviations(groups: Mapping[str, Sequence[tuple[float, str]]], good: float, fair: float) -> Figure:
    """How far simulated values lie from their ranges, a dot each, a line for each group.

    Args:
        groups: name -> deviations below (negative) or above the nearest range, relative, with their grades.
        good, fair: limits of the grades, relative.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=(8.2, 0.9 + 0.42 * len(groups)), layout="constrained")
        axes = figure.subplots()
        axes.axvspan(-100.0 * fair, 100.0 * fair, color="#f2f4f6", linewidth=0)
        axes.axvspan(-100.0 * good, 100.0 * good, color="#dfe6ee", linewidth=0)
        for place, (_, points) in enumerate(groups.items()):
            # side by side where several are alike
            offsets = np.linspace(-0.3, 0.3, len(points)) if len(points) > 1 else np.zeros(1)
            x = np.clip([100.0 * each for each, _ in points], -_WIDEST, _WIDEST)
            colours = [_COLOURS[grade] for _, grade in points]
            axes.scatter(x, place + offsets[np.argsort(np.argsort(x, kind="stable"))], c=colours, s=14, linewidths=0)
        axes.set_yticks(range(len(groups)), [f"{name} ({len(points)})" for name, points in groups.items()])
        axes.set_ylim(len(groups) - 0.4, -0.6)
        axes.set_xlim(-_WIDEST - 3.0, _WIDEST + 3.0)
        axes.set_xlabel("Median of patients, from the nearest end of the reference range [%]")
        axes.grid(axis="y", visible=False)
        return figure


def autoregulation(pressure: Sequence[float], found: Sequence[float], reference: Sequence[float]) -> Figure:
    """Filtration by arterial pressure, simulated and of a reference."""
    with rc_context(STYLE):
        figure = Figure(figsize=(6.0, 3.2), layout="constrained")
        axes = figure.subplots()
        axes.plot(pressure, reference, "o", color=INK, markerfacecolor="white", label="reference")
        axes.plot(pressure, found, color=DEEP, linewidth=1.8, label="simulated, median")
        axes.set_xlabel("Arterial pressure [mmHg]")
        axes.set_ylabel("Glomerular filtration [mL/min]")
        axes.set_ylim(0.0, None)
        axes.legend(loc="lower right")
        return figure
