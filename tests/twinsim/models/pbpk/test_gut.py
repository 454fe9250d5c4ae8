"""From the mouth to the portal vein, against closed forms."""

import numpy as np
import pytest

import twinsim
from tests.twinsim.models.pbpk.bodies import Linear, slopes, values
from twinsim.models import analysis
from twinsim.models.pbpk import Pathway, Substance, pbpk

NO_WALL = pbpk("test/transit", (Substance("drug", absorption="transit"),))
TABLET = twinsim.structure("pbpk/whole_body_transit")
WALL = {"pathways": (Pathway("metabolism", sites=("liver", "gut")),), "renal": ()}


def rates_of_transit(p):
    return 2 * 3600 * p["peff"] / p["radius"], 7 / p["transit_time"]


@pytest.mark.parametrize("peff", [1e-6, 3e-5, 1e-4, 5e-4])
def test_fraction_absorbed_of_a_solution(peff):
    # Yu and Amidon 1999, Int J Pharm 186:119
    p = values(NO_WALL, peff=peff)
    ka, kt = rates_of_transit(p)
    _, collected = Linear(NO_WALL, p).areas("stomach", 1.0)
    assert 1 - collected["faeces"] == pytest.approx(1 - (1 + ka / kt) ** -7, abs=1e-8)


def test_the_colon_absorbs_what_reaches_it():
    p = values(NO_WALL, peff=2e-5, colon_absorption=0.3)
    ka, kt = rates_of_transit(p)
    reached = (1 + ka / kt) ** -7
    _, collected = Linear(NO_WALL, p).areas("stomach", 1.0)
    assert collected["faeces"] == pytest.approx(reached / (1 + 0.3 * ka * p["colon_time"]), rel=1e-10)


def test_the_published_permeabilities_and_fractions():
    """Half is absorbed where (1 + ka/kt)^7 = 2; a marker of 2e-4 cm/s is all but complete."""
    assert 1 - (1 + 2 * 3600 * 2e-4 / 1.75 * 3.32 / 7) ** -7 > 0.9
    p = values(NO_WALL, peff=(2 ** (1 / 7) - 1) * 7 / 3.32 * 1.75 / 7200)
    assert Linear(NO_WALL, p).areas("stomach", 1.0)[1]["faeces"] == pytest.approx(0.5, rel=1e-9)


def test_mean_transit_times_add_up():
    """Nothing absorbed: stomach, small intestine and colon hold a dose for their mean transit times."""
    p = values(NO_WALL, peff=0.0)
    areas, _ = Linear(NO_WALL, p).areas("stomach", 1.0)
    assert areas["stomach"] == pytest.approx(0.25)
    assert sum(areas[f"intestine{i}"] for i in range(1, 8)) == pytest.approx(3.32)
    assert areas["colon"] == pytest.approx(24.0)


def test_a_solid_that_dissolves_on_its_way():
    """What is left undissolved leaves each place for the next with probability k/(k + kdiss)."""
    p = values(TABLET, kdiss=0.4, peff=1e6)  # what dissolves is gone
    _, kt = rates_of_transit(p)
    places = [p["gastric_emptying"], *[kt] * 7, 1 / p["colon_time"]]
    undissolved = np.prod([k / (k + 0.4) for k in places])
    reached_colon = np.prod([k / (k + 0.4) for k in places[:-1]])
    _, collected = Linear(TABLET, p).areas("solid_stomach", 1.0)
    # the colon does not absorb: all that reaches it ends in faeces
    assert collected["faeces"] == pytest.approx(reached_colon, rel=1e-6) and undissolved < reached_colon
    at_once = values(TABLET, kdiss=1e9)
    solution = Linear(TABLET, at_once).areas("stomach", 1.0)[1]["faeces"]
    assert Linear(TABLET, at_once).areas("solid_stomach", 1.0)[1]["faeces"] == pytest.approx(solution, rel=1e-7)


