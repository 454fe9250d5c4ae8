"""Tables from outside: counts as their publishers state them."""

import numpy as np
import pandas as pd
import pytest

from twinsim.errors import DataError
from twinsim.records import read_records

UNITS = {"AMT": "mg", "DV": "mg/L"}


def test_theophylline(reference_data):
    records = read_records(reference_data / "pk" / "theo_sd.csv", units=UNITS)
    assert (records.n_patients, records.doses.sum(), records.observations.sum()) == (12, 12, 132)
    assert np.array_equal(records.ids, np.arange(1, 13))
    assert set(records.cmt[records.doses]) == {1} and set(records.cmt[records.observations]) == {2}
    assert any("classic" in note for note in records.notes)
    assert records.amt[0] == 319.99199999999996 and records.row[0] == 2
    # Boeckmann, Sheiner, Beal 1994: subject 1 weighs 79.6 kg and got 4.02 mg/kg
    assert records.amt[0] / records.cohort().covariates["WT"][0] == pytest.approx(4.02)
    assert records.varies == {"WT": False}
    assert records.dv[records.observations].mean() == pytest.approx(4.960455, abs=1e-6)
    assert np.isnan(records.dv[records.doses]).all()


def test_phenobarbital(reference_data):
    records = read_records(reference_data / "pk" / "pheno_sd.csv", units=UNITS)
    # Grasela and Donn 1985: 59 neonates, 155 concentrations
    assert (records.n_patients, records.doses.sum(), records.observations.sum()) == (59, 589, 155)
    assert list(records.covariates) == ["WT", "APGR"]
    assert records.cohort().covariates["WT"].shape == (59,)


def test_warfarin(reference_data):
    path = reference_data / "pk" / "warfarin.csv"
    records = read_records(path, units={"AMT": "mg", "DV": {"cp": "mg/L", "pca": "%"}})
    assert (records.n_patients, records.doses.sum(), records.observations.sum()) == (32, 32, 483)
    assert records.dvids == ("cp", "pca")
    seen = records.observations
    assert ((records.dvid == "cp") & seen).sum() == 251 and ((records.dvid == "pca") & seen).sum() == 232
    assert records.dv_unit("pca") == "%"
    assert records.categories == {"SEX": {"female": 0.0, "male": 1.0}}
    assert any("female = 0, male = 1" in note for note in records.notes)
    assert any("replicates" in note for note in records.notes)
    coded = read_records(path, units=UNITS, covariates={"sex": {"male": 0, "female": 1}})
    assert np.array_equal(coded.covariates["SEX"], 1 - records.covariates["SEX"])
    assert list(coded.covariates) == ["WT", "AGE", "SEX"]
    assert any("every DVID" in note for note in coded.notes)


@pytest.mark.parametrize(("name", "observations"), [("oral_1cpt.csv", 6947), ("bolus_2cpt.csv", 6960)])
def test_simulated_sets_whole(reference_data, name, observations):
    records = read_records(reference_data / "pk" / name, units=UNITS, columns={"SS": None, "II": None})
    assert (records.n_patients, records.doses.sum(), records.observations.sum()) == (120, 960, observations)


def test_simulated_set_parts(reference_data):
    table = pd.read_csv(reference_data / "pk" / "oral_1cpt.csv")
    ignore = {"SS": None, "II": None}
    single = read_records(table[table.SD == 1], units=UNITS, columns=ignore)
    multiple = read_records(table[table.SD == 0], units=UNITS, columns=ignore)
    assert (single.observations.sum(), multiple.observations.sum()) == (2273, 4674)
    assert single.doses.sum() == 120 and multiple.doses.sum() == 840
    assert (table.EVID == 2).sum() == (single.evid == 2).sum() + (multiple.evid == 2).sum() == 13
    steady = read_records(table[table.SS.isin([0, 1])], units=UNITS)
    assert (steady.ss == 1).sum() == 120 and set(steady.ii[steady.ss == 1]) == {24.0}
    with pytest.raises(DataError, match="840 of 7920 rows"):
        read_records(table, units=UNITS)


def test_renamed_value_column(reference_data):
    records = read_records(reference_data / "pk" / "wang2007.csv", units={"DV": "1"}, columns={"Y": "DV"})
    assert (records.n_patients, len(records), records.observations.sum()) == (10, 20, 20)
    assert records.dv[1] == 3.6837


def test_nonmem_dosing_scenarios(reference_data):
    path = reference_data / "nonmem_dosing" / "input.csv"
    records = read_records(path, units=UNITS, interpolation={"LAGT": "nocb", "BIOAV": "nocb"})
    answers = pd.read_csv(reference_data / "nonmem_dosing" / "nonmem.csv")
    # the same records in the same order as NONMEM's own output
    assert len(records) == len(answers) and records.n_patients == 29
    assert np.array_equal(records.ids[records.patient], answers.ID) and np.array_equal(records.time, answers.TIME)
    counts = {evid: int((records.evid == evid).sum()) for evid in range(5)}
    assert counts == {0: 3799, 1: 28, 2: 0, 3: 2, 4: 8}
    assert set(records.rate[records.rate < 0]) == {-2.0} and (records.ss == 2).sum() == 1
    assert any("no observed values" in note for note in records.notes)
    assert np.isnan(records.dv).all()
    with pytest.raises(DataError, match="3799 observations have no value"):
        records.require_values()
    # the last scenario: a constant infusion at steady state
    last = records.patient == 28
    assert records.rate[last][0] == 100 and records.amt[last][0] == 0 and records.ss[last][0] == 1


def test_other_tables_are_refused_with_advice(reference_data):
    with pytest.raises(DataError, match="no column ID"):
        read_records(reference_data / "pk" / "hamberg_warfarin_parameters.csv", units=UNITS)
    with pytest.raises(DataError, match="no column TIME"):
        read_records(reference_data / "nonmem_dosing" / "scenarios.csv", units=UNITS)
