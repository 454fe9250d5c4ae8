"""The tubule: what four segments take back of sodium and water, and the pressure the flow needs.

With e the fraction of sodium a segment takes back (at most `most_reabsorbed`), N sodium and W water of one kidney pair:

    proximal    N (1 - e), W (1 - e)                          isotonic
    loop        N (1 - e), W exp(-e)                          water leaves along the gradient the ascending limb makes
    distal      N (1 - e), W                                  tight to water
    duct        N (1 - e), W - adh (W - N (1 - e) / c_bend)   c_bend: sodium at the bend of the loop
    e           = nominal e x pressure natriuresis x AT1 (proximal), x aldosterone (duct), x drug
    natriuresis = max(0.001, 1 - scale/2 + scale / (1 + exp((postglomerular - setpoint) / slope)))

Pressure at the inlet, where diameters go as pressure to the power s, n = 4 s + 1, and are known at a pressure P:

    inlet = P (n / P sum over segments of drop)^(1/n),   drop = 128 viscosity length mean flow / (pi diameter^4)

Source: Hallow and Gebremichael 2017, code of the authors (modelfile.R).
Differs: reabsorption stops at `most_reabsorbed` (the source's constant of 0.995, which its code does not use: at 1,
reached where postglomerular pressure falls by 0.6 mmHg, it divides 0 by 0); pi is not rounded to 3.14; aldosterone in
the distal tubule is left out, whose range is 0 there. As in the source, flow through the duct is half the difference
of its ends.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp

from twinsim.models.organs._renal_nominal import Nominal
from twinsim.models.organs._renal_source import CODE, FACTOR, HUMAN, curve
from twinsim.models.structure import POSITIVE, Parameter

# the source gives each segment's diameter at a pressure of its own
_AT = f"{HUMAN}; as (14 / pressure)^0.2"
_LENGTH, _WIDTH = (1e-6, 1.0), (1e-7, 1e-2)

PARAMETERS = (
    Parameter("most_reabsorbed", "1", 0.995, "largest fraction a segment takes back", HUMAN, (0.0, 0.9999)),
    Parameter("natriuresis_proximal", "1", 3.0, "range of pressure natriuresis; 1 in Synthea's copy", HUMAN),
    Parameter("natriuresis_loop", "1", 3.0, "the same in the loop; 1 in Synthea's copy", HUMAN),
    Parameter("natriuresis_distal", "1", 3.0, "the same in the distal tubule; 1 in Synthea's copy", HUMAN),
    Parameter("natriuresis_duct", "1", 3.0, "the same in the collecting duct", HUMAN),
    Parameter("natriuresis_pressure", "mmHg", 1.0, "postglomerular pressure over which it acts", HUMAN, POSITIVE),
    Parameter("at1_proximal", "1", 0.1, "range of proximal reabsorption under bound angiotensin II", HUMAN),
    Parameter("aldosterone_duct", "1", 0.3, "range of reabsorption in the duct under aldosterone", HUMAN),
    Parameter("aldosterone_slope", "1", 0.5, "aldosterone over nominal over which it acts", HUMAN, POSITIVE),
    Parameter("adh_permeability", "1", 0.98, "share of the gradient water follows at nominal vasopressin", HUMAN),
    Parameter("loop_diuretic", "1", 1.0, "factor on reabsorption in the loop", "assumed: as thiazides act", FACTOR),
    Parameter("thiazide_distal", "1", 1.0, "thiazide: factor on distal reabsorption", CODE, FACTOR),
    Parameter("mra_aldosterone", "1", 1.0, "mineralocorticoid antagonist: factor on aldosterone", CODE, FACTOR),
    Parameter("tubular_compliance", "1", 0.2, "power of pressure that a tubule's diameter follows", HUMAN),
    Parameter("tubular_viscosity", "Pa min", 1.16667e-5, "viscosity of tubular fluid", HUMAN),
    Parameter("l_proximal", "m", 0.014, "length of the proximal tubule, three parts of 5, 5 and 4 mm", HUMAN, _LENGTH),
    Parameter("l_loop", "m", 0.01, "length of either limb of the loop", HUMAN, _LENGTH),
    Parameter("l_distal", "m", 0.005, "length of the distal tubule", HUMAN, _LENGTH),
    Parameter("l_duct", "m", 0.01, "length of the collecting duct", HUMAN, _LENGTH),
    Parameter("d_proximal", "m", 2.7e-5, "diameter of the proximal tubule at pressure_proximal", HUMAN, _WIDTH),
    Parameter("d_descending", "m", 1.80068053e-5, "of the descending limb", f"{_AT}, from 17 um at 10.5 mmHg", _WIDTH),
    Parameter("d_ascending", "m", 1.95278720e-5, "of the ascending limb", f"{_AT}, from 17 um at 7 mmHg", _WIDTH),
    Parameter("d_distal", "m", 2.31339758e-5, "of the distal tubule", f"{_AT}, from 17 um at 3 mmHg", _WIDTH),
    Parameter("d_duct", "m", 3.24670096e-5, "of the collecting duct", f"{_AT}, from 22 um at 2 mmHg", _WIDTH),
)  # fmt: skip


class Tubule(NamedTuple):
    """What leaves: water [L/min], sodium [mmol/min], and what the macula densa sees."""

    urine: Any
    sodium: Any
    macula_densa_sodium: Any  # [mmol/L]
    macula_densa_flow: Any  # [mmol/min]
    bowman_pressure: Any  # [mmHg]


def tubule(vessels, sodium, aldosterone, vasopressin, p, at: Nominal, at1) -> Tubule:
    """The tubule behind these vessels.

    Args:
        vessels: what filters.
        sodium: in plasma [mmol/L].
        aldosterone, vasopressin: over their nominal values.
        at1: curve of bound angiotensin II.
    """
    over = (vessels.postglomerular_pressure - at.postglomerular_pressure) / p.natriuresis_pressure
    pressed = curve(-over)
    duct_signal = 1.0 + p.aldosterone_duct * curve((aldosterone * p.mra_aldosterone - 1.0) / p.aldosterone_slope)
    proximal = _taken(p.proximal_reabsorption * (1.0 + p.at1_proximal * at1), p.natriuresis_proximal, pressed, p)
    loop = _taken(p.loop_reabsorption * p.loop_diuretic, p.natriuresis_loop, pressed, p)
    distal = _taken(p.distal_reabsorption * p.thiazide_distal, p.natriuresis_distal, pressed, p)
    duct = _taken(at.duct_reabsorption * duct_signal, p.natriuresis_duct, pressed, p)

    water_proximal = vessels.gfr * (1.0 - proximal)
    concentrated = jnp.exp(loop)
    water_loop = water_proximal / concentrated
    at_bend = sodium * concentrated
    macula_densa = at_bend * (1.0 - loop)
    flow = macula_densa * water_loop
    excreted = flow * (1.0 - distal) * (1.0 - duct)
    adh = jnp.clip(p.adh_permeability * vasopressin, 0.0, 1.0)
    urine = jnp.maximum(water_loop - adh * (water_loop - excreted / at_bend), 0.0)
    return Tubule(
        urine=urine,
        sodium=excreted,
        macula_densa_sodium=macula_densa,
        macula_densa_flow=flow,
        bowman_pressure=p.pressure_interstitial
        + _inlet(vessels.gfr, proximal, water_proximal, loop, water_loop, urine, p),
    )


def _taken(nominal, scale, pressed, p):
    """The fraction a segment takes back under pressure natriuresis."""
    return jnp.clip(nominal * jnp.maximum(1.0 + scale * pressed, 0.001), 0.0, p.most_reabsorbed)


def _inlet(filtered, proximal, water_proximal, loop, water_loop, urine, p):
    """Pressure above the interstitium where the proximal tubule begins [mmHg]."""
    # a segment that takes back a fraction e evenly lets through, on average, e / -log(1 - e) of its inflow
    descending = water_proximal - water_loop
    segments = (
        (p.l_proximal, p.d_proximal, filtered * _mean_passed(proximal)),
        (p.l_loop, p.d_descending, descending / jnp.maximum(loop, 1e-12)),
        (p.l_loop, p.d_ascending, water_loop),
        (p.l_distal, p.d_distal, water_loop),
        (p.l_duct, p.d_duct, (water_loop - urine) / 2.0),
    )
    flow = sum(length * mean / diameter**4 for length, diameter, mean in segments)
    nephrons = p.baseline_nephrons * p.nephron_fraction
    # 0.001 m3/L and 133.322387415 Pa/mmHg
    drop = 128.0 / jnp.pi * p.tubular_viscosity * (0.001 * flow / nephrons) / 133.322387415
    n = 4.0 * p.tubular_compliance + 1.0
    # the floor keeps the root smooth where nothing flows
    return p.pressure_proximal * jnp.maximum(n * drop / p.pressure_proximal, 1e-9) ** (1.0 / n)


def _mean_passed(e):
    """e / -log(1 - e), 1 where e is 0."""
    safe = jnp.maximum(e, 1e-9)
    return safe / -jnp.log1p(-safe)
