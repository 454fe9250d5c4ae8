"""S2008 against simglucose, patient by patient; readers, sensors and balance of type 1 diabetes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import twinsim
from twinsim.errors import DataError
from twinsim.meals import meals
from twinsim.models.balance import leaks
from twinsim.population.given import given_parameters
from twinsim.records.uva_padova import COLUMNS, read_uva_padova

DAY = Path(__file__).with_name("simglucose_day.csv")
MEALS = {420.0: 45.0, 720.0: 22.0, 1140.0: 60.0}  # min -> g
BOLUSES = {420.0: 2.0, 720.0: 1.0, 1140.0: 2.5}  # min -> U


def boluses(given=BOLUSES):
    first, *others = [twinsim.regimen(u, duration=1.0, start=t, route="insulin") for t, u in given.items()]
    return sum(others, first)


@pytest.fixture(scope="module")
def patients(reference_data):
    return read_uva_padova(reference_data / "glucose" / "uva_padova_patients.csv")


def test_thirty_patients_have_the_day_that_simglucose_gives_them(patients):
    expected = pd.read_csv(DAY, skiprows=2, index_col="patient")
    assert tuple(expected.index) == patients.names and len(patients.names) == 30
    model, people = given_parameters(twinsim.structure("organs/glucose_type1"), patients.parameters)
    times = [float(minute) for minute in expected.columns]
    food = meals(MEALS, bite=1.0)
    seen = twinsim.simulate(model, people, food + boluses(), times=times, outputs=["glucose"], precision="float64")
    assert (seen.status == 0).all()
    # simglucose's own steps are that exact: against itself at a tolerance of 1e-10 it differs by 4e-4 mg/dL
    np.testing.assert_allclose(seen["glucose"].T, expected.to_numpy(), atol=5e-4)


def test_what_follows_from_a_patient_at_rest_is_in_the_table(patients, reference_data):
    """Basal rate, insulin under the skin and tissue glucose stand in the table too; nothing here was set to them."""
    table = pd.read_csv(reference_data / "glucose" / "uva_padova_patients.csv")
    structure = twinsim.structure("organs/glucose_type1")
    for i in range(30):
        p = {q.name: q.default for q in structure.parameters} | {n: c[i] for n, c in patients.parameters.items()}
        x, row = structure.initial(p, {}), table.iloc[i]
        per_kg = p["potency"] / p["bw"]
        rate = structure.observe(0.0, x, p, {})["basal_insulin"] * per_kg
        found = (x["gt"], x["il"], x["ip"], x["isc1"] * per_kg, x["isc2"] * per_kg, rate)
        wanted = row[["Gtb", "Ilb", "Ipb", "isc1ss", "isc2ss", "u2ss"]].to_numpy(float)
        np.testing.assert_allclose([float(v) for v in found], wanted, rtol=1e-10)
        assert all(abs(float(v)) < 1e-10 for v in structure.derivative(0.0, x, p, {}).values())


def test_nothing_comes_from_nowhere():
    assert leaks(twinsim.structure("organs/glucose_type1")) == ()


def test_a_cohort_of_adults_eats_and_injects():
    food = meals({480.0: 45.0, 720.0: 70.0, 1200.0: 70.0})
    seen = twinsim.simulate(
        "glucose_type1_adults", 300, food + boluses({480.0: 3.0, 720.0: 4.7, 1200.0: 4.7}),
        times=np.linspace(0.0, 1440.0, 49), outputs=["glucose", "insulin"],
    )  # fmt: skip
    assert (seen.status == 0).all() and (seen["glucose"] > 0.0).all()
    np.testing.assert_allclose(seen["glucose"][0], seen["parameters/gb"], rtol=1e-5)


def test_a_table_that_is_not_one_is_refused(tmp_path):
    with pytest.raises(DataError, match="no table"):
        read_uva_padova(tmp_path / "nobody.csv")
    path = tmp_path / "half.csv"
    pd.DataFrame({"Name": ["a"], **{column: [1.0] for column in list(COLUMNS.values())[:-1]}}).to_csv(path)
    with pytest.raises(DataError, match="no column ksc"):
        read_uva_padova(path)


def test_given_parameters_are_checked():
    structure = twinsim.structure("organs/glucose_type1")
    for values, words in (
        ({"kabs": [0.1, 0.2], "gb": [100.0]}, "columns of"),
        ({"glucose": [1.0]}, "no parameter"),
        ({"heb": [0.5, 1.5]}, "outside"),
    ):
        with pytest.raises(DataError, match=words):
            given_parameters(structure, values)
