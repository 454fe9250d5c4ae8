"""Three compartments, dosed into blood, and the neutrophils of a patient whose marrow the drug reaches.

    d central/dt       = -(cl + q2 + q3)/v1 central + q2/v2 fast + q3/v3 slow,    concentration = central/v1
    d fast/dt          =  q2/v1 central - q2/v2 fast
    d slow/dt          =  q3/v1 central - q3/v3 slow
    d proliferating/dt =  k proliferating ((1 - slope concentration/molar_mass) (circ0/circulating)^gamma - 1)
    d transit1/dt      =  k (proliferating - transit1),   and on through transit2, transit3 and circulating
    neutrophils        =  circulating,    k = 4/mtt

Routes: iv takes a bolus or an infusion; infusion lasts `duration` unless the dose says otherwise. `rate`
and `duration` also answer doses with a modelled rate or duration.

Source: pk/three_compartment_iv and organs/marrow, with theirs.
"""

from twinsim.models.couple import couple
from twinsim.models.organs import marrow
from twinsim.models.pk import three_compartment_iv

structure = couple(
    "pkpd/three_compartment_iv_marrow",
    {"marrow": marrow.structure, "pk": three_compartment_iv.structure},
)
