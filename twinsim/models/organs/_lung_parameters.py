"""Parameters of organs/lung beside those of blood."""

import math

from twinsim.models.structure import POSITIVE, Parameter

_ALBANESE = "Albanese et al. 2016, table"
_KHOO = "Khoo et al. 1982, as in PNEUMA's Gas_Exchange_IC.m"
_SHARE = "assumed: with peripheral_threshold, so that alveolar air at altitude is that of Rahn and Otis 1949"
_POSITIVE_SHARE = (0.0, 0.95)

GAS = (
    Parameter(
        "functional_residual_capacity", "L", 2.64, "gas that alveoli hold", "Ganong 2010, as in BioGears", POSITIVE
    ),
    Parameter("total_lung_capacity", "L", 6.49, "the deepest breath's", "Ganong 2010, as in BioGears", POSITIVE),
    Parameter("residual_volume", "L", 1.32, "that stays in", "Ganong 2010, as in BioGears"),
    Parameter("dead_space", "L", 0.15, "conducting airways", "Levitzky 2013"),
    Parameter("alveolar_dead_space", "1", 0.08, "share of alveolar gas without blood", "assumed", _POSITIVE_SHARE),
    Parameter("shunt", "1", 0.02, "share of output that passes no alveoli", f"{_ALBANESE} 4: 0.017", _POSITIVE_SHARE),
    Parameter("oxygen_tissue_volume", "L", 6.0, "tissue and venous blood, as blood", _KHOO, POSITIVE),
    Parameter("carbon_dioxide_tissue_volume", "L", 15.0, "tissue and venous blood, as blood", _KHOO, POSITIVE),
    Parameter("water_vapour_pressure", "mmHg", 47.0, "in the lung", "saturated at 37 degC"),
    Parameter(
        "stpd_pressure", "mmHg", 863.0, "760 mmHg (310 K / 273 K): volume in the lung over STPD", "gas law", POSITIVE
    ),
)
BREATH = (
    Parameter("breath_slope", "1/min", 28.0, "ventilation per tidal volume", "Hey et al. 1966, from memory", POSITIVE),
    Parameter("least_breath", "L", 0.3, "tidal volume at no ventilation", "Hey et al. 1966, from memory", POSITIVE),
    Parameter("deepest_breath", "1", 0.5, "share of vital capacity", "Hey et al. 1966, from memory", (0.05, 1.0)),
    Parameter("fev1", "L", 4.0, "forced expiratory volume of 1 s", "Crapo 1981: 3.5 to 4.2", POSITIVE),
    Parameter("ventilation_per_fev1", "1/min", 40.0, "largest ventilation over it", "textbooks: 35 to 40", POSITIVE),
    Parameter("lung_compliance", "L/cmH2O", 0.2, "lung", "Levitzky 2013", POSITIVE),
    Parameter("chest_wall_compliance", "L/cmH2O", 0.2445, "chest wall", f"{_ALBANESE} 3", POSITIVE),
    Parameter(
        "airway_resistance",
        "cmH2O s/L",
        1.75,
        "airways",
        f"{_ALBANESE} 3: 1.021 + 0.337 + 0.306 + 0.082; DuBois 1 to 2",
    ),
)
DRIVE = (
    Parameter("respiratory_drive", "1", 1.0, "what opioids and sleep lower", "1: nothing does"),
    Parameter(
        "central_gain",
        "L/min/mmHg",
        2.0,
        "of central chemoreceptors",
        "Read 1967, rebreathing: 2.65 (SD 1.21), from memory",
    ),
    Parameter("central_threshold", "mmHg", 39.0, "carbon dioxide where they begin", "assumed: so that rest is at 40"),
    Parameter("peripheral_gain", "L/min/mmHg", 0.15, "of peripheral chemoreceptors, without hypoxia", _SHARE),
    Parameter("peripheral_threshold", "mmHg", 25.0, "carbon dioxide where they begin", _SHARE),
    Parameter(
        "hypoxic_sensitivity",
        "mmHg",
        80.0,
        "of the hyperbola, over the drive without hypoxia",
        "Weil et al. 1970: 180 L/min mmHg at 40 mmHg of carbon dioxide, from memory",
    ),
    Parameter("hypoxic_asymptote", "mmHg", 32.0, "of the hyperbola", "Weil et al. 1970, from memory", POSITIVE),
    Parameter("central_delay", "min", 1.75, "time constant", f"{_ALBANESE} 6: 105 s", POSITIVE),
    Parameter("peripheral_delay", "min", 1.38, "time constant", f"{_ALBANESE} 6: 83 s", POSITIVE),
    Parameter(
        "exercise_drive",
        "L/mL",
        0.026,
        "ventilation per carbon dioxide beyond rest",
        "assumed: so that it stays at 40 mmHg",
    ),
    Parameter("resting_carbon_dioxide_production", "mL/min", 200.0, "above which it counts as exercise", "Guyton"),
    Parameter(
        "acid_sensitivity", "1", 0.85, "of chemoreceptors to bicarbonate", "assumed: for Winters' rule", (0.0, math.inf)
    ),
    Parameter("normal_bicarbonate", "mmol/L", 24.0, "that chemoreceptors are used to", "textbooks: 24", POSITIVE),
)
PARAMETERS = (*GAS, *BREATH, *DRIVE)
