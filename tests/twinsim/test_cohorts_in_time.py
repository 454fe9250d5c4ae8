"""Cohorts whose covariates change and that have occasions, against predictions for the same patients as records."""

import numpy as np
import pandas as pd
import pytest

import twinsim
from twinsim.errors import UsageError
from twinsim.population.timed import TimedCovariate

MODEL = {
    "name": "growing",
    "title": "One oral compartment in someone whose weight changes",
    "source": "assumed",
    "structure": "pk/one_compartment_oral",
    "covariates": {"weight": {"unit": "kg", "typical": 70}, "crp": {"unit": "mg/L", "typical": 5}},
    "parameters": {
        "cl": {
            "value": "4 L/h",
            "relations": [{"allometric": {"covariate": "weight", "reference": "70 kg", "exponent": 0.75}}],
        },
        "v": {"value": "0.5 L/kg", "relations": [{"proportional": {"covariate": "weight"}}]},
        "ka": {"value": "1 1/h"},
        "lag": {
            "value": "0.5 h",
            "relations": [{"linear": {"covariate": "crp", "reference": "5 mg/L", "slope": "0.1 L/mg"}}],
        },
        "f": {"value": "80 %"},
    },
    "between_patients": [{"parameter": "cl", "sd": 0.3}],
    "between_occasions": [{"parameter": "cl", "sd": 0.2}, {"parameter": "v", "sd": 0.1}],
}
WITHOUT_OCCASIONS = {key: value for key, value in MODEL.items() if key != "between_occasions"}
POINTS = {  # weight: other points for each patient, one at a dose, one at an output
    7: ([0.0, 10.0, 24.0, 31.0], [60.0, 70.0, 90.0, 80.0]),
    9: ([5.0, 24.0], [80.0, 50.0]),
    4: ([12.0], [75.0]),
}
CRP = {7: ([0.0, 11.0, 40.0], [5.0, 9.0, 2.0]), 9: ([0.0, 24.0], [4.0, 8.0]), 4: ([0.0], [6.0])}
TIMES = np.array([0.0, 2.0, 6.0, 12.0, 24.0, 26.0, 31.0, 40.0, 48.0])
UNITS = {"AMT": "mg", "DV": "mg/L", "WT": "kg", "CRP": "mg/L"}
REGIMEN = {"interval": 12.0, "count": 4}
EXACT = {"precision": "float64", "rtol": 1e-10}
NOBODY_DIFFERS = {**EXACT, "random_effects": False}


def timed(points, way):
    return TimedCovariate.of_points([t for t, _ in points.values()], [v for _, v in points.values()], way)


def cohort(way, crp="locf"):
    covariates = {"weight": timed(POINTS, way), "crp": timed(CRP, crp)}
    return twinsim.Cohort(list(POINTS), covariates, {"weight": "kg", "crp": "mg/L"})


def as_records(people, amounts, ways):
    """The same patients as a table: a record wherever anything happens, with the covariates of that moment."""
    rows = []
    for number, patient in enumerate(people.ids):
        moments = sorted({*TIMES, *amounts, *POINTS[patient][0], *CRP[patient][0]})
        for t in moments:
            now = people.at(t)
            base = {"ID": patient, "TIME": t, "WT": now["weight"][number], "CRP": now["crp"][number]}
            if t in amounts:
                rows.append({**base, "EVID": 1, "AMT": amounts[t][number], "DV": np.nan})
            rows.append({**base, "EVID": 0 if t in TIMES else 2, "AMT": 0.0, "DV": np.nan})
    return twinsim.read_records(pd.DataFrame(rows), units=UNITS, interpolation=ways)


def curves(predicted, people, column="PRED"):
    """(time, patient) at TIMES, from one prediction per record."""
    seen = predicted[predicted["EVID"] == 0]
    return np.stack([seen.loc[seen["ID"] == patient, column].to_numpy() for patient in people.ids], axis=1)


@pytest.mark.parametrize("way, crp", [("nocb", "locf"), ("linear", "linear")])
def test_a_cohort_is_its_records(way, crp):
    people = cohort(way, crp)
    given = twinsim.simulate(WITHOUT_OCCASIONS, people, twinsim.regimen(100, **REGIMEN), times=TIMES, **NOBODY_DIFFERS)
    amounts = {12.0 * i: np.full(3, 100.0) for i in range(4)}
    expected = curves(
        twinsim.predict(WITHOUT_OCCASIONS, as_records(people, amounts, {"WT": way, "CRP": crp}), rtol=1e-10), people
    )
    assert (given.status == 0).all()
    assert given["concentration"] == pytest.approx(expected, abs=1e-7 * expected.max())
    assert given.job.program.problem.solver.tier == ("explicit" if way == "linear" else "closed")


