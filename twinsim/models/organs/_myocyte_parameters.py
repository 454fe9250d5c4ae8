"""Numbers of the ventricular myocyte that a patient, a disease or a drug may change: what has a unit.

How gates depend on the voltage is written where the gates are (`_myocyte_gates`, `_herg`): a hundred numbers of curves
fitted to voltage clamps, which nobody changes one by one. `gating_speed` and `gate_voltage` act on all of them.
"""

from __future__ import annotations

import math

from twinsim.models.structure import POSITIVE, Parameter

ORD = "O'Hara et al. 2011, supplement"
LI = "Li et al. 2017, as in myokit/models"
DUTTA = "Dutta et al. 2017"
_ANY = (-math.inf, math.inf)
_START = "published initial state, as in myokit/models"
NO_BLOCK = 1e12  # nmol/L

CELL = (
    Parameter("cell_length", "cm", 0.01, "of the cylinder", f"{ORD}, p. 6", POSITIVE),
    Parameter("cell_radius", "cm", 0.0011, "of the cylinder", f"{ORD}, p. 6", POSITIVE),
    Parameter("folding", "1", 2.0, "capacitive over geometric area", f"{ORD}, p. 6", POSITIVE),
    Parameter("specific_capacitance", "uF/cm^2", 1.0, "of membrane", f"{ORD}, p. 6", POSITIVE),
    Parameter("share_myoplasm", "1", 0.68, "of the cell's volume", f"{ORD}, p. 6", POSITIVE),
    Parameter("share_nsr", "1", 0.0552, "network sarcoplasmic reticulum", f"{ORD}, p. 6", POSITIVE),
    Parameter("share_jsr", "1", 0.0048, "junctional sarcoplasmic reticulum", f"{ORD}, p. 6", POSITIVE),
    Parameter("share_subspace", "1", 0.02, "beside the T-tubules", f"{ORD}, p. 6", POSITIVE),
    Parameter("faraday", "A s/mol", 96485.0, "Faraday's constant", f"{ORD}, p. 2", POSITIVE),
    Parameter("thermal_voltage", "mV", 8314.0 * 310.0 / 96485.0, "R T / F at 310 K", f"{ORD}, p. 2", POSITIVE),
    Parameter("extracellular_sodium", "mmol/L", 140.0, "sodium outside", f"{ORD}, p. 5", POSITIVE),
    Parameter("extracellular_calcium", "mmol/L", 1.8, "calcium outside", f"{ORD}, p. 5", POSITIVE),
    Parameter("gating_speed", "1/ms", 1.0, "of all gates, over the published one at 37 degC", "1: as published"),
    Parameter("gate_voltage", "mV", 1.0, "unit of voltage in the curves of gates", "1: as published", POSITIVE),
    Parameter("potassium_unit", "mmol/L", 1.0, "unit of potassium in the curves of IK1", f"{ORD}, p. 12", POSITIVE),
)

CONDUCTANCES = (
    Parameter("g_na", "mS/uF", 75.0, "fast sodium current INa", f"{ORD}, p. 6"),
    Parameter("g_nal", "mS/uF", 0.0075 * 2.661, "late sodium current INaL", f"{ORD}, p. 7, times 2.661 of {DUTTA}"),
    Parameter("g_to", "mS/uF", 0.02, "transient outward potassium current Ito", f"{ORD}, p. 8"),
    Parameter("p_ca", "L/F/ms", 1e-4 * 1.007, "permeability of ICaL", f"{ORD}, p. 9, times 1.007 of {DUTTA}"),
    Parameter("p_ca_sodium", "1", 0.00125, "of ICaL to sodium, over calcium", f"{ORD}, p. 9"),
    Parameter("p_ca_potassium", "1", 3.574e-4, "of ICaL to potassium, over calcium", f"{ORD}, p. 9"),
    Parameter("p_ca_phosphorylated", "1", 1.1, "of phosphorylated ICaL, over the other", f"{ORD}, p. 9"),
    Parameter("g_kr", "mS/uF", 0.0465854545454546, "rapid delayed rectifier IKr (hERG)", LI),
    Parameter("kr_potassium", "mmol/L", 5.4, "potassium outside at which g_kr holds", f"{ORD}, p. 10", POSITIVE),
    Parameter("g_ks", "mS/uF", 0.0034 * 1.87, "slow delayed rectifier IKs", f"{ORD}, p. 11, times 1.87 of {DUTTA}"),
    Parameter("ks_calcium", "mmol/L", 3.8e-5, "calcium of half its rise of IKs", f"{ORD}, p. 11", POSITIVE),
    Parameter("ks_sodium", "1", 0.01833, "permeability of IKs to sodium, over potassium", f"{ORD}, p. 6"),
    Parameter("g_k1", "mS/uF", 0.1908 * 1.698, "inward rectifier IK1", f"{ORD}, p. 12, times 1.698 of {DUTTA}"),
    Parameter("g_kb", "mS/uF", 0.003, "background potassium current", f"{ORD}, p. 15"),
    Parameter("p_nab", "L/F/ms", 3.75e-10, "background sodium current", f"{ORD}, p. 15"),
    Parameter("p_cab", "L/F/ms", 2.5e-8, "background calcium current", f"{ORD}, p. 15"),
    Parameter("pump_calcium", "uA/uF", 0.0005, "largest current of the calcium pump IpCa", f"{ORD}, p. 15"),
    Parameter("pump_calcium_half", "mmol/L", 0.0005, "calcium of half of it", f"{ORD}, p. 15", POSITIVE),
)  # fmt: skip

