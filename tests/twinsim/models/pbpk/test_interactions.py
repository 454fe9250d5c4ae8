"""Drugs that act on enzymes, against static closed forms under a constant concentration.

Rowland and Matin 1973, J Pharmacokinet Biopharm 1:553, AUC ratio under inhibition; Mayhew, Jones and Hall 2000, Drug
Metab Dispos 28:1031, enzyme under inactivation; FDA 2020, all three together.
"""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import twinsim
from tests.twinsim.models.pbpk.bodies import Linear, slopes, values
from twinsim.models.pbpk import Pathway, Substance, pbpk

TWO = twinsim.structure("pbpk/two_drugs")
WAYS = (Pathway("cyp3a4", enzyme="cyp3a4"), Pathway("other"))
AT = {"renal": ()}


def inhibited(liver="well_stirred"):
    perpetrator = Substance("perpetrator", inhibits=("cyp3a4",), **AT)
    return pbpk("test/inhibited", (Substance("victim", WAYS, **AT), perpetrator), liver=liver)


def victim_beside(structure, p, level):
    """The victim's equations beside a perpetrator of this unbound concentration in the liver."""
    held = {name: 0.0 for name in structure.state_names if name.endswith("_perpetrator")}
    held["liver_perpetrator"] = level * p["v_liver"] * p["kp_liver_perpetrator"] / p["fu_perpetrator"]
    return Linear(structure, p, held)


@pytest.mark.parametrize("liver", ["well_stirred", "parallel_tube"])
@pytest.mark.parametrize("level", [0.0, 0.3, 20.0])
def test_oral_auc_ratio_under_a_constant_inhibitor(liver, level):
    structure = inhibited(liver)
    p = values(structure, ki_cyp3a4_perpetrator=0.5, clint_cyp3a4_victim=30.0, clint_other_victim=10.0)
    alone, beside = (victim_beside(structure, p, i).areas("lumen_victim", 100.0)[0] for i in (0.0, level))
    ratio = victim_beside(structure, p, level).seen(beside, "concentration_victim")
    ratio /= victim_beside(structure, p, 0.0).seen(alone, "concentration_victim")
    closed = 1 / (0.75 / (1 + level / 0.5) + 0.25)
    if liver == "parallel_tube":  # what passes rises too: F/CLh = exp(-x)/(1 - exp(-x)), x = fu clint/(bp q)
        q = p["q_liver"] + p["q_gut"] + p["q_pancreas"] + p["q_spleen"]
        x = p["fu_victim"] * np.array([40.0, 40.0 / closed]) / (p["bp_victim"] * q)
        closed = np.expm1(x[0]) / np.expm1(x[1])
    assert ratio == pytest.approx(closed, rel=1e-9)


def test_competition_raises_km_and_keeps_the_largest_rate():
    ways = (Pathway("cyp3a4", enzyme="cyp3a4", saturable=True),)
    substances = (Substance("victim", ways, **AT), Substance("perpetrator", inhibits=("cyp3a4",), **AT))
    structure = pbpk("test/competing", substances)
    p = values(structure, km_cyp3a4_victim=2.0, ki_cyp3a4_perpetrator=0.5)
    for free, level in ((0.1, 0.0), (3.0, 4.0), (1e9, 4.0)):
        x = dict.fromkeys(structure.state_names, 0.0)
        for name, concentration in (("victim", free), ("perpetrator", level)):
            x[f"liver_{name}"] = concentration * p["v_liver"] * p[f"kp_liver_{name}"] / p[f"fu_{name}"]
        apparent = 2.0 * (1 + level / 0.5)
        expected = p["clint_cyp3a4_victim"] * 2.0 * free / (apparent + free)
        assert slopes(structure, x, p)["metabolised_liver_victim"] == pytest.approx(expected, rel=1e-9)


