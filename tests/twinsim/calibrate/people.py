"""Patients whose posteriors are known otherwise: written down with NumPy, or in closed form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

import twinsim
from tests.twinsim.calibrate import studies
from twinsim.population.model import PopulationModel
from twinsim.records import Records

LOGS = {"cl": 1.01205, "v": 3.45997, "ka": 0.46445}
OMEGAS = {"cl": 0.06880, "v": 0.01922, "ka": 0.40463}
SD = 0.69384
FEWER, SILENT, IMPOSSIBLE = 12, 13, 14  # places of the patients that were added


class Person(NamedTuple):
    """A dose of theophylline at 0 [mg], times [h] and concentrations [mg/L]."""

    dose: float
    time: np.ndarray
    dv: np.ndarray


def theophylline_model() -> PopulationModel:
    """One compartment, additive error."""
    omegas = (OMEGAS["ka"], OMEGAS["cl"], OMEGAS["v"])
    return studies.theophylline_model(LOGS["ka"], LOGS["cl"], LOGS["v"], omegas, SD)


def theophylline(folder: Path) -> Records:
    """The twelve of theo_sd, and three more: with five observations, with none, and with a dose without an end."""
    table = pd.read_csv(folder / "pk" / "theo_sd.csv")
    table["EVID"] = (table["EVID"] == 101).astype(int)
    first = table[table["ID"] == 1]
    fewer = first.iloc[:6].assign(ID=101)
    silent = first.iloc[:1].assign(ID=102)
    impossible = first.assign(ID=103)
    table = pd.concat([table, fewer, silent, impossible])
    table["DV"] = table["DV"].where(table["EVID"] == 0)
    records = twinsim.read_records(table, units={**studies.UNITS, "WT": "kg"})
    # A reader would refuse this amount.
    return replace(records, amt=np.where(records.patient == IMPOSSIBLE, 1e200 * records.amt, records.amt))


def only(records: Records, patients: list[int]) -> Records:
    """Some patients' records, as a table of their own."""
    table = records.to_pandas()
    table = table[np.isin(records.patient, patients)]
    return twinsim.read_records(table.drop(columns=["DVID"]), units={**studies.UNITS, "WT": "kg"})


def person(records: Records, patient: int) -> Person:
    mine = records.patient == patient
    seen = mine & (records.evid == 0)
    return Person(float(records.amt[mine].sum()), records.time[seen], records.dv[seen])


def joint(one: Person, etas: np.ndarray) -> np.ndarray:
    """-2 log joint density without ln 2 pi.

    Args:
        etas: of cl, v and ka (eta, ...).
    """
    cl, v, ka = (np.exp(LOGS[name] + eta)[..., None] for name, eta in zip(LOGS, etas, strict=True))
    k = cl / v
    f = one.dose * ka / (v * (ka - k)) * (np.exp(-k * one.time) - np.exp(-ka * one.time))
    omega = np.asarray(list(OMEGAS.values()))
    prior = sum(eta**2 / variance for eta, variance in zip(etas, omega, strict=True))
    return ((one.dv - f) ** 2 / SD**2 + np.log(SD**2)).sum(axis=-1) + prior + np.log(omega).sum()


def exact_moments(one: Person, mode: np.ndarray, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of a patient's etas, by Gauss and Hermite about the mode."""
    x, w = np.polynomial.hermite_e.hermegauss(15)
    grid = np.stack([g.ravel() for g in np.meshgrid(x, x, x, indexing="ij")])
    weights = np.prod(np.stack(np.meshgrid(w, w, w, indexing="ij")), axis=0).ravel()
    etas = mode[:, None] + np.linalg.cholesky(covariance) @ grid
    log = -0.5 * joint(one, etas) + 0.5 * (grid**2).sum(axis=0)
    weights = weights * np.exp(log - log.max())
    weights /= weights.sum()
    mean = etas @ weights
    return mean, ((etas - mean[:, None]) * weights) @ (etas - mean[:, None]).T
