"""Each patient by itself: status codes, failures beside sound patients, steady states, runs that go on."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import twinsim
from kernels import status
from twinsim.errors import REMEDIES
from twinsim.models.structure import POSITIVE, Parameter, Port, Route, State, Structure
from twinsim.population.cohort import Cohort
from twinsim.prediction import predict_structure
from twinsim.solve import Solver

ITEMS = {"EVID": 0, "AMT": 0.0, "CMT": 0, "RATE": 0.0, "DUR": 0.0, "II": 0.0, "ADDL": 0, "SS": 0}
ORAL, IV, MM = (twinsim.structure(f"pk/one_compartment_{way}") for way in ("oral", "iv", "mm"))
GRID = [0.5, 2.0, 5.0, 11.0, 23.0]


def read(*patients, grid=GRID):
    """Records; each patient by its dose rows, looked at on the grid."""
    rows = [
        {"ID": i, **ITEMS, **row}
        for i, own in enumerate(patients)
        for row in sorted([*own, *({"TIME": t} for t in grid)], key=lambda row: row["TIME"])
    ]
    return twinsim.read_records(pd.DataFrame(rows), units={"AMT": "mg"})


def dose(time=0.0, **items):
    return {"TIME": time, "EVID": 1, "AMT": 100.0, "CMT": 1, **items}


def assert_only_the_first_failed(code, structure, records, parameters, sound, **options):
    """Patient 0 has the code and NaN; patient 1's bits are those it has beside a sound patient 0."""
    got, found = predict_structure(structure, records, parameters, **options)
    beside, fine = predict_structure(structure, records, {**parameters, **sound}, **options)
    assert found.tolist() == [code, status.OK] and fine.tolist() == [status.OK, status.OK]
    first = records.patient == 0
    assert np.isnan(got[first]).all() and np.isfinite(beside).all()
    assert got[~first].tolist() == beside[~first].tolist()


def test_every_code_has_a_name_and_a_remedy():
    assert set(REMEDIES) == set(status.NAMES.values()) - {"ok"}


@pytest.mark.parametrize("solver", ["closed", "linear", "explicit", "stiff"])
@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_bad_parameter(solver, bad):
    ka = np.array([bad, 1.0])
    assert_only_the_first_failed(
        status.BAD_PARAMETER, ORAL, read([dose()], [dose()]), {"ka": ka}, {"ka": np.array([2.0, 1.0])}, solver=solver
    )


def test_max_steps():
    solver = Solver("explicit", "float64", 1e-6, max_steps=200)
    assert_only_the_first_failed(
        status.MAX_STEPS,
        ORAL,
        read([dose()], [dose()]),
        {"ka": np.array([1e4, 1.0])},
        {"ka": np.array([2.0, 1.0])},
        solver=solver,
    )


@pytest.mark.parametrize("solver", ["closed", "linear", "explicit", "stiff"])
def test_non_finite(solver):
    records = read([dose(AMT=1e37)], [dose(AMT=1e37)])
    v = {"v": np.array([1e-9, 50.0])}
    assert_only_the_first_failed(
        status.NON_FINITE, IV, records, {**v, "cl": 0.0}, {"v": np.array([40.0, 50.0])}, solver=solver,
        precision="float32",
    )  # fmt: skip


def test_step_too_small():
    """x' = x^2 from x0 has a pole at 1/x0, which no step passes."""
    pole = Structure(
        name="pole",
        parameters=(Parameter("x0", "mg", 0.01, "start", "assumed", POSITIVE),),
        states=(State("x", "mg", "what grows"),),
        routes=(Route("in", to="x"),),
        gives=(Port("value", "mg", "amount", "what grows"),),
        rates=lambda t, x, p, u: {"x": x.x * x.x},
        outputs=lambda t, x, p, u: {"value": x.x},
        start=lambda p, u: {"x": p.x0},
        source="x' = x^2",
    )
    records = read([dose(AMT=1e-12)], [dose(AMT=1e-12)])
    got, found = predict_structure(pole, records, {"x0": np.array([0.1, 0.01])}, solver="explicit")
    assert found.tolist() == [status.STEP_TOO_SMALL, status.OK]
    seen = (records.patient == 1) & (records.evid == 0)
    assert np.isnan(got[records.patient == 0]).all()
    assert got[seen] == pytest.approx(0.01 / (1 - 0.01 * np.array(GRID)), rel=1e-7)


