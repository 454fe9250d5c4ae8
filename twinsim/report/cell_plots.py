"""Pictures of heart cells under drugs."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from twinsim.report.plots import QUIET, STYLE


def prolongations(concentration: Any, prolongation: Any, potassium: Any, therapeutic: float) -> Figure:
    """How much longer each patient's action potential is, by free concentration; colour: plasma potassium.

    Args:
        concentration: free [nmol/L] (patient); prolongation: [ms] (patient); potassium: [mmol/L] (patient).
        therapeutic: free concentration under therapy [nmol/L], a line.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=(8.2, 3.9), layout="constrained")
        axes = figure.subplots()
        axes.axvline(therapeutic, color=QUIET, linewidth=1.2, linestyle="--")
        free, longer, outside = (np.asarray(each, np.float64) for each in (concentration, prolongation, potassium))
        dots = axes.scatter(free, longer, c=outside, cmap="viridis", s=16, linewidths=0)
        if outside.size:
            figure.colorbar(dots, ax=axes, label="Plasma potassium [mmol/L]")
        axes.set_xlabel("Free concentration in plasma [nmol/L]")
        axes.set_ylabel("Action potential longer by [ms]")
        axes.set_xlim(left=0.0)
        return figure
