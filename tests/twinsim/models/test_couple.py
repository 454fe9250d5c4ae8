"""Coupled structures against the same equations written by hand, and couplings that cannot be."""

import pickle
from dataclasses import replace

import jax
import jax.numpy as jnp
import pytest

from twinsim.errors import ModelError, UnitError
from twinsim.models.couple import bind, couple
from twinsim.models.registry import structure
from twinsim.models.structure import Parameter, Port, Route, State, Structure

PK, PD = structure("pk/one_compartment_oral"), structure("pd/inhibition_of_input")
SITE, EMAX = structure("pd/effect_compartment"), structure("pd/sigmoid_emax")


def values(model):
    return {item.name: item.default for item in model.parameters}


def given(name, port, needs=(), outputs=None, **rest):
    """A small part without equations of its own to wire up."""
    return Structure(
        name=name,
        parameters=(),
        states=(),
        gives=(port,),
        needs=needs,
        rates=lambda t, x, p, u: {},
        outputs=outputs or (lambda t, x, p, u: {port.name: 0.0}),
        source="none",
        **rest,
    )


def by_hand():
    """pk/one_compartment_oral with pd/inhibition_of_input, in one piece."""

    def rates(t, x, p, u):
        concentration = x.central / p.v
        inhibited = p.imax * concentration / (p.ic50 + concentration)
        absorbed = p.ka * x.depot
        return {
            "depot": -absorbed,
            "central": absorbed - p.cl / p.v * x.central,
            "response": p.kin * (1.0 - inhibited) - p.kout * x.response,
        }

    return Structure(
        name="by hand",
        parameters=PK.parameters + PD.parameters,
        states=PK.states + PD.states,
        gives=PK.gives + PD.gives,
        rates=rates,
        outputs=lambda t, x, p, u: {"concentration": x.central / p.v, "response": x.response},
        start=lambda p, u: {"response": p.kin / p.kout},
        routes=PK.routes,
        source="none",
    )


def operations(model):
    """Operations left in the compiled rates."""
    x, p = dict.fromkeys(model.state_names, 1.0), dict.fromkeys(model.parameter_names, 1.0)
    inputs = jax.tree.map(jnp.asarray, (x, p))
    compiled = jax.jit(lambda x, p: model.derivative(0.0, x, p, {})).lower(*inputs).compile()
    return compiled.cost_analysis()["flops"]


def test_coupled_equals_the_same_equations_by_hand_and_costs_the_same():
    coupled, whole = couple("coupled", {"pk": PK, "pd": PD}), by_hand()
    for group in ("parameters", "states", "gives", "routes"):
        assert getattr(coupled, group) == getattr(whole, group)
    assert coupled.needs == () and coupled.parts == (PK.name, PD.name)
    x, p = {"depot": 40.0, "central": 25.0, "response": 60.0}, values(whole)
    assert coupled.derivative(1.0, x, p, {}) == whole.derivative(1.0, x, p, {})
    assert coupled.observe(1.0, x, p, {}) == whole.observe(1.0, x, p, {})
    assert coupled.initial(p, {}) == whole.initial(p, {})
    assert operations(coupled) == operations(whole)


def test_a_chain_of_three_with_explicit_connections(values=values):
    model = structure("pkpd/three_compartment_iv_effect_site")
    assert model.state_names == ("central", "fast", "slow", "effect_site")
    assert model.output_names == ("concentration", "effect_site_concentration", "effect")
    p = values(model) | {"e0": 90.0, "emax": -60.0, "ec50": 3.0, "gamma": 2.0}
    x = {"central": 60.0, "fast": 1.0, "slow": 2.0, "effect_site": 3.0}
    assert float(model.observe(0.0, x, p, {})["effect"]) == pytest.approx(60.0)
    expected = p["ke0"] * (60.0 / p["v1"] - 3.0)
    assert float(model.derivative(0.0, x, p, {})["effect_site"]) == pytest.approx(expected)
    # the effect needs no second name for the concentration it uses
    assert model.need_names == ()


def test_coupled_structures_couple_again():
    inner = couple("inner", {"pk": PK, "site": SITE})
    outer = couple("outer", {"in": inner, "pd": EMAX}, connect={"pd.concentration": "in.effect_site_concentration"})
    p, x = values(outer), {"depot": 1.0, "central": 2.0, "effect_site": 5.0}
    assert float(outer.observe(0.0, x, p, {})["effect"]) == pytest.approx(5.0 / 6.0)
    with pytest.raises(ModelError, match="concentration"):
        couple("two givers", {"pk": PK, "pk2": inner, "pd": EMAX}, rename=all_renamed("pk2", inner))


def all_renamed(label, part):
    items = (*part.parameters, *part.states, *part.gives, *part.routes)
    return {f"{label}.{item.name}": f"{item.name}_{label}" for item in items}


