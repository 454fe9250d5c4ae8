"""What clinicians read from a curve of glucose: time in range, risk of low and high glucose, HbA1c."""

from __future__ import annotations

from typing import Any

import numpy as np

LOW, HIGH = 70.0, 180.0  # mg/dL; Battelino et al. 2019, Diabetes Care 42:1593
_POWER, _SHIFT, _SCALE = 1.084, 5.381, 1.509


def time_in_range(glucose: Any, low: float = LOW, high: float = HIGH) -> np.ndarray:
    """Share of the readings from `low` to `high`, ends included.

    >>> time_in_range([60.0, 70.0, 180.0, 181.0]).tolist()
    0.5

    Args:
        glucose: readings at equal distances [mg/dL] (time, ...).

    Returns:
        a share for each patient (...).

    Source: Battelino et al. 2019, Diabetes Care 42:1593, targets for continuous glucose monitoring.
    """
    values = np.asarray(glucose, np.float64)
    return np.mean((values >= low) & (values <= high), axis=0)


def risk(glucose: Any) -> np.ndarray:
    """Risk of a glucose value, signed: negative for low glucose.

    f = 1.509 (ln(glucose)^1.084 - 5.381),   risk = 10 f^2 with the sign of f

    >>> [round(float(value)) for value in risk([20.0, 112.5, 600.0])]
    [-100, 0, 100]

    Args:
        glucose: above 1 mg/dL, any shape.

    Source: Kovatchev, Cox, Gonder-Frederick and Clarke 1997, Diabetes Care 20:1655.
    """
    f = _SCALE * (np.log(np.asarray(glucose, np.float64)) ** _POWER - _SHIFT)
    return np.sign(f) * 10.0 * f**2


def low_blood_glucose_index(glucose: Any) -> np.ndarray:
    """LBGI: mean over all readings of the risk of those that are low (time, ...) -> (...).

    Differs: simglucose 0.2.11 takes the mean over the low readings alone.

    Source: Kovatchev et al. 1998, Diabetes Care 21:1870.
    """
    return np.mean(np.maximum(-risk(glucose), 0.0), axis=0)


def high_blood_glucose_index(glucose: Any) -> np.ndarray:
    """HBGI: mean over all readings of the risk of those that are high; see `low_blood_glucose_index`."""
    return np.mean(np.maximum(risk(glucose), 0.0), axis=0)


def estimated_average_glucose(hba1c: Any) -> np.ndarray:
    """Mean glucose [mg/dL] that belongs to an HbA1c [%]: 28.7 HbA1c - 46.7.

    >>> round(float(estimated_average_glucose(7.0)), 1)
    154.2

    Source: Nathan et al. 2008, Diabetes Care 31:1473 (ADAG), abstract.
    """
    return 28.7 * np.asarray(hba1c, np.float64) - 46.7


def hba1c(mean_glucose: Any) -> np.ndarray:
    """HbA1c [%] that belongs to a mean glucose [mg/dL] of two to three months: the inverse of the line of ADAG."""
    return (np.asarray(mean_glucose, np.float64) + 46.7) / 28.7
