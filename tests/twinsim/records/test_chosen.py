"""Observations that are left out, and values below a limit."""

import numpy as np
import pandas as pd

from twinsim.records import censored, read_records, without

ROWS = pd.DataFrame(
    {
        "ID": [1, 1, 1, 1, 2, 2],
        "TIME": [0.0, 1.0, 1.0, 2.0, 0.0, 1.0],
        "AMT": [10.0, 0, 0, 0, 10.0, 0],
        "DVID": ["", "cp", "pca", "cp", "", "pca"],
        "DV": [".", 0.0, 50.0, 3.0, ".", 40.0],
        "EVID": [1, 0, 0, 0, 1, 0],
    }
)
UNITS = {"AMT": "mg", "DV": {"cp": "mg/L", "pca": "%"}}


def test_an_output_that_is_left_out_leaves_its_rows():
    records = read_records(ROWS, units=UNITS)
    kept = without(records, ["pca"])
    assert kept.dvids == ("cp",) and kept.n_patients == 2 and len(kept) == len(records)
    assert kept.evid.tolist() == [1, 0, 2, 0, 1, 2] and kept.mdv.tolist() == [1, 0, 1, 0, 1, 1]
    assert np.isnan(kept.dv[[2, 5]]).all() and kept.dv[1] == 0.0
    assert kept.value_unit("1") == "mg/L" and kept.notes[-1] == "2 observations of pca are left out"
    assert without(records, []) is records


def test_values_below_a_limit_are_censored_there():
    records = censored(read_records(ROWS, units=UNITS), {"cp": 0.5})
    assert records.cens.tolist() == [0, 1, 0, 0, 0, 0] and records.dv[1] == 0.5 and records.dv[3] == 3.0
    assert records.notes[-1] == "1 observations of cp below 0.5 are censored there"
    again = censored(records, {"cp": 0.7, "pca": 45.0})
    assert again.dv[1] == 0.5 and again.cens.tolist() == [0, 1, 0, 0, 0, 1] and again.dv[5] == 45.0
