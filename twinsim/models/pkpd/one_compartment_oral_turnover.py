"""Warfarin: one compartment with first-order absorption, holding back the synthesis of clotting factors.

    d depot/dt    = -ka depot
    d central/dt  =  ka depot - cl/v central
    concentration =  central / v
    d pca/dt      =  kout (e0 (1 - imax concentration / (ic50 + concentration)) - pca),  pca = e0 at the beginning

Routes: oral into the depot, after `lag` and with bioavailability `f`; iv into central.

Source: pk/one_compartment_oral and pd/turnover_pca, with theirs.
"""

from twinsim.models.couple import couple
from twinsim.models.pd import turnover_pca
from twinsim.models.pk import one_compartment_oral

structure = couple(
    "pkpd/one_compartment_oral_turnover",
    {"pk": one_compartment_oral.structure, "pd": turnover_pca.structure},
)
