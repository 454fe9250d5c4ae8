"""Propofol and remifentanil, three compartments each, and the brain of organs/anaesthesia.

Equations are those of the two parts. Of pk/three_compartment_iv, for each drug:

    cl_propofol, v1_propofol, q2_propofol, v2_propofol, q3_propofol, v3_propofol, rate_propofol, duration_propofol
    central_propofol, fast_propofol, slow_propofol, concentration_propofol
    cl_remifentanil, v1_remifentanil, q2_remifentanil, v2_remifentanil, q3_remifentanil, v3_remifentanil
    rate_remifentanil, duration_remifentanil
    central_remifentanil, fast_remifentanil, slow_remifentanil, concentration_remifentanil

Of organs/anaesthesia, which concentrations reach:

    ke0_propofol, ke0_remifentanil, c50_propofol, c50_remifentanil, gamma, gamma_low, beta, e0, emax
    c50_tolerance, gamma_tolerance, c50_opioid, gamma_opioid, laryngoscopy
    site_propofol, site_remifentanil, effect_site_propofol, effect_site_remifentanil, bis, tolerance

Routes: propofol and remifentanil take boluses and infusions, propofol_infusion and remifentanil_infusion last
`duration_propofol` and `duration_remifentanil` unless the dose says otherwise. Amounts are mg of both.

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
