"""Readings of a continuous glucose monitor: interstitial glucose with the error of a sensor that drifts.

    e_0 ~ N(0, 1),   e_i = partial (e_{i-1} + v_i),   v_i ~ N(0, 1)      every 15 min
    noise_i = xi + lambda sinh((e_i - gamma)/delta)
    reading = interstitial glucose + noise, joined between the 15 min, not below `least` nor above `most`

Source: Breton and Kovatchev 2008, J Diabetes Sci Technol 2:853; values as sensor_params.csv of simglucose 0.2.11.
Differs: between two values of the noise it follows a cubic of the four around it, where simglucose puts a spline
through eleven at a time; so that a longer record has the same beginning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels import random
from twinsim.errors import UsageError

STEP = 15.0  # min between values of the noise


@dataclass(frozen=True)
class Sensor:
    """Error of a sensor; the defaults are those of simglucose's Dexcom.

    Args:
        partial: autocorrelation of the noise.
        gamma, delta, lam, xi: of the Johnson SU transform; lam and xi in mg/dL.
        least, most: what it can show [mg/dL].
    """

    partial: float = 0.7
    gamma: float = -0.5444
    lam: float = 15.9574
    delta: float = 1.6898
    xi: float = -5.47
    least: float = 39.0
    most: float = 600.0

    def transform(self, e: Any) -> np.ndarray:
        """Noise [mg/dL] of autocorrelated normal numbers."""
        return self.xi + self.lam * np.sinh((np.asarray(e) - self.gamma) / self.delta)


def readings(
    interstitial: Any, times: Any, *, seed: int = 0, patients: Any = None, sensor: Sensor | None = None
) -> np.ndarray:
    """What a sensor shows.

    Args:
        interstitial: glucose under the skin [mg/dL] (time, patient), as organs/glucose_type1 gives it.
        times: of the readings [min] (time), from the beginning of the sensor on.
        seed: of the noise; that of patient 417 depends on seed and 417 alone.
        patients: ids (patient); 0, 1, 2, ... by default.

    Returns:
        readings [mg/dL] (time, patient).

    Raises:
        UsageError: times before 0, or shapes that do not fit.
    """
    values, times, own = np.asarray(interstitial, np.float64), np.asarray(times, np.float64), sensor or Sensor()
    ids = np.arange(values.shape[-1]) if patients is None else np.asarray(patients)
    if values.shape != (times.size, ids.size) or times.min() < 0.0:
        what = f"glucose of shape {values.shape} for {times.size} times and {ids.size} patients"
        raise UsageError(what, where="readings", do="give (time, patient), and times from 0 on")
    noise = own.transform(autocorrelated(int(times.max() // STEP) + 3, ids, seed, own.partial))
    return np.clip(values + _joined(noise, times / STEP), own.least, own.most)


def autocorrelated(count: int, ids: np.ndarray, seed: int, partial: float) -> np.ndarray:
    """e_0 to e_(count - 1) of patients (count, patient)."""
    normal = np.asarray(random.normals(seed, "glucose_sensor", count, ids), np.float64)
    e = normal.copy()
    for i in range(1, count):
        e[i] = partial * (e[i - 1] + normal[i])
    return e


def _joined(nodes: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Cubic between nodes 0, 1, 2, ... with the slopes of their neighbours (Catmull-Rom)."""
    i = np.floor(at).astype(int)
    t = (at - i)[:, None]
    before, a, b, after = nodes[np.maximum(i - 1, 0)], nodes[i], nodes[i + 1], nodes[i + 2]
    return a + 0.5 * t * (b - before + t * (2 * before - 5 * a + 4 * b - after + t * (3 * (a - b) + after - before)))
