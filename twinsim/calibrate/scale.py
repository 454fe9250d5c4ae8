"""The unbounded scale on which a bounded number is searched: log above a lower bound, logit between two."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from twinsim.errors import UsageError


class Scale(NamedTuple):
    """Between a number and its place on the unbounded scale.

    >>> scale = Scale(0.0, math.inf)
    >>> round(float(scale.inward(scale.outward(3.0))), 12)
    3.0

    Attributes:
        low, high: its bounds.
    """

    low: float
    high: float

    def outward(self, x: float) -> float:
        """The place of a number.

        Raises:
            UsageError: the number is at a bound, from where no search can leave.
        """
        if not self.low < x < self.high:
            bound = self.low if x <= self.low else self.high
            raise UsageError(f"{x:g} is at its bound {bound:g}", do="start inside the bounds, or fix it (fixed: true)")
        if math.isinf(self.low) and math.isinf(self.high):
            return x
        if math.isinf(self.high):
            return math.log(x - self.low)
        if math.isinf(self.low):
            return -math.log(self.high - x)
        return math.log((x - self.low) / (self.high - x))

    def inward(self, z: Any) -> Any:
        """The number at a place; element-wise."""
        if math.isinf(self.low) and math.isinf(self.high):
            return z
        if math.isinf(self.high):
            return self.low + jnp.exp(z)
        if math.isinf(self.low):
            return self.high - jnp.exp(-z)
        return self.low + (self.high - self.low) * jax.nn.sigmoid(z)