def test_amounts_per_kg_take_the_weight_of_the_dose():
    people, way = cohort("locf"), "locf"
    events = twinsim.regimen(2.0, per="kg", **REGIMEN)
    given = twinsim.simulate(WITHOUT_OCCASIONS, people, events, times=TIMES, **NOBODY_DIFFERS)
    amounts = {12.0 * i: 2.0 * people.at(12.0 * i)["weight"] for i in range(4)}
    expected = curves(
        twinsim.predict(WITHOUT_OCCASIONS, as_records(people, amounts, {"WT": way, "CRP": "locf"}), rtol=1e-10), people
    )
    assert given["concentration"] == pytest.approx(expected, abs=1e-7 * expected.max())


def test_a_run_can_be_continued():
    people, events = cohort("nocb", "locf"), twinsim.regimen(100, **REGIMEN)
    whole = twinsim.simulate(MODEL, people, events, times=TIMES, occasions=[0.0, 24.0], seed=3, **EXACT)
    first = twinsim.simulate(MODEL, people, events, times=TIMES[:6], occasions=[0.0, 24.0], seed=3, **EXACT)
    rest = twinsim.simulate(
        MODEL, people, events, times=TIMES[6:], occasions=[0.0, 24.0], seed=3, start=first.final, **EXACT
    )
    joined = np.concatenate([first["concentration"], rest["concentration"]])
    assert joined == pytest.approx(whole["concentration"], rel=1e-6)
    assert rest["parameters/cl"] == pytest.approx(whole["parameters/cl"])


def test_a_line_that_enters_no_parameter_keeps_the_closed_solution():
    constant = twinsim.Cohort(
        [1, 2],
        {"weight": [70.0, 80.0], "crp": [5.0, 5.0], "mood": timed({1: ([0, 9], [1, 2]), 2: ([0], [3])}, "linear")},
        {"weight": "kg", "crp": "mg/L", "mood": "1"},
    )
    given = twinsim.simulate(MODEL, constant, twinsim.regimen(100), times=TIMES)
    assert given.job.program.problem.solver.tier == "closed" and given.job.segments == (None,)
    assert given["covariates/mood"].tolist() == [1.0, 3.0]


def test_a_line_is_refused_by_the_closed_solution():
    with pytest.raises(UsageError, match="cannot follow weight along straight lines"):
        twinsim.simulate(MODEL, cohort("linear"), twinsim.regimen(100), times=TIMES, solver="closed")


def test_what_is_told_is_what_was_at_the_beginning():
    given = twinsim.simulate(WITHOUT_OCCASIONS, cohort("nocb"), twinsim.regimen(100), times=TIMES, **NOBODY_DIFFERS)
    assert given["covariates/weight"].tolist() == [60.0, 80.0, 75.0]
    assert given["parameters/v"] == pytest.approx([30.0, 40.0, 37.5])
    assert given.to_xarray()["v"].attrs["long_name"].endswith("at the beginning")


STARTS = [0.0, 24.0, 36.0]


@pytest.fixture(scope="module")
def of_occasions():
    people = twinsim.sample_cohort(40, seed=11)
    people = twinsim.Cohort(
        people.ids, {"weight": people.covariates["weight"], "crp": np.full(40, 5.0)}, {"weight": "kg", "crp": "mg/L"}
    )
    events = twinsim.regimen(100, **REGIMEN)
    return people, twinsim.simulate(MODEL, people, events, times=TIMES, occasions=STARTS, seed=5, **EXACT)


def test_each_occasion_has_parameters_of_its_own(of_occasions):
    people, given = of_occasions
    model = twinsim.population_model(MODEL)
    etas = np.asarray(model.draw_etas(5, people.ids))
    for occasion in range(3):
        own = np.asarray(model.draw_occasion_etas(5, people.ids, occasion=occasion))
        cl = 4.0 * (people.covariates["weight"] / 70.0) ** 0.75 * np.exp(etas[0] + own[0])
        v = 0.5 * people.covariates["weight"] * np.exp(own[1])
        assert given["parameters/cl"][occasion] == pytest.approx(cl, rel=1e-12)
        assert given["parameters/v"][occasion] == pytest.approx(v, rel=1e-12)
    assert np.std(np.log(given["parameters/v"][1] / given["parameters/v"][0])) > 0.05
    assert (given["parameters/ka"] == 1.0).all()


