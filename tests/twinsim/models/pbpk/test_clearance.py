"""Clearance by liver, kidney and bile against closed forms of steady state: clearances of plasma, flows of blood.

Pang and Rowland 1977, J Pharmacokinet Biopharm 5:625; Rowland and Tozer 2011, chapter 5, renal clearance.
"""

import math

import numpy as np
import pytest
from scipy.optimize import brentq

import twinsim
from tests.twinsim.models.pbpk.bodies import Linear, slopes, values
from twinsim.models import analysis
from twinsim.models.pbpk import Pathway, Substance, pbpk

RATE = 10.0
SETTINGS = [{}, {"bp": 0.6, "fu": 0.05}, {"bp": 1.7, "fu": 0.9, "clint_metabolism": 300.0}, {"portal_shunt": 0.4}]
PLAIN = twinsim.structure("pbpk/whole_body")
TUBE = pbpk("test/tube", liver="parallel_tube")


def liver_blood(p):
    return p["q_liver"] + (1 - p["portal_shunt"]) * (p["q_gut"] + p["q_pancreas"] + p["q_spleen"])


def well_stirred(p, clint):
    """Clearance of plasma."""
    q = liver_blood(p)
    return p["bp"] * q * p["fu"] * clint / p["bp"] / (q + p["fu"] * clint / p["bp"])


def tube(p, clint):
    return p["bp"] * liver_blood(p) * (1 - math.exp(-p["fu"] * clint / (p["bp"] * liver_blood(p))))


@pytest.mark.parametrize("changed", SETTINGS)
@pytest.mark.parametrize(("structure", "hepatic"), [(PLAIN, well_stirred), (TUBE, tube)])
def test_steady_state_under_an_infusion(structure, hepatic, changed):
    p = values(structure, filtered_fraction=0.7, **changed)
    body = Linear(structure, p)
    live, collected = body.at_rest("venous", RATE)
    renal = 0.7 * p["gfr"] * p["fu"]
    expected = RATE / (hepatic(p, p["clint_metabolism"]) + renal)
    assert body.seen(live) == pytest.approx(expected, rel=1e-10)
    assert collected["urine"] == pytest.approx(renal * expected, rel=1e-10)
    assert sum(collected.values()) == pytest.approx(RATE, rel=1e-10)


@pytest.mark.parametrize("changed", SETTINGS[:3])
@pytest.mark.parametrize(("structure", "hepatic"), [(PLAIN, well_stirred), (TUBE, tube)])
def test_bioavailability_is_what_the_liver_lets_pass(structure, hepatic, changed):
    p = values(structure, fa=0.8, **changed)
    body = Linear(structure, p)
    oral, vein = (body.seen(body.areas(into, 100.0)[0]) for into in ("lumen", "venous"))
    passed = 1 - hepatic(p, p["clint_metabolism"]) / (p["bp"] * liver_blood(p))
    assert oral / vein == pytest.approx(0.8 * passed, rel=1e-10)


def test_pathways_share_what_the_liver_takes():
    ways = (Pathway("one"), Pathway("two"), Pathway("three"))
    for liver, hepatic in (("well_stirred", well_stirred), ("parallel_tube", tube)):
        structure = pbpk("test/ways", (Substance("drug", pathways=ways, renal=(), bile="faeces"),), liver=liver)
        p = values(structure, clint_one=10.0, clint_two=40.0, clint_three=0.0, clint_bile=25.0)
        body = Linear(structure, p)
        live, collected = body.at_rest("venous", RATE)
        assert body.seen(live) == pytest.approx(RATE / hepatic(p, 75.0), rel=1e-10)
        assert collected["faeces"] == pytest.approx(RATE / 3, rel=1e-10)
        assert collected["metabolised_liver"] == pytest.approx(RATE * 2 / 3, rel=1e-10)


def test_a_tube_that_takes_nothing_is_no_division_by_zero():
    x = dict.fromkeys(TUBE.state_names, 3.0)
    still, plain = (slopes(model, x, values(model, clint_metabolism=0.0)) for model in (TUBE, PLAIN))
    assert still == plain and still["metabolised_liver"] == 0.0