@pytest.mark.parametrize("solver", ["closed", "linear", "explicit", "stiff"])
def test_no_steady_state_without_elimination(solver):
    records = read([dose(SS=1, II=6.0)], [dose(SS=1, II=6.0)])
    cl = {"cl": np.array([0.0, 5.0])}
    assert_only_the_first_failed(status.NO_STEADY_STATE, IV, records, cl, {"cl": np.array([4.0, 5.0])}, solver=solver)


def test_no_steady_state_above_the_capacity_to_eliminate():
    """50 mg/h are given in four ways; vmax 49 mg/h cannot take them, 90 mg/h can."""
    boluses, constant = dose(SS=1, II=2.0), dose(AMT=0.0, RATE=50.0, SS=1)
    ways = (boluses, dose(RATE=60.0, SS=1, II=2.0), dose(RATE=30.0, SS=1, II=2.0), constant)
    records = read(*([way] for way in ways for _ in range(2)))
    got, found = predict_structure(MM, records, {"vmax": np.tile([49.0, 90.0], 4)})
    assert found.tolist() == [status.NO_STEADY_STATE, status.OK] * 4
    assert (np.isnan(got) == (records.patient % 2 == 0)).all()


@pytest.mark.parametrize("solver", ["closed", "linear", "explicit", "stiff"])
def test_too_many_events(solver):
    """Only the patient's own duration says that 25 infusions run at once."""
    given = dose(RATE=-2, SS=1, II=4.0)
    duration = {"duration": np.array([100.0, 5.0])}
    assert_only_the_first_failed(
        status.TOO_MANY_EVENTS, IV, read([given], [given]), duration, {"duration": np.array([3.0, 5.0])}, solver=solver
    )


@pytest.mark.parametrize("solver", ["closed", "linear", "explicit", "stiff"])
def test_an_infusion_that_lags_longer_than_its_interval_has_no_steady_state_here(solver):
    lag = Parameter("late", "h", 0.0, "lag", "assumed", POSITIVE)
    routes = (replace(IV.routes[0], lag="late"),)
    own = replace(IV, name="late", parameters=(*IV.parameters, lag), routes=routes)
    given, late = dose(RATE=50.0, SS=1, II=6.0), {"late": np.array([8.0, 5.0])}
    assert_only_the_first_failed(
        status.NO_STEADY_STATE, own, read([given], [given]), late, {"late": np.array([4.0, 5.0])}, solver=solver
    )


SATURABLE = {
    "boluses": dose(SS=1, II=8.0),
    "boluses near the capacity": dose(AMT=320.0, SS=1, II=8.0),
    "infusions": dose(RATE=50.0, SS=1, II=8.0),
    "infusions that overlap": dose(RATE=12.0, SS=1, II=6.0),
    "as long as the interval": dose(RATE=12.5, SS=1, II=8.0),
}


def test_saturable_steady_state_is_the_long_run():
    """Vmax 50 mg/h, Km 5 mg/L, V 10 L: the same doses given 100 times before, observed from the last one on."""
    at_once, fine = predict_structure(MM, read(*([given] for given in SATURABLE.values())), {"v": 10.0}, rtol=1e-10)
    runs = [
        [{**given, "SS": 0, "ADDL": 100}, *({"TIME": 100 * given["II"] + t} for t in GRID)]
        for given in SATURABLE.values()
    ]
    long, sound = predict_structure(MM, read(*runs, grid=()), {"v": 10.0}, rtol=1e-10)
    assert not fine.any() and not sound.any()
    got = at_once.reshape(len(SATURABLE), -1)[:, 1:]
    expected = long.reshape(len(SATURABLE), -1)[:, 1:]
    assert got.max() > 20.0
    assert got == pytest.approx(expected, rel=1e-6)


def test_turnover_steady_state_is_the_long_run():
    structure = twinsim.structure("pkpd/one_compartment_oral_turnover")
    options = {"output": "pca", "rtol": 1e-10}
    given = dose(SS=1, II=24.0, AMT=20.0)
    at_once, fine = predict_structure(structure, read([given]), {}, **options)
    run = read([{**given, "SS": 0, "ADDL": 60}, *({"TIME": 1440.0 + t} for t in GRID)], grid=())
    long, _ = predict_structure(structure, run, {}, **options)
    assert fine.tolist() == [status.OK] and at_once[1:].min() < 85.0
    assert at_once[1:] == pytest.approx(long[1:], rel=1e-6)


