"""Tables of reference values: what is read of them, and what is refused."""

import csv

import pytest

from twinsim.errors import DataError, UsageError
from twinsim.patient.reference_tables import TABLES, ranges_of, read_tables, reference_folder


def write(folder, **changed):
    for table in TABLES:
        text = changed.get(table, f"{table}Row,mL,1,source,,{table}\n")
        (folder / f"{table}.csv").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("cell", "wanted"),
    [
        ("5600", [(5600, 5600)]),
        ("7,000", [(7000, 7000)]),
        ("3000, 3000", [(3000, 3000), (3000, 3000)]),
        ("0.001, 0.005", [(0.001, 0.001), (0.005, 0.005)]),
        ("9.00E-08", [(9e-8, 9e-8)]),
        ("-32", [(-32, -32)]),
        ("7.2,\n [7.35,7.4]", [(7.2, 7.2), (7.35, 7.4)]),
        ("[4,12],\n[8,15]", [(4, 12), (8, 15)]),
        ("[661.5, 835.2]", [(661.5, 835.2)]),
        ("98.0,\n100.0,\n104.0", [(98, 98), (100, 100), (104, 104)]),
    ],
)
def test_cells(cell, wanted):
    assert ranges_of(cell) == tuple(wanted)


@pytest.mark.parametrize("cell", ["", "high", "[1,2", "5 or so", "[3,2]", "=1+1", "nan"])
def test_cells_that_are_no_values(cell):
    with pytest.raises(DataError, match="no value"):
        ranges_of(cell)


def test_rows_of_tables_of_outside(reference_data):
    """Every row, as often as another reader counts them; some of them as they stand there."""
    folder = reference_folder(reference_data)
    found = read_tables(folder)
    lines = 0
    for table in TABLES:
        with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as file:
            lines += sum(1 for _ in csv.reader(file))
    assert len(found) == lines == 475
    assert found["Cardiovascular/CardiacOutput"].ranges == ((5600.0, 5600.0),)
    assert found["CardiovascularCompartments/LeftHeart-Volume#2"].ranges == ((131.0, 189.0),)
    units = {name: row.unit for name, row in found.items()}
    assert units["Cardiovascular/CardiacIndex"] == "L/min/m^2"
    assert units["Renal/LeftGlomerularFiltrationCoefficient"] == "mL/min/mmHg"
    assert units["RenalCompartments/LeftRenalArtery-InFlow"] == "mL/min"
    assert units["CompleteBloodCount/RedBloodCellCount"] == "1/uL" and units["Renal/FiltrationFraction"] == "1"


def test_the_folder_is_found(tmp_path, monkeypatch):
    monkeypatch.delenv("TWINSIM_REFERENCE_DATA", raising=False)
    with pytest.raises(UsageError, match="where are the reference tables"):
        reference_folder()
    with pytest.raises(UsageError, match="no BloodChemistry"):
        reference_folder(tmp_path)
    (tmp_path / "organs").mkdir()
    write(tmp_path / "organs")
    assert reference_folder(tmp_path) == reference_folder(tmp_path / "organs") == tmp_path / "organs"
    monkeypatch.setenv("TWINSIM_REFERENCE_DATA", str(tmp_path))
    assert reference_folder() == tmp_path / "organs"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,mL,1,source,Energy\n", "5 cells instead of 6"),
        ("a,mL,many,source,,Energy\n", "no value"),
        ('a,mL,"1,source,,Energy\n', "no table"),
        ("x" * 300_000, "more than"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path, text, words):
    write(tmp_path, Energy=text)
    with pytest.raises(DataError, match=words) as refused:
        read_tables(tmp_path)
    assert "Energy.csv" in str(refused.value)


def test_a_table_is_missing_or_no_text(tmp_path):
    write(tmp_path)
    (tmp_path / "Renal.csv").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(DataError, match="read as text"):
        read_tables(tmp_path)
    (tmp_path / "Renal.csv").unlink()
    with pytest.raises(DataError, match="missing"):
        read_tables(tmp_path)


def test_a_row_in_two_tables(tmp_path):
    write(tmp_path, Energy="a,mL,1,s,,X\n", Renal="a,mL,1,s,,X\n")
    with pytest.raises(DataError, match="two tables"):
        read_tables(tmp_path)
