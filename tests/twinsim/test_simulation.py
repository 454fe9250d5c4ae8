"""Simulation in memory against closed forms, SciPy, and itself in parts."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import twinsim
from twinsim.errors import DataError, ModelError, UsageError
from twinsim.events import Events

EXACT = {"precision": "float64", "endpoints": ()}
TIMES = np.array([0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 20.0, 24.0])
BODY = {"weight": [60.0, 80.0, 100.0], "height": [160.0, 170.0, 180.0]}
UNITS = {"weight": "kg", "height": "cm"}
MODEL = {
    "name": "per_weight",
    "title": "One compartment, clearance and volume in proportion to weight",
    "source": "assumed",
    "structure": "pk/one_compartment_iv",
    "covariates": {"weight": {"typical": 70}},
    "parameters": {
        "cl": {"value": "0.05 L/h/kg", "relations": [{"proportional": {"covariate": "weight"}}]},
        "v": {"value": "0.4 L/kg", "relations": [{"proportional": {"covariate": "weight"}}]},
    },
    "between_patients": [{"parameter": "cl", "sd": 0.3}],
    "residual": {"concentration": {"model": "proportional", "proportional": {"sd": "10 %"}}},
}


def bolus(t, amount, cl, v):
    """One compartment after a bolus at 0, whichever axis t has."""
    return amount / v * np.exp(-cl / v * t)


@pytest.fixture(scope="module")
def people():
    return twinsim.Cohort([3, 5, 8], BODY, UNITS)


@pytest.fixture(scope="module")
def iv():
    return twinsim.structure("pk/one_compartment_iv")


@pytest.mark.parametrize("solver", ["closed", "explicit"])
def test_a_bare_structure_with_its_parameters(iv, solver):
    events = twinsim.regimen(100, route="iv")
    given = twinsim.simulate(iv, None, events, {"cl": 3.0, "v": 20.0}, TIMES, solver=solver, rtol=1e-10, **EXACT)
    assert given["concentration"][:, 0] == pytest.approx(bolus(TIMES, 100, 3.0, 20.0), rel=1e-8)
    assert given["parameters/cl"].tolist() == [3.0] and given.status.tolist() == [0]


def test_a_structure_of_ones_own_needs_no_name():
    """Michaelis-Menten at half the speed under a shipped structure's name: its own equations must be used."""
    shipped = twinsim.structure("pk/one_compartment_mm")
    slow = replace(shipped, rates=lambda t, x, p, u: {"central": -0.5 * p.vmax * x.central / (p.km * p.v + x.central)})
    parameters = {"vmax": 10.0, "km": 4.0, "v": 20.0}
    for structure, speed in ((shipped, 1.0), (slow, 0.5)):
        given = twinsim.simulate(
            structure, None, twinsim.regimen(200, route="iv"), parameters, TIMES, rtol=1e-10, **EXACT
        )
        path = solve_ivp(
            lambda t, a, s=speed: -s * 10.0 * a / (80.0 + a), (0, 24), [200.0], "DOP853", TIMES, rtol=1e-11, atol=1e-12
        )
        assert given["concentration"][:, 0] == pytest.approx(path.y[0] / 20.0, rel=1e-7)


def test_one_typical_patient_without_a_cohort():
    given = twinsim.simulate(MODEL, None, twinsim.regimen(100, route="iv"), times=TIMES, **EXACT)
    assert given["concentration"][:, 0] == pytest.approx(bolus(TIMES, 100, 3.5, 28.0), rel=1e-12)
    assert given["covariates/weight"].tolist() == [70.0]


def test_patients_are_their_covariates_and_random_effects(people):
    given = twinsim.simulate(MODEL, people, twinsim.regimen(100, route="iv"), times=TIMES, seed=4, **EXACT)
    etas = np.asarray(twinsim.population_model(MODEL).draw_etas(4, people.ids))[0]
    weight = np.asarray(BODY["weight"])
    cl, v = 0.05 * weight * np.exp(etas), 0.4 * weight
    assert given["parameters/cl"] == pytest.approx(cl, rel=1e-12)
    assert given["concentration"] == pytest.approx(bolus(TIMES[:, None], 100, cl, v), rel=1e-12)
    assert given["covariates/bsa"] == pytest.approx(0.007184 * np.array(BODY["height"]) ** 0.725 * weight**0.425)


def test_values_in_place_of_the_patients_own(people):
    given = twinsim.simulate(
        MODEL, people, twinsim.regimen(100, route="iv"), {"cl": 2.0}, TIMES, covariates={"weight": 50.0}, **EXACT
    )
    assert given["concentration"] == pytest.approx(np.repeat(bolus(TIMES[:, None], 100, 2.0, 20.0), 3, axis=1))
    assert given["parameters/cl"].tolist() == [2.0] * 3 and given["covariates/weight"].tolist() == [50.0] * 3


