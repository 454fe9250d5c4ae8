"""Which tier solves what, why, and that every tier that fits does it as lanes."""

import logging

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import twinsim
from benchmarks.problems import hires, myelosuppression, pbpk16, pollu, robertson
from twinsim.errors import UsageError
from twinsim.events import Events
from twinsim.models import analysis
from twinsim.models.stiffness import fastest_rate, stability_steps
from twinsim.people import typical_of
from twinsim.plan import plan_events
from twinsim.population.model import population_model
from twinsim.prediction import Fitted
from twinsim.solve import Problem, solve_block
from twinsim.solver import LINEAR_STATES, MAX_STEPS, SOLVERS, STEPS_PER_OUTPUT, STIFF_STEPS, choose_solver

SHIPPED = {name: twinsim.structure(name) for name in twinsim.structures() if twinsim.structure(name).states}
CLOSED = "pk/one_compartment_iv one_compartment_oral one_compartment_zero_order two_compartment_iv"
CLOSED += " two_compartment_oral three_compartment_iv three_compartment_oral"
LINEAR = ("pk/one_compartment_transit", "pk/parent_metabolite", "pkpd/three_compartment_iv_effect_site")
LINEAR += ("pkpd/propofol_remifentanil", "organs/anaesthesia", "organs/coagulation")
LINEAR += ("organs/circumstances", "organs/insulin_depot")
STIFF = ("organs/body_fluids", "organs/circulation_pulsatile", "organs/kidney", "organs/kidney_alone")
STIFF += ("organs/lung", "organs/lung_alone", "organs/thyroid", "organs/ventricular_myocyte")
WHY = {
    "closed": "linear compartments around a centre have an exact solution",
    "linear": "its equations are linear with constant coefficients, so a propagator solves them exactly",
    "explicit": "its equations have no exact solution here and are not stiff, so it is integrated step by step",
    "stiff": "its fastest process would hold tier explicit to some ",
}
LOG = "twinsim.solver"


def expected(name):
    if name.startswith("pbpk/") or name in STIFF:  # lungs turn over in seconds, and there are more than 12 states
        return "stiff"
    if name.removeprefix("pk/") in CLOSED.replace("pk/", "").split():
        return "closed"
    # Responses alone are driven by a constant input; with the drug they are products of states.
    return "linear" if name in LINEAR or name.startswith("pd/") else "explicit"


def fitting(structure):
    """Tiers that can solve a structure, from its equations."""
    yield from ("explicit", "stiff")
    if analysis.is_affine(structure):
        yield "linear"
    if analysis.star(structure) is not None:
        yield "closed"


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_structure_has_its_tier_and_the_log_says_why(name, caplog):
    with caplog.at_level(logging.INFO, LOG):
        chosen = choose_solver(SHIPPED[name])
    assert chosen.tier == expected(name)
    assert chosen.reason.startswith(WHY[chosen.tier])
    assert caplog.messages == [f"solver {chosen.tier} for {name}: {chosen.reason}"]


@pytest.mark.parametrize(
    ("problem", "end"), [(robertson, 1e5), (hires, 321.8122), (pollu, 60.0), (pbpk16, 24.0)], ids=lambda x: str(x)[-40:]
)
def test_stiff_systems_get_tier_stiff(problem, end, caplog):
    structure = problem.structure()
    with caplog.at_level(logging.INFO, LOG):
        assert choose_solver(structure, times=[end]).tier == "stiff"
    assert f"solver stiff for {structure.name}: its fastest process would hold tier explicit to" in caplog.text


def test_how_long_it_is_solved_for_decides():
    """One structure, explicit for as long as stability asks for few steps, stiff for longer."""
    structure = myelosuppression.structure()
    border = STIFF_STEPS / stability_steps(structure, 1.0)
    assert choose_solver(structure, times=[0.9 * border]).tier == "explicit"
    assert choose_solver(structure, times=[1.1 * border]).tier == "stiff"
    # From before 0, and each patient with times of its own, the longest counts.
    assert choose_solver(structure, times=[-0.6 * border, 0.6 * border]).tier == "stiff"
    assert choose_solver(structure, times=[[1.0, 1.0], [np.nan, 1.1 * border]]).tier == "stiff"


def test_the_fastest_rate_is_the_largest_eigenvalue():
    """One compartment with a depot: ka or cl / v, whichever is larger."""
    structure = SHIPPED["pk/one_compartment_oral"]
    p = {item.name: item.default for item in structure.parameters}
    assert fastest_rate(structure) == pytest.approx(max(p["ka"], p["cl"] / p["v"]), rel=1e-12)
    assert stability_steps(structure, -10.0) == stability_steps(structure, 10.0) > 0.0


def test_a_typical_patients_numbers_count():
    structure = myelosuppression.structure()
    border = STIFF_STEPS / stability_steps(structure, 1.0)
    assert choose_solver(structure, times=[0.9 * border], typical=lambda: {"mtt": 0.1}).tier == "stiff"
    warfarin = population_model("warfarin_pk")
    own = typical_of(warfarin)
    assert own["cl"] == warfarin.individual({"weight": np.asarray([70.0])})["cl"][0] and own != typical_of(
        warfarin.with_thetas({"cl": 0.2})
    )


