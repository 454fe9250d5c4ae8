"""A whole body of 14 perfusion-limited tissues for one drug, swallowed or given into a vein. Amounts in mg.

    d lumen/dt     = -ka lumen                                              fa of it is absorbed into portal blood
    d <tissue>/dt  =  q_<tissue> (arterial/v_arterial - out)                out = bp <tissue> / (v_<tissue> kp_<tissue>)
    d liver/dt     =  q_liver arterial/v_arterial + (1 - portal_shunt) portal - q out - taken
                      portal = ka fa lumen + sum of q_<tissue> out over gut, pancreas and spleen
                      q = q_liver + (1 - portal_shunt) (q_gut + q_pancreas + q_spleen)
                      taken = clint_metabolism fu liver / (v_liver kp_liver)
    d kidney/dt    =  the same as a tissue - filtered,   filtered = filtered_fraction gfr fu arterial / (v_arterial bp)
    d lung/dt      =  co (venous/v_venous - out),   co = sum of all q_<tissue>
    d arterial/dt  =  co (out of the lung - arterial/v_arterial)
    d venous/dt    =  sum of q_<tissue> out over the others + q out of the liver + portal_shunt portal
                      - co venous/v_venous
    d urine/dt = filtered,   d metabolised_liver/dt = taken,   d faeces/dt = (1 - fa) ka lumen
    concentration          = venous / (v_venous bp),   in plasma
    concentration_<tissue> = <tissue> / v_<tissue>

Tissues: adipose, bone, brain, gonads, gut, heart, kidney, liver, lung, muscle, pancreas, rest, skin, spleen. The sum of
all states is what was given.

Routes: oral into the lumen, after `lag`; iv into venous.

Source: Jones and Rowland-Yeo 2013, CPT Pharmacometrics Syst Pharmacol 2:e63, doi:10.1038/psp.2013.41; the liver is well
stirred, Pang and Rowland 1977, J Pharmacokinet Biopharm 5:625.
"""

from twinsim.models.pbpk import pbpk

structure = pbpk("pbpk/whole_body")
