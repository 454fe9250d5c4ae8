"""Whole-body structures of organs joined by blood (PBPK), and `pbpk`, which builds one out of choices.

The ready-made ones are a file each; the parts they are built from begin with an underscore:

    _substance     what is asked for: substances, pathways, interactions
    _body          those choices together, checked, and the names they lead to
    _organs        reference man: volumes, flows, which vein
    _circulation   blood and tissues
    _metabolism    enzymes, pathways in liver and gut wall, bile
    _kidney        filtration, secretion, reabsorption
    _gut           from the mouth to the portal vein
    _build         all of it in one structure
"""

from twinsim.models.pbpk._build import pbpk
from twinsim.models.pbpk._organs import TISSUES
from twinsim.models.pbpk._substance import Pathway, Substance

__all__ = ["TISSUES", "Pathway", "Substance", "pbpk"]
