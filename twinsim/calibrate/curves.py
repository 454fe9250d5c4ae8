"""Predictions between a patient's records, for a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from twinsim.population.model import PopulationModel, population_model
from twinsim.prediction import predict
from twinsim.records import Records, read_records

_GIVEN = ("ID", "TIME", "AMT", "RATE", "DUR", "ADDL", "II", "SS", "EVID", "CMT", "DVID", "OCC")
_OPTIONAL = {"RATE": 0, "DUR": 0, "DVID": ""}  # a column that says no more than this is left out


def curves(
    model: str | PopulationModel,
    records: Records,
    etas: Any,
    occasion_etas: Any = None,
    *,
    points: int = 80,
    patients: int = 24,
    **how: Any,
) -> pd.DataFrame:
    """Smooth curves of the first patients.

    Args:
        etas: random effects (eta, patient); occasion_etas: those of occasions (eta, occasion, patient).
        points: times of each patient beside its records, from its first one to its last.
        patients: how many.
        how: outputs, solver and rtol, see `twinsim.predict`.

    Returns:
        ID TIME DVID PRED IPRED. Patients whose clock is set back have the times of their records alone.
    """
    model = population_model(model)
    chosen = list(range(min(patients, records.n_patients)))
    dense = read_records(
        pd.concat([_dense(records, i, points) for i in chosen], ignore_index=True),
        units=dict(records.units),
        interpolation=dict(records.interpolation),
    )
    occasions = np.searchsorted(np.unique(records.occ), np.unique(dense.occ))
    kappas = None
    if occasion_etas is not None and model.occasion_eta_names:
        kappas = np.asarray(occasion_etas)[:, occasions][:, :, chosen]
    found: Any = predict(model, dense, etas=np.asarray(etas)[:, chosen], occasion_etas=kappas, **how)
    found["ID"] = records.ids[chosen][dense.patient]
    return found[["ID", "TIME", "DVID", "PRED", "IPRED"]]


def _dense(records: Records, patient: int, points: int) -> Any:
    """The records of a patient with others (EVID 2) between them, for each output."""
    table: Any = records.to_pandas()[records.patient == patient]
    given = [name for name in _GIVEN if name not in _OPTIONAL or (table[name] != _OPTIONAL[name]).any()]
    table = table[[*given, *records.covariates]]
    if (table["TIME"].diff() < 0.0).any():
        return table
    times = np.setdiff1d(np.linspace(table["TIME"].iloc[0], table["TIME"].iloc[-1], points), table["TIME"])
    labels = records.dvids or ("",)
    new = pd.DataFrame({"TIME": np.repeat(times, len(labels)), "EVID": 2, "ID": table["ID"].iloc[0]})
    if "DVID" in given:
        new["DVID"] = np.tile(labels, len(times))
    whole: Any = pd.concat([table, new]).sort_values("TIME", kind="stable")
    # An occasion covers the time up to its record.
    whole["OCC"] = whole["OCC"].bfill()
    for name in records.covariates:
        way = records.interpolation.get(name, "locf")
        if way == "linear":
            known = table[table[name].notna()]
            whole[name] = np.interp(whole["TIME"], known["TIME"], known[name])
        else:
            whole[name] = whole[name].bfill() if way == "nocb" else whole[name].ffill()
    return whole.fillna({name: 0 for name in given if name != "DVID"})
