"""Circulation and lung of one patient.

The lung takes cardiac output, the circulation the arterial gas pressures; oxygen consumption is one need of both. No
output needs itself at one instant: arterial pressures of gas follow from alveoli and venous blood, which are states.

Routes: bleeding takes blood, transfusion gives it.

Source: organs/circulation and organs/lung, with theirs.
"""

from twinsim.models.couple import couple
from twinsim.models.organs import circulation, lung

structure = couple("organs/heart_lung", {"circulation": circulation.structure, "lung": lung.structure}, time="s")
