"""Pictures of simulated studies beside what was observed: NPDE and visual predictive checks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.special import ndtri
from scipy.stats import beta

from twinsim.calibrate.npde import Discrepancies
from twinsim.calibrate.vpc import Vpc
from twinsim.report.fit_plots import residuals_against
from twinsim.report.plots import BLUE, DEEP, ORANGE, QUIET, STYLE, day_ticks, with_unit


def discrepancies(found: Discrepancies, *, unit: str) -> Figure:
    """NPDE against a normal distribution, against time and against the prediction.

    Args:
        unit: of the predictions.
    """
    seen: Any = found.table[found.table["NPDE"].notna()]
    with rc_context(STYLE):
        figure = Figure(figsize=(8.2, 3.4), layout="constrained")
        quantiles, by_time, by_prediction = figure.subplots(1, 3)
        _normal_quantiles(quantiles, seen["NPDE"].to_numpy())
        for axes, column, words in (
            (by_time, "TIME", with_unit("time", "h")),
            (by_prediction, "EPRED", with_unit("mean prediction", unit)),
        ):
            residuals_against(axes, seen[column].to_numpy(), seen["NPDE"].to_numpy())
            axes.set_xlabel(words)
            axes.set_ylabel("NPDE")
        day_ticks(by_time, 3.0 * float(seen["TIME"].max()), "h")
        handles = [
            Line2D([], [], marker="o", linestyle="", color=ORANGE, markersize=4, label="observation"),
            Patch(facecolor=BLUE, alpha=0.25, label="95 % if they are standard normal"),
            Line2D([], [], color=DEEP, linewidth=1.6, label="median in bins"),
        ]
        figure.legend(handles=handles, loc="outside upper left", ncols=3, fontsize=9)
        return figure


def _normal_quantiles(axes: Axes, values: np.ndarray) -> None:
    """Values in their order against standard normal quantiles, with the range of each order statistic."""
    count = len(values)
    order = np.arange(1, count + 1)
    x = ndtri((order - 0.5) / count)
    low, high = (ndtri(beta.ppf(share, order, count + 1 - order)) for share in (0.025, 0.975))
    axes.fill_between(x, low, high, color=BLUE, alpha=0.25, linewidth=0)
    axes.plot(x, np.sort(values), "o", color=ORANGE, markersize=3, markeredgewidth=0)
    axes.plot(x[[0, -1]], x[[0, -1]], color=QUIET, linewidth=1.0)
    axes.set_xlabel("Standard normal quantile")
    axes.set_ylabel("NPDE")


def visual_predictive_check(check: Vpc, *, label: str, unit: str, logarithmic: bool = False) -> Figure:
    """Observed percentiles as lines, the intervals of the simulated ones as bands; below, fractions under the limit.

    Args:
        label, unit: of the output.
        logarithmic: a logarithmic axis of values.
    """
    strata = list(dict.fromkeys(check.table["STRATUM"]))
    columns = min(3, len(strata))
    blocks = math.ceil(len(strata) / columns)
    censored: Any = check.censored
    below = censored is not None
    heights = [3.0, 1.2] * blocks if below else [3.0] * blocks
    with rc_context(STYLE):
        tall = 3.2 if len(strata) > 1 else 3.9
        figure = Figure(figsize=(8.2, tall * blocks + (1.3 * blocks if below else 0.0) + 0.4), layout="constrained")
        grid = figure.subplots(len(heights), columns, sharex="col", sharey="row", squeeze=False, height_ratios=heights)
        for axes in grid.ravel():
            axes.set_visible(False)
        for i, name in enumerate(strata):
            block, column = divmod(i, columns)
            upper = grid[2 * block if below else block][column]
            _percentiles(upper, check, name, logarithmic)
            lowest = upper
            rows: Any = censored[censored["STRATUM"] == name] if below else ()
            if len(rows):
                lowest = grid[2 * block + 1][column]
                _fractions(lowest, rows)
                if column == 0:
                    lowest.set_ylabel("Below\nlimit")
            if column == 0:
                corrected = "prediction-corrected\n" if check.corrected else ""
                upper.set_ylabel(with_unit(f"{corrected}{label}", unit))
            lowest.set_xlabel(with_unit("time" if check.time == "TIME" else "time after dose", "h"))
            lowest.tick_params(labelbottom=True)
            day_ticks(lowest, columns * float(check.table["TIME"].to_numpy().max()), "h")
        figure.legend(handles=_explained(check), loc="outside upper left", ncols=3, fontsize=9)
        return figure


def _percentiles(axes: Axes, check: Vpc, stratum: str, logarithmic: bool) -> None:
    axes.set_visible(True)
    axes.set_title(stratum, fontsize=9.5, loc="left", pad=4)
    rows: Any = check.table[check.table["STRATUM"] == stratum]
    points: Any = check.points[check.points["STRATUM"] == stratum]
    known = points[points["CENS"] == 0]
    everything = np.concatenate([known["DV"], rows[["OBSERVED", "LOW", "HIGH"]].to_numpy().ravel()])
    everything = everything[np.isfinite(everything) & ((everything > 0.0) | (not logarithmic))]
    if logarithmic:
        axes.set_yscale("log")
        room = everything.min() / 1.2, 1.2 * everything.max()
    else:
        low, high = min(0.0, everything.min()), everything.max()
        room = low - 0.04 * (high - low) * (low < 0.0), high + 0.04 * (high - low)
    # Of what lies below the limit no more is known: bands end there.
    limits = points["DV"][points["CENS"] > 0]
    floor = lambda column: column.clip(lower=limits.min() if len(limits) else room[0])  # noqa: E731
    for p, own in rows.groupby("PERCENTILE"):
        middle = p == 50
        shown = own[np.isfinite(own["HIGH"])]
        color = DEEP if middle else BLUE
        axes.fill_between(
            shown["TIME"], floor(shown["LOW"]), floor(shown["HIGH"]), color=color, alpha=0.3 if middle else 0.22, lw=0
        )
        line = own[np.isfinite(own["OBSERVED"])]
        axes.plot(line["TIME"], line["OBSERVED"], color=color, linewidth=1.6, linestyle="-" if middle else "--")
    alpha = 0.5 if len(known) < 500 else max(0.1, 0.5 * math.sqrt(500 / len(known)))
    axes.plot(known["TIME"], known["DV"], "o", color=ORANGE, markersize=2.8, alpha=alpha, markeredgewidth=0)
    axes.set_ylim(*room)


def _fractions(axes: Axes, rows: pd.DataFrame) -> None:
    axes.set_visible(True)
    axes.fill_between(rows["TIME"], rows["LOW"], rows["HIGH"], color=BLUE, alpha=0.25, linewidth=0)
    axes.plot(rows["TIME"], rows["OBSERVED"], "o-", color=DEEP, linewidth=1.6, markersize=3)
    axes.set_ylim(0.0, max(0.1, min(1.0, 1.15 * float(rows[["OBSERVED", "HIGH"]].to_numpy().max()))))


def _explained(check: Vpc) -> list:
    """What a legend needs."""
    outer = " and ".join(f"{p:g}" for p in sorted({float(p) for p in check.table["PERCENTILE"]} - {50.0}))
    interval = f"{100.0 * check.interval:g} % interval"
    return [
        Line2D([], [], color=DEEP, linewidth=1.6, label="observed median"),
        Patch(facecolor=DEEP, alpha=0.3, label=f"simulated median, {interval}"),
        Line2D([], [], color=BLUE, linewidth=1.6, linestyle="--", label=f"observed percentiles {outer}"),
        Patch(facecolor=BLUE, alpha=0.22, label=f"simulated percentiles, {interval}"),
        Line2D([], [], marker="o", linestyle="", color=ORANGE, markersize=4, label="observation"),
    ]
