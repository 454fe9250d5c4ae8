"""A drug whose enzyme CYP3A4 another drug inhibits, induces and destroys, in liver and gut wall. Amounts in mg.

    taken of the victim by CYP3A4     clint_cyp3a4_victim e c / (1 + i/ki_cyp3a4_perpetrator)
    in the gut wall                   clint_gut_cyp3a4_victim e c / (1 + i/ki_cyp3a4_perpetrator)
    by what remains                   clint_other_victim c;   of the perpetrator clint_metabolism_perpetrator i
    d e/dt = kdeg (1 + emax_cyp3a4_perpetrator i / (ec50_cyp3a4_perpetrator + i))
             - (kdeg + kinact_cyp3a4_perpetrator i / (kapp_cyp3a4_perpetrator + i)) e,   e = 1 at the beginning

e is enzyme_cyp3a4_liver with kdeg_cyp3a4_liver, or enzyme_cyp3a4_gut with kdeg_cyp3a4_gut; c and i are unbound:
fu <tissue>/(v_<tissue> kp) in the liver, fu_gut_<substance> enterocytes_<substance>/v_enterocytes in the gut wall;
there fu arterial/(v_arterial bp) of the perpetrator adds to i.
An effect that a drug does not have: ki_cyp3a4_perpetrator = 1e9, emax_cyp3a4_perpetrator = 0,
kinact_cyp3a4_perpetrator = 0.

All else as in pbpk/whole_body, once for each substance, with enterocytes as in pbpk/whole_body_transit: states
lumen_<substance>, <tissue>_<substance>, arterial_<substance>, venous_<substance>, metabolised_liver_<substance>,
metabolised_gut_victim, urine_<substance>, faeces_<substance>; parameters common to both v_<tissue>, q_<tissue>,
v_arterial, v_venous, portal_shunt, gfr, q_villi; of each kp_<tissue>_<substance>, bp_<substance>, fu_<substance>,
filtered_fraction_<substance>, ka_<substance>, fa_<substance>, lag_<substance>, clperm_<substance>; outputs
concentration_<substance>, concentration_<tissue>_<substance>, urine_<substance>, and both enzymes.

Substances: victim, perpetrator. Tissues: adipose, bone, brain, gonads, gut, heart, kidney, liver, lung, muscle,
pancreas, rest, skin, spleen.

Routes: oral_victim, iv_victim, oral_perpetrator, iv_perpetrator.

Source: FDA 2020, In vitro drug interaction studies, guidance for industry; Asaumi et al. 2018, CPT Pharmacometrics Syst
Pharmacol, doi:10.1002/psp4.12275, CYP3A4 under rifampicin.
"""

from twinsim.models.pbpk import Pathway, Substance, pbpk

_ON_CYP3A4 = ("cyp3a4",)

structure = pbpk(
    "pbpk/two_drugs",
    (
        Substance(
            "victim",
            pathways=(Pathway("cyp3a4", enzyme="cyp3a4", sites=("liver", "gut")), Pathway("other")),
            gut_wall="enterocytes",
        ),
        Substance(
            "perpetrator",
            gut_wall="enterocytes",
            inhibits=_ON_CYP3A4,
            induces=_ON_CYP3A4,
            inactivates=_ON_CYP3A4,
        ),
    ),
)
