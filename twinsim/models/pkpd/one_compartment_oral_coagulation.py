"""One compartment with first-order absorption, and INR: S-warfarin by mouth.

Routes: oral into the depot, after `lag` and with bioavailability `f`; iv into central. Of racemic warfarin f is a half.

Source: pk/one_compartment_oral and organs/coagulation, with theirs.
"""

from twinsim.models.couple import couple
from twinsim.models.organs import coagulation
from twinsim.models.pk import one_compartment_oral

structure = couple(
    "pkpd/one_compartment_oral_coagulation",
    {"pk": one_compartment_oral.structure, "coagulation": coagulation.structure},
)
