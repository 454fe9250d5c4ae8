"""A user's table: rows kept whole, units converted once, slips refused by patient."""

import numpy as np
import pytest

from twinsim.errors import DataError, UnitError, UsageError
from twinsim.population import find_source, sample_cohort

TABLE = """id,sex,weight [kg],height [m],creatinine [umol/L],cyp2d6 [1]
11,female,60,1.60,62,1
12,M,80,1.80,88.4,2
15,f,70,1.70,100,0.5
"""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "patients.csv"
    path.write_text(TABLE)
    return path


def test_as_is(table):
    cohort = sample_cohort(None, table, mode="as_is")
    assert cohort.ids.tolist() == [11, 12, 15]
    assert cohort.covariates["sex"].tolist() == [1.0, 0.0, 1.0]
    np.testing.assert_allclose(cohort.covariates["height"], [160, 180, 170])
    # 88.4 umol/L of creatinine are 1 mg/dL
    np.testing.assert_allclose(cohort.covariates["creatinine"][1], 1.0, rtol=1e-4)
    assert cohort.units["height"] == "cm"
    assert cohort.units["cyp2d6"] == "1"
    assert sample_cohort(3, str(table), mode="as_is").size == 3


def test_as_is_inside_a_program(table):
    source = find_source(table, mode="as_is")
    got = source.sample(0, np.array([15, 11, 7], np.int64))["weight"]
    np.testing.assert_array_equal(got, [70.0, 60.0, np.nan])


@pytest.mark.parametrize("arguments", [{"size": 2}, {"size": 3, "first": 1}])
def test_as_is_has_its_own_size_and_ids(table, arguments):
    with pytest.raises(UsageError, match="3 patients with ids of their own"):
        sample_cohort(source=table, mode="as_is", **arguments)


def test_resample_draws_whole_rows(table):
    cohort = sample_cohort(6000, table, seed=1)
    rows = np.stack([cohort.covariates[name] for name in ("weight", "height", "cyp2d6")], axis=1)
    kinds, counts = np.unique(rows, axis=0, return_counts=True)
    np.testing.assert_allclose(kinds, [[60, 160, 1], [70, 170, 0.5], [80, 180, 2]])
    np.testing.assert_allclose(counts, 2000, atol=5 * np.sqrt(6000 * 2 / 9))
    part = sample_cohort(10, table, seed=1, first=300)
    np.testing.assert_array_equal(part.covariates["weight"], cohort.covariates["weight"][300:310])


def test_units_by_argument(tmp_path):
    path = tmp_path / "plain.csv"
    path.write_text("ID,WT,albumin\n1,70,4.2\n")
    cohort = sample_cohort(None, path, mode="as_is", units={"WT": "kg", "albumin": "g/dL"})
    np.testing.assert_allclose(cohort.covariates["albumin"], [42.0])
    assert cohort.units == {"wt": "kg", "albumin": "g/L"}


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("weight [kg]\n70\n", DataError, "no id column"),
        ("id,weight\n1,70\n", UnitError, 'no unit is given for weight\n.*\n.*"weight": "kg"'),
        ("id,weight [cm]\n1,70\n", UnitError, "does not fit"),
        ("id,weight [kgs]\n1,70\n", UnitError, "not a unit twinsim knows\n.*column weight"),
        ("id,weight [kg]\n1,70\n2,.\n3,\n", DataError, "weight is missing\n.*patients 2, 3"),
        ("id,weight [kg]\n1,heavy\n", DataError, "weight = 'heavy' cannot be used\n.*patient 1"),
        ("id,weight [kg]\n1,inf\n", DataError, "cannot be used"),
        ("id,sex\n1,2\n", DataError, "sex = '2' cannot be used"),
        ("id,height [cm]\n4,1.75\n", DataError, "height = 1.75 cm lies outside\n|patient 4"),
        ("id,weight [kg]\n1,70\n1,71\n", DataError, "an id comes twice\n.*patient 1"),
        ("id,weight [kg]\nP1,70\n", DataError, "an id is not an integer\n.*P1"),
        ("id,weight [kg]\n1,70,3\n", DataError, "a row has 3 cells, the header 2\n.*row 2"),
        ("id,weight [kg],Weight [kg]\n1,70,70\n", DataError, "a column comes twice: weight"),
        ("id,weight [kg]\n", DataError, "has no patients"),
    ],
)
def test_refused_tables(tmp_path, text, kind, words):
    path = tmp_path / "slip.csv"
    path.write_text(text)
    with pytest.raises(kind, match=words):
        sample_cohort(5, path)


def test_units_of_a_column_that_is_not_there(table):
    with pytest.raises(UnitError, match="did you mean weight"):
        sample_cohort(5, table, units={"wieght": "kg"})
