"""Gates of the myocyte's channels: (steady state - gate) / time constant, over `gating_speed`, of a voltage in mV.

The numbers are volts and times of curves fitted to voltage clamps, in mV and ms, as they stand in the source.

Source: O'Hara, Virag, Varro and Rudy 2011, PLoS Comput Biol 7:e1002061, supplement, at the page of each function.
"""

from __future__ import annotations

from typing import Any

from jax.numpy import exp, minimum

Gates = dict[str, Any]


def rises(v: Any, half: float, slope: float) -> Any:
    return 1.0 / (1.0 + exp((half - v) / slope))


def falls(v: Any, half: float, slope: float) -> Any:
    return 1.0 / (1.0 + exp((v - half) / slope))


def sodium(x: Any, v: Any) -> Gates:
    """INa, page 6, and INaL, page 7; hsp, jp and hp are of phosphorylated channels."""
    tm = 1.0 / (6.765 * exp((v + 11.64) / 34.77) + 8.552 * exp(-(v + 77.42) / 5.955))
    thf = 1.0 / (1.432e-5 * exp(-(v + 1.196) / 6.285) + 6.149 * exp((v + 0.5096) / 20.27))
    ths = 1.0 / (0.009794 * exp(-(v + 17.95) / 28.05) + 0.3343 * exp((v + 5.73) / 56.66))
    tj = 2.038 + 1.0 / (0.02136 * exp(-(v + 100.6) / 8.281) + 0.3052 * exp((v + 0.9941) / 38.45))
    h = falls(v, -82.9, 6.086)
    return {
        "ina_m": (rises(v, -39.57, 9.871) - x.ina_m) / tm,
        "ina_hf": (h - x.ina_hf) / thf,
        "ina_hs": (h - x.ina_hs) / ths,
        "ina_j": (h - x.ina_j) / tj,
        "ina_hsp": (falls(v, -89.1, 6.086) - x.ina_hsp) / (3.0 * ths),
        "ina_jp": (h - x.ina_jp) / (1.46 * tj),
        "inal_m": (rises(v, -42.85, 5.264) - x.inal_m) / tm,
        "inal_h": (falls(v, -87.61, 7.488) - x.inal_h) / 200.0,
        "inal_hp": (falls(v, -93.81, 7.488) - x.inal_hp) / 600.0,
    }


def transient_outward(x: Any, v: Any) -> Gates:
    """Ito, page 8; the last three are of phosphorylated channels."""
    ta = 1.0515 / (rises(v, 18.4099, 29.3814) / 1.2089 + 3.5 * falls(v, -100.0, 29.3814))
    fast = 4.562 + 1.0 / (0.3933 * exp(-(v + 100.0) / 100.0) + 0.08004 * exp((v + 50.0) / 16.59))
    slow = 23.62 + 1.0 / (0.001416 * exp(-(v + 96.52) / 59.05) + 1.78e-8 * exp((v + 114.1) / 8.079))
    steep = exp(minimum((12.23 - v) / 0.2154, 60.0))  # beyond, nothing is left of what it divides
    slower = 1.354 + 1e-4 / (exp((v - 167.4) / 15.89) + steep)
    slower = slower * (1.0 - 0.5 * falls(v, -70.0, 20.0))
    i = falls(v, -43.94, 5.711)
    return {
        "ito_a": (rises(v, 14.34, 14.82) - x.ito_a) / ta,
        "ito_if": (i - x.ito_if) / fast,
        "ito_is": (i - x.ito_is) / slow,
        "ito_ap": (rises(v, 24.34, 14.82) - x.ito_ap) / ta,
        "ito_ifp": (i - x.ito_ifp) / (slower * fast),
        "ito_isp": (i - x.ito_isp) / (slower * slow),
    }


def calcium(x: Any, v: Any) -> Gates:
    """ICaL, page 9; ffp and fcafp are of phosphorylated channels."""
    td = 0.6 + 1.0 / (exp(-0.05 * (v + 6.0)) + exp(0.09 * (v + 14.0)))
    tff = 7.0 + 1.0 / (0.0045 * (exp(-(v + 20.0) / 10.0) + exp((v + 20.0) / 10.0)))
    tfs = 1000.0 + 1.0 / (3.5e-5 * (exp(-(v + 5.0) / 4.0) + exp((v + 5.0) / 6.0)))
    tfcaf = 7.0 + 1.0 / (0.04 * (exp(-(v - 4.0) / 7.0) + exp((v - 4.0) / 7.0)))
    tfcas = 100.0 + 1.0 / (0.00012 * (exp(-v / 3.0) + exp(v / 7.0)))
    f = falls(v, -19.58, 3.696)
    return {
        "ical_d": (rises(v, -3.94, 4.23) - x.ical_d) / td,
        "ical_ff": (f - x.ical_ff) / tff,
        "ical_fs": (f - x.ical_fs) / tfs,
        "ical_fcaf": (f - x.ical_fcaf) / tfcaf,
        "ical_fcas": (f - x.ical_fcas) / tfcas,
        "ical_jca": (f - x.ical_jca) / 75.0,
        "ical_ffp": (f - x.ical_ffp) / (2.5 * tff),
        "ical_fcafp": (f - x.ical_fcafp) / (2.5 * tfcaf),
    }


def rectifiers(x: Any, v: Any, potassium: Any) -> Gates:
    """IKs, page 11, and IK1, page 12; potassium outside in mmol/L."""
    t1 = 817.3 + 1.0 / (2.326e-4 * exp((v + 48.28) / 17.8) + 0.001292 * exp(-(v + 210.0) / 230.0))
    t2 = 1.0 / (0.01 * exp((v - 50.0) / 20.0) + 0.0193 * exp(-(v + 66.54) / 31.0))
    tx = 122.2 / (exp(-(v + 127.2) / 20.36) + exp((v + 236.8) / 69.33))
    s = rises(v, -11.6, 8.932)
    k1 = 1.0 / (1.0 + exp(-(v + 2.5538 * potassium + 144.59) / (1.5692 * potassium + 3.8115)))
    return {
        "iks_x1": (s - x.iks_x1) / t1,
        "iks_x2": (s - x.iks_x2) / t2,
        "ik1_x": (k1 - x.ik1_x) / tx,
    }
