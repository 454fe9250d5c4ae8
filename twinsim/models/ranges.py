"""Ranges of values: what is normal, and where a model was held against people."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """A stretch of values [unit of the port that has it], ends included, and who says so."""

    low: float
    high: float
    source: str

    def times(self, factor: float) -> Range:
        """The same in another unit."""
        return Range(self.low * factor, self.high * factor, self.source)

    def shared(self, other: Range | None) -> Range:
        """What lies in both."""
        if other is None or other == self:
            return self
        source = "; ".join(dict.fromkeys((self.source, other.source)))
        return Range(max(self.low, other.low), min(self.high, other.high), source)
