"""Pictures of a fit: goodness of fit, patients, random effects, the way of the search."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from twinsim.population.model import PopulationModel
from twinsim.report.plots import BLUE, DEEP, ORANGE, QUIET, STYLE, day_ticks, with_unit

MANY = 5000  # points above which a picture holds them as pixels


def goodness_of_fit(table: pd.DataFrame, *, label: str, unit: str, logarithmic: bool = False) -> Figure:
    """Observations against predictions, and conditional weighted residuals against time and prediction.

    Args:
        table: rows of one output of `twinsim.calibrate.residuals.residuals`.
        label, unit: of the output.
        logarithmic: predictions and observations on logarithmic axes.
    """
    seen: Any = table[table["CWRES"].notna()]
    with rc_context(STYLE):
        figure = Figure(figsize=(8.2, 7.6), layout="constrained")
        grid = figure.subplots(2, 2)
        for axes, column, words in zip(
            grid[0], ("PRED", "IPRED"), ("population prediction", "individual prediction"), strict=True
        ):
            _against(axes, seen[column], seen["DV"], logarithmic)
            axes.set_xlabel(with_unit(words, unit))
            axes.set_ylabel(with_unit(f"observed {label}", unit))
        for axes, column, words in zip(
            grid[1], ("TIME", "PRED"), (with_unit("time", "h"), with_unit("population prediction", unit)), strict=True
        ):
            residuals_against(axes, seen[column].to_numpy(), seen["CWRES"].to_numpy())
            axes.set_xlabel(words)
            axes.set_ylabel("CWRES")
        if logarithmic:
            grid[1][1].set_xscale("log")
        day_ticks(grid[1][0], 2.0 * float(seen["TIME"].max()), "h")
        handles = [
            Line2D([], [], marker="o", linestyle="", color=ORANGE, markersize=4, label="observation"),
            Line2D([], [], color=DEEP, linewidth=1.6, label="median in bins"),
            Line2D([], [], color=QUIET, label="as predicted"),
            Line2D([], [], color=QUIET, linestyle="--", label="95 % of a normal distribution"),
        ]
        figure.legend(handles=handles, loc="outside upper left", ncols=4, fontsize=9)
        return figure


def _against(axes: Axes, predicted: pd.Series, observed: pd.Series, logarithmic: bool) -> None:
    """Observations against predictions, with the line on which both are equal."""
    x, y = predicted.to_numpy(), observed.to_numpy()
    if logarithmic:
        above = (x > 0.0) & (y > 0.0)
        x, y = x[above], y[above]
    low, high = min(x.min(), y.min()), max(x.max(), y.max())
    room = (low / 1.2, 1.2 * high) if logarithmic else (min(0.0, low), high + 0.04 * (high - min(0.0, low)))
    axes.plot(room, room, color=QUIET, linewidth=1.0)
    _points(axes, x, y)
    axes.plot(*trend(x, y), color=DEEP, linewidth=1.6)
    if logarithmic:
        axes.set_xscale("log")
        axes.set_yscale("log")
    axes.set_xlim(*room)
    axes.set_ylim(*room)


def residuals_against(axes: Axes, x: np.ndarray, residuals: np.ndarray) -> None:
    """Standard normal residuals against something, symmetric about 0."""
    finite = np.isfinite(x) & np.isfinite(residuals)
    x, residuals = x[finite], residuals[finite]
    axes.axhline(0.0, color=QUIET, linewidth=1.0)
    for bound in (-1.96, 1.96):
        axes.axhline(bound, color=QUIET, linewidth=1.0, linestyle="--")
    _points(axes, x, residuals)
    axes.plot(*trend(x, residuals), color=DEEP, linewidth=1.6)
    widest = max(3.0, 1.08 * float(np.abs(residuals).max(initial=0.0)))
    axes.set_ylim(-widest, widest)


def _points(axes: Axes, x: np.ndarray, y: np.ndarray) -> None:
    alpha = 0.65 if len(x) < 500 else max(0.15, 0.65 * math.sqrt(500 / len(x)))
    axes.plot(x, y, "o", color=ORANGE, markersize=3.4, alpha=alpha, markeredgewidth=0, rasterized=len(x) > MANY)


def trend(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Medians of both in bins of about as many points each; a value of x of several points is never divided."""
    edges = np.unique(np.quantile(x, np.linspace(0.0, 1.0, int(min(10, max(2, len(x) // 12))) + 1)))
    number = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, max(0, len(edges) - 2))
    groups = [number == i for i in np.unique(number)]
    return np.asarray([np.median(x[g]) for g in groups]), np.asarray([np.median(y[g]) for g in groups])


def individual_fits(
    table: pd.DataFrame, *, label: str, unit: str, curves: pd.DataFrame | None = None, limit: int = 24
) -> Figure:
    """Observations, the typical curve and the own one of each patient, in small pictures with the same axes.

    Args:
        table: rows of one output of `twinsim.calibrate.residuals.residuals`.
        curves: columns ID TIME PRED IPRED, such as `twinsim.calibrate.curves.curves`; None: lines between records.
        limit: patients shown at most, the first ones.
    """
    observed: Any = table[(table["EVID"] == 0) & table["DV"].notna()]
    ids = list(dict.fromkeys(observed["ID"]))[:limit]
    lines = table if curves is None else curves
    columns = min(4, len(ids))
    rows = math.ceil(len(ids) / columns)
    with rc_context(STYLE):
        figure = Figure(figsize=(8.2, 1.75 * rows + 0.7), layout="constrained")
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
        for axes, one in zip(grid, ids, strict=False):
            own, line = observed[observed["ID"] == one], lines[lines["ID"] == one]
            axes.plot(line["TIME"], line["PRED"], color=QUIET, linewidth=1.2, linestyle="--")
            axes.plot(line["TIME"], line["IPRED"], color=BLUE, linewidth=1.5)
            known, censored = own[own["CENS"] == 0], own[own["CENS"] != 0]
            axes.plot(known["TIME"], known["DV"], "o", color=ORANGE, markersize=3.4)
            axes.plot(censored["TIME"], censored["DV"], "v", color=ORANGE, markersize=4, markerfacecolor="white")
            axes.set_title(f"patient {one}", fontsize=9, loc="left", pad=3)
        for axes in grid[len(ids) :]:
            axes.set_visible(False)
        if not (observed["DV"] < 0.0).any():
            grid[0].set_ylim(bottom=0)
        day_ticks(grid[0], 2.5 * float(observed["TIME"].max()), "h")
        figure.supxlabel("Time [h]", fontsize=10)
        figure.supylabel(with_unit(label, unit), fontsize=10)
        handles = [
            Line2D([], [], marker="o", linestyle="", color=ORANGE, markersize=4, label="observed"),
            Line2D([], [], color=BLUE, label="individual prediction"),
            Line2D([], [], color=QUIET, linestyle="--", label="population prediction"),
        ]
        if (observed["CENS"] != 0).any():
            words = "censored, at its limit"
            handles.insert(
                1, Line2D([], [], marker="v", linestyle="", color=ORANGE, markerfacecolor="white", label=words)
            )
        figure.legend(handles=handles, loc="outside upper left", ncols=4, fontsize=9)
        return figure


def effects(model: PopulationModel, etas: np.ndarray, shrinkage: pd.DataFrame) -> Figure:
    """How most likely random effects spread over patients, beside the distribution the model says.

    Args:
        etas: (eta, patient).
        shrinkage: of `twinsim.calibrate.shrinkage.shrinkage`.
    """
    names = model.eta_names
    columns = 2 if len(names) in (2, 4) else min(3, len(names))
    rows = math.ceil(len(names) / columns)
    told = shrinkage[shrinkage["LEVEL"] == "eta"].set_index("NAME")
    with rc_context(STYLE):
        figure = Figure(figsize=(8.2, 2.5 * rows + 0.4), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for i, (axes, name) in enumerate(zip(grid, names, strict=False)):
            sd = math.sqrt(model.omega[i, i])
            reach = 1.05 * max(3.2 * sd, float(np.abs(etas[i]).max()))
            bins = int(np.clip(2.0 * math.sqrt(etas.shape[1]), 7, 40))
            axes.hist(etas[i], bins=bins, range=(-reach, reach), density=True, color=BLUE, alpha=0.75, linewidth=0)
            x = np.linspace(-reach, reach, 200)
            axes.plot(x, np.exp(-0.5 * (x / sd) ** 2) / (sd * math.sqrt(2.0 * math.pi)), color=DEEP, linewidth=1.4)
            axes.set_title(
                f"{name}   shrinkage {100.0 * told.loc[name, 'SHRINKAGE_SD']:.0f} %", fontsize=9.5, loc="left", pad=4
            )
            axes.set_xlabel("Random effect")
            axes.set_yticks([])
            axes.grid(False)
            axes.spines["left"].set_visible(False)
        for axes in grid[len(names) :]:
            axes.set_visible(False)
        handles = [
            Patch(facecolor=BLUE, alpha=0.75, label="most likely effects of patients"),
            Line2D([], [], color=DEEP, linewidth=1.4, label="distribution in the model"),
        ]
        figure.legend(handles=handles, loc="outside upper left", ncols=2, fontsize=9)
        return figure


def convergence(trace: Sequence[float], path: np.ndarray, labels: Sequence[str], limit: int = 11) -> Figure:
    """The objective and the numbers after each step of the search.

    Args:
        trace: see `Fit.trace`; path: see `Fit.path` (step, value); labels: of the values.
        limit: values shown at most, the first ones.
    """
    labels = list(labels)[:limit]
    steps, columns = np.arange(1, 1 + len(trace)), 3
    rows = math.ceil((1 + len(labels)) / columns)
    marker = {"marker": "o", "markersize": 2.5} if len(trace) < 60 else {}
    with rc_context({**STYLE, "font.size": 9.0, "axes.formatter.useoffset": False}):
        figure = Figure(figsize=(8.2, 1.6 * rows + 0.5), layout="constrained")
        grid = figure.subplots(rows, columns, sharex=True, squeeze=False).ravel()
        for axes, words, values, color in zip(
            grid, ["objective", *labels], [np.asarray(trace), *path.T], [DEEP, *[BLUE] * len(labels)], strict=False
        ):
            axes.plot(steps, values, color=color, linewidth=1.2, **marker)
            axes.set_title(words, fontsize=9, loc="left", pad=3)
            axes.yaxis.set_major_locator(MaxNLocator(4))
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        for axes in grid[1 + len(labels) :]:
            axes.set_visible(False)
        for axes in grid[max(0, 1 + len(labels) - columns) : 1 + len(labels)]:
            axes.tick_params(labelbottom=True)
        figure.supxlabel("Step of the search", fontsize=9.5)
        return figure


def recovery(truth: np.ndarray, values: np.ndarray, labels: Sequence[str]) -> Figure:
    """How estimates of simulated studies scatter about the truth, each relative to it.

    Args:
        truth: (value); values: of each study (study, value).
    """
    shown = [i for i, value in enumerate(truth) if value]
    with rc_context(STYLE):
        figure = Figure(figsize=(8.2, 0.42 * len(shown) + 1.2), layout="constrained")
        axes = figure.add_subplot()
        relative = [values[:, i] / truth[i] for i in shown]
        line = {"color": BLUE, "linewidth": 1.2}
        names = [labels[i] for i in shown]
        axes.boxplot(
            relative[::-1], orientation="horizontal", widths=0.55, sym="", whis=(2.5, 97.5), tick_labels=names[::-1],
            boxprops=line, whiskerprops=line, capprops=line, medianprops={**line, "color": DEEP},
        )  # fmt: skip
        axes.axvline(1.0, color=ORANGE, linewidth=1.4)
        axes.set_xlabel("Estimate divided by the truth")
        axes.grid(axis="y", visible=False)
        return figure
