"""One compartment with first-order absorption, and INR: S-warfarin by mouth.

    d depot/dt    = -ka depot
    d central/dt  =  ka depot - cl/v central,      concentration = central/v
    inhibition    =  emax concentration^gamma/(ec50^gamma + concentration^gamma)
    d fast1/dt    =  3/mtt1 (1 - inhibition - fast1),   and on through fast2 and fast3
    d slow1/dt    =  3/mtt2 (1 - inhibition - slow1),   and on through slow2 and slow3
    inr           =  inr0 + inr_max (1 - (fast3 + slow3)/2)

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
