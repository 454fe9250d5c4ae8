"""Units of measurement: a small exact table, read once at the door, costing nothing inside.

A unit text is a product of symbols and powers:

    mg/L    L/h/kg    mg/(kg h)    mg/kg/h    1/h    h^-1    kg m2    10^9/L    mL/min/1.73m2    mL/min/kg^0.75

- A space, `*` or a middle dot multiplies; `/` divides by the next factor; a power is `m2`, `m^2` or `h^-1`.
- A number glued to a symbol belongs to it: `1.73m2`, `100g`, `24h`.
- A space after a `/` is refused because people mean two things by `mg/kg h`.
- Cells are a count, so `10^9 cells/L` and `10^9/L` are one unit. IU and U are one unit, and belong to their
  substance: no factor leads to a mass.
- degC has no factor to K: temperatures in degC stay in degC.

Scales are kept as exact fractions, so that `factor("h", "min")` is 60.0 and not 59.999.

Source: definitions of the SI Brochure (9th edition, 2019) tables 4-8; conventional mmHg and cmH2O from NIST SP 811
(2008) appendix B.8; thermochemical calorie 4.184 J (same); year of 365.25 d (IAU 1976).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from twinsim.errors import UnitError, nearest

Dimension = tuple[tuple[str, Fraction], ...]

_PREFIXES = {
    prefix: Fraction(10) ** exponent
    for prefix, exponent in (("k", 3), ("", 0), ("d", -1), ("c", -2), ("m", -3), ("u", -6), ("n", -9), ("p", -12))
}

# symbol without prefix: (prefixes in use, - for none, scale of the bare symbol in SI base units, dimension)
_FAMILIES: dict[str, tuple[str, Fraction, dict[str, int]]] = {
    "g": ("k - m u n p", Fraction(1, 1000), {"mass": 1}),
    "mol": ("- m u n p", Fraction(1), {"amount": 1}),
    "M": ("- m u n p", Fraction(1000), {"amount": 1, "length": -3}),
    "IU": ("k - m u", Fraction(1), {"activity": 1}),
    "U": ("- m u", Fraction(1), {"activity": 1}),
    "L": ("- d m u n", Fraction(1, 1000), {"length": 3}),
    "m": ("- c m u n", Fraction(1), {"length": 1}),
    "s": ("- m u", Fraction(1), {"time": 1}),
    "Pa": ("k -", Fraction(1), {"mass": 1, "length": -1, "time": -2}),
    "J": ("k -", Fraction(1), {"mass": 1, "length": 2, "time": -2}),
    "W": ("k - m", Fraction(1), {"mass": 1, "length": 2, "time": -3}),
    "A": ("- m u n p", Fraction(1), {"current": 1}),
    "V": ("- m u", Fraction(1), {"mass": 1, "length": 2, "time": -3, "current": -1}),
    "F": ("- m u n p", Fraction(1), {"mass": -1, "length": -2, "time": 4, "current": 2}),
    "S": ("- m u n p", Fraction(1), {"mass": -1, "length": -2, "time": 3, "current": 2}),
}

# symbols that take no prefix
_SINGLES: dict[str, tuple[Fraction, dict[str, int]]] = {
    "%": (Fraction(1, 100), {}),
    "cells": (Fraction(1), {}),
    "mcg": (Fraction(1, 10**9), {"mass": 1}),
    "mmHg": (Fraction(133322387415, 10**9), _FAMILIES["Pa"][2]),
    "cmH2O": (Fraction(980665, 10**4), _FAMILIES["Pa"][2]),
    "cal": (Fraction(4184, 1000), _FAMILIES["J"][2]),
    "kcal": (Fraction(4184), _FAMILIES["J"][2]),
    "K": (Fraction(1), {"temperature": 1}),
    "degC": (Fraction(1), {"temperature in degC": 1}),
    "min": (Fraction(60), {"time": 1}),
    "h": (Fraction(3600), {"time": 1}),
    **dict.fromkeys(("d", "day"), (Fraction(86400), {"time": 1})),
    "wk": (Fraction(7 * 86400), {"time": 1}),
    "y": (Fraction(36525, 100) * 86400, {"time": 1}),
}

# people's words for symbols: never units, only a better answer than the nearest spelling
_WORD_LIST = """hour:h hours:h hr:h hrs:h days:d minute:min minutes:min sec:s second:s seconds:s week:wk weeks:wk
    month:d months:d year:y years:y yr:y l:L ml:mL dl:dL ul:uL liter:L litre:L liters:L cc:mL gram:g grams:g gm:g
    kilogram:kg kilograms:kg milligram:mg mgs:mg percent:% torr:mmHg celsius:degC iu:IU dimensionless:1"""
_WORDS = {word: symbol for word, _, symbol in (pair.partition(":") for pair in _WORD_LIST.split())}


@dataclass(frozen=True)
class Unit:
    """A unit as text, with its exact scale in SI base units and its dimension; two texts of one unit share both."""

    text: str
    scale: Fraction
    dimension: Dimension

    @property
    def factor(self) -> float:
        """The scale as a float: value in SI base units = value * factor."""
        return float(self.scale)


def _symbols() -> dict[str, tuple[Fraction, dict[str, int]]]:
    table = dict(_SINGLES)
    for stem, (prefixes, scale, dimension) in _FAMILIES.items():
        for prefix in prefixes.replace("-", "").split(" "):
            table[prefix + stem] = (_PREFIXES[prefix] * scale, dimension)
    return table


SYMBOLS = _symbols()

# longer texts and larger scales are damage, not units; a third of the float64 range leaves room for ratios
_LONGEST, _DECADES = 120, 100
_LOOKALIKES = str.maketrans("µμ·⋅×−²³⁻¹", "uu***-23-1")
_TOKEN = re.compile(
    r"\s*(?:(?P<ten>10\^-?\d{1,3})"
    r"|(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<symbol>cmH2O|%|[A-Za-z]+)(?:(?:\^|\*\*)(?P<power>-?\d+(?:\.\d+)?)|(?P<glued>-?\d+))?"
    r"|(?P<mark>[*/()]))",
    re.ASCII,
)


class _Reader:
    """One pass over the text of a unit, left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(self._tokens(text.translate(_LOOKALIKES)))
        self.at = 0

    def _tokens(self, text: str):
        start, text = 0, text.rstrip()
        while start < len(text):
            match = _TOKEN.match(text, start)
            if match is None:
                raise self.fault(f"{text[start:].strip()!r} cannot be read")
            # a number belongs to the symbol it touches: 1.73m2, 100g
            touches = match.start("symbol") == start > 0 and text[start - 1].isdigit()
            yield match, touches
            start = match.end()

    def fault(self, why: str) -> UnitError:
        do = "write symbols joined by a space, * and /, powers as m2 or h^-1, for example mg/L or mg/(kg h)"
        return UnitError(f"{self.text!r} is not a unit", why=why, do=do)

    def peek(self, mark: str | None = None) -> bool:
        return self.at < len(self.tokens) and mark in (None, self.tokens[self.at][0]["mark"])

    def factor(self) -> Unit:
        """A symbol with its power, a number (with the symbol it touches), or a parenthesis."""
        if not self.peek():
            raise self.fault("it ends where a symbol was due")
        match, _ = self.tokens[self.at]
        self.at += 1
        if match["mark"] == "(":
            inside = self.product()
            if not self.peek(")"):
                raise self.fault("a parenthesis is not closed")
            self.at += 1
            return inside
        if match["mark"]:
            raise self.fault(f"{match['mark']!r} stands where a symbol was due")
        if match["symbol"]:
            return self.symbol(match)
        number = Fraction(10) ** int(match["ten"][3:]) if match["ten"] else Fraction(match["number"])
        if number == 0:
            raise self.fault("a unit cannot be zero")
        if match["number"] and self.peek() and self.tokens[self.at][1]:
            touching = self.factor()
            return Unit(self.text, number * touching.scale, touching.dimension)
        return Unit(self.text, number, ())

    def symbol(self, match: re.Match[str]) -> Unit:
        name, power = match["symbol"], Fraction(match["power"] or match["glued"] or 1)
        if name not in SYMBOLS:
            raise _unknown(name, self.text)
        if abs(power) > 12:
            raise self.fault(f"the power {power} is no power of a unit")
        scale, dimension = SYMBOLS[name]
        # exact for whole powers; kg^0.75 and the like have an irrational scale
        scaled = scale**power.numerator if power.denominator == 1 else Fraction(float(scale) ** float(power))
        return Unit(self.text, scaled, tuple(sorted((key, size * power) for key, size in dimension.items() if power)))

    def product(self) -> Unit:
        result, divided = self.factor(), False
        while self.peek() and not self.peek(")"):
            if self.peek("/"):
                self.at, divided = self.at + 1, True
                result = _times(result, self.factor(), -1)
            elif divided and not self.peek("*"):
                raise self.fault("after a / a space may mean either: write mg/(kg h) or mg/kg/h, or h mg/L")
            else:
                self.at += self.peek("*")
                result = _times(result, self.factor(), 1)
        return result


