"""Every rule: the row, the item and the advice it gives; what happens to the patients."""

from types import SimpleNamespace

import numpy as np
import pytest

from twinsim.errors import DataError, UsageError
from twinsim.records import read_records

UNITS = {"AMT": "mg", "DV": "mg/L"}
HEADER = "ID,TIME,AMT,RATE,DUR,ADDL,II,SS,EVID,CMT,MDV,DV,DVID,CENS,LIMIT,OCC,WT"
# one patient that is right: a dose and an observation; lines 2 and 3 of the file
SOUND = "1,0,100,0,0,0,0,0,1,1,1,.,cp,0,.,1,70\n1,2,0,0,0,0,0,0,0,1,0,4.5,cp,0,.,1,70\n"
STRUCTURE = SimpleNamespace(states=(SimpleNamespace(name="depot"), SimpleNamespace(name="central")))


def line(**given):
    """A third row, of patient 2, with some cells changed."""
    cells = dict(zip(HEADER.split(","), "2,0,100,0,0,0,0,0,1,1,1,.,cp,0,.,1,70".split(","), strict=True))
    return ",".join({**cells, **{name: str(value) for name, value in given.items()}}.values())


def write(tmp_path, *rows, header=HEADER, sound=SOUND):
    path = tmp_path / "table.csv"
    path.write_text(f"{header}\n{sound}" + "\n".join(rows) + "\n")
    return path


OBSERVED = {"AMT": 0, "EVID": 0, "MDV": 0, "DV": 3.0}
CASES = [
    ({"TIME": -1}, "TIME", "-1", "first is 0"),
    ({"TIME": "."}, "TIME", ".", "write the time"),
    ({"TIME": "08:30"}, "TIME", "08:30", "not a clock time"),
    ({"TIME": "inf"}, "TIME", "inf", "hours"),
    ({"AMT": 0}, "AMT", "0", "SS=1 with RATE>0"),
    ({"AMT": "."}, "AMT", ".", "write the amount"),
    ({"AMT": -5}, "AMT", "-5", "amount given"),
    ({"AMT": -5, "RATE": 10}, "AMT", "-5", "amount given"),
    ({"AMT": "lots"}, "AMT", "lots", "write a number"),
    ({**OBSERVED, "AMT": 20}, "AMT", "20", "write EVID 1"),
    ({"EVID": 2}, "AMT", "100", "EVID 1, or AMT 0"),
    ({"EVID": 3}, "AMT", "100", "EVID 4"),
    ({"RATE": -3}, "RATE", "-3", "-1, -2"),
    ({"DUR": -1}, "DUR", "-1", "0 for a bolus"),
    ({"RATE": -2, "DUR": 3}, "DUR", "3", "RATE 0"),
    ({"RATE": 10, "DUR": 3}, "DUR", "3", "one of RATE and DUR"),
    ({"SS": 1}, "II", "0", "II>0, or SS=0"),
    ({"SS": 3, "II": 12}, "SS", "3", "columns="),
    ({"SS": 0.5, "II": 12}, "SS", "0.5", "without decimals"),
    ({"SS": 1, "AMT": 0, "RATE": 5, "II": 12}, "II", "12", "II=0"),
    ({"II": -2}, "II", "-2", "time between"),
    ({"ADDL": -1, "II": 2}, "ADDL", "-1", "how many"),
    ({"ADDL": 3}, "II", "0", "II>0, or ADDL=0"),
    ({"ADDL": 1.5, "II": 2}, "ADDL", "1.5", "without decimals"),
    ({"EVID": 5}, "EVID", "5", "3 reset"),
    ({"EVID": 9, "AMT": 0}, "EVID", "9", "0 observation"),
    ({"EVID": 1.5}, "EVID", "1.5", "without decimals"),
    ({"EVID": 201}, "EVID", "201", "right CMT"),
    ({"EVID": 10101}, "EVID", "10101", "1 dose"),
    ({**OBSERVED, "MDV": 7}, "MDV", "7", "0"),
    ({**OBSERVED, "DV": "."}, "DV", ".", "MDV=1"),
    ({**OBSERVED, "DV": "<0.5"}, "DV", "<0.5", "CENS=1"),
    ({**OBSERVED, "DV": "BLQ"}, "DV", "BLQ", "CENS=1"),
    ({**OBSERVED, "DV": "three"}, "DV", "three", "write a number"),
    ({**OBSERVED, "DV": "inf"}, "DV", "inf", "write a number"),
    ({**OBSERVED, "CENS": 2}, "CENS", "2", "0, 1 or -1"),
    ({**OBSERVED, "CENS": 1, "LIMIT": 4}, "LIMIT", "4", "below DV"),
    ({**OBSERVED, "DVID": "."}, "DVID", ".", "DVID of the output"),
    ({"CMT": -1}, "CMT", "-1", "not supported"),
    ({"CMT": 3}, "CMT", "3", "1 depot, 2 central"),
    ({"CMT": "gut"}, "CMT", "gut", "structure="),
    ({"OCC": 1.5}, "OCC", "1.5", "without decimals"),
    ({"ID": 2.5}, "ID", "2.5", "whole numbers"),
    ({"WT": "heavy"}, "WT", "heavy", "write a number"),
    ({"WT": "."}, "WT", ".", "covariates=[...]"),
]


