"""Three compartments, dosed into blood, and the neutrophils of a patient whose marrow the drug reaches.

Routes: iv takes a bolus or an infusion; infusion lasts `duration` unless the dose says otherwise.

Source: pk/three_compartment_iv and organs/marrow, with theirs.
"""

from twinsim.models.couple import couple
from twinsim.models.organs import marrow
from twinsim.models.pk import three_compartment_iv

structure = couple(
    "pkpd/three_compartment_iv_marrow",
    {"marrow": marrow.structure, "pk": three_compartment_iv.structure},
)
