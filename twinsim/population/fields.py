"""Reading a mapping of a model or drug file key by key: every fault is collected with its key path and told at once."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from twinsim.errors import ModelError, UnitError, nearest
from twinsim.units import parse

_QUANTITY = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*?)\s*")
_REQUIRED: Any = object()
ASSUMED = "assumed"


@dataclass
class Faults:
    """What is wrong, in the order it was found, with what the file describes and the page that explains its keys."""

    lines: list[str] = field(default_factory=list)
    of: str = "model"
    guide: str = "docs/models.md"

    def add(self, path: str, what: str, do: str = "") -> None:
        line = f"{path}: {what}" if path else what
        line = f"{line} ({do})" if do else line
        if line not in self.lines:
            self.lines.append(line)

    def tell(self, name: str) -> None:
        """Raises ModelError with every fault, if there is one."""
        if self.lines:
            count = len(self.lines)
            what = f"a fault in the {self.of}" if count == 1 else f"{count} faults in the {self.of}"
            why = "\n       ".join(self.lines)
            raise ModelError(what, where=name, why=why, do=f"change these keys; {self.guide} explains each")


@dataclass(frozen=True)
class Number:
    """A number of the model that can be estimated or swept.

    Attributes:
        name: e.g. "cl", "cl.crcl.exponent", "concentration.additive".
        value: in `unit`.
        unit: unit of the value.
        meaning: what it is.
        source: where it was published; "assumed" where it was not.
        fixed: not to be estimated.
        bounds: smallest and largest sensible value.
    """

    name: str
    value: float
    unit: str
    meaning: str
    source: str
    fixed: bool = False
    bounds: tuple[float, float] = (-math.inf, math.inf)


class Fields:
    """A mapping on its way into the model: keys are asked for one by one, and `done` refuses the rest."""

    def __init__(self, data: Any, path: str, faults: Faults) -> None:
        self.sound = isinstance(data, Mapping)
        if not self.sound:
            faults.add(path, f"{data!r} is no mapping", "write lines of the form  key: value")
            data = {}
        self.data, self.path, self.faults = data, path, faults
        self._asked: set[str] = set()

    def at(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def fault(self, key: str, what: str, do: str = "") -> None:
        self.faults.add(self.at(key) if key else self.path, what, do)

    def has(self, key: str) -> bool:
        self._asked.add(key)
        return key in self.data

    def take(self, key: str, default: Any = _REQUIRED) -> Any:
        if self.has(key):
            return self.data[key]
        if default is _REQUIRED:
            self.fault(key, "is missing")
            return None
        return default

    def text(self, key: str, default: Any = _REQUIRED) -> Any:
        value = self.take(key, default)
        if value is None or value is default:
            return value
        if isinstance(value, str) and value.strip():
            return " ".join(value.split())
        self.fault(key, f"{value!r} is no text", "write it in quotes")
        return None

    def choice(self, key: str, known: Iterable[str], default: Any = _REQUIRED) -> Any:
        value, known = self.text(key, default), list(known)
        if value is None or value is default or value in known:
            return value
        self.fault(key, f"{value!r} is not known", nearest(value, known))
        return None

    def flag(self, key: str, default: bool) -> bool:
        value = self.take(key, default)
        if isinstance(value, bool):
            return value
        self.fault(key, f"{value!r} is neither true nor false")
        return default

    def quantity(self, key: str, unit: str, default: Any = _REQUIRED, *, bare: bool = False) -> Any:
        """A number in `unit`, from text such as "4.5 L/h"; `bare`: a number alone is in `unit` already."""
        value = self.take(key, default)
        if value is None or value is default:
            return value
        return self.convert(key, value, unit, bare=bare)

    def convert(self, key: str, value: Any, unit: str, *, bare: bool = False) -> float | None:
        """`value` in `unit`; None, and a fault, if it is no such quantity."""
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            self.fault(key, f"{value!r} is no number", f"write a number and its unit, {unit}")
            return None
        match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
        if isinstance(value, str) and match is None:
            self.fault(key, f"{value!r} is no number with a unit", f"write for example 1.5 {unit}")
            return None
        text, written = (match[1], match[2]) if match else (repr(value), "")
        if not math.isfinite(float(text)):
            self.fault(key, f"{value} is not finite")
            return None
        try:
            a, b = parse(unit if bare and not written else written or "1"), parse(unit)
        except UnitError as fault:
            self.fault(key, fault.what, fault.do)
            return None
        if a.dimension != b.dimension:
            if written:
                self.fault(key, f"{written} does not fit {unit}", f"give it in {unit} or a unit of that dimension")
            else:
                self.fault(key, f"{value} has no unit", f"write {value} {unit}")
            return None
        # Exact up to here: 74.4 % is the float nearest to 0.744.
        return float(Fraction(text) * a.scale / b.scale)

    def section(self, key: str, default: Any = _REQUIRED) -> Fields | None:
        value = self.take(key, default)
        return None if value is None else Fields(value, self.at(key), self.faults)

    def names(self, key: str) -> list[str]:
        """A list of texts."""
        value = self.take(key)
        if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
            return value
        if value is not None:
            self.fault(key, f"{value!r} is no list of names", "write [a, b]")
        return []

    def items(self, key: str) -> list[Fields]:
        """A list of mappings; none if the key is absent."""
        value = self.take(key, [])
        if not isinstance(value, list):
            self.fault(key, "is no list", "begin each entry with a dash")
            return []
        return [Fields(item, f"{self.at(key)}[{number}]", self.faults) for number, item in enumerate(value, 1)]

    def done(self) -> None:
        """Refuses the keys nobody asked for."""
        for key in self.data:
            if key not in self._asked:
                self.fault(str(key), "is not a key here", nearest(str(key), self._asked))
