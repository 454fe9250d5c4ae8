"""Every covariate relation against numbers worked out by hand."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from twinsim.errors import DataError, ModelError
from twinsim.population.covariate_effects import KINDS
from twinsim.population.model import population_model


def model(relations, covariates=None, value="10 L/h", **more):
    entry = {"value": value, "relations": relations}
    return population_model(
        {
            "title": "test",
            "structure": "pk/one_compartment_iv",
            "covariates": covariates or {},
            "parameters": {"cl": entry, "v": {"value": "50 L"}},
            **more,
        }
    )


def clearance(built, **given):
    return float(built.individual({name: jnp.asarray([value]) for name, value in given.items()})["cl"][0])


WARD = {"ward": {"levels": {"general": 0, "icu": 1, "burns": 2}}}
GENE = {"cyp2c9": {"levels": {"*1/*1": 0, "*1/*3": 1, "*3/*3": 2}}}
PMA = {"pma": {"unit": "wk"}}

CASES = {
    "power": ([{"power": {"covariate": "weight", "reference": "70 kg", "exponent": 2}}], {}, {"weight": 140.0}, 40.0),
    "allometric": (
        [{"allometric": {"covariate": "weight", "reference": "70 kg", "exponent": 0.75}}],
        {},
        {"weight": 35.0},
        10.0 * 0.5**0.75,
    ),
    "exponential": (
        [{"exponential": {"covariate": "age", "reference": "40 y", "slope": -0.01}}],
        {},
        {"age": 60.0},
        10.0 * math.exp(-0.2),
    ),
    "linear": (
        [{"linear": {"covariate": "crcl", "reference": "66 mL/min", "slope": "0.0154 1/(mL/min)"}}],
        {},
        {"crcl": 86.0},
        10.0 * 1.308,
    ),
    "additive": (
        [
            {
                "additive": {
                    "terms": [
                        {"covariate": "weight", "reference": "77 kg", "coefficient": "0.0456 L/min/kg"},
                        {"covariate": "height", "reference": "177 cm", "coefficient": "0.0264 L/min/cm"},
                    ]
                }
            }
        ],
        {},
        {"weight": 87.0, "height": 167.0},
        10.0 + 60.0 * (0.456 - 0.264),
    ),
    "threshold": ([{"threshold": {"covariate": "age", "below": "15 y", "factor": 0.752}}], {}, {"age": 14.0}, 7.52),
    "categorical": (
        [{"categorical": {"covariate": "ward", "factors": {"icu": 1.3}}}],
        WARD,
        {"ward": 1.0},
        13.0,
    ),
    "genotype": (
        [{"genotype": {"covariate": "cyp2c9", "factors": {"*1/*1": 1, "*1/*3": 0.7, "*3/*3": 0.4}}}],
        GENE,
        {"cyp2c9": 2.0},
        4.0,
    ),
    "cap": (
        [
            {"power": {"covariate": "weight", "reference": 70, "exponent": 1}},
            {"cap": {"at_most": "200 mL/min"}},
        ],
        {},
        {"weight": 140.0},
        12.0,
    ),
    "maturation": (
        [{"maturation": {"tm50": "47.7 wk", "hill": 3.4}}],
        PMA,
        {"pma": 40.0},
        10.0 * 40.0**3.4 / (40.0**3.4 + 47.7**3.4),
    ),
    "binding": (
        [{"binding": {"covariate": "albumin", "reference": "42 g/L", "unbound": "20 %"}}],
        {},
        {"albumin": 21.0},
        10.0 / 0.2 / (1.0 + 4.0 * 0.5),
    ),
}


def test_no_relation_is_left_out():
    assert set(CASES) | {"proportional"} == set(KINDS)


@pytest.mark.parametrize("kind", CASES)
def test_relation(kind):
    relations, covariates, given, expected = CASES[kind]
    assert clearance(model(relations, covariates), **given) == pytest.approx(expected, rel=1e-12)


def test_proportional_takes_its_unit_from_the_covariate():
    built = model([{"proportional": {"covariate": "crcl"}}], value="0.047 L/h/(mL/min)")
    assert clearance(built, crcl=92.0) == pytest.approx(4.324, rel=1e-12)  # Xuan 2004: 4.32 L/h at 92 mL/min
    built = model([{"proportional": {"covariate": "weight"}}], value="2 mL/min/kg")
    assert clearance(built, weight=70.0) == pytest.approx(8.4, rel=1e-12)
    built = model(
        [{"proportional": {"covariate": "weight"}}, {"proportional": {"covariate": "apgar"}}],
        {"apgar": {"unit": "1"}},
        value="2 mL/min/kg",
    )
    assert clearance(built, weight=70.0, apgar=0.5) == pytest.approx(4.2, rel=1e-12)


def test_a_typical_value_in_other_units_is_converted_once():
    assert model([], value="2 L/d").thetas["cl"] == 2.0 / 24.0
    assert model([], value="100 mL/min").thetas["cl"] == 6.0


def test_threshold_is_strict_and_has_two_sides():
    below = model([{"threshold": {"covariate": "age", "below": 15, "change": -0.5}}])
    assert [clearance(below, age=a) for a in (14.9, 15.0, 15.1)] == [5.0, 10.0, 10.0]
    above = model([{"threshold": {"covariate": "age", "above": 65, "factor": 0.5}}])
    assert [clearance(above, age=a) for a in (64.9, 65.0, 65.1)] == [10.0, 10.0, 5.0]


def test_relations_act_in_the_order_written():
    power = {"power": {"covariate": "weight", "reference": 70, "exponent": 1}}
    cap = {"cap": {"at_least": "11 L/h", "at_most": "12 L/h"}}
    assert clearance(model([power, cap]), weight=140.0) == 12.0
    assert clearance(model([cap, power]), weight=140.0) == 22.0


def test_binding_is_that_of_the_reference_and_stays_a_fraction():
    binding = {"binding": {"covariate": "aag", "reference": "0.8 g/L", "unbound": 0.01, "factor": "unbound_factor"}}
    built = model([binding])
    assert clearance(built, aag=0.8, unbound_factor=1.0) == pytest.approx(10.0)
    assert clearance(built, aag=0.0, unbound_factor=1.0) == pytest.approx(1000.0)
    # little is free: nearly the factor itself
    assert clearance(built, aag=0.8, unbound_factor=1.5) == pytest.approx(10.0 / (0.01 + 0.99 / 1.5), rel=1e-12)
    assert built.numbers["cl.aag.unbound"].fixed


def test_binding_refuses_what_cannot_be():
    with pytest.raises(ModelError) as caught:
        model([{"binding": {"covariate": "albumin", "reference": 0, "unbound": 1.2, "factor": "weight"}}])
    for words in ("0 is not above zero", "1.2 lies outside", "weight is in kg"):
        assert words in caught.value.why


def test_limits_of_a_covariate_hold_in_every_relation():
    crcl = {"crcl": {"unit": "mL/min", "at_least": 20, "at_most": "9 L/h"}}
    built = model([{"power": {"covariate": "crcl", "reference": 100, "exponent": 1}}], crcl)
    assert [clearance(built, crcl=c) for c in (5.0, 100.0, 400.0)] == pytest.approx([2.0, 10.0, 15.0], rel=1e-12)


def test_covariates_are_converted_from_the_units_of_the_cohort():
    grams = {"weight": {"unit": "g", "typical": 1520}}
    built = model([{"power": {"covariate": "weight", "reference": "1000 g", "exponent": 1}}], grams)
    assert clearance(built, weight=1.5) == pytest.approx(15.0)
    assert built.typical_covariates == {"weight": pytest.approx(1.52)}


def test_derived_covariates_are_computed_where_the_cohort_lacks_them():
    built = model([{"power": {"covariate": "crcl", "reference": 100, "exponent": 1}}])
    # Cockcroft and Gault 1976: (140 - 60) 72 / (72 x 1.0) = 80 mL/min for a man
    assert clearance(built, sex=0.0, age=60.0, weight=72.0, creatinine=1.0) == pytest.approx(8.0)
    assert clearance(built, sex=0.0, age=60.0, weight=72.0, creatinine=1.0, crcl=50.0) == pytest.approx(5.0)
    size = {"ffm": {"unit": "kg", "formula": "lean_mass"}}
    named = model([{"linear": {"covariate": "ffm", "reference": 0, "slope": 1}}], size)
    # Janmahasatian 2005: 9270 x 80 / (6680 + 216 x 80/1.8^2)
    expected = 10.0 * (1.0 + 9270 * 80 / (6680 + 216 * 80 / 1.8**2))
    assert clearance(named, sex=0.0, height=180.0, weight=80.0) == pytest.approx(expected, rel=1e-9)
    with pytest.raises(DataError, match="crcl is missing"):
        built.individual({"weight": np.array([70.0]), "age": np.array([50.0])})


def test_an_unknown_level_is_refused_with_the_patients():
    built = model(*CASES["categorical"][:2])
    with pytest.raises(DataError) as caught:
        built.individual({"ward": np.array([0.0, 1.0, 5.0])}, patient_ids=np.array([11, 12, 13]))
    assert "ward" in caught.value.what and "patient 13" in caught.value.where
    with pytest.raises(DataError, match="missing") as caught:
        built.individual({"ward": np.array([[0.0, np.nan], [0.0, 1.0]])}, patient_ids=np.array([11, 12]))
    assert "patient 12" in caught.value.where


def test_two_slopes_of_one_covariate_have_two_names():
    built = model(
        [
            {"linear": {"covariate": "age", "reference": 40, "slope": 0.01}},
            {"linear": {"covariate": "age", "reference": 60, "slope": 0.02}},
        ]
    )
    assert list(built.thetas)[:3] == ["cl", "cl.age.slope", "cl.age.slope_2"]
    assert clearance(built, age=50.0) == pytest.approx(10.0 * 1.1 * 0.8)
