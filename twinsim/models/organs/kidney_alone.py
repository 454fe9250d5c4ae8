"""Kidneys with the body fluids and the circulation of their own source: the published model, closed, with a rest.

Source: organs/kidney, organs/body_fluids and organs/systemic_hallow, with theirs.
"""

from twinsim.models.couple import couple
from twinsim.models.organs import body_fluids, kidney, systemic_hallow

structure = couple(
    "organs/kidney_alone",
    {"kidney": kidney.structure, "fluids": body_fluids.structure, "systemic": systemic_hallow.structure},
)