def test_simulated_occasions_are_predicted_occasions(of_occasions):
    people, given = of_occasions
    model = twinsim.population_model(MODEL)
    rows = []
    for number, patient in enumerate(people.ids[:5]):
        base = {"ID": patient, "WT": people.covariates["weight"][number], "CRP": 5.0, "DV": np.nan}
        for t in sorted({*TIMES, *STARTS}):
            occasion = int(np.searchsorted(STARTS, t, side="right"))
            if t in STARTS[1:]:  # the time since the record before belongs to this record's occasion
                rows.append({**base, "TIME": t, "EVID": 2, "AMT": 0.0, "OCC": occasion - 1})
            if t % 12 == 0 and t < 48:
                rows.append({**base, "TIME": t, "EVID": 1, "AMT": 100.0, "OCC": occasion})
            rows.append({**base, "TIME": t, "EVID": 0 if t in TIMES else 2, "AMT": 0.0, "OCC": occasion})
    records = twinsim.read_records(pd.DataFrame(rows), units=UNITS)
    effects = np.stack([model.draw_occasion_etas(5, people.ids[:5], occasion=i) for i in range(3)], axis=1)
    predicted = twinsim.predict(model, records, etas=model.draw_etas(5, people.ids[:5]), occasion_etas=effects)
    expected = curves(predicted, people.take(slice(0, 5)), "IPRED")
    assert given["concentration"][:, :5] == pytest.approx(expected, rel=1e-9)


def test_occasions_leave_everything_else_as_it_was(of_occasions):
    people, given = of_occasions
    model, plain = twinsim.population_model(MODEL), twinsim.population_model(WITHOUT_OCCASIONS)
    assert np.array_equal(model.draw_etas(5, people.ids), plain.draw_etas(5, people.ids))
    one = twinsim.simulate(MODEL, people, twinsim.regimen(100, **REGIMEN), times=TIMES, seed=5, **EXACT)
    assert one["parameters/cl"].shape == (40,)
    assert one["parameters/cl"] == pytest.approx(given["parameters/cl"][0], rel=1e-14)
    before = TIMES < STARTS[1]
    assert one["concentration"][before] == pytest.approx(given["concentration"][before], rel=1e-12)
    later = one["concentration"][TIMES > STARTS[1]] / given["concentration"][TIMES > STARTS[1]]
    assert np.abs(np.log(later)).min(axis=0).max() > 0.01


def test_explicit_and_closed_agree_on_occasions(of_occasions):
    people, given = of_occasions
    stepped = twinsim.simulate(
        MODEL,
        people,
        twinsim.regimen(100, **REGIMEN),
        times=TIMES,
        occasions=STARTS,
        seed=5,
        solver="explicit",
        **EXACT,
    )
    assert stepped["concentration"] == pytest.approx(given["concentration"], rel=1e-7)


def test_occasions_in_a_results_file(of_occasions, tmp_path):
    _, given = of_occasions
    data = twinsim.open_results(given.save(tmp_path / "results.h5"), groups=True)
    assert data["parameters"]["cl"].dims == ("patient", "occasion")
    assert data["occasion_start"].values.tolist() == STARTS
    assert data["parameters/cl"].values == pytest.approx(given["parameters/cl"].T)
    assert given.to_xarray()["cl"].dims == ("patient", "occasion")


@pytest.mark.parametrize(
    "model, occasions, words",
    [(WITHOUT_OCCASIONS, [0, 24], "differs between occasions"), (MODEL, [24, 0], "rising"), (MODEL, [], "rising")],
)
def test_occasions_that_cannot_be(model, occasions, words):
    with pytest.raises(UsageError, match=words):
        twinsim.simulate(model, 3, twinsim.regimen(100), times=TIMES, occasions=occasions, covariates={"crp": 5.0})


def test_a_swept_covariate_takes_the_place_of_one_that_changes():
    people, events = cohort("linear", "linear"), twinsim.regimen(100, **REGIMEN)
    given = twinsim.simulate(
        WITHOUT_OCCASIONS, people, events, times=TIMES, covariates={"weight": 70.0, "crp": 5.0}, **NOBODY_DIFFERS
    )
    alone = twinsim.simulate(WITHOUT_OCCASIONS, None, events, times=TIMES, solver="explicit", **EXACT)
    assert given["concentration"] == pytest.approx(np.repeat(alone["concentration"], 3, axis=1), rel=1e-7)
