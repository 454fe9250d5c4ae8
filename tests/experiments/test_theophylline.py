"""The data that ship with the project are the published ones."""

from importlib import resources

import numpy as np
import pandas as pd
import pytest

from twinsim.records import read_records

PATH = resources.files("experiments.data").joinpath("theophylline.csv")


@pytest.fixture(scope="module")
def records():
    return read_records(str(PATH), units={"AMT": "mg/kg", "DV": "mg/L", "WT": "kg"})


def test_twelve_subjects_with_eleven_observations_each(records):
    assert records.n_patients == 12 and records.observations.sum() == 132 and records.doses.sum() == 12
    assert np.bincount(records.patient[records.observations]).tolist() == [11] * 12
    assert records.units["AMT"] == "mg"


def test_doses_per_kilogram_and_weights():
    """Source: Boeckmann, Sheiner and Beal 1994, NONMEM Users Guide, Part V (file THEOPP)."""
    doses = pd.read_csv(str(PATH), na_values=".").dropna(subset="AMT")
    assert doses["AMT"].tolist() == [4.02, 4.4, 4.53, 4.4, 5.86, 4.0, 4.95, 4.53, 3.1, 5.5, 4.92, 5.3]
    assert doses["WT"].tolist() == [79.6, 72.4, 70.5, 72.7, 54.6, 80.0, 64.6, 70.5, 86.4, 58.2, 65.0, 60.5]


def test_values_agree_with_another_copy(records, reference_data):
    other = pd.read_csv(reference_data / "pk" / "theo_sd.csv")
    seen = records.observations
    assert records.dv[seen].tolist() == other["DV"][other["AMT"] == 0].tolist()
    assert records.time[seen].tolist() == other["TIME"][other["AMT"] == 0].tolist()
    assert records.amt[records.doses] == pytest.approx(other["AMT"][other["AMT"] > 0].to_numpy(), rel=1e-12)
