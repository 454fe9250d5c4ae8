"""Numbers of a drug file with where each comes from: a citation written once, or `assumed` and why."""

from __future__ import annotations

import math

from twinsim.errors import nearest
from twinsim.population.fields import ASSUMED, Fields, Number

_BOUNDS = (-math.inf, math.inf)


class Citations:
    """The sources of a file by their short names; each has to be used."""

    def __init__(self, fields: Fields) -> None:
        self.fields = fields
        self.section = fields.section("sources", None) or Fields({}, "sources", fields.faults)
        self.texts = {str(name): str(self.section.text(str(name)) or "") for name in self.section.data}
        self.used: set[str] = set()

    def of(self, entry: Fields) -> str:
        """The source of an entry in full: `name`, `name, detail`, a citation of its own, or `assumed: why`."""
        text = entry.text("source")
        if text is None:
            return ASSUMED
        name, comma, detail = text.partition(",")
        if text.startswith(ASSUMED):
            return text
        if name in self.texts:
            self.used.add(name)
            return f"{self.texts[name]};{detail}" if comma else self.texts[name]
        if " " not in name:
            entry.fault("source", f"{name!r} is not in sources", nearest(name, {*self.texts, ASSUMED}))
        return text

    def number(
        self,
        entry: Fields,
        name: str,
        unit: str,
        meaning: str,
        *,
        key: str = "value",
        source: str | None = None,
        bounds: tuple[float, float] = _BOUNDS,
    ) -> Number | None:
        """One number of an entry; None, and a fault, where it cannot be read or lies outside its bounds."""
        value = entry.quantity(key, unit)
        source = self.of(entry) if source is None else source
        if value is None:
            return None
        if not bounds[0] <= value <= bounds[1]:
            entry.fault(key, f"{value:g} {unit} lies outside {bounds[0]:g} to {bounds[1]:g} {unit}")
            return None
        return Number(name, value, unit, meaning, source, fixed=True, bounds=bounds)

    def keyed(
        self, fields: Fields, key: str, unit: str, meaning: str, *, required: bool = True, bounds=_BOUNDS
    ) -> Number | None:
        """A number that is an entry of its own: `key: {value: ..., source: ...}`."""
        entry = fields.section(key) if required else fields.section(key, None)
        if entry is None:
            return None
        number = self.number(entry, fields.at(key), unit, meaning, bounds=bounds) if entry.sound else None
        entry.done()
        return number

    def done(self) -> None:
        """Refuses sources nothing refers to."""
        for name in self.texts:
            if name not in self.used:
                self.fields.fault(f"sources.{name}", "is the source of no number", "remove it, or name it at a number")
