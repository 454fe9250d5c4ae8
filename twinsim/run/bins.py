"""Histograms with a relative error: integer bins that devices, chunks and machines can add up in any order."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from kernels.reducers import Cut
from twinsim.errors import UsageError

# Bits behind the leading one, exponent bias, unsigned type, for each float type.
_FORMATS = {np.dtype(np.float32): (23, 127, np.int32), np.dtype(np.float64): (52, 1023, np.int64)}


@dataclass(frozen=True)
class Bins:
    """Bins whose edges are floating-point numbers with the last bits cut off.

    With m bits kept, a bin reaches from v to v + 2^(e-m), 2^e <= v < 2^(e+1), and every value in it differs from
    the bin's value 2ab/(a + b), a and b its edges, by at most 2^-m / (2 + 2^-m) of itself. The bin of a number is a
    shift of its bits: no logarithm, hence the same bin on every device.

    Order along the axis: below -huge, negative bins, zero (|x| < tiny), positive bins, huge and above. Without
    `signed`: zero, positive bins, huge and above.

    Args:
        relative_error: the largest error of a value read back; 0.005 is 0.5 %.
        tiny: magnitudes below this, rounded down to a power of two, count as zero.
        huge: magnitudes from this on, rounded up to a power of two, are only counted.
        signed: have bins for negative values.

    >>> bins = Bins(relative_error=0.005, tiny=1e-6, huge=1e6)
    >>> values = np.array([-3.0, 0.0, 1e-9, 3.0, 1e9], np.float32)
    >>> bins.values[bins.index(values)].round(2).tolist()
    [-3.01, 0.0, 0.0, 3.01, inf]

    Source: Masson, Rim & Lee 2019, DDSketch, Proc VLDB Endow 12:2195, section 2 (relative error, mergeable bins),
    with the edges linear inside each octave. doi:10.14778/3352063.3352135
    """

    relative_error: float = 0.005
    tiny: float = 1e-9
    huge: float = 1e9
    signed: bool = True

    def __post_init__(self) -> None:
        if not 1e-4 <= self.relative_error < 0.5 or not 1e-37 < self.tiny < self.huge < 1e37:
            raise UsageError(
                f"no bins with relative_error={self.relative_error}, tiny={self.tiny}, huge={self.huge}",
                do="use 0.0001 <= relative_error < 0.5 and 1e-37 < tiny < huge < 1e37",
            )

    @property
    def bits(self) -> int:
        """m, the bits kept behind the leading one."""
        return max(0, math.ceil(math.log2((1 - self.relative_error) / (2 * self.relative_error))))

    @property
    def lowest(self) -> int:
        """Exponent of two of the smallest magnitude with a bin of its own."""
        return math.floor(math.log2(self.tiny))

    @property
    def side(self) -> int:
        """Number of bins for positive values."""
        return (math.ceil(math.log2(self.huge)) - self.lowest) << self.bits

    @property
    def zero(self) -> int:
        """Index of the zero bin."""
        return self.side + 1 if self.signed else 0

    @property
    def count(self) -> int:
        return self.zero + self.side + 2

    @property
    def cut(self) -> Cut:
        """The same bins for a compiled program."""
        return Cut(self.bits, self.lowest, self.side, self.zero, self.count)

    @property
    def values(self) -> np.ndarray:
        """What each bin stands for (bin); -inf and inf for the outer ones."""
        k = np.arange(self.side)
        size = np.exp2(self.lowest + (k >> self.bits))
        lower = size * (1 + (k & ((1 << self.bits) - 1)) / 2**self.bits)
        upper = lower + size / 2**self.bits
        positive = np.concatenate([2 * lower * upper / (lower + upper), [np.inf]])
        return np.concatenate([-positive[::-1] if self.signed else positive[:0], [0.0], positive])

    def index(self, values: np.ndarray) -> np.ndarray:
        """The bin of each value; the caller leaves non-finite ones out.

        Args:
            values: float32 or float64 (...).

        Returns:
            int64 (...).
        """
        values = np.ascontiguousarray(values)
        if values.dtype not in _FORMATS:
            values = values.astype(np.float64)
        mantissa, bias, integer = _FORMATS[values.dtype]
        raw = np.abs(values).view(integer) >> (mantissa - self.bits)
        place = np.clip(raw - (((self.lowest + bias) << self.bits) - 1), 0, self.side + 1).astype(np.int64)
        negative = np.signbit(values) & (place > 0)
        if self.signed:
            return self.zero + np.where(negative, -place, place)
        if negative.any():
            raise UsageError(
                "a negative value came to bins for positive values", do="use Bins(signed=True) for this output"
            )
        return place

    def add_to(self, counts: np.ndarray, values: np.ndarray) -> None:
        """Count values.

        Args:
            counts: int64 (bin, row), changed in place.
            values: (row, patient); non-finite ones are left out.
        """
        for row, of_row in enumerate(values):
            good = np.isfinite(of_row)
            found = self.index(of_row if good.all() else of_row[good])
            if found.size:
                # Values of one row lie close together: only the bins between the smallest and the largest are looped.
                low = int(found.min())
                part = np.bincount(found - low)
                counts[low : low + len(part), row] += part

    def add_counts(self, counts: np.ndarray, parts: np.ndarray) -> None:
        """Add what compiled programs have counted.

        Args:
            counts: int64 (bin, row), changed in place.
            parts: integers (part, row, bin).
        """
        used = np.flatnonzero(parts.any(axis=(0, 1)))
        if used.size:
            some = slice(int(used[0]), int(used[-1]) + 1)
            counts[some] += parts[:, :, some].sum(axis=0, dtype=np.int64).T

    def quantiles(self, counts: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """Quantiles with linear interpolation between order statistics, each read from its bin.

        Args:
            counts: (bin, row).
            probabilities: (quantile).

        Returns:
            float64 (row, quantile); NaN where nothing was counted.
        """
        values, result = self.values, np.full((counts.shape[1], len(probabilities)), np.nan)
        for row in range(counts.shape[1]):
            up_to = np.cumsum(counts[:, row])
            if up_to[-1] == 0:
                continue
            position = probabilities * (up_to[-1] - 1)
            below = values[np.searchsorted(up_to, np.floor(position), side="right")]
            above = values[np.searchsorted(up_to, np.ceil(position), side="right")]
            result[row] = interpolate(below, above, position - np.floor(position))
        return result


def interpolate(below: np.ndarray, above: np.ndarray, part: np.ndarray) -> np.ndarray:
    """below + part (above - below), also where both are the same infinity."""
    with np.errstate(invalid="ignore"):
        return np.where(below == above, below, below + part * (above - below))
