"""Currents through the myocyte's membrane [uA/uF]; pages are those of the supplement of O'Hara et al. 2011."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from twinsim.models.organs._herg import share
from twinsim.models.organs._myocyte_gates import falls, rises

_SMALL = 1e-6  # of z, below which the field's equations take their limit


def phosphorylated(x: Any, p: Any) -> tuple[Any, Any]:
    """Share of targets that CaMKII has phosphorylated, and what of it is bound to calmodulin; page 16."""
    bound = p.camk_bound * (1.0 - x.camk_trapped) / (1.0 + p.camk_calcium / x.cass)
    active = bound + x.camk_trapped
    return active / (active + p.camk_half), bound


def left(p: Any, u: Any, channel: str) -> Any:
    """Share of a conductance that the drug leaves: 1 / (1 + (c / IC50)^hill)."""
    ratio = u.concentration / getattr(p, f"ic50_{channel}")
    return 1.0 / (1.0 + share(ratio, getattr(p, f"hill_{channel}")))


class Field:
    """What moves ions through open pores at z = v F / (R T), by Goldman, Hodgkin and Katz.

    single: z (inside exp(z) - outside) / (exp(z) - 1);  double: the same of 2 z
    """

    def __init__(self, z: Any) -> None:
        near = jnp.abs(z) < _SMALL
        more = jnp.expm1(jnp.where(near, 1.0, z))
        self.ratio = jnp.where(near, 1.0 - 0.5 * z, z / more)
        self.times = jnp.where(near, 1.0 + z, more + 1.0)

    def single(self, inside: Any, outside: Any) -> Any:
        return self.ratio * (inside * self.times - outside)

    def double(self, inside: Any, outside: Any) -> Any:
        return 2.0 * self.ratio / (self.times + 1.0) * (inside * self.times**2 - outside)


def currents(x: Any, p: Any, u: Any, camk: Any) -> dict[str, Any]:
    """Every current by the name of its output; camk: share of targets phosphorylated."""
    v, field = x.v / p.gate_voltage, Field(x.v / p.thermal_voltage)
    k_o, na_o = u.plasma_potassium, p.extracellular_sodium
    e_na = p.thermal_voltage * jnp.log(na_o / x.nai)
    e_k = p.thermal_voltage * jnp.log(k_o / x.ki)
    e_ks = p.thermal_voltage * jnp.log((k_o + p.ks_sodium * na_o) / (x.ki + p.ks_sodium * x.nai))
    return {
        **_sodium(x, p, u, x.v - e_na, camk),
        "i_to": _transient_outward(x, p, u, v, camk) * (x.v - e_k),
        **_calcium(x, p, u, v, field, camk),
        **_potassium(x, p, u, v, x.v - e_k, x.v - e_ks),
        "i_nab": p.p_nab * p.faraday * field.single(x.nai, na_o),
        "i_cab": 2.0 * p.p_cab * p.faraday * field.double(x.cai, 0.341 * p.extracellular_calcium),
        "i_pca": p.pump_calcium * x.cai / (p.pump_calcium_half + x.cai),
    }


def _sodium(x: Any, p: Any, u: Any, drive: Any, camk: Any) -> dict[str, Any]:
    """INa and INaL, pages 6 and 7."""
    h, hp = 0.99 * x.ina_hf + 0.01 * x.ina_hs, 0.99 * x.ina_hf + 0.01 * x.ina_hsp
    open_fast = x.ina_m**3 * ((1.0 - camk) * h * x.ina_j + camk * hp * x.ina_jp)
    open_late = x.inal_m * ((1.0 - camk) * x.inal_h + camk * x.inal_hp)
    return {
        "i_na": p.g_na * left(p, u, "na") * drive * open_fast,
        "i_nal": p.g_nal * left(p, u, "nal") * drive * open_late,
    }


def _transient_outward(x: Any, p: Any, u: Any, v: Any, camk: Any) -> Any:
    """Conductance of Ito [mS/uF], page 8."""
    fast = falls(v, 213.6, 151.2)
    i, ip = fast * x.ito_if + (1.0 - fast) * x.ito_is, fast * x.ito_ifp + (1.0 - fast) * x.ito_isp
    return p.g_to * left(p, u, "to") * ((1.0 - camk) * x.ito_a * i + camk * x.ito_ap * ip)


def _calcium(x: Any, p: Any, u: Any, v: Any, field: Field, camk: Any) -> dict[str, Any]:
    """What flows through L-type channels: calcium, sodium and potassium, page 9."""
    fast = 0.3 + 0.6 * falls(v, 10.0, 10.0)
    f, fp = 0.6 * x.ical_ff + 0.4 * x.ical_fs, 0.6 * x.ical_ffp + 0.4 * x.ical_fs
    fca, fcap = fast * x.ical_fcaf + (1.0 - fast) * x.ical_fcas, fast * x.ical_fcafp + (1.0 - fast) * x.ical_fcas
    other, inactivated = x.ical_d * (1.0 - x.ical_nca), x.ical_d * x.ical_jca * x.ical_nca
    plain, phosphorylated = f * other + fca * inactivated, fp * other + fcap * inactivated
    opened = (1.0 - camk) * plain + camk * p.p_ca_phosphorylated * phosphorylated
    flux = p.p_ca * left(p, u, "cal") * p.faraday * opened
    return {
        "i_cal": 2.0 * flux * field.double(x.cass, 0.341 * p.extracellular_calcium),
        "i_cana": 0.75 * flux * p.p_ca_sodium * field.single(x.nass, p.extracellular_sodium),
        "i_cak": 0.75 * flux * p.p_ca_potassium * field.single(x.kss, u.plasma_potassium),
    }


def _potassium(x: Any, p: Any, u: Any, v: Any, drive: Any, drive_ks: Any) -> dict[str, Any]:
    """IKr, IKs, IK1 and IKb, pages 10 to 12 and 15."""
    k = u.plasma_potassium / p.potassium_unit
    by_calcium = 1.0 + 0.6 / (1.0 + jnp.exp(1.4 * jnp.log(p.ks_calcium / x.cai)))
    rectified = falls(v, 2.6 * k - 105.8, 9.493) * x.ik1_x
    return {
        "i_kr": p.g_kr * jnp.sqrt(u.plasma_potassium / p.kr_potassium) * x.ikr_o * drive,
        "i_ks": p.g_ks * left(p, u, "ks") * by_calcium * x.iks_x1 * x.iks_x2 * drive_ks,
        "i_k1": p.g_k1 * left(p, u, "k1") * jnp.sqrt(k) * rectified * drive,
        "i_kb": p.g_kb * rises(v, 14.48, 18.34) * drive,
    }
