"""What a traced number measures, and what each elementary operation does to it.

A quantity is a dimension and the possible scales of its unit. There is more than one where a bare number stands in
the equations: 60 may be a pure number, or 60 min/h, so that `60 * x` with x in 1/min may be meant in 1/min or in 1/h.
Both readings are kept until something decides. Zero and infinity fit every unit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from twinsim import units

# logarithms of scales closer than this are one scale: far below any real factor, far above rounding
_SAME = 1e-7
# readings kept; a product of so many bare numbers may be in any unit of its dimension
_MOST = 64


@dataclass(frozen=True)
class Quantity:
    """A dimension (None: fits any) with the logarithms of its possible scales (None: any), and a constant's value."""

    dimension: units.Dimension | None
    scales: tuple[float, ...] | None
    value: float | None = None


ANY = Quantity(None, None)
PURE = Quantity((), (0.0,))


class Misfit(Exception):
    """Two quantities that do not belong together, or one that an operation cannot take; `doing` has a {} for each."""

    def __init__(self, doing: str, first: Quantity, second: Quantity | None = None) -> None:
        super().__init__(doing)
        self.doing, self.first, self.second = doing, first, second


def of_unit(text: str, per: str = "1") -> Quantity:
    """The quantity of a variable in that unit (per another one)."""
    top, bottom = units.parse(text), units.parse(per)
    return product(
        Quantity(top.dimension, (math.log(top.scale),)), Quantity(bottom.dimension, (math.log(bottom.scale),)), -1
    )


def unit_per(unit: str, per: str) -> str:
    """The text of a unit divided by another one.

    >>> unit_per("mg", "h"), unit_per("1", "h"), unit_per("h mg/L", "h")
    ('mg/h', '1/h', '(h mg/L)/h')
    """
    if per == "1":
        return unit
    return f"({unit})/{per}" if " " in unit or "*" in unit else f"{unit}/{per}"


def constant(value: Any) -> Quantity:
    """The quantity of a bare number."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return ANY
    if number == 0.0 or not math.isfinite(number):
        return Quantity(None, None, number)
    return Quantity((), _distinct([0.0, -math.log(abs(number))]), number)


def _distinct(logs: Sequence[float]) -> tuple[float, ...] | None:
    kept: list[float] = []
    for log in sorted(logs):
        if not kept or log - kept[-1] > _SAME:
            kept.append(log)
    return tuple(kept) if len(kept) <= _MOST else None


def product(a: Quantity, b: Quantity, sign: int = 1) -> Quantity:
    """a * b, or a / b with sign -1."""
    if a.dimension is None or b.dimension is None:
        return ANY
    sizes = dict(a.dimension)
    for key, size in b.dimension:
        sizes[key] = sizes.get(key, Fraction(0)) + sign * size
    dimension = tuple(sorted((key, size) for key, size in sizes.items() if size))
    if a.scales is None or b.scales is None:
        return Quantity(dimension, None)
    return Quantity(dimension, _distinct([x + sign * y for x in a.scales for y in b.scales]))


def power(a: Quantity, exponent: Fraction) -> Quantity:
    """a to a fixed power."""
    if a.dimension is None:
        return ANY
    dimension = tuple((key, size * exponent) for key, size in a.dimension if exponent)
    return Quantity(dimension, a.scales and _distinct([float(exponent) * log for log in a.scales]))


def meet(doing: str, quantities: Sequence[Quantity]) -> Quantity:
    """What several quantities that must be in one unit have in common.

    Raises:
        Misfit: no unit fits them all.
    """
    result = quantities[0]
    for other in quantities[1:]:
        if other.dimension is None:
            continue
        if result.dimension is None:
            result = other
            continue
        if result.dimension != other.dimension:
            raise Misfit(doing, result, other)
        if result.scales is None or other.scales is None:
            scales = result.scales or other.scales
        else:
            scales = tuple(log for log in result.scales if any(abs(log - each) <= _SAME for each in other.scales))
            if not scales:
                raise Misfit(doing, result, other)
        result = Quantity(result.dimension, scales)
    return result


def _pure(name: str, a: Quantity) -> Quantity:
    try:
        meet("", [PURE, a])
    except Misfit:
        raise Misfit(name, a) from None
    return PURE


def _pow(base: Quantity, exponent: Quantity) -> Quantity:
    if exponent.value is not None:
        return power(base, Fraction(exponent.value).limit_denominator(10000))
    _pure("use {} as an exponent", exponent)
    return _pure("raise {} to a power that is not a fixed number", base)


def _keep(a: Quantity, *_: Quantity) -> Quantity:
    return a


def _same(doing: str) -> Callable[..., Quantity]:
    return lambda *operands: meet(doing, operands)


def _compared(*operands: Quantity) -> Quantity:
    meet("compare {} and {}", operands)
    return PURE


RULES: dict[str, Callable[..., Quantity]] = {
    "add": _same("add {} and {}"),
    "add_any": _same("add {} and {}"),
    "sub": _same("subtract {} and {}"),
    "max": _same("take the larger of {} and {}"),
    "min": _same("take the smaller of {} and {}"),
    "clamp": _same("limit {} by {}"),
    "rem": _same("take the remainder of {} and {}"),
    "nextafter": _same("compare {} and {}"),
    "select_n": lambda _, *cases: meet("choose between {} and {}", cases[::-1]),  # the case for true comes last
    "mul": product,
    "div": lambda a, b: product(a, b, -1),
    "pow": _pow,
    "square": lambda a: power(a, Fraction(2)),
    "sqrt": lambda a: power(a, Fraction(1, 2)),
    "rsqrt": lambda a: power(a, Fraction(-1, 2)),
    "cbrt": lambda a: power(a, Fraction(1, 3)),
    "neg": lambda a: a if a.value is None else constant(-a.value),
    "atan2": _compared,
    "sign": lambda _: PURE,
    "is_finite": lambda _: PURE,
    **dict.fromkeys(("eq", "ne", "lt", "le", "gt", "ge"), _compared),
    **dict.fromkeys(("and", "or", "not", "xor"), lambda *_: PURE),
    **dict.fromkeys(
        ("abs", "convert_element_type", "copy", "copy_p", "broadcast_in_dim", "reshape", "squeeze", "stop_gradient",
         "reduce_precision", "optimization_barrier"),
        _keep,
    ),
}  # fmt: skip

_OF_A_PURE_NUMBER = """exp exp2 expm1 log log1p log2 one_minus_square sin cos tan asin acos atan sinh cosh tanh
    asinh acosh atanh logistic erf erfc erf_inv lgamma digamma floor ceil round"""
RULES |= {name: (lambda a, name=name: _pure(f"take {name} of {{}}", a)) for name in _OF_A_PURE_NUMBER.split()}
