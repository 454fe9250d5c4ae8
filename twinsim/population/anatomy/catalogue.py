"""The names that anatomy gives patients, each with unit, meaning and source; results files carry these words."""

from __future__ import annotations

from dataclasses import dataclass

from twinsim.population.anatomy.enzymes import ENZYMES
from twinsim.population.anatomy.organs import ORGANS, SPLANCHNIC, TISSUES

NEEDS = ("sex", "age", "height", "weight")
CONDITIONS = ("cirrhosis", "ckd")
# Covariates that anatomy replaces by what the patient's conditions make of them.
CHANGED = ("creatinine", "haematocrit", "albumin", "aag")


@dataclass(frozen=True)
class Item:
    """Unit, meaning and source of a name."""

    unit: str
    meaning: str
    source: str


_HTTK = "httk-pop, Ring et al. 2017, doi:10.1016/j.envint.2017.06.004; McNally et al. 2014; ICRP 89 (2002)"
_FLOW = "ICRP 89 (2002) tables 2.39 and 2.40; Abraham et al. 2005, Arch Toxicol 79:63; httk-pop"
_FAT = "lipid of tissues: Poulin and Theil 2002, doi:10.1002/jps.10005; marrow assumed, from memory of ICRP 89 (2002)"
_HEPATIC = "Edginton and Willmann 2008, Clin Pharmacokinet 47:743; Johnson et al. 2010, Clin Pharmacokinet 49:189"
_SPREAD = "spread Carlsson et al. 2012, doi:10.1186/1532-429X-14-51"
_GFR = (
    "Rhodin et al. 2009, doi:10.1007/s00467-008-0997-5; Pottel et al. 2021, doi:10.7326/M20-4366; Inker et al. 2021, "
    "doi:10.1056/NEJMoa2102953; stages KDIGO 2012"
)
_KIDNEY = "Malik et al. 2020, in Qualification-CKD, Open Systems Pharmacology, table 2-2"


def _words(organ: str) -> str:
    named = {"rest": "rest of the body with the gut's contents", "bone": "skeleton with marrow"}
    return named.get(organ, organ.replace("_", " "))


ITEMS: dict[str, Item] = {
    **{f"{organ}_mass": Item("kg", f"mass of {_words(organ)}", _HTTK) for organ in ORGANS},
    **{f"{organ}_volume": Item("L", f"volume of {_words(organ)}", f"{_HTTK}; densities") for organ in ORGANS},
    **{
        f"{organ}_flow": Item("L/h", f"arterial blood flow of {_words(organ)}", _FLOW)
        for organ in TISSUES
        if organ not in ("liver", "lung")
    },
    "lung_flow": Item("L/h", "bronchial blood flow of lung", _FLOW),
    "liver_flow": Item("L/h", "blood flow of liver, arterial and portal", f"{_FLOW}; {_HEPATIC}"),
    "liver_arterial_flow": Item("L/h", "arterial blood flow of liver", f"{_FLOW}; {_HEPATIC}"),
    "liver_portal_flow": Item("L/h", "portal blood flow of liver", f"{_FLOW}; {_HEPATIC}"),
    "portal_shunt_flow": Item("L/h", "blood that passes the cirrhotic liver by", _HEPATIC),
    "portal_shunt": Item("1", "share of the blood of gut, pancreas and spleen that passes the liver by", _HEPATIC),
    "cardiac_output": Item("L/h", "cardiac output", f"{_FLOW}; {_SPREAD}; {_HEPATIC}"),
    "body_fat": Item("1", "share of the weight that is lipid, as scanners measure it", f"{_HTTK}; {_FAT}"),
    "lean_factor": Item("1", "factor that makes organs fit into the weight, 1 for most people", "assumed"),
    "functional_liver": Item("1", "share of the liver that works", f"{_HEPATIC}, as carried by PK-Sim"),
    "unbound_factor": Item("1", "unbound fraction in plasma relative to people without CKD", _KIDNEY),
    "gfr": Item("mL/min", "glomerular filtration rate of the whole person", _GFR),
    "mppgl": Item("mg/g", "microsomal protein per gram of liver", "Barter et al. 2008, as carried by public models"),
    **{
        f"{name}_abundance": Item(
            enzyme.unit,
            "CYP3A4 in the gut" if name.startswith("gut_") else f"{name.upper()} per microsomal protein of liver",
            enzyme.source,
        )
        for name, enzyme in ENZYMES.items()
    },
}
NAMES = tuple(ITEMS)
# Organs whose mass a patient may bring along as <organ>_mass.
GIVEN = (*(name for name in TISSUES if name != "rest"), "blood")
# What arteries bring to each tissue; these add up to cardiac output.
ARTERIAL_FLOWS = tuple("liver_arterial_flow" if name == "liver" else f"{name}_flow" for name in TISSUES)
MASSES = tuple(f"{name}_mass" for name in ORGANS)
PORTAL_FLOWS = tuple(f"{name}_flow" for name in SPLANCHNIC)
