"""Gates of the myocyte's channels: (steady state - gate) / time constant, over `gating_speed`, of a voltage in mV.

The numbers are volts and times of curves fitted to voltage clamps, in mV and ms, as they stand in the source. Time
constants are written as rates, which takes half the divisions.

Source: O'Hara, Virag, Varro and Rudy 2011, PLoS Comput Biol 7:e1002061, supplement, at the page of each function.
"""

from __future__ import annotations

from typing import Any

from jax.numpy import exp, minimum

Gates = dict[str, Any]


def e(v: Any, shift: float, slope: float) -> Any:
    """exp((v + shift) / slope)"""
    return exp((v + shift) * (1.0 / slope))


def rises(v: Any, half: float, slope: float) -> Any:
    return 1.0 / (1.0 + e(v, -half, -slope))


def falls(v: Any, half: float, slope: float) -> Any:
    return 1.0 / (1.0 + e(v, -half, slope))


def _after(time: float, rate: Any) -> Any:
    """The rate of time + 1 / rate."""
    return rate / (1.0 + time * rate)


def sodium(x: Any, v: Any) -> Gates:
    """INa, page 6, and INaL, page 7; hsp, jp and hp are of phosphorylated channels."""
    m = 6.765 * e(v, 11.64, 34.77) + 8.552 * e(v, 77.42, -5.955)
    hf = 1.432e-5 * e(v, 1.196, -6.285) + 6.149 * e(v, 0.5096, 20.27)
    hs = 0.009794 * e(v, 17.95, -28.05) + 0.3343 * e(v, 5.73, 56.66)
    j = _after(2.038, 0.02136 * e(v, 100.6, -8.281) + 0.3052 * e(v, 0.9941, 38.45))
    h = falls(v, -82.9, 6.086)
    return {
        "ina_m": (rises(v, -39.57, 9.871) - x.ina_m) * m,
        "ina_hf": (h - x.ina_hf) * hf,
        "ina_hs": (h - x.ina_hs) * hs,
        "ina_j": (h - x.ina_j) * j,
        "ina_hsp": (falls(v, -89.1, 6.086) - x.ina_hsp) * (1.0 / 3.0) * hs,
        "ina_jp": (h - x.ina_jp) * (1.0 / 1.46) * j,
        "inal_m": (rises(v, -42.85, 5.264) - x.inal_m) * m,
        "inal_h": (falls(v, -87.61, 7.488) - x.inal_h) * (1.0 / 200.0),
        "inal_hp": (falls(v, -93.81, 7.488) - x.inal_hp) * (1.0 / 600.0),
    }


def transient_outward(x: Any, v: Any) -> Gates:
    """Ito, page 8; the last three are of phosphorylated channels."""
    a = (rises(v, 18.4099, 29.3814) / 1.2089 + 3.5 * falls(v, -100.0, 29.3814)) * (1.0 / 1.0515)
    fast = _after(4.562, 0.3933 * e(v, 100.0, -100.0) + 0.08004 * e(v, 50.0, 16.59))
    slow = _after(23.62, 0.001416 * e(v, 96.52, -59.05) + 1.78e-8 * e(v, 114.1, 8.079))
    steep = exp(minimum((12.23 - v) * (1.0 / 0.2154), 60.0))  # beyond, nothing is left of what it divides
    slower = 1.354 + 1e-4 / (e(v, -167.4, 15.89) + steep)
    slower = 1.0 / (slower * (1.0 - 0.5 * falls(v, -70.0, 20.0)))
    i = falls(v, -43.94, 5.711)
    return {
        "ito_a": (rises(v, 14.34, 14.82) - x.ito_a) * a,
        "ito_if": (i - x.ito_if) * fast,
        "ito_is": (i - x.ito_is) * slow,
        "ito_ap": (rises(v, 24.34, 14.82) - x.ito_ap) * a,
        "ito_ifp": (i - x.ito_ifp) * slower * fast,
        "ito_isp": (i - x.ito_isp) * slower * slow,
    }


def calcium(x: Any, v: Any) -> Gates:
    """ICaL, page 9; ffp and fcafp are of phosphorylated channels."""
    d = _after(0.6, e(v, 6.0, -20.0) + exp(0.09 * (v + 14.0)))
    ff = _after(7.0, 0.0045 * (e(v, 20.0, -10.0) + e(v, 20.0, 10.0)))
    fs = _after(1000.0, 3.5e-5 * (e(v, 5.0, -4.0) + e(v, 5.0, 6.0)))
    fcaf = _after(7.0, 0.04 * (e(v, -4.0, -7.0) + e(v, -4.0, 7.0)))
    fcas = _after(100.0, 0.00012 * (e(v, 0.0, -3.0) + e(v, 0.0, 7.0)))
    f = falls(v, -19.58, 3.696)
    return {
        "ical_d": (rises(v, -3.94, 4.23) - x.ical_d) * d,
        "ical_ff": (f - x.ical_ff) * ff,
        "ical_fs": (f - x.ical_fs) * fs,
        "ical_fcaf": (f - x.ical_fcaf) * fcaf,
        "ical_fcas": (f - x.ical_fcas) * fcas,
        "ical_jca": (f - x.ical_jca) * (1.0 / 75.0),
        "ical_ffp": (f - x.ical_ffp) * 0.4 * ff,
        "ical_fcafp": (f - x.ical_fcafp) * 0.4 * fcaf,
    }


def rectifiers(x: Any, v: Any, potassium: Any) -> Gates:
    """IKs, page 11, and IK1, page 12; potassium outside in mmol/L."""
    x1 = _after(817.3, 2.326e-4 * e(v, 48.28, 17.8) + 0.001292 * e(v, 210.0, -230.0))
    x2 = 0.01 * e(v, -50.0, 20.0) + 0.0193 * e(v, 66.54, -31.0)
    k1 = (e(v, 127.2, -20.36) + e(v, 236.8, 69.33)) * (1.0 / 122.2)
    s = rises(v, -11.6, 8.932)
    most = 1.0 / (1.0 + exp(-(v + 2.5538 * potassium + 144.59) / (1.5692 * potassium + 3.8115)))
    return {
        "iks_x1": (s - x.iks_x1) * x1,
        "iks_x2": (s - x.iks_x2) * x2,
        "ik1_x": (most - x.ik1_x) * k1,
    }
