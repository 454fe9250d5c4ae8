"""Algebraic loops that a coupling says to solve, against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import twinsim
from twinsim.errors import ModelError, UnitError
from twinsim.models.couple import couple
from twinsim.models.structure import Parameter, Port, State, Structure


def part(name, gives, needs, outputs, parameters=(), **more):
    return Structure(
        name=name,
        parameters=tuple(Parameter(key, unit, value, "", "assumed") for key, value, unit in parameters),
        states=more.pop("states", ()),
        gives=gives,
        needs=needs,
        rates=more.pop("rates", lambda t, x, p, u: {}),
        outputs=outputs,
        source="none",
        **more,
    )


FLOW, PRESSURE = Port("flow", "mL/s", "flow", ""), Port("pressure", "mmHg", "pressure", "")
# A vessel that narrows as it is filled:  pressure = resistance (1 + flow / capacity) flow.
VESSEL = part(
    "vessel", (PRESSURE,), (FLOW,),
    lambda t, x, p, u: {"pressure": p.resistance * (1.0 + u.flow / p.capacity) * u.flow},
    (("resistance", 1.0, "mmHg s/mL"), ("capacity", 100.0, "mL/s")),
)  # fmt: skip
# A pump that gives way:  flow = (most - pressure) / inner; and what it has pumped.
PUMP = part(
    "pump", (FLOW,), (PRESSURE,), lambda t, x, p, u: {"flow": (p.most - u.pressure) / p.inner},
    (("most", 120.0, "mmHg"), ("inner", 0.5, "mmHg s/mL")),
    states=(State("pumped", "mL", ""),),
    rates=lambda t, x, p, u: {"pumped": (p.most - u.pressure) / p.inner},
    time="s",
)  # fmt: skip
PARTS = {"pump": PUMP, "vessel": VESSEL}


def exact(most, inner, resistance, capacity):
    """flow of  resistance flow^2 / capacity + (resistance + inner) flow - most = 0."""
    a, b = resistance / capacity, resistance + inner
    return (np.sqrt(b**2 + 4.0 * a * most) - b) / (2.0 * a)


def values(model, **changed):
    return {item.name: item.default for item in model.parameters} | changed


@pytest.mark.parametrize("torn", ["pump.pressure", "vessel.flow"])
def test_a_loop_is_solved_where_it_is_torn(torn):
    model = couple("circuit", PARTS, solve={torn: 50.0})
    seen = model.observe(0.0, {"pumped": 0.0}, values(model), {})
    flow = exact(120.0, 0.5, 1.0, 100.0)
    assert float(seen["flow"]) == pytest.approx(flow, rel=1e-13)
    assert float(seen["pressure"]) == pytest.approx(120.0 - 0.5 * flow, rel=1e-13)
    assert float(model.derivative(0.0, {"pumped": 0.0}, values(model), {})["pumped"]) == pytest.approx(flow, rel=1e-13)
    assert model.parameter(torn.partition(".")[2] + "_guess").default == 50.0


def test_units_are_converted_on_the_way_round():
    litres = part(
        "vessel", (PRESSURE,), (Port("flow", "L/min", "flow", ""),),
        lambda t, x, p, u: {"pressure": p.resistance * (1.0 + u.flow / p.capacity) * u.flow},
        (("resistance", 1.0 / 0.06, "mmHg min/L"), ("capacity", 6.0, "L/min")),
    )  # fmt: skip
    model = couple("circuit", {"pump": PUMP, "vessel": litres}, solve={"vessel.flow": 2.0})
    seen = model.observe(0.0, {"pumped": 0.0}, values(model), {})
    assert float(seen["flow"]) == pytest.approx(exact(120.0, 0.5, 1.0, 100.0), rel=1e-13)


def test_derivatives_go_through_and_many_patients_are_one_by_one():
    model = couple("circuit", PARTS, solve={"pump.pressure": 50.0})
    most = jnp.array([20.0, 120.0, 300.0])

    def flow(most):
        p = {name: jnp.full(3, value) for name, value in values(model).items()} | {"most": most}
        return model.observe(0.0, {"pumped": jnp.zeros(3)}, p, {})["flow"]

    assert flow(most) == pytest.approx(exact(np.asarray(most), 0.5, 1.0, 100.0), rel=1e-12)
    slope = 1.0 / np.sqrt(1.5**2 + 4.0 * np.asarray(most) / 100.0)
    assert jax.jvp(flow, (most,), (jnp.ones(3),))[1] == pytest.approx(slope, rel=1e-12)
    second = jax.grad(lambda m: jax.grad(lambda m: flow(m).sum())(m).sum())(most)
    assert second == pytest.approx(-0.02 * slope**3, rel=1e-10)


def test_two_loops_at_once():
    """x = 1 + y / 4 + x y / 100 and y = 2 - x / 2 + z,  z = y / 5."""
    ratio = lambda name: Port(name, "1", "effect", "")  # noqa: E731
    a = part("a", (ratio("x"),), (ratio("y"), ratio("own")), lambda t, x, p, u: {"x": 1 + u.y / 4 + u.own * u.y / 100})
    b = part("b", (ratio("y"),), (ratio("x"), ratio("z")), lambda t, x, p, u: {"y": 2.0 - u.x / 2.0 + u.z})
    c = part("c", (ratio("z"),), (ratio("y"),), lambda t, x, p, u: {"z": u.y / 5.0})
    parts = {"a": a, "b": b, "c": c}
    solve = {"a.own": 1.0, "a.y": 0.0, "b.z": 0.0}
    model = couple("two", parts, connect={"a.own": "a.x"}, solve=solve)
    seen = {name: float(value) for name, value in model.observe(0.0, {}, values(model), {}).items()}
    x, y = seen["x"], seen["y"]
    assert x == pytest.approx(1.0 + y / 4.0 + x * y / 100.0, rel=1e-13)
    assert y == pytest.approx(2.0 - x / 2.0 + y / 5.0, rel=1e-13) and seen["z"] == pytest.approx(y / 5.0)
    with pytest.raises(ModelError, match="algebraic loop"):
        couple("one of them", parts, connect={"a.own": "a.x"}, solve={"a.own": 1.0})


def test_a_loop_runs_in_a_simulation():
    model = couple("circuit", PARTS, solve={"pump.pressure": 50.0})
    given = twinsim.simulate(model, None, None, {"most": 90.0}, [0.0, 10.0], precision="float64", endpoints=())
    flow = exact(90.0, 0.5, 1.0, 100.0)
    assert given["flow"][:, 0] == pytest.approx([flow, flow], rel=1e-12)
    assert given.final["pumped"] == pytest.approx([10.0 * flow], rel=1e-9)


def test_a_loop_without_a_solution_is_no_number():
    ratio = lambda name: Port(name, "1", "effect", "")  # noqa: E731
    a = part("a", (ratio("x"),), (ratio("y"),), lambda t, x, p, u: {"x": 1.0 + u.y * u.y})
    b = part("b", (ratio("y"),), (ratio("x"),), lambda t, x, p, u: {"y": u.x})
    model = couple("none", {"a": a, "b": b}, solve={"a.y": 3.0})
    assert np.isnan(model.observe(0.0, {}, values(model), {})["x"])


@pytest.mark.parametrize(
    ("error", "says", "solve"),
    [
        (ModelError, "solve it from a value to begin with", {}),
        (ModelError, "did you mean pump.pressure", {"pump.presure": 1.0}),
        (ModelError, "cannot be closed with 'high'", {"pump.pressure": "high"}),
        (UnitError, "in another unit", {"pump.pressure": Parameter("p0", "kPa", 8.0, "", "assumed")}),
        (ModelError, "has the name of a parameter", {"pump.pressure": Parameter("most", "mmHg", 8.0, "", "assumed")}),
    ],
)
def test_what_cannot_be_solved(error, says, solve):
    with pytest.raises(error) as refused:
        couple("bad", PARTS, solve=solve)
    assert says in str(refused.value)
