"""Predictions between patients' records, for a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from twinsim.population.model import PopulationModel, population_model
from twinsim.prediction import predict
from twinsim.records import Records
from twinsim.records.ahead import with_times


def curves(
    model: str | PopulationModel,
    records: Records,
    etas: Any,
    occasion_etas: Any = None,
    *,
    points: int = 80,
    **how: Any,
) -> pd.DataFrame:
    """Smooth curves of every patient and output.

    Args:
        etas: random effects (eta, patient); occasion_etas: those of occasions (eta, occasion, patient).
        points: times of each patient beside its records, from where its clock last began to its last record.
        how: outputs, solver and rtol, see `twinsim.predict`.

    Returns:
        ID TIME DVID PRED IPRED, in the order of the records.
    """
    model = population_model(model)
    occasion_etas = occasion_etas if model.occasion_eta_names else None
    last = np.searchsorted(records.patient, np.arange(records.n_patients), side="right") - 1
    first = np.searchsorted(records.patient, np.arange(records.n_patients))
    restart = np.flatnonzero(np.r_[False, (np.diff(records.time) < 0.0) & (np.diff(records.patient) == 0)])
    first[records.patient[restart]] = restart
    times = np.linspace(records.time[first], records.time[last], points)
    found = []
    for label in records.dvids or ("",):
        dense, _ = with_times(records, times, label)
        predicted: Any = predict(model, dense, etas=etas, occasion_etas=occasion_etas, **how)
        found.append(predicted.loc[dense.dvid == label, ["ID", "TIME", "DVID", "PRED", "IPRED"]])
    return pd.concat(found, ignore_index=True)