@pytest.mark.parametrize(
    "per, factor",
    [("kg", BODY["weight"]), ("m2", 0.007184 * np.array(BODY["height"]) ** 0.725 * np.array(BODY["weight"]) ** 0.425)],
)
def test_amounts_per_kg_and_per_m2(people, per, factor):
    events = twinsim.regimen(10, per=per, route="iv")
    given = twinsim.simulate(MODEL, people, events, times=TIMES, random_effects=False, **EXACT)
    weight = np.asarray(BODY["weight"])
    expected = bolus(TIMES[:, None], 10 * np.asarray(factor), 0.05 * weight, 0.4 * weight)
    assert given["concentration"] == pytest.approx(expected, rel=1e-12)


def test_rates_per_kg(people):
    """10 mg/kg at 5 mg/kg/h run for two hours in everyone."""
    shared = {"times": TIMES, "random_effects": False, "precision": "float64"}
    by_rate = twinsim.simulate(MODEL, people, twinsim.regimen(10, per="kg", rate=5, route="iv"), **shared)
    by_time = twinsim.simulate(MODEL, people, twinsim.regimen(10, per="kg", duration=2, route="iv"), **shared)
    assert by_rate["concentration"] == pytest.approx(by_time["concentration"], rel=1e-12)


@pytest.mark.parametrize("per, name", [("kg", "weight"), ("m2", "body surface area|bsa")])
def test_amounts_per_something_nobody_has(iv, per, name):
    with pytest.raises(UsageError, match=f"per {per} needs the patients' ({name})"):
        twinsim.simulate(iv, None, twinsim.regimen(10, per=per, route="iv"), times=TIMES)


def test_a_missing_covariate_is_named():
    few = twinsim.Cohort([1], {"height": [170.0]}, {"height": "cm"})
    with pytest.raises(DataError, match="weight is missing"):
        twinsim.simulate(MODEL, few, twinsim.regimen(100, route="iv"), times=TIMES)


def test_each_patient_at_times_of_its_own(people):
    own = [[1.0, 3.0, 9.0], [2.0], [0.0, 5.0]]
    given = twinsim.simulate(
        MODEL, people, twinsim.regimen(100, route="iv"), times=own, random_effects=False,
        precision="float64", endpoints=("cmax", "auc", "trough"), observed=True,
    )  # fmt: skip
    for number, (row, weight) in enumerate(zip(own, BODY["weight"], strict=True)):
        expected = bolus(np.array(row), 100, 0.05 * weight, 0.4 * weight)
        column = given["concentration"][:, number]
        assert column[: len(row)] == pytest.approx(expected, rel=1e-12)
        assert (
            np.isnan(column[len(row) :]).all() and np.isnan(given["concentration_observed"][len(row) :, number]).all()
        )
        assert given["endpoints/cmax"][number] == pytest.approx(expected.max())
        assert given["endpoints/auc"][number] == pytest.approx((expected[0] - expected[-1]) / 0.125, rel=1e-7)
        assert given["endpoints/trough"][number] == pytest.approx(expected.min())
    assert given.final["time"].tolist() == [9.0, 2.0, 5.0]
    data = given.to_xarray()
    assert data["concentration"].dims == ("patient", "record")
    assert data["record_time"].values[0].tolist() == own[0] and np.isnan(data["record_time"].values[1, 1])
    assert given.job.reducers == ()


def test_times_of_patients_as_an_array_equal_common_times(people):
    events = twinsim.regimen(100, route="iv", interval=6, count=3)
    common = twinsim.simulate(MODEL, people, events, times=TIMES, **EXACT)
    each = twinsim.simulate(MODEL, people, events, times=np.tile(TIMES, (3, 1)), **EXACT)
    assert each["concentration"] == pytest.approx(common["concentration"], rel=1e-12)


@pytest.mark.parametrize(
    "times, words",
    [
        ([], "list of finite numbers"),
        (5.0, "list of finite numbers"),
        ([0.0, np.nan], "list of finite numbers"),
        ([2.0, 1.0], "out of order"),
        ([1.0, 1.0], "twice"),
        ([[1.0], [2.0]], "times of 2 patients"),
        ([[1.0], [2.0, 1.0], [1.0]], "out of order"),
        ([[1.0], [np.nan, 1.0], [1.0]], "list of finite numbers"),
        (None, "when to look"),
    ],
)
def test_times_that_cannot_be(people, times, words):
    with pytest.raises(UsageError, match=words):
        twinsim.simulate(MODEL, people, twinsim.regimen(100, route="iv"), times=times)