EXCHANGER = (
    Parameter("g_naca", "s uA/uF", 0.0008, "sodium-calcium exchange INaCa", f"{ORD}, p. 12"),
    Parameter("naca_subspace", "1", 0.2, "its share beside the T-tubules", f"{ORD}, p. 12", (0.0, 1.0)),
    Parameter("k_na1", "mmol/L", 15.0, "sodium that binds first", f"{ORD}, p. 12", POSITIVE),
    Parameter("k_na2", "mmol/L", 5.0, "sodium that binds second", f"{ORD}, p. 12", POSITIVE),
    Parameter("k_na3", "mmol/L", 88.12, "sodium that binds in the field", f"{ORD}, p. 12", POSITIVE),
    Parameter("k_asymmetry", "1", 12.5, "of the two sides", f"{ORD}, p. 12"),
    Parameter("w_na", "1/s", 6e4, "translocation with sodium", f"{ORD}, p. 12"),
    Parameter("w_ca", "1/s", 6e4, "translocation with calcium", f"{ORD}, p. 12"),
    Parameter("w_naca", "1/s", 5e3, "translocation with both", f"{ORD}, p. 12"),
    Parameter("k_ca_on", "L/mmol/s", 1.5e6, "calcium binds", f"{ORD}, p. 12"),
    Parameter("k_ca_off", "1/s", 5e3, "calcium leaves", f"{ORD}, p. 12", POSITIVE),
    Parameter("q_na", "1", 0.5224, "share of the field felt by sodium", f"{ORD}, p. 12"),
    Parameter("q_ca", "1", 0.167, "share of the field felt by calcium", f"{ORD}, p. 12"),
    Parameter("naca_activation", "mmol/L", 150e-6, "calcium that half activates it", f"{ORD}, p. 12", POSITIVE),
)

