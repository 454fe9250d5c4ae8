"""Calcium and phosphate, the hormones that hold them, and bone that is formed and resorbed.

With h, b, c and f the PTH, calcitriol, calcium and phosphate in plasma over rest, rising and falling being 1 at rest:

    d calcium/dt           = absorbed + from_bone - to_bone - urine
    d bone_surface/dt      = to_bone - from_bone + k_deep (bone_deep - deep0/surface0 bone_surface),  bone_deep likewise
    d gut_calcium/dt       = fraction(transport) intake - absorbed
    d phosphate/dt         = absorbed + 0.464 (from_bone - to_bone) + from cells - to cells - urine
    d pth/dt               = gland falling(calcium_sensing c) 2 pool clearance pth0 + injected - clearance pth/volume
    d pool/dt              = k_pool ((1 - pool) (0.85 (1 - s) + 0.15) - pool (0.85 (1 + s) + 0.15))
    s                      = tanh(slope calcitriol0 (b - c^-0.9))
    d hydroxylase_rate/dt  = k (hydroxylase k_calcitriol calcitriol0 volume g(h) q(f) - hydroxylase_rate)
    d calcitriol/dt        = hydroxylase_rate - k_calcitriol calcitriol
    d transport/dt         = up(b) (1 - transport) - down(b) transport
    d apatite/dt           = (osteoblasts - apatite)/apatite_time
    urine of calcium       = (2 - 2 b/(b + 1)) (0.3 GFR calcium/volume - reabsorbed)
    reabsorbed             ~ GFR c/(c + 0.67) h/(h + 0.061)
    urine of phosphate     = 0.88 GFR (phosphate/volume - threshold), if positive
    from_bone              = exchange (0.89 + 0.11 rising(osteoclasts) (rank_rankl/osteoclasts)^0.60)
    to_bone                = exchange c (0.89 + 0.11 apatite)

and the cells in _bone_cells. Osteoblasts stand for markers of formation (bone alkaline phosphatase), osteoclasts for
those of resorption (CTX), as in the source.

Routes: oral_calcium, of which load_fraction is absorbed, iv_calcium, oral_phosphate, iv_phosphate in mmol; iv_pth in
pmol, for infusions too; teriparatide in ug under the skin, which acts as PTH. Drugs and diseases act on gland (hypo-
and hyperparathyroidism), calcium_sensing (calcimimetics), hydroxylase (vitamin D), rankl_loss (antibodies against
RANKL, such as denosumab) and the need gfr (renal insufficiency).

Source: Peterson and Riggs 2010, Bone 46:49 (PMID 19732857), from the SBML file BIOMD0000000613 (CC0); the paper was not
at hand. Of the file's 31 species 26 are here. Left out are all osteoblasts (a constant), PTH under the skin (nothing
enters it), and three that change nothing: osteoprotegerin, its complex with RANKL, which in the file takes no RANKL
away, and the gland's capacity, which the file ties to calcitriol over itself and so holds at 1: the gland does not grow
where calcitriol is low.
Differs: 100 mL/min are 6 L/h, where the file rounds to 5.99988. Cells and signals are over rest. PTH below a millionth
of that at rest counts as that. A dose of calcium is absorbed as at rest; only what is eaten follows active absorption.
It begins where the file does, almost at rest: phosphate changes by 9e-5 of itself an hour at first, bone by 2e-4 in
three years.
"""

import jax.numpy as jnp

from twinsim.models.organs import _bone_cells as cells
from twinsim.models.organs._bone_cells import falling, least, rising
from twinsim.models.organs._bone_parameters import PAPER, PARAMETERS
from twinsim.models.ranges import Range
from twinsim.models.structure import Port, Route, State, Structure

_USUAL = "usual laboratory range of adults, from memory"


def _concentrations(x, p):
    """Calcium and phosphate [mmol/L], PTH and calcitriol [pmol/L]."""
    return x.calcium / p.volume, x.phosphate / p.volume, x.pth / p.volume, x.calcitriol / p.volume


