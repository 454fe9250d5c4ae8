"""A number with its unit, as people write it in tables and on the command line."""

from __future__ import annotations

from twinsim import units
from twinsim.errors import UsageError


def quantity(text: str | float, unit: str) -> float:
    """A number, in `unit` if it has none of its own.

    >>> quantity("7 h", "min"), quantity("45", "min"), quantity(1.5, "h")
    (420.0, 45.0, 1.5)

    Raises:
        UsageError: no number stands first.
        UnitError: a unit that does not fit.
    """
    if isinstance(text, int | float) and not isinstance(text, bool):
        return float(text)
    number, _, own = str(text).strip().partition(" ")
    try:
        value = float(number)
    except ValueError:
        raise UsageError(f"{text!r} is no quantity", do=f"write a number and its unit, such as 7 {unit}") from None
    return value * (units.factor(own.strip(), unit) if own.strip() else 1.0)
