"""Patients who leave the range in which a model was held against people."""

import numpy as np
import pytest

import twinsim
from twinsim.cohort_job import cohort_job
from twinsim.events import Events
from twinsim.models.couple import couple
from twinsim.models.ranges import Range
from twinsim.models.registry import register
from twinsim.models.structure import Parameter, Port, State, Structure
from twinsim.report import sections_of
from twinsim.run.local import execute

SEEN = Range(40.0, 100.0, "Nobody 2020, table 1")


def vessel(name, **more):
    """Pressure follows an inflow; both have a range."""
    return Structure(
        name=name,
        parameters=(
            Parameter("before", "mmHg", 50.0, "pressure at the beginning", "assumed"),
            Parameter("tau", "h", 1.0, "time constant", "assumed"),
            Parameter("gain", "mmHg*h/L", 10.0, "resistance", "assumed", valid=Range(5.0, 20.0, "Nobody 2020")),
        ),
        states=(State("pressure_now", "mmHg", "pressure"),),
        needs=(Port("inflow", "L/h", "flow", "inflow", default=5.0, valid=Range(1.0, 9.0, "Nobody 2020")),),
        gives=(
            Port("pressure", "mmHg", "pressure", "pressure", valid=SEEN),
            Port("half", "mmHg", "pressure", "half of it"),
        ),
        rates=lambda t, x, p, u: {"pressure_now": (u.inflow * p.gain - x.pressure_now) / p.tau},
        outputs=lambda t, x, p, u: {"pressure": x.pressure_now, "half": 0.5 * x.pressure_now},
        start=lambda p, u: {"pressure_now": p.before},
        source="none",
        **more,
    )


def model_of(structure, **typical):
    """Patients whose resistance differs by a table's column."""
    return {
        "title": "a vessel",
        "source": "assumed",
        "structure": structure.name,
        "covariates": {"resistance": {"unit": "mmHg*h/L", "typical": 10}},
        "parameters": {"gain": {"value": "1", "relations": [{"proportional": {"covariate": "resistance"}}]}},
        **typical,
    }


@pytest.fixture(scope="module")
def model():
    return model_of(register(vessel("tests/vessel")))


@pytest.fixture(scope="module")
def cohort():
    values = np.asarray([10.0, 30.0, 2.0, 8.0])
    return twinsim.Cohort(np.arange(4), {"resistance": values}, {"resistance": "mmHg*h/L"})


def test_an_output_nobody_asked_for_and_a_parameter_are_flagged(model, cohort):
    found = twinsim.simulate(model, cohort, times=[0.0, 1.0, 20.0], outputs=["half"])
    assert found["flags/pressure"].tolist() == [0, 2, 1, 0]
    assert found["flags/gain"].tolist() == [0, 2, 1, 0]
    assert "pressure" not in found.arrays and "flags/half" not in found.arrays
    assert found.status.tolist() == [0, 0, 0, 0]
    np.testing.assert_allclose(found["half"][-1], 0.5 * 5.0 * cohort.covariates["resistance"], rtol=1e-5)


@pytest.mark.parametrize("between", ["held", "linear"])
def test_a_trace_is_flagged_wherever_it_goes(model, cohort, between):
    traces = ([[0.0, 1.0]] * 4, [[5.0, 5.0], [0.5, 5.0], [5.0, 9.5], [0.5, 9.5]], between)
    found = twinsim.simulate(model, cohort, times=[0.5, 3.0], inputs={"inflow": traces})
    assert found["flags/inflow"].tolist() == [0, 1, 2, 3]


def test_whoever_fails_is_not_flagged(model, cohort):
    found = twinsim.simulate(model, cohort, times=[20.0], parameters={"tau": -1.0})
    assert (found.status != 0).all() and (found["flags/pressure"] == -1).all()


def test_an_output_is_flagged_in_the_range_of_all_who_take_it(cohort):
    taker = Structure(
        name="tests/taker",
        parameters=(),
        states=(),
        needs=(Port("pressure", "kPa", "pressure", "pressure", valid=Range(4.0, 8.0, "Other 2021")),),
        gives=(Port("seen", "kPa", "pressure", "what it sees"),),
        rates=lambda t, x, p, u: {},
        outputs=lambda t, x, p, u: {"seen": u.pressure},
        source="none",
    )
    both = couple("tests/both", {"vessel": vessel("tests/one_vessel"), "taker": taker})
    valid = both.output("pressure").valid
    mmhg = 101.325 / 760.0
    assert (valid.low, valid.high) == pytest.approx((40.0, 8.0 / mmhg))
    assert valid.source == "Other 2021; Nobody 2020, table 1"
    closed = twinsim.bind(both, {"inflow": 5.0})
    assert (closed.parameter("inflow").valid.low, closed.parameter("inflow").valid.high) == (1.0, 9.0)


def test_runs_count_them_and_reports_name_them(model, cohort, tmp_path):
    job = cohort_job(model, Events.of([]), [0.0, 1.0, 20.0], source=cohort, outputs=["half"])
    outcome = execute(job, tmp_path / "kept", progress="none")
    assert outcome.flagged == {"pressure": 2, "gain": 2} and outcome.exit_code == 0
    sections, _ = sections_of(outcome.path)
    rows = next(each for each in sections if each.heading == "Outside the validated range").table.rows
    assert ["pressure", "pressure", "40 to 100 mmHg", "1", "1", SEEN.source] in rows
    alone = execute(job, tmp_path / "summary", save="summary", progress="none")
    assert alone.flagged == outcome.flagged
