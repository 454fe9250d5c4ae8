"""Propofol and remifentanil, three compartments each, and the brain of organs/anaesthesia.

Names of pk/three_compartment_iv end in _propofol and _remifentanil. Routes: propofol and remifentanil take boluses and
infusions, propofol_infusion and remifentanil_infusion last duration_<drug> unless the dose says otherwise.

Source: pk/three_compartment_iv and organs/anaesthesia, with theirs.
"""

from twinsim.models.couple import couple
from twinsim.models.organs import anaesthesia
from twinsim.models.pk import three_compartment_iv

DRUGS = ("propofol", "remifentanil")
_PK = three_compartment_iv.structure


def _own(drug: str) -> dict[str, str]:
    """New names of what belongs to one drug."""
    names = (*_PK.parameter_names, *_PK.state_names, *_PK.output_names)
    return {f"{drug}.{name}": f"{name}_{drug}" for name in names} | {
        f"{drug}.iv": drug,
        f"{drug}.infusion": f"{drug}_infusion",
    }


structure = couple(
    "pkpd/propofol_remifentanil",
    {"brain": anaesthesia.structure, **dict.fromkeys(DRUGS, _PK)},
    connect={f"brain.{drug}": f"{drug}.concentration" for drug in DRUGS},
    rename=_own("propofol") | _own("remifentanil"),
)
