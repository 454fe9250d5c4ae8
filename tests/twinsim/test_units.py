"""The unit table against pint, and what is refused."""

import math
import re

import numpy as np
import pint
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinsim import units
from twinsim.errors import UnitError

# our symbol -> pint's name, where they differ or where pint means something else
PINT = {
    "M": "mol/L", "mM": "mmol/L", "uM": "umol/L", "nM": "nmol/L", "pM": "pmol/L", "%": "percent", "cells": "count",
    "mcg": "microgram", "d": "day", "wk": "week", "y": "year", "degC": "delta_degC", "U": "IU", "mU": "mIU",
    "uU": "uIU", "cal": "calorie", "kcal": "kilocalorie", "cmH2O": "centimeter_H2O",
}  # fmt: skip


@pytest.fixture(scope="module")
def registry():
    ureg = pint.UnitRegistry()
    ureg.define("IU = [potency]")
    return ureg


@pytest.mark.parametrize("symbol", sorted(units.SYMBOLS))
def test_every_symbol_agrees_with_pint(registry, symbol):
    ours, theirs = units.parse(symbol), registry.Quantity(1.0, PINT.get(symbol, symbol)).to_base_units()
    # pint's base is SI except for the gram, where its base is the gram or the kilogram by version
    mass = dict(ours.dimension).get("mass", 0)
    in_si = theirs.m if "gram" not in str(theirs.u) or "kilogram" in str(theirs.u) else theirs.m * 1e-3**mass
    # pint has the density of water for cmH2O (about 3e-7 off the conventional value)
    assert math.isclose(ours.factor, in_si, rel_tol=1e-6 if symbol == "cmH2O" else 1e-9)
    names = {"substance": "amount", "potency": "activity"}
    theirs_dimension = {names.get(k.strip("[]"), k.strip("[]")): v for k, v in theirs.dimensionality.items()}
    if symbol == "degC":
        theirs_dimension = {"temperature in degC": 1}
    assert {k: float(v) for k, v in ours.dimension} == theirs_dimension


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("mg/L", "ug/mL"), ("L/h", "mL/min"), ("mg/kg/h", "ug/kg/min"), ("1/h", "1/d"), ("L/h/kg", "mL/min/kg"),
        ("kg m2", "g cm2"), ("mmol/L", "umol/mL"), ("mmHg", "kPa"), ("kcal/d", "W"), ("10^9/L", "1/uL"),
        ("mg h/L", "ug min/mL"), ("mmHg min/L", "Pa s/m3"), ("uA/uF", "V/s"), ("m^2", "cm2"), ("m3", "L"),
    ],
)  # fmt: skip
def test_composed_units_agree_with_pint(registry, a, b):
    def spell(text):
        text = text.replace("10^9", "1000000000")
        return re.sub(r"([A-Za-z])(\d)", r"\1**\2", text.replace("^", "**")).replace(" ", "*")

    expected = registry(spell(a)).to(registry.Unit(spell(b))).m
    assert math.isclose(units.factor(a, b), expected, rel_tol=1e-12)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [("h", "min", 60.0), ("d", "h", 24.0), ("wk", "d", 7.0), ("g", "mg", 1000.0), ("L", "mL", 1000.0),
     ("mL", "L", 0.001),
     ("mg/L", "ng/mL", 1000.0), ("%", "1", 0.01), ("y", "d", 365.25), ("kcal", "kJ", 4.184), ("mg", "mg", 1.0),
     ("mg/L", "g/m3", 1.0), ("1/min", "1/h", 60.0), ("mcg", "µg", 1.0), ("μmol", "nmol", 1000.0)],
)  # fmt: skip
def test_factors_are_exact(a, b, expected):
    assert units.factor(a, b) == expected


@pytest.mark.parametrize(
    "same",
    [("mg/(kg h)", "mg/kg/h", "mg kg^-1 h^-1", "mg·kg⁻¹·h⁻¹", "mg kg-1 h-1", "mg/(kg*h)"),
     ("m2", "m^2", "m**2", "m²", "m m"),
     ("10^9/L", "10^9 cells/L", "1000 cells/uL", "10^3/uL"), ("mg h/L", "mg/L*h", "h mg/L"), ("IU/mL", "U/mL"),
     ("1/h", "h^-1", "h-1"), ("mL/100g/min", "mL/(100 g min)")],
)  # fmt: skip
def test_spellings_of_one_unit(same):
    first = units.parse(same[0])
    for text in same[1:]:
        assert (units.parse(text).scale, units.parse(text).dimension) == (first.scale, first.dimension)


def test_normalised_gfr_is_not_a_flow():
    # 120 mL/min/1.73m2 in a body of 1.73 m2 is 120 mL/min, in L/h/m2 it is 120*0.06/1.73
    assert units.factor("mL/min/1.73m2", "L/h/m2") == pytest.approx(0.06 / 1.73, rel=1e-15)
    assert not units.compatible("mL/min/1.73m2", "mL/min")


def test_allometric_power_of_a_unit():
    assert units.factor("L/h/kg^0.75", "mL/min/kg^0.75") == pytest.approx(1000 / 60)
    assert units.factor("L/h/g^0.75", "L/h/kg^0.75") == pytest.approx(1000**0.75)


@pytest.mark.parametrize(
    ("text", "says"),
    [("hours", "write h"), ("days", "write d"), ("ml", "write mL"), ("mgg", "mg"), ("xyzzy", "known:"),
     ("", '"1" for no dimension'),
     ("mg/kg h", "either"), ("mg//L", "symbol was due"), ("mg/", "ends"), ("(mg", "not closed"),
     ("mg)", "never opened"),
     ("0", "zero"), ("m^99", "power"), ("mg$", "cannot be read"), ("kg/month", "write d"), ("9" * 119, "size"),
     ("m " * 99, "characters")],
)  # fmt: skip
def test_refusals_say_what_to_write(text, says):
    with pytest.raises(UnitError, match=re.escape(says)):
        units.parse(text)


def test_a_unit_is_a_text():
    with pytest.raises(UnitError, match="quotes"):
        units.parse(1.0)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("a", "b", "names"),
    [("mg/L", "mmol/L", ["mass length^-3", "amount length^-3", "molar mass"]), ("IU", "mg", ["potency"]),
     ("degC", "K", ["273.15"]), ("h", "mg", ["time", "mass"]), ("L", "1", ["length^3", "no dimension"])],
)  # fmt: skip
def test_a_misfit_names_both_dimensions(a, b, names):
    with pytest.raises(UnitError) as refused:
        units.factor(a, b)
    assert all(name in str(refused.value) for name in [a, b, *names])


def test_convert_keeps_the_array_type():
    values = np.array([1.0, 2.0])
    assert np.array_equal(units.convert(values, "d", "h"), [24.0, 48.0])
    assert units.convert(values, "mg/L", "ug/mL") is values


@given(st.text(alphabet=st.sampled_from("mgLhkd/ *()^-.0129µ%µU²"), max_size=30) | st.text(max_size=30))
def test_any_text_is_a_unit_or_a_unit_error(text):
    try:
        unit = units.parse(text)
    except UnitError:
        return
    assert unit.factor > 0 and math.isfinite(unit.factor)