def at_levels(p, liver, gut):
    x = dict.fromkeys(TWO.state_names, 0.0) | {"enzyme_cyp3a4_liver": 1.0, "enzyme_cyp3a4_gut": 1.0}
    x["liver_perpetrator"] = liver * p["v_liver"] * p["kp_liver_perpetrator"] / p["fu_perpetrator"]
    x["enterocytes_perpetrator"] = gut * p["v_enterocytes"] / p["fu_gut_perpetrator"]
    return x


@pytest.mark.parametrize(("emax", "kinact"), [(4.57, 0.0), (0.0, 1.2), (4.57, 1.2)])
def test_enzyme_under_a_constant_inducer_or_inactivator(emax, kinact):
    changed = {"emax_cyp3a4_perpetrator": emax, "kinact_cyp3a4_perpetrator": kinact, "kapp_cyp3a4_perpetrator": 3.0}
    p = values(TWO, **changed)
    x = at_levels(p, 0.1, 0.02)
    for site, level in (("liver", 0.1), ("gut", 0.02)):
        state, kdeg = f"enzyme_cyp3a4_{site}", p[f"kdeg_cyp3a4_{site}"]
        synthesis, loss = kdeg * (1 + emax * level / (0.0526 + level)), kdeg + kinact * level / (3.0 + level)
        assert slopes(TWO, x | {state: synthesis / loss}, p)[state] == pytest.approx(0.0, abs=1e-12)
        if not kinact:
            assert synthesis / loss == pytest.approx(1 + 4.57 * level / (0.0526 + level))

        def slope(t, e, state=state):
            return slopes(TWO, x | {state: float(e[0])}, p)[state]

        found = solve_ivp(slope, (0, 72), [1.0], rtol=1e-9, atol=1e-12).y[0, -1]
        expected = synthesis / loss + (1 - synthesis / loss) * np.exp(-loss * 72)
        assert found == pytest.approx(expected, rel=1e-7)


def test_enzymes_act_in_liver_and_gut_wall():
    """Twice the enzyme clears as twice the intrinsic clearance does; inhibition divides both sites' alike."""
    p = values(TWO, ki_cyp3a4_perpetrator=0.1)
    x = at_levels(p, 0.0, 0.0) | {"liver_victim": 5.0, "enterocytes_victim": 2.0}
    base, more = slopes(TWO, x, p), slopes(TWO, x | {"enzyme_cyp3a4_gut": 2.0, "enzyme_cyp3a4_liver": 3.0}, p)
    assert more["metabolised_gut_victim"] == pytest.approx(2 * base["metabolised_gut_victim"], rel=1e-12)
    free = p["fu_victim"] * 5.0 / (p["v_liver"] * p["kp_liver_victim"])
    added = 2 * p["clint_cyp3a4_victim"] * free
    assert more["metabolised_liver_victim"] - base["metabolised_liver_victim"] == pytest.approx(added, rel=1e-12)
    held = slopes(TWO, at_levels(p, 0.3, 0.1) | {"enterocytes_victim": 2.0}, p)
    assert held["metabolised_gut_victim"] == pytest.approx(base["metabolised_gut_victim"] / 2, rel=1e-12)


def test_two_substances_that_do_nothing_to_each_other_are_two_bodies():
    one, two = twinsim.structure("pbpk/whole_body"), pbpk("test/two", ("a", "b"))
    p = values(one, fu=0.7, kp_muscle=4.0)
    shared = set(one.parameter_names) & set(two.parameter_names)
    both = {name: p[name.removesuffix("_a").removesuffix("_b")] for name in two.parameter_names}
    assert {"v_liver", "q_gut", "gfr", "portal_shunt"} <= shared and "fu" not in shared
    rng = np.random.default_rng(1)
    x = {state: rng.uniform(0.1, 9.0) for state in one.state_names}
    found = slopes(two, {f"{state}_{s}": value for state, value in x.items() for s in "ab"}, both)
    for state, value in slopes(one, x, p).items():
        assert found[f"{state}_a"] == found[f"{state}_b"] == value
