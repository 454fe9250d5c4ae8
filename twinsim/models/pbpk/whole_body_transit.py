"""pbpk/whole_body with a gut in which a tablet dissolves, moves on, and passes through enterocytes. Amounts in mg.

    stomach, intestine<i> (1 to 7) and colon hold what is dissolved; the rest is in solid_stomach, solid_intestine<i>
    and solid_colon:
    d solid_intestine<i>/dt = kt solid_intestine<i - 1> - kt solid_intestine<i> - dissolving
    d intestine<i>/dt       = kt intestine<i - 1> - (kt + ka) intestine<i> + dissolving
                              kt = 7/transit_time,   ka = 2 peff/radius,   dissolving = kdiss solid_intestine<i>
    the stomach empties at gastric_emptying, the colon at 1/colon_time into faeces; it absorbs at colon_absorption ka
    d enterocytes/dt        = absorbed - (qgut + fu_gut clint_gut_metabolism) enterocytes/v_enterocytes
                              qgut = q_villi clperm / (q_villi + clperm),   qgut enterocytes/v_enterocytes is portal
    d metabolised_gut/dt    = fu_gut clint_gut_metabolism enterocytes/v_enterocytes

Tissues and blood as in pbpk/whole_body: states <tissue>, arterial, venous, metabolised_liver, urine; parameters
v_<tissue>, q_<tissue>, kp_<tissue>, v_arterial, v_venous, portal_shunt, bp, fu, clint_metabolism, gfr,
filtered_fraction; outputs concentration, concentration_<tissue>, urine. Tissues: adipose, bone, brain, gonads, gut,
heart, kidney, liver, lung, muscle, pancreas, rest, skin, spleen.

Routes: oral, a tablet, into solid_stomach after `lag`; a dose into the state stomach is a solution; iv into venous.

Source: Yu and Amidon 1999, Int J Pharm 186:119; Yang et al. 2007, Curr Drug Metab 8:676, enterocytes; Jones and
Rowland-Yeo 2013, CPT Pharmacometrics Syst Pharmacol 2:e63.
"""

from twinsim.models.pbpk import Pathway, Substance, pbpk

structure = pbpk(
    "pbpk/whole_body_transit",
    (
        Substance(
            "drug",
            pathways=(Pathway("metabolism", sites=("liver", "gut")),),
            absorption="transit",
            dissolution="first_order",
            gut_wall="enterocytes",
        ),
    ),
)