def _with_bone(x, p, calcium):
    """Calcium from bone to plasma and back [mmol/h]."""
    exchange, clast = p.exchange / 24.0, least(x.osteoclasts)  # 24 h/day
    most = p.resorption_max * p.bone_surface0 / exchange
    dissolved = rising(clast, 0.0, most, p.resorption_gamma) * (least(x.rank_rankl) / clast) ** p.resorption_complex
    out = exchange * (1.0 - p.resorbed + p.resorbed * dissolved)
    return out, exchange * calcium / p.calcium0 * (1.0 - p.formed + p.formed * x.apatite)


def _urine(p, u, calcium, phosphate, pth, calcitriol):
    """Calcium and phosphate in urine [mmol/h]."""
    gfr = 0.06 * u.gfr  # (L/h)/(mL/min)
    most = (p.calcium_filtered * gfr * p.calcium0 - p.calcium_urine0) * (p.reabsorption50 + p.calcium0) / p.calcium0
    taken = most * calcium / (p.reabsorption50 + calcium) * p.reabsorption_pth * pth
    taken = taken / (pth + p.pth0 * (p.reabsorption_pth - 1.0))
    lessened = 2.0 - p.urine_calcitriol * calcitriol / (calcitriol + p.calcitriol0)
    lost = jnp.maximum(lessened * (p.calcium_filtered * gfr * calcium - taken), 0.0)
    return lost, jnp.maximum(p.phosphate_filtered * gfr * (phosphate - p.phosphate_threshold), 0.0)


def _fraction(x, p):
    """Absorbed fraction of the calcium that is eaten."""
    return p.fraction_max / (1.0 + (p.fraction_half / least(x.transport)) ** p.fraction_gamma)


def _absorbed(x, p):
    """Calcium from gut to plasma [mmol/h]."""
    half = p.absorption_known_at * (p.absorption_max / p.absorption_known - 1.0)
    active = p.absorption_max * x.gut_calcium / (x.gut_calcium + half) * 2.0 * x.transport
    return active * x.gut_calcium / (x.gut_calcium + p.absorption_km) + p.k_passive * x.gut_calcium


def _secreted(x, p, calcium):
    """PTH from the gland [pmol/h]."""
    seen = p.calcium_sensing * calcium / p.calcium0
    curve = falling(seen, p.secretion_most, p.secretion_least, p.secretion_gamma)
    return p.gland * p.pth_clearance * p.pth0 * curve * 2.0 * x.pool


def _hydroxylase_target(p, phosphate, pth):
    """Calcitriol made in the long run at these [pmol/h]."""
    powered = least(pth / p.pth0) ** p.hydroxylase_gamma
    half = (p.hydroxylase_pth50 / p.pth0) ** p.hydroxylase_gamma
    by_pth = (1.0 + half) * powered / (half + powered)
    ratio, spare = phosphate / p.phosphate0, p.hydroxylase_most - 1.0
    k = (p.hydroxylase_phosphate50 / p.phosphate0) ** p.hydroxylase_phosphate_gamma
    high = jnp.maximum(ratio, 1.0) ** p.hydroxylase_phosphate_gamma
    by_phosphate = p.hydroxylase_most - spare * (1.0 + k) * high / (high + k)
    return p.hydroxylase * p.k_calcitriol * p.calcitriol0 * p.volume * by_pth * by_phosphate


def _gland_and_gut(x, p, calcium, calcitriol):
    """Rates of the gland's pool and of active absorption."""
    wanted = p.calcitriol0 * least(calcium / p.calcium0) ** -p.pool_calcium
    s = jnp.tanh(p.pool_slope * (calcitriol - wanted))
    share = (p.transporter_fastest - p.transporter_slowest) * calcitriol / (p.calcitriol0 + calcitriol)
    up, down = p.transporter_slowest + share, p.transporter_fastest - share
    return {
        "pool": p.k_pool * ((1.0 - x.pool) * (0.85 * (1.0 - s) + 0.15) - x.pool * (0.85 * (1.0 + s) + 0.15)),
        "transport": up * (1.0 - x.transport) - down * x.transport,
    }


