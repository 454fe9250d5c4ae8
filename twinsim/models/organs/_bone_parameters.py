"""Numbers of organs/bone; in brackets what the SBML file calls them."""

import math

from twinsim.models.structure import POSITIVE, Parameter

PAPER = "Peterson and Riggs 2010, Bone 46:49"
_HANDLE = "1 by definition: of the patient without drugs"


_FILE = f"{PAPER}, as in BIOMD0000000613"


def _number(name, unit, value, meaning, symbol, bounds=(0.0, math.inf)):
    """A number of the file, with its name there."""
    return Parameter(name, unit, value, f"{meaning} ({symbol})", _FILE, bounds)


_REST = (
    _number("volume", "L", 14.0, "volume of plasma and what exchanges with it", "V1", POSITIVE),
    _number("calcium0", "mmol/L", 2.35, "calcium in plasma at rest", "2.35", POSITIVE),
    _number("phosphate0", "mmol/L", 1.2, "phosphate in plasma at rest", "1.2", POSITIVE),
    _number("pth0", "pmol/L", 3.85, "PTH in plasma at rest", "3.85", POSITIVE),
    _number("calcitriol0", "pmol/L", 90.0, "calcitriol in plasma at rest", "90, T9, T35", POSITIVE),
    _number("gut_calcium0", "mmol", 1.2375, "calcium to be absorbed, at the beginning", "T at 0"),
    _number("gut_phosphate0", "mmol", 0.839, "phosphate to be absorbed, at the beginning", "PhosGut at 0"),
    _number("cell_phosphate0", "mmol", 3226.0, "phosphate in cells, at the beginning", "IntraPO at 0"),
    _number("bone_surface0", "mmol", 100.0, "calcium of bone that exchanges at once", "Q at 0", POSITIVE),
    _number("bone_deep0", "mmol", 24900.0, "calcium of the rest of bone", "Qbone at 0", POSITIVE),
)
_HANDLES = (
    Parameter("gland", "1", 1.0, "fold of what the parathyroids secrete", _HANDLE, (0.0, 100.0)),
    Parameter("calcium_sensing", "1", 1.0, "fold of the calcium that the parathyroids see", _HANDLE, (0.01, 100.0)),
    Parameter("hydroxylase", "1", 1.0, "fold of what the kidney makes of its 1-alpha-hydroxylase", _HANDLE),
    Parameter("rankl_loss", "1", 1.0, "fold of the loss of RANKL", _HANDLE),
)
_PTH = (
    _number("pth_clearance", "L/h", 100.0, "clearance of PTH", "T57"),
    _number(
        "secretion_most", "1", 6249.09 / 385.0, "PTH secreted without calcium over rest", "T58/385", (1.01, 1000.0)
    ),
    _number("secretion_least", "1", 96.25 / 385.0, "PTH secreted at high calcium over rest", "T61/385", (0.0, 0.99)),
    _number("secretion_gamma", "1", 11.7387, "how steeply calcium acts on that", "T59"),
    _number("k_pool", "1/h", 0.01, "rate of the gland's pool", "T70"),
    _number("pool_slope", "L/pmol", 0.03, "how steeply calcitriol acts on the pool", "T71"),
    _number("pool_calcium", "1", 0.9, "power of calcium in that", "ScaEffGam"),
    _number("k_depot", "1/h", 94.3 / 133.0, "absorption of teriparatide", "TERICL/TERIVC"),
    _number("molar_teriparatide", "ug/umol", 4117.8, "molar mass of teriparatide", "event", POSITIVE),
)
_CALCITRIOL = (
    _number("k_calcitriol", "1/h", 0.1, "loss of calcitriol", "T69"),
    _number("k_hydroxylase", "1/h", 0.05, "loss of 1-alpha-hydroxylase", "T64"),
    _number("hydroxylase_pth50", "pmol/L", 1.54865, "PTH of half the synthesis", "T67", POSITIVE),
    _number("hydroxylase_gamma", "1", 0.111241, "how steeply", "AlphOHgam"),
    _number("hydroxylase_most", "1", 1.52493, "synthesis without phosphate over that at rest", "PhosEff0"),
    _number("hydroxylase_phosphate50", "mmol/L", 1.3021, "phosphate of half of that", "PhosEff50", POSITIVE),
    _number("hydroxylase_phosphate_gamma", "1", 8.25229, "how steeply", "PhosEffGam"),
)
_GUT = (
    _number("transporter_slowest", "1/h", 0.003, "least rate of active absorption's rise and fall", "T33"),
    _number("transporter_fastest", "1/h", 0.037, "largest rate of that", "T34"),
    _number("absorption_max", "mmol/h", 0.9, "most that is absorbed actively", "T28"),
    _number("absorption_known", "mmol/h", 0.17533, "what is absorbed of absorption_known_at", "0.17533", POSITIVE),
    _number("absorption_known_at", "mmol", 1.58471, "calcium in the gut at absorption_known", "T0", POSITIVE),
    _number("absorption_km", "mmol", 0.75, "calcium in the gut of half active absorption", "T81", POSITIVE),
    _number("k_passive", "1/h", 0.0495, "passive absorption of calcium", "T87"),
    _number("fraction_max", "1", 0.909359, "largest absorbed fraction of calcium", "T77", (0.0, 1.0)),
    _number("fraction_half", "1", 0.75, "active absorption at half of that", "T81", POSITIVE),
    _number("fraction_gamma", "1", 4.0, "how steeply", "T80"),
    _number("load_fraction", "1", 0.15, "absorbed fraction of a single dose of calcium", "F11 at rest", (0.0, 1.0)),
    _number("phosphate_fraction", "1", 0.7, "absorbed fraction of phosphate", "F12", (0.0, 1.0)),
    _number("k_gut_phosphate", "1/h", 0.365, "absorption of phosphate", "T52"),
)
_KIDNEY = (
    _number("calcium_filtered", "1", 0.3, "calcium that is filtered and not reabsorbed at first", "0.6 x 0.5"),
    _number("calcium_urine0", "mmol/h", 0.149997, "calcium in urine at rest", "0.149997"),
    _number("reabsorption50", "mmol/L", 1.57322, "calcium at half reabsorption", "Reabs50", POSITIVE),
    _number("reabsorption_pth", "1", 1.06147, "reabsorption at high PTH over that at rest", "T16", (1.0, 10.0)),
    _number("urine_calcitriol", "1", 2.0, "most that calcitriol lessens urinary calcium by", "T7", (0.0, 2.0)),
    _number("phosphate_filtered", "1", 0.88, "phosphate that is filtered", "0.88"),
    _number("phosphate_threshold", "mmol/L", 1.142, "phosphate above which it is excreted", "T46"),
)
_MINERAL = (
    _number("exchange", "mmol/day", 88.0, "calcium from bone to plasma and back at rest", "CaDay"),
    _number("resorbed", "1", 0.107763, "part of that from bone that osteoclasts do", "FracJ14", (0.0, 1.0)),
    _number("resorption_max", "1/h", 0.543488, "the largest they do", "J14OCmax"),
    _number("resorption_gamma", "1", 1.6971, "how steeply", "J14OCgam"),
    _number("resorption_complex", "1", 0.603754, "power of RANK-RANKL for each osteoclast", "MOCratioGam"),
    _number("formed", "1", 0.114376, "part of that to bone that follows osteoblasts", "FracJ15", (0.0, 1.0)),
    _number("apatite_time", "h", 3.60609, "mean residence time of hydroxyapatite that is formed", "HApMRT", POSITIVE),
    _number("k_deep", "1/h", 2.44437e-5, "calcium from deep bone to its surface", "k14a"),
    _number("phosphate_per_calcium", "1", 0.464, "phosphate for each calcium of bone", "0.464"),
    _number("cells_in", "L/h", 51.8, "phosphate into cells", "T49"),
    _number("cells_out", "1/h", 0.019268, "phosphate out of cells", "T55"),
)
_CELLS = (
    _number("k_osteoblast", "1/h", 6.05516e-4, "loss of osteoblasts at rest", "kb"),
    _number("fast", "1", 0.797629, "part of osteoblasts that are lost fast", "FracOBfast", (0.01, 0.99)),
    _number("slow_loss", "1", 0.313186, "loss of the slow over that of all", "Frackb"),
    _number("responding_ratio", "1", 0.00501324 / 0.00104122, "osteoblasts for each responding one at rest",
            "OB0/ROB0", POSITIVE),
    _number("k_osteoclast", "1/h", 0.7 / 24.0, "scale of the osteoclasts' turnover", "Da"),
    _number("pi_c", "1", 0.228142, "effect of active TGF-beta at rest", "Pic0", POSITIVE),
    _number("responding_low", "1", 0.883824, "responding osteoblasts made without TGF-beta", "FracPicROB", (0.0, 0.99)),
    _number("responding_max", "1", 3.9745, "most that TGF-beta adds", "EmaxPicROB"),
    _number("responding_gamma", "1", 1.80968, "how steeply", "PicROBgam"),
    _number("maturing_low", "1", 2.44818e-4, "delay of maturing without TGF-beta", "FracPicOB", (0.0, 0.99)),
    _number("maturing_max", "1", 0.251636, "most that TGF-beta adds", "EmaxPicOB"),
    _number("maturing_gamma", "1", 0.122313, "how steeply", "PicOBgam"),
    _number("loss_top", "1", 3.11842, "loss of osteoblasts without TGF-beta over rest", "MultPicOBkb"),
    _number("loss_low", "1", 0.764028, "at much of it", "FracPic0kb"),
    _number("loss_gamma", "1", 2.92375, "how steeply", "PicOBgamkb"),
    _number("survival_scale", "1", 1.01, "loss of osteoblasts without RunX2 over rest", "E0RUNX2kbEffFACT",
            (1.0001, 10.0)),
    _number("survival_max", "1", 0.638114, "largest part of that which RunX2 takes away", "RUNkbMaxFact"),
    _number("survival_gamma", "1", 3.67798, "how steeply", "RUNkbGAM"),
    _number("clast_loss_low", "1", 0.878215, "loss of osteoclasts without TGF-beta", "FracPicOC", (0.0, 0.99)),
    _number("clast_loss_max", "1", 1.9746, "most that TGF-beta adds", "EmaxPicOC"),
    _number("clast_loss_gamma", "1", 1.0168, "how steeply", "PicOCgam"),
    _number("clast_made_low", "1", 0.388267, "osteoclasts made without RANK-RANKL over rest", "E0Meff", (0.0, 0.99)),
    _number("clast_made_max", "1", 3.15667, "most that RANK-RANKL adds", "EmaxMeffOC"),
    _number("clast_made_gamma", "1", 8.53065, "how steeply", "kinOCgam"),
    _number("clast_survival_top", "1", 3.80338, "loss of osteoclasts without RANK-RANKL over rest", "E0RANKL"),
    _number("clast_survival_low", "1", 0.469779, "at much of it", "EmaxL"),
    _number("clast_survival_gamma", "1", 3.09023, "how steeply", "LsurvOCgam"),
)  # fmt: skip
_SIGNALS = (
    _number("k_tgf", "1/h", 2.98449e-5, "activation of TGF-beta at rest", "koutTGF0"),
    _number("tgf_ratio", "1", 1000.0, "latent over active TGF-beta at rest", "1000", POSITIVE),
    _number("tgf_blast", "1", 0.0111319, "power of osteoblasts in its synthesis", "OBtgfGAM"),
    _number("tgf_clast", "1", 0.593891, "power of osteoclasts in its activation", "OCtgfGAM"),
    _number("rank0", "1", 10.0, "RANK at rest", "RNK at 0", POSITIVE),
    _number("rankl0", "1", 0.4, "RANKL at rest", "L at 0", POSITIVE),
    _number("k_on", "1/h", 6.24e-6, "binding of RANK and RANKL", "k3"),
    _number("k_off", "1/h", 0.112013, "their separation", "k4"),
    _number("k_rank", "1/h", 0.00323667, "loss of RANK", "koutRNK"),
    _number("rank_tgf", "1", 0.151825, "power of active TGF-beta in its synthesis", "kinRNKgam"),
    _number("k_rankl", "1/h", 0.00293273, "loss of RANKL", "koutL"),
    _number("rankl_pth", "1", 1.30721, "RANKL made at high PTH over rest", "EmaxLpth", (1.0, 10.0)),
    _number("rankl_blast", "1", 0.173833, "power of osteoblasts in that", "OsteoEffectGam"),
    _number("k_runx2", "1/h", 0.693, "loss of RunX2 at rest", "RX2Kout0", POSITIVE),
    _number("runx2_low", "1/h", 0.125, "its loss without PTH", "E0rx2Kout"),
    _number("runx2_max", "1/h", 5.0, "most that PTH adds", "EmaxPTHRX2x"),
    _number("k_creb", "1/h", 0.00279513, "loss of CREB", "crebKout"),
    _number("creb_low", "1", 0.5, "CREB made without PTH over rest", "E0crebKin", (0.0, 0.99)),
    _number("creb_max", "1", 3.39745, "most that PTH adds", "EmaxPTHcreb"),
    _number("k_bcl2", "1/h", 0.693, "loss of Bcl-2", "bcl2Kout"),
    _number("bcl2_switch", "1", 1.05, "Bcl-2 over rest above which osteoblasts survive by it", "105"),
    _number("bcl2_slope", "1", 10.0, "how much more of RunX2 that is worth", "BCL2 - 90 over RUNX20"),
)
PARAMETERS = (
    *_REST, *_HANDLES, *_PTH, *_CALCITRIOL, *_GUT, *_KIDNEY, *_MINERAL, *_CELLS, *_SIGNALS,
)  # fmt: skip
