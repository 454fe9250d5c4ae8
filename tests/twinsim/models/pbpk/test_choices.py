"""Choices that are unknown or contradict each other are refused, with what to write instead."""

import pytest

from twinsim.errors import ModelError
from twinsim.models.pbpk import Pathway, Substance, pbpk

WALL = (Pathway("cyp3a4", enzyme="cyp3a4", sites=("liver", "gut")),)
CLEARED_IN_WALL = Substance("a", WALL, gut_wall="enterocytes")


@pytest.mark.parametrize(
    ("build", "what", "do"),
    [
        (lambda: pbpk("x", tissues=("liver", "lung", "kidny")), "unknown 'kidny'", "kidney"),
        (lambda: pbpk("x", tissues=("liver", "kidney")), "lung is missing", "add 'lung'"),
        (lambda: pbpk("x", tissues=("liver", "lung", "liver")), "liver is listed twice", "once"),
        (lambda: pbpk("x", permeability_limited=("brain", "brain")), "brain is listed twice", "once"),
        (lambda: pbpk("x", tissues="liver"), "one word", "('liver',)"),
        (lambda: pbpk("x", tissues=("liver", "lung")), "no kidney", "renal=()"),
        (lambda: pbpk("x", permeability_limited=("muscel",)), "unknown 'muscel'", "muscle"),
        (lambda: pbpk("x", liver="well_stired"), "unknown 'well_stired'", "well_stirred"),
        (lambda: pbpk("x", liver="parallel_tube", permeability_limited=("liver",)), "perfusion", "well_stirred"),
        (lambda: pbpk("x", ()), "no substance", "drug"),
        (lambda: pbpk("x", ("a", "a")), "called 'a'", "a word of its own"),
        (lambda: pbpk("x", ("liver",)), "called 'liver'", "a word of its own"),
        (lambda: pbpk("x", (Substance("a", (Pathway("way", makes="b"),)),)), "no substance 'b'", "known: a"),
        (lambda: pbpk("x", (Substance("a", induces=("cyp3a4",)),)), "no pathway has the enzyme 'cyp3a4'", "known"),
        (lambda: pbpk("x", (CLEARED_IN_WALL, Substance("b", inhibits=("cyp3a4",)))), "gut wall", "enterocytes"),
        (lambda: pbpk("x", (Substance("a", inhibits="cyp3a4"),)), "one word", "('cyp3a4',)"),
        (lambda: pbpk("x", "drug"), "one word", "('drug',)"),
        (lambda: Substance("a", absorption="transitt"), "unknown absorption 'transitt'", "transit"),
        (lambda: Substance("a", absorption=None, dissolution="first_order"), "a solid", "transit"),
        (lambda: Substance("a", dissolution="noyes_whitney"), "a solubility", "transit"),
        (lambda: Substance("a", absorption=None, bile="enterohepatic"), "no lumen", "first_order"),
        (lambda: Substance("a", WALL), "gut wall", "enterocytes"),
        (lambda: Substance("a", (Pathway("w", sites=("gut",), saturable=True),), gut_wall="qgut"), "constant", "enter"),
        (lambda: Substance("a", renal=("filtrate",)), "unknown 'filtrate'", "filtration"),
        (lambda: Substance("a", renal=("secretion", "saturable_secretion")), "either", "keep one"),
        (lambda: Substance("a", (Pathway("w"), Pathway("w"))), "one name", "its own"),
        (lambda: Pathway("w", sites=("bowel",)), "unknown 'bowel'", "gut"),
        (lambda: Pathway("w", sites="gut"), "one word", "('gut',)"),
    ],
)
def test_refusals(build, what, do):
    with pytest.raises(ModelError) as refused:
        build()
    assert what in refused.value.what and do in refused.value.do


def test_a_constant_extraction_takes_no_interactions():
    victim = Substance("victim", WALL, gut_wall="qgut")
    with pytest.raises(ModelError, match="constant"):
        pbpk("x", (victim, Substance("b", absorption=None, inhibits=("cyp3a4",))))
    with pytest.raises(ModelError, match="saturates"):
        pbpk("x", (Substance("a", (Pathway("w", saturable=True),)),), liver="parallel_tube")


def test_names_end_in_the_substance_only_among_several():
    one, two = pbpk("x"), pbpk("x", ("a", "b"))
    assert {"fu", "kp_liver", "clint_metabolism", "v_liver"} <= set(one.parameter_names)
    assert {"fu_a", "kp_liver_b", "clint_metabolism_a", "v_liver"} <= set(two.parameter_names)
    assert [route.name for route in one.routes] == ["oral", "iv"]
    assert [route.name for route in two.routes] == ["oral_a", "iv_a", "oral_b", "iv_b"]
    assert one.compartment(1).name == "oral" and one.state_names[0] == "lumen"
    with pytest.raises(ModelError, match="did you mean fu_a"):
        two.parameter("fu_aa")