def start(p, u):
    return {
        **cells.start(p),
        "calcium": p.calcium0 * p.volume,
        "gut_calcium": p.gut_calcium0,
        "bone_surface": p.bone_surface0,
        "bone_deep": p.bone_deep0,
        "phosphate": p.phosphate0 * p.volume,
        "gut_phosphate": p.gut_phosphate0,
        "cell_phosphate": p.cell_phosphate0,
        "pth": p.pth0 * p.volume,
        "pool": 0.5,
        "calcitriol": p.calcitriol0 * p.volume,
        "hydroxylase_rate": p.k_calcitriol * p.calcitriol0 * p.volume,
        "transport": 0.5,
        "apatite": 1.0,
    }


def rates(t, x, p, u):
    calcium, phosphate, pth, calcitriol = _concentrations(x, p)
    from_bone, to_bone = _with_bone(x, p, calcium)
    calcium_lost, phosphate_lost = _urine(p, u, calcium, phosphate, pth, calcitriol)
    absorbed, from_gut = _absorbed(x, p), p.k_gut_phosphate * x.gut_phosphate
    risen = p.k_deep * (x.bone_deep - p.bone_deep0 / p.bone_surface0 * x.bone_surface)
    to_cells = p.cells_in * phosphate - p.cells_out * x.cell_phosphate
    injected = p.k_depot * x.depot
    return {
        **cells.rates(x, p, least(pth / p.pth0)),
        **_gland_and_gut(x, p, calcium, calcitriol),
        "calcium": absorbed + from_bone - to_bone - calcium_lost,
        "gut_calcium": _fraction(x, p) * u.calcium_intake / 24.0 - absorbed,  # 24 h/day
        "bone_surface": to_bone - from_bone + risen,
        "bone_deep": -risen,
        "phosphate": from_gut + p.phosphate_per_calcium * (from_bone - to_bone) - to_cells - phosphate_lost,
        "gut_phosphate": p.phosphate_fraction * u.phosphate_intake / 24.0 - from_gut,
        "cell_phosphate": to_cells,
        "pth": _secreted(x, p, calcium) + 1e6 * injected / p.molar_teriparatide - p.pth_clearance * pth,  # pmol/umol
        "depot": -injected,
        "calcitriol": x.hydroxylase_rate - p.k_calcitriol * x.calcitriol,
        "hydroxylase_rate": p.k_hydroxylase * (_hydroxylase_target(p, phosphate, pth) - x.hydroxylase_rate),
        "apatite": (cells.osteoblasts(x) - x.apatite) / p.apatite_time,
    }


def outputs(t, x, p, u):
    calcium, phosphate, pth, calcitriol = _concentrations(x, p)
    from_bone, to_bone = _with_bone(x, p, calcium)
    calcium_lost, phosphate_lost = _urine(p, u, calcium, phosphate, pth, calcitriol)
    return {
        "plasma_calcium": calcium,
        "plasma_phosphate": phosphate,
        "plasma_pth": pth,
        "plasma_calcitriol": calcitriol,
        "calcium_excretion": 24.0 * calcium_lost,
        "phosphate_excretion": 24.0 * phosphate_lost,
        "calcium_from_bone": 24.0 * from_bone,
        "calcium_to_bone": 24.0 * to_bone,
        "bone_calcium": x.bone_surface + x.bone_deep,
        "osteoblast_number": cells.osteoblasts(x),
        "osteoclast_number": x.osteoclasts,
        "rankl_level": x.rankl,
    }


def outflows(t, x, p, u):
    from_bone, to_bone = _with_bone(x, p, x.calcium / p.volume)
    return {
        "calcium": (1.0 - _fraction(x, p)) * u.calcium_intake / 24.0,
        "phosphate": (1.0 - p.phosphate_fraction) * u.phosphate_intake / 24.0
        + p.phosphate_per_calcium * (to_bone - from_bone),
    }


