"""Nothing comes from nowhere: every structure that declares quantities, couplings of any kind, and leaks on purpose."""

from dataclasses import replace

import pytest

from twinsim.errors import ModelError, UnitError
from twinsim.models import registry
from twinsim.models.balance import leaks, quantity_units
from twinsim.models.couple import couple
from twinsim.models.dimensions import check_dimensions
from twinsim.models.structure import POSITIVE, Parameter, Port, State, Structure

NAMES = [name for name in registry.structures() if quantity_units(registry.structure(name))]


def port(name, unit, quantity=None, kind="flow"):
    return Port(name, unit, kind, "", quantity=quantity)


def tank(name, time="h", flow="mg/h", **changed):
    """A well-stirred volume: mg/L inside, a flow in, a flow out, and decay."""
    parameters = (
        Parameter("v", "L", 3.0, "", "assumed", POSITIVE),
        Parameter("k", f"1/{time}", 0.4, "", "assumed"),
        Parameter("decay", f"1/{time}", 0.1, "", "assumed"),
    )
    made = Structure(
        name=name,
        parameters=parameters,
        states=(State("c", "mg/L", "", quantity="dye", weight="v"),),
        gives=(port("out", f"mg/{time}", "dye"),),
        needs=(port("in", flow, "dye"),),
        rates=lambda t, x, p, u: {"c": (getattr(u, "in") - p.k * p.v * x.c) / p.v - p.decay * x.c},
        outputs=lambda t, x, p, u: {"out": p.k * p.v * x.c},
        outflows=lambda t, x, p, u: {"dye": p.decay * p.v * x.c},
        source="none",
        time=time,
    )
    return replace(made, **changed)


def ends(label):
    return {f"{label}.{name}": f"{name}_{label}" for name in ("v", "k", "decay", "c", "in", "out")}


def chain(close=None, **connect):
    """A tank in hours that empties into one that counts in minutes, and back by a third."""
    parts = {"a": tank("a"), "b": tank("b", "min", "mg/min"), "c": tank("c", "min", "mg/min")}
    return couple("chain", parts, connect=connect, rename=ends("b") | ends("c"), close=close)


RING = {"b.in": "a.out", "c.in": "b.out", "a.in": "c.out"}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_declared_is_conserved(name):
    assert leaks(registry.structure(name), tolerance=1e-12) == ()


def test_some_structures_declare_quantities():
    assert {"pk/parent_metabolite", "pkpd/two_compartment_oral_inhibition", "pbpk/two_drugs"} <= set(NAMES)
    assert leaks(registry.structure("pk/one_compartment_iv")) == ()


def test_a_leak_is_named_with_the_states_it_comes_from():
    whole = registry.structure("pk/two_compartment_oral")

    def leaking(t, x, p, u):
        change = whole.rates(t, x, p, u)
        return {**change, "peripheral": 0.99 * change["peripheral"]}

    (leak,) = leaks(replace(whole, rates=leaking))
    assert leak.quantity == "drug" and leak.states == ("central", "peripheral") and leak.relative > 1e-4
    (leak,) = leaks(replace(whole, outflows=None))
    assert leak.states == ("central",) and leak.rate < 0.0


def test_coupled_parts_with_other_clocks_and_units_conserve():
    ring = chain(**RING)
    assert quantity_units(ring) == {"dye": "(mg/L) (L)"} and leaks(ring) == ()
    assert [give.quantity for give in ring.gives] == [None, None, None]
    open_chain = chain(**{"b.in": "a.out", "c.in": "b.out"})
    assert leaks(open_chain) == () and open_chain.output("out_c").quantity == "dye"


def test_a_need_that_is_closed_is_made_from_nothing_and_says_so():
    fed = chain({"a.in": 2.0}, **{"b.in": "a.out", "c.in": "b.out"})
    assert leaks(fed) == () and fed.need_names == ()


def test_a_flow_that_feeds_two_is_a_leak():
    twice = couple(
        "twice",
        {"a": tank("a"), "b": tank("b"), "c": tank("c")},
        connect={"b.in": "a.out", "c.in": "a.out", "a.in": "b.out"},
        rename=ends("b") | ends("c"),
    )
    (leak,) = leaks(twice)
    assert leak.states == ("c",) and leak.rate > 0.0


def test_one_quantity_may_become_another():
    other = {"b.dye": "bleached"}
    turned = couple("t", {"a": tank("a"), "b": tank("b")}, {"b.in": "a.out"}, ends("b") | other)
    assert set(quantity_units(turned)) == {"dye", "bleached"} and leaks(turned) == ()
    # what only tells something brings nothing: then the dye of b comes from nowhere
    silent = tank("a", gives=(port("out", "mg/h"),), outflows=lambda t, x, p, u: {"dye": (p.decay + p.k) * p.v * x.c})
    (leak,) = leaks(couple("s", {"a": silent, "b": tank("b")}, {"b.in": "a.out"}, ends("b")))
    assert leak.quantity == "dye" and leak.states == ("c",)


@pytest.mark.parametrize(
    ("error", "says", "changed"),
    [
        (ModelError, "carries dye and is of the kind pressure", {"gives": (port("out", "mg/h", "dye", "pressure"),)}),
        (UnitError, "out holds dye in", {"gives": (port("out", "mmol/h", "dye"),)}),
        (ModelError, "no parameter 'volume'", {"states": (State("c", "mg/L", "", "dye", "volume"),)}),
        (ModelError, "did you mean dye", {"outflows": lambda t, x, p, u: {"dyes": p.decay * p.v * x.c}}),
        (UnitError, "outflow of dye", {"outflows": lambda t, x, p, u: {"dye": p.decay * x.c}}),
    ],
)
def test_quantities_that_are_declared_wrongly(error, says, changed):
    with pytest.raises(error) as refused:
        check_dimensions(tank("bad", **changed))
    assert says in str(refused.value)
