"""The operating point a kidney regulates about: pressures and flows that follow from resistances, lengths and intake.

    preafferent pressure    P1 = map_setpoint - rbf r_preafferent
    glomerular pressure     P2 = P1 - rbf r_afferent,        r = viscosity_length / (diameter^4 nephrons)
    postglomerular pressure P3 = P2 - rbf r_efferent         (the setpoint of pressure natriuresis)
    filtration              gfr = kf nephrons (P2 - oncotic - bowman)
    sodium that leaves the loop = gfr sodium (1 - proximal) (1 - loop)
    collecting duct         reabsorbs what makes excretion equal to the nominal intake

Source: Hallow and Gebremichael 2017, code of the authors (calcNomParams_human.R).
"""

from typing import Any, NamedTuple

from twinsim.models.organs._renal_source import FRACTION, HUMAN
from twinsim.models.structure import POSITIVE, Parameter

PARAMETERS = (
    Parameter("map_setpoint", "mmHg", 93.0, "arterial pressure the kidney is built for", HUMAN, POSITIVE),
    Parameter("rbf_setpoint", "L/min", 1.0, "renal blood flow at that pressure", HUMAN, POSITIVE),
    Parameter("renal_vein_pressure", "mmHg", 4.0, "pressure in the renal vein", HUMAN),
    Parameter("baseline_nephrons", "1", 2e6, "nephrons of both healthy kidneys", HUMAN, POSITIVE),
    Parameter("kf", "nL/min/mmHg", 3.9, "ultrafiltration coefficient of a nephron", HUMAN, POSITIVE),
    Parameter("oncotic_setpoint", "mmHg", 28.0, "oncotic pressure in the glomerulus", HUMAN),
    Parameter("r_preafferent", "mmHg min/L", 19.0, "resistance before the afferent arterioles", HUMAN, POSITIVE),
    Parameter("d_afferent", "m", 1.5e-5, "diameter of the afferent arteriole", HUMAN, (1e-7, 1e-3)),
    Parameter("d_efferent", "m", 1.1e-5, "diameter of the efferent arteriole", HUMAN, (1e-7, 1e-3)),
    Parameter(
        "viscosity_length", "mmHg min m", 1.5e-9, "128/pi times blood viscosity and length of an arteriole", HUMAN
    ),
    Parameter("plasma_sodium_setpoint", "mmol/L", 140.0, "plasma sodium", HUMAN, POSITIVE),
    Parameter("sodium_intake_setpoint", "mmol/min", 100.0 / 1440.0, "sodium eaten, 100 mmol/d", HUMAN),
    Parameter("proximal_reabsorption", "1", 0.7, "fraction of sodium the proximal tubule takes back", HUMAN, FRACTION),
    Parameter("loop_reabsorption", "1", 0.8, "fraction the loop of Henle takes back", HUMAN, FRACTION),
    Parameter("distal_reabsorption", "1", 0.5, "fraction the distal tubule takes back", HUMAN, FRACTION),
    Parameter("pressure_proximal", "mmHg", 14.0, "pressure at which the proximal tubule has its diameter", HUMAN),
    Parameter("pressure_interstitial", "mmHg", 5.0, "pressure around the tubules", HUMAN),
)


class Nominal(NamedTuple):
    """Pressures [mmHg], resistances of all nephrons [mmHg min/L] and flows at the operating point."""

    preafferent_pressure: Any
    postglomerular_pressure: Any
    r_afferent: Any
    r_efferent: Any
    r_peritubular: Any
    gfr: Any  # [L/min]
    bowman_pressure: Any
    loop_outflow: Any  # sodium [mmol/min]
    duct_reabsorption: Any


def nominal(p) -> Nominal:
    """The operating point of parameters p."""
    # 0.001 m3/L
    r_afferent = 0.001 * p.viscosity_length / p.d_afferent**4 / p.baseline_nephrons
    r_efferent = 0.001 * p.viscosity_length / p.d_efferent**4 / p.baseline_nephrons
    preafferent = p.map_setpoint - p.rbf_setpoint * p.r_preafferent
    glomerular = preafferent - p.rbf_setpoint * r_afferent
    postglomerular = preafferent - p.rbf_setpoint * (r_afferent + r_efferent)
    whole = (p.map_setpoint - p.renal_vein_pressure) / p.rbf_setpoint
    bowman = p.pressure_proximal + p.pressure_interstitial
    # 1e-9 L/nL
    gfr = 1e-9 * p.kf * p.baseline_nephrons * (glomerular - p.oncotic_setpoint - bowman)
    loop = gfr * p.plasma_sodium_setpoint * (1.0 - p.proximal_reabsorption) * (1.0 - p.loop_reabsorption)
    distal = loop * (1.0 - p.distal_reabsorption)
    return Nominal(
        preafferent_pressure=preafferent,
        postglomerular_pressure=postglomerular,
        r_afferent=r_afferent,
        r_efferent=r_efferent,
        r_peritubular=whole - p.r_preafferent - r_afferent - r_efferent,
        gfr=gfr,
        bowman_pressure=bowman,
        loop_outflow=loop,
        duct_reabsorption=1.0 - p.sodium_intake_setpoint / distal,
    )
