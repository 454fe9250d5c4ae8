"""Remodelling of bone: osteoblasts, osteoclasts and what they tell each other, each over its value at rest.

With a the active TGF-beta, m the RANK-RANKL complex, h the PTH, b the osteoblasts and c the osteoclasts, all over rest,
rising and falling being 1 at rest:

    d responding/dt = k ratio (rising_1(a) - responding/rising_2(a))
    d fast/dt       = k responding/rising_2(a) f loss_fast/loss - loss_fast fast
    d slow/dt       = k responding/rising_2(a) (1 - f) loss_slow/loss - loss_slow slow
    loss            = k (e falling_1(a) - (e - 1) rising_3(runx2'))
    loss_slow       = 0.313 loss,  loss_fast = (k - loss_slow (1 - f))/f
    d osteoclasts/dt = d pi_c (rising_4(m) - rising_5(a) falling_2(m) c)
    d latent/dt     = k_tgf (b^0.011 - latent c^0.594)
    d active/dt     = 1000 k_tgf (latent c^0.594 - active)
    d rank/dt       = k_rank (a^0.152 - rank) - k_on rankl0 (rank rankl - m)
    d rankl/dt      = k_rankl (p(h) b^0.174 - rankl_loss rankl) - k_on rank0 (rank rankl - m)
    d complex/dt    = k_off (rank rankl - m)
    d runx2/dt      = k_runx2 (1 - rising_6(h) runx2)
    d creb/dt       = k_creb (rising_7(h) - creb)
    d bcl2/dt       = k_bcl2 (runx2 creb - bcl2)

p(h) = E h/((E - 1) b^0.174 + h). runx2' is 1 + 10 (bcl2 - 1) where bcl2 is above 1.05, else 1: it
jumps, as in the source.
"""

import jax.numpy as jnp

from twinsim.models.structure import State

STATES = (
    State("responding", "1", "responding osteoblasts over rest"),
    State("osteoblasts_fast", "1", "osteoblasts that are lost fast, over all at rest"),
    State("osteoblasts_slow", "1", "osteoblasts that are lost slowly, over all at rest"),
    State("osteoclasts", "1", "osteoclasts over rest"),
    State("tgf_latent", "1", "latent TGF-beta over rest"),
    State("tgf_active", "1", "active TGF-beta over rest"),
    State("rank", "1", "RANK over rest"),
    State("rankl", "1", "RANKL over rest"),
    State("rank_rankl", "1", "complex of both over rest"),
    State("runx2", "1", "RunX2 of osteoblasts over rest"),
    State("creb", "1", "CREB of osteoblasts over rest"),
    State("bcl2", "1", "Bcl-2 of osteoblasts over rest"),
)


def least(ratio):
    """A ratio that is raised to powers, never 0 or below."""
    return jnp.maximum(ratio, 1e-6)


def rising(ratio, low, top, gamma):
    """low + top x^gamma/(x^gamma + k), 1 at x = 1."""
    powered = least(ratio) ** gamma
    return low + top * powered / (powered + top / (1.0 - low) - 1.0)


def falling(ratio, top, low, gamma):
    """top - (top - low) x^gamma/(x^gamma + k), 1 at x = 1."""
    powered = least(ratio) ** gamma
    return top - (top - low) * powered / (powered + (top - low) / (top - 1.0) - 1.0)


def start(p):
    return {
        **{state.name: 1.0 for state in STATES},
        "osteoblasts_fast": p.fast,
        "osteoblasts_slow": 1.0 - p.fast,
    }


def _osteoblasts(x, p):
    """Rates of the responding, the fast and the slow."""
    active, k = x.tgf_active, p.k_osteoblast
    made = k * rising(active, p.responding_low, p.responding_max / p.pi_c, p.responding_gamma)
    matured = k * x.responding / rising(active, p.maturing_low, p.maturing_max / p.pi_c, p.maturing_gamma)
    runx2 = jnp.where(x.bcl2 > p.bcl2_switch, 1.0 + p.bcl2_slope * (x.bcl2 - 1.0), 1.0)
    spare, scale = p.survival_scale - 1.0, p.survival_scale
    kept = spare * rising(runx2, 0.0, scale * p.survival_max / spare, p.survival_gamma)
    loss = k * (scale * falling(active, p.loss_top, p.loss_low, p.loss_gamma) - kept)
    slow = p.slow_loss * loss
    fast = (k - slow * (1.0 - p.fast)) / p.fast
    return {
        "responding": p.responding_ratio * (made - matured),
        "osteoblasts_fast": matured * p.fast * fast / loss - fast * x.osteoblasts_fast,
        "osteoblasts_slow": matured * (1.0 - p.fast) * p.slow_loss - slow * x.osteoblasts_slow,
    }


def osteoblasts(x):
    """All osteoblasts over rest."""
    return x.osteoblasts_fast + x.osteoblasts_slow


def rates(x, p, pth):
    """Args: pth: PTH in plasma over rest."""
    blast, clast, active = least(osteoblasts(x)), least(x.osteoclasts), least(x.tgf_active)
    bound = x.rank * x.rankl - x.rank_rankl
    activated = x.tgf_latent * clast**p.tgf_clast
    made = rising(x.rank_rankl, p.clast_made_low, p.clast_made_max, p.clast_made_gamma)
    lost = rising(active, p.clast_loss_low, p.clast_loss_max / p.pi_c, p.clast_loss_gamma)
    lost = lost * falling(x.rank_rankl, p.clast_survival_top, p.clast_survival_low, p.clast_survival_gamma)
    effect = blast**p.rankl_blast
    expressed = effect * p.rankl_pth * pth / ((p.rankl_pth - 1.0) * effect + pth)
    runx2_lost = rising(pth, p.runx2_low / p.k_runx2, p.runx2_max / p.k_runx2, 1.0)
    return {
        **_osteoblasts(x, p),
        "osteoclasts": p.k_osteoclast * p.pi_c * (made - lost * x.osteoclasts),
        "tgf_latent": p.k_tgf * (blast**p.tgf_blast - activated),
        "tgf_active": p.tgf_ratio * p.k_tgf * (activated - x.tgf_active),
        "rank": p.k_rank * (active**p.rank_tgf - x.rank) - p.k_on * p.rankl0 * bound,
        "rankl": p.k_rankl * (expressed - p.rankl_loss * x.rankl) - p.k_on * p.rank0 * bound,
        "rank_rankl": p.k_off * bound,
        "runx2": p.k_runx2 * (1.0 - runx2_lost * x.runx2),
        "creb": p.k_creb * (rising(pth, p.creb_low, p.creb_max, 1.0) - x.creb),
        "bcl2": p.k_bcl2 * (x.runx2 * x.creb - x.bcl2),
    }