PUMP = (
    Parameter("p_nak", "s uA/uF", 30.0, "sodium-potassium pump INaK", f"{ORD}, p. 14"),
    Parameter("k1_plus", "1/s", 949.5, "sodium in: forward", f"{ORD}, p. 14"),
    Parameter("k1_minus", "L/mmol/s", 182.4, "ADP: backward", f"{ORD}, p. 14"),
    Parameter("k2_plus", "1/s", 687.2, "sodium out: forward", f"{ORD}, p. 14"),
    Parameter("k2_minus", "1/s", 39.4, "sodium out: backward", f"{ORD}, p. 14"),
    Parameter("k3_plus", "1/s", 1899.0, "potassium in: forward", f"{ORD}, p. 14"),
    Parameter("k3_minus", "L2/mmol2/s", 79300.0, "phosphate and protons: backward", f"{ORD}, p. 14"),
    Parameter("k4_plus", "1/s", 639.0, "ATP: forward", f"{ORD}, p. 14"),
    Parameter("k4_minus", "1/s", 40.0, "potassium inside: backward", f"{ORD}, p. 14"),
    Parameter("k_nai", "mmol/L", 9.073, "sodium inside, at 0 mV", f"{ORD}, p. 14", POSITIVE),
    Parameter("k_nao", "mmol/L", 27.78, "sodium outside, at 0 mV", f"{ORD}, p. 14", POSITIVE),
    Parameter("k_ki", "mmol/L", 0.5, "potassium inside", f"{ORD}, p. 14", POSITIVE),
    Parameter("k_ko", "mmol/L", 0.3582, "potassium outside", f"{ORD}, p. 14", POSITIVE),
    Parameter("pump_field", "1", -0.155, "how the field is shared between the sides", f"{ORD}, p. 14", (-1.0, 1.0)),
    Parameter("adp", "mmol/L", 0.05, "magnesium ADP", f"{ORD}, p. 14"),
    Parameter("atp", "mmol/L", 9.8, "magnesium ATP", f"{ORD}, p. 14", POSITIVE),
    Parameter("k_atp", "mmol/L", 1.698e-7, "ATP that half binds", f"{ORD}, p. 14", (1e-12, math.inf)),
    Parameter("protons", "mmol/L", 1e-7, "in the cell, in the unit of the source", f"{ORD}, p. 14"),
    Parameter("phosphate", "mmol/L", 4.2, "all inorganic phosphate", f"{ORD}, p. 14"),
    Parameter("k_protons", "mmol/L", 1.698e-7, "of phosphate", f"{ORD}, p. 14", (1e-12, math.inf)),
    Parameter("k_phosphate_sodium", "mmol/L", 224.0, "of phosphate", f"{ORD}, p. 14", POSITIVE),
    Parameter("k_phosphate_potassium", "mmol/L", 292.0, "of phosphate", f"{ORD}, p. 14", POSITIVE),
)

CALCIUM = (
    Parameter("release_time", "ms", 4.75, "time constant of release from the JSR", f"{ORD}, p. 17", POSITIVE),
    Parameter("release_gain", "mmol/L/ms/mV", 0.5, "release over ICaL and its time", f"{ORD}, p. 17"),
    Parameter("release_phosphorylated", "1", 1.25, "its time if phosphorylated, relative", f"{ORD}, p. 17", POSITIVE),
    Parameter("release_half", "mmol/L", 1.5, "calcium in the JSR of half the release", f"{ORD}, p. 17", POSITIVE),
    Parameter("release_slowing", "mmol/L", 0.0123, "calcium in the JSR that halves that", f"{ORD}, p. 17", POSITIVE),
    Parameter("release_least_time", "ms", 0.001, "the time constant's floor", f"{ORD}, p. 17", POSITIVE),
    Parameter("uptake", "mmol/L/ms", 0.004375, "largest, by SERCA", f"{ORD}, p. 17"),
    Parameter("uptake_half", "mmol/L", 0.00092, "calcium of half of it", f"{ORD}, p. 17", POSITIVE),
    Parameter("uptake_phosphorylated", "1", 2.75, "largest if phosphorylated, relative", f"{ORD}, p. 17"),
    Parameter("uptake_shift", "mmol/L", 0.00017, "by which phosphorylation lowers uptake_half", f"{ORD}, p. 17"),
    Parameter("leak", "1/ms", 0.0039375 / 15.0, "from the NSR", f"{ORD}, p. 17"),
    Parameter("transfer_time", "ms", 100.0, "from NSR to JSR", f"{ORD}, p. 17", POSITIVE),
    Parameter("diffusion_time", "ms", 2.0, "of sodium and potassium out of the subspace", f"{ORD}, p. 16", POSITIVE),
    Parameter("diffusion_time_calcium", "ms", 0.2, "of calcium out of the subspace", f"{ORD}, p. 16", POSITIVE),
    Parameter("calmodulin", "mmol/L", 0.05, "in the myoplasm", f"{ORD}, p. 18"),
    Parameter("calmodulin_half", "mmol/L", 0.00238, "calcium that half fills it", f"{ORD}, p. 18", POSITIVE),
    Parameter("troponin", "mmol/L", 0.07, "in the myoplasm", f"{ORD}, p. 18"),
    Parameter("troponin_half", "mmol/L", 0.0005, "calcium that half fills it", f"{ORD}, p. 18", POSITIVE),
    Parameter("buffer_sr", "mmol/L", 0.047, "at the reticulum, in the subspace", f"{ORD}, p. 18"),
    Parameter("buffer_sr_half", "mmol/L", 0.00087, "calcium that half fills it", f"{ORD}, p. 18", POSITIVE),
    Parameter("buffer_sl", "mmol/L", 1.124, "at the membrane, in the subspace", f"{ORD}, p. 18"),
    Parameter("buffer_sl_half", "mmol/L", 0.0087, "calcium that half fills it", f"{ORD}, p. 18", POSITIVE),
    Parameter("calsequestrin", "mmol/L", 10.0, "in the JSR", f"{ORD}, p. 18"),
    Parameter("calsequestrin_half", "mmol/L", 0.8, "calcium that half fills it", f"{ORD}, p. 18", POSITIVE),
    Parameter("inactivation_calcium", "mmol/L", 0.002, "subspace calcium inactivating ICaL", f"{ORD}, p. 9", POSITIVE),
    Parameter("inactivation_on", "1/ms", 1000.0, "of that", f"{ORD}, p. 9"),
    Parameter("inactivation_off", "1/ms", 1.0, "of that, times jca", f"{ORD}, p. 9"),
    Parameter("camk_on", "1/ms", 0.05, "CaMKII is trapped", f"{ORD}, p. 16"),
    Parameter("camk_off", "1/ms", 0.00068, "CaMKII is released", f"{ORD}, p. 16"),
    Parameter("camk_bound", "1", 0.05, "share of CaMKII bound to calmodulin at equilibrium", f"{ORD}, p. 16"),
    Parameter("camk_calcium", "mmol/L", 0.0015, "subspace calcium of half of it", f"{ORD}, p. 16", POSITIVE),
    Parameter("camk_half", "1", 0.15, "active CaMKII that phosphorylates half of a target", f"{ORD}, p. 16", POSITIVE),
)  # fmt: skip

