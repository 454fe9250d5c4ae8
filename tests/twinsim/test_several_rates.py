"""Fast and slow groups with steps of their own, against the same structure run by one solver."""

import numpy as np
import pytest

import twinsim
from tests.twinsim.coupled import feedback, made
from twinsim.errors import ModelError, UsageError
from twinsim.several_rates import run_split

TIMES = (100.0, 200.0)
# Two states of nearly one speed that hold each other: h resolves both.
NEAR = made(
    "near",
    (("a", "mg"), ("b", "mg")),
    lambda t, x, p, u: {
        "a": p.kin / (1.0 + x.b / p.half) - p.k1 * x.a,
        "b": p.k2 * (x.a - x.b),
    },
    (("kin", (1.0, "mg/h")), ("half", (2.0, "mg")), ("k1", (0.02, "1/h")), ("k2", (0.05, "1/h"))),
    start=lambda p, u: {"b": 4.0},  # with both at 0 the error of lie in a would cancel to order 2
)


def whole(model, times=TIMES, **changed):
    given = twinsim.simulate(
        model, None, None, changed, list(times), solver="stiff", rtol=1e-11, precision="float64", endpoints=()
    )
    return {name: given[name][:, 0] for name in model.output_names}


def errors(model, fast, splitting, steps, times=TIMES):
    """The largest true error of each output and the one that is told, for each step."""
    exact, found = whole(model, times), []
    for step in steps:
        run = run_split(model, fast, step=step, times=times, splitting=splitting)
        assert not run.status.any()
        true = max(np.abs(run.outputs[name][:, 0] - exact[name]).max() for name in exact)
        found.append((true, max(run.errors[name].max() for name in exact)))
    return np.array(found).T


@pytest.mark.parametrize(("splitting", "order"), [("lie", 1), ("strang", 2), ("linear", 2)])
def test_the_error_falls_with_its_order(splitting, order):
    true, told = errors(NEAR, ["b"], splitting, (4.0, 2.0, 1.0), (12.0, 24.0))
    assert np.log2(true[:-1] / true[1:]) == pytest.approx([order, order], abs=0.3)
    assert np.log2(told[:-1] / told[1:]) == pytest.approx([order, order], abs=0.3)
    assert told == pytest.approx((2**order - 1) * true, rel=0.25)


@pytest.mark.parametrize(("splitting", "order"), [("lie", 1), ("strang", 1), ("linear", 2)])
def test_a_group_in_seconds_and_one_in_hundreds_of_hours(splitting, order):
    """The fast one settles in seconds, far below any macro step: strang is then of order 1, which the error tells."""
    model = feedback()
    true, told = errors(model, ["x"], splitting, (10.0, 5.0, 2.5))
    assert np.log2(true[:-1] / true[1:]) == pytest.approx([order, order], abs=0.2)
    assert (told >= 0.95 * true).all() and (told <= 4.0 * true).all()
    assert run_split(model, ["x"], step=10.0, times=TIMES).tiers == ("explicit", "stiff")


def test_groups_that_do_not_see_each_other_have_no_splitting_error():
    apart = made(
        "apart",
        (("a", "mg"), ("b", "mg")),
        lambda t, x, p, u: {"a": p.kin - p.k1 * x.a, "b": p.kin - p.k2 * x.b},
        (("kin", (1.0, "mg/h")), ("k1", (0.02, "1/h")), ("k2", (30.0, "1/h"))),
    )
    run = run_split(apart, ["b"], step=50.0, times=TIMES)
    assert run.outputs["a"][:, 0] == pytest.approx(50.0 * (1.0 - np.exp(-0.02 * np.array(TIMES))), rel=1e-8)
    assert run.final["b"] == pytest.approx([1.0 / 30.0], rel=1e-8) and run.errors["a"].max() < 1e-8


def test_patients_go_by_themselves():
    model, vmax = feedback(), np.array([8.0, 10.0, 25.0])
    many = run_split(model, ["x"], step=5.0, times=TIMES, parameters={"vmax": vmax})
    for i, value in enumerate(vmax):
        one = run_split(model, ["x"], step=5.0, times=TIMES, parameters={"vmax": np.full(3, value)})
        assert np.array_equal(many.outputs["x"][:, i], one.outputs["x"][:, i])
        assert many.outputs["x"][:, i] == pytest.approx(whole(model, vmax=value)["x"], rel=1e-3)


def test_a_steady_state_stays():
    model = feedback()
    run = run_split(model, ["x"], step=10.0, times=(0.0, *TIMES), start="equilibrium")
    assert run.outputs["x"][1:, 0] == pytest.approx(np.repeat(run.outputs["x"][0], 2), rel=1e-8)
    assert run.errors["x"].max() < 1e-8


@pytest.mark.parametrize(
    ("error", "says", "changed"),
    [
        (UsageError, "did you mean supply", {"fast": ["suply"]}),
        (UsageError, "one group has no states", {"fast": ["x", "supply"]}),
        (UsageError, "unknown splitting", {"splitting": "godunov"}),
        (UsageError, "multiples of 30", {"step": 30.0}),
        (UsageError, "a macro step of 0", {"step": 0.0}),
        (UsageError, "no state 'z'", {"start": {"z": 1.0}}),
        (ModelError, "no parameter 'vmx'", {"parameters": {"vmx": 1.0}}),
    ],
)
def test_what_cannot_be_split(error, says, changed):
    with pytest.raises(error) as refused:
        run_split(**{"structure": feedback(), "fast": ["x"], "step": 10.0, "times": TIMES, **changed})
    assert says in str(refused.value)