def _times(a: Unit, b: Unit, sign: int) -> Unit:
    sizes = dict(a.dimension)
    for key, size in b.dimension:
        sizes[key] = sizes.get(key, Fraction(0)) + sign * size
    return Unit(a.text, a.scale * b.scale**sign, tuple(sorted((key, size) for key, size in sizes.items() if size)))


def _unknown(name: str, text: str) -> UnitError:
    known = _WORDS.get(name.lower())
    hint = f"write {known}" if known else nearest(name, SYMBOLS)
    return UnitError(f"{name!r} is not a unit twinsim knows", where=f"in {text!r}" if text != name else "", do=hint)


@lru_cache(maxsize=1024)
def parse(text: str) -> Unit:
    """The unit a text names.

    >>> parse("mg/L").dimension == parse("ug/mL").dimension
    True
    >>> parse("mg/L").factor == parse("ug/mL").factor
    True
    >>> parse("hours")
    Traceback (most recent call last):
    twinsim.errors.UnitError: 'hours' is not a unit twinsim knows
      do: write h

    Args:
        text: for example "mg/L", "1/h", "mL/min/1.73m2"; "1" and "%" are dimensionless.

    Raises:
        UnitError: an unknown symbol, with the nearest known ones, or a text that cannot be read.
    """
    if not isinstance(text, str) or not text.strip():
        raise UnitError(f"{text!r} is not a unit", do='write it in quotes, for example "mg/L", or "1" for no dimension')
    if len(text) > _LONGEST:
        raise UnitError(f"a text of {len(text)} characters is not a unit", where=f"{text[:40]!r} ...")
    reader = _Reader(text)
    unit = reader.product()
    if reader.peek():
        raise reader.fault("a parenthesis is closed that was never opened")
    if not Fraction(1, 10**_DECADES) <= unit.scale <= 10**_DECADES:
        raise reader.fault("its size lies outside what a float can hold")
    return unit


