"""A drug and its metabolite in one whole body. Amounts in mg.

    taken by the liver         clint_conversion_parent c and clint_other_parent c,
                               c = fu_parent liver_parent / (v_liver kp_liver_parent)
    d liver_metabolite/dt      gains  formed_conversion_parent clint_conversion_parent c
                                      molar_mass_metabolite / molar_mass_parent
    taken of the metabolite    clint_metabolism_metabolite, in the same way

All else as in pbpk/whole_body, once for each substance: states lumen_parent, <tissue>_<substance>,
arterial_<substance>, venous_<substance>, metabolised_liver_<substance>, urine_<substance>, faeces_parent; parameters
common to both v_<tissue>, q_<tissue>, v_arterial, v_venous, portal_shunt, gfr; of each kp_<tissue>_<substance>,
bp_<substance>, fu_<substance>, filtered_fraction_<substance>; ka_parent, fa_parent, lag_parent; outputs
concentration_<substance>, concentration_<tissue>_<substance>, urine_<substance>.

Substances: parent, metabolite. Tissues: adipose, bone, brain, gonads, gut, heart, kidney, liver, lung, muscle,
pancreas, rest, skin, spleen.

Routes: oral_parent, iv_parent, iv_metabolite.

Source: Jones and Rowland-Yeo 2013, CPT Pharmacometrics Syst Pharmacol 2:e63.
"""

from twinsim.models.pbpk import Pathway, Substance, pbpk

structure = pbpk(
    "pbpk/parent_metabolite",
    (
        Substance("parent", pathways=(Pathway("conversion", makes="metabolite"), Pathway("other"))),
        Substance("metabolite", absorption=None),
    ),
)
