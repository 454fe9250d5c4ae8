"""Derived covariates against published worked values and other people's programs."""

import jax.numpy as jnp
import numpy as np
import pytest

from twinsim.errors import UsageError
from twinsim.population import COVARIATES, DERIVED, derive
from twinsim.population import derived as formulas
from twinsim.units import parse

UMOL = 88.42  # [umol/L per mg/dL], as the programs below convert
M, F = 0.0, 1.0


@pytest.mark.parametrize(
    ("sex", "age", "creatinine", "expected", "digits"),
    [
        # calculator of the National Kidney Foundation, kidney.org, CKD-EPI creatinine equation (2021)
        (M, 55.0, 1.2, 71, 0),
        (M, 55.0, 1.09, 80, 0),
        (F, 65.0, 85 / UMOL, 66, 0),
        # R package admiral (pharmaverse), tests of compute_egfr; creatinine from umol/L
        (M, 55.0, 96.3 / UMOL, 80.2293, 4),
        (F, 52.0, 70 / UMOL, 89.7175, 4),
        (M, 67.0, 77 / UMOL, 94.5453, 4),
        (F, 76.0, 65 / UMOL, 84.4646, 4),
    ],
)
def test_ckd_epi_2021(sex, age, creatinine, expected, digits):
    got = float(formulas.gfr_ckd_epi_2021(sex, age, creatinine))
    assert got == pytest.approx(expected, abs=0.5 * 10.0**-digits if not digits else 2e-4 * expected)


@pytest.mark.parametrize(
    ("sex", "age", "weight", "creatinine", "expected"),
    [
        # National Kidney Foundation's Cockcroft-Gault calculator
        (M, 55.0, 90.0, 1.09, 97),
        (F, 65.0, 60.0, 85 / UMOL, 55),
        # R package clinPK, tests of calc_egfr
        (M, 40.0, 80.0, 1.0, 111),
        (M, 40.0, 80.0, 3.0, 37),
    ],
)
def test_cockcroft_gault(sex, age, weight, creatinine, expected):
    assert round(float(formulas.clearance_cockcroft_gault(sex, age, weight, creatinine))) == expected


def test_cockcroft_gault_of_the_obese_by_weight_used():
    """clinPK, tests of calc_egfr: cockcroft_gault_ideal at 40 y, cockcroft_gault_adjusted at 50 y; 150 kg, 180 cm."""
    person = {"sex": M, "weight": 150.0, "height": 180.0, "creatinine": 1.0}
    assert round(float(derive({**person, "age": 40.0})["crcl_ideal"])) == 104
    assert round(float(derive({**person, "age": 50.0})["crcl_adjusted"])) == 131
    assert round(float(derive({**person, "age": 50.0})["crcl"])) == 188


@pytest.mark.parametrize(
    ("height", "weight", "du_bois", "mosteller"), [(170, 75, 1.864, 1.882), (185, 90, 2.141, 2.151)]
)
def test_surface_area(height, weight, du_bois, mosteller):
    """R package admiral, tests of compute_bsa."""
    assert float(formulas.surface_area_du_bois(height, weight)) == pytest.approx(du_bois, abs=5e-4)
    assert float(formulas.surface_area_mosteller(height, weight)) == pytest.approx(mosteller, abs=5e-4)


def test_lean_mass():
    """clinPK, tests of ffm_janmahasatian_green, calc_ffm and ffm_james."""
    assert float(formulas.fat_free_mass_janmahasatian(M, 150.0, 80.0)) == pytest.approx(51.643454, abs=1e-6)
    tall = 100 * np.sqrt(80 / 30)
    assert round(float(formulas.fat_free_mass_janmahasatian(M, tall, 80.0))) == 56
    assert round(float(formulas.fat_free_mass_janmahasatian(F, tall, 80.0))) == 46
    assert float(formulas.lean_mass_james(F, 150.0, 80.0)) == pytest.approx(43.502222, abs=1e-6)


def test_ideal_weight():
    """clinPK, tests of ibw_devine; Devine's own line at 5 feet."""
    assert float(formulas.ideal_weight_devine(F, 160.0)) == pytest.approx(52.381890, abs=1e-6)
    assert float(formulas.ideal_weight_devine(M, 160.0)) == pytest.approx(56.881890, abs=1e-6)
    assert float(formulas.ideal_weight_devine(M, 152.4)) == pytest.approx(50.0)


def test_adjusted_weight_is_never_above_the_weight():
    assert float(formulas.adjusted_weight(70.0, 60.0)) == 60.0
    assert float(formulas.adjusted_weight(70.0, 120.0)) == pytest.approx(90.0)


PERSON = {"sex": 1.0, "age": 60.0, "height": 165.0, "weight": 70.0, "creatinine": 0.9}


def test_derive_adds_everything_it_can():
    out = derive(PERSON)
    assert set(out) == {*PERSON, *DERIVED}
    assert set(derive({"weight": 70.0})) == {"weight"}


def test_derive_never_overwrites():
    out = derive({**PERSON, "bsa": 2.0, "egfr": 50.0})
    assert out["bsa"] == 2.0
    assert float(out["gfr"]) == pytest.approx(50.0 * 2.0 / 1.73)


def test_derive_by_name():
    out = derive(PERSON, ["gfr"])
    assert set(out) == {*PERSON, "bsa", "egfr", "gfr"}
    with pytest.raises(UsageError, match="did you mean bsa"):
        derive(PERSON, ["bsaa"])
    with pytest.raises(UsageError, match="it needs creatinine"):
        derive({"sex": 0.0, "age": 50.0}, ["egfr"])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_any_shape_and_precision(shape, dtype):
    out = derive({name: np.full(shape, value, dtype) for name, value in PERSON.items()})
    one = derive(PERSON)
    for name in DERIVED:
        assert out[name].shape == shape
        assert out[name].dtype == dtype
        np.testing.assert_allclose(out[name], float(one[name]), rtol=1e-5 if dtype == np.float32 else 1e-14)


def test_whole_numbers_are_numbers():
    assert float(derive({"height": np.int64(180), "weight": np.int64(80)})["bmi"]) == pytest.approx(80 / 1.8**2)


def test_women_differ_from_men():
    out = derive({**{name: jnp.full(2, value) for name, value in PERSON.items()}, "sex": jnp.array([0.0, 1.0])})
    for name in ("lean_mass", "ideal_weight", "egfr", "crcl"):
        assert out[name][0] != out[name][1]


def test_registry_is_whole():
    assert {"bmi", "bsa", "lean_mass", "ideal_weight", "egfr", "crcl"} <= set(DERIVED)
    seen = {"sex", "age", "height", "weight", "creatinine"}
    for name, formula in DERIVED.items():
        assert formula.name == name and formula.source and formula.meaning
        assert set(formula.needs) <= seen, "a formula must follow those it needs"
        parse(formula.unit)
        assert COVARIATES[name].unit == formula.unit
        seen.add(name)
