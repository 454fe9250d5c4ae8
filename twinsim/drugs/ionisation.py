"""How much of a drug is charged at a pH.

For acids  (strongest first)   anions  = sum over k of 10^(sum over i <= k of (ph - pka_i))
For bases  (strongest first)   cations = sum over k of 10^(sum over i <= k of (pka_i - ph))

both per uncharged molecule, by the equation of Henderson and Hasselbalch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import Array


def _steps(exponents: Sequence[Any]) -> Any:
    total, power = 0.0, 0.0
    for exponent in exponents:
        power = power + exponent
        total = total + 10.0**power
    return total


def anions(ph: float, acid_pka: Sequence[Any]) -> Array | float:
    """Negative per uncharged molecules, any shape.

    >>> round(float(anions(7.4, (7.4,))), 6)
    1.0

    Args:
        ph: of the water.
        acid_pka: pKa of the acidic groups, lowest first; numbers or (patient,).
    """
    return _steps([ph - pka for pka in map(jnp.asarray, acid_pka)])


def cations(ph: float, base_pka: Sequence[Any]) -> Array | float:
    """Positive per uncharged molecules, any shape.

    >>> round(float(cations(7.4, (9.4,))), 6)
    100.0

    Args:
        ph: of the water.
        base_pka: pKa of the basic groups, highest first; numbers or (patient,).
    """
    return _steps([pka - ph for pka in map(jnp.asarray, base_pka)])
