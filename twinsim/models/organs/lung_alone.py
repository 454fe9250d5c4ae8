"""Lung of a patient who breathes the air of an altitude, with or without oxygen, and rests or works.

    states of organs/circumstances: altitude, inspired_oxygen_fraction, inspired_carbon_dioxide_fraction, exercise
    what they give is what organs/lung needs; nobody bleeds here

Needs: cardiac_output, haemoglobin, bicarbonate, all with the default of a resting adult.

Source: organs/lung and organs/circumstances, with theirs.
"""

from twinsim.models.couple import couple
from twinsim.models.held import held
from twinsim.models.organs import circumstances, lung

structure = couple(
    "organs/lung_alone",
    {"lung": lung.structure, "circumstances": held(circumstances.structure, {"bleeding": 0.0})},
)