@pytest.mark.parametrize(("cells", "item", "value", "advice"), CASES)
def test_a_refusal_names_row_item_value_and_remedy(tmp_path, cells, item, value, advice):
    path = write(tmp_path, line(**cells))
    with pytest.raises(DataError, match="1 of 3 rows") as refused:
        read_records(path, units=UNITS, structure=STRUCTURE)
    text = str(refused.value)
    assert f"row 4, {item}={value}:" in text and advice in text and "table.csv" in text
    kept = read_records(path, units=UNITS, structure=STRUCTURE, on_refused="drop")
    assert kept.n_patients == 1 and kept.ids.tolist() == [1] and kept.row.tolist() == [2, 3]
    found = [one for one in kept.refused if one.item == item]
    assert found[0].row == 4 and found[0].value == value and advice in found[0].why + found[0].write_instead
    assert any("1 of 2 patients were left out" in note for note in kept.notes)
    assert f"row 4, {item}={value}" in kept.report()


def test_time_running_backwards(tmp_path):
    rows = [line(), line(**OBSERVED, TIME=5), line(**OBSERVED, TIME=4)]
    with pytest.raises(DataError, match="row 6, TIME=4: time runs backwards"):
        read_records(write(tmp_path, *rows), units=UNITS)
    for evid, amount in ((3, 0), (4, 50)):
        rows[2] = line(TIME=0, EVID=evid, AMT=amount)
        assert read_records(write(tmp_path, *rows), units=UNITS).evid[-1] == evid


def test_a_patient_in_two_places(tmp_path):
    path = write(tmp_path, line(), line(ID=1, TIME=9, **OBSERVED))
    with pytest.raises(DataError, match="row 5, ID=1: this patient had rows further up"):
        read_records(path, units=UNITS)
    assert read_records(path, units=UNITS, on_refused="drop").ids.tolist() == [2]


def test_a_row_without_id_cannot_be_dropped(tmp_path):
    with pytest.raises(DataError, match="anyone's dose"):
        read_records(write(tmp_path, line(ID=".")), units=UNITS, on_refused="drop")


def test_dropping_everyone_is_refused(tmp_path):
    path = write(tmp_path, sound=line(AMT=-1) + "\n")
    with pytest.raises(DataError, match="every patient is affected"):
        read_records(path, units=UNITS, on_refused="drop")


def test_many_refusals_are_counted(tmp_path):
    path = write(tmp_path, *(line(ID=2 + at, AMT=-1) for at in range(50)))
    with pytest.raises(DataError, match="and 30 more"):
        read_records(path, units=UNITS)
    assert len(read_records(path, units=UNITS, on_refused="drop").refused) == 50


def test_unknown_policy(tmp_path):
    with pytest.raises(UsageError, match="drop"):
        read_records(write(tmp_path), units=UNITS, on_refused="drip")


@pytest.mark.parametrize(
    ("cells", "note"),
    [({"II": 12}, "II has no effect on 1 doses"), ({**OBSERVED, "RATE": 5}, "RATE has no effect on 1 rows"),
     ({**OBSERVED, "MDV": 1}, "EVID 0 and MDV 1 are EVID 2"), ({"RATE": 50, "DUR": 2}, "RATE is used"),
     ({"WT": -99}, "-99"), ({"EVID": 101}, "classic"), ({**OBSERVED}, "1 patients have no dose (the first is 2)")],
)  # fmt: skip
def test_what_is_only_noted(tmp_path, cells, note):
    records = read_records(write(tmp_path, line(**cells)), units=UNITS)
    assert records.n_patients == 2 and any(note in one for one in records.notes), records.notes


def test_sound_doses_pass(tmp_path):
    rows = [
        line(TIME=0, ADDL=3, II=12), line(TIME=1, SS=1, II=12, ADDL=2), line(TIME=2, SS=2, II=12, RATE=5),
        line(TIME=3, SS=1, AMT=0, RATE=5), line(TIME=4, RATE=-1), line(TIME=5, RATE=-2), line(TIME=6, DUR=2),
        line(TIME=0, EVID=4, SS=1, II=12), line(TIME=1, EVID=3, AMT=0), line(TIME=2, EVID=2, AMT=0),
        line(**OBSERVED | {"TIME": 3}, CENS=1, LIMIT=0), line(**OBSERVED | {"TIME": 4}, CENS=-1, LIMIT=9),
        line(TIME=5, CMT="central"),
    ]  # fmt: skip
    records = read_records(write(tmp_path, *rows), units=UNITS, structure=STRUCTURE)
    assert records.refused == () and len(records) == 15
    assert records.duration[8] == 2 and records.rate[8] == 0 and records.cmt[-1] == 2
    assert records.cens[-3:-1].tolist() == [1, -1] and np.array_equal(records.limit[-3:-1], [0, 9])
    assert records.mdv.tolist() == [1, 0] + [1] * 10 + [0, 0, 1]
