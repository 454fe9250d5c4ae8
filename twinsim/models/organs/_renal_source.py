"""Where the numbers of the kidney come from, and curves that several of its parts share."""

import jax.numpy as jnp

PAPER = "Hallow and Gebremichael 2017, CPT Pharmacometrics Syst Pharmacol 6:383-392"
HUMAN = f"{PAPER}; authors' code hallowkm/RenalModel, calcNomParams_human.R"
CODE = f"{PAPER}; authors' code hallowkm/RenalModel, modelfile.R"
FACTOR = (0.0, 10.0)
FRACTION = (0.0, 1.0)


def curve(x):
    """From -1/2 to 1/2, 0 at 0: a regulator 1 - scale/2 + scale / (1 + exp(-x)) of the source is 1 + scale curve(x)."""
    return jnp.tanh(x / 2.0) / 2.0
