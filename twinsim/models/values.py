"""Named scalars: what equations write p.cl and x.depot for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twinsim.errors import ModelError, nearest


class Values:
    """Named scalars by attribute; a misspelt name is answered with the nearest one."""

    __slots__ = ("_of", "_values")

    def __init__(self, values: Mapping[str, Any], of: str = "") -> None:
        object.__setattr__(self, "_values", dict(values))
        object.__setattr__(self, "_of", of)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # copy, pickle and debuggers ask for these; no variable is called so
            raise AttributeError(name)
        try:
            return self._values[name]
        except KeyError:
            raise ModelError(f"{self._of} has no {name!r}", do=nearest(name, self._values)) from None