def describe(unit: str | Unit) -> str:
    """The dimension of a unit in words.

    >>> describe("mg/L")
    'mass length^-3'
    >>> describe("%")
    'no dimension'
    """
    parts = sorted((parse(unit) if isinstance(unit, str) else unit).dimension, key=lambda part: part[1] < 0)
    return " ".join(name if size == 1 else f"{name}^{size}" for name, size in parts) or "no dimension"


def compatible(a: str, b: str) -> bool:
    """Whether one factor leads from unit `a` to unit `b`.

    >>> compatible("ng/mL", "mg/L"), compatible("mg/L", "mmol/L")
    (True, False)
    """
    return parse(a).dimension == parse(b).dimension


def factor(from_: str, to: str) -> float:
    """The number that turns a value in `from_` into a value in `to`.

    >>> factor("h", "min"), factor("ng/mL", "mg/L"), factor("mg/(kg h)", "ug/kg/min")
    (60.0, 0.001, 16.666666666666668)

    Raises:
        UnitError: the two have different dimensions; both are named.
    """
    a, b = parse(from_), parse(to)
    if a.dimension != b.dimension:
        why = f"{from_} is {describe(a)}, {to} is {describe(b)}"
        raise UnitError(f"{from_!r} does not fit {to!r}", why=why, do=_bridge(a, b))
    return float(a.scale / b.scale)


def _bridge(a: Unit, b: Unit) -> str:
    """What leads from one dimension to the other, where that has a name."""
    differs = {key for key, _ in set(a.dimension) ^ set(b.dimension)}
    for pair, advice in (
        ({"mass", "amount"}, "convert with the molar mass [g/mol] first"),
        ({"mass", "activity"}, "convert with the substance's potency [IU/mg] first"),
        ({"temperature", "temperature in degC"}, "K = degC + 273.15: convert before, or keep degC"),
    ):
        if differs == pair:
            return advice
    return "give a unit of the same dimension"


def convert(values: Any, from_: str, to: str) -> Any:
    """Values in another unit; the array type stays as it is.

    >>> convert(2.0, "d", "h")
    48.0

    Raises:
        UnitError: as `factor`.
    """
    scale = factor(from_, to)
    return values if scale == 1.0 else values * scale