def test_a_tablet_in_one_lumen_is_late_by_its_dissolution():
    """Amounts times residence: solid for 1/kdiss, lumen for 1/ka, and nothing is lost on the way."""
    structure = pbpk("test/tablet", (Substance("drug", dissolution="first_order"),))
    p = values(structure, kdiss=0.8, ka=2.0, fa=0.7)
    areas, collected = Linear(structure, p).areas("solid", 1.0)
    assert (areas["solid"], areas["lumen"]) == pytest.approx((1 / 0.8, 1 / 2.0))
    assert collected["faeces"] == pytest.approx(0.3) and structure.route("oral").to == "solid"
    assert sum(collected.values()) == pytest.approx(1.0)


def test_noyes_and_whitney_stop_at_the_solubility():
    drug = Substance("drug", absorption="transit", dissolution="noyes_whitney")
    structure = pbpk("test/noyes", (drug,))
    p = values(structure, solubility=50.0, gastric_emptying=0.0)
    x = dict.fromkeys(structure.state_names, 0.0) | {"solid_stomach": 80.0}
    for dissolved, share in ((0.0, 1.0), (50.0 * p["fluid_stomach"] / 2, 0.5), (50.0 * p["fluid_stomach"], 0.0)):
        found = slopes(structure, x | {"stomach": dissolved}, p)
        assert found["stomach"] == pytest.approx(share * p["kdiss"] * 80.0) == -found["solid_stomach"]
    assert not analysis.is_linear(structure) and analysis.is_linear(TABLET)


@pytest.mark.parametrize("gut_wall", ["qgut", "enterocytes"])
@pytest.mark.parametrize("absorption", ["first_order", "transit"])
def test_oral_bioavailability_is_a_product(gut_wall, absorption):
    """F = Fa Fg Fh, Fg = Qgut/(Qgut + fu_gut clint): Yang et al. 2007, Curr Drug Metab 8:676."""
    structure = pbpk("test/wall", (Substance("drug", absorption=absorption, gut_wall=gut_wall, **WALL),))
    p = values(structure, clint_gut_metabolism=6.0, fu_gut=0.5, clperm=7.0, clint_metabolism=200.0, bp=0.8)
    body = Linear(structure, p)
    oral, collected = body.areas("lumen" if absorption == "first_order" else "stomach", 1.0)
    qgut = 18.0 * 7.0 / 25.0
    fa, fg = 1 - collected["faeces"], qgut / (qgut + 3.0)
    q = p["q_liver"] + p["q_gut"] + p["q_pancreas"] + p["q_spleen"]
    fh = q / (q + p["fu"] * 200.0 / p["bp"])
    assert body.seen(oral) / body.seen(body.areas("venous", 1.0)[0]) == pytest.approx(fa * fg * fh, rel=1e-10)
    assert collected["metabolised_gut"] == pytest.approx(fa * (1 - fg), rel=1e-10)


def test_enterohepatic_circulation_against_its_geometric_series():
    """Of what the liver takes, the share b is bile; fa of it comes back through the liver, of which b again is bile."""
    drug = {"renal": (), "pathways": (Pathway("metabolism"),)}
    around, straight = (pbpk("test/bile", (Substance("drug", bile=b, **drug),)) for b in ("enterohepatic", "faeces"))
    changed = {"clint_metabolism": 40.0, "clint_bile": 60.0, "fa": 0.7, "ka": 0.5}
    p = values(around, **changed)
    body, other = Linear(around, p), Linear(straight, values(straight, **changed))
    areas, collected = body.areas("venous", 100.0)
    q = p["q_liver"] + p["q_gut"] + p["q_pancreas"] + p["q_spleen"]
    bound = p["fu"] * 100.0 / p["bp"]
    once = 100.0 * (q + bound) / (q * bound)
    bile = 0.6 * 100.0 / (1 - 0.6 * 0.7)
    assert other.seen(other.areas("venous", 100.0)[0]) == pytest.approx(once, rel=1e-10)
    assert body.seen(areas) == pytest.approx(once + 0.7 * bile / bound, rel=1e-10)
    assert body.seen(areas) > 1.5 * once
    assert collected["faeces"] == pytest.approx(0.3 * bile, rel=1e-10)
    assert sum(collected.values()) == pytest.approx(100.0, rel=1e-10)
