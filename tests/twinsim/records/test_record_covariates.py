"""Units at the door, weights, categories, gaps, and covariates that change in time."""

import numpy as np
import pandas as pd
import pytest

from twinsim.errors import DataError, UnitError, UsageError
from twinsim.records import read_records

UNITS = {"AMT": "mg", "DV": "mg/L"}


def frame(**columns):
    base = {"ID": [1, 1, 1, 2, 2], "TIME": [0, 1, 4, 0, 2], "AMT": [10, 0, 0, 20, 0], "DV": [".", 3, 2, ".", 5]}
    return pd.DataFrame({**base, **columns})


def test_units_have_to_be_said():
    with pytest.raises(UnitError, match="unit of AMT and DV is not said") as refused:
        read_records(frame())
    assert 'units={"AMT": "mg", "DV": "mg/L"}' in str(refused.value)
    with pytest.raises(UnitError, match="unit of DV is not said"):
        read_records(frame(), units={"AMT": "mg"})
    # without observed values there is nothing to give a unit to
    assert read_records(frame().drop(columns="DV"), units={"AMT": "mg"}).observations.sum() == 3


@pytest.mark.parametrize(
    ("units", "says"),
    [({"AMT": "mg", "DV": "mgg/L"}, "did you mean"), ({"AMT": "h", "DV": "mg/L"}, "no unit of an amount"),
     ({"AMT": "mg/m2", "DV": "mg/L"}, "multiply first"), ({**UNITS, "WGT": "kg"}, "not in the table"),
     ({**UNITS, "TIME": "mg"}, "no time"), ({"AMT": {"a": "mg"}, "DV": "mg/L"}, "by DVID only for DV"),
     ({"AMT": "mg", "DV": {"cp": "mg/L"}}, "DVID (none)"), ({"AMT": 3, "DV": "mg/L"}, "is 3"),
     ({"AMT": "mg/kg", "DV": "mg/L"}, "need the patient's weight")],
)  # fmt: skip
def test_units_that_cannot_be(units, says):
    with pytest.raises(UnitError) as refused:
        read_records(frame(), units=units)
    assert says in str(refused.value)


def test_times_come_in_hours():
    table = frame(II=[2, 0, 0, 0, 0], ADDL=[1, 0, 0, 0, 0], RATE=[5, 0, 0, -2, 0])
    days = read_records(table, units=UNITS, time_unit="d")
    assert days.time.tolist() == [0, 24, 96, 0, 48] and days.ii[0] == 48
    assert days.rate[0] == pytest.approx(5 / 24) and days.rate[3] == -2
    assert days.units["TIME"] == "h" and days.units["RATE"] == "mg/h"
    assert any("from d to h" in note for note in days.notes)
    assert (
        read_records(table.drop(columns="RATE").assign(DUR=[3, 0, 0, 0, 0]), UNITS, time_unit="min").duration[0] == 0.05
    )


def test_amounts_per_kilogram():
    table = frame(wt=[70, 70, 70, 0.5, 0.5], RATE=[5, 0, 0, -1, 0])
    records = read_records(table, units={"AMT": "mg/kg", "DV": "mg/L"})
    assert records.amt.tolist() == [700, 0, 0, 10, 0] and records.rate.tolist() == [350, 0, 0, -1, 0]
    assert records.units["AMT"] == "mg" and any("multiplied by WT" in note for note in records.notes)
    grams = read_records(table, units={"AMT": "mg/kg", "DV": "mg/L", "WT": "g"})
    assert grams.amt[0] == pytest.approx(0.7)
    only = read_records(table.assign(AGE=5), units={"AMT": "mg/kg", "DV": "mg/L"}, covariates=["AGE"])
    assert list(only.covariates) == ["AGE", "WT"]
    with pytest.raises(DataError, match="weight above 0"):
        read_records(table.assign(wt=0), units={"AMT": "mg/kg", "DV": "mg/L"})
    with pytest.raises(DataError, match="without their unit"):
        read_records(table.assign(wt="70kg"), units={"AMT": "mg/kg", "DV": "mg/L"})


def test_a_covariate_that_changes_needs_an_interpolation():
    table = frame(CRCL=[90, 80, 70, 60, 60], WT=70)
    records = read_records(table, units=UNITS)
    assert records.varies == {"CRCL": True, "WT": False}
    baseline = records.cohort()
    assert baseline.covariates["CRCL"].tolist() == [90, 60] and baseline.varies["CRCL"]
    records.require_interpolation(["wt"])
    with pytest.raises(DataError, match='CRCL changes.*\n.*locf.*nocb.*linear.*\n.*interpolation={"CRCL": "locf"}'):
        records.require_interpolation(["WT", "CRCL"])
    with pytest.raises(DataError, match="did you mean WT"):
        records.require_interpolation(["WTT"])
    stated = read_records(table, units=UNITS, interpolation={"crcl": "linear"})
    stated.require_interpolation(["CRCL"])
    assert stated.interpolation == {"CRCL": "linear"}


