"""The tiers against each other and against SciPy, and float32 against float64, on random patients and regimens."""

import numpy as np
import pandas as pd
import pytest

import twinsim
from kernels import status as codes
from twinsim.models import analysis
from twinsim.prediction import predict_structure
from twinsim.solver import Solver

PATIENTS = 32
STARS = [name for name in twinsim.structures() if analysis.star(twinsim.structure(name)) is not None]
ITEMS = {"EVID": 0, "AMT": 0.0, "CMT": 0, "RATE": 0.0, "DUR": 0.0, "II": 0.0, "ADDL": 0, "SS": 0}
TOLERANCE = {"float64": 1e-6, "float32": 1e-5}


def random_records(structure, rng, steady):
    """Boluses, infusions by rate, duration or the route's own, repeated or not, into any compartment; 14 looks."""
    rows = []
    for patient in range(PATIENTS):
        own = []
        for i in range(3):
            compartment = int(rng.integers(1, len(structure.states) + 1)) if i else 1
            item = {"EVID": 1, "AMT": rng.uniform(10, 200), "CMT": compartment, "TIME": rng.uniform(0, 30) * (i > 0)}
            way = rng.integers(3)
            item |= {"RATE": item["AMT"] / rng.uniform(0.2, 20)} if way == 1 else {}
            item |= {"DUR": rng.uniform(0.2, 20)} if way == 2 else {}
            item |= {"II": rng.uniform(4, 12), "ADDL": int(rng.integers(3))} if rng.random() < 0.5 or steady else {}
            item |= {"SS": int(rng.integers(1, 3))} if steady and i == 0 else {}
            own.append(item)
        own += [{"TIME": t} for t in np.r_[0.0, rng.uniform(0, 60, 12), 200.0]]
        rows += [{"ID": patient, **ITEMS, **row} for row in sorted(own, key=lambda row: row["TIME"])]
    return twinsim.read_records(pd.DataFrame(rows), units={"AMT": "mg"}, structure=structure)


def random_parameters(structure, rng):
    """Every parameter over a factor of ten about its default; lag 0 to 3 h, F 0 to 1."""
    values = {item.name: item.default * 10.0 ** rng.uniform(-0.5, 0.5, PATIENTS) for item in structure.parameters}
    values |= {name: rng.uniform(0, high, PATIENTS) for name, high in (("lag", 3.0), ("f", 1.0)) if name in values}
    return values


def coincide(values):
    """The first patients get rates that are equal, or nearly so, in every way these structures allow."""
    volumes = [name for name in ("v", "v1", "v2", "v3") if name in values]
    flows = [name for name in ("cl", "q", "q2", "q3") if name in values]
    for patient in range(12):
        for name in volumes:  # all micro rate constants are one
            values[name][patient] = 20.0
        for name in flows:
            values[name][patient] = 8.0
        if patient >= 6:  # or nearly
            values[flows[-1]][patient] *= 1.0 + 10.0 ** -(patient + 1.0)
        if len(flows) > 1 and patient in (4, 5):  # a compartment nothing flows to
            values[flows[-1]][patient] = 0.0
    if "ka" not in values:
        return
    for patient in range(20):
        modes = eigenvalues({name: float(array[patient]) for name, array in values.items()})
        modes = modes[modes > 1e-6]
        near = (0.0, 1e-15, 1e-12, -1e-9, 1e-6, -1e-4)[patient % 6]
        values["ka"][patient] = modes[patient % len(modes)] * (1.0 + near)


def eigenvalues(p):
    """Rates at which one to three compartments empty, without the depot."""
    flows = [name for name in ("q", "q2", "q3") if name in p]
    volumes = [p[name] for name in ("v", "v1", "v2", "v3") if name in p]
    matrix = np.diag([(p["cl"] + sum(p[name] for name in flows)) / volumes[0], *np.zeros(len(flows))])
    for i, name in enumerate(flows, 1):
        matrix[i, i], matrix[0, i], matrix[i, 0] = p[name] / volumes[i], -p[name] / volumes[i], -p[name] / volumes[0]
    return np.linalg.eigvals(matrix).real


def cases(name, seed, *, steady=False):
    structure, rng = twinsim.structure(name), np.random.default_rng(seed)
    values = random_parameters(structure, rng)
    coincide(values)
    return structure, random_records(structure, rng, steady), values


def worst(got, exact, records):
    """Largest difference of each patient over its largest concentration."""
    peak = np.zeros(records.n_patients)
    np.maximum.at(peak, records.patient, exact)
    assert (peak > 0).all()
    return np.max(np.abs(got - exact) / peak[records.patient])


def compare(name, seed, **options):
    structure, records, values = cases(name, seed, **options)
    closed, status = predict_structure(structure, records, values, solver="closed")
    assert (status == 0).all()
    for solver, rtol in (("explicit", 1e-10), ("linear", None), ("stiff", 1e-9)):
        other, code = predict_structure(structure, records, values, solver=solver, rtol=rtol)
        assert (code == 0).all() and worst(closed, other, records) <= TOLERANCE["float64"], solver
    for solver in ("closed", "linear"):
        rough, said = predict_structure(structure, records, values, solver=solver, precision="float32")
        assert (said == 0).all() and worst(rough, closed, records) <= TOLERANCE["float32"], solver


