"""The reference man's organs: volume, the blood that arteries bring, and the vein that drains them.

Source: McNally et al. 2014, Toxicology 315:70, doi:10.1016/j.tox.2013.07.009: man of 176 cm and 73 kg, cardiac output
390 L/h, masses at 1 kg/L. Bone is the skeleton with marrow, 10.5 kg (ICRP Publication 89, 2002) at 1.3 kg/L; adipose
tissue is at 0.916 kg/L. Gut is stomach, small and large intestine. Rest is what remains of mass and of cardiac output:
thyroid, the lung's bronchial flow, and what is listed nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass

MCNALLY = "McNally et al. 2014, Toxicology 315:70"
ICRP = "ICRP 89, 2002"


@dataclass(frozen=True)
class Organ:
    """Volume [L] with its source; arterial flow [L/h], always McNally's; drained by the portal vein or not."""

    volume: float
    source: str
    flow: float
    is_portal: bool = False


ORGANS = {
    "adipose": Organ(18.6, f"{MCNALLY}: 17.0 kg; at 0.916 kg/L, ICRP 23, 1975", 19.5),
    "bone": Organ(8.08, f"{ICRP}: 10.5 kg at 1.3 kg/L", 19.5),
    "brain": Organ(1.45, f"{MCNALLY}, at 1 kg/L", 46.8),
    "gonads": Organ(0.056, f"{MCNALLY}, at 1 kg/L", 0.195),
    "gut": Organ(1.10, f"{MCNALLY}: 0.15 + 0.65 + 0.30 kg, at 1 kg/L", 58.5, is_portal=True),
    "heart": Organ(0.33, f"{MCNALLY}, at 1 kg/L", 15.6),
    "kidney": Organ(0.31, f"{MCNALLY}, at 1 kg/L", 74.1),
    "liver": Organ(1.8, f"{MCNALLY}, at 1 kg/L", 25.4),
    "lung": Organ(0.5, f"{MCNALLY}, at 1 kg/L", 0.0),
    "muscle": Organ(29.1, f"{MCNALLY}, at 1 kg/L", 66.3),
    "pancreas": Organ(0.14, f"{MCNALLY}, at 1 kg/L", 3.9, is_portal=True),
    "rest": Organ(1.65, "assumed: what remains of 73 kg, at 1 kg/L", 29.0),
    "skin": Organ(3.3, f"{MCNALLY}, at 1 kg/L", 19.5),
    "spleen": Organ(0.15, f"{MCNALLY}, at 1 kg/L", 11.7, is_portal=True),
}
TISSUES = tuple(ORGANS)
# 5.3 L of blood, of which 29.5 % arterial (table 2.13): ICRP 89
ARTERIAL, VENOUS = 1.56, 3.74