@pytest.mark.parametrize(
    ("method", "expected"),
    [("locf", [90, 90, 70, 60, 60]), ("nocb", [90, 70, 70, 60, 60]), ("linear", [90, 85, 70, 60, 60])],
)
def test_gaps_are_filled_as_stated(method, expected):
    table = frame(CRCL=[90, ".", 70, ".", 60])
    records = read_records(table, units=UNITS, interpolation={"CRCL": method})
    assert records.covariates["CRCL"].tolist() == expected
    assert any("CRCL is missing on 2 rows" in note for note in records.notes)


def test_gaps_of_a_changing_covariate_stay_until_it_is_said():
    records = read_records(frame(CRCL=[90, ".", 70, ".", 60]), units=UNITS)
    assert np.array_equal(records.covariates["CRCL"], [90, np.nan, 70, 60, 60], equal_nan=True)


def test_interpolations_that_cannot_be():
    table = frame(SEX=["f", "f", "f", "m", "m"])
    with pytest.raises(UsageError, match="locf"):
        read_records(table, units=UNITS, interpolation={"SEX": "loc"})
    with pytest.raises(UsageError, match="category"):
        read_records(table, units=UNITS, interpolation={"SEX": "linear"})
    with pytest.raises(UsageError, match="no covariate"):
        read_records(table, units=UNITS, interpolation={"WT": "linear"})


def test_categories():
    table = frame(Race=["b", "b", "b", "a", "a"], EMPTY=".", NOTE=[f"text {at}" for at in range(5)])
    records = read_records(table, units=UNITS, covariates=["race"])
    assert records.covariates["RACE"].tolist() == [1, 1, 1, 0, 0] and list(records.covariates) == ["RACE"]
    every = read_records(table, units=UNITS)
    assert any("EMPTY is empty" in note for note in every.notes)
    with pytest.raises(DataError, match="row 4, RACE=a: the label has no code"):
        read_records(table, units=UNITS, covariates={"RACE": {"b": 1}})
    with pytest.raises(UsageError, match="did you mean RACE"):
        read_records(table, units=UNITS, covariates=["RACEE"])
    many = pd.DataFrame({"ID": range(30), "TIME": 0, "DV": 1, "NAME": [f"n{at}" for at in range(30)]})
    assert any("no covariate" in note for note in read_records(many, units=UNITS).notes)


def test_records_cannot_be_changed():
    records = read_records(frame(WT=70), units=UNITS)
    with pytest.raises(ValueError, match="read-only"):
        records.amt[0] = 5
    with pytest.raises(ValueError, match="read-only"):
        records.covariates["WT"][0] = 5


def test_round_trip_through_pandas():
    table = frame(WT=70, RATE=[5, 0, 0, 0, 0], DVID=["cp", "cp", "pca", "cp", "cp"])
    first = read_records(table, units=UNITS)
    again = read_records(first.to_pandas(), units=UNITS)
    for name in ("ids", "patient", "time", "amt", "rate", "duration", "evid", "mdv", "cmt", "dvid", "occ", "dv"):
        assert np.array_equal(getattr(first, name), getattr(again, name), equal_nan=name == "dv"), name


def test_a_missing_unit_of_an_output():
    records = read_records(frame(DVID=1), units={"AMT": "mg", "DV": {1: "mg/L"}})
    assert records.dv_unit("1") == "mg/L"
    with pytest.raises(UnitError, match="no unit is known"):
        records.dv_unit("2")


@pytest.mark.slow
def test_a_million_rows_take_seconds(tmp_path):
    patients, each = 100_000, 10
    time = np.tile(np.arange(each) * 1.5, patients)
    ids = np.repeat(np.arange(patients), each)
    sex = np.where(ids % 2, "male", "female")
    table = pd.DataFrame({"ID": ids, "TIME": time, "AMT": np.where(time == 0, 100.0, 0), "DV": time + 0.1, "SEX": sex})
    table["WT"] = 70 + (ids % 7) + np.where(ids % 100 == 0, time, 0)
    table.loc[3::each, "WT"] = np.nan
    records = read_records(table, units=UNITS, interpolation={"WT": "linear"})
    assert (records.n_patients, records.doses.sum()) == (patients, patients)
    assert np.isfinite(records.covariates["WT"]).all() and records.covariates["WT"][3] == 70 + 4.5
