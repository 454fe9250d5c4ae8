"""Ions within the ventricular myocyte, calcium of its reticulum, and CaMKII; pages 16 to 18 of O'Hara et al. 2011."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp


def release(x: Any, p: Any, i_cal: Any, camk: Any) -> tuple[Any, dict[str, Any]]:
    """Calcium released from the JSR [mmol/L/ms], and how its two states change; page 17."""
    filled = 1.0 / (1.0 + (p.release_half / x.cajsr) ** 8)
    change = {}
    for name, time in (("release", p.release_time), ("release_p", p.release_phosphorylated * p.release_time)):
        tau = jnp.maximum(time / (1.0 + p.release_slowing / x.cajsr), p.release_least_time)
        change[name] = (-p.release_gain * time * i_cal * filled - getattr(x, name)) / tau
    return (1.0 - camk) * x.release + camk * x.release_p, change


def _uptake(x: Any, p: Any, camk: Any) -> Any:
    """Net calcium into the NSR [mmol/L/ms]; page 17."""
    plain = p.uptake * x.cai / (x.cai + p.uptake_half)
    phosphorylated_ = p.uptake_phosphorylated * p.uptake * x.cai / (x.cai + p.uptake_half - p.uptake_shift)
    return (1.0 - camk) * plain + camk * phosphorylated_ - p.leak * x.cansr


def _free(calcium: Any, *buffers: tuple[Any, Any]) -> Any:
    """Share of calcium that stays free, at buffers given by what they hold and their half-saturation."""
    return 1.0 / (1.0 + sum(most * half / (half + calcium) ** 2 for most, half in buffers))


def ions(x: Any, p: Any, i: dict[str, Any], camk: Any, bound: Any) -> dict[str, Any]:
    """d concentration/dt [mmol/L/ms], release and CaMKII, of all currents with i_naca_i, i_naca_ss, i_nak; page 18."""
    volume = 1000.0 * 3.14 * p.cell_radius**2 * p.cell_length  # uL/cm^3; pi as in the source
    area = p.folding * 2.0 * 3.14 * p.cell_radius * (p.cell_radius + p.cell_length)
    per_volume = area * p.specific_capacitance / (p.faraday * volume)
    to_myoplasm, to_subspace = per_volume / p.share_myoplasm, per_volume / p.share_subspace
    between = p.share_subspace / p.share_myoplasm
    na = (x.nass - x.nai) / p.diffusion_time
    k = (x.kss - x.ki) / p.diffusion_time
    ca = (x.cass - x.cai) / p.diffusion_time_calcium
    released, change = release(x, p, i["i_cal"], camk)
    taken, moved = _uptake(x, p, camk), (x.cansr - x.cajsr) / p.transfer_time
    sodium = i["i_na"] + i["i_nal"] + i["i_nab"] + 3.0 * i["i_naca_i"] + 3.0 * i["i_nak"]
    potassium = i["i_to"] + i["i_kr"] + i["i_ks"] + i["i_k1"] + i["i_kb"] - 2.0 * i["i_nak"] + x.stimulus
    calcium = i["i_pca"] + i["i_cab"] - 2.0 * i["i_naca_i"]
    myoplasm = _free(x.cai, (p.calmodulin, p.calmodulin_half), (p.troponin, p.troponin_half))
    subspace = _free(x.cass, (p.buffer_sr, p.buffer_sr_half), (p.buffer_sl, p.buffer_sl_half))
    return {
        **change,
        "nai": -sodium * to_myoplasm + na * between,
        "nass": -(i["i_cana"] + 3.0 * i["i_naca_ss"]) * to_subspace - na,
        "ki": -potassium * to_myoplasm + k * between,
        "kss": -i["i_cak"] * to_subspace - k,
        "cai": myoplasm * (-0.5 * calcium * to_myoplasm - taken * p.share_nsr / p.share_myoplasm + ca * between),
        "cass": subspace
        * (-0.5 * (i["i_cal"] - 2.0 * i["i_naca_ss"]) * to_subspace + released * p.share_jsr / p.share_subspace - ca),
        "cansr": taken - moved * p.share_jsr / p.share_nsr,
        "cajsr": _free(x.cajsr, (p.calsequestrin, p.calsequestrin_half)) * (moved - released),
        "camk_trapped": p.camk_on * bound * (bound + x.camk_trapped) - p.camk_off * x.camk_trapped,
    }


def inactivation(x: Any, p: Any) -> Any:
    """d nca/dt: L-type channels inactivated by calcium of the subspace [1/ms]; page 9."""
    off = x.ical_jca * p.inactivation_off
    share = 1.0 / (p.inactivation_on / off + (1.0 + p.inactivation_calcium / x.cass) ** 4)
    return share * p.inactivation_on - x.ical_nca * off