def test_units_of_a_connection_are_converted_once():
    nanograms = replace(
        PD,
        needs=(replace(PD.needs[0], unit="ng/mL"),),
        parameters=tuple(replace(item, unit="ng/mL") if item.name == "ic50" else item for item in PD.parameters),
    )
    plain, other = couple("a", {"pk": PK, "pd": PD}), couple("b", {"pk": PK, "pd": nanograms})
    x, p = {"depot": 40.0, "central": 25.0, "response": 60.0}, values(plain) | {"ic50": 0.4}
    expected = plain.derivative(0.0, x, p, {})["response"]
    assert other.derivative(0.0, x, p | {"ic50": 400.0}, {})["response"] == pytest.approx(expected, rel=1e-14)


def test_a_need_nobody_feeds_stays_open_and_is_shared():
    pair = couple("pair", {"a": SITE, "b": PD})
    assert pair.need_names == ("concentration",)
    change = pair.derivative(0.0, {"effect_site": 0.0, "response": 0.0}, values(pair), {"concentration": 1.0})
    assert (change["effect_site"], change["response"]) == (1.0, 5.0)
    other = replace(PD, needs=(replace(PD.needs[0], unit="ug/L", default=None),))
    with pytest.raises(UnitError):  # ic50 is still in mg/L: the part itself is checked
        couple("pair", {"a": SITE, "b": other})
    apart = couple("apart", {"a": SITE, "b": PD}, rename={"b.concentration": "free"})
    assert apart.need_names == ("concentration", "free")
    change = apart.derivative(
        0.0, {"effect_site": 0.0, "response": 0.0}, values(apart), {"concentration": 1.0, "free": 0.0}
    )
    assert (change["effect_site"], change["response"]) == (1.0, 10.0)


def test_needs_are_bound_to_constants_and_parameters():
    alone = bind(PD, {"concentration": 1.0})
    assert alone.needs == () and alone.parameter("concentration").source == "assumed"
    assert alone.derivative(0.0, {"response": 0.0}, values(alone), {})["response"] == 5.0
    cp = Parameter("cp", "ug/L", 1000.0, "steady concentration", "assumed")
    measured = bind(PD, {"concentration": cp})
    assert measured.parameter_names[-1] == "cp"
    assert measured.derivative(0.0, {"response": 0.0}, values(measured), {})["response"] == 5.0
    closed = couple("closed", {"pk": PK, "pd": PD}, close={"pd.concentration": cp})
    x = {"depot": 0.0, "central": 500.0, "response": 0.0}
    assert closed.derivative(0.0, x, values(closed), {})["response"] == 5.0


def test_start_may_need_what_another_part_gives_at_the_beginning():
    follower = replace(SITE, start=lambda p, u: {"effect_site": u.concentration})
    source = replace(
        structure("pk/one_compartment_iv"), start=lambda p, u: {"central": p.cl * p.duration * p.rate / (p.rate * p.v)}
    )
    with pytest.raises(UnitError, match="start of central"):
        couple("s", {"site": follower, "pk": source})
    source = replace(source, start=lambda p, u: {"central": p.rate * p.v / p.cl})
    model = couple("s", {"site": follower, "pk": source})
    begin = model.initial(values(model), {})
    assert begin == {"effect_site": 20.0, "central": 1000.0}


def test_feedback_through_states_is_no_algebraic_loop():
    # the response slows the very clearance that makes it: each reads the other's state
    pk = Structure(
        name="pk",
        parameters=(
            Parameter("cl", "L/h", 5.0, "clearance", "assumed"),
            Parameter("v", "L", 50.0, "volume", "assumed"),
        ),
        states=(State("central", "mg", "amount"),),
        needs=(Port("response", "1", "effect", "clearance in parts of normal"),),
        gives=(Port("concentration", "mg/L", "concentration", ""),),
        rates=lambda t, x, p, u: {"central": -p.cl * u.response / p.v * x.central},
        outputs=lambda t, x, p, u: {"concentration": x.central / p.v},
        source="none",
    )
    loop = couple("feedback", {"pk": pk, "pd": PD})
    change = loop.derivative(0.0, {"central": 50.0, "response": 0.5}, values(loop), {})
    assert (change["central"], change["response"]) == (-2.5, pytest.approx(10.0 * 0.5 - 0.1 * 0.5))


def test_an_algebraic_loop_is_shown():
    def ratio(name):
        return Port(name, "1", "effect", "")

    a = given("a", ratio("x"), (ratio("y"),), lambda t, x, p, u: {"x": 1.0 + u.y})
    b = given("b", ratio("y"), (ratio("z"),), lambda t, x, p, u: {"y": 2.0 * u.z})
    c = given("c", ratio("z"), (ratio("x"),), lambda t, x, p, u: {"z": u.x})
    with pytest.raises(ModelError) as refused:
        couple("circle", {"a": a, "b": b, "c": c})
    assert "a outputs <- b outputs <- c outputs <- a outputs" in str(refused.value)
    with pytest.raises(ModelError, match="algebraic loop"):
        couple("self", {"b": b}, connect={"b.z": "b.y"})
    open_chain = couple("chain", {"a": a, "b": b})
    assert open_chain.observe(0.0, {}, {}, {"z": 3.0}) == {"x": 7.0, "y": 6.0}


