"""One heart beat in closed form: what a ventricle takes in and gives out for the mean pressures before and behind it.

Time counts from the onset of contraction; T the period, Ts the time to peak elastance, V the volume above the
ventricle's unstressed one, all pressures above that in the chest except differences.

    ejection   ES = cs (Pout + ka SV),  ka = R ((1 - exp(-te/(R C))) / (te (1 - exp(-T/(R C)))) - 1/T)
               a windkessel R, C that takes SV evenly over the time te has its mean pressure plus ka SV at the end
    filling    two compliances, cd of the slack ventricle and C of the veins before it, exchange through a resistance
               from the time tf until T; the pressure difference D between them obeys
               dD/dt = Q/C - D/tau,  tau = r cd C / (cd + C),  D0 the one that lets SV through in a beat = k0 SV
               ES = cd (Pin + (k1 - k0) SV),  k1 SV the veins' pressure at tf above their mean
    tf         when the relaxing ventricle falls below the veins, by its elastance and their mean pressures

With a mean volume V = ES + w SV both are linear in V:
    SV out = (V - cs Pout) / (w + cs ka),    SV in = (cd Pin - V) / (cd (k0 - k1) - w)
and a beat after a change they are one.

Source: derived here, for the pulsatile model of the same parameters (organs/circulation_pulsatile), whose mean
pressures and output it meets within 3 % (docs/organs.md). When the heart ejects, as a share of Ts, is that model's at
rest.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp

FLAT = 0.001  # keeps the slope of the arc cosine finite where the ventricle never, or always, stands below its veins


class Ventricle(NamedTuple):
    """A ventricle: compliances [mL/mmHg] in diastole and at the end of systole, and when it ejects [Ts].

    Attributes:
        opens: of its outlet valve, after onset.
        ejects: for how long.
        softness: of its valves [mL], see `_forward`: 1.5 mL add 0.007 mL to a stroke of 80.
    """

    diastolic: Any
    systolic: Any
    opens: float
    ejects: float
    softness: Any


class Vessel(NamedTuple):
    """A vessel's compliance [mL/mmHg] and the resistance [mmHg s/mL] its blood leaves by."""

    compliance: Any
    resistance: Any


class Stroke(NamedTuple):
    """Volumes that a beat ejects and takes in [mL], the share w of the first that the mean volume stands above ES, and
    the pressure of the artery at the end of ejection above its mean [mmHg]."""

    out: Any
    taken: Any
    share: Any
    rise: Any


def systole(p: Any, period: Any) -> Any:
    """Time from onset to peak elastance [s]."""
    return p.systole * jnp.sqrt(period)


def stroke(
    heart: Ventricle, volume: Any, before: tuple[Vessel, Any], behind: tuple[Vessel, Any], period: Any, peak: Any
) -> Stroke:
    """What one beat moves.

    Args:
        volume: mean, above the unstressed one [mL].
        before, behind: the veins and the artery with their mean pressures above that in the chest [mmHg].
        period, peak: T and Ts [s].
    """
    (veins, filling_pressure), (artery, pressure) = before, behind
    cd, cs = heart.diastolic, heart.systolic
    start = _filling_starts(heart, filling_pressure / pressure, peak)
    k0, k1, filled = _filling(cd, veins, start, period)
    ejection = heart.ejects * peak
    tau = artery.resistance * artery.compliance
    ka = artery.resistance * (-jnp.expm1(-ejection / tau) / (ejection * -jnp.expm1(-period / tau)) - 1.0 / period)
    share = (heart.opens * peak + 0.5 * ejection) / period + filled
    out = _forward((volume - cs * pressure) / (share + cs * ka), heart.softness)
    taken = _forward((cd * filling_pressure - volume) / (cd * (k0 - k1) - share), heart.softness)
    return Stroke(out, taken, share, ka * out)


def _forward(volume: Any, softness: Any) -> Any:
    """What valves let through: the positive part, rounded at zero so that a steady state can be searched from there."""
    return 0.5 * (volume + jnp.sqrt(volume**2 + softness**2))


def _filling_starts(heart: Ventricle, ratio: Any, peak: Any) -> Any:
    """When the elastance, falling as (1 + cos(2 pi (t - Ts) / Ts)) / 2, has brought the ventricle below its veins."""
    least = heart.systolic / heart.diastolic
    active = jnp.clip((ratio - least) / (1.0 - least), FLAT, 1.0 - FLAT)
    return peak * (1.0 + jnp.arccos(2.0 * active - 1.0) / (2.0 * jnp.pi))


def _filling(cd: Any, veins: Vessel, start: Any, period: Any) -> tuple[Any, Any, Any]:
    """k0, k1 [mmHg/mL], and what filling adds to the mean volume [strokes]."""
    c, r = veins
    lasts = period - start
    tau = r * cd * c / (cd + c)
    done = -jnp.expm1(-lasts / tau)
    last = r * cd / ((cd + c) * period)  # where D goes, per stroke
    k0 = last + (r - last * lasts) / (tau * done)
    # the integral over filling of what has come in by the difference that dies away
    dying = (k0 - last) * tau * (lasts - tau * done) / r
    k1 = (start**2 / (2.0 * c * period) - lasts**2 / (2.0 * (cd + c) * period) + dying / c) / period
    filled = (0.5 * last * lasts**2 / r + dying) / period
    return k0, k1, filled


def activation(phase: Any, period: Any, peak: Any) -> Any:
    """Share of the way from relaxed to end-systolic elastance at a phase of the beat, 0 to 1.

    (1 - cos(pi t / Ts)) / 2 until Ts, (1 + cos(2 pi (t - Ts) / Ts)) / 2 until 1.5 Ts, then 0; CVSim, equation.c.
    """
    time = phase * period / peak  # in Ts
    rising = 0.5 * (1.0 - jnp.cos(jnp.pi * time))
    falling = 0.5 * (1.0 + jnp.cos(2.0 * jnp.pi * (time - 1.0)))
    return jnp.where(time <= 1.0, rising, jnp.where(time <= 1.5, falling, 0.0))
