"""Each problem's equations: against published end points, another method, and the structure that twinsim solves."""

import math

import numpy as np
import pytest

pytest.importorskip("scipy")

from benchmarks.equations import Names, python_rates  # noqa: E402
from benchmarks.problem import Problem, head  # noqa: E402
from benchmarks.problems import PROBLEMS, hires, lorenz, pollu, robertson  # noqa: E402
from benchmarks.problems.random_draws import distance  # noqa: E402
from benchmarks.reference import by_scipy  # noqa: E402

SOLVED = {name: case for name, case in PROBLEMS.items() if isinstance(case, Problem)}


def typical(values: dict) -> dict:
    return {name: np.array([value]) for name, value in values.items()}


@pytest.mark.parametrize("module", [hires, pollu], ids=["hires", "pollu"])
def test_end_points_of_the_test_set(module):
    found = module.reference(module.problem, typical(module.TYPICAL))[:, 0, 0]
    assert np.allclose(found, module.END, rtol=1e-5)


def test_robertson_at_the_time_of_the_test_set():
    # Mazzia and Magherini 2008, ROBER, reference solution at 1e11.
    from dataclasses import replace

    late = replace(robertson.problem, times=np.array([1e11]), scale=(1e-8, 1e-13, 1.0))
    found = by_scipy(late, typical(robertson.TYPICAL), "Radau", rtol=1e-9)[:, 0, 0]
    assert np.allclose(found, [0.2083340149701255e-07, 0.8333360770334713e-13, 0.9999999791665050], rtol=1e-5)


@pytest.mark.parametrize("name", ["two_compartment_oral", "one_compartment_28_days"])
def test_exponentials_agree_with_an_adaptive_solver(name):
    problem = SOLVED[name]
    patients = problem.sample(2, 0)
    assert problem.error(by_scipy(problem, patients, "DOP853"), problem.reference(problem, patients)) < 1e-8


def test_gradient_reference_agrees_with_differences():
    from dataclasses import replace

    rho, step = 13.0, 1e-4
    exact = lorenz.gradient_reference(lorenz.gradients, {"rho": np.array([rho])})[:, 0, 0]
    for i, name in enumerate(lorenz.WITH):
        ends = []
        for side in (-1, 1):
            fixed = {**lorenz.FIXED, **({} if name == "rho" else {name: lorenz.FIXED[name] + side * step})}
            patients = {"rho": np.array([rho + side * step * (name == "rho")])}
            ends.append(lorenz.reference(replace(lorenz.adaptive, fixed=fixed), patients).sum())
        assert math.isclose((ends[1] - ends[0]) / (2 * step), exact[i], rel_tol=1e-6)


@pytest.mark.parametrize("name", SOLVED)
def test_patients_are_the_same_at_every_size(name):
    few, many = SOLVED[name].sample(7, 3), head(SOLVED[name].sample(150, 3), 7)
    assert all(np.array_equal(few[key], many[key]) for key in few)


@pytest.mark.parametrize("name", [name for name in SOLVED if name not in ("lorenz_fixed", "lorenz_gradients")])
def test_the_structure_has_the_same_equations(name):
    problem, structure = SOLVED[name], SOLVED[name].structure()
    patient = {key: float(value[0]) for key, value in problem.sample(1, 1).items()}
    own = {**problem.fixed, **patient}
    given = {p.name: own.get(p.name, p.default) for p in structure.parameters}
    assert set(own) <= set(given)
    every = structure.state_names
    x = dict(zip(every, np.random.default_rng(0).random(len(every)).tolist(), strict=True))
    # what only collects the problem may leave out, for no slope depends on it, and the tablet of a solution
    x |= {each: 0.0 for each in every if each not in problem.states}
    assert [each for each in every if each in problem.states] == list(problem.states)
    assert set(problem.outputs) <= set(structure.output_names)
    slopes = structure.derivative(0.0, x, given, {})
    prepare, rates = python_rates(problem)
    written = rates(tuple(x[key] for key in problem.states), prepare(tuple(patient[key] for key in problem.parameters)))
    assert np.allclose(written, [float(slopes[key]) for key in problem.states], rtol=1e-9)
    begin = problem.start(Names(own), None)
    assert structure.initial(given, {}) == {key: begin.get(key, 0.0) for key in every}
    seen, output = structure.observe(0.0, x, given, {}), problem.observe(0.0, Names(x), Names(own), None)
    assert {key: float(seen[key]) for key in problem.outputs} == pytest.approx(dict(output), rel=1e-12)


@pytest.mark.parametrize("name", ["robertson", "hires", "pollu", "pbpk16", "myelosuppression"])
def test_units_fit(name):
    from twinsim.models.dimensions import check_dimensions

    assert not check_dimensions(SOLVED[name].structure()).unknown


def test_pbpk_flows_and_drug_are_conserved():
    problem = SOLVED["pbpk16"]
    shares = [value for name, value in problem.fixed.items() if name.startswith("share_")]
    assert math.isclose(sum(shares), 1.0)
    p = Names({**problem.fixed, **{name: values[0] for name, values in problem.sample(1, 0).items()}})
    x = Names(dict(zip(problem.states, np.random.default_rng(0).random(len(problem.states)), strict=True)))
    free = p.fu * x.liver / (p.v_liver * p.kp_liver)
    lost = sum(problem.rates(0.0, x, p, None).values())
    assert math.isclose(lost, -p.vmax * free / (p.km + free), rel_tol=1e-9)


def test_error_is_a_fraction_of_the_largest_output():
    problem = SOLVED["two_compartment_oral"]
    expected = np.array([[[1.0, 4.0], [2.0, 1.0]]])  # (output, time, patient): Cmax 2 and 4
    assert problem.error(expected + np.array([[[0.1, 0.0], [0.0, 0.4]]]), expected) == pytest.approx(0.1)
    assert problem.error(expected * np.nan, expected) == math.inf


def test_distance_tells_normal_from_uniform():
    generator = np.random.default_rng(0)
    assert distance(generator.standard_normal(20_000)) < 0.01 < distance(generator.random(20_000))
