"""Arguments of fits, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import Any

from twinsim.errors import UsageError

MOST_SEED = 2**63 - 1


def whole(value: Any, name: str, least: int, most: int | None = None) -> int:
    """A whole number within its bounds.

    Args:
        name: of the argument.

    Raises:
        UsageError: it is none.

    >>> whole(-1, "seed", 0)
    Traceback (most recent call last):
        ...
    twinsim.errors.UsageError: seed=-1 is no whole number of 0 or more
      where: seed
      do: give seed=0, or more
    """
    number = int(value) if isinstance(value, Integral) and not isinstance(value, bool) else None
    if number is None or number < least:
        what = f"{name}={value!r} is no whole number of {least} or more"
        raise UsageError(what, where=name, do=f"give {name}={least}, or more")
    if most is not None and number > most:
        raise UsageError(f"{name}={value} is more than {most}", where=name, do="give a smaller number")
    return number


def seed_of(value: Any) -> int:
    """The user's integer."""
    return whole(value, "seed", 0, MOST_SEED)


def names_of(fit: Any) -> list[str] | None:
    """Theta names that are to be fitted, None for all.

    Raises:
        UsageError: a single word, or a name twice.
    """
    if fit is None:
        return None
    if isinstance(fit, str) or not isinstance(fit, Iterable):
        raise UsageError(f"fit={fit!r} is no list of names", where="fit", do=f"write fit=[{fit!r}]")
    names = list(fit)
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{name!r} is named twice", where="fit", do="name every number once")
    return names