def test_events_of_each_patient(people):
    rows = [
        {"time": 0.0, "kind": "add", "target": "iv", "value": 100.0},
        {"time": 4.0, "kind": "add", "target": "iv", "value": 50.0, "patient": 1},
        {"time": 8.0, "kind": "rate", "target": "iv", "value": 30.0, "duration": 2.0, "patient": 2},
    ]
    given = twinsim.simulate(
        MODEL, people, Events.of(rows), times=TIMES, random_effects=False, precision="float64", endpoints=("trough",)
    )
    weight = np.asarray(BODY["weight"])
    cl, v = 0.05 * weight, 0.4 * weight
    expected = bolus(TIMES[:, None], 100, cl, v)
    expected[:, 1] += np.where(TIMES >= 4, bolus(TIMES - 4, 50, cl[1], v[1]), 0.0)
    k = cl[2] / v[2]
    running = 15.0 / cl[2] * (1 - np.exp(-k * np.clip(TIMES - 8, 0, 2))) * np.exp(-k * np.maximum(TIMES - 10, 0))
    expected[:, 2] += np.where(TIMES > 8, running, 0.0)
    assert given["concentration"] == pytest.approx(expected, rel=1e-9)
    since = np.array([0.0, 4.0, 8.0])
    troughs = [expected[TIMES > since[i], i].min() for i in range(3)]
    assert given["endpoints/trough"] == pytest.approx(troughs)


@pytest.mark.parametrize("solver", ["closed", "explicit"])
def test_a_run_goes_on_where_it_stopped(people, solver):
    events = twinsim.regimen(100, route="iv", interval=6, count=4, duration=3)
    options = {"solver": solver, "rtol": 1e-10, **EXACT}
    whole = twinsim.simulate(MODEL, people, events, times=TIMES, **options)
    first = twinsim.simulate(MODEL, people, events, times=TIMES[:5], **options)  # ends within an infusion
    rest = twinsim.simulate(MODEL, people, events, times=TIMES[5:], start=first.final, **options)
    joined = np.concatenate([first["concentration"], rest["concentration"]])
    assert joined == pytest.approx(whole["concentration"], rel=1e-7)
    assert rest.final["central"] == pytest.approx(whole.final["central"], rel=1e-7)


def test_residual_error_scatters_about_the_curve():
    many = twinsim.simulate(
        MODEL, 4000, twinsim.regimen(100, route="iv"), times=[1.0, 2.0], observed=True, random_effects=False, **EXACT
    )
    error = many["concentration_observed"] / many["concentration"] - 1.0
    assert error.mean() == pytest.approx(0.0, abs=4 * 0.1 / np.sqrt(error.size))
    assert error.std() == pytest.approx(0.1, rel=4 / np.sqrt(2 * error.size))
    assert abs(np.corrcoef(error)[0, 1]) < 4 / np.sqrt(4000)


def test_a_failed_patient_is_a_row_with_a_code():
    sick = twinsim.Cohort([1, 2], {"weight": [70.0, -70.0]}, {"weight": "kg"})
    given = twinsim.simulate(MODEL, sick, twinsim.regimen(100, route="iv"), times=TIMES, endpoints=("cmax",))
    assert given.status.tolist()[0] == 0 and given.status.tolist()[1] != 0
    assert np.isfinite(given["concentration"][:, 0]).all() and np.isnan(given["concentration"][:, 1]).all()
    assert np.isnan(given["endpoints/cmax"][1])


def test_without_events_states_go_on(iv):
    given = twinsim.simulate(iv, times=[0.0, 1.0], **EXACT)
    assert given["concentration"].tolist() == [[0.0], [0.0]]


def test_results_by_name_and_on_disk(people, tmp_path):
    given = twinsim.simulate(MODEL, people, twinsim.regimen(100, route="iv"), times=TIMES, seed=9)
    with pytest.raises(UsageError, match="no 'concentrations'"):
        given["concentrations"]
    with twinsim.open_results(given.save(tmp_path / "one.h5"), groups=True) as data:
        assert data["concentration"].dims == ("patient", "time") and data["concentration"].attrs["units"] == "mg/L"
        assert data["patient"].values.tolist() == [3, 5, 8]
        assert np.array_equal(data["concentration"].values, given["concentration"].T)
        assert np.array_equal(data["endpoints/cmax"].values, given["endpoints/cmax"])
        assert data.attrs["seed"] == 9


@pytest.mark.parametrize(
    "change, error, words",
    [
        ({"outputs": ["conc"]}, ModelError, "no output 'conc'"),
        ({"parameters": {"c": 1.0}}, ModelError, "no parameter 'c'"),
        ({"covariates": {"wieght": 1.0}}, UsageError, "weight"),
        ({"cohort": 0}, UsageError, "how many patients"),
        ({"seed": -1}, UsageError, "seed"),
        ({"endpoints": ("cmaxx",)}, UsageError, "cmax"),
        ({"solver": "magic"}, UsageError, "unknown solver"),
        ({"precision": "float16"}, UsageError, "unknown precision"),
        ({"events": Events.of([{"time": 0.0, "kind": "add", "target": "oral", "value": 1.0}])}, ModelError, "oral"),
        (
            {"events": Events.of([{"time": 0.0, "kind": "add", "target": "iv", "value": 1.0, "patient": 3}])},
            DataError,
            "patient 3",
        ),
    ],
)
def test_what_cannot_be_run(people, change, error, words):
    arguments = {"cohort": people, "events": twinsim.regimen(100, route="iv"), "times": TIMES, **change}
    with pytest.raises(error, match=words):
        twinsim.simulate(MODEL, **arguments)