def cohort(size=5):
    return Cohort(np.arange(size), {"weight": np.linspace(50.0, 90.0, size)}, {"weight": "kg"})


EVENTS = (
    twinsim.regimen(100, interval=12, count=3)
    + twinsim.regimen(4, per="kg", route="iv", duration=9, start=5)
    + twinsim.regimen(30, route="iv", start=20)
)


@pytest.mark.parametrize("solver", ["closed", "linear", "explicit", "stiff"])
def test_many_at_once_are_each_by_itself_to_the_bit(solver):
    people, options = cohort(), {"times": GRID, "solver": solver, "endpoints": ()}
    together = twinsim.simulate(ORAL, people, EVENTS, **options)["concentration"]
    assert np.unique(together[-1]).size == people.size
    for i in (0, 3):
        alone = twinsim.simulate(ORAL, people.take([i]), EVENTS, **options)["concentration"]
        assert alone[:, 0].tolist() == together[:, i].tolist()


@pytest.mark.parametrize("solver", ["closed", "linear", "explicit", "stiff"])
def test_records_of_many_are_those_of_each(solver):
    patients = [[dose(ADDL=2, II=6.0)], [dose(2.0, CMT=2)], [dose(CMT=2, RATE=20.0), dose(5.0, EVID=4)]]
    lags = np.array([0.3, 0.9, 1.7])
    records = read(*patients)
    together, _ = predict_structure(ORAL, records, {"lag": lags}, solver=solver)
    for i, own in enumerate(patients):
        alone, _ = predict_structure(ORAL, read(own), {"lag": lags[i : i + 1]}, solver=solver)
        assert together[records.patient == i] == pytest.approx(alone, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("solver", ["closed", "linear", "explicit", "stiff"])
@pytest.mark.parametrize("until", [7.0, 12.0])
def test_a_run_that_goes_on_is_the_uninterrupted_one(solver, until):
    """Cut in an infusion, and at the time of a dose that has still to arrive."""
    options = {"solver": solver, "precision": "float64", "endpoints": (), "parameters": {"lag": 1.5}}
    times = [3.0, 7.0, 12.0, 12.5, 14.0, 20.0, 21.0, 30.0]
    people = cohort(2)
    whole = twinsim.simulate(ORAL, people, EVENTS, times=times, **options)["concentration"]
    first = twinsim.simulate(ORAL, people, EVENTS, times=[t for t in times if t <= until], **options)
    rest = [t for t in times if t > until]
    second = twinsim.simulate(ORAL, people, EVENTS, times=rest, start=first.final, **options)
    both = np.concatenate([first["concentration"], second["concentration"]])
    assert both == pytest.approx(whole, rel=1e-12 if solver == "closed" else 1e-8)
    assert first.final["time"].tolist() == [until, until] and rest[0] > until


def test_two_drugs_are_two_drugs():
    """Two structures in one: doses of each arrive in its own compartments, by its own lag."""
    both = twinsim.couple(
        "two_drugs",
        {"a": ORAL, "b": ORAL},
        rename={f"b.{name}": f"{name}_b" for name in (*ORAL.parameter_names, "oral", "iv", "depot", "central")}
        | {"b.concentration": "concentration_b"},
    )
    rows = [dose(CMT=1, ADDL=1, II=6.0), dose(1.0, CMT=3, AMT=40.0), dose(2.0, CMT=4, AMT=60.0, RATE=30.0)]
    values = {"lag": 0.3, "lag_b": 1.2, "cl_b": 9.0, "f_b": 0.5}
    records = read(rows)
    seen = records.evid == 0
    for output, own, p in (
        ("concentration", rows[:1], {"lag": 0.3}),
        ("concentration_b", [{**row, "CMT": row["CMT"] - 2} for row in rows[1:]], {"lag": 1.2, "cl": 9.0, "f": 0.5}),
    ):
        together, _ = predict_structure(both, records, values, output=output, rtol=1e-10)
        alone = read(own)
        expected, _ = predict_structure(ORAL, alone, p, solver="closed")
        assert together[seen] == pytest.approx(expected[alone.evid == 0], abs=1e-7 * expected.max())
