"""Pictures of a report, one function each; they return matplotlib figures and touch no global state."""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MultipleLocator

INK, QUIET, BLUE, DEEP, ORANGE = "#1f2933", "#8a949e", "#2c6fbb", "#123f73", "#d9622b"
FIRST_DOSE = "time after the first dose"
STYLE: dict[Any, Any] = {
    "font.size": 10.0,
    "font.family": "DejaVu Sans",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": QUIET,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e9ec",
    "grid.linewidth": 0.7,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 9.0,
    "ytick.labelsize": 9.0,
    "legend.frameon": False,
    "svg.fonttype": "path",
}


def svg(figure: Figure, name: str) -> str:
    """The figure as an <svg> element for a page.

    Args:
        name: unique on the page; identifiers inside the picture are made from it, so that pictures do not share any.
    """
    buffer = io.StringIO()
    with rc_context({**STYLE, "svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def with_unit(words: str, unit: str) -> str:
    """Words with a capital letter, and their unit if they have one."""
    words = words[:1].upper() + words[1:]
    return f"{words} [{unit}]" if unit and unit != "1" else words


def legend_above(axes: Axes | Figure, handles: Sequence, columns: int, **changes) -> None:
    """A legend above the data, where it covers nothing."""
    settings = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "ncols": columns, "fontsize": 9, **changes}
    axes.legend(handles=handles, borderaxespad=0.2, handlelength=1.6, columnspacing=1.4, **settings)


def bands(time: np.ndarray, quantiles: Mapping[float, np.ndarray], **words: str) -> Figure:
    """Quantiles of a population over time as nested bands around the median.

    Args:
        time: sampling times (time).
        quantiles: probability -> values (time); pairs p and 1 - p make a band, 0.5 is the line.
        words: label, unit, time_unit, time_label of `draw_bands`.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=(8.2, 3.9))
        draw_bands(figure.add_subplot(), time, quantiles, **words)
        return figure


def draw_bands(
    axes: Axes,
    time: np.ndarray,
    quantiles: Mapping[float, np.ndarray],
    *,
    label: str,
    unit: str,
    time_unit: str = "h",
    time_label: str = FIRST_DOSE,
) -> None:
    """The picture of `bands` on given axes; `time_label` says what time is counted from."""
    handles = _draw_bands(axes, time, quantiles)
    axes.set_xlabel(with_unit(time_label, time_unit))
    axes.set_ylabel(textwrap.fill(with_unit(label, unit), 42))
    axes.margins(x=0)
    day_ticks(axes, float(time[-1] - time[0]), time_unit)
    if _from_zero(quantiles):
        axes.set_ylim(bottom=0)
    legend_above(axes, handles, len(handles))


def _draw_bands(axes: Axes, time: np.ndarray, quantiles: Mapping[float, np.ndarray]) -> list:
    """Nested bands and the median line; what a legend needs."""
    mirrored = [(p, _mirror(p, quantiles)) for p in sorted(quantiles) if p < 0.5]
    handles: list = []
    for depth, (low, high) in enumerate((low, high) for low, high in mirrored if high is not None):
        shade = 0.18 + 0.22 * depth
        axes.fill_between(time, quantiles[low], quantiles[high], color=BLUE, alpha=shade, linewidth=0)
        share = f"{100 * (1 - 2 * low):.0f} % of patients"
        handles.append(Patch(facecolor=BLUE, alpha=min(1.0, shade + 0.1 * depth), label=share))
    if 0.5 in quantiles:
        axes.plot(time, quantiles[0.5], color=DEEP, linewidth=1.6)
        handles.insert(0, Line2D([], [], color=DEEP, linewidth=1.6, label="median"))
    return handles


def bands_by_scenario(
    time: np.ndarray,
    scenarios: Mapping[str, Mapping[float, np.ndarray]],
    *,
    label: str,
    unit: str,
    time_unit: str = "h",
    time_label: str = FIRST_DOSE,
) -> Figure:
    """`bands` of several scenarios side by side, with the same axes.

    Args:
        scenarios: words for each -> quantiles, see `bands`.
    """
    columns = min(3, len(scenarios))
    rows = math.ceil(len(scenarios) / columns)
    with rc_context(STYLE):
        figure = Figure(figsize=(8.2, 2.0 * rows + 0.7), layout="constrained")
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
        handles: list = []
        for axes, (words, quantiles) in zip(grid, scenarios.items(), strict=False):
            handles = _draw_bands(axes, time, quantiles)
            axes.set_title(words, fontsize=9, loc="left", pad=3)
            axes.margins(x=0)
        for axes in grid[len(scenarios) :]:
            axes.set_visible(False)
        day_ticks(grid[0], 2.5 * float(time[-1] - time[0]), time_unit)
        if _from_zero(*scenarios.values()):
            grid[0].set_ylim(bottom=0)
        figure.supxlabel(with_unit(time_label, time_unit), fontsize=10)
        figure.supylabel(textwrap.fill(with_unit(label, unit), 26), fontsize=10)  # a row of panels is not high
        figure.legend(handles=handles, loc="outside upper left", ncols=len(handles), fontsize=9)
        return figure


def _from_zero(*groups: Mapping[float, np.ndarray]) -> bool:
    """Whether an axis begins at zero: not below it, nor so far up (pH, sodium) that no course could be seen."""
    values = np.concatenate([np.ravel(each) for quantiles in groups for each in quantiles.values()])
    values = values[np.isfinite(values)]  # NaN, where every patient failed, does not count
    return not values.size or 0.0 <= values.min() <= 0.75 * values.max()


def _mirror(p: float, quantiles: Mapping[float, np.ndarray]) -> float | None:
    return next((q for q in quantiles if math.isclose(q, 1 - p, abs_tol=1e-9) and q > 0.5), None)


def day_ticks(axes: Axes, span: float, unit: str) -> None:
    """Ticks at multiples of 6, 12 or 24 h: readers of dosing think in days."""
    if unit != "h" or span < 24:
        return
    step = next((s for s in (6, 12, 24, 48, 168, 336, 672) if span / s <= 12), 24 * math.ceil(span / 240))
    axes.xaxis.set_major_locator(MultipleLocator(step))


def profiles(observed: pd.DataFrame, curves: pd.DataFrame, *, label: str, unit: str, limit: int = 24) -> Figure:
    """Observed values and the predicted curve of each patient, in small pictures with the same axes.

    Args:
        observed: columns ID, TIME [h], DV.
        curves: columns ID, TIME [h], PRED.
        limit: patients shown at most, the first ones.
    """
    ids = list(dict.fromkeys(observed["ID"]))[:limit]
    columns = min(4, len(ids))
    rows = math.ceil(len(ids) / columns)
    with rc_context(STYLE):
        figure = Figure(figsize=(8.2, 1.75 * rows + 0.7), layout="constrained")
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
        for axes, one in zip(grid, ids, strict=False):
            points, curve = observed[observed["ID"] == one], curves[curves["ID"] == one]
            axes.plot(curve["TIME"], curve["PRED"], color=BLUE, linewidth=1.5)
            axes.plot(points["TIME"], points["DV"], "o", color=ORANGE, markersize=3.4)
            axes.set_title(f"patient {one}", fontsize=9, loc="left", pad=3)
        for axes in grid[len(ids) :]:
            axes.set_visible(False)
        grid[0].set_ylim(bottom=0)
        day_ticks(grid[0], 2 * float(observed["TIME"].to_numpy().max()), "h")
        figure.supxlabel("Time after dose [h]", fontsize=10)
        figure.supylabel(with_unit(label, unit), fontsize=10)
        handles = [
            Line2D([], [], marker="o", linestyle="", color=ORANGE, markersize=4, label="observed"),
            Line2D([], [], color=BLUE, label="predicted, the same typical parameters for all"),
        ]
        figure.legend(handles=handles, loc="outside upper left", ncols=2, fontsize=9)
        return figure


def observed_against_predicted(table: pd.DataFrame, *, label: str, unit: str) -> Figure:
    """Every observation against its prediction, with the line on which both are equal.

    Args:
        table: columns DV and PRED, one row per observation.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=(4.6, 4.4))
        draw_observed_against_predicted(figure.add_subplot(), table, label=label, unit=unit)
        return figure