def test_records_are_solved_for_as_long_as_they_last():
    """Records over years of a drug that lasts hours, by a model that saturates."""
    import pandas as pd

    rows = [{"ID": 1, "TIME": 0.0, "EVID": 1, "AMT": 100.0, "DV": np.nan}]
    rows += [{"ID": 1, "TIME": 1e5, "EVID": 0, "AMT": 0.0, "DV": 1.0}]
    records = twinsim.read_records(pd.DataFrame(rows), units={"AMT": "mg", "DV": "mg/L"})
    model = twinsim.population_model("theophylline")
    assert Fitted(model, records).problem.solver.tier == "closed"
    forced = Fitted(model, records, solver="explicit").problem.solver
    assert "solver=stiff takes fewer" in forced.reason
    assert forced.max_steps == MAX_STEPS + STEPS_PER_OUTPUT * 2


@pytest.mark.parametrize("name", SHIPPED)
def test_forcing_a_tier_works_where_it_fits_and_is_refused_elsewhere(name, caplog):
    structure = SHIPPED[name]
    fits = set(fitting(structure))
    assert expected(name) in fits
    for tier in SOLVERS[1:]:
        if tier in fits:
            assert choose_solver(structure, tier).tier == tier
        else:
            caplog.clear()
            with caplog.at_level(logging.INFO, LOG), pytest.raises(UsageError) as error:
                choose_solver(structure, tier)
            assert f"solver={tier} cannot solve {name}" in error.value.what and "solver=auto" in error.value.do
            assert not caplog.messages, "nothing was chosen"


def test_a_stiff_system_forced_onto_tier_explicit_is_told_about_tier_stiff():
    reason = choose_solver(robertson.structure(), "explicit", times=[1e5]).reason
    assert reason.startswith("it was asked for, though") and "solver=stiff takes fewer" in reason


def test_a_structure_without_states_is_refused():
    with pytest.raises(UsageError, match="no states") as error:
        choose_solver(twinsim.structure("pd/sigmoid_emax"))
    assert "twinsim.couple" in error.value.do


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("tier", ["closed", "explicit", "stiff"])
@pytest.mark.parametrize("rtol", [1e-300, 0.0, -1e-3, 0.2, 10.0, np.nan, np.inf, True, "1e-3"])
def test_absurd_tolerances_are_refused(precision, tier, rtol, caplog):
    with caplog.at_level(logging.INFO, LOG), pytest.raises(UsageError, match="no tolerance") as error:
        choose_solver(SHIPPED["pk/one_compartment_oral"], tier, precision=precision, rtol=rtol)
    assert error.value.where == "solver.rtol" and "1e-12 to 1e-2" in error.value.do
    assert not caplog.messages


@pytest.mark.parametrize("tier", ["explicit", "stiff"])
def test_what_float32_cannot_do_names_float64(tier):
    structure = SHIPPED["pk/one_compartment_oral"]
    with pytest.raises(UsageError, match="more than float32 can do") as error:
        choose_solver(structure, tier, rtol=1e-7)
    assert "precision=float64" in error.value.do
    assert choose_solver(structure, tier, rtol=1e-7, precision="float64").rtol == 1e-7
    assert choose_solver(structure, tier, rtol=1e-6).rtol == 1e-6


@pytest.mark.parametrize("steps", [0, -5, 1.5, np.nan, np.inf, 2**31, True, "many"])
def test_steps_that_are_no_number_of_steps_are_refused(steps):
    with pytest.raises(UsageError, match="no number of steps") as error:
        choose_solver(SHIPPED["pk/one_compartment_oral"], "explicit", max_steps=steps)
    assert error.value.where == "solver.max_steps"


# Of the whole bodies the smallest by its own tier; the others are simulated in models/pbpk.
@pytest.mark.parametrize("name", [name for name in SHIPPED if name[:5] != "pbpk/" or name == "pbpk/whole_body"])
def test_every_tier_that_fits_is_compiled_to_lanes(name, caplog):
    structure, patients = SHIPPED[name], 16
    plan = plan_events(Events.of([dict(time=0.0, kind="add", target=structure.state_names[0], value=10.0)]), structure)
    rows = {key: jnp.asarray(value) for key, value in plan.arrays.items()}
    rows["segment"] = jnp.zeros(rows["time"].shape, jnp.int32)
    parameters = {item.name: jnp.full((1, patients), item.default) for item in structure.parameters}
    times, order = jnp.asarray([[0.0], [1.0], [30.0]]), jnp.full((3, 1), jnp.inf)
    with caplog.at_level(logging.INFO, "twinsim"):
        for tier in fitting(structure) if len(structure.states) <= LINEAR_STATES else ("stiff",):
            problem = Problem(structure, choose_solver(structure, tier), plan.layout, structure.output_names)
            # Tracing a program compiles its lanes; nothing needs to run.
            jax.eval_shape(
                lambda p, problem=problem: solve_block(problem, rows, p, {}, times, order, patients), parameters
            )
    assert "compiled by XLA" not in caplog.text
