"""Terms: arithmetic as data with units, and what is refused."""

import numpy as np
import pytest

from twinsim.errors import UnitError, UsageError
from twinsim.patient.terms import evaluate, measured, read_term

KNOWN = {
    "pressure": measured([100.0, 90.0], "mmHg"),
    "vein": measured([4.0, 4.0], "mmHg"),
    "flow": measured([1200.0, 1000.0], "mL/min"),
    "sodium": measured([140.0, 140.0], "mmol/L"),
    "part": measured(0.45, "1"),
}


def value(data, unit):
    return evaluate(read_term(data), KNOWN.__getitem__).in_unit(unit)


def test_arithmetic_over_units():
    """96 mmHg over 1.2 L/min; 140 mmol/L of 22.99 g/mol in 1728 L/d; a plasma flow."""
    resistance = {"ratio": [{"difference": ["pressure", "vein"]}, "flow"]}
    assert value(resistance, "mmHg min/L") == pytest.approx([80.0, 86.0])
    filtered = {"product": ["sodium", "flow", "22.99 g/mol"]}
    assert value(filtered, "g/d")[0] == pytest.approx(0.14 * 22.99 * 1728.0)
    plasma = {"product": ["flow", {"difference": ["1", "part"]}]}
    assert value(plasma, "mL/min") == pytest.approx([660.0, 550.0])
    assert value({"sum": ["vein", "vein", "1.5 mmHg"]}, "cmH2O")[0] == pytest.approx(9.5 * 1.35951, rel=1e-5)
    assert value({"product": ["-1", "vein"]}, "mmHg") == pytest.approx([-4.0, -4.0])


def test_values_over_time_meet_values_of_patients():
    curve = {"curve": measured(np.arange(6.0).reshape(3, 2), "mmHg"), **KNOWN}
    found = evaluate(read_term({"ratio": ["curve", "vein"]}), curve.__getitem__).in_unit("1")
    np.testing.assert_allclose(found, np.arange(6.0).reshape(3, 2) / 4.0)


def test_names_of_a_term():
    term = read_term({"ratio": [{"sum": ["a", "b", "2"]}, "c"]})
    assert list(term.names) == ["a", "b", "c"]


def test_units_that_do_not_fit():
    with pytest.raises(UnitError, match="cannot be added"):
        value({"sum": ["pressure", "flow"]}, "mmHg")
    with pytest.raises(UnitError, match="cannot be told in mL"):
        value("pressure", "mL")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"root": ["a", "b"]}, "no operation"),
        ({"ratio": ["a"]}, "2 parts"),
        ({"difference": ["a", "b", "c"]}, "2 parts"),
        ({"ratio": ["a", "b"], "sum": ["a", "b"]}, "no term"),
        ("", "no term"),
        (3, "no term"),
        ("1.2.3 mmHg", "no number"),
        ("1e999", "no number"),
        ({"sum": "ab"}, "2 parts"),
    ],
)
def test_what_is_no_term(data, words):
    with pytest.raises(UsageError, match=words):
        read_term(data)


def test_a_tower_of_terms_is_refused():
    data = "a"
    for _ in range(20):
        data = {"sum": [data, "a"]}
    with pytest.raises(UsageError, match="nested"):
        read_term(data)
