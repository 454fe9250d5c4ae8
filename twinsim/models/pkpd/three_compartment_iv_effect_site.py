"""Three compartments, an effect site and a sigmoid effect: the shape of most anaesthetic models.

    d central/dt     = -(cl + q2 + q3)/v1 central + q2/v2 fast + q3/v3 slow
    d fast/dt        =  q2/v1 central - q2/v2 fast
    d slow/dt        =  q3/v1 central - q3/v3 slow
    concentration    =  central / v1
    d effect_site/dt =  ke0 (concentration - effect_site)
    effect           =  e0 + emax effect_site^gamma / (ec50^gamma + effect_site^gamma)
    effect_site_concentration = effect_site

Routes: iv takes a bolus or an infusion; infusion lasts `duration` unless the dose says otherwise. `rate` and
`duration` also answer doses with a modelled rate or duration.

Source: pk/three_compartment_iv, pd/effect_compartment and pd/sigmoid_emax, with theirs.
"""

from twinsim.models.couple import couple
from twinsim.models.pd import effect_compartment, sigmoid_emax
from twinsim.models.pk import three_compartment_iv

structure = couple(
    "pkpd/three_compartment_iv_effect_site",
    {"pk": three_compartment_iv.structure, "site": effect_compartment.structure, "effect": sigmoid_emax.structure},
    connect={
        "site.concentration": "pk.concentration",
        "effect.concentration": "site.effect_site_concentration",
    },
)