EFFECT = Port("concentration", "mg/L", "effect", "")
MOLES = Port("concentration", "mmol/L", "concentration", "")


@pytest.mark.parametrize(
    ("error", "says", "parts", "options"),
    [
        (ModelError, "pk and other both have a parameter 'cl'", {"pk": PK, "other": PK}, {}),
        (ModelError, "rename={'other.cl': 'cl_other'}", {"pk": PK, "other": PK}, {}),
        (ModelError, "no 'pk.clr' to rename", {"pk": PK}, {"rename": {"pk.clr": "x"}}),
        (ModelError, "did you mean pd.concentration", {"pk": PK, "pd": PD},
         {"connect": {"pd.concentratoin": "pk.concentration"}}),
        (ModelError, "no part gives 'pk.conc'", {"pk": PK, "pd": PD}, {"connect": {"pd.concentration": "pk.conc"}}),
        (ModelError, "pk.concentration and more.concentration could both feed pd.concentration",
         {"pk": PK, "more": given("m", PK.gives[0]), "pd": PD}, {}),
        (ModelError, "kind effect, pd.concentration needs the kind concentration",
         {"e": given("e", EFFECT), "pd": PD}, {}),
        (UnitError, "m.concentration [mmol/L] does not fit pd.concentration [mg/L]",
         {"m": given("m", MOLES), "pd": PD}, {}),
        (UnitError, "molar mass", {"m": given("m", MOLES), "pd": PD}, {}),
        (ModelError, "no part needs 'pd.dose'", {"pd": PD}, {"close": {"pd.dose": 1.0}}),
        (ModelError, "both connected and closed", {"pk": PK, "pd": PD},
         {"connect": {"pd.concentration": "pk.concentration"}, "close": {"pd.concentration": 1.0}}),
        (ModelError, "cannot be closed with '2 mg/L'", {"pd": PD}, {"close": {"pd.concentration": "2 mg/L"}}),
        (UnitError, "does not fit pd.concentration", {"pd": PD},
         {"close": {"pd.concentration": Parameter("c", "mg", 1.0, "", "assumed")}}),
        (ModelError, "has the name of a parameter", {"pd": PD},
         {"close": {"pd.concentration": Parameter("kin", "mg/L", 1.0, "", "assumed")}}),
        (ModelError, "another default", {"a": SITE, "b": replace(PD, needs=(replace(PD.needs[0], default=2.0),))}, {}),
        (ModelError, "of another kind", {"a": SITE, "b": replace(PD, needs=(replace(PD.needs[0], kind="effect"),))},
         {}),
        (ModelError, "nothing to couple", {}, {}),
        (ModelError, "each part once, under a label of its own", [PK, PD], {}),
        (ModelError, "word without a dot", {"a.b": PK}, {}),
        (UnitError, "time of pk", {"pk": PK}, {"time": "mg"}),
        (UnitError, "d depot/dt", {"pk": replace(PK, rates=lambda t, x, p, u: {"depot": p.ka, "central": p.ka})}, {}),
    ],
)  # fmt: skip
def test_a_bad_coupling_says_what_is_wrong(error, says, parts, options):
    with pytest.raises(error) as refused:
        couple("bad", parts, **options)
    assert says in str(refused.value)


def test_two_drugs_with_renamed_parts_act_on_their_own():
    second = all_renamed("b", PK)
    model = couple(
        "two",
        {"a": PK, "b": PK, "pd": PD},
        rename=second,
        connect={"pd.concentration": "b.concentration"},
    )
    assert model.state_names == ("depot", "central", "depot_b", "central_b", "response")
    assert model.route("oral_b") == Route("oral_b", to="depot_b", lag="lag_b", f="f_b")
    x = {"depot": 1.0, "central": 1e9, "depot_b": 3.0, "central_b": 50.0, "response": 0.0}
    change = model.derivative(0.0, x, values(model) | {"ka_b": 2.0}, {})
    assert (change["depot"], change["depot_b"], change["response"]) == (-1.2, -6.0, 5.0)


def test_a_coupled_structure_travels_to_another_process():
    model = structure("pkpd/one_compartment_oral_turnover")
    copy = pickle.loads(pickle.dumps(model))
    x = {"depot": 4.0, "central": 5.0, "pca": 60.0}
    assert copy.derivative(0.0, x, values(model), {}) == model.derivative(0.0, x, values(model), {})
