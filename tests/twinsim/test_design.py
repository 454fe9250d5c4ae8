"""Records laid out for the kernels: columns per patient, clocks that restart, doses as events, units, refusals."""

import numpy as np
import pandas as pd
import pytest

import twinsim
from twinsim.design import design_of
from twinsim.errors import DataError, ModelError, UnitError
from twinsim.events import ADD, RATE, RESET
from twinsim.prediction import predict_structure

ORAL = twinsim.structure("pk/one_compartment_oral")
ITEMS = {"EVID": 0, "AMT": 0.0, "CMT": 0, "RATE": 0.0, "DUR": 0.0, "II": 0.0, "ADDL": 0, "SS": 0}


def read(rows, **options):
    """Records of rows (patient, time, items)."""
    frame = pd.DataFrame([{"ID": patient, "TIME": time, **ITEMS, **items} for patient, time, items in rows])
    return twinsim.read_records(frame, **{"units": {"AMT": "mg"}, **options})


def dose(amount=100.0, **items):
    return {"EVID": 1, "AMT": amount, **items}


def test_one_column_per_patient_padded_with_its_last_time():
    records = read([(7, 0.0, dose()), (7, 2.0, {}), (7, 5.0, {}), (3, 0.0, dose()), (3, 1.5, {})])
    design = design_of(records, ORAL)
    assert design.times.tolist() == [[0, 0], [2, 1.5], [5, 1.5]]
    assert [x.tolist() for x in design.position] == [[0, 1, 2, 0, 1], [0, 0, 0, 1, 1]]
    assert design.times[design.position].tolist() == records.time.tolist()
    order = design.order[design.position]
    assert (np.diff(order[:3]) > 0).all() and np.isinf(design.order[2, 1])


def test_dose_records_become_events_of_their_patient():
    records = read(
        [
            (1, 0.0, dose(1.0, CMT=1)),
            (1, 1.0, dose(20.0, CMT=2, RATE=10.0, ADDL=1, II=6.0)),
            (2, 0.0, dose(30.0, CMT=2, DUR=3.0)),
            (2, 1.0, {"EVID": 3}),
            (2, 2.0, dose(40.0, EVID=4)),
            (2, 3.0, {"EVID": 2}),
        ]
    )
    arrays = design_of(records, ORAL).plan.arrays
    live = np.isfinite(arrays["time"])
    first, second = ({name: values[live[:, i], i].tolist() for name, values in arrays.items()} for i in (0, 1))
    assert first["kind"] == [ADD, RATE, RATE] and first["time"] == [0, 1, 7] and first["value"] == [1, 20, 20]
    assert first["rate"][1:] == [10, 10] and first["order"] == [0, 1, 1] and first["derived"] == [0, 0, 1]
    assert second["kind"] == [RATE, RESET, RESET, ADD] and second["time"] == [0, 1, 2, 2]
    assert second["duration"][0] == 3 and second["order"] == [0, 1, 2, 2]


def test_a_dose_without_a_compartment_takes_the_first_route():
    records = read([(1, 0.0, dose()), (1, 1.0, {})])
    assert design_of(records, ORAL).plan.layout.routes[0].name == "oral"
    assert design_of(records, twinsim.structure("pk/one_compartment_iv")).plan.layout.routes[0].name == "iv"


@pytest.mark.parametrize(("unit", "factor"), [("mg", 1.0), ("g", 1000.0), ("ug", 1e-3)])
def test_amounts_and_rates_come_in_the_unit_of_their_state(unit, factor):
    records = read([(1, 0.0, dose(RATE=25.0)), (1, 1.0, dose(RATE=-1.0, CMT=1)), (1, 2.0, {})], units={"AMT": unit})
    arrays = design_of(records, twinsim.structure("pk/one_compartment_iv")).plan.arrays
    assert arrays["value"][:, 0] == pytest.approx([100.0 * factor, 100.0 * factor])
    assert arrays["rate"][:, 0] == pytest.approx([25.0 * factor, -1.0])  # a code is no amount


def test_amounts_of_another_kind_are_refused():
    with pytest.raises(UnitError, match="does not fit"):
        design_of(read([(1, 0.0, dose()), (1, 1.0, {})], units={"AMT": "mmol"}), ORAL)


