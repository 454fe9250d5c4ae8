"""Parameters of organs/fluid_compartments."""

from twinsim.models.organs._renal_source import HUMAN
from twinsim.models.structure import POSITIVE, Parameter

_GUYTON = "Guyton and Hall, Textbook of medical physiology, chapter 16, from memory"
_ICRP = "ICRP 89, as in BioGears"
_LANDIS = "Landis and Pappenheimer 1963: 2.1 c + 0.16 c^2 + 0.009 c^3, c in g/dL"

VOLUMES = (
    Parameter("plasma_volume_rest", "L", 3.0, "plasma", "Guyton, ICRP 89, as in BioGears", POSITIVE),
    Parameter("interstitial_volume_rest", "L", 8.82, "fluid between cells", f"{_ICRP}; Guyton 11", POSITIVE),
    Parameter("intracellular_volume_rest", "L", 25.32, "fluid of cells", f"{_ICRP}; Guyton 28", POSITIVE),
)
CAPILLARIES = (
    Parameter("map_rest", "mmHg", 93.0, "arterial pressure at which the volumes are those of rest", "Guyton", POSITIVE),
    Parameter("cvp_rest", "mmHg", 4.0, "central venous pressure then", "Van Leeuwen 2015: 2 to 6, middle"),
    Parameter("filtration_coefficient", "L/min/mmHg", 0.00667, "of all capillaries", _GUYTON, POSITIVE),
    Parameter("reflection", "1", 0.95, "of protein by capillaries", "assumed: Guyton's balance has 1", (0.0, 1.0)),
    Parameter("colloid_1", "mmHg L/g", 0.21, "colloid pressure of protein", _LANDIS),
    Parameter("colloid_2", "mmHg L2/g2", 0.0016, "colloid pressure of protein", _LANDIS),
    Parameter("colloid_3", "mmHg L3/g3", 9e-6, "colloid pressure of protein", _LANDIS),
    Parameter("lymph_rest", "L/min", 0.002, "lymph", f"{_GUYTON}: 2 to 3 L/d", POSITIVE),
    Parameter(
        "lymph_gain",
        "1/mmHg",
        2.0,
        "rise of lymph with interstitial pressure",
        f"{_GUYTON}: 20-fold at 0 mmHg, of which a third, as flow rises before pressure is measured: assumed",
    ),
    Parameter("lymph_most", "1", 20.0, "largest lymph over that of rest", _GUYTON),
    Parameter("interstitial_pressure_rest", "mmHg", -3.0, "between cells", _GUYTON, (-20.0, -0.1)),
    Parameter(
        "interstitial_compliance",
        "L/mmHg",
        0.9,
        "until the pressure is that of air",
        "Guyton 1965: a third of the volume from rest to 0 mmHg, from memory",
        POSITIVE,
    ),
    Parameter("oedema_compliance", "L/mmHg", 8.0, "above", "Guyton 1965: very large; assumed", POSITIVE),
    Parameter("plasma_protein_rest", "g/L", 73.0, "protein in plasma", _GUYTON, POSITIVE),
    Parameter("interstitial_protein_rest", "g/L", 30.0, "protein between cells", f"{_GUYTON}: 8 mmHg", POSITIVE),
    Parameter(
        "protein_turnover",
        "1/min",
        0.000029,
        "rate at which plasma protein returns to rest",
        "albumin's fractional turnover of 4 % a day of plasma's, from memory",
    ),
    Parameter("albumin_share", "1", 0.62, "albumin of plasma protein", f"{_GUYTON}: 4.5 of 7.3 g/dL", (0.0, 1.0)),
)
CELLS = (
    Parameter("cell_permeability", "L2/min/mmol", 0.007, "water that follows osmolality", "assumed: minutes", POSITIVE),
    Parameter("glucose_rest", "mg/dL", 90.0, "glucose at which cells have their volume", "assumed: fasting"),
    Parameter("glucose_molarity", "mg L/mmol/dL", 18.016, "of glucose", "molar mass 180.16 g/mol", POSITIVE),
    Parameter(
        "potassium_rest", "mmol/L", 4.2, "plasma potassium", "Guyton and Hall, chapter 30, from memory", POSITIVE
    ),
    Parameter("cell_potassium_rest", "mmol/L", 140.0, "in cells", "Guyton and Hall; BioGears has 120", POSITIVE),
    Parameter("potassium_exchange", "L/min", 0.5, "between cells and outside", "assumed: half an hour"),
)
HORMONES = (
    Parameter("sodium_setpoint", "mmol/L", 140.0, "sodium that vasopressin keeps", HUMAN, POSITIVE),
    Parameter("adh_nominal", "ng/L", 4.0, "plasma vasopressin; its unit is assumed", HUMAN),
    Parameter("adh_gain", "1", 2.0, "gain of vasopressin's control", HUMAN),
    Parameter("adh_proportional", "L/mmol", 0.05, "its proportional part", HUMAN),
    Parameter("adh_integral", "L/mmol", 2e-5, "its integral part", HUMAN),
    Parameter("adh_integration", "1/min", 1.0 / 6.0, "rate at which the error of sodium adds up", HUMAN),
    Parameter("potassium_intake_rest", "mmol/min", 70.0 / 1440.0, "excreted at rest, 70 mmol/d", "Guyton and Hall"),
    Parameter(
        "potassium_steepness",
        "1",
        4.0,
        "excretion by plasma potassium",
        "assumed: threefold at 5.5 mmol/L; Young 1988, from memory",
        (0.0, 10.0),
    ),
    Parameter("aldosterone_rest", "ng/L", 85.0, "aldosterone then", HUMAN, POSITIVE),
    Parameter(
        "aldosterone_steepness", "1", 0.4, "excretion by aldosterone", "assumed; Young 1988, from memory", (0.0, 5.0)
    ),
    Parameter(
        "gfr_for_potassium",
        "mL/min",
        30.0,
        "filtration below which excretion falls",
        "KDIGO: hyperkalaemia is common below 30 mL/min, from memory",
        POSITIVE,
    ),
)
PARAMETERS = (*VOLUMES, *CAPILLARIES, *CELLS, *HORMONES)
