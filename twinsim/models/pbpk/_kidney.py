"""What the kidney does with a substance: filtration of arterial plasma, secretion from its cells, reabsorption.

    filtered   = filtered_fraction gfr fu arterial / bp
    secreted   = clint_secretion c / (1 + c/km_secretion),   c unbound in the kidney
    urine      = (1 - reabsorbed) (filtered + secreted)

What is reabsorbed returns to the kidney. Renal clearance of plasma without secretion is filtered_fraction gfr fu.
"""

from __future__ import annotations

from typing import Any

from twinsim.models.pbpk._body import Body, Declared
from twinsim.models.pbpk._circulation import unbound
from twinsim.models.pbpk._substance import Substance
from twinsim.models.structure import POSITIVE, Parameter, State

_GUYTON = "Guyton, Textbook of medical physiology, 2006: 180 L/d"


def declared(substance: Substance) -> Declared:
    """Parameters of the processes that were chosen, and urine."""
    found = Declared()
    if not substance.renal:
        return found
    if "filtration" in substance.renal:
        found.shared.append(Parameter("gfr", "L/h", 7.5, "glomerular filtration rate", _GUYTON))
        share = "fraction of unbound drug that is filtered with its water"
        found.own.append(Parameter("filtered_fraction", "1", 1.0, share, "assumed"))
    if is_secreted(substance):
        secretion = "clearance of unbound drug in kidney cells into urine"
        found.own.append(Parameter("clint_secretion", "L/h", 5.0, secretion, "assumed"))
    if "saturable_secretion" in substance.renal:
        half = "unbound concentration that halves the clearance of secretion"
        found.own.append(Parameter("km_secretion", "mg/L", 10.0, half, "assumed", POSITIVE))
    if "reabsorption" in substance.renal:
        back = "fraction of what was filtered and secreted that is reabsorbed"
        found.own.append(Parameter("reabsorbed", "1", 0.5, back, "assumed", (0.0, 1.0)))
    found.states.append(State("urine", "mg", "amount excreted in urine"))
    return found


def is_secreted(substance: Substance) -> bool:
    return "secretion" in substance.renal or "saturable_secretion" in substance.renal


def excretion(body: Body, substance: Substance, x: Any, p: Any) -> tuple[Any, Any, Any]:
    """What is filtered, what leaves kidney cells on balance, and what reaches urine [mg/h]."""
    filtered = secreted = 0.0
    if "filtration" in substance.renal:
        filtered = p.filtered_fraction * p.gfr * p.fu * (x.arterial / p.v_arterial) / p.bp
    if is_secreted(substance):
        free = unbound(body, "kidney", x, p)
        secreted = p.clint_secretion * free
        if "saturable_secretion" in substance.renal:
            secreted = secreted / (1.0 + free / p.km_secretion)
    urine = filtered + secreted
    if "reabsorption" not in substance.renal:
        return filtered, secreted, urine
    back = p.reabsorbed * urine
    return filtered, secreted - back, urine - back
