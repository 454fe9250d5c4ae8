"""Nothing is lost and nothing made: the slopes of a substance's states add up to 0, and balances hold, in any build."""

from dataclasses import replace

import numpy as np
import pytest

import twinsim
from tests.twinsim.models.pbpk.bodies import scattered, slopes
from tests.twinsim.models.pbpk.matrices import ORDER, rate_constants
from twinsim.models.balance import leaks, quantity_units
from twinsim.models.pbpk import Pathway, Substance, pbpk

EVERYTHING = Substance(
    "drug",
    pathways=(Pathway("fast", "cyp3a4", ("liver", "gut"), saturable=True), Pathway("other")),
    absorption="transit",
    dissolution="noyes_whitney",
    gut_wall="enterocytes",
    renal=("filtration", "saturable_secretion", "reabsorption"),
    bile="enterohepatic",
    inhibits=("cyp3a4",),
    induces=("cyp3a4",),
    inactivates=("cyp3a4",),
)
PLAIN_WALL = Substance(
    "drug", pathways=(Pathway("wall", sites=("gut",)),), gut_wall="qgut", renal=("secretion",), bile="faeces"
)
BODIES = {
    "whole_body": twinsim.structure("pbpk/whole_body"),
    "whole_body_transit": twinsim.structure("pbpk/whole_body_transit"),
    "two_drugs": twinsim.structure("pbpk/two_drugs"),
    "everything": pbpk("test/all", (EVERYTHING,), permeability_limited=("liver", "kidney", "gut", "lung", "muscle")),
    "plain wall": pbpk("test/wall", (PLAIN_WALL,), liver="parallel_tube"),
    "few tissues": pbpk("test/few", tissues=("kidney", "liver", "lung")),
    "liver and lung": pbpk("test/two", (Substance("drug", renal=()),), tissues=("liver", "lung")),
    "nothing happens": pbpk("test/none", (Substance("drug", pathways=(), renal=(), absorption=None),)),
}
ON_CYP3A4 = {"inhibits": ("cyp3a4",), "induces": ("cyp3a4",), "inactivates": ("cyp3a4",)}
TO_CHILD = Pathway("way", "cyp3a4", ("liver", "gut"), saturable=True, makes="child")
PARENT = Substance("parent", (TO_CHILD, Pathway("rest")), gut_wall="enterocytes", bile="enterohepatic", **ON_CYP3A4)
CHILD = Substance("child", (Pathway("on", makes="grandchild"),), gut_wall="enterocytes", **ON_CYP3A4)
LAST = Substance("grandchild", (), absorption=None, bile="faeces", renal=("secretion", "reabsorption"))
SMALL = ("gut", "kidney", "liver", "lung", "muscle")  # less to compile
QGUT = Substance("drug", (Pathway("wall", sites=("liver", "gut"), makes="child"),), "transit", gut_wall="qgut")
BUILDS = {
    "everything": pbpk("test/all", (EVERYTHING,), tissues=SMALL, permeability_limited=("liver", "kidney", "gut")),
    "parallel tube": pbpk("test/wall", (PLAIN_WALL,), tissues=SMALL, liver="parallel_tube"),
    "two generations": pbpk("test/makes", (PARENT, CHILD, LAST), tissues=SMALL, permeability_limited=("muscle",)),
    "tube and qgut": pbpk("test/tube", (QGUT, replace(CHILD, pathways=(), induces=(), inhibits=(), inactivates=())),
                          tissues=SMALL, liver="parallel_tube"),
    **{name: twinsim.whole_body_model(name).structure for name in twinsim.drug_names()},
}  # fmt: skip


@pytest.mark.parametrize("name", BUILDS)
def test_every_build_declares_what_it_holds_and_keeps_it(name):
    """The ready-made ones are held to the same in test_balance."""
    structure = BUILDS[name]
    held = {state.quantity for state in structure.states if not state.name.startswith("enzyme_")}
    assert None not in held and held == set(quantity_units(structure))
    assert leaks(structure) == ()


def test_bile_that_is_lost_on_its_way_is_a_leak():
    whole = BUILDS["two generations"]

    def leaking(t, x, p, u):
        change = whole.rates(t, x, p, u)
        return {**change, "gallbladder_parent": 0.9 * change["gallbladder_parent"]}

    (leak,) = leaks(replace(whole, rates=leaking))
    assert leak.quantity == "parent" and {"gallbladder_parent", "liver_parent"} <= set(leak.states)
    found = leaks(replace(whole, outflows=None))
    assert [leak.quantity for leak in found] == ["child", "grandchild"] and min(leak.rate for leak in found) > 0.0


@pytest.mark.parametrize("name", BODIES)
def test_slopes_add_up_to_nothing(name):
    structure, rng = BODIES[name], np.random.default_rng(3)
    for _ in range(20):
        x = {state: 10.0 ** rng.uniform(-2, 3) for state in structure.state_names}
        found = slopes(structure, x, scattered(structure, rng))
        for substance in ("victim", "perpetrator") if name == "two_drugs" else ("",):
            own = [v for state, v in found.items() if state.endswith(substance) and not state.startswith("enzyme_")]
            assert abs(sum(own)) < 1e-13 * sum(map(abs, own))


def test_a_metabolite_gains_its_share_of_the_moles():
    structure, rng = twinsim.structure("pbpk/parent_metabolite"), np.random.default_rng(4)
    for _ in range(20):
        x = {state: 10.0 ** rng.uniform(-2, 3) for state in structure.state_names}
        p = scattered(structure, rng)
        found = slopes(structure, x, p)
        free = p["fu_parent"] * x["liver_parent"] / (p["v_liver"] * p["kp_liver_parent"])
        moles = p["clint_conversion_parent"] * free / p["molar_mass_parent"]
        gained = p["formed_conversion_parent"] * moles * p["molar_mass_metabolite"]
        for substance, expected in (("parent", 0.0), ("metabolite", gained)):
            own = [value for state, value in found.items() if state.endswith(f"_{substance}")]
            assert sum(own) == pytest.approx(expected, abs=1e-13 * sum(map(abs, own)))
        assert structure.outflow(0.0, x, p, {}) == {"metabolite": pytest.approx(-gained)}


def test_the_plain_body_is_its_matrix():
    structure, rng = BODIES["whole_body"], np.random.default_rng(5)
    assert set(ORDER) == set(structure.state_names)
    for _ in range(20):
        x, p = {state: 10.0 ** rng.uniform(-2, 3) for state in ORDER}, scattered(structure, rng)
        k = rate_constants(p)
        expected, found = k @ np.array([x[state] for state in ORDER]), slopes(structure, x, p)
        scale = np.abs(k) @ np.array([x[state] for state in ORDER])
        assert np.all(np.abs(np.array([found[state] for state in ORDER]) - expected) <= 1e-14 * scale)


def test_blood_flows_balance_whatever_they_are():
    """Equal concentrations everywhere stay as they are: no tissue gives away more blood than it gets."""
    structure, rng = BODIES["nothing happens"], np.random.default_rng(6)
    for _ in range(10):
        p = scattered(structure, rng)
        volumes = {"arterial": p["v_arterial"] * p["bp"], "venous": p["v_venous"] * p["bp"]}
        x = {s: volumes[s] if s in volumes else p[f"v_{s}"] * p[f"kp_{s}"] for s in structure.state_names}
        assert max(map(abs, slopes(structure, x, p).values())) < 1e-11