def draw_observed_against_predicted(axes: Axes, table: pd.DataFrame, *, label: str, unit: str) -> None:
    """The picture of `observed_against_predicted` on given axes."""
    top = 1.06 * float(np.nanmax(table[["DV", "PRED"]].to_numpy()))
    axes.plot([0, top], [0, top], color=QUIET, linewidth=1.0)
    axes.plot(table["PRED"], table["DV"], "o", color=ORANGE, markersize=4, alpha=0.75, markeredgewidth=0)
    axes.set_xlim(0, top)
    axes.set_ylim(0, top)
    axes.set_aspect("equal")
    axes.set_xlabel(with_unit(f"predicted {label}", unit))
    axes.set_ylabel(with_unit(f"observed {label}", unit))
    handles = [
        Line2D([], [], marker="o", linestyle="", color=ORANGE, markersize=4, label="observation"),
        Line2D([], [], color=QUIET, label="observed = predicted"),
    ]
    legend_above(axes, handles, 2)


def histograms(values: Mapping[str, tuple[str, str, np.ndarray]]) -> Figure:
    """How endpoints spread over patients, side by side.

    Args:
        values: name -> (words, unit, one value per patient); failed patients' NaN are left out.
    """
    columns = 2 if len(values) in (2, 4) else min(3, len(values))
    rows = math.ceil(len(values) / columns)
    with rc_context(STYLE):
        figure = Figure(figsize=(8.2, 2.5 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, (name, (words, unit, numbers)) in zip(grid, values.items(), strict=False):
            axes.set_title(name, fontsize=9.5, loc="left", pad=4)
            axes.set_xlabel(textwrap.fill(with_unit(words, unit), 44 if columns == 2 else 32), fontsize=9)
            axes.set_yticks([])
            axes.grid(False)
            axes.spines["left"].set_visible(False)
            _draw_histogram(axes, np.asarray(numbers, np.float64))
        for axes in grid[len(values) :]:
            axes.set_visible(False)
        return figure


def _draw_histogram(axes: Axes, numbers: np.ndarray) -> None:
    """The middle 99 % of the finite values, or in words why there is nothing to draw."""
    finite = numbers[np.isfinite(numbers)]
    # The last half per cent on either side would squeeze everybody else into a few bars.
    low, middle, high = np.quantile(finite, [0.005, 0.5, 0.995]) if len(finite) else (0.0, 0.0, 0.0)
    if high <= low:
        words = f"{low:g} in every patient" if len(finite) else "no patient has a value"
        axes.set_xticks([])
        axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", color=QUIET)
        return
    axes.hist(finite, bins=40, range=(low, high), color=BLUE, alpha=0.75, linewidth=0)
    axes.axvline(float(middle), color=DEEP, linewidth=1.4)


def scenarios(points: Sequence[str], quantiles: Mapping[float, np.ndarray], *, label: str, unit: str) -> Figure:
    """An endpoint's median, middle half and 90 % range in each scenario of a sweep.

    Args:
        points: words for each scenario.
        quantiles: probability -> values (scenario); 0.05, 0.25, 0.5, 0.75, 0.95.
    """
    at = np.arange(len(points))[::-1]
    with rc_context(STYLE):
        figure = Figure(figsize=(8.2, 0.34 * len(points) + 1.1))
        axes = figure.add_subplot()
        axes.hlines(at, quantiles[0.05], quantiles[0.95], color=BLUE, alpha=0.4, linewidth=3)
        axes.hlines(at, quantiles[0.25], quantiles[0.75], color=BLUE, linewidth=6)
        axes.plot(quantiles[0.5], at, "o", color="white", markeredgecolor=DEEP, markersize=6)
        axes.set_yticks(at, points)
        axes.set_ylim(-0.6, len(points) - 0.4)
        axes.grid(axis="y", visible=False)
        axes.set_xlabel(with_unit(label, unit))
        if _from_zero(quantiles):
            axes.set_xlim(left=0)
        handles = [
            Line2D([], [], marker="o", linestyle="", color="white", markeredgecolor=DEEP, label="median"),
            Line2D([], [], color=BLUE, linewidth=6, label="50 % of patients"),
            Line2D([], [], color=BLUE, alpha=0.4, linewidth=3, label="90 % of patients"),
        ]
        legend_above(axes, handles, 3)
        return figure
