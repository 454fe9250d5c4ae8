"""Rows at further times: where they stand, and what they say of covariates and occasions."""

import numpy as np
import pandas as pd
import pytest

from twinsim.errors import UsageError
from twinsim.records import read_records
from twinsim.records.ahead import with_times


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "ID": [1, 1, 1, 2, 2],
            "TIME": [0.0, 4.0, 8.0, 0.0, 10.0],
            "AMT": [100.0, 0.0, 100.0, 50.0, 0.0],
            "EVID": [1, 0, 1, 1, 0],
            "DV": [np.nan, 3.0, np.nan, np.nan, 2.0],
            "OCC": [0, 0, 1, 0, 1],
            "A": [1.0, 2.0, 3.0, 5.0, 7.0],
            "B": [1.0, 2.0, 3.0, 5.0, 7.0],
            "C": [1.0, 2.0, 3.0, 5.0, 7.0],
        }
    )


def records():
    ways = {"A": "locf", "B": "nocb", "C": "linear"}
    return read_records(table(), units={"AMT": "mg", "DV": "mg/L"}, interpolation=ways)


def test_rows_stand_behind_those_of_their_time():
    times = np.asarray([[8.0, 5.0], [6.0, 20.0]])
    found, places = with_times(records(), times, "concentration")
    assert found.time.tolist() == [0.0, 4.0, 6.0, 8.0, 8.0, 0.0, 5.0, 10.0, 20.0]
    assert found.patient.tolist() == [0] * 5 + [1] * 4
    assert places.tolist() == [[4, 6], [2, 8]]
    assert found.amt[[3, 4]].tolist() == [100.0, 0.0]
    assert found.evid.tolist() == [1, 2, 0, 1, 0, 1, 0, 2, 0]
    assert np.isnan(found.dv).all() and (found.dvid[places] == "concentration").all()


def test_what_is_known_of_a_time():
    found, places = with_times(records(), np.asarray([[6.0, 5.0], [8.0, 20.0]]), "x")
    covariates = {name: values[places].tolist() for name, values in found.covariates.items()}
    assert covariates["A"] == [[2.0, 5.0], [3.0, 7.0]]
    assert covariates["B"] == [[3.0, 7.0], [3.0, 7.0]]
    assert covariates["C"] == [[2.5, 6.0], [3.0, 7.0]]
    assert found.occ[places].tolist() == [[1, 1], [1, 1]]
    # At the time of a row, what that row says.
    found, places = with_times(records(), np.asarray([[4.0, 10.0]]), "x")
    assert [found.covariates[name][places].tolist() for name in "ABC"] == [[[2.0, 7.0]]] * 3
    assert found.occ[places].tolist() == [[0, 1]]


def test_after_a_reset_times_are_those_of_the_new_clock():
    rows = pd.DataFrame({"ID": [1, 1, 1], "TIME": [0.0, 50.0, 0.0], "AMT": [9.0, 0.0, 9.0], "EVID": [1, 2, 4]})
    found, places = with_times(read_records(rows, units={"AMT": "mg"}), np.asarray([[5.0]]), "x")
    assert found.time.tolist() == [0.0, 50.0, 0.0, 5.0] and places.tolist() == [[3]]


@pytest.mark.parametrize(("time", "message"), [(-1.0, "begin later than a time: 1 at 0 h"), (np.nan, "not finite")])
def test_bad_times_are_refused(time, message):
    with pytest.raises(UsageError, match=message):
        with_times(records(), np.full((1, 2), time), "x")
