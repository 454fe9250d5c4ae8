"""What a file may look like, and what is said about one that is no table."""

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twinsim.errors import DataError, TwinsimError
from twinsim.records import Records, read_records, source

UNITS = {"AMT": "mg", "DV": "mg/L"}
PLAIN = "ID,TIME,AMT,DV,EVID,WT\n1,0,100,.,1,70.5\n1,2,.,4.5,0,70.5\n7,0,50,,1,81\n7,3.5,0,2,0,81\n"


def read(tmp_path, content, **options):
    path = tmp_path / "table.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_records(path, **{"units": UNITS, **options})


def check_plain(records):
    assert records.ids.tolist() == [1, 7] and records.ids.dtype == np.int64
    assert records.patient.tolist() == [0, 0, 1, 1]
    assert records.time.tolist() == [0, 2, 0, 3.5] and records.amt.tolist() == [100, 0, 50, 0]
    assert records.evid.tolist() == [1, 0, 1, 0]
    assert np.array_equal(records.dv, [np.nan, 4.5, np.nan, 2], equal_nan=True)
    assert records.cohort().covariates["WT"].tolist() == [70.5, 81.0]


@pytest.mark.parametrize(
    "content",
    [PLAIN, PLAIN.lower(), PLAIN.replace(",,", ",.,").replace(",", ";"), PLAIN.replace(",", " , "),
     PLAIN.replace(",", "\t"), PLAIN.replace("\n", "\r\n"),
     PLAIN.replace("\n", "\r"), PLAIN.replace(",,", ",.,").replace(",", "   "), "\ufeff" + PLAIN,
     PLAIN.replace("\n", ",\n"), PLAIN.replace("ID", '"ID"').replace("70.5", '"70.5"'), PLAIN + "\n\n", PLAIN.rstrip(),
     PLAIN.replace(",.,", ",NA,"),
     "# made by hand\n\n" + PLAIN + "@ the end\n", "TABLE NO.  1\n" + PLAIN, PLAIN.replace("4.5", "+4.50E+00")],
)  # fmt: skip
def test_layouts_of_one_table(tmp_path, content):
    check_plain(read(tmp_path, content))


def test_decimal_commas(tmp_path):
    content = "ID;TIME;AMT;DV;EVID;WT\n1;0;100;.;1;70,5\n1;2;0;4,5;0;70,5\n7;0;50;.;1;81\n7;3,5;0;2;0;81\n"
    records = read(tmp_path, content)
    check_plain(records)
    assert any("decimal comma" in note for note in records.notes)


def test_a_dataframe_reads_as_its_file(tmp_path):
    frame = pd.read_csv(io.StringIO(PLAIN))
    for one in (
        frame,
        frame.astype(object),
        frame.convert_dtypes(),
        frame.astype({"ID": float}),
        frame.set_index("WT", drop=False),
    ):
        check_plain(read_records(one, units=UNITS))
    assert read_records(frame, units=UNITS).row.tolist() == [1, 2, 3, 4]


def test_rows_are_lines_of_the_file(tmp_path):
    lines = PLAIN.split("\n")
    content = "\n".join(["# one", "", *lines[:3], "# between", *lines[3:]])
    assert read(tmp_path, content).row.tolist() == [4, 5, 7, 8]


def test_comment_column(tmp_path):
    header, *rows = PLAIN.strip().split("\n")
    marks = [".", "C", ".", "."]
    content = "\n".join(["C," + header, *(f"{mark},{row}" for mark, row in zip(marks, rows, strict=True))])
    records = read(tmp_path, content)
    assert records.row.tolist() == [2, 4, 5] and any("column C" in note for note in records.notes)
    # a column C of numbers is a covariate, or what columns= says
    content = "\n".join(["C," + header.replace("DV", "X"), *(f"{at},{row}" for at, row in enumerate(rows))])
    assert "C" in read(tmp_path, content).covariates
    assert read(tmp_path, content, columns={"C": "DV"}).dv[1] == 1


def test_numbers_are_read_to_the_last_digit(tmp_path):
    values = np.random.default_rng(0).lognormal(0, 9, 500)
    content = "ID,TIME,DV\n" + "\n".join(f"1,{at},{value!r}" for at, value in enumerate(values.tolist()))
    assert np.array_equal(read(tmp_path, content).dv, values)


def test_ids_beyond_the_precision_of_floats(tmp_path):
    big = 2**60 + 1
    assert read(tmp_path, f"ID,TIME,DV\n{big},0,1\n{big + 1},0,2\n").ids.tolist() == [big, big + 1]


def test_names_as_ids(tmp_path):
    records = read(tmp_path, "ID,TIME,DV\nP-07,0,1\nP-07,1,2\n3,0,3\n")
    assert records.ids.tolist() == [1, 2] and records.labels == ("P-07", "3")
    assert records.to_pandas().ID.tolist() == ["P-07", "P-07", "3"]
    assert any("P-07 is patient 1" in note for note in records.notes)