def test_saturation_against_its_closed_form():
    """At rest all is metabolised: clint c / (1 + c/km) = rate, and blood brings what liver and rate need."""
    drug = Substance("drug", pathways=(Pathway("metabolism", saturable=True),), renal=())
    structure = pbpk("test/saturable", (drug,), tissues=("kidney", "liver", "lung", "muscle"))
    assert not analysis.is_linear(structure)
    for rate in (0.1, 10.0, 45.0):
        p = values(structure, km_metabolism=1.0, fu=0.3, bp=0.8)
        free = brentq(lambda c, rate=rate, p=p: p["clint_metabolism"] * c / (1 + c) - rate, 0.0, 1e4, xtol=1e-14)
        out = p["bp"] * free / p["fu"]
        blood = out + rate / p["q_liver"]
        x = {t: blood * p[f"v_{t}"] * p[f"kp_{t}"] / p["bp"] for t in ("kidney", "lung", "muscle")}
        x |= {"liver": free * p["v_liver"] * p["kp_liver"] / p["fu"], "lumen": 0.0, "faeces": 0.0}
        x |= {"arterial": blood * p["v_arterial"], "venous": blood * p["v_venous"], "metabolised_liver": 0.0}
        expected = {"venous": -rate, "metabolised_liver": rate}
        for state, slope in slopes(structure, x, p).items():
            assert slope == pytest.approx(expected.get(state, 0.0), abs=1e-9)


def test_far_below_km_nothing_saturates():
    renal = ("filtration", "saturable_secretion")
    curved = pbpk("test/curved", (Substance("drug", (Pathway("metabolism", saturable=True),), renal=renal),))
    straight = pbpk("test/straight", (Substance("drug", renal=("filtration", "secretion")),))
    x = {name: 1.0 + i for i, name in enumerate(straight.state_names)}
    high = values(curved, km_metabolism=1e12, km_secretion=1e12)
    for state, slope in slopes(straight, x, values(straight)).items():
        assert slopes(curved, x, high)[state] == pytest.approx(slope, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("reabsorbed", [0.0, 0.3, 0.95])
def test_renal_clearance(reabsorbed):
    """q (in - out) = urine, urine = (1 - r) (f in + s out): in and out of the kidney, blood."""
    drug = Substance("drug", pathways=(), renal=("filtration", "secretion", "reabsorption"))
    structure = pbpk("test/kidney", (drug,))
    p = values(structure, reabsorbed=reabsorbed, clint_secretion=200.0, filtered_fraction=0.9, fu=0.4, bp=0.7)
    body = Linear(structure, p)
    live, _ = body.at_rest("venous", RATE)
    q, keep = p["q_kidney"], 1 - reabsorbed
    f, s = 0.9 * p["gfr"] * p["fu"] / p["bp"], 200.0 * p["fu"] / p["bp"]
    out = (q - keep * f) / (q + keep * s)  # where 1 comes in
    assert body.seen(live) == pytest.approx(RATE / (p["bp"] * keep * (f + s * out)), rel=1e-10)


def test_filtration_alone_clears_fu_gfr():
    structure = pbpk("test/filtered", (Substance("drug", pathways=()),))
    p = values(structure, fu=0.25, bp=1.3)
    body = Linear(structure, p)
    assert body.seen(body.at_rest("venous", RATE)[0]) == pytest.approx(RATE / (0.25 * p["gfr"]), rel=1e-10)


def test_extended_clearance_of_a_liver_with_a_membrane():
    """At rest membrane and enzyme are two resistances in a row: clint ps / (ps + clint) takes the place of clint."""
    structure = pbpk("test/membrane", permeability_limited=("liver",))
    for ps in (1.0, 30.0, 1e4):
        p = values(structure, ps_liver=ps, bp=0.8, fu=0.3, filtered_fraction=0.0)
        body = Linear(structure, p)
        clint = p["clint_metabolism"] * ps / (ps + p["clint_metabolism"])
        expected = RATE / well_stirred(p, clint)
        assert body.seen(body.at_rest("venous", RATE)[0]) == pytest.approx(expected, rel=1e-9)


def test_sequential_first_pass_of_a_metabolite():
    """It is made inside the liver, so that part of it never leaves: share Q/(Q + fu clint/bp) does."""
    structure = twinsim.structure("pbpk/parent_metabolite")
    changed = {"clint_other_parent": 20.0, "formed_conversion_parent": 0.8, "molar_mass_metabolite": 330.0}
    p = values(structure, **changed, bp_metabolite=0.9, fu_metabolite=0.5, fa_parent=0.0)
    body = Linear(structure, p)
    areas, collected = body.areas("venous_parent", 100.0)
    own = {name.removesuffix("_metabolite"): value for name, value in p.items()}
    made = 0.8 * 1.1 * collected["metabolised_liver_parent"] * 50.0 / 70.0
    q, bound = liver_blood(own), own["fu"] * own["clint_metabolism"] / own["bp"]
    total = well_stirred(own, own["clint_metabolism"]) + own["gfr"] * own["fu"]
    assert body.seen(areas, "concentration_metabolite") == pytest.approx(made * q / (q + bound) / total, rel=1e-10)
    assert np.isclose(collected["metabolised_liver_metabolite"] + collected["urine_metabolite"], made, rtol=1e-10)
