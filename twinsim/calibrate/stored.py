"""How the fits of a run ended, as its results say it: nothing is fitted again to know."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from twinsim.calibrate.refits import too_few
from twinsim.population.model import PopulationModel
from twinsim.store.layout import open_whole


class Ended(NamedTuple):
    """How a fit ended; see `twinsim.Fit`."""

    converged: bool
    reason: str
    objective: float


def fit_ended(path: Path) -> Ended:
    """How the fit ended.

    Args:
        path: of results.h5.
    """
    with open_whole(path) as file:
        converged: Any = file["fit/converged"]
        objective: Any = file["fit/objective"]
        return Ended(bool(converged[()]), str(converged.attrs["reason"]), float(objective[()]))


def refits_ended(path: Path, group: str) -> str:
    """Why nothing can be said of a series of fits together; empty where enough of them converged."""
    with open_whole(path) as file:
        converged: Any = file[f"{group}/converged"]
        return too_few(np.asarray(converged[:]) > 0, str(converged.attrs["reasons"]).split("\n"))


def fitted_model(path: Path, model: PopulationModel) -> PopulationModel:
    """The model that a fit found, to the bit.

    Args:
        model: what the fit started from.
    """
    with open_whole(path) as file:
        group: Any = file["fit"]
        labels, values = str(group["number"].attrs["names"]).split("\n"), group["estimate"][:].tolist()
        omegas = {name: group[name][:] for name in ("omega", "omega_occasion") if name in group}
    numbers = {name: value for name, value in zip(labels, values, strict=True) if name in model.numbers}
    return model.with_thetas(numbers).with_omega(**omegas)