def test_the_structures_that_have_a_closed_solution():
    assert {f"pk/{n}_compartment_{way}" for n in ("one", "two", "three") for way in ("iv", "oral")} <= set(STARS)
    assert "pk/one_compartment_zero_order" in STARS and "pk/one_compartment_mm" not in STARS


@pytest.mark.parametrize("name", STARS)
def test_tiers_and_precisions_agree(name):
    compare(name, seed=sum(map(ord, name)))


@pytest.mark.parametrize("tier", ["explicit", "stiff"])
def test_outputs_that_are_interpolated_agree(tier):
    """Boluses and infusions that overlap, with lag, each patient at its own times."""
    structure, records, values = cases("pk/two_compartment_oral", seed=8)
    closed, _ = predict_structure(structure, records, values, solver="closed")
    dense, status = predict_structure(structure, records, values, solver=Solver(tier, "float64", 1e-9, dense=True))
    assert (status == 0).all() and 0.0 < worst(dense, closed, records) < 1e-5


def test_tiers_agree_at_steady_state():
    compare("pk/one_compartment_iv", seed=5, steady=True)


@pytest.mark.parametrize("little", [0.0, 1e-8])
def test_modes_that_cannot_be_told_apart_are_a_status(little):
    """No elimination and no flow to the third compartment: two modes meet at 0, where the closed form is inexact."""
    structure, rng = twinsim.structure("pk/three_compartment_iv"), np.random.default_rng(3)
    records, values = random_records(structure, rng, False), random_parameters(structure, rng)
    few = np.arange(PATIENTS) % 2 == 0
    values |= {name: np.where(few, little, values[name]) for name in ("cl", "q3")}
    closed, status = predict_structure(structure, records, values, solver="closed")
    assert (status == np.where(few, codes.ILL_CONDITIONED, codes.OK)).all()
    assert (np.isnan(closed) == few[records.patient]).all()


def test_nothing_flows_at_all():
    rows = [{"ID": 1, **ITEMS, **row} for row in [{"TIME": 0.0, "EVID": 1, "AMT": 100.0, "CMT": 1}, {"TIME": 50.0}]]
    records = twinsim.read_records(pd.DataFrame(rows), units={"AMT": "mg"})
    got, status = predict_structure(
        twinsim.structure("pk/two_compartment_iv"), records, {"cl": 0.0, "q": 0.0, "v1": 50.0}, solver="closed"
    )
    assert not status.any() and got.tolist() == [2.0, 2.0]


@pytest.mark.parametrize("solver", ["closed", "linear", "explicit", "stiff"])
def test_an_infusion_that_ended_leaves_nothing_behind(solver):
    """A short loading infusion over a slow one, in float32: nothing is lost, so 20.02 mg/L stay for ever."""
    infusions = [
        {"TIME": 0.0, "EVID": 1, "AMT": 1.0, "CMT": 1, "DUR": 3.0},
        {"TIME": 1.0, "EVID": 1, "AMT": 1000.0, "CMT": 1, "DUR": 0.1},
    ]
    rows = [{"ID": 1, **ITEMS, **row} for row in [*infusions, {"TIME": 4.0}, {"TIME": 1000.0}]]
    records = twinsim.read_records(pd.DataFrame(rows), units={"AMT": "mg"})
    structure = twinsim.structure("pk/one_compartment_iv")
    got, _ = predict_structure(structure, records, {"cl": 0.0, "v": 50.0}, solver=solver, precision="float32")
    assert got[2:] == pytest.approx(1001.0 / 50.0, rel=1e-5)


def test_two_compartments_that_neither_lose_nor_exchange():
    """cl = q = 0 lies within the bounds; what cannot be solved there has to say so, not to be wrong."""
    rows = [{"ID": 1, **ITEMS, **row} for row in [{"TIME": 0.0, "EVID": 1, "AMT": 100.0, "CMT": 1}, {"TIME": 9.0}]]
    records = twinsim.read_records(pd.DataFrame(rows), units={"AMT": "mg"})
    for name, nothing in (("two", {"q": 0.0}), ("three", {"q2": 0.0, "q3": 0.0})):
        structure = twinsim.structure(f"pk/{name}_compartment_iv")
        got, status = predict_structure(structure, records, {"cl": 0.0, "v1": 50.0, **nothing}, solver="closed")
        assert (np.isnan(got).all() and status[0] != 0) or got == pytest.approx(2.0, rel=1e-9)


@pytest.mark.parametrize("tier", ["explicit", "stiff"])
def test_a_dose_in_the_sixth_year_is_a_dose_on_the_first_day(tier):
    """Steps may be far shorter than what a clock in single precision can add to the time."""
    body, hours = twinsim.structure("pk/one_compartment_oral"), np.array([0.0, 0.5, 1.0, 2.0])

    def given(at):
        doses = twinsim.regimen(100, route="oral", start=at)
        return twinsim.simulate(body, 1, doses, {"ka": 60.0}, times=at + hours, solver=tier, endpoints=[])

    early, late = given(0.0), given(50_000.0)
    assert early.status.tolist() == late.status.tolist() == [0]
    np.testing.assert_allclose(late["concentration"], early["concentration"], rtol=1e-5)
