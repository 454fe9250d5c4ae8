"""Events of organs as texts with units: what they become on the structure's clock, and what is refused."""

import numpy as np
import pytest
import xarray

import twinsim
from experiments.organ import model_of, with_constants
from experiments.organ_events import end_of, events_of
from tests.experiments.command import command
from twinsim.config import from_mapping
from twinsim.errors import UsageError
from twinsim.events import KINDS

TYPE1 = twinsim.structure("organs/glucose_type1")


def config(*events, **keys):
    return from_mapping({"kind": "organ", "model": "organs/glucose_type1", "events": list(events), **keys})


def test_rows_come_in_the_units_of_their_states_and_clock():
    meal = {"kind": "meal", "time": "8 h", "value": "45 g", "interval": "1 d", "count": 2}
    bolus = {"kind": "add", "target": "insulin", "time": "8 h", "value": "3 U"}
    basal = {"kind": "rate", "target": "insulin", "time": 0, "value": "12 U", "rate": "0.6 U/h"}
    found = events_of(config(meal, bolus, basal), TYPE1)
    rows = [
        (KINDS[kind], found.targets[target], time, value)
        for kind, target, time, value in zip(found.kind, found.target, found.time, found.value, strict=True)
    ]
    assert ("rate", "meal", 480.0, 45000.0) in rows and ("rate", "meal", 1920.0, 45000.0) in rows
    assert ("set", "emptied", 480.0, 0.0) in rows and ("add", "insulin", 480.0, 3.0) in rows
    assert found.rate[rows.index(("rate", "insulin", 0.0, 12.0))] == pytest.approx(0.01)
    assert found.rate[rows.index(("rate", "meal", 480.0, 45000.0))] == pytest.approx(5000.0)
    assert end_of([meal]) == 48.0 and end_of([{"time": "30 h"}]) == 48.0  # the meal once more, a day later
    assert end_of([{"time": 600, "duration": "30 h"}], "min") == 48.0


def test_a_regimen_is_on_the_structures_clock_too():
    regimen = {"amount": 60, "unit": "g", "route": "meal", "interval": 6, "count": 3, "start": 1}
    found = events_of(config(regimen=regimen), TYPE1)
    assert (found.time.item(), found.interval.item(), found.value.item()) == (60.0, 360.0, 60000.0)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"kind": "meal", "time": "8 h"}, "no value"),
        ({"kind": "eat", "time": "8 h", "value": "4 g"}, "unknown kind"),
        ({"kind": "add", "time": "soon", "value": "4 U", "target": "insulin"}, "no quantity"),
        ({"kind": "add", "time": "8 h", "value": "4 mg", "target": "insulin"}, "does not fit"),
        ({"kind": "add", "time": "8 h", "value": "4 U", "target": "insuline"}, "no route or state"),
        ({"kind": "add", "time": "8 h", "value": "4 U", "target": "insulin", "dose": "4"}, "no 'dose'"),
    ],
)
def test_what_cannot_be_read_is_refused(row, words):
    with pytest.raises(UsageError, match=words) as refused:
        events_of(config(row), TYPE1)
    assert "events[0]" in str(refused.value)


def test_spread_makes_a_lognormal_parameter_with_its_source():
    made = model_of(config(between_patients={"gb": "10 %"}, between_patients_source="Nobody 2024"))
    assert made.eta_names == ("gb",)
    np.testing.assert_allclose(made.omega, [[np.log(1.01)]])
    assert made.numbers["gb"].value == TYPE1.parameter("gb").default
    both = from_mapping({"kind": "organ", "model": "glucose_healthy", "between_patients": {"alpha": "20 %"}})
    assert set(model_of(both).eta_names) == {"gb", "ib", "egpb", "kabs", "kp3", "vmx", "beta", "k", "alpha"}
    with pytest.raises(UsageError, match="no organ"):
        model_of(from_mapping({"kind": "organ"}))
    with pytest.raises(UsageError, match="between_patients: has no effect"):
        from_mapping({"kind": "cohort_pk", "between_patients": {"cl": "10 %"}})


def test_the_report_says_who_is_within_normal_ranges(tmp_path):
    words = ["population.size=12", "times.count=25", f"out={tmp_path}/r", "progress=none"]
    assert command("+experiment=organ_glucose", *words).code == 0
    page = (tmp_path / "r" / "report.html").read_text()
    with xarray.open_datatree(tmp_path / "r" / "results.h5") as tree:
        first = tree["parameters/gb"].to_numpy()  # each patient begins at rest
        np.testing.assert_allclose(tree["glucose"].to_numpy()[:, 0], first, rtol=1e-5)
    assert "Clinical outputs" in page and "70 to 99" in page
    assert f">{100 * np.mean((first >= 70.0) & (first <= 99.0)):.0f} %<" in page


def test_needs_become_numbers_of_the_run():
    model = twinsim.population_model(model_of(config(model="organs/ventricular_myocyte")).document)
    bound = with_constants(model, {"concentration": "2 umol/L"})
    assert bound.structure.need_names == ("plasma_potassium",)
    assert bound.structure.parameter("concentration").default == 2000.0
    assert bound.identity != with_constants(model, {"concentration": "3 umol/L"}).identity
    assert with_constants(model, {}) is model
    for inputs, words in (({"conc": "2 nmol/L"}, "does not need"), ({"concentration": "2 mg"}, "does not fit")):
        with pytest.raises(UsageError, match=words) as refused:
            with_constants(model, inputs)
        assert "inputs.conc" in str(refused.value)