def test_evid_is_derived(tmp_path):
    records = read(tmp_path, "ID,TIME,AMT,MDV,DV\n1,0,100,1,.\n1,1,0,0,5\n1,2,0,1,.\n1,3,.,.,4\n")
    assert records.evid.tolist() == [1, 0, 2, 0] and records.mdv.tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "empty"), (b"\n\n", "empty"), ("ID,TIME,AMT\n", "no rows"), ("# only\n# comments\n", "empty"),
     ("TIME,AMT\n0,1\n", "no column ID"), ("ID,TIM,AMT\n1,0,1\n", "did you mean TIM"), ("IDENT\n5\n", "no column ID"),
     ("ID,TIME,DV,dv\n1,0,1,2\n", "'DV' and 'dv'"), ("ID,TIME,DUR,TINF\n1,0,1,2\n", "both DUR"),
     ("ID,TIME,\n1,0,5\n", "column 3 has no name"), ("ID,DATE,TIME\n1,1/2/1990,0\n", "elapsed hours"),
     ("1,0,100\n1,2,0\n", "header line is missing"), ("ID,TIME,DV\n1,0\n", "line 2 has 2"),
     ("ID,TIME,DV\n1,0,1\n1,1,2,3\n", "line 3 has 4"), ('ID,TIME,DV\n1,0,"a\nb"\n', "not closed"),
     (b"PK\x03\x04rest", "Excel"), (b"\x1f\x8b\x08", "gunzip"), ("ID,TIME\n1,0\n".encode("utf-16"), "UTF-16"),
     (b"\x89HDF\r\n", "open_results"), (b"ID,TIME\n\x00\x01\x02", "binary"),
     ("ID,TIME,NOTE\n1,0,früh\n".encode("latin-1"), "iconv"), ("C,ID,TIME\nC,1,0\n", "every row is marked")],
)  # fmt: skip
def test_what_is_no_table(tmp_path, content, says):
    with pytest.raises(DataError) as refused:
        read(tmp_path, content)
    assert says in str(refused.value) and "table.csv" in str(refused.value)


def test_paths(tmp_path):
    (tmp_path / "theo.csv").write_text(PLAIN)
    with pytest.raises(DataError, match="did you mean theo.csv"):
        read_records(tmp_path / "teho.csv", units=UNITS)
    with pytest.raises(DataError, match="folder"):
        read_records(tmp_path, units=UNITS)
    with pytest.raises(DataError, match="does not exist"):
        read_records(tmp_path / "none" / "theo.csv", units=UNITS)


def test_a_file_beyond_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "MAX_BYTES", 20)
    with pytest.raises(DataError, match="split it by patient"):
        read(tmp_path, PLAIN)


def test_frames_that_are_no_tables():
    with pytest.raises(DataError, match="no rows"):
        read_records(pd.DataFrame({"ID": [], "TIME": []}), units=UNITS)
    with pytest.raises(DataError, match="objects"):
        read_records(pd.DataFrame({"ID": [1], "TIME": [[0]]}), units=UNITS)


def test_columns_that_do_not_exist(tmp_path):
    with pytest.raises(DataError, match="did you mean DV"):
        read(tmp_path, PLAIN, columns={"DVV": "DV"})
    with pytest.raises(DataError, match="leave one out"):
        read(tmp_path, PLAIN, columns={"WT": "DV"})


CELL = st.sampled_from(
    ["0", "1", "2", "-1", "3.5", ".", "", "101", "x", "<0.5", "1e308", "inf", "nan", "99", '"', "#", "C", "ä"]
)
NAME = st.sampled_from(
    [
        "ID",
        "TIME",
        "AMT",
        "DV",
        "EVID",
        "SS",
        "II",
        "ADDL",
        "RATE",
        "DUR",
        "CMT",
        "MDV",
        "DVID",
        "CENS",
        "WT",
        "C",
        "",
        "X",
    ]
)
ROWS = st.lists(NAME, min_size=1, max_size=7).flatmap(
    lambda names: st.tuples(
        st.just(["ID", "TIME", *names]),
        st.lists(st.lists(CELL, min_size=len(names) + 2, max_size=len(names) + 2), max_size=6),
    )
)


def outcome(tmp_path, content, **options):
    """Records or one of our errors: anything else fails the test."""
    try:
        return read(tmp_path, content, **options)
    except TwinsimError as error:
        assert str(error)
        return None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(ROWS, st.sampled_from([",", ";", "\t", " "]), st.sampled_from(["raise", "drop"]))
def test_any_table_is_records_or_a_refusal(tmp_path, table, separator, policy):
    names, rows = table
    content = "\n".join(separator.join(row) for row in [names, *rows])
    records = outcome(tmp_path, content, on_refused=policy, units={"AMT": "mg/kg", "DV": "mg/L"})
    outcome(tmp_path, content, on_refused=policy, interpolation={"WT": "linear"}, time_unit="d")
    if isinstance(records, Records):
        assert len(records) and np.isfinite(records.time).all() and np.isin(records.evid, range(5)).all()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: ("ID,TIME,DV\n" + text).encode()))
def test_any_bytes_are_records_or_a_refusal(tmp_path, content):
    outcome(tmp_path, content)
