"""Sodium-calcium exchanger and sodium-potassium pump of the ventricular myocyte [uA/uF].

Both are cycles of four states, of which the shares E1 to E4 are those at rest, in closed form.

Source: O'Hara et al. 2011, supplement, pages 12 (exchanger) and 14 (pump, after Smith and Crampin 2004).
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp


def exchange(x: Any, p: Any) -> tuple[Any, Any]:
    """INaCa between outside and the myoplasm, and the subspace."""
    z = x.v / p.thermal_voltage
    h_ca, h_na = jnp.exp(p.q_ca * z), jnp.exp(p.q_na * z)
    na_o, ca_o = p.extracellular_sodium, p.extracellular_calcium
    h7 = 1.0 + na_o / p.k_na3 * (1.0 + 1.0 / h_na)
    h8 = na_o / (p.k_na3 * h_na * h7)
    h10 = p.k_asymmetry + 1.0 + na_o / p.k_na1 * (1.0 + na_o / p.k_na2)
    k1, k3both = ca_o * p.k_ca_on / h10, h8 * p.w_naca
    k3, k8 = p.w_ca / h7 + k3both, h8 * p.w_na * na_o * na_o / (h10 * p.k_na1 * p.k_na2)
    outside = (h_ca, h_na, k1, k3, k3both, k8)
    whole = [_exchange(p, na, ca, *outside) for na, ca in ((x.nai, x.cai), (x.nass, x.cass))]
    return (1.0 - p.naca_subspace) * whole[0], p.naca_subspace * whole[1]


def _exchange(p: Any, na: Any, ca: Any, h_ca: Any, h_na: Any, k1: Any, k3: Any, k3both: Any, k8: Any) -> Any:
    """Of a whole exchanger, at that sodium and calcium inside [mmol/L]."""
    h1 = 1.0 + na / p.k_na3 * (1.0 + h_na)
    h2, h3 = na * h_na / (p.k_na3 * h1), 1.0 / h1
    h4 = 1.0 + na / p.k_na1 * (1.0 + na / p.k_na2)
    h5, h6 = na * na / (h4 * p.k_na1 * p.k_na2), 1.0 / h4
    k2, k5, k6 = p.k_ca_off, p.k_ca_off, h6 * ca * p.k_ca_on
    k4both = h2 * p.w_naca
    k4, k7 = h3 * p.w_ca / h_ca + k4both, h5 * h2 * p.w_na
    e1, e2, e3, e4 = _shares(
        k2 * k4 * (k7 + k6) + k5 * k7 * (k2 + k3),
        k1 * k7 * (k4 + k5) + k4 * k6 * (k1 + k8),
        k1 * k3 * (k7 + k6) + k8 * k6 * (k2 + k3),
        k2 * k8 * (k4 + k5) + k3 * k5 * (k1 + k8),
    )
    of_sodium = 3.0 * (e4 * k7 - e1 * k8) + e3 * k4both - e2 * k3both
    active = 1.0 / (1.0 + (p.naca_activation / ca) ** 2)
    return p.g_naca * active * (of_sodium + 2.0 * (e2 * k2 - e1 * k1))


def pump(x: Any, p: Any, u: Any) -> Any:
    """INaK."""
    z = x.v / p.thermal_voltage
    na_i = x.nai / (p.k_nai * jnp.exp(p.pump_field * z / 3.0))
    na_o = p.extracellular_sodium / (p.k_nao * jnp.exp((1.0 - p.pump_field) * z / 3.0))
    k_i, k_o, atp = x.ki / p.k_ki, u.plasma_potassium / p.k_ko, p.atp / p.k_atp
    inside, outside = (1.0 + na_i) ** 3 + (1.0 + k_i) ** 2 - 1.0, (1.0 + na_o) ** 3 + (1.0 + k_o) ** 2 - 1.0
    free = p.phosphate / (1.0 + p.protons / p.k_protons + x.nai / p.k_phosphate_sodium + x.ki / p.k_phosphate_potassium)
    a1, b1 = p.k1_plus * na_i**3 / inside, p.k1_minus * p.adp
    a2, b2 = p.k2_plus, p.k2_minus * na_o**3 / outside
    a3, b3 = p.k3_plus * k_o**2 / outside, p.k3_minus * free * p.protons / (1.0 + atp)
    a4, b4 = p.k4_plus * atp / (1.0 + atp), p.k4_minus * k_i**2 / inside
    e1, e2, e3, e4 = _shares(
        a4 * a1 * a2 + b2 * b4 * b3 + a2 * b4 * b3 + b3 * a1 * a2,
        b2 * b1 * b4 + a1 * a2 * a3 + a3 * b1 * b4 + a2 * a3 * b4,
        a2 * a3 * a4 + b3 * b2 * b1 + b2 * b1 * a4 + a3 * a4 * b1,
        b4 * b3 * b2 + a3 * a4 * a1 + b2 * a4 * a1 + b3 * b2 * a1,
    )
    return p.p_nak * (3.0 * (e1 * a3 - e2 * b3) + 2.0 * (e4 * b1 - e3 * a1))


def _shares(*x: Any) -> tuple[Any, ...]:
    whole = x[0] + x[1] + x[2] + x[3]
    return tuple(each / whole for each in x)