STARTS = tuple(
    Parameter(f"{name}_start", unit, value, f"{name} at the beginning", _START, bounds)
    for name, unit, value, bounds in (
        ("v", "mV", -88.0019046500000002, _ANY),
        ("nai", "mmol/L", 7.26800449799999981, POSITIVE),
        ("nass", "mmol/L", 7.26808997699999981, POSITIVE),
        ("ki", "mmol/L", 144.655591799999996, POSITIVE),
        ("kss", "mmol/L", 144.655565099999990, POSITIVE),
        ("cai", "mmol/L", 8.6e-5, POSITIVE),
        ("cass", "mmol/L", 8.49e-5, POSITIVE),
        ("cansr", "mmol/L", 1.61957453799999995, POSITIVE),
        ("cajsr", "mmol/L", 1.57123401400000007, POSITIVE),
        ("release", "mmol/L/ms", 2.5e-7, (0.0, math.inf)),
        ("release_p", "mmol/L/ms", 3.12e-7, (0.0, math.inf)),
    )
)

CHANNELS = ("cal", "nal", "na", "to", "k1", "ks")
DRUG = (
    Parameter("drug_unit", "nmol/L", 1.0, "unit of the concentration in herg_halfmax", LI, POSITIVE),
    Parameter("herg_kmax", "1", 0.0, "largest binding rate to hERG, over herg_ku", "0: no drug"),
    Parameter("herg_ku", "1/ms", 0.0, "unbinding rate from hERG", "0: no drug"),
    Parameter("herg_n", "1", 1.0, "Hill coefficient of binding to hERG", "1: no drug", POSITIVE),
    Parameter("herg_halfmax", "1", 1.0, "concentration of half the rate, to the herg_n", "1: no drug", POSITIVE),
    Parameter("herg_vhalf", "mV", 1.0, "voltage at which half of what is trapped is let go", "1: no drug", _ANY),
    Parameter("herg_kt", "1/ms", 3.5e-5, "a closed channel traps a bound drug", "Li et al. 2017: 3.5e-5 for all drugs"),
    *(
        Parameter(f"ic50_{name}", "nmol/L", NO_BLOCK, f"free drug that blocks half I{name}", "none: no drug", POSITIVE)
        for name in CHANNELS
    ),
    *(Parameter(f"hill_{name}", "1", 1.0, f"how steeply it blocks I{name}", "1: no drug") for name in CHANNELS),
)  # fmt: skip

PARAMETERS = (*CELL, *CONDUCTANCES, *EXCHANGER, *PUMP, *CALCIUM, *DRUG, *STARTS)