@pytest.mark.parametrize("solver", ["closed", "explicit"])
def test_a_clock_that_restarts_at_a_reset_goes_on(solver):
    """Two periods in one patient, the clock back at 0 by EVID 3 or 4, are two patients with a period each."""
    period = [(0.0, dose(ADDL=3, II=6.0)), (2.0, {}), (7.0, {}), (30.0, {})]
    other = [(0.0, dose(40.0, CMT=2, RATE=4.0, ADDL=2, II=5.0)), (0.0, {}), (3.0, {}), (12.0, {})]
    crossed = [(1, *row) for row in period]
    crossed += [(1, time, items | ({"EVID": 4} if i == 0 else {})) for i, (time, items) in enumerate(other)]
    crossed += [(1, 0.0, {"EVID": 3})] + [(1, *row) for row in period]
    apart = [(2, *row) for row in period] + [(3, *row) for row in other]
    records = read([*crossed, *apart])
    predicted, status = predict_structure(ORAL, records, {"lag": 0.5}, solver=solver)
    mine, rest = predicted[records.patient == 0], predicted[records.patient > 0]
    assert (status == 0).all() and rest.max() > 1.0
    assert mine[:8] == pytest.approx(rest, abs=1e-8) and mine[9:] == pytest.approx(rest[:4], abs=1e-8)
    assert mine[8] == 0.0


def test_a_clock_that_restarts_without_a_reset_is_refused():
    with pytest.raises(DataError, match="time runs backwards") as refused:
        read([(1, 0.0, dose()), (1, 5.0, {}), (1, 2.0, {})])
    assert "row 3" in str(refused.value) and "EVID 3 or 4" in str(refused.value)


def test_compartments_that_are_not_there():
    records = read([(1, 0.0, dose(CMT=5)), (1, 1.0, {})])
    with pytest.raises(ModelError, match="no compartment 5") as refused:
        design_of(records, ORAL)
    assert "1 depot, 2 central" in refused.value.do
    with pytest.raises(DataError, match="no such compartment") as refused:
        read([(1, 0.0, dose(CMT=5)), (1, 1.0, {})], structure=ORAL)
    assert "row 1" in str(refused.value) and "1 depot, 2 central" in str(refused.value)


@pytest.mark.parametrize(
    ("items", "says"),
    [
        (dose(-5.0), "an amount is not negative"),
        (dose(0.0), "a dose has an amount"),
        (dose(RATE=-3.0), "-1 (modelled rate)"),
        (dose(DUR=-1.0), "a duration is not negative"),
        (dose(ADDL=2), "need an interval"),
        (dose(SS=1), "steady state needs the time between doses"),
        (dose(SS=7, II=6.0), "SS is 0, 1"),
        (dose(RATE=10.0, DUR=3.0), "RATE times DUR is not AMT"),
        ({"AMT": 5.0}, "an observation (EVID 0) gives no drug"),
        ({"EVID": 3, "AMT": 5.0}, "EVID 4"),
        ({"EVID": 9}, "there is no such event"),
    ],
)
def test_refused_rows_say_where_and_what_to_write(items, says):
    with pytest.raises(DataError) as refused:
        read([(1, 0.0, dose()), (1, 1.0, items), (1, 2.0, {})])
    text = str(refused.value)
    assert "row 2" in text and says in text and ("write" in text or "give" in text)


def test_records_without_any_dose_are_refused():
    with pytest.raises(DataError, match="no dose in these records") as refused:
        design_of(read([(1, 0.0, {}), (1, 1.0, {})]), ORAL)
    assert "EVID 1" in refused.value.do


def test_times_are_compared_on_a_grid_and_not_by_their_last_bit():
    """An additional dose at 3 * 0.1 h comes before the observation at 0.3 h, whatever 0.1 + 0.1 + 0.1 is."""
    iv = twinsim.structure("pk/one_compartment_iv")
    records = read([(1, 0.0, dose(ADDL=3, II=0.1)), (1, 0.3, {}), (1, 0.1 + 0.1 + 0.1, {})])
    predicted, _ = predict_structure(iv, records, {"cl": 0.0, "v": 1.0})
    assert predicted.tolist() == [100.0, 400.0, 400.0]
