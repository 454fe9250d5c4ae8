"""Two compartments with first-order absorption; the drug holds back what builds a response.

    d depot/dt      = -ka depot
    d central/dt    =  ka depot - (cl + q)/v1 central + q/v2 peripheral
    d peripheral/dt =  q/v1 central - q/v2 peripheral
    concentration   =  central / v1
    d response/dt   =  kin (1 - imax concentration / (ic50 + concentration)) - kout response
    response at the beginning = kin/kout

Routes: oral into the depot, after `lag` and with bioavailability `f`; iv into central.

Source: pk/two_compartment_oral and pd/inhibition_of_input, with theirs.
"""

from twinsim.models.couple import couple
from twinsim.models.pd import inhibition_of_input
from twinsim.models.pk import two_compartment_oral

structure = couple(
    "pkpd/two_compartment_oral_inhibition",
    {"pk": two_compartment_oral.structure, "pd": inhibition_of_input.structure},
)
