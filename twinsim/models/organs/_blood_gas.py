"""How much oxygen and carbon dioxide blood holds, and the pressures of given contents, in closed form.

    y = PO2 / (p50 10^(bohr (7.4 - pH)))       S = (y^3 + a y) / (y^3 + a y + b)       a = 0.2079, b = 1.2079
    O2  = huefner haemoglobin S + solubility p50 y                                     [mL/dL]
    CO2 = most F^(1/1.819) / (1 + F^(1/1.819)),  F = PCO2 (1 + beta PO2') / (half (1 + alpha PO2')),  PO2' = p50 y
    pH  = 6.1 + log10(bicarbonate' / (0.0307 PCO2)),  bicarbonate' = bicarbonate + buffer (PCO2 - 40 mmHg)

S is Severinghaus' curve, written by p50 so that a shift is one parameter; y of an S is the root of a cubic, y of a
content takes a few steps of Newton's. PO2' is the pressure at pH 7.4, which saturation alone decides; so that each
content leads back to its pressure, what is dissolved is counted there too.

Source: Severinghaus 1979, J Appl Physiol 46:599, eq. 1 (p50 26.86 mmHg, a = 150 / p50^2, b = 23400 / p50^3); Ellis
1989, J Appl Physiol 67:902 (its inverse); Kelman 1966 (Bohr); Spencer et al. 1979, IEEE Trans Biomed Eng 26:224, with
the constants of Albanese et al. 2016, table 4. Albanese's and PNEUMA's constants of Spencer's curve for oxygen differ;
PNEUMA's (K1 13 mmHg, alpha 0.02598, beta 0.012275) put half saturation at 18 mmHg. Neither is used.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from twinsim.models.structure import POSITIVE, Parameter

_A, _B = 150.0 / 26.86**2, 1.0 + 150.0 / 26.86**2  # b as S(p50) = 1/2 asks: 23400 / 26.86^3 within 0.03 %
_STEPS = 5
_LEAST, _MOST = 1e-6, 0.99
_ALBANESE = "Spencer 1979, as in Albanese et al. 2016, table 4"

BLOOD = (
    Parameter("p50", "mmHg", 26.86, "oxygen pressure at half saturation, pH 7.4", "Severinghaus 1979, eq. 1", POSITIVE),
    Parameter("bohr", "1", 0.48, "what log10 p50 gains per unit of pH lost", "Severinghaus 1966: 0.48; Kelman 0.40"),
    Parameter("huefner", "mL/g", 1.34, "oxygen bound by haemoglobin", "Huefner; West 2012: 1.34 to 1.39", POSITIVE),
    Parameter("oxygen_solubility", "mL/dL/mmHg", 0.0031, "oxygen dissolved in blood", "West 2012: 0.003", POSITIVE),
    Parameter("carbon_dioxide_most", "mL/dL", 195.5, "content at saturation", f"{_ALBANESE}: 86.11 mmol/L", POSITIVE),
    Parameter("carbon_dioxide_half", "mmHg", 194.4, "pressure at half of it, without oxygen", _ALBANESE, POSITIVE),
    Parameter("haldane_alpha", "1/mmHg", 0.05591, "what oxygen drives out", _ALBANESE),
    Parameter("haldane_beta", "1/mmHg", 0.03255, "what oxygen lets in", _ALBANESE),
    Parameter(
        "carbon_dioxide_buffer",
        "mmol/L/mmHg",
        0.15,
        "acute change of bicarbonate",
        "textbooks: 0.1 in hypercapnia, 0.2 in hypocapnia",
    ),
    Parameter("normal_carbon_dioxide", "mmHg", 40.0, "at which bicarbonate is given", "Guyton", POSITIVE),
    Parameter("carbon_dioxide_solubility", "mmol/L/mmHg", 0.0307, "in plasma", "Severinghaus, from memory", POSITIVE),
)


def saturation(y: Any) -> Any:
    """Of haemoglobin, at a multiple y of the p50 that holds."""
    n = y**3 + _A * y
    return n / (n + _B)


def shifted(p: Any, ph: Any) -> Any:
    """p50 at a pH [mmHg]."""
    return p.p50 * jnp.exp(jnp.log(10.0) * p.bohr * (7.4 - ph))


def oxygen_content(y: Any, p: Any, haemoglobin: Any) -> Any:
    """[mL/dL]"""
    return p.huefner * haemoglobin * saturation(y) + p.oxygen_solubility * p.p50 * y


def oxygen_of(content: Any, p: Any, haemoglobin: Any) -> Any:
    """y of an oxygen content [mL/dL]."""
    bound, dissolved = p.huefner * haemoglobin, p.oxygen_solubility * p.p50
    # a lower bound of y below four p50, and one above: from there Newton's steps go up without passing
    most = jnp.clip((content - 4.0 * dissolved) / bound, _LEAST, _MOST)
    y = jnp.maximum(_root(_B * most / (1.0 - most)), (content - bound) / dissolved)
    for _ in range(_STEPS):
        n = y**3 + _A * y
        slope = bound * _B * (3.0 * y**2 + _A) / (n + _B) ** 2 + dissolved
        y = jnp.maximum(y - (bound * n / (n + _B) + dissolved * y - content) / slope, 0.0)
    return y


def _root(m: Any) -> Any:
    """y of y^3 + a y = m, by Cardano."""
    half = jnp.sqrt(0.25 * m**2 + (_A / 3.0) ** 3)
    return jnp.cbrt(half + 0.5 * m) - jnp.cbrt(half - 0.5 * m)


def _oxygenated(y: Any, p: Any) -> Any:
    oxygen = p.p50 * y
    return (1.0 + p.haldane_beta * oxygen) / (p.carbon_dioxide_half * (1.0 + p.haldane_alpha * oxygen))


def carbon_dioxide_content(pressure: Any, y: Any, p: Any) -> Any:
    """[mL/dL]"""
    f = (jnp.maximum(pressure, 0.0) * _oxygenated(y, p) + 1e-12) ** (1.0 / 1.819)
    return p.carbon_dioxide_most * f / (1.0 + f)


def carbon_dioxide_pressure(content: Any, y: Any, p: Any) -> Any:
    """[mmHg]"""
    part = jnp.clip(content / p.carbon_dioxide_most, 1e-9, _MOST)
    return (part / (1.0 - part)) ** 1.819 / _oxygenated(y, p)


def acidity(pressure: Any, bicarbonate: Any, p: Any) -> Any:
    """pH by Henderson and Hasselbalch."""
    whole = bicarbonate + p.carbon_dioxide_buffer * (pressure - p.normal_carbon_dioxide)
    ratio = whole / (p.carbon_dioxide_solubility * pressure)
    return 6.1 + jnp.log(jnp.maximum(ratio, _LEAST)) / jnp.log(10.0)