structure = Structure(
    name="organs/bone",
    parameters=PARAMETERS,
    states=(
        State("calcium", "mmol", "calcium in plasma and what exchanges with it", quantity="calcium"),
        State("gut_calcium", "mmol", "calcium in the gut that will be absorbed", quantity="calcium"),
        State("bone_surface", "mmol", "calcium of bone that exchanges at once", quantity="calcium"),
        State("bone_deep", "mmol", "calcium of the rest of bone", quantity="calcium"),
        State("phosphate", "mmol", "phosphate outside cells", quantity="phosphate"),
        State("gut_phosphate", "mmol", "phosphate in the gut that will be absorbed", quantity="phosphate"),
        State("cell_phosphate", "mmol", "phosphate in cells", quantity="phosphate"),
        State("pth", "pmol", "PTH in plasma"),
        State("pool", "1", "the gland's pool of PTH, 0.5 at rest"),
        State("depot", "ug", "teriparatide under the skin"),
        State("calcitriol", "pmol", "calcitriol in plasma"),
        State("hydroxylase_rate", "pmol/h", "calcitriol that the kidney's 1-alpha-hydroxylase makes"),
        State("transport", "1", "active absorption of calcium, 0.5 at rest"),
        State("apatite", "1", "hydroxyapatite that is being formed, over rest"),
        *cells.STATES,
    ),
    routes=(
        Route("oral_calcium", to="gut_calcium", f="load_fraction"),
        Route("iv_calcium", to="calcium"),
        Route("oral_phosphate", to="gut_phosphate", f="phosphate_fraction"),
        Route("iv_phosphate", to="phosphate"),
        Route("iv_pth", to="pth"),
        Route("teriparatide", to="depot"),
    ),
    needs=(
        Port("gfr", "mL/min", "flow", "glomerular filtration rate", default=100.0),
        Port("calcium_intake", "mmol/day", "flow", "calcium that is eaten", default=24.055, quantity="calcium"),
        Port("phosphate_intake", "mmol/day", "flow", "phosphate that is eaten", default=10.5, quantity="phosphate"),
    ),
    gives=(
        Port("plasma_calcium", "mmol/L", "concentration", "calcium in plasma",
             normal=Range(2.2, 2.6, "BioGears' tables, after Cheuvront 2014: 88.16 to 104.2 mg/L")),
        Port("plasma_phosphate", "mmol/L", "concentration", "phosphate in plasma",
             normal=Range(0.8, 1.4, "BioGears' tables, after van Leeuwen 2015")),
        Port("plasma_pth", "pmol/L", "concentration", "parathyroid hormone in plasma", normal=Range(1.6, 6.9, _USUAL)),
        Port("plasma_calcitriol", "pmol/L", "concentration", "1,25-dihydroxyvitamin D in plasma",
             normal=Range(48.0, 160.0, _USUAL)),
        Port("calcium_excretion", "mmol/day", "flow", "calcium in urine", quantity="calcium",
             normal=Range(2.5, 7.5, _USUAL)),
        Port("phosphate_excretion", "mmol/day", "flow", "phosphate in urine", quantity="phosphate"),
        Port("calcium_from_bone", "mmol/day", "flow", "calcium from bone"),
        Port("calcium_to_bone", "mmol/day", "flow", "calcium to bone"),
        Port("bone_calcium", "mmol", "amount", "calcium of the skeleton"),
        Port("osteoblast_number", "1", "fraction", "osteoblasts over rest, as markers of formation"),
        Port("osteoclast_number", "1", "fraction", "osteoclasts over rest, as markers of resorption"),
        Port("rankl_level", "1", "fraction", "RANKL over rest"),
    ),
    start=start,
    rates=rates,
    outputs=outputs,
    outflows=outflows,
    source=PAPER,
)  # fmt: skip
